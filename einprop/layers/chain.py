"""The equations of a chain of layers while it is written, one layer behind the other."""

from __future__ import annotations

import string
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import count

from einprop.analysis.indices import is_plain, numbered, unprimed
from einprop.errors import IndexTypeError
from einprop.layers.fans import Parameter
from einprop.layers.lift import access_with_batch_axes, at_subscripts, with_batch_axes
from einprop.layers.noise import Noise
from einprop.layers.parts import INPUT, NEXT, OUTPUT, Part, Text, leaves, reads_of
from einprop.layers.rename import Renaming
from einprop.layers.types import ChainTypes
from einprop.notation.functions import FUNCTIONS
from einprop.notation.printer import to_text
from einprop.notation.tree import (
    Access,
    Add,
    Backward,
    Call,
    Definition,
    Equation,
    Expression,
    Index,
    Subscript,
    transform,
    walk,
)

__all__ = ["Chain", "TooFewAxesError", "fresh_letter", "fresh_name"]

HIDDEN = "h"


class TooFewAxesError(IndexTypeError):
    """What enters a layer has fewer axes than the layer reads.

    Attributes:
        missing: Subscripts for the axes that the chain's input lacks; none if that would not help.
    """

    def __init__(self, part: Part, read: Access, flow: Access, *, steady: bool) -> None:
        lacking = len(read.subscripts) - len(flow.subscripts)
        self.missing = read.subscripts[1 : 1 + lacking] if steady else ()
        super().__init__(
            f"{part!r} reads {to_text(read)}, which has {_axes(read)}, but {to_text(flow)}, which "
            f"enters it, has {_axes(flow)}",
            (),
            "a layer before it has taken axes away",
        )


def _axes(access: Access) -> str:
    count = len(access.subscripts)
    return "1 axis" if count == 1 else f"{count} axes"


class Chain:
    """The equations so far, and the names that they use.

    Args:
        parts: All layers that will be appended: their names stay clear of each other.
        entry: What enters the first.
        evaluation: Whether to write what they compute in evaluation mode.
    """

    def __init__(self, parts: Sequence[Part], entry: Access, *, evaluation: bool) -> None:
        self.evaluation = evaluation
        self.numbered = sum(_has_arrays(part) for part in leaves(parts)) > 1
        self.tensors = {INPUT, OUTPUT, *self._reserved(parts)}
        self.flow = self._entering(entry)
        self.leaving = entry.name
        self.axes = len(entry.subscripts)
        self.steady = True
        self.closed = True
        self.hidden = 0
        self.number = 0
        self.equations: list[Equation] = []
        self.updates: list[Equation] = []
        self.lines: list[Backward] = []
        self.definitions: list[Definition] = []
        self.declared: list[Access] = []
        self.parameters: dict[str, Parameter] = {}
        self.state: dict[str, Parameter] = {}
        self.noise: dict[str, Noise] = {}
        self.types = ChainTypes()
        self.letters = {s.name for s in self.flow.subscripts if isinstance(s, Index)}

    def append(self, part: Part, path: str) -> None:
        """Write one more layer behind the flow.

        Args:
            part: The layer.
            path: Its position in the chain, with dots where it stands inside of another.
        """
        if part.branch:
            self._append_branch(part.branch, path)
            return
        fitted = part.fitted(len(self.flow.subscripts)) if self.flow.subscripts else part
        text = Text.of(fitted.evaluated if self.evaluation else fitted.statements)
        if text.identity:
            return
        before = self.flow.name
        _Writer(self, fitted, text, path).write()
        self.leaving = self.flow.name if part.output == OUTPUT else before
        self.steady = self.steady and len(self.flow.subscripts) == self.axes

    def close(self) -> None:
        """Give what leaves a name of its own, where all layers leave what enters as it is."""
        if self.flow.name == INPUT:
            target = replace(self.plain(), name=self.hide())
            self.equations.append(Equation(target, "=", self.plain()))
            self.flow, self.leaving = target, target.name

    def printed(self) -> dict[str, str]:
        """The printed name of what leaves the last layer, or enters the loss: ``y``."""
        return {self.leaving: OUTPUT} if self.leaving != INPUT else {}

    def array_name(self, name: str, part: Part, number: int) -> str:
        """The name of a parameter or state; a loss may be left away, so it has no number."""
        if not self.numbered or not _has_arrays(part):
            return name
        # G1 of layer 12 and G11 of layer 2 are two.
        return f"{name}_{number}" if name[-1].isdigit() else f"{name}{number}"

    def hide(self) -> str:
        """The name of the next tensor between layers."""
        self.hidden += 1
        while f"{HIDDEN}{self.hidden}" in self.tensors:
            self.hidden += 1
        return f"{HIDDEN}{self.hidden}"

    def plain(self) -> Access:
        """The flow at plain indices: fresh ones where it was written at computed subscripts."""
        found: list[Subscript] = []
        for subscript in self.flow.subscripts:
            letters = {*self.letters, *(s.name for s in found if isinstance(s, Index))}
            if isinstance(subscript, Index) and subscript not in found:
                found.append(replace(subscript, place=None))
            else:
                found.append(Index(fresh_letter("i", letters, self.tensors)))
        self.letters.update(s.name for s in found if isinstance(s, Index))
        return replace(self.flow, subscripts=tuple(found), place=None)

    def fold(self, written: Sequence[Equation]) -> bool:
        """Write ``h2 = tanh(h1)`` into the equation of ``h1``; says whether that was possible."""
        if self.closed or len(written) > 1:
            return False
        before, after = self.equations[-1], written[0]
        writes = [e for e in self.equations if e.target.name == self.flow.name]
        # A recurrence goes on with its own values, not with a function of them.
        recurs = any(reads_of(self.equations, self.flow.name))
        if len(writes) > 1 or before.operator != "=" or before.ranges or recurs:
            return False
        if not _reads_once_in_a_call(after.expression, before.target):
            return False
        inside = transform(
            after.expression, lambda node: before.expression if node == before.target else node
        )
        self.equations[-1] = replace(before, expression=inside)
        return True

    def _append_branch(self, branch: Sequence[Part], path: str) -> None:
        """Write layers and the sum of what enters and leaves them."""
        entering = self.plain()
        self.flow = entering
        # The sum reads what enters: nothing may be folded into it.
        self.closed = True
        for number, part in enumerate(branch):
            self.append(part, f"{path}.{number}")
        if len(self.flow.subscripts) != len(entering.subscripts):
            raise IndexTypeError(
                f"{to_text(self.flow)} cannot be added to {to_text(entering)}: "
                "a residual network leaves as many axes as enter it"
            )
        for one, two in zip(entering.subscripts, self.flow.subscripts, strict=True):
            if isinstance(one, Index) and isinstance(two, Index):
                self.types.join(one.name, two.name)
        leaving = replace(self.flow, subscripts=entering.subscripts)
        target = replace(entering, name=self.hide())
        self.tensors.add(target.name)
        self.equations.append(Equation(target, "=", Add((entering, leaving))))
        self.flow, self.leaving, self.closed = target, target.name, False

    def _entering(self, entry: Access) -> Access:
        """What enters, at letters that are no names of tensors."""
        letters = {s.name for s in entry.subscripts if isinstance(s, Index)}
        new: dict[str, str] = {}
        for letter in sorted(letters & self.tensors):
            new[letter] = fresh_letter(letter, {*letters, *new.values()}, self.tensors)
        return Renaming({}, new).access(entry)

    def _reserved(self, parts: Sequence[Part]) -> Iterator[str]:
        """Names that layers bring from outside: free inputs, parameters and state."""
        number = 0
        for part in leaves(parts):
            text = Text.of(part.statements)
            number += _has_arrays(part)
            own = {*part.initializers, *part.state}
            yield from (self.array_name(name, part, number) for name in own)
            defined = {equation.target.name for equation in text.written}
            yield from text.names - defined - own - set(part.noise)


class _Writer:
    """One layer on its way into a chain."""

    def __init__(self, chain: Chain, part: Part, text: Text, path: str) -> None:
        self.chain = chain
        self.part = part
        self.text = text
        self.path = path
        self.lifted = self._lifted_letters()

    def write(self) -> None:
        """Append the layer's equations to the chain, or write them into its last one."""
        chain, text, hidden = self.chain, self.text, self.chain.hidden
        letters = self._letters()
        renaming = Renaming(self._tensors(), letters, self._types(letters), self._functions())
        chain.letters.update(letters.values())
        chain.definitions += [renaming.definition(each) for each in text.definitions]
        chain.declared += self._declarations(renaming)
        equations = [renaming.equation(equation) for equation in text.equations]
        lines = [replace(s, equation=renaming.equation(s.equation)) for s in text.lines]
        noise = [renaming.tensor(name) for name in self.part.noise]
        if text.pointwise:
            written, _ = at_subscripts(equations, lines, chain.flow, noise)
            if not lines and chain.fold(written):
                chain.hidden = hidden
                chain.tensors.discard(renaming.tensor(OUTPUT))
                # One function around an equation is read at a glance, two are not.
                chain.closed = True
                return
            equations, lines = at_subscripts(equations, lines, chain.plain(), noise)
        elif self.lifted:
            batch = self._batch(renaming)
            equations = [with_batch_axes(e, batch, self.lifted) for e in equations]
            lines = [
                replace(s, equation=with_batch_axes(s.equation, batch, self.lifted)) for s in lines
            ]
        self._join(equations, lines)

    def _join(self, equations: Sequence[Equation], lines: Sequence[Backward]) -> None:
        chain = self.chain
        updates = {f"{NEXT}{name}" for name in chain.state}
        chain.updates += [e for e in equations if e.target.name in updates]
        chain.equations += [e for e in equations if e.target.name not in updates]
        chain.lines += lines
        chain.flow = chain.equations[-1].target
        # What has gradients of its own keeps its tensors.
        chain.closed = self.text.pointwise or bool(lines)

    def _declarations(self, renaming: Renaming) -> list[Access]:
        """What the layer declares of its tensors, as far as the chain does not show it."""
        flow = self.chain.flow
        shown = flow.name != INPUT and is_plain(flow)
        found = [
            renaming.access(access)
            for access in self.text.declared
            if access.name != INPUT or not shown
        ]
        if not self.lifted:
            return found
        batch = self._batch(renaming)
        return [access_with_batch_axes(access, batch, self.lifted) for access in found]

    def _lifted_letters(self) -> list[str]:
        """The flow's axes that the layer's ``x`` lacks: batch axes behind the first."""
        flow = self.chain.flow
        entries = [access for access in self.text.entries if access.subscripts]
        if not entries or not flow.subscripts:
            return []
        widest = max(entries, key=lambda access: len(access.subscripts))
        lacking = len(widest.subscripts) - len(flow.subscripts)
        if lacking > 0:
            raise TooFewAxesError(self.part, widest, flow, steady=self.chain.steady)
        if lacking == 0:
            return []
        self.chain.flow = self.chain.plain()
        more = self.chain.flow.subscripts[1 : 1 - lacking]
        return [s.name for s in more if isinstance(s, Index)]

    def _batch(self, renaming: Renaming) -> str:
        (first, *_) = next(access.subscripts for access in self.text.entries if access.subscripts)
        if isinstance(first, Index):
            return renaming.index(unprimed(first.name))
        raise IndexTypeError(
            f"{self.part!r} has no batch axis, but {to_text(self.chain.flow)}, which enters it, has "
            f"{len(self.lifted)} more than the layer reads"
        )

    def _letters(self) -> dict[str, str]:
        """New letters: those of the flow where ``x`` is read, else unused ones."""
        chain, new = self.chain, dict[str, str]()
        more = len(self.lifted)
        kept = (*chain.flow.subscripts[:1], *chain.flow.subscripts[1 + more :])
        for access in self.text.entries:
            for old, given in zip(access.subscripts, kept, strict=False):
                if not isinstance(old, Index) or not isinstance(given, Index):
                    continue
                if unprimed(old.name) not in new and given.name not in new.values():
                    new[unprimed(old.name)] = given.name
        for letter in self.text.letters:
            if letter not in new:
                taken = {*chain.letters, *new.values(), *self.chain.tensors}
                new[letter] = fresh_letter(letter, taken, chain.tensors)
        return new

    def _types(self, letters: dict[str, str]) -> dict[str, str]:
        """The layer's declared types by name, those of its letters known to the chain."""
        keys: dict[str, str] = {}
        for group in self.text.groups:
            if group.type not in keys:
                keys[group.type] = self.chain.types.new(group.type, group.size)
            for index in group.indices:
                self.chain.types.assign(letters[index], keys[group.type])
        return keys

    def _functions(self) -> dict[str, str]:
        """New names of the layer's definitions, where another layer defines something else."""
        earlier = {definition.name: definition for definition in self.chain.definitions}
        new: dict[str, str] = {}
        for own in self.text.definitions:
            for number in count():
                candidate = f"{own.name}{number or ''}"
                new[own.name] = candidate
                renamed = Renaming({}, {}, functions=new).definition(own)
                if earlier.get(candidate, renamed) == renamed:
                    break
        return new

    def _tensors(self) -> dict[str, str]:
        """New names: the flow's, numbered parameters and state, the rest kept where it is unique."""
        chain, part = self.chain, self.part
        new = {INPUT: chain.flow.name}
        chain.number += _has_arrays(part)
        for kind, given in ((chain.parameters, part.initializers), (chain.state, part.state)):
            for name, initialize in given.items():
                new[name] = chain.array_name(name, part, chain.number)
                dotted = f"{self.path}.{name}"
                kind[new[name]] = Parameter(new[name], initialize, (), dotted)
        new |= {f"{NEXT}{name}": f"{NEXT}{new[name]}" for name in part.state}
        if part.output == OUTPUT:
            new[OUTPUT] = chain.hide()
        for name, noise in part.noise.items():
            new[name] = fresh_name(name, {*chain.tensors, *new.values()})
            chain.noise[new[name]] = noise
        for equation in self.text.written:
            name = equation.target.name
            if name not in new and "." not in name:
                new[name] = fresh_name(name, {*chain.tensors, *new.values()})
        chain.tensors.update(new.values())
        return new


def _has_arrays(part: Part) -> bool:
    """Whether a layer counts where parameters are numbered; a loss, which may be left away, does not."""
    return part.output == OUTPUT and bool(part.initializers or part.state)


def _reads_once_in_a_call(expression: Expression, access: Access) -> bool:
    """Whether the access occurs once, alone in a leaf function's brackets, which wall its sums in.

    A function that is defined by others may repeat its argument, and so would its derivative.
    """
    nodes = list(walk(expression))
    calls = [n for n in nodes if isinstance(n, Call) and access in n.arguments]
    return nodes.count(access) == 1 and [call.function in FUNCTIONS for call in calls] == [True]


def fresh_letter(
    letter: str,
    letters: Collection[str],
    tensors: Collection[str],
    alphabet: str = string.ascii_lowercase,
) -> str:
    """The letter, or else the next one in the alphabet that nothing uses."""
    if letter not in letters:
        return letter
    start = alphabet.find(letter[0]) + 1
    for candidate in alphabet[start:]:
        if candidate not in letters and candidate not in tensors:
            return candidate
    return fresh_name(letter, {*letters, *tensors})


def fresh_name(name: str, taken: Collection[str]) -> str:
    """The name, or with the least number from 1 on that nothing has."""
    return numbered(name, taken.__contains__, start=1)
