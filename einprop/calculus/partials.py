"""Local partial derivatives: one rule for each operation, which forward and reverse mode share.

`partials` says what an operation's value changes by for each of its operands. `linearised` chains them
from the root of a right side down to every read: ``y[s] = E`` changes by

    sum[i…](P x.dot[r])        for each read x[r] in E,

with a product P of partials and the indices i that reductions bind on the way. Reverse mode multiplies P
by the cotangent of y and adds to that of x; forward mode reads the equation as it stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from einprop.analysis.indices import free_indices, fresh_index, rename_indices, target_indices
from einprop.calculus.algebra import constant, negate, number, power, product, quotient
from einprop.calculus.rules import leaf_derivative
from einprop.notation.functions import HIDDEN, SINGLE_INDEX
from einprop.notation.tree import (
    Access,
    Add,
    Call,
    Divide,
    Equation,
    Expression,
    IndexValue,
    Iverson,
    Multiply,
    Negate,
    Number,
    Power,
    children,
    map_children,
    walk,
)

__all__ = ["Contribution", "Linearisation", "Partial", "Passage", "partials", "reduction_partial"]

_ONE = Number(1)
Value = Callable[[Expression], Expression]
"""The tensor that holds the value of an expression, if one does; else the expression."""


@dataclass(frozen=True)
class Partial:
    """What the change of an operand is multiplied by: ``± before · change · after / below``."""

    operand: Expression
    before: tuple[Expression, ...] = ()
    after: tuple[Expression, ...] = ()
    below: tuple[Expression, ...] = ()
    negative: bool = False

    def forward(self, tangent: Expression) -> Expression:
        """The change of the value, the operand's change standing where the operand stood."""
        return self._fraction(tangent, (*self.before, tangent, *self.after))

    def reverse(self, cotangent: Expression) -> Expression:
        """The operand's cotangent, that of the value standing first."""
        return self._fraction(cotangent, (cotangent, *self.before, *self.after))

    def _fraction(self, alone: Expression, factors: tuple[Expression, ...]) -> Expression:
        result = product(*factors) if len(factors) > 1 else alone
        if self.below:
            result = quotient(result, product(*self.below))
        return negate(result) if self.negative else result


def partials(node: Expression, value: Value) -> Iterator[Partial]:
    """The partials of an operation that binds no indices."""
    return _RULES[type(node)](node, value)


def reduction_partial(
    node: Call, body: Expression, indices: tuple[str, ...], value: Value
) -> Partial:
    """The partial of a reduction for its body, which is given with the bound indices renamed."""
    return _REDUCTION_RULES[node.function](node, body, indices, value)


def _negate(node: Negate, _: Value) -> Iterator[Partial]:
    yield Partial(node.operand, negative=True)


def _add(node: Add, _: Value) -> Iterator[Partial]:
    for term in node.terms:
        yield Partial(term)


def _multiply(node: Multiply, _: Value) -> Iterator[Partial]:
    for k, factor in enumerate(node.factors):
        yield Partial(factor, node.factors[:k], node.factors[k + 1 :])


def _divide(node: Divide, value: Value) -> Iterator[Partial]:
    numerator, denominator = node.numerator, node.denominator
    yield Partial(numerator, below=(denominator,))
    result = value(node)
    if result is not node:
        yield Partial(denominator, (result,), below=(denominator,), negative=True)
    else:
        square = power(denominator, Number(2))
        yield Partial(denominator, (numerator,), below=(square,), negative=True)


def _power(node: Power, value: Value) -> Iterator[Partial]:
    base, exponent = node.base, node.exponent
    fixed = constant(exponent)
    less = Add((exponent, Negate(_ONE))) if fixed is None else number(fixed - 1)
    if fixed is not None:
        yield Partial(base, (exponent, power(base, less)))
        return
    # The limits where the formulas would give 0 · inf: at base 0, for an exponent of 0 or from 0 on.
    at_zero = Iverson(base, "==", Number(0))
    flat, slope = Iverson(exponent, "==", Number(0)), product(exponent, power(base, less))
    yield Partial(base, (Call("where", (product(at_zero, flat), Number(0), slope)),))
    above, growth = Iverson(exponent, ">=", Number(0)), product(value(node), Call("log", (base,)))
    yield Partial(exponent, (Call("where", (product(at_zero, above), Number(0), growth)),))


def _call(node: Call, value: Value) -> Iterator[Partial]:
    if node.function == HIDDEN:
        return
    for position, argument in enumerate(node.arguments):
        yield Partial(argument, (_with_values(leaf_derivative(node, position), node, value),))


def _with_values(expression: Expression, node: Expression, value: Value) -> Expression:
    """The derivative with the node itself replaced by the tensor that holds it."""
    inside = children(node)

    def held(inner: Expression) -> Expression:
        if any(inner is operand for operand in inside):
            return inner  # No expression stands inside its own operands.
        return value(node) if inner == node else map_children(inner, held)

    return held(expression)


def _nothing(node: Expression, _: Value) -> Iterator[Partial]:
    return iter(())


_RULES: dict[type, Callable[..., Iterator[Partial]]] = {
    Negate: _negate,
    Add: _add,
    Multiply: _multiply,
    Divide: _divide,
    Power: _power,
    Call: _call,
    Iverson: _nothing,
    IndexValue: _nothing,
    Number: _nothing,
}


def _sum(node: Call, body: Expression, indices: tuple[str, ...], value: Value) -> Partial:
    return Partial(body)


def _extremum(node: Call, body: Expression, indices: tuple[str, ...], value: Value) -> Partial:
    """Ties share the cotangent evenly."""
    attained = Iverson(body, "==", value(node))
    return Partial(body, (attained,), below=(Call("sum", (attained,), indices),))


def _prod(node: Call, body: Expression, indices: tuple[str, ...], value: Value) -> Partial:
    """The product of all others, never by dividing."""
    taken = {*indices, *free_indices(body)}
    others = {}
    for index in indices:
        others[index] = fresh_index(index, taken)
        taken.add(others[index])
    same = product(*(Iverson(IndexValue(o), "==", IndexValue(i)) for i, o in others.items()))
    rest = Call("where", (same, _ONE, rename_indices(body, others)))
    return Partial(body, (Call("prod", (rest,), tuple(others.values())),))


_REDUCTION_RULES: dict[str, Callable[..., Partial]] = {
    "sum": _sum,
    "max": _extremum,
    "min": _extremum,
    "prod": _prod,
}


@dataclass(frozen=True, slots=True)
class Passage:
    """From an operation down to one of its operands.

    Attributes:
        above: The passage to the operation; None at the root of the right side.
        node: The operation.
        position: Which of its operands.
        partial: The operand, with what its change is multiplied by there. Of a reduction it is the
            body, the bound indices renamed apart from what stands outside.
        factor: What the operation stands multiplied by.
        context: The indices at which the operand stands, those that the operation binds last.
    """

    above: Passage | None
    node: Expression
    position: int
    partial: Partial
    factor: Expression
    context: tuple[str, ...]


@dataclass(frozen=True)
class Contribution:
    """How a right side changes with one read.

    Attributes:
        read: The read.
        context: The indices of the left side, and those that reductions bind on the way to the read.
        factor: What the change of the read is multiplied by.
        last: The passage to the read, which knows those above it; None where it is all of the right.
    """

    read: Access
    context: tuple[str, ...]
    factor: Expression
    last: Passage | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Linearisation:
    """Carries a factor down an expression to the reads of active tensors.

    Attributes:
        active: The tensors whose reads count.
        values: By expression, the tensor that holds its value.
    """

    active: Collection[str]
    values: dict[Expression, Access]

    @classmethod
    def of(cls, equation: Equation, active: Collection[str], *, single: bool) -> Linearisation:
        """For the right side of an equation.

        Args:
            equation: A core equation.
            active: As above.
            single: Whether no other equation adds to its target.
        """
        letters = target_indices(equation.target)
        # Where the whole right side is one tensor's value, a rule may read that instead of computing it.
        plain = single and len(letters) == len(equation.target.subscripts)
        return cls(active, {equation.expression: equation.target} if plain else {})

    def depends(self, expression: Expression) -> bool:
        """Whether an expression reads an active tensor."""
        return any(isinstance(n, Access) and n.name in self.active for n in walk(expression))

    def value(self, expression: Expression) -> Expression:
        """The tensor that holds the value of an expression; the expression if none does."""
        return self.values.get(expression, expression)

    def contributions(
        self,
        node: Expression,
        factor: Expression,
        context: tuple[str, ...],
        last: Passage | None = None,
    ) -> Iterator[Contribution]:
        """The contributions of an expression that stands multiplied by a factor, at some indices."""
        if constant(factor) == 0 or not self.depends(node):
            return
        if isinstance(node, Access):
            yield Contribution(node, context, factor, last)
            return
        for passage in self.passages(node, factor, context, last):
            partial = passage.partial
            inner = partial.reverse(factor)
            yield from self.contributions(partial.operand, inner, passage.context, passage)

    def passages(
        self,
        node: Expression,
        factor: Expression,
        context: tuple[str, ...],
        above: Passage | None,
    ) -> Iterator[Passage]:
        """One step down, to each operand of an operation."""
        if isinstance(node, Call) and node.function in SINGLE_INDEX:
            return  # A position does not change by a little.
        if isinstance(node, Call) and node.indices:
            yield self._reduced(node, factor, context, above)
            return
        for position, partial in enumerate(partials(node, self.value)):
            yield Passage(above, node, position, partial, factor, context)

    def _reduced(
        self, node: Call, factor: Expression, context: tuple[str, ...], above: Passage | None
    ) -> Passage:
        taken = {*context, *free_indices(factor), *free_indices(node)}
        names: dict[str, str] = {}
        for index in node.indices:
            names[index] = fresh_index(index, taken) if index in taken else index
            taken.add(names[index])
        body = rename_indices(node.arguments[0], names)
        indices = tuple(names.values())
        partial = reduction_partial(node, body, indices, self.value)
        return Passage(above, node, 0, partial, factor, (*context, *indices))
