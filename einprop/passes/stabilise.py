"""Stable forms of what is written for the eye: log(1 + exp(x)) is softplus(x), exp(x) - 1 is expm1(x).

Only what the user wrote is read, before anything is derived, so that the derivatives are those of the
stable forms. Quotients of exponentials by their sums are left to `simplify`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from einprop.analysis.dependence import is_contribution
from einprop.analysis.indices import is_distinct, rename_indices
from einprop.notation.tree import (
    Access,
    Add,
    Call,
    Divide,
    Equation,
    Expression,
    Negate,
    Number,
)
from einprop.passes.builder import (
    Atom,
    Builder,
    letters,
)
from einprop.passes.decisions import Decision, in_words
from einprop.passes.sized import SizedProgram

__all__ = ["stabilise"]


def stabilise(program: SizedProgram) -> SizedProgram:
    """The flat program with stable forms in place of those that overflow or cancel.

    | written | becomes |
    | --- | --- |
    | log(1 + exp(a)) | softplus(a) |
    | log(1 + a), log(1 - a) | log1p(a), log1p(-a) |
    | log(sigmoid(a)) | -softplus(-a) |
    | log(1 - sigmoid(a)) | -softplus(a) |
    | 1 / (1 + exp(a)) | sigmoid(-a) |
    | exp(a) / (1 + exp(a)) | sigmoid(a) |
    | exp(a) - 1, 1 - exp(a) | expm1(a), -expm1(a) |

    What the old forms were computed from stays until `simplify` finds that nothing reads it.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> text = "e[i] = exp(x[i]); s[i] = 1 + e[i]; y[i] = log(s[i])"
    >>> for equation in stabilise(SizedProgram(parse(text), {"i": 3}, ("y",))).equations:
    ...     print(to_text(equation))
    e[i] = exp(x[i])
    s[i] = 1 + e[i]
    y[i] = softplus(x[i])
    """
    expressions = [equation.expression for equation in program.equations]
    exponentials = any(isinstance(e, Call) and e.function == "exp" for e in expressions)
    if not any(_may_change(e, exponentials=exponentials) for e in expressions):
        return program
    writer = _Stabiliser(program)
    for equation in program.equations:
        writer.add(equation)
    return replace(
        program,
        equations=tuple(writer.builder.equations),
        temporaries=program.temporaries | writer.builder.created,
        decisions=(*program.decisions, *writer.decisions(program.temporaries)),
    )


def _may_change(expression: Expression, *, exponentials: bool) -> bool:
    """Whether a right side is one of those that the table has, whatever its operands are."""
    match expression:
        case Call("log") | Divide(Number(1)) | Add((_, Number(-1) | Negate(Number(1)))):
            return True
        case Add((Number(1), Negate())) | Add((Negate(), Number(1))):
            return exponentials
        case Divide(Access()):
            return exponentials
        case Add((Number(-1) | Negate(Number(1)), _)):
            return True
        case _:
            return False


class _Stabiliser:
    """The equations so far, and what each tensor is."""

    def __init__(self, program: SizedProgram) -> None:
        self.builder = Builder(program.sizes, program.names, generic=program.generic)
        self.found: list[tuple[Expression, Expression]] = []

    def decisions(self, temporaries: Collection[str]) -> Iterator[Decision]:
        """What became what, made-up names replaced by what they stand for."""
        for pair in self.found:
            names = {*temporaries, *self.builder.created}
            old, new = (in_words(side, self.builder.defined, names) for side in pair)
            yield Decision("stabilised", f"{old} as {new}")

    def add(self, equation: Equation) -> None:
        """The next equation, in its stable form if it has one."""
        if not is_contribution(equation):
            found = self.stable(equation.expression)
            if found is not None:
                self.found.append((equation.expression, found))
                equation = replace(equation, expression=found)
        self.builder.add(equation)

    def stable(self, expression: Expression) -> Expression | None:
        """The stable form of a right side, if there is one."""
        match expression:
            case Call("log", (argument,)):
                return self.logarithm(argument)
            case Divide(dividend, divisor):
                return self.quotient(dividend, divisor)
            case Add((other, Number(-1) | Negate(Number(1)))):
                exponent = self.exponent(other)
                return None if exponent is None else Call("expm1", (exponent,))
            case Add((Number(-1) | Negate(Number(1)), other)):
                exponent = self.exponent(other)
                return None if exponent is None else Call("expm1", (exponent,))
            case Add((Number(1), Negate(other))) | Add((Negate(other), Number(1))):
                exponent = self.exponent(other)
                if exponent is None:
                    return None
                return Negate(self.builder.define(Call("expm1", (exponent,))))
            case _:
                return None

    def logarithm(self, argument: Expression) -> Expression | None:
        """The stable form of a logarithm."""
        match self.meaning(argument):
            case Call("sigmoid", (inner,)):
                return Negate(self.builder.define(Call("softplus", (self.negative(inner),))))
            case Add((Number(1), Negate(factor))) | Add((Negate(factor), Number(1))):
                match self.meaning(factor):
                    case Call("sigmoid", (inner,)):
                        return Negate(self.builder.define(Call("softplus", (inner,))))
                return Call("log1p", (self.builder.define(Negate(factor)),))
        other = self.beside_one(argument)
        if other is None:
            return None
        exponent = self.exponent(other)
        return Call("log1p", (other,)) if exponent is None else Call("softplus", (exponent,))

    def quotient(self, dividend: Expression, divisor: Expression) -> Expression | None:
        """The stable form of a quotient."""
        exponent = self.exponent(self.beside_one(divisor))
        if exponent is None:
            return None
        if dividend == Number(1):
            return Call("sigmoid", (self.negative(exponent),))
        return Call("sigmoid", (exponent,)) if self.exponent(dividend) == exponent else None

    def beside_one(self, expression: Expression) -> Expression | None:
        """The a of 1 + a."""
        match self.meaning(expression):
            case Add((Number(1), Access() as other)) | Add((Access() as other, Number(1))):
                return other
            case _:
                return None

    def exponent(self, expression: Expression | None) -> Expression | None:
        """The a of exp(a)."""
        match None if expression is None else self.meaning(expression):
            case Call("exp", (Access() as inner,)):
                return inner
            case _:
                return None

    def negative(self, atom: Expression) -> Atom:
        """The tensor that holds -a."""
        match self.meaning(atom):
            case Negate(Access() as operand):
                return operand
            case _:
                return self.builder.define(Negate(atom))

    def meaning(self, expression: Expression) -> Expression:
        """What a tensor is defined as, in the letters in which it is read here."""
        while isinstance(expression, Access) and is_distinct(expression):
            known = self.builder.defined.get(expression.name)
            if known is None:
                break
            names = dict(zip(letters(known.target), letters(expression), strict=True))
            changed = {old: new for old, new in names.items() if old != new}
            expression = rename_indices(known.expression, changed)
        return expression
