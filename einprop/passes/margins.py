"""Margins around the axes of a tensor: how wide they are, and what each run of their cells is a copy of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from einprop.analysis.indices import unprimed
from einprop.notation.tree import Affine, Index, Subscript
from einprop.passes.sized import plain_position

__all__ = ["Margin", "Piece", "clamped", "combinations", "reach", "wrapped"]

NewLetter = Callable[[int], str]
"""Gives a letter of a size."""


@dataclass(frozen=True)
class Margin:
    """How far accesses reach out of an axis: cells before the first and after the last position."""

    before: int = 0
    after: int = 0

    def joined(self, other: Margin) -> Margin:
        """The margin that holds both."""
        return Margin(max(self.before, other.before), max(self.after, other.after))


@dataclass(frozen=True)
class Piece:
    """A run of cells along an axis: where it comes from, and where it stands in the larger tensor."""

    here: Subscript
    there: Subscript


def reach(subscript: Index | Affine, size: int, sizes: Mapping[str, int]) -> Margin:
    """How far the positions of a subscript go beyond an axis.

    >>> reach(Affine(((2, "i"),), -1), 4, {"i": 3})
    Margin(before=1, after=0)
    """
    terms = ((1, subscript.name),) if isinstance(subscript, Index) else subscript.terms
    low = high = 0 if isinstance(subscript, Index) else subscript.constant
    for factor, index in terms:
        last = factor * max(sizes[unprimed(index)] - 1, 0)
        low, high = low + min(last, 0), high + max(last, 0)
    return Margin(max(-low, 0), max(high - size + 1, 0))


def wrapped(
    size: int, margin: Margin, letter: NewLetter, sizes: Mapping[str, int]
) -> Iterator[Piece]:
    """The margins of an axis that goes on with its other end, turn by turn."""
    for start in range(0, margin.after, max(size, 1)):
        run = letter(min(size, margin.after - start))
        here = plain_position(Affine(((1, run),)), size, sizes)
        yield Piece(here, Affine(((1, run),), margin.before + size + start))
    for stop in range(margin.before, 0, -max(size, 1)):
        length = min(size, stop)
        run = letter(length)
        here = plain_position(Affine(((1, run),), size - length), size, sizes)
        yield Piece(here, Affine(((1, run),), stop - length))


def clamped(size: int, margin: Margin, letter: NewLetter) -> Iterator[Piece]:
    """The margins of an axis that repeats its ends."""
    ends = ((margin.before, 0, 0), (margin.after, margin.before + size, size - 1))
    for length, start, edge in ends:
        if length:
            yield Piece(Affine((), edge), Affine(((1, letter(length)),), start))


def combinations(pieces: Sequence[Sequence[Piece]]) -> Iterator[list[Piece]]:
    """One piece of each axis, in every way."""
    if not pieces:
        yield []
        return
    for piece in pieces[0]:
        for rest in combinations(pieces[1:]):
            yield [piece, *rest]
