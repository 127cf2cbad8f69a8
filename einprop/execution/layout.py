"""Which axis of each tensor runs fastest in memory, so that products read and write plain views."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

from einprop.execution.steps import Contraction, Letters, elements, index_size

__all__ = [
    "Layout",
    "Stored",
    "classify",
    "contraction_order",
    "dense",
    "long_letters",
    "mergeable",
]

Stored = Mapping[str, int]
"""How many cells a step of each letter is, outermost letter first."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a tensor lies.

    Attributes:
        root: The tensor whose memory it is.
        offset: Where it begins in that memory, in cells.
        strides: How many cells a step along each axis is.
        order: The axes from outermost to innermost.
    """

    root: str
    offset: int
    strides: tuple[int, ...]
    order: tuple[int, ...]

    def stored(self, indices: Letters, fixed: Collection[str] = ()) -> dict[str, int]:
        """The strides of the letters at the axes, outermost first, those that are fixed left out."""
        pairs = [(indices[axis], self.strides[axis]) for axis in self.order]
        return {letter: stride for letter, stride in pairs if letter not in fixed}


def dense(letters: Letters, sizes: Mapping[str, int]) -> dict[str, int]:
    """The strides of a tensor that fills its memory, outermost letter first.

    >>> dense(("b", "i"), {"b": 2, "i": 3})
    {'b': 3, 'i': 1}
    """
    strides, cells = {}, 1
    for letter in reversed(letters):
        strides[letter] = cells
        cells *= max(index_size(sizes, letter), 1)
    return {letter: strides[letter] for letter in letters}


def contraction_order(
    contraction: Contraction, target: Letters, sizes: Mapping[str, int]
) -> Letters:
    """The order as written where a product can write it in place, else batch, rows, columns.

    BLAS writes into strided rows as fast as into dense ones; only the innermost axis must be dense.
    """
    groups = (contraction.rows, contraction.columns)
    innermost = long_letters(target, sizes)[-1:]
    ends = any(innermost == long_letters(group, sizes)[-1:] for group in groups)
    if ends and mergeable(dense(target, sizes), groups, sizes):
        return target
    return contraction.batch + contraction.rows + contraction.columns


def mergeable(stored: Stored, groups: Sequence[Letters], sizes: Mapping[str, int]) -> bool:
    """Whether each group of axes lies in memory as one axis, so that merging it copies nothing.

    >>> sizes = {"b": 2, "h": 3, "d": 4}
    >>> mergeable(dense(("b", "h", "d"), sizes), [("b",), ("h", "d")], sizes)
    True
    >>> mergeable(dense(("b", "h", "d"), sizes), [("h",), ("b", "d")], sizes)
    False
    """
    return all(
        stored[outer] == stored[inner] * index_size(sizes, inner)
        for run in [long_letters(group, sizes) for group in groups]
        for outer, inner in pairwise(run)
    )


def long_letters(letters: Letters, sizes: Mapping[str, int]) -> Letters:
    """The letters whose place in memory matters: an axis of size 1 lies anywhere."""
    return tuple([letter for letter in letters if index_size(sizes, letter) != 1])


def classify(
    target: Letters, left: Stored, right: Stored, sizes: Mapping[str, int]
) -> tuple[Contraction, bool]:
    """Sort the indices of a contraction into groups, and say whether the operands change sides.

    The sides are chosen so that the target's last index is a column; the order inside each group so
    that the fewest cells are copied to merge its axes, and else as the target has it.

    Args:
        target: Letters of the target, as written.
        left: How the left operand lies in memory.
        right: How the right operand does.
        sizes: Size of each index.

    >>> sizes = {"b": 8, "i": 4, "j": 3}
    >>> x, w = dense(("b", "i"), sizes), dense(("i", "j"), sizes)
    >>> classify(("b", "j"), x, w, sizes)
    (Contraction(batch=(), rows=('b',), columns=('j',), contracted=('i',)), False)
    >>> classify(("b", "j"), w, x, sizes)
    (Contraction(batch=(), rows=('b',), columns=('j',), contracted=('i',)), True)
    """
    free_left = [i for i in target if i not in right]
    free_right = [i for i in target if i not in left]
    free = [i for i in target if i in free_left or i in free_right]
    last = (long_letters(tuple(free), sizes) or free or ("",))[-1]
    swapped = bool(free_right and (not free_left or last in free_left))
    if swapped:
        left, right = right, left
    batch = tuple([i for i in target if i in left and i in right])
    choices = product(
        _orders(target, left, right), _orders(target, right, left), _contracted(target, left, right)
    )

    def cost(choice: tuple[Letters, Letters, Letters]) -> int:
        rows, columns, contracted = choice
        return sum(
            0 if mergeable(side, [group, contracted], sizes) else elements(sizes, tuple(side))
            for side, group in ((left, rows), (right, columns))
        )

    rows, columns, contracted = min(choices, key=cost)
    return Contraction(batch, rows, columns, contracted), swapped


def _orders(target: Letters, side: Stored, other: Stored) -> list[Letters]:
    """The orders worth trying for the indices that only one side has."""
    written = tuple([i for i in target if i not in other])
    return [written, tuple([i for i in side if i in written])]


def _contracted(target: Letters, left: Stored, right: Stored) -> list[Letters]:
    return [tuple([i for i in side if i not in target]) for side in (left, right)]
