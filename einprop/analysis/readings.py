"""What is said of an index that could be summed at two places: which readings there are."""

from __future__ import annotations

from collections.abc import Sequence

from einprop.analysis.stray import index_places, replace_node
from einprop.errors import IndexScopeError
from einprop.notation.functions import COMBINED
from einprop.notation.printer import to_text
from einprop.notation.tree import Call, Divide, Equation, Expression, Multiply, map_children

__all__ = ["refuse_groups", "refuse_quotient", "refuse_under_extremum", "refuse_wall"]


def refuse_wall(
    expression: Multiply | Divide, index: str, inside: Expression, beside: Sequence[Expression]
) -> IndexScopeError:
    """The error for an index that repeats in a product inside a call and occurs outside of it.

    Args:
        expression: The product that the call is a factor of.
        index: Which.
        inside: The product inside.
        beside: The factors outside that the index occurs in.
    """
    text = to_text(inside)
    apart = " ".join(map(to_text, beside)) if len(beside) > 1 else ""
    return IndexScopeError(
        f"index {index} repeats in {text} inside a call and occurs outside of it too: "
        "where is it summed?",
        [*index_places(expression, index)],
        f"write sum[{index}]({text}) inside, or rename the index there, "
        f"or sum[{index}](…) around all of it"
        + f", or ({apart}) in parentheses to sum each by itself"
        * bool(apart),
    )


def refuse_groups(
    expression: Multiply | Divide,
    index: str,
    groups: Sequence[Expression],
    summed: Sequence[Expression],
) -> IndexScopeError:
    """The error for an index that repeats in each of several factors.

    Args:
        expression: The product of the factors.
        index: Which.
        groups: The factors in which it repeats.
        summed: The same, each summed by itself.
    """
    each = dict(zip(map(id, groups), summed, strict=True))
    return IndexScopeError(
        f"index {index} repeats in {' and in '.join(map(to_text, groups))}: "
        "is each summed by itself, or all together?",
        [*index_places(expression, index)],
        f"write {to_text(map_children(expression, lambda child: each.get(id(child), child)))} "
        f"or {to_text(_summed(expression, index))}",
    )


def refuse_quotient(expression: Divide, index: str, own: str, above: Expression) -> IndexScopeError:
    """The error for an index that repeats above the line and stands below it beside a sum.

    Args:
        expression: The quotient.
        index: Which.
        own: The index that is summed below the line.
        above: What stands above the line, summed by itself.
    """
    each = Divide(above, _summed(expression.denominator, index))
    return IndexScopeError(
        f"index {index} repeats above the line and stands below it, where {own} is summed: "
        "is the quotient summed, or what stands above and below?",
        [*index_places(expression, index)],
        f"write {to_text(each)} or {to_text(_summed(expression, index))}",
    )


def _summed(expression: Expression, index: str) -> Expression:
    return Call("sum", (expression,), (index,))


def refuse_under_extremum(
    equation: Equation, indices: Sequence[str], node: Expression, lone: Sequence[str]
) -> IndexScopeError:
    """The error for indices that a sum under ``max=`` would run over.

    Args:
        equation: Where.
        indices: Which.
        node: What would be summed.
        lone: The indices that the operator runs over.
    """
    extremum = COMBINED[equation.operator]
    inside = replace_node(equation.expression, node, Call("sum", (node,), tuple(indices)))
    # A sum is a wall, behind which the operator finds no index.
    first = Call(extremum, (inside,), tuple(lone)) if lone else inside
    second = Call(extremum, (equation.expression,), (*lone, *indices))
    return IndexScopeError(
        f"index {indices[0]} repeats in {to_text(node)} under {equation.operator}: "
        f"is it summed, or does {equation.operator} run over it?",
        [*index_places(node, indices[0])],
        f"write {to_text(first)} or {to_text(second)}",
    )
