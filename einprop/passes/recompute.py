"""Tensors that are not kept until they are read again, but computed again: less memory, more work.

At the moment at which most memory is in use, the tensors that wait there for later readers are looked
at: what is computed cell by cell is computed again first, then products, those first that cost least
for the bytes that they free. What they are computed from must be there, or is computed again too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from einprop.analysis.core import map_accesses
from einprop.analysis.dependence import is_contribution, live
from einprop.analysis.indices import equation_indices
from einprop.analysis.recurrence import numbers
from einprop.errors import InputError
from einprop.notation.printer import to_text
from einprop.notation.tree import Access, Call, Equation, reads
from einprop.passes.builder import Builder, letters
from einprop.passes.decisions import Decision, in_words
from einprop.passes.sized import SizedProgram

__all__ = ["recompute"]

_TRIES = 24
"""So many of the tensors that wait are tried, the cheapest first, before it is given up."""

_LONGEST = 32
"""So many equations are computed again for one tensor at most."""

_CLOSER = 0.9


def recompute(
    program: SizedProgram, limit: int, item: int, measure: Callable[[SizedProgram], int]
) -> SizedProgram:
    """The flat program with tensors computed again where they are read late, within a limit.

    Args:
        program: Flat, and not to be simplified again: that would undo it.
        limit: How many bytes the intermediates of one call may take.
        item: The bytes of one number.
        measure: How many they do take.

    Raises:
        InputError: It cannot be had; the message says the least that was found.
    """
    found, least = program, measure(program)
    target = float(limit)
    while least > limit:
        waiting = _lowered(found, item, target)
        if waiting is None:
            raise InputError(
                f"memory_limit is {limit:,} bytes, and the intermediates of one call take at least "
                f"{least:,} at these sizes",
                (),
                "raise memory_limit, or pass smaller batches",
            )
        found = waiting
        least = min(least, measure(found))
        target = min(target, _CLOSER * _Memory(found, item).peak)
    return found


def _lowered(program: SizedProgram, item: int, target: float) -> SizedProgram | None:
    """The program with its peak below a target, as far as an estimate can tell; None if stuck."""
    start = memory = _Memory(program, item)
    while memory.peak > target:
        better = next(memory.lighter(target), None)
        if better is None:
            break
        memory = better
    return memory.program if memory is not start else None


@dataclass(frozen=True)
class _Again:
    """A tensor that could be computed again behind the peak.

    Attributes:
        name: The tensor.
        chain: The numbers of the equations to repeat, its own last.
        late: The number of the first equation that reads it behind the peak.
        cost: Whether there are products among them, and operations for each byte.
    """

    name: str
    chain: tuple[int, ...]
    late: int
    cost: tuple[bool, float]


@dataclass(frozen=True)
class _Memory:
    """How many bytes of intermediates wait at each equation; inputs and outputs are not counted."""

    program: SizedProgram
    item: int
    known: dict[int, tuple[Equation, tuple[str, ...]]] = field(default_factory=dict)
    """What equations read, by their identity: most of them stay from one program to the next."""

    def read(self, equation: Equation) -> tuple[str, ...]:
        """The tensors that an equation reads."""
        found = self.known.get(id(equation))
        if found is None:
            names = tuple(dict.fromkeys(access.name for access in reads(equation)))
            found = self.known[id(equation)] = (equation, names)
        return found[1]

    @property
    def equations(self) -> Sequence[Equation]:
        """The program's equations."""
        return self.program.equations

    @cached_property
    def made(self) -> dict[str, int]:
        """By tensor, the number of the first equation that writes it."""
        found: dict[str, int] = {}
        for number, equation in enumerate(self.equations):
            found.setdefault(equation.target.name, number)
        return found

    @cached_property
    def used(self) -> dict[str, list[int]]:
        """By tensor, the numbers of the equations that read it or go on writing it."""
        found: dict[str, list[int]] = {}
        for number, equation in enumerate(self.equations):
            for name in (*self.read(equation), equation.target.name):
                found.setdefault(name, []).append(number)
        return found

    @cached_property
    def fixed(self) -> set[str]:
        """The tensors that cannot be computed again: outputs, assembled ones, those of a recurrence."""
        found = {e.target.name for e in self.equations if is_contribution(e)}
        cycles = (number for loop in self.program.loops() for number in numbers(loop))
        found.update(self.equations[number].target.name for number in cycles)
        return found.union(self.program.outputs)

    def bytes(self, name: str) -> int:
        """What a tensor takes of the memory for intermediates."""
        if name in self.program.outputs or name not in self.made:
            return 0
        target = self.equations[self.made[name]].target
        return self.item * self.program.size(self.program.axes.get(name) or letters(target))

    @cached_property
    def profile(self) -> list[int]:
        """The bytes that are in use while each equation runs."""
        change = [0] * (len(self.equations) + 1)
        for name, first in self.made.items():
            size = self.bytes(name)
            change[first] += size
            change[self.used[name][-1] + 1] -= size
        total, found = 0, []
        for step in change[:-1]:
            total += step
            found.append(total)
        return found

    @property
    def peak(self) -> int:
        """The most bytes that are in use at once."""
        return max(self.profile, default=0)

    def excess(self, target: float) -> float:
        """How far the profile is above a target, over all equations."""
        return sum(used - target for used in self.profile if used > target)

    def lighter(self, target: float) -> Iterator[_Memory]:
        """Programs with less above the target, the one first that costs least for what it frees."""
        moment = self.profile.index(self.peak)
        waiting = [again for name in self.made if (again := self.again(name, moment))]
        excess = self.excess(target)
        for again in sorted(waiting, key=lambda found: found.cost)[:_TRIES]:
            other = _Memory(self.repeated(again), self.item, self.known)
            if other.excess(target) < excess:
                yield other

    def again(self, name: str, moment: int) -> _Again | None:
        """How a tensor that waits at a moment is computed again, if it can be."""
        later = [number for number in self.used[name] if number > moment]
        size = self.bytes(name)
        if not later or not size or moment in self.used[name] or self.made[name] > moment:
            return None
        chain = self.chain(name, later[0], moment)
        if chain is None:
            return None
        repeated = [self.equations[number] for number in chain]
        work = sum(self.program.size(equation_indices(equation)) for equation in repeated)
        return _Again(name, chain, later[0], (any(map(_contracts, repeated)), work / size))

    def chain(self, name: str, late: int, moment: int) -> tuple[int, ...] | None:
        """The equations that give a tensor again, from what is there behind a moment."""
        found: set[int] = set()
        pending = [name]
        while pending:
            number = self.made[(current := pending.pop())]
            if current in self.fixed or len(found) > _LONGEST:
                return None
            found.add(number)
            for other in self.read(self.equations[number]):
                there = self.used.get(other, [late])[-1] > moment
                if not (there or self.bytes(other) == 0 or self.made[other] in found):
                    pending.append(other)
        return tuple(sorted(found))

    def repeated(self, again: _Again) -> SizedProgram:
        """The program that computes a tensor again for those that read it late."""
        builder = Builder(self.program.sizes, self.program.names)
        new = {self.equations[n].target.name: builder.fresh_name() for n in again.chain}
        copies = [_renamed(self.equations[number], new) for number in again.chain]
        late = {again.name: new[again.name]}
        before = self.equations[: again.late]
        behind = [
            _renamed(equation, late) if again.name in self.read(equation) else equation
            for equation in self.equations[again.late :]
        ]
        equations = [*before, *copies, *behind]
        if all(number >= again.late for number in self.used[again.name][1:]):
            # What only late readers had has moved down to them.
            equations = live(equations, self.program.outputs)
        axes = {new[name]: own for name, own in self.program.axes.items() if name in new}
        return replace(
            self.program,
            equations=tuple(equations),
            axes={**self.program.axes, **axes},
            temporaries=self.program.temporaries.union(new.values()),
            decisions=(*self.program.decisions, self.decision(again)),
        )

    def decision(self, again: _Again) -> Decision:
        equation = self.equations[self.made[again.name]]
        defined = {e.target.name: e for e in self.equations if not is_contribution(e)}
        if self.program.is_temporary(again.name):
            text = in_words(equation.expression, defined, self.program.temporaries)
        else:
            # A pass ends its own cotangents in an underscore.
            text = to_text(replace(equation.target, name=again.name.rstrip("_")))
        return Decision("recomputed", text, self.bytes(again.name), "bytes")


def _contracts(equation: Equation) -> bool:
    return isinstance(equation.expression, Call) and bool(equation.expression.indices)


def _renamed(equation: Equation, names: Mapping[str, str]) -> Equation:
    """The equation with tensors under other names, read or written."""

    def other(access: Access) -> Access:
        name = names.get(access.name)
        return access if name is None else replace(access, name=name)

    return map_accesses(equation, other)
