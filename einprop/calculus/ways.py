"""From an equation to what one of its reads adds to a cotangent: the forms in between, rule by rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from einprop.analysis.indices import (
    free_indices,
    fresh_index,
    is_plain,
    numbered,
    plain_subscripts,
    rename_apart,
    target_indices,
)
from einprop.calculus import reasons
from einprop.calculus.algebra import product
from einprop.calculus.axes import Domains
from einprop.calculus.elide import sum_over
from einprop.calculus.partials import Partial, Passage, partials, reduction_partial
from einprop.calculus.reverse import Use, cotangent_equation
from einprop.notation.printer import to_text
from einprop.notation.tree import (
    Access,
    Call,
    Divide,
    Equation,
    Expression,
    Index,
    IndexValue,
    Iverson,
    Multiply,
    Negate,
    accesses,
    children,
    expression_reads,
    map_children,
)

__all__ = ["Step", "new_reads", "way_steps"]


@dataclass(frozen=True)
class Step:
    """One step of a derivation.

    Attributes:
        rule: What the rule is called.
        reason: What was done, in a sentence.
        equations: After it; the last is the form that the step led to, those before it name what it reads.
    """

    rule: str
    reason: str
    equations: tuple[Equation, ...]


def way_steps(use: Use, suffix: str) -> Iterator[Step]:
    """The steps from the core equation of a use to what it adds to the cotangent of what is read.

    Args:
        use: The use.
        suffix: What the names of cotangents end in.
    """
    yield from _Way(use, suffix).steps()


@dataclass(frozen=True)
class _Stage:
    """A part of the way: what a factor becomes in it.

    Attributes:
        rule: What the rule is called.
        reason: What it does.
        operand: What is reached.
        context: The indices at which it stands.
        factors: What it stands multiplied by: by the rule, simplified, and with tensors read for
            values that they hold.
        rebuilt: The expression that was taken apart, with another one where the operand stood.
    """

    rule: str
    reason: str
    operand: Expression
    context: tuple[str, ...]
    factors: tuple[Expression, Expression, Expression]
    rebuilt: Callable[[Expression], Expression]


class _Way:
    """The way from an equation to one of its reads; what is inside of it gets names on the way."""

    def __init__(self, use: Use, suffix: str) -> None:
        self.use = use
        self.suffix = suffix
        self.domains = Domains.of(use.equation)
        self.read = use.found.read
        self.taken = {a.name.partition(".")[0] for a in accesses(use.equation)}
        # Whose cotangent is known: at first the equation's own target.
        self.outer = use.equation

    def steps(self) -> Iterator[Step]:
        """All of them."""
        stages = list(self.stages())
        for number, stage in enumerate(stages):
            if number < len(stages) - 1:
                yield from self.inward(stage)
            else:
                yield from self.outward(stage)
        if not stages:
            reason = f"{to_text(self.use.equation.target)} is {to_text(self.read)}"
            found = self.use.found
            copied = _Stage(
                reasons.CHAIN, reason, self.read, found.context, (found.factor,) * 3, lambda e: e
            )
            yield from self.outward(copied)

    def stages(self) -> Iterator[_Stage]:
        """The parts of the way."""
        equation = self.use.equation
        if self.use.choice is not None:
            function = equation.operator.removesuffix("=")
            factor = self.use.choice.reverse(self.use.seed)
            yield _Stage(
                f"derivative of {function}",
                reasons.extremum(function),
                equation.expression,
                target_indices(equation.target),
                (factor,) * 3,
                lambda inner: inner,
            )
        for segment in _segments(_passages(self.use.found.last)):
            last = segment[-1]
            yield _Stage(
                *reasons.operation(segment),
                last.partial.operand,
                last.context,
                _factors(last),
                _rebuilding(segment),
            )

    def inward(self, stage: _Stage) -> Iterator[Step]:
        """Give what is inside a name, then its cotangent."""
        name = numbered("u", self.taken.__contains__)
        self.taken.add(name)
        inner = Access(name, tuple(Index(i) for i in free_indices(stage.operand)))
        outer = replace(self.outer, expression=stage.rebuilt(inner))
        definition = Equation(inner, "=", stage.operand)
        shown = tuple(self.domains.told(e) for e in (definition, outer))
        target = self.outer.target.name
        before, after = f"{target}.{self.suffix}", f"{self.read.name}.{self.suffix}"
        reason = f"call the inside {name}: {before} gives {name}.{self.suffix}, which gives {after}"
        yield Step(reasons.CHAIN, reason, shown)
        left = inner

        def form(factor: Expression) -> Equation:
            summed = tuple(i for i in stage.context if i not in target_indices(left))
            return cotangent_equation(self.domains, left, sum_over(summed, factor), self.suffix)

        yield from _simplified(stage, form)
        self.outer = definition

    def outward(self, stage: _Stage) -> Iterator[Step]:
        """The cotangent of what is read, first with a delta where the language can write it."""
        again = self.again(stage)

        def form(factor: Expression) -> Equation:
            if again is None:
                return self.added(stage.context, factor)
            deltas = _deltas(self.read, again)
            found = self.cotangent(again, sum_over(stage.context, product(factor, *deltas)))
            return _inside(found, self.read)

        if again is None and self.read.subscripts:
            reason = f"{stage.reason}; {reasons.scattered(self.read)}"
            stage = replace(stage, reason=reason)
        yield from _simplified(stage, form)
        if again is not None:
            added = self.added(stage.context, self.use.found.factor)
            yield Step(reasons.DELTA, reasons.delta(self.read, again), (added,))

    def again(self, stage: _Stage) -> Access | None:
        """What is read at indices of its own, where each subscript is an index."""
        if not self.read.subscripts or not is_plain(self.read):
            return None
        taken = {*stage.context, *(i for f in stage.factors for i in free_indices(f))}
        letters: list[str] = []
        for index in self.read.subscripts:
            assert isinstance(index, Index)
            letters.append(fresh_index(index.name, taken))
            taken.add(letters[-1])
        return Access(self.read.name, tuple(map(Index, letters)))

    def added(self, context: tuple[str, ...], factor: Expression) -> Equation:
        """What is added where it is read, as it was found."""
        kept = target_indices(self.read)
        summed = tuple(i for i in context if i not in kept)
        return self.cotangent(self.read, sum_over(summed, factor))

    def cotangent(self, access: Access, added: Expression) -> Equation:
        """An addition to a cotangent, the indices on the left called as they were found."""
        left = replace(access, name=f"{access.name}.{self.suffix}", place=None)
        apart = rename_apart(added, frozenset(target_indices(left)))
        return self.domains.told(Equation(left, "+=", apart))


def _simplified(stage: _Stage, form: Callable[[Expression], Equation]) -> Iterator[Step]:
    """What the rule gives, then simplified, then with tensors read for what they hold."""
    simple, read = stage.factors[1:]
    first, second = form(stage.factors[0]), form(simple)
    yield Step(stage.rule, stage.reason, (first,))
    if first != second:
        reason = "numbers and signs go to the front, and there is one fraction"
        yield Step(reasons.SIMPLIFIED, reason, (second,))
    if simple != read:
        names = new_reads(simple, read)
        reason = f"{reasons.listed(names)} is known already, so it is not computed again"
        yield Step(reasons.READ_OFF, reason, (form(read),))


def new_reads(before: Expression, after: Expression) -> list[str]:
    """What an expression reads that another one does not."""
    known = [to_text(a) for a in expression_reads(before)]
    found = dict.fromkeys(to_text(a) for a in expression_reads(after))
    return [text for text in found if text not in known] or list(found)


def _passages(last: Passage | None) -> list[Passage]:
    """From the root of a right side to a read."""
    found: list[Passage] = []
    while last is not None:
        found.append(last)
        last = last.above
    return found[::-1]


def _segments(passages: Sequence[Passage]) -> Iterator[list[Passage]]:
    """Passages by rule: sums and signs go with the operation that comes after them."""
    segment: list[Passage] = []
    for passage in passages:
        segment.append(passage)
        if not reasons.is_linear(passage):
            yield segment
            segment = []
    if segment:
        yield segment


def _factors(last: Passage) -> tuple[Expression, Expression, Expression]:
    """What the operand stands multiplied by: by the rule, simplified, and with known values read."""
    raw = _by_rule(last)
    ruled = _flat(_written(raw, last.factor))
    return ruled, raw.reverse(last.factor), last.partial.reverse(last.factor)


def _by_rule(passage: Passage) -> Partial:
    """The partial that reads no tensor for what the operation computes."""

    def value(expression: Expression) -> Expression:
        return expression

    node = passage.node
    if isinstance(node, Call) and node.indices:
        indices = passage.context[len(passage.context) - len(node.indices) :]
        return reduction_partial(node, passage.partial.operand, indices, value)
    return list(partials(node, value))[passage.position]


def _written(partial: Partial, cotangent: Expression) -> Expression:
    """The product as the rule says it, nothing worked out."""
    factors = (cotangent, *partial.before, *partial.after)
    written = Multiply(factors) if len(factors) > 1 else cotangent
    if partial.below:
        below = Multiply(partial.below) if len(partial.below) > 1 else partial.below[0]
        written = Divide(written, below)
    return Negate(written) if partial.negative else written


def _flat(expression: Expression) -> Expression:
    """The expression with products of products as one."""
    expression = map_children(expression, _flat)
    if not isinstance(expression, Multiply):
        return expression
    inner = (children(f) if isinstance(f, Multiply) else (f,) for f in expression.factors)
    return Multiply(tuple(factor for factors in inner for factor in factors))


def _rebuilding(segment: Sequence[Passage]) -> Callable[[Expression], Expression]:
    """What puts an expression where the operand stood."""

    def rebuilt(inner: Expression) -> Expression:
        for passage in reversed(segment):
            inner = _with_operand(passage, inner)
        return inner

    return rebuilt


def _with_operand(passage: Passage, inner: Expression) -> Expression:
    """The operation with another operand."""
    node = passage.node
    if isinstance(node, Call) and node.indices:
        indices = passage.context[len(passage.context) - len(node.indices) :]
        return replace(node, arguments=(inner,), indices=indices)
    below = list(children(node))
    below[passage.position] = inner
    others = iter(below)
    return map_children(node, lambda _: next(others))


def _inside(equation: Equation, read: Access) -> Equation:
    """The equation with a read that bounds an index of it, where nothing else tells its range."""
    found = expression_reads(equation.expression)
    told = {i for a in (*found, *equation.inside) for i in plain_subscripts(a)}
    computed = {i for a in found for i in target_indices(a)} - told
    if computed.isdisjoint(target_indices(read)):
        return equation
    return replace(equation, inside=(*equation.inside, replace(read, place=None)))


def _deltas(read: Access, again: Access) -> Iterator[Expression]:
    """``[i == i']`` for each subscript."""
    for old, new in zip(read.subscripts, again.subscripts, strict=True):
        assert isinstance(old, Index)
        assert isinstance(new, Index)
        yield Iverson(IndexValue(old.name), "==", IndexValue(new.name))
