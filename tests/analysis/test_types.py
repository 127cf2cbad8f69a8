"""Types of axes and letters: inferred by unification, nominal where they are declared."""

from __future__ import annotations

import pytest

from einprop.analysis.resolve import resolve
from einprop.analysis.types import Types, infer_types
from einprop.errors import IndexTypeError
from einprop.notation.parser import parse


def types(text: str) -> Types:
    return resolve(parse(text)).types


def test_letters_at_one_axis_share_a_type() -> None:
    found = types("h[b,j] = x[b,i] W[i,j]; y[c,k] = h[c,d] U[d,k]")
    assert found.letter(0, "j") == found.letter(1, "d") == found.axis("U", 0)
    assert found.letter(0, "b") == found.letter(1, "c")
    assert len({found.letter(0, i) for i in "bij"} | {found.letter(1, "k")}) == 4


def test_a_letter_is_local_to_its_equation() -> None:
    found = types("h[i] = W[i,j] x[j]; y[j] = U[j,i] h[i]")
    assert found.letter(0, "j") != found.letter(1, "j")


def test_a_primed_letter_has_the_type_of_the_unprimed_one() -> None:
    found = types("y[i,i'] = x[i] x[i']")
    assert found.letter(0, "i") == found.letter(0, "i'")


def test_declared_letters_carry_the_type_everywhere() -> None:
    found = types("index b: batch, i: pixel; h[b] = x[b,i] w[i]; y[b] = 2 h[b]")
    assert found.name(found.axis("x", 0)) == "batch"
    assert found.name(found.axis("y", 0)) == "batch"
    assert found.name(found.letter(0, "i")) == "pixel"
    undeclared = types("y[b] = x[b]")
    assert undeclared.name(undeclared.axis("x", 0)) is None


def test_two_letters_may_share_a_declared_type() -> None:
    found = types("index q, k: position; A[q,k] = x[q] x[k]")
    assert found.axis("A", 0) == found.axis("A", 1)


def test_declared_sizes_belong_to_types() -> None:
    found = types("index p: window < 2, q: window; y[q] = x[q]")
    assert found.declared_size(found.axis("y", 0)) == (2,)


def test_comparing_positions_joins_types_that_are_not_both_declared() -> None:
    found = types("y[i,j] = x[i] z[j] [i == j]")
    assert found.letter(0, "i") == found.letter(0, "j")
    found = types("y[i,j] = x[i] z[j] [i > j]")
    assert found.letter(0, "i") != found.letter(0, "j")
    found = types("index i: row, j: column; y[i,j] = x[i] z[j] [i == j]")
    assert found.letter(0, "i") != found.letter(0, "j")


REFUSED = {
    """\
y.value[b,j] = x.value[b,i]W.value[i,j]
y.value[b,j] += B.value[j]
W.grad[i,j] += y.grad[b,j]x.value[i]""": """\
x has 1 index in x[i], but 2 indices in x[b,i]
    W.grad[i,j] += y.grad[b,j]x.value[i]
                              ^^^^^^^^^^
    y.value[b,j] = x.value[b,i]W.value[i,j]
                   ^^^^^^^^^^^^
write all indices of x, as in x[b,i]""",
    """\
index i: pixel, j: feature
h[j] = x[i] W[i,j]
y[i] = h[j] W[j,i]""": """\
index j in W[j,i] has type feature, but axis 0 of W has type pixel, as in W[i,j]
    y[i] = h[j] W[j,i]
                  ^
    h[j] = x[i] W[i,j]
                  ^
an axis has one type: write an index of type pixel here, such as i""",
    """\
index b: batch, i: pixel, j: feature
param W[i,j]
y[b,j] = x[b,i] W[j,i]""": """\
index j in W[j,i] has type feature, but axis 0 of W has type pixel, as in W[i,j]
    y[b,j] = x[b,i] W[j,i]
                      ^
    param W[i,j]
            ^
an axis has one type: write an index of type pixel here, such as i""",
    "index i: pixel < 3, j: pixel < 4\ny[i] = x[i]": """\
type pixel is declared with sizes 3 and 4
    index i: pixel < 3, j: pixel < 4
                        ^^^^^^^^^^^^
a type has one size""",
    "y[b] = x[b]\ny[b,j] += z[b,j]": """\
y has 2 indices in y[b,j], but 1 index in y[b]
    y[b,j] += z[b,j]
    ^^^^^^
    y[b] = x[b]
    ^^^^
write all indices of y, as in y[b,j]""",
    "y[b] = x[b] + x": """\
x has no indices in x, but 1 index in x[b]
    y[b] = x[b] + x
           ^^^^   ^
write all indices of x, as in x[b]""",
    "y[b] = 2 x[b]\nx.grad += y.grad[b]": """\
x has no indices in x.grad, but 1 index in x[b]
    x.grad += y.grad[b]
    ^^^^^^
    y[b] = 2 x[b]
             ^^^^
write all indices of x, as in x[b]""",
}


@pytest.mark.parametrize("text", REFUSED)
def test_refused_programs(text: str) -> None:
    with pytest.raises(IndexTypeError) as error:
        resolve(parse(text))
    assert str(error.value) == REFUSED[text]


def test_a_square_matrix_read_both_ways_is_refused_by_name_alone() -> None:
    """Before any array is seen; without declarations the two types are one."""
    text = "h[j] = x[i] W[i,j]; y[i] = h[j] W[j,i]"
    found = types(text)
    assert found.axis("W", 0) == found.axis("W", 1)
    with pytest.raises(IndexTypeError):
        types("index i: pixel, j: feature;" + text)


def test_a_derivative_with_more_axes_than_its_tensor_has_its_own() -> None:
    statements = parse("y[b,j] = x[b,i] W[i,j]; W.grad[b,i,j] = y.grad[b,j] x[b,i]")
    types = infer_types(statements, statements)
    assert (types.rank("W"), types.rank("W.grad"), types.rank("y.grad")) == (2, 3, 2)
    assert types.axis("W.grad", 1) == types.axis("W", 0)
    assert types.axis("W.grad", 0) == types.axis("x", 0)
    assert types.base("W.grad.dot") == "W.grad"


def test_a_jacobian_has_the_axes_of_its_sides() -> None:
    statements = parse("input x[a]; y[i] = 2 z[i]; y.jacobian.x[j,k] = u[j,k]")
    types = infer_types(statements, statements[1:])
    assert types.axis("y.jacobian.x", 0) == types.axis("y", 0)
    assert types.axis("y.jacobian.x", 1) == types.axis("x", 0)
