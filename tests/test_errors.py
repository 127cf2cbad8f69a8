"""One family of errors, and whole messages as a student reads them: what, where, and what is legal."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np
import pytest

import einprop as ep
from einprop import Program, errors
from einprop.errors import EinpropError, Place

AFFINE = "y[b,j] = x[b,i] W[i,j] + B[j]"
TYPED = f"index b: batch, i: pixel, j: feature\n{AFFINE}"


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape)


# The family.


@pytest.mark.parametrize("name", [n for n in errors.__all__ if n.endswith("Error")])
def test_one_family(name: str) -> None:
    error = getattr(errors, name)
    assert issubclass(error, EinpropError)
    assert issubclass(error, ValueError)
    assert getattr(ep, name) is error


def test_an_error_keeps_its_parts_also_through_pickle() -> None:
    place = Place("y = x", 4, 5)
    error = EinpropError("x is wrong", [place, None], "write z")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    for one in (error, again):
        assert (one.message, one.places, one.hint) == ("x is wrong", (place,), "write z")
        assert str(one) == "x is wrong\n    y = x\n        ^\nwrite z"


def test_places_are_stretches_of_text() -> None:
    text = "a = b\nc = d e"
    place = Place(text, 10, 11)
    assert place.snippet == "d"
    assert place.to(Place(text, 12, 13)).snippet == "d e"
    assert text[slice(*place.line)] == "c = d e"


@pytest.mark.parametrize(
    ("text", "start", "end", "shown"),
    [
        # indentation is taken off the line and off the carets
        ("    y = x", 8, 9, ["y = x", "    ^"]),
        ("\ty =\tx", 5, 6, ["y = x", "    ^"]),
        # a wide character takes two columns, a combining mark none
        ("y = 数 x", 6, 7, ["y = 数 x", "       ^"]),
        ("y = x\u0302 z", 7, 8, ["y = x\u0302 z", "      ^"]),
        # the end of the text is a place too
        ("y =", 3, 3, ["y =", "   ^"]),
        # a place of several lines is marked on the first
        ("y = (a\n+ b)", 4, 11, ["y = (a", "    ^^"]),
    ],
)
def test_carets_stand_under_their_place(text: str, start: int, end: int, shown: list[str]) -> None:
    lines = str(EinpropError("message", [Place(text, start, end)])).splitlines()
    assert lines[1:] == [f"    {line}" for line in shown]


def test_two_places_share_a_line_or_have_one_each() -> None:
    text = "a = b c\nd = e"
    found = [Place(text, 12, 13), Place(text, 6, 7), Place(text, 4, 5)]
    assert str(EinpropError("message", found)) == (
        "message\n    d = e\n        ^\n    a = b c\n        ^ ^"
    )


# Whole messages, a few of each class; tests/analysis and tests/notation hold the others.

SYNTAX = {
    "y[b] = x[b": """\
[ is never closed
    y[b] = x[b
            ^
close it with ]""",
    "y[b] = x[b])": """\
) closes nothing
    y[b] = x[b])
               ^
remove it, or open it before with (""",
    "y[b] = a[b] / c[b] d[b]": """\
a[b] / c[b] d[b] can be read in two ways
    y[b] = a[b] / c[b] d[b]
           ^^^^^^^^^^^^^^^^
write (a[b] / c[b]) d[b] or a[b] / (c[b] d[b])""",
    "y[b] = sigmod(x[b])": """\
unknown function sigmod: did you mean sigmoid?
    y[b] = sigmod(x[b])
           ^^^^^^
for a product write sigmod * (...)""",
    "y[b] = softmax(x[b])": """\
softmax needs the indices that it runs over
    y[b] = softmax(x[b])
           ^^^^^^^
write softmax[k](s)""",
    "y[b] = exp(x[b], x[b])": """\
exp is called with 2 arguments
    y[b] = exp(x[b], x[b])
           ^^^^^^^^^^^^^^^
write exp(x)""",
    "y[b] = exp x[b]": """\
exp is a function and needs its argument in parentheses
    y[b] = exp x[b]
           ^^^
write exp(x)""",
    "exp[b] = x[b]": """\
exp is the name of a function and cannot be a tensor
    exp[b] = x[b]
    ^^^
choose another name""",
    "y[b] == x[b]": """\
= or += or max= or min= is expected here, not ==
    y[b] == x[b]
         ^^
to define a tensor write one =""",
    "y[b] -= x[b]": """\
= or += or max= or min= is expected here, not -
    y[b] -= x[b]
         ^
the operators are = += max= min=; to subtract write += -(...)""",
    "y = $x": """\
the character $ (U+0024 DOLLAR SIGN) has no meaning here
    y = $x
        ^
names are made of letters, digits and _; signs are + - * / ^ = += == != < <= > >=""",
    "y = x > 1": """\
the end of the line is expected here, not >
    y = x > 1
          ^
a comparison stands between brackets: [i == j]""",
    "h = x\ny = h +": """\
an operand is expected here, not the end of the text
    y = h +
           ^
an operand is a number, a tensor, a call or an expression in parentheses""",
}


@pytest.mark.parametrize("text", SYNTAX)
def test_text_that_is_no_program(text: str) -> None:
    with pytest.raises(ep.EquationSyntaxError) as error:
        Program(text)
    assert str(error.value) == SYNTAX[text]


INDEX = {
    "y[b] = x[b,i]": """\
index i in x[b,i] is not on the left and occurs once: is it to be summed?
    y[b] = x[b,i]
               ^
write sum[i](x[b,i]) or y[b] += x[b,i]""",
    "y[b,j] = x[b,i] W[i,jj]": """\
index j is on the left of y[b,j] and in no term on the right; \
index jj in W[i,jj] is not on the left and occurs once
    y[b,j] = x[b,i] W[i,jj]
        ^               ^^
is jj meant to be j? or write sum[jj](x[b,i] W[i,jj])""",
    "y = x; y = 2 x": """\
y is defined twice
    y = x; y = 2 x
    ^      ^
= defines a tensor once; use += to add to it, or another name""",
}


@pytest.mark.parametrize("text", INDEX)
def test_indices_and_names_without_meaning(text: str) -> None:
    with pytest.raises(ep.IndexScopeError) as error:
        Program(text)
    assert str(error.value) == INDEX[text]


def test_the_slide_with_a_missing_index() -> None:
    text = """\
y.value[b,j] = x.value[b,i]W.value[i,j]
y.value[b,j] += B.value[j]
W.grad[i,j] += y.grad[b,j]x.value[i]"""
    with pytest.raises(ep.IndexTypeError) as error:
        Program(text)
    assert (
        str(error.value)
        == """\
x has 1 index in x[i], but 2 indices in x[b,i]
    W.grad[i,j] += y.grad[b,j]x.value[i]
                              ^^^^^^^^^^
    y.value[b,j] = x.value[b,i]W.value[i,j]
                   ^^^^^^^^^^^^
write all indices of x, as in x[b,i]"""
    )


def test_a_read_outside_of_its_axis() -> None:
    program = Program("y[b] = x[b+1] c[b]")
    with pytest.raises(ep.ShapeError) as error:
        program(x=[1, 2], c=[1, 2])
    assert (
        str(error.value)
        == """\
x[b+1] reads position 2 at b = 1, but axis 0 of x has positions 0 to 1
    y[b] = x[b+1] c[b]
             ^^^
pad(b+1) reads 0 outside, wrap(b+1) and clamp(b+1) stay inside; or restrict the index: where b in 0:1"""
    )


CALLS: dict[str, tuple[Callable[[], object], type[EinpropError], str]] = {
    "the language reference's own example": (
        lambda: Program(TYPED)(x=ones(2, 784), W=ones(768, 3), B=ones(3)),
        ep.ShapeError,
        """\
index i (type pixel) has size 784 in x[b,i] but size 768 in W[i,j]
    y[b,j] = x[b,i] W[i,j] + B[j]
                 ^    ^""",
    ),
    "size 1": (
        lambda: Program(AFFINE)(x=ones(2, 3), W=ones(3, 4), B=ones(1)),
        ep.ShapeError,
        """\
index j has size 4 in W[i,j] but size 1 in B[j]
    y[b,j] = x[b,i] W[i,j] + B[j]
                        ^      ^
sizes must agree exactly; size 1 does not broadcast""",
    ),
    "axes": (
        lambda: Program(AFFINE)(x=ones(3), W=ones(3, 4), B=ones(4)),
        ep.ShapeError,
        """\
x has 2 axes in x[b,i], but the array passed has 1: shape (3,)
    y[b,j] = x[b,i] W[i,j] + B[j]
             ^^^^^^
pass an array with one axis for each index of x[b,i]""",
    ),
    "a missing input": (
        lambda: Program(AFFINE)(x=ones(2, 3), W=ones(3, 4)),
        ep.InputError,
        """\
input is missing: B
    y[b,j] = x[b,i] W[i,j] + B[j]
                             ^^^^
the program's inputs are x, W, B""",
    ),
    "complex numbers": (
        lambda: Program("y = 2 x")(x=1j),
        ep.InputError,
        """\
x has dtype complex128, which is not of real numbers
pass floats, integers or booleans""",
    ),
    "words": (
        lambda: Program("y[i] = 2 x[i]")(x=["one", "two"]),
        ep.InputError,
        """\
x has dtype <U3, which is not of real numbers
pass floats, integers or booleans""",
    ),
    "an unknown parameter": (
        lambda: Program(AFFINE, params="W V"),
        ep.InputError,
        """\
parameter V is not an input of the program
its inputs are x, W, B""",
    ),
    "an unknown output": (
        lambda: Program(AFFINE, outputs="z"),
        ep.InputError,
        """\
output z is defined by no equation
the program defines y""",
    ),
    "an unknown backend": (
        lambda: Program(AFFINE).compile("fortran"),
        ep.InputError,
        """\
there is no backend 'fortran'
backends are numpy""",
    ),
    "a derivative of an input": (
        lambda: Program(AFFINE).backward(of="x"),
        ep.DerivativeError,
        """\
cannot differentiate x: the program does not define it
it defines y""",
    ),
    "a derivative by itself": (
        lambda: Program(AFFINE).grad(wrt="y"),
        ep.DerivativeError,
        """\
cannot differentiate y with respect to itself
its cotangent is what is given, as y.grad; name the tensors that it depends on""",
    ),
    "the gradient of a tensor": (
        lambda: Program(AFFINE).value_and_grad(),
        ep.DerivativeError,
        """\
value_and_grad differentiates one scalar, not y
name a scalar by of=, or use vjp with a cotangent""",
    ),
    "the derivative of a constant": (
        lambda: Program("y = 2").grad(),
        ep.DerivativeError,
        """\
y depends on no input: there is no derivative
comparisons, sign, floor, argmax and stop_gradient are constants to a derivative""",
    ),
}


@pytest.mark.parametrize("case", CALLS)
def test_what_is_asked_of_a_program(case: str) -> None:
    function, kind, message = CALLS[case]
    with pytest.raises(EinpropError) as error:
        function()
    assert type(error.value) is kind
    assert str(error.value) == message
