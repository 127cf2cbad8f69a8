"""Sizes that subscripts compute: found in rounds, and checked against what a plain loop would read."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from einprop.analysis.ranges import Solver, Span
from einprop.analysis.resolve import resolve
from einprop.analysis.sizes import Sizes, bind_letters, bind_sizes
from einprop.errors import ShapeError
from einprop.notation.parser import parse

Shapes = Mapping[str, tuple[int, ...]]


def bound(text: str, **shapes: tuple[int, ...]) -> Sizes:
    return bind_sizes(resolve(parse(text)), shapes)


def test_a_span_has_a_size_that_is_never_negative() -> None:
    assert [Span(0, 4).size, Span(2, 4).size, Span(3, 1).size] == [4, 2, 0]


# text, shapes of inputs, and the shapes that follow
SOLVED: list[tuple[str, Shapes, Shapes]] = [
    # one unknown index: the largest range in which every read is inside
    ("y[i] = x[i+1]", {"x": (5,)}, {"y": (4,)}),
    ("y[i] = x[2*i]", {"x": (5,)}, {"y": (3,)}),
    ("y[i] = x[2*i]", {"x": (6,)}, {"y": (3,)}),
    ("y[i] = x[3*i+1]", {"x": (8,)}, {"y": (3,)}),
    ("y[i] = x[end-i]", {"x": (5,)}, {"y": (5,)}),
    ("y[i] = x[end-2*i]", {"x": (5,)}, {"y": (3,)}),
    ("y[i] = x[7-i]", {"x": (10,)}, {"y": (8,)}),
    ("y[i] = x[i+p] K[p]", {"x": (9,), "K": (3,)}, {"y": (7,)}),
    ("y[i] = x[2*i+3*p] K[p]", {"x": (9,), "K": (2,)}, {"y": (3,)}),
    ("y[i] = x[i-p] K[p] where p in 0:1", {"x": (9,), "K": (1,)}, {"y": (9,)}),
    # accesses intersect
    ("y[i] = x[i+1] z[i+3]", {"x": (9,), "z": (6,)}, {"y": (3,)}),
    # sizes of 0 are sizes
    ("y[i] = x[i+1]", {"x": (1,)}, {"y": (0,)}),
    ("y[i] = x[i+p] K[p]", {"x": (2,), "K": (3,)}, {"y": (0,)}),
    ("y[i] = x[2*i]", {"x": (0,)}, {"y": (0,)}),
    # rounds: one size leads to the next
    ("y[i] = x[i+2]; z[j] = y[j+1]", {"x": (9,)}, {"y": (7,), "z": (6,)}),
    (
        "y[i] = sum[p](x[i+p] w[p+q] u[q])",
        {"x": (9,), "w": (4,), "u": (2,)},
        {"y": (7,)},
    ),
    # ranges and declared sizes
    ("y[i] = x[pad(i-1)] where i in 0:6", {"x": (4,)}, {"y": (6,)}),
    ("index p: window < 2; y[i] = sum[p](x[2*i+p])", {"x": (7,)}, {"y": (3,)}),
    (
        "index p: window < 2, i: place < window+3; y[i] = x[pad(i+p)] K[p]",
        {"x": (1,), "K": (2,)},
        {"y": (5,)},
    ),
    ("index i: pixel; y[i] = x[pad(i+1)]; input x[i]", {"x": (4,)}, {"y": (4,)}),
    ("index k: pixel; input x[k]; y[i] = x[i+1] where i in 0:pixel-1", {"x": (4,)}, {"y": (3,)}),
    ("index k: pixel; input x[k]; y[i] = x[i+1] where i in 1:pixel-1", {"x": (4,)}, {"y": (3,)}),
    # the tightest bound holds, also that of a tensor whose size follows later
    ("y[e] = x[2*e]; z[m] = y[m+1] v[m+0]", {"x": (5,), "v": (9,)}, {"z": (2,)}),
    ("y[e] = x[2*e]; u[k] = y[k+1]; z[m] = u[m+1] v[m+0]", {"x": (9,), "v": (9,)}, {"z": (3,)}),
    # grouped axes split and join
    ("y[h,d] = x[(h d)] a[d]", {"x": (12,), "a": (3,)}, {"y": (4, 3)}),
    ("y[(h d)] = x[h,d]", {"x": (4, 3)}, {"y": (12,)}),
    ("y[h,d] = x[(h d)] where h in 0:2", {"x": (12,)}, {"y": (2, 6)}),
    # what is written tells the size where nothing else does
    ("y[i+2] = x[i]", {"x": (4,)}, {"y": (6,)}),
    ("y[2*i] = x[i]", {"x": (4,)}, {"y": (7,)}),
    ("x.grad[i+p] += y[i] K[p]", {"y": (4,), "K": (3,)}, {"x.grad": (6,)}),
    ("y[i] = x[i] where i in 2:4", {"x": (9,)}, {"y": (4,)}),
    ("y[0] = a; y[3] = b", {"a": (), "b": ()}, {"y": (4,)}),
    ("y[i+p] += x[i] K[p]; z[j] = y[j] w[j]", {"x": (4,), "K": (3,), "w": (8,)}, {"y": (8,)}),
    # cells outside of an axis do not count
    ("h[t] = h[t-1] x[t]; h[-1] = a", {"x": (4,), "a": ()}, {"h": (4,)}),
    ("h[t] = h[t-1] + h[t-2] + x[t]", {"x": (4,)}, {"h": (4,)}),
]


@pytest.mark.parametrize(("text", "shapes", "expected"), SOLVED)
def test_sizes_that_follow(text: str, shapes: Shapes, expected: Shapes) -> None:
    sizes = bind_sizes(resolve(parse(text)), shapes)
    assert {name: sizes.shape(name) for name in expected} == expected


def test_letters_alone_tell_the_smallest_inputs() -> None:
    convolution = resolve(parse("y[b,i,f] = x[b,2*i+p,c] K[p,c,f]"))
    sizes = bind_letters(convolution, {"b": 2, "i": 4, "p": 3, "c": 1, "f": 5})
    assert sizes.shape("x") == (2, 9, 1)


def test_what_stays_unknown_has_no_shape() -> None:
    sizes = bound("y[i] = sum[p](x[i+p])", x=(8,))
    assert sizes.shape("y") is None
    with pytest.raises(ShapeError, match="the size of index i is unknown"):
        sizes.index(0, "i")


def test_spans_of_ranges_start_where_they_say() -> None:
    sizes = bound("y[i] = x[i] where i in 2:4", x=(9,))
    assert sizes.span(0, "i") == Span(2, 4)
    assert sizes.index(0, "i") == 2


def test_a_solver_learns_each_size_once() -> None:
    resolved = resolve(parse("index i: pixel < 4; y[i] = x[i]"))
    solver = Solver(resolved, {})
    solver.solve()
    key = resolved.types.axis("x", 0)
    assert solver.known[key] == 4
    assert not solver.learn(key, 5)
    assert solver.known[key] == 4
    assert solver.size(("pixel", 3, -1)) == 6
    assert solver.size(("pixel", -9)) == 0
    assert solver.size(("none",)) is None


INSIDE = [
    ("y[i] = x[i+1] c[i]", {"x": (4,), "c": (3,)}),
    ("y[i] = x[wrap(i+9)] c[i]", {"x": (4,), "c": (3,)}),
    ("y[i] = x[clamp(i-9)] c[i]", {"x": (4,), "c": (3,)}),
    ("y[i] = x[pad(i-9)] c[i]", {"x": (0,), "c": (3,)}),
    ("y[i] = x[wrap(i)] c[i]", {"x": (0,), "c": (0,)}),
    ("h[t] = h[t-2] x[t]; h[-1] = a; h[-2] = b", {"x": (4,), "a": (), "b": ()}),
    ("y[i] = x[i] where i in 4:2", {"x": (3,)}),
]


@pytest.mark.parametrize(("text", "shapes"), INSIDE)
def test_positions_that_are_inside(text: str, shapes: Shapes) -> None:
    bind_sizes(resolve(parse(text)), shapes)


OUTSIDE = [
    ("y[i] = x[i+1] c[i]", {"x": (4,), "c": (4,)}, "reads position 4 at i = 3"),
    ("y[i] = x[i-1] c[i]", {"x": (4,), "c": (4,)}, "reads position -1 at i = 0"),
    ("y[i] = x[end-2*i] c[i]", {"x": (4,), "c": (3,)}, "reads position -1 at i = 2"),
    ("y[i] = x[i+p] K[p] c[i]", {"x": (4,), "K": (3,), "c": (3,)}, "position 4 at i = 2, p = 2"),
    ("y = x[4]", {"x": (4,)}, "reads position 4, but"),
    ("y = x[0]", {"x": (0,)}, "but axis 0 of x has no positions"),
    ("y[i+1] += x[i]; z = y[i] w[i]", {"x": (4,), "w": (4,)}, "writes position 4 at i = 3"),
    ("h[t] = h[t-2] x[t]; h[-1] = a", {"x": (4,), "a": ()}, r"positions -1 to 3"),
    ("y[i] = x[wrap(i)] c[i]", {"x": (0,), "c": (1,)}, "has no position to read"),
    ("y[h,d] = x[(h d)] a[d]", {"x": (10,), "a": (3,)}, "cannot split"),
    ("y[h,d] = x[(h d)] a[d] b[h]", {"x": (10,), "a": (3,), "b": (2,)}, "has 6"),
    ("y[i] = x[i+p] K[p]", {"x": (3,), "K": (9,)}, "leaves no position for index i"),
]


@pytest.mark.parametrize(("text", "shapes", "said"), OUTSIDE)
def test_positions_that_are_outside(text: str, shapes: Shapes, said: str) -> None:
    with pytest.raises(ShapeError, match=said):
        bind_sizes(resolve(parse(text)), shapes)


@given(
    factor=st.integers(-3, 3).filter(bool),
    other=st.integers(-2, 2),
    constant=st.integers(-4, 6),
    size=st.integers(0, 9),
    window=st.integers(1, 3),
)
def test_the_largest_range_with_every_read_inside(
    factor: int, other: int, constant: int, size: int, window: int
) -> None:
    """Against counting up: from 0 on, as long as every position of the window is inside."""
    text = f"y[i] = sum[p](x[{factor}*i+{other}*p+{constant}] K[p])".replace("+-", "-")

    def inside(i: int) -> bool:
        places = (factor * i + other * p + constant for p in range(window))
        return all(0 <= place < size for place in places)

    count = next(n for n in itertools.count() if not inside(n))
    try:
        shape = bound(text, x=(size,), K=(window,)).shape("y")
    except ShapeError:
        assert not count
        return
    # A stride that starts outside, from above or below, is no range either.
    assume(count or shape == (0,))
    assert shape == (count,)
