"""Subscripts in words: slices, reshapes, windows and strides that show an array at computed places."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from einprop.backends.numpy_views import slice_text, tuple_text
from einprop.execution.steps import Letters, index_size
from einprop.notation.tree import Affine

__all__ = [
    "Slices",
    "Windows",
    "composed",
    "positions",
    "sliced",
    "split",
    "strided",
    "sum_text",
    "sums_before",
    "window",
    "windowed",
]

Array = NDArray[Any]


def window(array: Array, starts: Any, shape: Any, steps: Any) -> Array:
    """View from some starts; its axis k moves by steps[k] along the array's axes."""
    strides = [sum(np.multiply(row, array.strides)) for row in steps]
    first = array[tuple(slice(start, None) for start in starts)]
    return np.lib.stride_tricks.as_strided(first, shape, strides)


def positions(values: Array, size: int) -> Array:
    """Integers from 0 to size - 1; anything else is an error."""
    whole = np.asarray(values).astype(np.int64)
    wrong = (whole != values) | (whole < 0) | (whole >= size)
    if wrong.any():
        first = np.asarray(values)[wrong][0]
        raise IndexError(f"{first} is not a position from 0 to {size - 1}")
    return whole


def sums_before(array: Array, axis: int) -> Array:
    """Sum of what stands before each position of an axis."""
    sums = np.zeros_like(array)
    np.moveaxis(sums, axis, 0)[1:] = np.moveaxis(array, axis, 0)[:-1].cumsum(0)
    return sums


def composed(subscripts: Sequence[Affine], given: Mapping[str, Affine]) -> tuple[Affine, ...]:
    """Subscripts with integer combinations put in for their letters.

    >>> composed([Affine(((2, "i"),), 1)], {"i": Affine(((1, "p"), (1, "q")), 3)})
    (Affine(terms=((2, 'p'), (2, 'q')), constant=7, end=0),)
    """
    found = []
    for subscript in subscripts:
        terms: dict[str, int] = {}
        constant = subscript.constant
        for factor, letter in subscript.terms:
            constant += factor * given[letter].constant
            for inner, name in given[letter].terms:
                terms[name] = terms.get(name, 0) + factor * inner
        pairs = tuple([(factor, name) for name, factor in terms.items() if factor])
        found.append(Affine(pairs, constant))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Slices:
    """An array between brackets.

    Attributes:
        parts: What stands for each axis.
        letters: The letters of the axes that are left.
        turned: For each of these, whether it has to be turned round.
    """

    parts: tuple[str, ...]
    letters: Letters
    turned: tuple[bool, ...]

    @property
    def index(self) -> str:
        """What stands in the brackets; whole axes at the end go without saying."""
        shown = list(self.parts)
        while shown and shown[-1] == ":":
            shown.pop()
        return ", ".join(shown)


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows along axes of an array: ``x[2*i+p]``.

    Attributes:
        slices: Between which brackets the windows are looked for; its letters are those that say
            where a window stands.
        axes: The number of each axis that has windows, their count, their size, and their step.
        letters: The letters of the cells of each.
    """

    slices: Slices
    axes: tuple[tuple[int, int, int, int], ...]
    letters: Letters

    def order(self, *, last: bool) -> Letters:
        """The letters of the result's axes.

        Args:
            last: Whether the windows are the last axes, not those behind their own.
        """
        if last:
            return self.slices.letters + self.letters
        found: list[str] = []
        cells = {axis: letter for (axis, *_), letter in zip(self.axes, self.letters, strict=True)}
        for axis, letter in enumerate(self.slices.letters):
            found += [letter, cells[axis]] if axis in cells else [letter]
        return tuple(found)


def sliced(
    subscripts: Sequence[Affine],
    shape: Sequence[int],
    sizes: Mapping[str, int],
    here: Mapping[str, str],
    *,
    downwards: bool = True,
) -> Slices | None:
    """An array at subscripts of one letter at most, all of them different.

    Args:
        subscripts: One for each axis of the array.
        shape: The array's.
        sizes: Size of each index.
        here: The Python variables of the letters that are no axes.
        downwards: Whether a slice may run downwards.

    >>> sliced([Affine(((1, "b"),)), Affine(((2, "i"), (1, "p")), 1)], (3, 9), {"b": 3, "i": 4}, {"p": "p"})
    Slices(parts=(':', 'p + 1 : p + 8 : 2'), letters=('b', 'i'), turned=(False, False))
    """
    terms, starts = _divided(subscripts, here)
    letters = [letter for inner in terms for _, letter in inner]
    if max(map(len, terms), default=0) > 1 or len(set(letters)) < len(letters):
        return None
    parts, turned = [], []
    for inner, start, size in zip(terms, starts, shape, strict=True):
        part, backwards = _part(inner, start, size, sizes, downwards=downwards)
        parts.append(part)
        turned += [backwards] if inner else []
    return Slices(tuple(parts), tuple(letters), tuple(turned))


def windowed(
    subscripts: Sequence[Affine],
    shape: Sequence[int],
    sizes: Mapping[str, int],
    here: Mapping[str, str],
    *,
    downwards: bool = True,
    weights: Mapping[str, int] | None = None,
) -> Windows | None:
    """An array at subscripts such as ``2*i+p``, where p runs over a window at each i.

    >>> found = windowed([Affine(((2, "i"), (1, "p")))], (9,), {"i": 4, "p": 3}, {})
    >>> found.slices.parts, found.axes, found.order(last=True)
    ((':',), ((0, 4, 3, 2),), ('i', 'p'))
    """
    terms, starts = _divided(subscripts, here)
    letters = [letter for inner in terms for _, letter in inner]
    if max(map(len, terms)) != 2 or len(set(letters)) < len(letters):
        return None
    parts, places, cells, axes = [], list[str](), list[str](), list[tuple[int, int, int, int]]()
    for inner, start, size in zip(terms, starts, shape, strict=True):
        if len(inner) == 2:
            count = {letter: index_size(sizes, letter) for _, letter in inner}
            weight = {i: index_size({**sizes, **(weights or {})}, i) for i in count}
            ranked = sorted(inner, key=lambda term: (term[0], weight[term[1]]))
            (one, cell), (step, place) = ranked
            if one != 1 or 0 in count.values():
                return None
            length = step * (count[place] - 1) + count[cell]
            axes.append((len(places), count[place], count[cell], step))
            cells.append(cell)
            places.append(place)
            whole = start == "0" and length == size
            parts.append(":" if whole else _span(start, 0, length, 1))
            continue
        part, backwards = _part(inner, start, size, sizes, downwards=downwards)
        if backwards:
            return None
        parts.append(part)
        places += [letter for _, letter in inner]
    slices = Slices(tuple(parts), tuple(places), (False,) * len(places))
    return Windows(slices, tuple(axes), tuple(cells))


def strided(
    subscripts: Sequence[Affine],
    wanted: Letters,
    sizes: Mapping[str, int],
    here: Mapping[str, str],
) -> str:
    """A call of `window` for the array {0}: it takes any subscripts.

    >>> strided([Affine(((1, "i"),)), Affine(((1, "i"),))], ("i",), {"i": 4}, {})
    'window({0}, (0, 0), (4,), ((1, 1),))'
    """
    terms, starts = _divided(subscripts, here)
    steps = [
        tuple_text([sum(c for c, i in inner if i == letter) for inner in terms])
        for letter in wanted
    ]
    extent = tuple_text([index_size(sizes, letter) for letter in wanted])
    return f"window({{0}}, {tuple_text(starts)}, {extent}, {tuple_text(steps)})"


def split(
    subscripts: Sequence[Affine],
    shape: Sequence[int],
    sizes: Mapping[str, int],
    here: Mapping[str, str],
) -> Letters | None:
    """The letters of axes that are only split, row by row: ``x[b,D*h+d]``.

    >>> split([Affine(((3, "h"), (1, "d")))], (6,), {"h": 2, "d": 3}, {})
    ('h', 'd')
    """
    found: list[str] = []
    for inner, start, size in zip(*_divided(subscripts, here), shape, strict=True):
        ordered = sorted(inner, reverse=True)
        rows = [
            math.prod(index_size(sizes, i) for _, i in ordered[n + 1 :])
            for n in range(len(ordered))
        ]
        whole = math.prod(index_size(sizes, i) for _, i in ordered)
        if start != "0" or [c for c, _ in ordered] != rows or whole != size:
            return None
        found += [letter for _, letter in ordered]
    return tuple(found) if len(set(found)) == len(found) else None


def _divided(
    subscripts: Sequence[Affine], here: Mapping[str, str]
) -> tuple[list[list[tuple[int, str]]], list[str]]:
    """Of each subscript the terms that are axes, and where it starts."""
    terms = [[(c, i) for c, i in s.terms if i not in here] for s in subscripts]
    starts = [
        sum_text([(c, here[i]) for c, i in s.terms if i in here], s.constant) for s in subscripts
    ]
    return terms, starts


def sum_text(terms: Sequence[tuple[int, str]], constant: int) -> str:
    """A sum as it is written.

    >>> sum_text([(1, "t"), (-2, "p")], -1), sum_text([], 3)
    ('t - 2 * p - 1', '3')
    """
    text = ""
    for factor, name in [*terms, *([(constant, "")] if constant or not terms else [])]:
        size = abs(factor)
        shown = str(size) if not name else name if size == 1 else f"{size} * {name}"
        sign = "-" if factor < 0 else "+"
        text += f" {sign} {shown}" if text else (f"-{shown}" if factor < 0 else shown)
    return text


def _part(
    terms: Sequence[tuple[int, str]],
    start: str,
    size: int,
    sizes: Mapping[str, int],
    *,
    downwards: bool,
) -> tuple[str, bool]:
    """The index along one axis, and whether the slice has to be turned round."""
    if not terms:
        return start, False
    ((factor, letter),) = terms
    span = factor * (index_size(sizes, letter) - 1)
    if index_size(sizes, letter) == 0:
        return ":0", False
    if start.isdigit() and (factor > 0 or downwards):
        first = int(start)
        return slice_text(first, first + span + (1 if factor > 0 else -1), factor, size), False
    # A stop before the axis would be counted from its end: a slice that runs up is turned round.
    low, high = (0, span) if factor > 0 else (span, 0)
    if start.isdigit():
        return slice_text(int(start) + low, int(start) + high + 1, abs(factor), size), True
    return _span(start, low, high + 1, abs(factor)), factor < 0


def _span(start: str, low: int, high: int, step: int) -> str:
    """A slice that is counted from a start, as formatters leave it."""
    if start.isdigit():
        ends = [str(int(start) + low or ""), str(int(start) + high)]
    else:
        ends = [_shifted(start, low), _shifted(start, high)]
    ends += [str(step)] if step != 1 else []
    return (":" if all(re.fullmatch(r"\w*", end) for end in ends) else " : ").join(ends).strip()


def _shifted(start: str, constant: int) -> str:
    """A start moved by a constant: ``t + 1`` by 2 is ``t + 3``."""
    head, sign, last = start.rpartition(" ")[0], "", start.rpartition(" ")[2]
    if last.isdigit() and head:
        head, _, sign = head.rpartition(" ")
        constant += int(last) if sign == "+" else -int(last)
        start = head
    return f"{start} {'+' if constant > 0 else '-'} {abs(constant)}" if constant else start
