"""What is said of positions outside and of unknown ranges; that what is offered is legal, at any sizes."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from einprop.analysis.resolve import resolve
from einprop.analysis.sizes import Sizes, bind_sizes
from einprop.errors import ShapeError
from einprop.notation.parser import parse


def bound(text: str, **shapes: tuple[int, ...]) -> Sizes:
    return bind_sizes(resolve(parse(text)), shapes)


def refused(text: str, **shapes: tuple[int, ...]) -> list[str]:
    """Message and hint, without the lines between."""
    with pytest.raises(ShapeError) as error:
        bound(text, **shapes)
    assert error.value.places
    return [error.value.message, error.value.hint or ""]


def unknown(text: str, index: str, **shapes: tuple[int, ...]) -> list[str]:
    sizes = bound(text, **shapes)
    with pytest.raises(ShapeError) as error:
        sizes.span(0, index)
    return [error.value.message, error.value.hint or ""]


def test_a_read_is_shown_as_it_was_written() -> None:
    message, hint = refused("y[i] = x[i] where i in 2:9", x=(4,))
    assert message == "x[i] reads position 8 at i = 8, but axis 0 of x has positions 0 to 3"
    assert hint.startswith("pad(i) reads 0 outside")
    assert hint.endswith("; or restrict the index: where i in 2:4")


def test_a_write_is_left_out_by_padding() -> None:
    _, hint = refused("y[i+1] += x[i]; z[i] = y[i] w[i]", x=(4,), w=(4,))
    assert hint == "pad(i+1) leaves out what falls outside; or restrict the index: where i in 0:3"


@pytest.mark.parametrize(
    ("subscript", "hint"),
    [
        ("4", "positions count from 0; end is the last one, end-1 the one before"),
        ("end+1", "positions count from 0; end is the last one, end-1 the one before"),
        ("end-4", "positions count from 0; end is the last one, end-1 the one before"),
        ("-1", "a negative position is not counted from the end; from there it is x[end]"),
        ("-3", "a negative position is not counted from the end; from there it is x[end-2]"),
        ("-5", "positions count from 0; end is the last one, end-1 the one before"),
    ],
)
def test_constants(subscript: str, hint: str) -> None:
    assert refused(f"y = x[{subscript}]", x=(4,))[1] == hint


def test_an_empty_axis_has_no_positions_to_offer() -> None:
    assert refused("y = x[0]", x=(0,))[1] == "the axis is empty: it has no position at all"
    message, hint = refused("y[i] = x[clamp(i)] c[i]", x=(0,), c=(2,))
    assert message == "x[clamp(i)] has no position to read: axis 0 has size 0"
    assert hint == "clamp needs at least one position; pad reads 0 everywhere"


def test_the_index_of_the_left_side_is_restricted_first() -> None:
    _, hint = refused("y[i] = x[p+i] K[p] c[i]", x=(8,), K=(3,), c=(8,))
    assert hint.endswith("where i in 0:6")
    # no range of i helps, one of p does
    _, hint = refused("y[i] = x[i+p] K[p] c[i]", x=(3,), K=(5,), c=(1,))
    assert hint.endswith("where p in 0:3")


def test_no_range_is_offered_where_none_helps() -> None:
    _, hint = refused("y[i] = x[i+9] c[i]", x=(4,), c=(4,))
    assert "where" not in hint


def test_an_index_that_analysis_named_is_not_shown() -> None:
    message, hint = refused("y = sum[i](x[i]) + sum[i](x[i+1] c[i])", x=(4,), c=(4,))
    assert message == "x[i+1] reads position 4 at i = 3, but axis 0 of x has positions 0 to 3"
    # A range would be one for both sums.
    assert hint == "pad(i+1) reads 0 outside, wrap(i+1) and clamp(i+1) stay inside"


def test_an_index_that_another_line_ties_to_the_whole_axis() -> None:
    _, hint = refused("y[i] = x[i+1]; z[i] = x[i] y[i]", x=(4,))
    assert hint.split("; ")[1:] == [
        "or restrict the index: where i in 0:3",
        "or write x[i+0] for x[i], which says that i runs over the whole axis",
    ]
    assert bound("y[i] = x[i+1]; z[i] = x[i+0] y[i]", x=(4,)).shape("z") == (3,)


def test_groups_name_their_sizes() -> None:
    assert refused("y[h,d] = x[(h d)] a[d]", x=(10,), a=(3,))[0] == (
        "axis 0 of x has size 10, which (h d) cannot split: d has size 3, "
        "and 10 is no multiple of 3"
    )
    assert refused("y[h,d] = x[(h d)] a[d] b[h]", x=(10,), a=(3,), b=(2,))[0] == (
        "axis 0 of x has size 10, but (h d) has 6: h has size 2 and d has size 3"
    )


def test_a_window_larger_than_its_axis() -> None:
    message, hint = refused("y[i] = x[i+p] K[p]", x=(3,), K=(5,))
    assert message == (
        "x[i+p] leaves no position for index i: p takes positions 0 to 4, but axis 0 of x has size 3"
    )
    assert hint == "pad(i+p) reads 0 outside; i then needs a range, as in: where i in 0:3"


UNKNOWN = [
    ("y[i] = x[pad(i+1)]", "x[pad(i+1)] is legal at every i", "where i in 0:8", "i: name < 8"),
    ("y[i] = x[wrap(2*i)]", "x[wrap(2*i)] is legal at every i", "where i in 0:4", "i: name < 4"),
    (
        "y[i] = sum[p](x[i+p])",
        "x[i+p] has unknown indices i and p",
        "where p in 0:3",
        "p: name < 3",
    ),
    (
        "y[i] = sum[p,q](x[i+p+q])",
        "x[i+p+q] has unknown indices i and p and q",
        "where p in 0:3, q in 0:3",
        "p, q: name < 3",
    ),
    ("y[i,j] = x[(i j)]", "x[(i j)] has unknown indices i and j", "where j in 0:2", "j: name < 2"),
]


@pytest.mark.parametrize(("text", "why", "ranges", "declared"), UNKNOWN)
def test_an_index_that_a_subscript_does_not_bound(
    text: str, why: str, ranges: str, declared: str
) -> None:
    assert unknown(text, "i", x=(8,)) == [
        f"the size of index i is unknown: {why}",
        f"give a range, as in: {ranges}, or declare sizes, as in: index {declared}",
    ]
    for rewritten in (f"{text} {ranges}", f"index {declared}; {text}"):
        assert bound(rewritten, x=(8,)).shape("y") is not None


def test_a_range_that_needs_a_size() -> None:
    assert unknown("index k: pixel; y[i] = x[i+1] where i in 0:pixel", "i", x=(8,)) == [
        "the range of index i is unknown: nothing gives the size of type pixel",
        "declare the size with the type, as in: pixel < 8, or write a number here",
    ]


COEFFICIENTS = st.integers(-3, 3).filter(bool)


@given(
    factors=st.lists(COEFFICIENTS, min_size=1, max_size=2),
    constant=st.integers(-4, 9),
    sizes=st.lists(st.integers(1, 4), min_size=2, max_size=2),
    size=st.integers(1, 9),
)
def test_the_range_that_is_offered_is_legal_and_the_largest(
    factors: list[int], constant: int, sizes: list[int], size: int
) -> None:
    terms = "".join(f"{factor:+d}*{i}" for factor, i in zip(factors, "ij", strict=False))
    letters = "ij"[: len(factors)]
    binders = " ".join(f"{i.upper()}[{i}]" for i in letters)
    text = f"y = sum[{','.join(letters)}](x[{terms}{constant:+d}] {binders})".replace("[+", "[")
    shapes = {i.upper(): (n,) for i, n in zip(letters, sizes, strict=False)}
    try:
        bound(text, x=(size,), **shapes)
        assume(False)
    except ShapeError as error:
        hint = error.hint or ""
    offered = re.search(r"where (\w) in (\d+):(\d+)", hint)

    def legal(index: str, start: int, stop: int) -> bool:
        try:
            bound(f"{text} where {index} in {start}:{stop}", x=(size,), **shapes)
        except ShapeError:
            return False
        return True

    if offered is None:
        counts = dict(zip(letters, sizes, strict=False))
        assert not any(legal(i, p, p + 1) for i, count in counts.items() for p in range(count))
    else:
        index, start, stop = offered[1], int(offered[2]), int(offered[3])
        assert legal(index, start, stop)
        count = dict(zip(letters, sizes, strict=False))[index]
        assert start == 0 or not legal(index, start - 1, stop)
        assert stop == count or not legal(index, start, stop + 1)
