"""Windows in words: the slices, reshapes and strides that show an array at computed subscripts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from einprop.backends.numpy_views import permuted, slice_text, tuple_text
from einprop.execution.steps import Letters, index_size
from einprop.notation.tree import Affine

__all__ = ["composed", "positions", "sums_before", "window", "window_text"]

Array = NDArray[Any]


def window(array: Array, starts: tuple[int, ...], shape: tuple[int, ...], steps: Any) -> Array:
    """View of an array from ``starts``; axis k of the view moves by steps[k] along the array's axes."""
    strides = [
        sum(n * stride for n, stride in zip(row, array.strides, strict=True)) for row in steps
    ]
    first = array[tuple(slice(start, None) for start in starts)]
    view: Array = np.lib.stride_tricks.as_strided(first, shape, strides)
    return view


def positions(values: Array, size: int) -> Array:
    """Integers from 0 to size - 1; anything else is an error."""
    whole = np.asarray(values).astype(np.int64)
    wrong = (whole != values) | (whole < 0) | (whole >= size)
    if wrong.any():
        raise IndexError(f"{np.asarray(values)[wrong][0]} is not a position from 0 to {size - 1}")
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


def window_text(
    subscripts: Sequence[Affine],
    shape: Sequence[int],
    wanted: Letters,
    sizes: Mapping[str, int],
    here: Mapping[str, str],
) -> tuple[str, Callable[..., Array] | None]:
    """What shows an array at some subscripts, with {0} for the array; and the helper that it needs.

    Args:
        subscripts: One for each axis of the array.
        shape: The array's.
        wanted: The letters of the axes of the view, in order.
        sizes: Size of each index.
        here: The Python variables of the letters that are no axes.

    >>> subscripts = [Affine(((1, "b"),)), Affine(((2, "i"), (1, "p")), 1)]
    >>> window_text(subscripts, (3, 9), ("i", "b"), {"b": 3, "i": 4}, {"p": "p"})[0]
    '{0}[:, p + 1:p + 8:2].T'
    """
    terms = [[(c, i) for c, i in s.terms if i not in here] for s in subscripts]
    starts = [_sum([(c, here[i]) for c, i in s.terms if i in here], s.constant) for s in subscripts]
    letters = [letter for inner in terms for _, letter in inner]
    if max(map(len, terms), default=0) <= 1 and len(set(letters)) == len(letters):
        parts, turned = [], []
        for inner, start, size in zip(terms, starts, shape, strict=True):
            part, backwards = _part(inner, start, size, sizes)
            parts.append(part)
            turned += [backwards] if inner else []
        text = _indexed("{0}", parts)
        if any(turned):
            text += f"[{', '.join('::-1' if backwards else ':' for backwards in turned)}]"
        return permuted(text, tuple([letters.index(letter) for letter in wanted])), None
    split = _split(terms, starts, shape, sizes)
    if split is not None:
        text = f"{{0}}.reshape({', '.join(str(index_size(sizes, i)) for i in split)})"
        return permuted(text, tuple([split.index(letter) for letter in wanted])), None
    steps = [
        tuple_text([sum(c for c, i in inner if i == letter) for inner in terms])
        for letter in wanted
    ]
    extent = tuple_text([index_size(sizes, letter) for letter in wanted])
    return f"window({{0}}, {tuple_text(starts)}, {extent}, {tuple_text(steps)})", window


def _sum(terms: Sequence[tuple[int, str]], constant: int) -> str:
    """A sum as it is written.

    >>> _sum([(1, "t"), (-2, "p")], -1), _sum([], 3)
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
    terms: Sequence[tuple[int, str]], start: str, size: int, sizes: Mapping[str, int]
) -> tuple[str, bool]:
    """The index along one axis, and whether the slice has to be turned round."""
    if not terms:
        return start, False
    ((factor, letter),) = terms
    span = factor * (index_size(sizes, letter) - 1)
    if start.isdigit():
        first = int(start)
        stop = first + span + (1 if factor > 0 else -1)
        if index_size(sizes, letter) == 0:
            return ":0", False
        return slice_text(first, stop, factor, size), False
    # A stop before the axis would be counted from its end: a slice that runs up is turned round.
    low, high = (0, span) if factor > 0 else (span, 0)
    step = f":{abs(factor)}" if abs(factor) != 1 else ""
    return f"{_shifted(start, low)}:{_shifted(start, high + 1)}{step}", factor < 0


def _shifted(start: str, constant: int) -> str:
    """A start moved by a constant: ``t + 1`` by 2 is ``t + 3``."""
    head, sign, last = start.rpartition(" ")[0], "", start.rpartition(" ")[2]
    if last.isdigit() and head:
        head, _, sign = head.rpartition(" ")
        constant += int(last) if sign == "+" else -int(last)
        start = head
    return f"{start} {'+' if constant > 0 else '-'} {abs(constant)}" if constant else start


def _indexed(base: str, parts: Sequence[str]) -> str:
    """An array at some slices; whole axes at the end go without saying."""
    shown = list(parts)
    while shown and shown[-1] == ":":
        shown.pop()
    return f"{base}[{', '.join(shown)}]" if shown else base


def _split(
    terms: Sequence[Sequence[tuple[int, str]]],
    starts: Sequence[str],
    shape: Sequence[int],
    sizes: Mapping[str, int],
) -> Letters | None:
    """The letters of axes that are only split, row by row: ``x[b,D*h+d]``."""
    found: list[str] = []
    for inner, start, size in zip(terms, starts, shape, strict=True):
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
