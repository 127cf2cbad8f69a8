"""Products, quotients and powers put together as a person would: signs out, ones and zeros away."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from einprop.notation.tree import (
    Add,
    Divide,
    Expression,
    Iverson,
    Multiply,
    Negate,
    Number,
    Power,
)

__all__ = [
    "combined",
    "compared",
    "constant",
    "divided",
    "factored",
    "negate",
    "number",
    "power",
    "product",
    "quotient",
    "total",
]

_EXACT = 2**53
_ONE = Number(1)
_ZERO = Number(0)


def number(value: float) -> Expression:
    """A constant of either sign."""
    return Negate(Number(-value)) if value < 0 else Number(value)


def constant(expression: Expression) -> int | float | None:
    """The value of a constant of either sign; None for anything else."""
    match expression:
        case Number(value):
            return value
        case Negate(Number(value)):
            return -value
        case _:
            return None


def combined(left: float, right: float) -> int | float | None:
    """The product of two constants; None where it would overflow or vanish, though they do not.

    >>> combined(2, 3), combined(1e200, 1e200), combined(1e-200, 1e-200)
    (6, None, None)
    """
    result = left * right
    if isinstance(result, int) and abs(result) > _EXACT:
        result = float(left) * float(right)
    return _unless_lost(result, left, right, vanishes=left != 0 and right != 0)


def divided(left: float, right: float) -> int | float | None:
    """The quotient of two constants, the second not 0; None where it would overflow or vanish.

    >>> divided(1, 4), divided(1, 1e-320)
    (0.25, None)
    """
    return _unless_lost(float(left) / float(right), left, right, vanishes=left != 0)


def _unless_lost(result: float, left: float, right: float, *, vanishes: bool) -> int | float | None:
    """The result, unless it overflows or, where 0 would mean that, vanishes."""
    lost = not math.isfinite(result) or (result == 0 and vanishes)
    return None if lost and math.isfinite(left) and math.isfinite(right) else result


def negate(expression: Expression) -> Expression:
    """``-expression``, two signs cancelling."""
    match expression:
        case Negate(operand):
            return operand
        case Number(value) if value == 0:
            return expression
        case _:
            return Negate(expression)


@dataclass
class _Fraction:
    """A product taken apart."""

    above: list[Expression] = field(default_factory=list)
    below: list[Expression] = field(default_factory=list)
    coefficient: int | float = 1
    divisor: int | float = 1

    def multiply(self, factor: Expression) -> None:
        match factor:
            case Number(value):
                whole = combined(self.coefficient, value)
                if whole is None:
                    self.above.append(factor)
                else:
                    self.coefficient = whole
            case Negate(operand):
                self.coefficient = -self.coefficient
                self.multiply(operand)
            case Multiply(factors):
                for inner in factors:
                    self.multiply(inner)
            case Divide(numerator, denominator):
                self.multiply(numerator)
                self.divide(denominator)
            case _:
                self.above.append(factor)

    def divide(self, factor: Expression) -> None:
        match factor:
            case Number(value):
                whole = combined(self.divisor, value)
                if whole is None:
                    self.below.append(factor)
                else:
                    self.divisor = whole
            case Negate(operand):
                self.coefficient = -self.coefficient
                self.divide(operand)
            case Multiply(factors):
                for inner in factors:
                    self.divide(inner)
            case _:
                self.below.append(factor)

    def together(self) -> Expression:
        coefficient, divisor = abs(self.coefficient), self.divisor
        if coefficient == 0 and divisor != 0:
            return _ZERO
        whole = isinstance(coefficient, int) and isinstance(divisor, int) and divisor != 0
        if whole and coefficient % divisor == 0:
            coefficient, divisor = coefficient // divisor, 1
        above = [Number(coefficient), *self.above] if coefficient != 1 else self.above
        below = [Number(divisor), *self.below] if divisor != 1 else self.below
        result = _joined(above)
        if below:
            result = Divide(result, _joined(below))
        return Negate(result) if self.coefficient < 0 else result


def _joined(factors: list[Expression]) -> Expression:
    if not factors:
        return _ONE
    return factors[0] if len(factors) == 1 else Multiply(tuple(factors))


def product(*factors: Expression) -> Expression:
    """The product in the order given, number first, one division at most.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> a, b = (e.expression for e in parse("y = -a / c; z = 2 b"))
    >>> to_text(product(a, b))
    '-2 a b / c'
    """
    fraction = _Fraction()
    for factor in factors:
        fraction.multiply(factor)
    return fraction.together()


def factored(expression: Expression) -> tuple[Expression, ...]:
    """The factors of a product or quotient: a number first, a divisor as ``1 / divisor``.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> [to_text(f) for f in factored(parse("y = -2 a / (b c)")[0].expression)]
    ['-2', 'a', '1 / b', '1 / c']
    """
    fraction = _Fraction()
    fraction.multiply(expression)
    numbers = [number(fraction.coefficient)] if fraction.coefficient != 1 else []
    below = [*([Number(fraction.divisor)] if fraction.divisor != 1 else []), *fraction.below]
    return (*numbers, *fraction.above, *(Divide(_ONE, factor) for factor in below))


def quotient(numerator: Expression, denominator: Expression) -> Expression:
    """``numerator / denominator`` as one fraction."""
    fraction = _Fraction()
    fraction.multiply(numerator)
    fraction.divide(denominator)
    return fraction.together()


def compared(left: Expression, operator: str, right: Expression) -> Expression:
    """An Iverson bracket; whether one differs from 0 is what it says already."""
    if isinstance(left, Iverson) and operator == "!=" and constant(right) == 0:
        return left
    return Iverson(left, operator, right)


def total(terms: Iterable[Expression]) -> Expression:
    """The sum of terms, zeros left out."""
    kept = [t for t in terms if constant(t) != 0]
    if not kept:
        return _ZERO
    return kept[0] if len(kept) == 1 else Add(tuple(kept))


def power(base: Expression, exponent: Expression) -> Expression:
    """``base ^ exponent``; the exponents 0 and 1 are worked out."""
    value = constant(exponent)
    if value == 1:
        return base
    return _ONE if value == 0 else Power(base, exponent)
