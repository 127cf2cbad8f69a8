"""Expressions up to the names of their indices, and equations that read what others computed."""

from __future__ import annotations

import pytest

from einprop.analysis.canonical import canonical, fold_equations
from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.notation.tree import Expression


def expression(text: str) -> Expression:
    return parse(f"y = {text}")[0].expression  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("x[b,i]", "x[c,k]"),
        ("sum[i](x[b,i])", "sum[k](x[c,k])"),
        ("sum[i,j](x[i] y[j])", "sum[j,i](x[j] y[i])"),
        # the order in which indices are bound means nothing
        ("sum[i,j](x[i] y[j])", "sum[j,i](x[i] y[j])"),
        ("exp(s[k]) / sum[j](exp(s[j]))", "exp(s[a]) / sum[b](exp(s[b]))"),
        ("[i == j] x[i] y[j]", "[p == q] x[p] y[q]"),
        ("sum[i](x[i] sum[j](A[i,j]))", "sum[j](x[j] sum[i](A[j,i]))"),
    ],
)
def test_the_same_up_to_names(left: str, right: str) -> None:
    assert canonical(expression(left)).form == canonical(expression(right)).form


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("x[i,j]", "x[i,i]"),
        ("x[i] y[i]", "x[i] y[j]"),
        ("sum[i](A[i,j])", "sum[j](A[i,j])"),
        ("[i < j] x[i] y[j]", "[j < i] x[i] y[j]"),
        ("sum[i](x[i])", "max[i](x[i])"),
        ("a - b", "b - a"),
        ("sum[i](sum[j](A[i,j] x[i]))", "sum[i](sum[j](A[i,j] x[j]))"),
    ],
)
def test_different_whatever_the_names(left: str, right: str) -> None:
    assert canonical(expression(left)).form != canonical(expression(right)).form


def test_free_indices_are_given_in_order_of_appearance() -> None:
    assert canonical(expression("x[q,p] y[p] + sum[r](z[r])")).indices == ("q", "p")


@pytest.mark.parametrize(
    ("definition", "line", "folded"),
    [
        ("h[b] = tanh(x[b])", "g[c] = 1 - tanh(x[c])^2", "g[c] = 1 - h[c]^2"),
        ("h[b,c] = W[b,c] x[c]", "g[i,j] = exp(W[j,i] x[i])", "g[i,j] = exp(h[j,i])"),
        # a tensor or a number stays itself
        ("h[b] = x[b]", "g[b] = x[b]", "g[b] = x[b]"),
        ("h = 2", "g[b] = 2 x[b]", "g[b] = 2 x[b]"),
        # not all of the value is at hand
        ("h[i,i] = exp(x[i])", "g[i] = exp(x[i])", "g[i] = exp(x[i])"),
        ("h[b] += exp(x[b])", "g[b] = exp(x[b])", "g[b] = exp(x[b])"),
        ("h[b] = exp(x[b]); h[b] += x[b]", "g[b] = exp(x[b])", "g[b] = exp(x[b])"),
        # the value stands at every position of an index that the form does not hold
        ("h[b,c] = exp(x[b])", "g[b] = exp(x[b])", "g[b] = exp(x[b])"),
        # ranges that an Iverson bracket does not tell
        ("h[i,j] = [i == j]", "g[p,q] = 2 [p == q]", "g[p,q] = 2 [p == q]"),
        # indices that run elsewhere there
        ("h[i] = exp(x[i]) where i in 0:2", "g[i] = 2 exp(x[i])", "g[i] = 2 exp(x[i])"),
        (
            "h[i] = exp(x[i])",
            "g[i] = 2 exp(x[i]) where i in 0:2",
            "g[i] = 2 exp(x[i]) where i in 0:2",
        ),
        (
            "h[i] = exp(x[i]) where i in 0:2",
            "g[k] = 2 exp(x[k]) where k in 0:2",
            "g[k] = 2 h[k] where k in 0:2",
        ),
        ("h = sum[i](x[i]) where i in 1:3", "g = 2 sum[i](x[i])", "g = 2 sum[i](x[i])"),
        ("h[i] = exp(x[pad(i)]) where z[i]", "g[i] = 2 exp(x[pad(i)])", "g[i] = 2 exp(x[pad(i)])"),
        # never into itself
        ("h[b] = exp(x[b])", "h[b] = exp(x[b])", "h[b] = exp(x[b])"),
    ],
)
def test_reads_instead_of_computing_again(definition: str, line: str, folded: str) -> None:
    (result,) = fold_equations(parse(line), parse(definition))  # type: ignore[arg-type]
    assert to_text(result) == to_text(parse(folded)[0])
