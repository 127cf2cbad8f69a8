"""Reverse mode on core equations: one rule for each operation, and how they chain."""

from __future__ import annotations

import pytest

from einprop.analysis.resolve import resolve
from einprop.calculus.reverse import Adjoint, reverse
from einprop.notation.parser import parse
from einprop.notation.printer import to_text


def adjoint(text: str, of: str = "y", wrt: str = "x") -> Adjoint:
    return reverse(resolve(parse(text)).equations, of.split(), wrt.split())


def lines(text: str, of: str = "y", wrt: str = "x") -> list[str]:
    return [to_text(equation) for equation in adjoint(text, of, wrt).equations]


RULES = {
    "y[i] = x[i]": "x.grad[i] += y.grad[i]",
    "y[i] = -x[i]": "x.grad[i] += -y.grad[i]",
    "y[i] = x[i] + a[i]": "x.grad[i] += y.grad[i]",
    "y[i] = a[i] - x[i]": "x.grad[i] += -y.grad[i]",
    "y[i] = a[i] x[i] b[i]": "x.grad[i] += y.grad[i] a[i] b[i]",
    "y[i] = 3 x[i]": "x.grad[i] += 3 y.grad[i]",
    "y[i] = x[i] / a[i]": "x.grad[i] += y.grad[i] / a[i]",
    "y[i] = x[i] / 2": "x.grad[i] += y.grad[i] / 2",
    # the quotient's own value is at hand
    "y[i] = a[i] / x[i]": "x.grad[i] += -y.grad[i] y[i] / x[i]",
    "y[i] = 1 + a[i] / x[i]": "x.grad[i] += -y.grad[i] a[i] / x[i]^2",
    "y[i] = x[i]^3": "x.grad[i] += 3 y.grad[i] x[i]^2",
    "y[i] = x[i]^-1": "x.grad[i] += -y.grad[i] x[i]^-2",
    "y[i] = x[i]^a": "x.grad[i] += y.grad[i] where([x[i] == 0] [a[] == 0], 0, a x[i]^(a - 1))",
    "y[i] = tanh(x[i])": "x.grad[i] += y.grad[i] (1 - y[i]^2)",
    "y[i] = 2 tanh(x[i])": "x.grad[i] += 2 y.grad[i] (1 - tanh(x[i])^2)",
    "y[i] = exp(x[i])": "x.grad[i] += y.grad[i] y[i]",
    "y[i] = sin(a[i] x[i])": "x.grad[i] += y.grad[i] cos(a[i] x[i]) a[i]",
    "y = sum[i](x[i])": "x.grad[i] += y.grad",
    "y[b] = x[b,i] a[i]": "x.grad[b,i] += y.grad[b] a[i]",
    "y[j] = x[i] a[i,j]": "x.grad[i] += sum[j](y.grad[j] a[i,j])",
    # bound indices step aside for those of the cotangent
    "y[k] = a[k] sum[k](x[k])": "x.grad[k] += sum[k'](y.grad[k'] a[k'])",
    "y = max[i](x[i])": "x.grad[i] += y.grad * [x[i] == y[]] / sum[i']([x[i'] == y[]])",
    # a diagonal is read and written
    "y[i] = x[i,i]": "x.grad[i,i] += y.grad[i]",
    "y[i,i] = x[i]": "x.grad[i] += y.grad[i,i]",
    "y = sum[i](x[i,i])": "x.grad[i,i] += y.grad",
}


@pytest.mark.parametrize("text", RULES)
def test_one_rule_for_each_operation(text: str) -> None:
    assert lines(text) == [RULES[text]]


def test_every_read_adds_to_the_cotangent() -> None:
    assert lines("y[b,j] = x[b] a[b,j] + x[b]") == [
        "x.grad[b] += sum[j](y.grad[b,j] a[b,j])",
        "x.grad[b] += sum[j](y.grad[b,j])",
    ]


@pytest.mark.parametrize(
    "text", ["y = [x > 0]", "y = 2 a", "y = a + 0 x", "y = floor(x)", "y = stop_gradient(x)"]
)
def test_no_equation_where_nothing_flows(text: str) -> None:
    found = adjoint(text)
    assert [to_text(e) for e in found.equations] == []
    assert found.gradients == {}


def test_reverse_order_and_fan_out() -> None:
    text = "h = x^2; k = sin(h); y = h k"
    assert lines(text) == [
        "h.grad += y.grad k",
        "k.grad += y.grad h",
        "h.grad += k.grad cos(h)",
        "x.grad += 2 h.grad x",
    ]


def test_only_what_lies_on_a_path_is_visited() -> None:
    assert lines("u = x^2; v = exp(x); w = a^2; y = u w") == [
        "u.grad += y.grad w",
        "x.grad += 2 u.grad x",
    ]


def test_accumulated_tensors_hand_their_cotangent_to_every_equation() -> None:
    assert lines("y[b] = 2 x[b]; y[b] += x[b]^2") == [
        "x.grad[b] += 2 y.grad[b]",
        "x.grad[b] += 2 y.grad[b] x[b]",
    ]


def test_a_differentiated_tensor_that_is_read_has_a_seed_of_its_own() -> None:
    found = adjoint("h = x^2; y = h x", of="h y")
    assert found.seeds == {"y": "y.grad", "h": "h.seed"}
    assert found.gradients == {"x": "x.grad"}
    assert "h.grad += h.seed" in [to_text(e) for e in found.equations]


def test_several_inputs_at_once() -> None:
    found = adjoint("y[b,j] = x[b,i] W[i,j] + B[j]", wrt="x W B C")
    assert found.gradients == {"x": "x.grad", "W": "W.grad", "B": "B.grad"}


def core(text: str, of: str = "y", wrt: str = "x") -> list[str]:
    """The adjoint of equations that are core as they are parsed."""
    return [to_text(e) for e in reverse(parse(text), of.split(), wrt.split()).equations]


def test_accumulated_extrema_hand_their_cotangent_to_what_reached_them() -> None:
    assert core("y[i] max= x[i,p]; y[i] max= a[i]") == [
        "y.ties[i] += [x[i,p] == y[i]]",
        "y.ties[i] += [a[i] == y[i]]",
        "x.grad[i,p] += y.grad[i] [x[i,p] == y[i]] / y.ties[i]",
    ]


def test_a_recurrence_goes_back() -> None:
    assert core("h[t] = tanh(x[t] + h[t-1]); y = h[end]") == [
        "h.grad[end] += y.grad",
        "h.grad[t-1] += h.grad[t] (1 - h[t]^2)",
        "x.grad[t] += h.grad[t] (1 - h[t]^2)",
    ]


def test_an_earlier_tensor_may_be_reached_by_a_later_one() -> None:
    found = core("c[t] = x[t] h[t-1]; h[t] = sin(c[t])", of="c")
    assert sorted(found) == [
        "c.grad[t] += c.seed[t]",
        "c.grad[t] += h.grad[t] cos(c[t])",
        "h.grad[t-1] += c.grad[t] x[t]",
        "x.grad[t] += c.grad[t] h[t-1]",
    ]


def test_ranges_and_computed_subscripts_are_carried_over() -> None:
    assert core("y[i] = x[2*i] a[i] where i in 0:3") == [
        "x.grad[2*i] += y.grad[i] a[i] where i in 0:3"
    ]
