"""What is said of an index that no rule sums: where it stands, and which spellings would be legal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from einprop.analysis.indices import subscript_indices
from einprop.errors import IndexScopeError, Place
from einprop.notation.functions import COMBINED, keeps_extremum
from einprop.notation.printer import to_text
from einprop.notation.tree import (
    Access,
    Add,
    Call,
    Equation,
    Expression,
    IndexValue,
    Negate,
    Power,
    children,
    map_children,
)

__all__ = ["IsLegal", "index_places", "refuse_missing", "refuse_stray", "replace_node"]

IsLegal = Callable[[Equation, str], bool]
"""Whether an equation would leave an index nowhere stray."""


def _access_places(access: Access, index: str) -> Iterator[Place | None]:
    for subscript in access.subscripts:
        if index in subscript_indices(subscript):
            yield subscript.place or access.place


def index_places(expression: Expression, index: str) -> Iterator[Place | None]:
    """Where an index stands free in an expression."""
    if isinstance(expression, Access):
        yield from _access_places(expression, index)
    elif isinstance(expression, IndexValue) and expression.name == index:
        yield expression.place
    elif not (isinstance(expression, Call) and index in expression.indices):
        for child in children(expression):
            yield from index_places(child, index)


def refuse_missing(equation: Equation, missing: list[str]) -> IndexScopeError:
    """The error for indices that are on the left and in no term on the right."""
    index, target = missing[0], to_text(equation.target)
    return IndexScopeError(
        f"index {index} is on the left of {target} and in no term on the right",
        [*_access_places(equation.target, index)],
        f"use {index} on the right, take it off the left, or give its range, as in: "
        f"where {index} in 0:8",
    )


def refuse_stray(
    equation: Equation, index: str, node: Expression, missing: list[str], is_legal: IsLegal
) -> IndexScopeError:
    """The error for an index that occurs once on the right and is not on the left.

    Args:
        equation: Where.
        index: Which.
        node: What holds it.
        missing: Indices that are on the left and in no term on the right.
        is_legal: Tells which rewritten equations to offer.
    """
    places = [*index_places(node, index)] or [node.place]
    rewrites = list(_rewrites(equation, index, node, is_legal))
    if missing:
        target = to_text(equation.target)
        return IndexScopeError(
            f"index {missing[0]} is on the left of {target} and in no term on the right; "
            f"index {index} in {to_text(node)} is not on the left and occurs once",
            [*_access_places(equation.target, missing[0]), *places],
            " or write ".join([f"is {index} meant to be {missing[0]}?", *rewrites[:1]]),
        )
    asked = "is it to be summed"
    if keeps_extremum(equation.operator):
        asked = f"does {equation.operator} run over it"
    return IndexScopeError(
        f"index {index} in {to_text(node)} is not on the left and occurs once: {asked}?",
        places,
        "write " + " or ".join(rewrites),
    )


def _path(expression: Expression, node: Expression) -> tuple[Expression, ...]:
    """The nodes from an additive term down to ``node``, both included; empty if it is not inside."""
    if expression is node:
        return (expression,)
    for child in children(expression):
        path = _path(child, node)
        if path:
            return path if isinstance(expression, Add | Negate) else (expression, *path)
    return ()


def _rewrites(equation: Equation, index: str, node: Expression, is_legal: IsLegal) -> Iterator[str]:
    """The legal spellings: reduced around the term, innermost around the access, or by ``+=``."""
    path = _path(equation.expression, node)
    outer, inner = path[0], next((p for p in path if not isinstance(p, Call | Power)), node)
    reduction = COMBINED[equation.operator]
    around = Call(reduction, (outer,), (index,))
    within = replace_node(outer, inner, Call(reduction, (inner,), (index,)))
    for term in dict.fromkeys((around, within)):
        whole = replace_node(equation.expression, outer, term)
        if is_legal(replace(equation, expression=whole), index):
            yield to_text(term)
    accumulating = replace(equation, operator="+=")
    if equation.operator == "=" and is_legal(accumulating, index):
        yield to_text(accumulating)


def replace_node(expression: Expression, old: Expression, new: Expression) -> Expression:
    """The tree with one node, told by identity, replaced."""
    if expression is old:
        return new
    return map_children(expression, lambda child: replace_node(child, old, new))
