"""Pairwise contractions as a person writes them: ``x @ W``, ``x.T @ g``, ``torch.einsum(…)``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from einprop.backends.numpy_functions import CALL, PRODUCT
from einprop.backends.numpy_views import Axes, subscripts, view_of
from einprop.backends.source_dialect import Dialect, Expression, quoted
from einprop.execution.steps import Contraction, Letters, index_size

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["contraction", "transposed"]

Side = tuple[Expression, Letters]
"""An operand and the letters of its axes."""


def transposed(
    dialect: Dialect, expression: Expression, axes: Letters, target: Letters
) -> Expression:
    """The expression with its axes in the order of the target's letters."""
    permutation = tuple([axes.index(letter) for letter in target])
    return quoted(expression, CALL, lambda text: dialect.permuted(text, permutation))


def contraction(
    dialect: Dialect,
    groups: Contraction,
    left: Side,
    right: Side,
    target: Letters,
    sizes: Mapping[str, int],
) -> Expression:
    """The sum of products of two operands, its axes in the order of the target.

    >>> groups = Contraction(rows=("i",), columns=("j",), contracted=("b",))
    >>> x, g = (Expression("x"), ("b", "i")), (Expression("g"), ("b", "j"))
    >>> contraction(Dialect("float64"), groups, x, g, ("i", "j"), {}).text
    'x.T @ g'
    """
    if groups.batch and not groups.rows:
        return _einsum(dialect, left, right, target)
    if groups.batch:
        if dialect.einsums and not _stacked(groups, left, right, target):
            return _einsum(dialect, left, right, target)
        return _batched(dialect, groups, left, right, target, sizes)
    if not groups.rows and len(groups.contracted) > 1 and not dialect.einsums:
        other = transposed(dialect, right[0], right[1], left[1])
        return Expression(f"np.vdot({left[0].text}, {other.text})")
    matrices = max(len(left[1]), len(right[1])) <= 2
    in_line = left[1][-1:] == groups.contracted and len(right[1]) <= 2
    if len(groups.contracted) == 1 and (matrices or in_line):
        return _matrix_product(dialect, groups.contracted[0], left, right, target)
    return (_einsum if dialect.einsums else _tensordot)(dialect, left, right, target)


def _einsum(dialect: Dialect, left: Side, right: Side, target: Letters) -> Expression:
    text = subscripts(left[1], right[1], target)
    return Expression(f'{dialect.prefix}.einsum("{text}", {left[0].text}, {right[0].text})')


def _stacked(groups: Contraction, left: Side, right: Side, target: Letters) -> bool:
    """Whether the operands are stacks of matrices as they are, or with the last two axes swapped."""
    (rows, columns, summed), depth = (
        (groups.rows, groups.columns, groups.contracted),
        len(groups.batch),
    )
    if max(map(len, (rows, columns, summed))) > 1 or not columns:
        return False
    return (
        left[1][:depth] == right[1][:depth] == target[:depth] == groups.batch
        and target[depth:] == rows + columns
    )


def _product(left: Expression, right: Expression) -> Expression:
    a = left.text if left.binding >= PRODUCT else f"({left.text})"
    b = right.text if right.binding > PRODUCT else f"({right.text})"
    return Expression(f"{a} @ {b}", PRODUCT)


def _matrix_product(
    dialect: Dialect, summed: str, left: Side, right: Side, target: Letters
) -> Expression:
    rows = tuple([letter for letter in left[1] if letter != summed])
    columns = tuple([letter for letter in right[1] if letter != summed])
    result = _product(
        transposed(dialect, *left, (*rows, summed)),
        transposed(dialect, *right, (summed, *columns)),
    )
    return transposed(dialect, result, rows + columns, target)


def _tensordot(dialect: Dialect, left: Side, right: Side, target: Letters) -> Expression:
    summed = [letter for letter in left[1] if letter in right[1]]
    axes = [[side[1].index(letter) for letter in summed] for side in (left, right)]
    call = f"np.tensordot({left[0].text}, {right[0].text}, axes=({axes[0]}, {axes[1]}))"
    free = [letter for side in (left, right) for letter in side[1] if letter not in summed]
    return transposed(dialect, Expression(call), tuple(free), target)


def _batched(
    dialect: Dialect,
    groups: Contraction,
    left: Side,
    right: Side,
    target: Letters,
    sizes: Mapping[str, int],
) -> Expression:
    batch: list[Letters] = [(letter,) for letter in groups.batch]
    columns = groups.columns

    def seen(side: Side, *axes: Letters) -> Expression:
        wanted: Axes = [*batch, *axes]
        view = view_of(side[1], wanted, sizes)
        return quoted(side[0], CALL, lambda text: dialect.seen(view, text))

    result = _product(
        seen(left, groups.rows, groups.contracted), seen(right, groups.contracted, columns)
    )
    axes = groups.batch + groups.rows + columns
    if len(groups.rows) > 1 or len(columns) > 1:
        shape = ", ".join([str(index_size(sizes, letter)) for letter in axes])
        result = quoted(result, CALL, lambda text: f"{text}.reshape({shape})")
    elif not columns:
        result = quoted(result, CALL, lambda text: f"{text}[..., 0]")
    return transposed(dialect, result, axes, target)
