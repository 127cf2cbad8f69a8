"""Flat equations -> steps: n-ary sums and products become pairs, what nobody needs goes."""

from __future__ import annotations

import math
from itertools import count
from typing import TYPE_CHECKING, Any

from einprop.execution.steps import (
    Contraction,
    Copy,
    Diagonal,
    Elementwise,
    Embed,
    Letters,
    Literal,
    Operand,
    Operation,
    Position,
    Reduction,
    Source,
    Step,
    elements,
)
from einprop.notation.functions import FUNCTIONS, OWN_PREFIX, SINGLE_INDEX
from einprop.notation.tree import (
    Access,
    Add,
    Call,
    Divide,
    Equation,
    Expression,
    Index,
    IndexValue,
    Iverson,
    Multiply,
    Negate,
    Number,
    Power,
    children,
    walk,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["lower"]

COMPARISONS = {
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
    "==": "equal",
    "!=": "not_equal",
}
POWERS: dict[float, Letters] = {
    -2.0: ("square", "reciprocal"),
    -1.0: ("reciprocal",),
    -0.5: ("sqrt", "reciprocal"),
    0.5: ("sqrt",),
    1.0: (),
    2.0: ("square",),
    4.0: ("square", "square"),
}
"""Exponents for which a few cheap passes beat the general power."""

_OF_NOTHING = {"sum": 0.0, "prod": 1.0, "max": -math.inf, "min": math.inf}
_OF_NOTHING |= dict.fromkeys(SINGLE_INDEX, math.nan)
"""The value of each reduction over no positions."""

_REPEATED = {"sum": "multiply", "prod": "power"}
"""What reducing over an index that the operand lacks does, given the number of repetitions."""


def lower(
    equations: Sequence[Equation], sizes: Mapping[str, int], outputs: Sequence[str]
) -> list[Step]:
    """The steps of a flat program, in order, each tensor written once.

    >>> from einprop.notation.tree import Access, Add, Equation, Index
    >>> a, b, c, y = (Access(name, (Index("i"),)) for name in "abcy")
    >>> for step in lower([Equation(y, "=", Add((a, b, c)))], {"i": 3}, ["y"]):
    ...     print(step.target.tensor, step.operation.function, [o.tensor for o in step.operands])
    y#1 add ['a', 'b']
    y add ['y#1', 'c']
    """
    steps: list[Step] = []
    literals: dict[str, float] = {}
    for equation in _needed(equations, outputs):
        value = _literal(equation.expression, literals)
        if value is not None and not equation.target.subscripts:
            literals[equation.target.name] = value
            if equation.target.name not in outputs:
                continue
        steps += _Lowering(equation, sizes, literals).steps()
    return steps


def _needed(equations: Sequence[Equation], outputs: Sequence[str]) -> list[Equation]:
    wanted, kept = set(outputs), []
    for equation in reversed(equations):
        if equation.target.name in wanted:
            kept.append(equation)
            nodes = walk(equation.expression)
            wanted.update(node.name for node in nodes if isinstance(node, Access))
    return kept[::-1]


def _literal(expression: Expression, literals: Mapping[str, float]) -> float | None:
    match expression:
        case Number(value):
            return _as_float(value)
        case Negate(operand):
            inner = _literal(operand, literals)
            return None if inner is None else -inner
        case Access(name, ()):
            return literals.get(name)
        case _:
            return None


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # A product of integers may be larger than any float.
        return math.inf if value > 0 else -math.inf


def _letters(access: Access) -> Letters:
    return tuple([s.name for s in access.subscripts if isinstance(s, Index)])


class _Lowering:
    """One equation on its way to steps: the letters of its target and the steps so far."""

    def __init__(
        self, equation: Equation, sizes: Mapping[str, int], literals: Mapping[str, float]
    ) -> None:
        self.equation = equation
        self.sizes = sizes
        self.literals = literals
        self.target = Operand(equation.target.name, _letters(equation.target))
        self.free = tuple(dict.fromkeys(self.target.indices))
        self.numbers = count(1)
        self.done: list[Step] = []

    def steps(self) -> list[Step]:
        """The equation's steps; the last one writes its target."""
        value = self.value(self.equation.expression)
        if len(self.free) < len(self.target.indices):
            spread = self.spread(value)
            self.emit(Embed(), self.target, spread)
        elif not self.retarget(value):
            self.emit(Copy(), self.target, value)
        return self.done

    def retarget(self, value: Source) -> bool:
        """Let the last step write the target itself where it writes the same cells."""
        if not self.done or not isinstance(value, Operand):
            return False
        last = self.done[-1]
        if last.target != value or set(value.indices) != set(self.free):
            return False
        self.done[-1] = Step(last.equation, last.operation, self.target, last.operands)
        return True

    def emit(self, operation: Operation, target: Operand, *operands: Source) -> Operand:
        self.done.append(Step(self.equation, operation, target, operands))
        return target

    def temporary(self, letters: Iterable[str]) -> Operand:
        """A new tensor over some letters, in the order of the target's subscripts."""
        rank = {letter: axis for axis, letter in enumerate(self.free)}
        ordered = sorted(dict.fromkeys(letters), key=lambda letter: rank.get(letter, len(rank)))
        return Operand(f"{self.target.tensor}#{next(self.numbers)}", tuple(ordered))

    def apply(self, function: str, *operands: Source) -> Operand:
        """An elementwise function of operands, over all the letters that they have."""
        letters = [letter for operand in operands for letter in _indices(operand)]
        return self.emit(Elementwise(function), self.temporary(letters), *operands)

    def spread(self, value: Source) -> Source:
        """The value over all letters of the target."""
        if set(_indices(value)) == set(self.free):
            return value
        return self.emit(Copy(), self.temporary(self.free), value)

    def value(self, expression: Expression) -> Source:
        """What an expression comes to: a tensor, a number, a position."""
        literal = _literal(expression, self.literals)
        if literal is not None:
            return Literal(literal)
        handler = _VALUES.get(type(expression))
        if handler is None:
            raise TypeError(f"not part of a flat program: {expression!r}")
        return handler(self, expression)

    def read(self, access: Access) -> Operand:
        operand = Operand(access.name, _letters(access))
        if len(set(operand.indices)) == len(operand.indices):
            return operand
        return self.emit(Diagonal(), self.temporary(operand.indices), operand)

    def call(self, call: Call) -> Source:
        if not call.indices:
            arguments = [self.value(argument) for argument in call.arguments]
            special = _CALLS.get(call.function)
            if special:
                return special(self, arguments)
            own = call.function not in FUNCTIONS or FUNCTIONS[call.function].own
            return self.apply(f"{OWN_PREFIX}{call.function}" if own else call.function, *arguments)
        (body,) = call.arguments
        if call.function == "sum" and isinstance(body, Multiply) and len(body.factors) == 2:
            left, right = body.factors
            return self.contract(self.value(left), self.value(right), call.indices)
        return self.reduce(call.function, self.value(body), call.indices)

    def add(self, terms: Sequence[Expression]) -> Source:
        """A chain of additions and subtractions that starts with a term that is not negated."""
        signed = [(t.operand, "subtract") if isinstance(t, Negate) else (t, "add") for t in terms]
        start = next((n for n, (_, function) in enumerate(signed) if function == "add"), None)
        if start is None:
            return self.apply("negative", self.add([term for term, _ in signed]))
        total = self.value(terms[start])
        for term, function in signed[:start] + signed[start + 1 :]:
            total = self.apply(function, total, self.value(term))
        return total

    def fold(self, operands: Sequence[Source]) -> Source:
        """A chain of products that meets its small operands first."""
        if len(operands) > 2:
            operands = sorted(operands, key=lambda o: elements(self.sizes, _indices(o)))
        result, *others = operands
        for operand in others:
            result = self.apply("multiply", result, operand)
        return result

    def divide(self, numerator: Source, denominator: Source) -> Operand:
        if numerator == Literal(1.0):
            return self.apply("reciprocal", denominator)
        return self.apply("divide", numerator, denominator)

    def power(self, base: Source, exponent: Source) -> Source:
        if isinstance(exponent, Literal) and not isinstance(base, Literal):
            if exponent.value == 3.0:
                return self.apply("multiply", self.apply("square", base), base)
            for function in POWERS.get(exponent.value, ("power",)):
                extra = (exponent,) if function == "power" else ()
                base = self.apply(function, base, *extra)
            return base
        return self.apply("power", base, exponent)

    def reduce(self, function: str, body: Source, indices: Letters) -> Source:
        """A reduction; an index that the body lacks repeats the body."""
        present = tuple([i for i in indices if i in _indices(body)])
        if present:
            kept = [i for i in _indices(body) if i not in present]
            body = self.emit(Reduction(function, present), self.temporary(kept), body)
        if function in SINGLE_INDEX and not present:
            return Literal(0.0)
        repeats = elements(self.sizes, [i for i in indices if i not in present])
        if len(present) < len(indices) and repeats == 0:
            return self.nothing(function, body)
        if repeats != 1 and function in _REPEATED:
            return self.apply(_REPEATED[function], body, Literal(float(repeats)))
        return body

    def nothing(self, function: str, body: Source) -> Source:
        """The value of a reduction over no positions at all."""
        value = _OF_NOTHING[function]
        return self.emit(Copy(), self.temporary(_indices(body)), Literal(value))

    def contract(self, left: Source, right: Source, indices: Letters) -> Source:
        """A pairwise contraction; what only one operand has is summed there first."""
        ours, theirs = set(_indices(left)), set(_indices(right))
        left = self.reduce("sum", left, tuple([i for i in indices if i in ours - theirs]))
        right = self.reduce("sum", right, tuple([i for i in indices if i in theirs - ours]))
        shared = tuple([i for i in indices if i in ours & theirs])
        kept = [i for side in (left, right) for i in _indices(side) if i not in shared]
        if shared:
            operation = Contraction(contracted=shared)
            result: Source = self.emit(operation, self.temporary(kept), left, right)
        else:
            result = self.apply("multiply", left, right)
        return self.reduce("sum", result, tuple([i for i in indices if i not in ours | theirs]))


def _clip(lowering: _Lowering, arguments: Sequence[Source]) -> Source:
    x, lower_bound, upper_bound = arguments
    return lowering.apply("minimum", lowering.apply("maximum", x, lower_bound), upper_bound)


_CALLS: dict[str, Callable[[_Lowering, Sequence[Source]], Source]] = {
    "clip": _clip,
    "pow": lambda lowering, arguments: lowering.power(*arguments),
    "stop_gradient": lambda _, arguments: arguments[0],
}
"""Functions that are other steps under a name of their own."""


_VALUES: dict[type, Callable[[_Lowering, Any], Source]] = {
    Access: _Lowering.read,
    Add: lambda lowering, node: lowering.add(node.terms),
    Call: _Lowering.call,
    Divide: lambda lowering, node: lowering.divide(*map(lowering.value, children(node))),
    IndexValue: lambda _, node: Position(node.name),
    Iverson: lambda lowering, node: lowering.apply(
        COMPARISONS[node.operator], *map(lowering.value, children(node))
    ),
    Multiply: lambda lowering, node: lowering.fold([*map(lowering.value, node.factors)]),
    Negate: lambda lowering, node: lowering.apply("negative", lowering.value(node.operand)),
    Power: lambda lowering, node: lowering.power(*map(lowering.value, children(node))),
}
"""How each node of an expression becomes steps."""


def _indices(source: Source) -> Letters:
    match source:
        case Operand(_, indices):
            return indices
        case Position(index):
            return (index,)
        case _:
            return ()
