"""Tensors put together from contributions: which cells each one names, which meet, what may be copied."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from einprop.analysis.cells import Runs
from einprop.execution.steps import Letters, elements, index_size
from einprop.notation.tree import Access, Affine, Index, Subscript

__all__ = [
    "Cells",
    "Manner",
    "cells_of",
    "is_injective",
    "letter_strides",
    "manners",
    "overlapping",
    "positions",
    "subscript_letters",
]

Places = range | frozenset[int]
"""The positions along one axis."""

_FEW = 4096
"""Positions that are worth enumerating."""


@dataclass(frozen=True)
class Cells:
    """The cells that one contribution names.

    Attributes:
        axes: The positions along each axis, or None where they are not known before the call.
        count: How many combinations of positions of its letters there are.
        injective: Whether each combination names another cell.
        loop: The number of the outermost loop that it is made in, if there is one.
    """

    axes: tuple[Places | None, ...]
    count: int
    injective: bool
    loop: int | None = None


@dataclass(frozen=True)
class Manner:
    """How a contribution is written.

    Attributes:
        copies: Whether its cells hold nothing yet.
        alone: Whether no other contribution names its cells.
    """

    copies: bool
    alone: bool


def manners(contributions: Sequence[Cells], size: int) -> tuple[bool, list[Manner]]:
    """Whether the tensor must be filled first, and how each contribution is then written.

    Args:
        contributions: In the order in which they are made.
        size: The number of cells of the tensor.
    """
    near = _near(contributions)
    found = []
    for number, cells in enumerate(contributions):
        others = [n for n in near(cells) if n != number]
        before = (n for n in others if n < number or _interleaved(contributions[n], cells))
        fresh = cells.injective and all(_disjoint(cells, contributions[n]) for n in before)
        alone = fresh and all(_disjoint(cells, contributions[n]) for n in others)
        found.append(Manner(fresh, alone))
    first = contributions[0]
    covered = all(manner.alone for manner in found) and size == sum(c.count for c in contributions)
    return not (covered or (found[0].copies and first.count == size)), found


def _near(contributions: Sequence[Cells]) -> Callable[[Cells], Iterable[int]]:
    """For a contribution the numbers of those that may meet it, told along one axis."""
    spans = [[_span(axis) for axis in cells.axes] for cells in contributions]
    rank = min(map(len, spans))
    if not rank or len(contributions) == 1:
        return lambda cells: range(len(contributions))
    axis = max(range(rank), key=lambda axis: len({own[axis] for own in spans}))
    runs = Runs([own[axis] for own in spans])
    return lambda cells: runs.meeting(*_span(cells.axes[axis]))


def _span(places: Places | None) -> tuple[float, float]:
    """The first and the last of some positions; none at all meet none."""
    if places is None:
        return -math.inf, math.inf
    if not places:
        return math.inf, -math.inf
    return (places[0], places[-1]) if isinstance(places, range) else (min(places), max(places))


def _interleaved(one: Cells, other: Cells) -> bool:
    return one.loop is not None and one.loop == other.loop


def _disjoint(one: Cells, other: Cells) -> bool:
    return any(
        a is not None and b is not None and _apart(a, b)
        for a, b in zip(one.axes, other.axes, strict=True)
    )


def _apart(one: Places, other: Places) -> bool:
    if not one or not other:
        return True
    if isinstance(one, range) and isinstance(other, range):
        if one[-1] < other[0] or other[-1] < one[0]:
            return True
        if (one[0] - other[0]) % math.gcd(one.step, other.step):
            return True
    small, large = sorted((one, other), key=len)
    return len(small) <= _FEW and not any(place in large for place in small)


def cells_of(
    subscripts: Sequence[Subscript],
    shape: Sequence[int],
    sizes: Mapping[str, int],
    loop: int | None = None,
) -> Cells:
    """The cells at some subscripts of a tensor.

    >>> from einprop.notation.parser import parse
    >>> (equation,) = parse("X[b,2*i+1] += x[b,i]")
    >>> cells_of(equation.target.subscripts, (2, 8), {"b": 2, "i": 3}).axes
    (range(0, 2), range(1, 7, 2))
    """
    letters = subscript_letters(subscripts)
    strides = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    affine = [subscript for subscript in map(positions, subscripts) if subscript is not None]
    injective = len(affine) == len(subscripts) and is_injective(
        letter_strides(affine, strides), letters, sizes
    )
    axes = tuple([_places(positions(subscript), sizes) for subscript in subscripts])
    return Cells(axes, elements(sizes, letters), injective, loop)


def positions(subscript: Subscript) -> Affine | None:
    """A subscript as an integer combination, if it is one.

    >>> positions(Index("i"))
    Affine(terms=((1, 'i'),), constant=0, end=0)
    """
    match subscript:
        case Index(name):
            return Affine(((1, name),))
        case Affine(_, _, 0):
            return Affine(subscript.terms, subscript.constant)
        case Access():
            return None
        case _:
            raise TypeError(f"not a subscript of a flat program: {subscript!r}")


def subscript_letters(subscripts: Iterable[Subscript]) -> Letters:
    """The index letters of subscripts, each once, in order of appearance.

    >>> subscript_letters([Affine(((2, "i"), (1, "p"))), Access("tok", (Index("b"),)), Index("i")])
    ('i', 'p', 'b')
    """
    found: dict[str, None] = {}
    for subscript in subscripts:
        match subscript:
            case Access(_, inner):
                found |= dict.fromkeys(subscript_letters(inner))
            case _:
                place = positions(subscript)
                found |= dict.fromkeys(name for _, name in place.terms) if place else {}
    return tuple(found)


def letter_strides(subscripts: Sequence[Affine], strides: Sequence[int]) -> dict[str, int]:
    """How many cells a step of each letter is, in a tensor with these strides.

    >>> letter_strides([Affine(((1, "i"),)), Affine(((2, "i"), (-1, "p")))], [10, 1])
    {'i': 12, 'p': -1}
    """
    found: dict[str, int] = {}
    for subscript, stride in zip(subscripts, strides, strict=True):
        for coefficient, letter in subscript.terms:
            found[letter] = found.get(letter, 0) + coefficient * stride
    return found


def is_injective(
    strides: Mapping[str, int], letters: Iterable[str], sizes: Mapping[str, int]
) -> bool:
    """Whether different positions of the letters are different cells, as far as strides tell.

    >>> is_injective({"i": 2, "p": 1}, "ip", {"i": 5, "p": 2})
    True
    >>> is_injective({"i": 2, "p": 1}, "ip", {"i": 5, "p": 3})
    False
    """
    reach = 0
    spans = sorted((abs(strides[letter]), index_size(sizes, letter)) for letter in letters)
    if any(size == 0 for _, size in spans):
        return True
    for stride, size in spans:
        if size > 1:
            if stride <= reach:
                return False
            reach += stride * (size - 1)
    return True


def overlapping(
    strides: Mapping[str, int],
    letters: Collection[str],
    sizes: Mapping[str, int],
    weights: Mapping[str, int] | None = None,
) -> Letters:
    """The fewest positions to run over so that the letters left name each cell once.

    Positions count by their weights, if those are given.

    >>> overlapping({"b": 100, "i": 2, "p": 1}, "bip", {"b": 4, "i": 30, "p": 3})
    ('p',)
    """
    long = [letter for letter in letters if index_size(sizes, letter) > 1]
    choices = (chosen for count in range(len(long) + 1) for chosen in combinations(long, count))
    return min(
        (
            chosen
            for chosen in choices
            if is_injective(strides, [letter for letter in long if letter not in chosen], sizes)
        ),
        key=lambda chosen: elements(weights or sizes, chosen),
    )


def _places(subscript: Affine | None, sizes: Mapping[str, int]) -> Places | None:
    """The positions that an integer combination takes, if they are few or evenly spaced."""
    if subscript is None:
        return None
    terms = sorted((abs(c), c, index_size(sizes, letter)) for c, letter in subscript.terms)
    if any(size == 0 for *_, size in terms):
        return range(0)
    first = subscript.constant + sum(min(c * (size - 1), 0) for _, c, size in terms)
    terms = [term for term in terms if term[2] > 1]
    count = math.prod(size for *_, size in terms)
    step = terms[0][0] if terms else 1
    even = all(terms[n][0] == step * math.prod(t[2] for t in terms[:n]) for n in range(len(terms)))
    if even:
        return range(first, first + step * count, step)
    if count > _FEW:
        return None
    found = {first}
    for stride, _, size in terms:
        found = {place + stride * n for place in found for n in range(size)}
    return frozenset(found)
