"""Which cells contributions name: against sets of cells."""

from __future__ import annotations

import itertools
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einprop.execution.assembled import (
    cells_of,
    is_injective,
    letter_strides,
    manners,
    overlapping,
    positions,
    subscript_letters,
)
from einprop.notation.parser import parse
from einprop.notation.tree import Boundary, Index, Subscript
from tests.strategies.subscripts import LETTERS, subscripts


def named(places: tuple[Subscript, ...], sizes: dict[str, int]) -> list[tuple[int, ...]]:
    """Every cell that is named, once for each time."""
    letters = subscript_letters(places)
    affine = [place for place in map(positions, places) if place is not None]
    found = []
    for cell in itertools.product(*(range(sizes[letter]) for letter in letters)):
        at = dict(zip(letters, cell, strict=True))
        found.append(tuple(p.constant + sum(c * at[i] for c, i in p.terms) for p in affine))
    return found


@given(st.data())
def test_cells_against_sets(data: st.DataObject) -> None:
    sizes = {letter: data.draw(st.integers(0, 4)) for letter in LETTERS}
    rank = data.draw(st.integers(1, 3))
    drawn = [data.draw(subscripts(sizes, rank)) for _ in range(data.draw(st.integers(1, 3)))]
    shape = tuple(max(size) for size in zip(*(s for _, s in drawn), strict=True))
    cells = [cells_of(places, shape, sizes) for places, _ in drawn]
    sets = [named(places, sizes) for places, _ in drawn]
    for found, names in zip(cells, sets, strict=True):
        assert found.count == len(names)
        if found.injective:
            assert len(set(names)) == len(names)
        for axis, places in enumerate(found.axes):
            assert places is None or {name[axis] for name in names} <= set(places)
    fill, how = manners(cells, prod(shape))
    written: set[tuple[int, ...]] = set()
    for manner, names in zip(how, sets, strict=True):
        if manner.copies:
            assert not written & set(names)
        others = [set(other) for other in sets if other is not names]
        if manner.alone:
            assert not any(set(names) & other for other in others)
        written |= set(names)
    if not fill:
        assert len(written) == prod(shape)
        assert how[0].copies


@given(st.data())
def test_runs_over_few_positions(data: st.DataObject) -> None:
    sizes = {letter: data.draw(st.integers(1, 4)) for letter in LETTERS}
    places, shape = data.draw(subscripts(sizes, data.draw(st.integers(1, 3))))
    letters = subscript_letters(places)
    affine = [place for place in map(positions, places) if place is not None]
    strides = letter_strides(affine, [prod(shape[axis + 1 :]) for axis in range(len(shape))])
    chosen = overlapping(strides, letters, sizes)
    names = named(places, {i: 1 if i in chosen else sizes[i] for i in sizes})
    assert len(set(names)) == len(names)
    assert chosen == () or not is_injective(strides, letters, sizes)


def test_halves_that_interleave_are_apart() -> None:
    even, odd = parse("X[2*i] += x[i]; X[2*i+1] += y[i]")
    cells = [cells_of(e.target.subscripts, (8,), {"i": 4}) for e in (even, odd)]
    fill, how = manners(cells, 8)
    assert not fill
    assert all(manner.copies and manner.alone for manner in how)


def test_what_a_loop_interleaves_may_not_be_copied() -> None:
    one, other = parse("X[t,b] += x[t,b]; X[t+1,b] += y[t,b]")
    sizes = {"t": 3, "b": 2}
    for loop, copies in ((None, [True, False]), (0, [False, False])):
        cells = [cells_of(e.target.subscripts, (4, 2), sizes, loop) for e in (one, other)]
        fill, how = manners(cells, 8)
        assert fill
        assert [manner.copies for manner in how] == copies


def test_large_axes_are_not_counted_out() -> None:
    (equation,) = parse("X[i+1000*j] += x[i,j]")
    cells = cells_of(equation.target.subscripts, (10**6,), {"i": 1000, "j": 1000})
    assert cells.axes == (range(10**6),)
    assert manners([cells], 10**6)[0] is False
    (equation,) = parse("X[i+999*j] += x[i,j]")
    cells = cells_of(equation.target.subscripts, (10**6,), {"i": 1000, "j": 1000})
    assert cells.axes == (None,)


def test_boundaries_are_not_flat() -> None:
    with pytest.raises(TypeError, match="flat"):
        positions(Boundary("pad", Index("i")))
