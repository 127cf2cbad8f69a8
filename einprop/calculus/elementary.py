"""One operation an equation: the evaluation trace of a scalar program, as lectures number it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import count

from einprop.notation.tree import (
    Access,
    Add,
    Equation,
    Expression,
    Multiply,
    Negate,
    Number,
    map_children,
)

__all__ = ["elementary"]


def elementary(equations: Sequence[Equation], taken: Collection[str]) -> list[Equation]:
    """The equations with every operation in one of its own, which defines ``v1``, ``v2``, ….

    Sums and products of many go from left to right, two at a time; a subtraction is one operation.

    Args:
        equations: Core equations of scalars, no index in any.
        taken: The names of tensors; if one begins like ``v1`` the letter is doubled.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> for equation in elementary(parse("y = log(a) + a b - sin(b)"), "yab"):
    ...     print(to_text(equation))
    v1 = log(a)
    v2 = a b
    v3 = sin(b)
    v4 = v1 + v2
    v5 = v4 - v3
    y = v5
    """
    writer = _Writer(taken)
    for equation in equations:
        simple = writer.simple(equation.expression)
        writer.equations.append(replace(equation, expression=simple))
    return writer.equations


class _Writer:
    """The equations so far, and the names of their results."""

    def __init__(self, taken: Collection[str]) -> None:
        prefixes = ("v" * n for n in count(1))
        self.prefix = next(p for p in prefixes if not any(_numbered(name, p) for name in taken))
        self.equations: list[Equation] = []
        self.number = 0

    def simple(self, expression: Expression) -> Expression:
        """A tensor or a number that holds the value, once the equations so far have run."""
        match expression:
            case Access() | Number():
                return expression
            case Add(terms):
                return self._sum(terms)
            case Multiply(factors):
                first, *others = map(self.simple, factors)
                for factor in others:
                    first = self._define(Multiply((first, factor)))
                return first
            case _:
                return self._define(map_children(expression, self.simple))

    def _sum(self, terms: Sequence[Expression]) -> Expression:
        first, *others = [self.simple(terms[0]), *map(self._unsigned, terms[1:])]
        for term, value in zip(terms[1:], others, strict=True):
            added = Negate(value) if isinstance(term, Negate) else value
            first = self._define(Add((first, added)))
        return first

    def _unsigned(self, term: Expression) -> Expression:
        return self.simple(term.operand if isinstance(term, Negate) else term)

    def _define(self, operation: Expression) -> Expression:
        self.number += 1
        result = Access(f"{self.prefix}{self.number}")
        self.equations.append(Equation(result, "=", operation))
        return result


def _numbered(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and name[len(prefix) : len(prefix) + 1].isdigit()
