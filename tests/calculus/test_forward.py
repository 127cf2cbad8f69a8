"""Forward mode on core equations: a tangent for each equation, as a person would write it."""

from __future__ import annotations

import pytest

from einprop.analysis.resolve import resolve
from einprop.calculus.forward import active_tensors, forward
from einprop.notation.parser import parse
from einprop.notation.printer import to_text


def lines(text: str, wrt: str = "x") -> list[str]:
    return [to_text(e) for e in forward(resolve(parse(text)).equations, wrt.split()).equations]


RULES = {
    "y[i] = x[i]": "y.dot[i] = x.dot[i]",
    "y[i] = -x[i]": "y.dot[i] = -x.dot[i]",
    "y[i] = a[i] - x[i]": "y.dot[i] = -x.dot[i]",
    "y[i] = a[i] x[i] b[i]": "y.dot[i] = a[i] x.dot[i] b[i]",
    "y[i] = x[i] / a[i]": "y.dot[i] = x.dot[i] / a[i]",
    "y[i] = a[i] / x[i]": "y.dot[i] = -y[i] x.dot[i] / x[i]",
    "y[i] = x[i]^3": "y.dot[i] = 3 x[i]^2 x.dot[i]",
    "y[i] = tanh(x[i])": "y.dot[i] = (1 - y[i]^2) x.dot[i]",
    "y[i] = 2 tanh(x[i])": "y.dot[i] = 2 (1 - tanh(x[i])^2) x.dot[i]",
    "y = sum[i](x[i])": "y.dot = sum[i](x.dot[i])",
    "y[b] = x[b,i] a[i]": "y.dot[b] = sum[i](x.dot[b,i] a[i])",
    "y = max[i](x[i])": "y.dot = sum[i]([x[i] == y[]] x.dot[i]) / sum[i]([x[i] == y[]])",
    "y[i] = x[i,i]": "y.dot[i] = x.dot[i,i]",
    "y[i,i] = x[i]": "y.dot[i,i] = x.dot[i]",
    "y[i] += x[i]": "y.dot[i] += x.dot[i]",
}


@pytest.mark.parametrize("text", RULES)
def test_one_rule_for_each_operation(text: str) -> None:
    assert lines(text) == [RULES[text]]


def test_every_read_moves_where_it_stands() -> None:
    assert lines("y[b,j] = tanh(x[b,i] W[i,j] + B[j])", "x W B") == [
        "y.dot[b,j] = (1 - y[b,j]^2) (sum[i](x.dot[b,i] W[i,j]) + sum[i](x[b,i] W.dot[i,j]) + B.dot[j])"
    ]


@pytest.mark.parametrize("text", ["y = [x > 0]", "y = 2 a", "y = floor(x)", "y = stop_gradient(x)"])
def test_no_equation_where_nothing_moves(text: str) -> None:
    assert lines(text) == []
    assert active_tensors(resolve(parse(text)).equations, ["x"]) == ("x",)


def test_computed_subscripts_and_ranges_stay() -> None:
    equations = parse("y[2*i+p] += x[i+1] K[p] where p in 0:2")
    (tangent,) = forward(equations, ["x"]).equations
    assert to_text(tangent) == "y.dot[2*i+p] += x.dot[i+1] K[p] where p in 0:2"


def test_a_recurrence_moves_as_a_recurrence() -> None:
    equations = parse("h[t,j] = tanh(x[t,j] + h[t-1,j])")
    (tangent,) = forward(equations, ["x"]).equations
    assert to_text(tangent) == "h.dot[t,j] = (1 - h[t,j]^2) (x.dot[t,j] + h.dot[t-1,j])"


def test_accumulated_extrema_share_ties() -> None:
    found = forward(parse("y[i] max= x[i,p]; y[i] max= a[i]"), ["x"]).equations
    assert [to_text(e) for e in found] == [
        "y.ties[i] += [x[i,p] == y[i]]",
        "y.ties[i] += [a[i] == y[i]]",
        "y.dot[i] += [x[i,p] == y[i]] x.dot[i,p] / y.ties[i]",
    ]
