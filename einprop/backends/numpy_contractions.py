"""Pairwise contractions as a person writes them: ``x @ W``, ``x.T @ g``, ``np.tensordot(…)``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from einprop.backends.numpy_functions import CALL, PRODUCT
from einprop.backends.numpy_views import Axes, permuted, subscripts, view_of
from einprop.execution.steps import Contraction, Letters, index_size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Expression", "contraction", "quoted", "transposed"]


@dataclass(frozen=True, slots=True)
class Expression:
    """Python text and how tightly it binds."""

    text: str
    binding: int = CALL


Side = tuple[Expression, Letters]
"""An operand and the letters of its axes."""


def quoted(expression: Expression, need: int, wrap: Callable[[str], str]) -> Expression:
    """``wrap`` around the text, in brackets where it binds too loosely.

    >>> quoted(Expression("a + b", 2), CALL, lambda x: f"{x}.T").text
    '(a + b).T'
    """
    if wrap(expression.text) == expression.text:
        return expression
    loose = expression.binding < need
    return Expression(wrap(f"({expression.text})" if loose else expression.text))


def transposed(expression: Expression, axes: Letters, target: Letters) -> Expression:
    """The expression with its axes in the order of the target's letters."""
    permutation = tuple([axes.index(letter) for letter in target])
    return quoted(expression, CALL, lambda text: permuted(text, permutation))


def contraction(
    groups: Contraction, left: Side, right: Side, target: Letters, sizes: Mapping[str, int]
) -> Expression:
    """The sum of products of two operands, its axes in the order of the target.

    >>> groups = Contraction(rows=("i",), columns=("j",), contracted=("b",))
    >>> x, g = (Expression("x"), ("b", "i")), (Expression("g"), ("b", "j"))
    >>> contraction(groups, x, g, ("i", "j"), {}).text
    'x.T @ g'
    """
    if groups.batch and not groups.rows:
        text = subscripts(left[1], right[1], target)
        return Expression(f'np.einsum("{text}", {left[0].text}, {right[0].text})')
    if groups.batch:
        return _batched(groups, left, right, target, sizes)
    if not groups.rows and len(groups.contracted) > 1:
        other = transposed(right[0], right[1], left[1])
        return Expression(f"np.vdot({left[0].text}, {other.text})")
    matrices = max(len(left[1]), len(right[1])) <= 2
    in_line = left[1][-1:] == groups.contracted and len(right[1]) <= 2
    if len(groups.contracted) == 1 and (matrices or in_line):
        return _matrix_product(groups.contracted[0], left, right, target)
    return _tensordot(groups, left, right, target)


def _product(left: Expression, right: Expression) -> Expression:
    a = left.text if left.binding >= PRODUCT else f"({left.text})"
    b = right.text if right.binding > PRODUCT else f"({right.text})"
    return Expression(f"{a} @ {b}", PRODUCT)


def _matrix_product(summed: str, left: Side, right: Side, target: Letters) -> Expression:
    rows = tuple([letter for letter in left[1] if letter != summed])
    columns = tuple([letter for letter in right[1] if letter != summed])
    result = _product(
        transposed(*left, (*rows, summed)),
        transposed(*right, (summed, *columns)),
    )
    return transposed(result, rows + columns, target)


def _tensordot(groups: Contraction, left: Side, right: Side, target: Letters) -> Expression:
    summed = [letter for letter in left[1] if letter in groups.contracted]
    axes = [[side[1].index(letter) for letter in summed] for side in (left, right)]
    call = f"np.tensordot({left[0].text}, {right[0].text}, axes=({axes[0]}, {axes[1]}))"
    free = [letter for side in (left, right) for letter in side[1] if letter not in summed]
    return transposed(Expression(call), tuple(free), target)


def _batched(
    groups: Contraction, left: Side, right: Side, target: Letters, sizes: Mapping[str, int]
) -> Expression:
    batch: list[Letters] = [(letter,) for letter in groups.batch]
    columns = groups.columns

    def seen(side: Side, *axes: Letters) -> Expression:
        wanted: Axes = [*batch, *axes]
        return quoted(side[0], CALL, view_of(side[1], wanted, sizes).text)

    result = _product(
        seen(left, groups.rows, groups.contracted), seen(right, groups.contracted, columns)
    )
    axes = groups.batch + groups.rows + columns
    if len(groups.rows) > 1 or len(columns) > 1:
        shape = ", ".join([str(index_size(sizes, letter)) for letter in axes])
        result = quoted(result, CALL, lambda text: f"{text}.reshape({shape})")
    elif not columns:
        result = quoted(result, CALL, lambda text: f"{text}[..., 0]")
    return transposed(result, axes, target)
