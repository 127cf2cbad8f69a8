"""Which axis of each tensor runs fastest in memory, so that products read and write plain views."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from einprop.execution.steps import Letters, index_size

__all__ = [
    "Layout",
    "Stored",
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
