"""What is printed parses back to the same tree, and reads as mathematics."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einprop.notation.parser import parse
from einprop.notation.printer import program_text, size_text, to_text
from einprop.notation.tree import (
    Access,
    Affine,
    Call,
    Expression,
    Index,
    Iverson,
    Negate,
    Number,
    Statement,
    children,
)
from tests.strategies import trees


def _numbers(expression: Expression) -> Iterator[Number]:
    if isinstance(expression, Number):
        yield expression
    for child in children(expression):
        yield from _numbers(child)


@settings(max_examples=300, deadline=None)
@given(trees.statements)
def test_a_printed_statement_parses_to_the_same_tree(statement: Statement) -> None:
    text = to_text(statement)
    (parsed,) = parse(text)
    assert parsed == statement
    assert to_text(parsed) == text


@settings(max_examples=60, deadline=None)
@given(trees.programs)
def test_a_printed_program_parses_to_the_same_trees(program: tuple[Statement, ...]) -> None:
    text = program_text(program)
    assert parse(text) == program
    assert program_text(parse(text)) == text


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.integers(0, 10**300), st.floats(0, allow_infinity=False)))
def test_a_number_keeps_its_type(value: float) -> None:
    (equation,) = parse(f"y = {to_text(Number(value))}")
    (number,) = _numbers(equation.expression)  # type: ignore[union-attr]
    assert (number.value, type(number.value)) == (value, type(value))


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("x.grad[b,i]+=y.grad[b,j]*W[ i , j ]", "x.grad[b,i] += y.grad[b,j] W[i,j]"),
        ("y[b,j] = x.value[b,i]W.value[i,j]", "y[b,j] = x[b,i] W[i,j]"),
        (
            "y = a * [i == j] where i in 0:3, j in 0:n+1",
            "y = a * [i == j] where i in 0:3, j in 0:n+1",
        ),
        ("y = a[] [p >= 2] where p in 0:n", "y = a * [p >= 2] where p in 0:n"),
        ("y[i] = x[i] [i == 2]", "y[i] = x[i] [i == 2]"),
        ("y[i] = [x[i] > a]", "y[i] = [x[i] > a[]]"),
        ("y = a(b + a)", "y = a * (b + a)"),
        ("y[i] = a[i](b + c)", "y[i] = a[i] (b + c)"),
        ("y = x.grad(b + c)", "y = x.grad (b + c)"),
        ("input a; y = 2 x^a(b + c)", "input a\ny = 2 x^a * (b + c)"),
        ("y = 3 pi[] (b + c)", "y = 3 pi[] * (b + c)"),
        ("input x.T; y = 2 x.T", "input x.T[]\ny = 2 x.T[]"),
        ("y = pi", "y = 3.141592653589793"),
        ("input pi; y = 2 pi", "input pi[]\ny = 2 pi[]"),
        ("def f(a, x) = a (x + 1)", "def f(a, x) = a (x + 1)"),
        ("y = cost * (b + c)", "y = cost * (b + c)"),
        ("y = 2*3 x*4", "y = 2 * 3 x * 4"),
        ("y = 2 e3 E", "y = 2 e3 E"),
        ("y = a b/c*d e", "y = a b / c * d e"),
        ("y = (a/b)(c/d)", "y = a / b * (c / d)"),
        ("y = (a b)c*(d e)", "y = (a b) c * (d e)"),
        ("y = a/b/c/(d/f)", "y = a / b / c / (d / f)"),
        ("y = a - (b - c) - -d", "y = a - (b - c) - (-d)"),
        ("y = -(-a) + (-b)", "y = -(-a) - b"),
        ("y[i] = -x[i]**2", "y[i] = -x[i]^2"),
        ("y = (-x)^2^-z", "y = (-x)^2^-z"),
        ("y = x^(-2 z) (a^b)^c", "y = x^(-2 z) (a^b)^c"),
        ("y = pow(x, 2) Σ[i](z[i])", "y = x^2 sum[i](z[i])"),
        ("y[i] = leaky_relu(x[i])", "y[i] = leaky_relu(x[i], 0.01)"),
        ("y = 1e-5 + .5 + 1e22", "y = 1e-05 + 0.5 + 1e+22"),
        ("y[i] = x[i+end-3 i+1, 0 i]", "y[i] = x[end-2*i+1,0]"),
        ("y[i,(h d)] = x[tok[i],wrap(i-1),E[]]", "y[i,(h d)] = x[tok[i],wrap(i-1),E[]]"),
        ("index q,k:n<128,i:m", "index q, k: n < 128, i: m"),
        ("param W[i,j],b", "param W[i,j], b"),
        ("def f[i,j](x,y)=x y", "def f[i,j](x, y) = x y"),
        ("input max= 2", "input max= 2"),
    ],
)
def test_style(written: str, printed: str) -> None:
    assert program_text(parse(written)) == printed


def test_parts_of_a_statement_print_alone() -> None:
    assert to_text(Affine(((2, "i"), (-1, "p")), -1, 1)) == "end+2*i-p-1"
    assert to_text(Index("i'")) == "i'"
    assert to_text(Iverson(Access("x"), ">", Number(0))) == "[x[] > 0]"
    assert size_text((-1, "n", 2)) == "-1+n+2"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-2, "(-2)"),
        (-0.5, "(-0.5)"),
        (math.inf, "(1 / 0)"),
        (-math.inf, "(-1 / 0)"),
        (math.nan, "(0 / 0)"),
    ],
)
def test_a_constant_that_is_no_literal_prints_as_an_expression(value: float, text: str) -> None:
    assert to_text(Number(value)) == text
    (equation,) = parse(f"y = x^{text}")
    assert program_text([equation]).removeprefix("y = x^").strip("()") == text.strip("()")


def test_deep_trees_print_without_recursion() -> None:
    expression: Expression = Access("x")
    for _ in range(5000):
        expression = Call("exp", (Negate(expression),))
    assert to_text(expression).startswith("exp(-exp(-")
