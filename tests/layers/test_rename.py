"""Renaming reaches every place in which a tensor or a letter can stand."""

import pytest

from einprop.layers.rename import Renaming, letters_of
from einprop.notation.parser import parse
from einprop.notation.printer import to_text

RENAMED = [
    ("y[b,j] = x[b,i] W[i,j]", "y[b,i] = h[b,j] W1[j,i]"),
    ("y[j] = x[2*i+j] W[i]", "y[i] = h[2*j+i] W1[j]"),
    ("y[j] = x[pad(i+j)] W[i]", "y[i] = h[pad(j+i)] W1[j]"),
    ("y[(i j)] = x[i,j]", "y[(j i)] = h[j,i]"),
    ("y[j] = W[x[i],j] c[i]", "y[i] = W1[h[j],i] c[j]"),
    ("y[i] = softmax[j](x[i,j])", "y[j] = softmax[i](h[j,i])"),
    ("y[i,j] = x[i] [i == j]", "y[j,i] = h[j] [j == i]"),
    ("y[i] = x[i'] W[i,i']", "y[j] = h[j'] W1[j,j']"),
    ("x.grad[b,i] += y.grad[b,j] W[i,j]", "h.grad[b,j] += y.grad[b,i] W1[j,i]"),
    ("y[i] = x[i] where i in 0:3", "y[j] = h[j] where j in 0:3"),
]


@pytest.mark.parametrize(("before", "after"), RENAMED)
def test_renamed_everywhere(before: str, after: str) -> None:
    renaming = Renaming({"x": "h", "W": "W1"}, {"i": "j", "j": "i"})
    assert to_text(renaming.equation(parse(before)[0])) == to_text(parse(after)[0])


def test_letters_are_those_of_the_left_then_the_right() -> None:
    text = "y[b,j] = sum[k](x[b,i'] W[i',j] [k == j])"
    assert letters_of(parse(text)[0]) == ["b", "j", "k", "i"]


def test_letters_of_ranges_count() -> None:
    assert letters_of(parse("y[i] = x[i] where i in 0:3")[0]) == ["i"]


def test_types_and_definitions_are_renamed() -> None:
    renaming = Renaming({}, {"p": "q"}, {"row": "row1"}, {"f": "g"})
    text = "y[i] = f(x[i+p]) where p in 0:row+1"
    assert to_text(renaming.equation(parse("def f(a) = 2 a;" + text)[1])) == (
        "y[i] = g(x[i+q]) where q in 0:row1+1"
    )
    _, definition, _ = parse("def f(a) = 2 a; def h(a) = f(a)^2; y = x")
    assert to_text(renaming.definition(definition)) == "def h(a) = g(a)^2"
