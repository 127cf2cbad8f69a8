"""Two accesses are apart only if they share no cell."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einprop.analysis.cells import Runs, apart, cells_outside, is_base, lies_outside, writers
from einprop.notation.parser import parse
from einprop.notation.tree import Access, Affine, Equation, Number

APART = [
    ("h[-1] = 0", "h[t] = 0"),
    ("h[end+1] = 0", "h[t] = 0"),
    ("h[0] = 0", "h[1] = 0"),
    ("h[0] = 0", "h[t] = 0 where t in 1:5"),
    ("h[t] = 0 where t in 0:3", "h[t] = 0 where t in 3:5"),
    ("h[0,i] = 0", "h[t+1,i] = 0"),
    ("h[i,end] = 0", "h[j,end-1] = 0"),
]

TOGETHER = [
    ("h[0] = 0", "h[t] = 0"),
    ("h[end] = 0", "h[t] = 0"),
    ("h[end] = 0", "h[3] = 0"),
    ("h[0] = 0", "h[end-t] = 0"),
    ("h[t] = 0 where t in 0:3", "h[t] = 0 where t in 2:5"),
    ("h[t] = 0 where t in 0:n", "h[3] = 0"),
    ("h[i] = 0", "h[j] = 0"),
    ("h[wrap(t+1)] = 0", "h[0] = 0"),
]


def _pair(one: str, other: str) -> tuple[tuple[Access, Equation], tuple[Access, Equation]]:
    first, second = parse(one)[0], parse(other)[0]
    assert isinstance(first, Equation)
    assert isinstance(second, Equation)
    return (first.target, first), (second.target, second)


@pytest.mark.parametrize(("one", "other"), APART)
def test_apart(one: str, other: str) -> None:
    first, second = _pair(one, other)
    assert apart(first, second)
    assert apart(second, first)


@pytest.mark.parametrize(("one", "other"), TOGETHER)
def test_together(one: str, other: str) -> None:
    first, second = _pair(one, other)
    assert not apart(first, second)
    assert not apart(second, first)


@pytest.mark.parametrize(
    ("target", "cells", "outside"),
    [
        ("h[-1]", (1, 0), True),
        ("h[-3]", (3, 0), True),
        ("h[end+2]", (0, 2), True),
        ("h[0]", (0, 0), False),
        ("h[end]", (0, 0), False),
        ("h[end-1]", (0, 0), False),
        ("h[t-1]", (0, 0), False),
        ("h[pad(t-1)]", (0, 0), False),
        # Outside of every axis, but by how many cells depends on its size.
        ("h[2*end+1]", (0, 0), True),
    ],
)
def test_outside(target: str, cells: tuple[int, int], outside: bool) -> None:
    access = _pair(f"{target} = 0", "y = 0")[0][0]
    assert cells_outside(access.subscripts[0]) == cells
    assert lies_outside(access.subscripts[0]) is outside
    assert is_base(access) is outside


def test_one_axis_outside_is_enough_for_a_base() -> None:
    assert is_base(_pair("h[b,-1] = 0", "y = 0")[0][0])


AFFINE = st.builds(
    Affine,
    st.lists(
        st.tuples(st.integers(-2, 2).filter(bool), st.sampled_from("ij")), unique_by=lambda t: t[1]
    ).map(tuple),
    st.integers(-3, 3),
)


@given(one=AFFINE, other=AFFINE, i=st.integers(1, 3), j=st.integers(1, 3))
def test_what_is_apart_shares_no_position(one: Affine, other: Affine, i: int, j: int) -> None:
    sizes = {"i": i, "j": j}

    def positions(subscript: Affine) -> set[int]:
        ranges = [range(sizes[name]) for _, name in subscript.terms]
        return {
            subscript.constant + sum(c * p for (c, _), p in zip(subscript.terms, at, strict=True))
            for at in itertools.product(*ranges)
        }

    def written(subscript: Affine) -> tuple[Access, Equation]:
        access = Access("h", (subscript,))
        return access, Equation(access, "+=", Number(0))

    if apart(written(one), written(other), sizes.get):
        assert not positions(one) & positions(other)


RUNS = st.lists(st.tuples(st.integers(-4, 9), st.integers(0, 4)), max_size=12)


@given(RUNS, st.integers(-6, 12), st.integers(0, 5))
def test_runs_against_every_pair(drawn: list[tuple[int, int]], first: int, length: int) -> None:
    runs = [(start, start + more) for start, more in drawn]
    expected = [n for n, (a, b) in enumerate(runs) if a <= first + length and first <= b]
    assert Runs(runs).meeting(first, first + length) == expected


@given(st.lists(st.sampled_from(sorted({side for pair in APART + TOGETHER for side in pair}))))
def test_writers_are_those_that_are_not_apart(lines: list[str]) -> None:
    equations = [e for line in lines for e in parse(line) if len(e.target.subscripts) == 1]
    for equation in equations:
        mine = (equation.target, equation)
        found = writers(equations)["h"].meeting(equation.target, equation)
        assert list(found) == [
            n for n, other in enumerate(equations) if not apart(mine, (other.target, other))
        ]


def test_cells_that_are_apart_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    equations = parse("\n".join(f"h[{n},i] = x[i]" for n in range(50)))
    known, compared = writers(equations)["h"], []
    monkeypatch.setattr(
        "einprop.analysis.cells.apart", lambda *pair: compared.append(pair) or apart(*pair)
    )
    for number, equation in enumerate(equations):
        assert list(known.meeting(equation.target, equation)) == [number]
    assert len(compared) == 50
