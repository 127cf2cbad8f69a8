"""What a student is told about each rule."""

from __future__ import annotations

import pytest

from einprop import Program
from einprop.calculus.reasons import listed

SENTENCES = {
    ("y = -x", "minus sign"): "the cotangent gets the minus sign",
    ("y = -(-x)", "minus sign"): "the two minus signs cancel",
    ("y = a - x", "sum rule"): "the cotangent passes a sum of terms with a minus sign",
    ("y = sum[i](x[i])", "sum rule"): "the cotangent passes the sum over i unchanged",
    ("y = x a b", "product rule"): "the cotangent times the other factors, a and b",
    ("y = prod[i](x[i])", "product rule"): "each factor of the product is multiplied by all others",
    ("y = x / a", "quotient rule"): "the cotangent divided by a",
    ("y = a / x", "quotient rule"): "the derivative of a / b by b is -a / b^2",
    ("y = x^-2", "power rule"): "the derivative of a^n is n a^(n-1), here with n = -2",
    ("y = x^a", "power rule"): "the derivative of a^n by a is n a^(n-1), and 0 where n is 0",
    ("y = a^x", "power rule"): "the derivative of a^n by n is a^n log(a), and 0 where a is 0",
    ("y = tanh(x)", "derivative of tanh"): "the derivative of tanh(x) is 1 - tanh(x)^2",
    (
        "y = maximum(a, x)",
        "derivative of maximum",
    ): "the derivative of maximum(x, y) by y is [y >= x] / (1 + [x == y])",
    (
        "y = min[i](x[i])",
        "derivative of min",
    ): "only the entries that are the smallest count, and share evenly where there are several",
    (
        "y = x[i] w[i]",
        "delta elimination",
    ): "the derivative of x[i] by x[i'] is [i == i']: of the sum over i one term is left",
    (
        "y[i] = a x[i+1]",
        "product rule",
    ): "the cotangent times the other factor, a; it is added where x[i+1] was read",
    ("m[b] max= x[b,i]", "sums written"): "i is not on the left, so it is maximised",
    (
        "h[t] = x[t] + h[t-1]",
        "subscripts written out",
    ): "h[pad(t-1)] is 0 outside of the axis",
    (
        "y[i] = x[i+1] - x[i]",
        "subscripts written out",
    ): "x[i+0] does not run over a whole axis",
    (
        "y = softmax[k](x[k]) v[k]",
        "definition written out",
    ): "softmax stands for what the definition says",
    ("y = exp(x)", "read off the output"): "y is known already, so it is not computed again",
    ("y = x x", "accumulated"): "2 lines add to x.grad, and += adds them up: this is one of them",
}


@pytest.mark.parametrize(("text", "rule"), SENTENCES)
def test_sentences(text: str, rule: str) -> None:
    line = Program(text).derive_steps(wrt="x").lines[-1]
    found = [step.reason for step in line.steps if step.rule == rule]
    assert found == [SENTENCES[text, rule]]


def test_lists() -> None:
    assert [listed(names) for names in ("a", "ab", "abc")] == ["a", "a and b", "a, b and c"]
