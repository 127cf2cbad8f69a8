"""Reverse mode: for every read of a tensor an equation that adds to its cotangent.

For an equation ``y[s] = E`` and a read ``x[r]`` in E the rule is

    x.grad[r] += y.grad[s] · dE/dx[r]

summed over every index that is not in r, because it is not on the left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from einprop.analysis.cells import SizeOf
from einprop.analysis.declared import Line
from einprop.analysis.dependence import by_target, operands, reached, readers
from einprop.analysis.indices import (
    fresh_index,
    is_plain,
    rename_apart,
    rename_indices,
    target_indices,
)
from einprop.analysis.recurrence import in_order, read_early
from einprop.calculus.axes import Domains, axis_letters
from einprop.calculus.elide import sum_over
from einprop.calculus.extrema import chosen, holds_value, ties
from einprop.calculus.lines import Emitted, Lines
from einprop.calculus.partials import Contribution, Linearisation, Partial
from einprop.notation.tree import Access, Equation, Expression, Index, Number

__all__ = ["Adjoint", "Use", "cotangent_equation", "reverse"]


@dataclass(frozen=True, slots=True)
class Use:
    """One read of a tensor by an equation, and what it counts for.

    Attributes:
        equation: The equation, from which nothing hidden is derived.
        seed: The cotangent of its target, at the subscripts that it writes.
        choice: What a change of its right side counts for, where ``max=`` chooses; else None.
        found: The read, what the cotangent is multiplied by on the way to it, and the way.
    """

    equation: Equation
    seed: Access
    choice: Partial | None
    found: Contribution

    @property
    def added(self) -> Expression:
        """What is added to the cotangent of what is read, where it is read."""
        kept = target_indices(self.found.read)
        summed = tuple(i for i in self.found.context if i not in kept)
        return sum_over(summed, self.found.factor)


@dataclass(frozen=True)
class Adjoint:
    """The adjoint of a program.

    Attributes:
        equations: The cotangents' equations, in an order in which they can run.
        seeds: By differentiated tensor, the cotangent that must be given from outside.
        gradients: By input, the tensor that holds its gradient; inputs that nothing differentiated
            depends on are absent.
        written: Those of the equations that the program declares, each as it writes it.
        uses: For each equation the use that it is the cotangent of, if of one.
    """

    equations: tuple[Equation, ...]
    seeds: dict[str, str]
    gradients: dict[str, str]
    written: dict[Equation, Equation] = field(default_factory=dict)
    uses: tuple[Use | None, ...] = field(default=(), compare=False)


def reverse(
    equations: Sequence[Equation],
    of: Sequence[str],
    wrt: Sequence[str],
    suffix: str = "grad",
    axes: Mapping[str, tuple[str, ...]] | None = None,
    lines: Sequence[Line] = (),
    size_of: SizeOf = lambda index: None,
) -> Adjoint:
    """The adjoint equations of core equations.

    Args:
        equations: The forward program.
        of: The tensors that are differentiated; each is seeded with a cotangent of its shape.
        wrt: The inputs whose gradients are wanted.
        suffix: What the names of cotangents end in.
        axes: Letters for the axes of tensors, where they are known.
        lines: What the program declares of its adjoint; the equations have that hidden.
        size_of: Gives sizes of letters, where they are known: they may decide about the order.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> for equation in reverse(parse("y[b,j] = sum[i](x[b,i] W[i,j])"), ["y"], ["W"]).equations:
    ...     print(to_text(equation))
    W.grad[i,j] += sum[b](y.grad[b,j] x[b,i])
    """
    early = read_early(equations)
    sweep = _Sweep(reached(readers(equations), wrt), frozenset(of), suffix, axes or {})
    # What a cycle reads before it is complete is reached if anything that needs it is.
    cyclic = reached(operands(equations), of) & early
    sweep.reached.update((cyclic | set(of)) & sweep.active)
    declared = Lines(lines, suffix)
    groups = by_target(equations)
    # The tensor that is complete last comes first.
    for name in dict.fromkeys(e.target.name for e in reversed(equations)):
        if name in sweep.reached:
            sweep.visit(name, groups[name], recurs=name in early)
        sweep.declare(declared.after(name, sweep.reached))
    sweep.equations += _dead(equations, early & sweep.reached - set(of), sweep)
    gradients = {name: f"{name}.{suffix}" for name in wrt if name in sweep.reached}
    adjoint = (*ties(equations, sweep.reached), *sweep.equations)
    ordered = in_order(adjoint, size_of) if early else adjoint
    uses = tuple([sweep.uses.get(id(equation)) for equation in ordered])
    return Adjoint(ordered, sweep.seeds, gradients, sweep.written, uses)


class _Sweep:
    """The tensors visited so far, and the equations that their cotangents flow through."""

    def __init__(
        self,
        active: set[str],
        of: frozenset[str],
        suffix: str,
        axes: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.active = active
        self.axes = axes
        self.of = of
        self.suffix = suffix
        self.reached: set[str] = set()
        self.accumulated: set[str] = set()
        self.seeds: dict[str, str] = {}
        self.equations: list[Equation] = []
        self.written: dict[Equation, Equation] = {}
        # By the identity of an equation: two uses may have equal ones.
        self.uses: dict[int, Use] = {}

    def add(self, name: str, equation: Equation) -> None:
        """Add to the cotangent of a tensor."""
        self.reached.add(name)
        self.equations.append(equation)
        self.accumulated.add(equation.target.name)

    def declare(self, lines: Iterable[Emitted]) -> None:
        """Take what the program declares instead of what could be derived."""
        for line in lines:
            if line.of is None:
                self.equations.append(line.equation)
            elif line.of in self.active:
                self.add(line.of, line.equation)
            self.written[line.equation] = line.written

    def visit(self, name: str, group: Sequence[Equation], *, recurs: bool) -> None:
        """Carry the cotangent of a tensor to what its equations read."""
        cotangent = f"{name}.{self.suffix}"
        if name in self.of:
            shared = recurs or cotangent in self.accumulated
            # As for the cotangents, a second derivation's seeds have a number.
            seed = self.suffix.replace("grad", "seed")
            self.seeds[name] = f"{name}.{seed}" if shared else cotangent
            if shared:
                letters = self.axes.get(name, _written_letters(group))
                self.equations.append(_seed_equation(name, letters, self.seeds[name], self.suffix))
        single = holds_value(group)
        for equation in group:
            domains = Domains.of(equation)
            for use in _uses(equation, self.active, self.suffix, single):
                adjoint = cotangent_equation(domains, use.found.read, use.added, self.suffix)
                self.add(use.found.read.name, adjoint)
                self.uses[id(adjoint)] = use


def _dead(equations: Sequence[Equation], names: set[str], sweep: _Sweep) -> Iterator[Equation]:
    """Zero cotangents for what turned out to carry nothing though a cycle reads it."""
    for name in sorted(names):
        if f"{name}.{sweep.suffix}" not in sweep.accumulated:
            target = next(e.target for e in equations if e.target.name == name)
            yield Equation(replace(target, name=f"{name}.{sweep.suffix}"), "+=", Number(0))


def _written_letters(group: Sequence[Equation]) -> tuple[str, ...]:
    """Letters for the axes of a tensor: those of an equation that writes all of it, if one does."""
    plain = (e.target for e in group if is_plain(e.target))
    return axis_letters(next(plain, group[-1].target))


def _seed_equation(name: str, letters: Iterable[str], seed: str, suffix: str) -> Equation:
    """The cotangent that is given from outside, added once to every cell."""
    subscripts = tuple(Index(i) for i in letters)
    return Equation(Access(f"{name}.{suffix}", subscripts), "+=", Access(seed, subscripts))


def cotangent_equation(
    domains: Domains, target: Access, expression: Expression, suffix: str
) -> Equation:
    """What adds an expression to the cotangent of a tensor, at the subscripts of an access to it.

    Primes are taken off the indices on the left where the inner ones can take them.

    Args:
        domains: Of the equation that it is derived from.
        target: The access.
        expression: What is added.
        suffix: What the names of cotangents end in.
    """
    plain: dict[str, str] = {}
    for index in target_indices(target):
        plain[index] = fresh_index(index, plain.values())
    left = rename_indices(Access(f"{target.name}.{suffix}", target.subscripts), plain)
    assert isinstance(left, Access)
    right = rename_indices(expression, {old: new for old, new in plain.items() if old != new})
    right = rename_apart(right, frozenset(plain.values()))
    return domains.told(Equation(left, "+=", right, place=target.place))


def _uses(equation: Equation, active: set[str], suffix: str, single: bool) -> Iterator[Use]:
    """Each read of an active tensor, and what it counts for."""
    walker = Linearisation.of(equation, active, single=single)
    target = equation.target
    choice = None if single else chosen(equation)
    seed = Access(f"{target.name}.{suffix}", target.subscripts)
    start = seed if choice is None else choice.reverse(seed)
    for found in walker.contributions(equation.expression, start, target_indices(target)):
        yield Use(equation, seed, choice, found)
