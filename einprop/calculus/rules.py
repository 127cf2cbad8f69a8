"""The derivative of each leaf function, read from its text in the table of functions."""

from __future__ import annotations

from functools import cache

from einprop.analysis.definitions import collect_definitions
from einprop.calculus.algebra import compared, product
from einprop.notation.functions import FUNCTIONS, Function
from einprop.notation.parser import parse_expression
from einprop.notation.tree import (
    Access,
    Call,
    Expression,
    Iverson,
    Multiply,
    map_children,
)

__all__ = ["leaf_derivative"]


@cache
def _parsed(function: Function, position: int) -> Expression:
    written = parse_expression(function.derivatives[position], function.parameters)
    return collect_definitions(()).expand(written)


def leaf_derivative(call: Call, position: int) -> Expression:
    """The derivative of a leaf call with respect to its argument at ``position``.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> call = parse("y[i] = tanh(x[i])")[0].expression
    >>> to_text(leaf_derivative(call, 0))
    '1 - tanh(x[i])^2'
    """
    function = FUNCTIONS[call.function]
    arguments = dict(zip(function.parameters, call.arguments, strict=True))
    return _substitute(_parsed(function, position), arguments)


def _substitute(expression: Expression, arguments: dict[str, Expression]) -> Expression:
    if isinstance(expression, Access):
        return arguments[expression.name]
    substituted = map_children(expression, lambda child: _substitute(child, arguments))
    match substituted:
        case Multiply():
            return product(substituted)
        case Iverson(left, operator, right):
            return compared(left, operator, right)
        case _:
            return substituted
