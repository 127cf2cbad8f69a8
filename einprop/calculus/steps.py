"""How each line of a derived backward pass came about: the forms that deriving it went through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from einprop.analysis.indices import target_indices
from einprop.analysis.resolve import Resolved, Spelt, spell_out
from einprop.calculus import reasons
from einprop.calculus.declarations import needed_bases
from einprop.calculus.derive import adjoint_of, unhidden, zero
from einprop.calculus.elide import separate
from einprop.calculus.extrema import counts_ties
from einprop.calculus.reading import Change, readings
from einprop.calculus.reverse import Adjoint, Use
from einprop.calculus.ways import Step, new_reads, way_steps
from einprop.notation.depth import deep
from einprop.notation.printer import to_text
from einprop.notation.tree import Access, Boundary, Call, Equation, Number, reads, walk

__all__ = ["Line", "backward_steps"]


@dataclass(frozen=True)
class Line:
    """A line of a backward pass, and how it came about.

    Attributes:
        equation: The line.
        steps: In order; the last one's equation is the line.
    """

    equation: Equation
    steps: tuple[Step, ...]


@deep
def backward_steps(
    resolved: Resolved, of: Sequence[str], wrt: Sequence[str] | None
) -> tuple[Line, ...]:
    """The lines of a program's backward pass with their steps.

    Args:
        resolved: The program.
        of: The tensors to differentiate.
        wrt: The inputs; None for every input that they depend on.

    Raises:
        DerivativeError: As for `einprop.calculus.derive.derive_adjoint`.
    """
    derivation, adjoint, inner = adjoint_of(resolved, of, wrt)
    found = list(_Steps(resolved, adjoint, inner, derivation.suffix).of_lines())
    for name, gradient in derivation.gradients:
        if name not in adjoint.gradients:
            reason = f"{reasons.listed(of)} does not depend on {name}"
            found.append([Step(reasons.NOTHING, reason, (zero(resolved, name, gradient),))])
    bases = needed_bases(resolved, [steps[-1].equations[-1] for steps in found])
    lines = [*([_base(equation)] for equation in bases), *map(list, found)]
    return tuple(_accumulated(lines))


def _base(equation: Equation) -> Step:
    reason = f"the lines below read {equation.target.name} there"
    return Step(reasons.BASE, reason, (equation,))


def _accumulated(lines: Sequence[Sequence[Step]]) -> Iterator[Line]:
    """The lines, told of those that add to the same tensor."""
    results = [steps[-1].equations[-1] for steps in lines]
    times = Counter(e.target.name for e in results if e.operator == "+=")
    for equation, steps in zip(results, lines, strict=True):
        name, together = equation.target.name, list(steps)
        if equation.operator == "+=" and times[name] > 1:
            reason = f"{times[name]} lines add to {name}, and += adds them up: this is one of them"
            together.append(Step(reasons.ACCUMULATED, reason, (equation,)))
        yield Line(equation, tuple(together))


class _Steps:
    """The steps of the lines of an adjoint.

    Args:
        resolved: The program.
        adjoint: Its adjoint.
        inner: The tensors that others in it are copies of, by copy.
        suffix: What the names of cotangents end in.
    """

    def __init__(
        self, resolved: Resolved, adjoint: Adjoint, inner: Mapping[str, str], suffix: str
    ) -> None:
        self.resolved = resolved
        self.adjoint = adjoint
        self.inner = inner
        self.suffix = suffix

    def of_lines(self) -> Iterator[list[Step]]:
        """The steps of each."""
        written = self.adjoint.written
        pairs = list(zip(self.adjoint.equations, self.adjoint.uses, strict=True))
        plain = self.plain([e for e, _ in pairs if e not in written])
        stages = list(readings(self.resolved, plain))
        changes = [reading.change for reading in stages]
        forms = iter(zip(plain, *(reading.equations for reading in stages), strict=True))
        for equation, use in pairs:
            if equation in written:
                yield [self.declared(written[equation])]
                continue
            first, *others = next(forms)
            steps = self.first(first) if use is None else self.derived(use, first)
            before = first
            for change, after in zip(changes, others, strict=True):
                steps += _changed(change, before, after)
                before = after
            yield steps

    def plain(self, equations: Sequence[Equation]) -> list[Equation]:
        """The equations for a reader: nothing is hidden."""
        return unhidden(equations, self.inner)

    def declared(self, equation: Equation) -> Step:
        """What the program says itself."""
        return Step(reasons.DECLARED, "the program declares this line", (equation,))

    def first(self, equation: Equation) -> list[Step]:
        """What no read of a tensor is the reason for."""
        name = equation.target.name
        of = name.removesuffix(f".{self.suffix}")
        if counts_ties(equation):
            rule, reason = reasons.TIES, "how many of the values that are given reach the one kept"
        elif equation.expression == Number(0):
            rule, reason = reasons.NOTHING, f"nothing that is differentiated depends on {of}"
        else:
            rule, reason = reasons.SEED, f"what {of} counts for outside of the program is given"
        return [Step(rule, reason, (equation,))]

    def derived(self, use: Use, result: Equation) -> list[Step]:
        """What one read adds to a cotangent, up to the form in which it was derived."""
        (source,) = self.plain([use.equation])
        number = self.resolved.equations.index(source)
        steps = list(_spelt(self.spelt[number], source, use))
        way = way_steps(use, self.suffix)
        steps += (replace(s, equations=tuple(self.plain(s.equations))) for s in way)
        if steps[-1].equations[-1] != result:
            reason = _renamed(steps[-1].equations[-1], result)
            steps.append(Step(reasons.RENAMED, reason, (result,)))
        return steps

    @cached_property
    def spelt(self) -> list[Spelt]:
        """The program's equations in full."""
        return spell_out(self.resolved.statements)


def _spelt(spelt: Spelt, core: Equation, use: Use) -> Iterator[Step]:
    """From an equation as written to what it says in full."""
    read = use.found.read
    reason = f"{spelt.written.target.name} reads {read.name.removesuffix('.inner')}"
    yield Step(reasons.EQUATION, reason, (spelt.written,))
    if spelt.summed != spelt.written:
        yield _with_sums(spelt.written, spelt.summed)
    if spelt.core != spelt.summed:
        called = _less(_calls(spelt.summed), _calls(spelt.core))
        if called:
            verb = "stands" if len(called) == 1 else "stand"
            reason = f"{reasons.listed(called)} {verb} for what the definition says"
            yield Step(reasons.DEFINITION, reason, (spelt.core,))
        else:
            yield Step(reasons.RENAMED, _renamed(spelt.summed, spelt.core), (spelt.core,))
    if core != spelt.core:
        yield Step(reasons.SUBSCRIPTS, _subscripts(spelt.core, core), (core,))


def _with_sums(before: Equation, after: Equation) -> Step:
    """The sums that an equation implies; where it keeps the largest or smallest, those."""
    for function, what in (("sum", "summed"), ("max", "maximised"), ("min", "minimised")):
        found = _less(_bound(after, function), _bound(before, function))
        if found:
            are = (
                "is not on the left, so it is"
                if len(found) == 1
                else "are not on the left, so they are"
            )
            return Step(reasons.SUMS, f"{reasons.listed(found)} {are} {what}", (after,))
    return Step(reasons.RENAMED, _renamed(before, after), (after,))


def _subscripts(before: Equation, after: Equation) -> str:
    """What was left unsaid about where tensors are read."""
    known = reads(before)
    new = [a for a in reads(after) if a not in known]
    padded = [a for a in new if any(isinstance(s, Boundary) for s in a.subscripts)]
    if padded:
        return f"{_all(padded)} is 0 outside of the axis"
    return f"{_all(new or [after.target])} does not run over a whole axis"


def _all(accesses: Iterable[Access]) -> str:
    return reasons.listed(dict.fromkeys(map(to_text, accesses)))


def _changed(change: Change, before: Equation, after: Equation) -> Iterator[Step]:
    """The steps of one change that makes a line easier to read; none where it does nothing to it."""
    if before == after:
        return
    match change:
        case Change.READ:
            names = new_reads(before.expression, after.expression)
            reason = f"{reasons.listed(names)} is known already, so it is not computed again"
            yield Step(reasons.READ_OFF, reason, (after,))
        case Change.NAMED:
            apart = replace(before, expression=separate(before.expression))
            if apart != before:
                reason = "what a sum does not depend on stands outside of it"
                yield Step(reasons.SIMPLIFIED, reason, (apart,))
            called = _less(_calls(after), _calls(before))
            reason = f"this is what the definition of {reasons.listed(called)} says"
            yield Step(reasons.NAMED, reason, (after,))
        case Change.ELIDED:
            gone = _less(_bound(before, "sum"), _bound(after, "sum"))
            if gone:
                is_not = "is not" if len(gone) == 1 else "are not"
                reason = f"{reasons.listed(gone)} {is_not} on the left: the sum need not be written"
                yield Step(reasons.IMPLIED, reason, (after,))
            else:
                yield Step(reasons.SIMPLIFIED, "there is one fraction", (after,))


def _renamed(before: Equation, after: Equation) -> str:
    """Which indices have other names."""
    pairs = zip(target_indices(before.target), target_indices(after.target), strict=True)
    changed = [f"{old} is called {new}" for old, new in pairs if old != new]
    return reasons.listed(changed) if changed else "a sum's index has a name that no other has"


def _bound(equation: Equation, function: str) -> list[str]:
    """The indices that a reduction binds, once for each call of it."""
    calls = (n for n in walk(equation.expression) if isinstance(n, Call) and n.function == function)
    return [index for call in calls for index in call.indices]


def _calls(equation: Equation) -> list[str]:
    """What is called."""
    return [node.function for node in walk(equation.expression) if isinstance(node, Call)]


def _less(items: Sequence[str], others: Sequence[str]) -> list[str]:
    """The items that occur more often than among the others, each once."""
    return list(Counter(items) - Counter(others))
