"""Expressions up to the names of their indices: two are the same if their canonical forms are equal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from einprop.analysis.indices import free_indices, rename_indices, target_indices
from einprop.notation.tree import (
    Access,
    Call,
    Equation,
    Expression,
    Index,
    Number,
    map_children,
    reads,
)

__all__ = ["Canonical", "canonical", "fold_equations"]


@dataclass(frozen=True)
class Canonical:
    """An expression with positions for index names.

    Attributes:
        form: The expression with its free indices numbered in order of appearance.
        indices: Those free indices, as they were named.
    """

    form: Expression
    indices: tuple[str, ...]


def canonical(expression: Expression) -> Canonical:
    """The canonical form of a core expression.

    >>> from einprop.notation.parser import parse
    >>> left, right = parse("y[b] = sum[i](x[b,i]); z[c] = sum[k](x[c,k])")
    >>> canonical(left.expression).form == canonical(right.expression).form
    True
    """
    indices = free_indices(expression)
    names = {index: f"#{n}" for n, index in enumerate(indices)}
    return Canonical(_number_bound(rename_indices(expression, names), 0), indices)


def _number_bound(expression: Expression, depth: int) -> Expression:
    if isinstance(expression, Call) and expression.indices:
        body = expression.arguments[0]
        order = [i for i in free_indices(body) if i in expression.indices]
        order += [i for i in expression.indices if i not in order]
        names = {index: f"%{depth + n}" for n, index in enumerate(order)}
        body = _number_bound(rename_indices(body, names), depth + len(order))
        return replace(expression, arguments=(body,), indices=tuple(names.values()))
    return map_children(expression, lambda child: _number_bound(child, depth))


def fold_equations(
    equations: Iterable[Equation], definitions: Iterable[Equation]
) -> list[Equation]:
    """Replace what a definition computes by a read of the tensor that it defines.

    Only a tensor defined by one equation with ``=`` and distinct plain subscripts can stand for its
    right side; an equation does not fold into itself.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> h, g = parse("h[b] = tanh(x[b]); x.grad[c] += h.grad[c] (1 - tanh(x[c])^2)")
    >>> print(to_text(fold_equations([g], [h])[0]))
    x.grad[c] += h.grad[c] (1 - h[c]^2)
    """
    table = _foldable(list(definitions))
    return [replace(e, expression=_fold(e.expression, e, table)) for e in equations]


def _foldable(definitions: list[Equation]) -> dict[Expression, tuple[Access, tuple[str, ...]]]:
    table: dict[Expression, tuple[Access, tuple[str, ...]]] = {}
    for equation in definitions:
        name, letters = equation.target.name, target_indices(equation.target)
        single = sum(e.target.name == name for e in definitions) == 1
        key = canonical(equation.expression)
        if (
            single
            and equation.operator == "="
            and len(letters) == len(equation.target.subscripts)
            # An index that stands in [i == j] alone has a range that the form does not tell.
            and set(letters) == {i for a in reads(equation) for i in target_indices(a)}
            and not isinstance(equation.expression, Access | Number)
        ):
            table.setdefault(key.form, (equation.target, key.indices))
    return table


def _fold(
    expression: Expression,
    inside: Equation,
    table: Mapping[Expression, tuple[Access, tuple[str, ...]]],
) -> Expression:
    if isinstance(expression, Access | Number):
        return expression
    key = canonical(expression)
    if key.form in table:
        target, indices = table[key.form]
        if target.name != inside.target.name:
            names = dict(zip(indices, key.indices, strict=True))
            subscripts = [s for s in target.subscripts if isinstance(s, Index)]
            return Access(target.name, tuple(Index(names[s.name]) for s in subscripts))
    return map_children(expression, lambda child: _fold(child, inside, table))
