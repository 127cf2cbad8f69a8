"""Sizes bound from shapes and letters; they agree exactly, and 1 is a size like any other."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from einprop import Program
from einprop.analysis.resolve import Resolved, resolve
from einprop.analysis.sizes import bind_letters, bind_sizes, check_inputs
from einprop.errors import InputError, ShapeError
from einprop.notation.parser import parse

AFFINE = "y[b,j] = x[b,i] W[i,j] + B[j]"
TYPED = "index b: batch, i: pixel, j: feature\n" + AFFINE

Shapes = Mapping[str, tuple[int, ...]]


def read(text: str) -> Resolved:
    return resolve(parse(text))


def test_shapes_of_inputs_give_every_size() -> None:
    sizes = bind_sizes(read(AFFINE), {"x": (8, 3), "W": (3, 5), "B": (5,)})
    assert [sizes.index(0, i) for i in "bij"] == [8, 3, 5]
    assert [sizes.shape(name) for name in ("x", "W", "B", "y")] == [(8, 3), (3, 5), (5,), (8, 5)]


def test_some_shapes_give_some_sizes() -> None:
    sizes = bind_sizes(read(AFFINE), {"W": (3, 5)})
    assert sizes.shape("B") == (5,)
    assert sizes.shape("x") is None


@pytest.mark.parametrize("size", [0, 1, 7])
def test_no_size_is_special(size: int) -> None:
    shapes = {"x": (size, size), "W": (size, size), "B": (size,)}
    assert bind_sizes(read(AFFINE), shapes).shape("y") == (size, size)


def test_sizes_reach_through_equations_and_letters() -> None:
    resolved = read("h[b,j] = x[b,i] W[i,j]; z[a,c] = h[a,d] U[d,c]")
    sizes = bind_sizes(resolved, {"x": (8, 3), "W": (3, 5), "U": (5, 2)})
    assert sizes.shape("z") == (8, 2)


def test_a_derivative_has_the_shape_of_its_tensor() -> None:
    resolved = read("y[i] = 2 x[i]; x.grad[i] += 2 y.grad[i]")
    assert bind_sizes(resolved, {"x": (4,)}).shape("y.grad") == (4,)


def test_a_declared_size_needs_no_array() -> None:
    assert bind_sizes(read("index i: unit < 4; y = sum[i](2)"), {}).index(0, "i") == 4


def test_letters_give_sizes() -> None:
    resolved = read("h[b,j] = x[b,i] W[i,j]; z[b,k] = h[b,j] U[j,k]")
    sizes = bind_letters(resolved, {"b": 8, "i": 3, "j": 5, "k": 2})
    assert sizes.shape("U") == (5, 2)
    # one letter is enough for a type, wherever it stands
    assert bind_letters(read("h[b] = x[b]; y[c] = h[c]"), {"c": 3}).shape("x") == (3,)


REFUSED: list[tuple[str, Shapes, str]] = [
    (
        TYPED,
        {"x": (2, 784), "W": (768, 3), "B": (3,)},
        """\
index i (type pixel) has size 784 in x[b,i] but size 768 in W[i,j]
    y[b,j] = x[b,i] W[i,j] + B[j]
                 ^    ^""",
    ),
    (
        AFFINE,
        {"x": (2, 784), "W": (768, 3), "B": (3,)},
        """\
index i has size 784 in x[b,i] but size 768 in W[i,j]
    y[b,j] = x[b,i] W[i,j] + B[j]
                 ^    ^""",
    ),
    (
        AFFINE,
        {"x": (2, 3), "W": (3, 4), "B": (1,)},
        """\
index j has size 4 in W[i,j] but size 1 in B[j]
    y[b,j] = x[b,i] W[i,j] + B[j]
                        ^      ^
sizes must agree exactly; size 1 does not broadcast""",
    ),
    (
        "y[i] = A[i,i] x[i]",
        {"A": (3, 4), "x": (3,)},
        """\
index i has size 3 at axis 0 of A but size 4 at axis 1 in A[i,i]
    y[i] = A[i,i] x[i]
             ^ ^
axes with one index have one size; write two letters if the axes are different""",
    ),
    (
        "h[b] = x[b]; y[c] = h[c] z[c]",
        {"x": (3,), "z": (4,)},
        """\
index b has size 3 in x[b] but as index c size 4 in z[c]
    h[b] = x[b]; y[c] = h[c] z[c]
             ^                 ^
b and c both stand at axis 0 of h: they have one size""",
    ),
    (
        "index i: pixel < 3\ny[i] = x[i]",
        {"x": (4,)},
        """\
index i (type pixel) has size 4 in x[i], but is declared with size 3
    y[i] = x[i]
             ^
pass an array of the declared size, or change the declaration""",
    ),
    (
        AFFINE,
        {"x": (3,), "W": (3, 4), "B": (4,)},
        """\
x has 2 axes in x[b,i], but the array passed has 1: shape (3,)
    y[b,j] = x[b,i] W[i,j] + B[j]
             ^^^^^^
pass an array with one axis for each index of x[b,i]""",
    ),
    (
        "y[i] = 2 x[i]",
        {"x": ()},
        """\
x has 1 axis in x[i], but the array passed has 0: shape ()
    y[i] = 2 x[i]
             ^^^^
pass an array with one axis for each index of x[i]""",
    ),
]


@pytest.mark.parametrize(("text", "shapes", "message"), REFUSED)
def test_refused_shapes(text: str, shapes: Shapes, message: str) -> None:
    with pytest.raises(ShapeError) as error:
        bind_sizes(read(text), shapes)
    assert str(error.value) == message


def test_the_number_of_axes_is_said_in_english() -> None:
    with pytest.raises(ShapeError, match=r"A has 2 axes in A\[i,i\]"):
        bind_sizes(read("y = A[i,i]"), {"A": (3,)})


def test_an_index_whose_size_nothing_gives() -> None:
    sizes = bind_sizes(read("y[b] = x[b] sum[i](2)"), {"x": (3,)})
    assert sizes.index(0, "b") == 3
    with pytest.raises(ShapeError) as error:
        sizes.index(0, "i")
    assert (
        str(error.value)
        == """\
the size of index i is unknown: no array has an axis of its type
    y[b] = x[b] sum[i](2)
    ^^^^^^^^^^^^^^^^^^^^^
give its range, as in: where i in 0:8, or declare its size: index i: name < 8"""
    )


@pytest.mark.parametrize(
    ("text", "letters", "message"),
    [
        (
            AFFINE,
            {"q": 3},
            "no equation has an index q\nthe program's indices are b, i, j",
        ),
        (
            AFFINE,
            {"b": -1},
            "index b cannot have size -1\na size is an integer, 0 to 2147483647",
        ),
        (
            "h[b] = x[b]; y[c] = h[c]",
            {"b": 2, "c": 3},
            (
                "index c is given size 3, but by index b it has size 2\n"
                "one type has one size: give it once"
            ),
        ),
        (
            "index b: batch < 3; h[b] = x[b]",
            {"b": 2},
            (
                "index b is given size 2, but by its declaration it has size 3\n"
                "one type has one size: give it once"
            ),
        ),
    ],
)
def test_refused_letters(text: str, letters: dict[str, int], message: str) -> None:
    with pytest.raises(ShapeError) as error:
        bind_letters(read(text), letters)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "x W",
            """\
input is missing: B
    y[b,j] = x[b,i] W[i,j] + B[j]
                             ^^^^
the program's inputs are x, W, B""",
        ),
        (
            "B",
            """\
inputs are missing: x, W
    y[b,j] = x[b,i] W[i,j] + B[j]
             ^^^^^^
the program's inputs are x, W, B""",
        ),
        (
            "x W B C",
            "tensor is not an input of the program: C\nthe program's inputs are x, W, B",
        ),
        (
            "x W B C y",
            (
                "tensors are not an input of the program: C, y\n"
                "the program's inputs are x, W, B; it computes y itself"
            ),
        ),
    ],
)
def test_missing_and_unknown_inputs(given: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        check_inputs(read(AFFINE), dict.fromkeys(given.split()))
    assert str(error.value) == message


def test_a_scalar_takes_one_number() -> None:
    with pytest.raises(ShapeError) as error:
        bind_sizes(resolve(parse("y = 2 x")), {"x": (3,)})
    assert (
        str(error.value)
        == """\
x is a scalar, but the array passed has 1 axis: shape (3,)
    y = 2 x
          ^
pass one number, or give x indices, as in x[i]"""
    )


def test_a_letter_that_occurs_only_with_a_prime_has_its_size() -> None:
    program = Program("y = sum[k'](x[k']); z[k] = w[k]")
    assert program.explain(k=8).steps[0].operations == 8
