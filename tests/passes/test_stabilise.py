"""Stable forms: each in every spelling, right far out, derived from, and nothing else touched."""

from __future__ import annotations

import numpy as np
import pytest

from einprop import Program

FORMS = [
    ("log(1 + exp(x[i]))", "softplus"),
    ("log(exp(x[i]) + 1)", "softplus"),
    ("log(1 + x[i]^2)", "log1p"),
    ("log(sigmoid(x[i]))", "softplus"),
    ("log(1 - sigmoid(x[i]))", "softplus"),
    ("log(-sigmoid(x[i]) + 1)", "softplus"),
    ("1 / (1 + exp(-x[i]))", "sigmoid"),
    ("1 / (exp(x[i]) + 1)", "sigmoid"),
    ("exp(x[i]) / (1 + exp(x[i]))", "sigmoid"),
    ("exp(-x[i]) / (exp(-x[i]) + 1)", "sigmoid"),
    ("exp(x[i]) - 1", "expm1"),
    ("-1 + exp(x[i])", "expm1"),
    ("1 - exp(x[i])", "expm1"),
    ("-exp(x[i]) + 1", "expm1"),
]
NEAR = np.array([-2.0, -0.3, 0.4, 1.5])
# Where the written form overflows, what the value and the slope are.
FAR = [
    ("log(1 + exp(x[i]))", [800.0, -800.0], [800, 0], [1, 0]),
    ("log(sigmoid(x[i]))", [800.0, -800.0], [0, -800], [0, 1]),
    ("log(1 - sigmoid(x[i]))", [800.0, -800.0], [-800, 0], [-1, 0]),
    ("1 / (1 + exp(-x[i]))", [800.0, -800.0], [1, 0], [0, 0]),
    ("exp(x[i]) / (1 + exp(x[i]))", [800.0, -800.0], [1, 0], [0, 0]),
    ("exp(x[i]) - 1", [1e-17, -800.0], [1e-17, -1], [1, 0]),
    ("1 - exp(x[i])", [1e-17, -800.0], [-1e-17, 1], [-1, 0]),
    ("log(1 + x[i])", [1e-17, 0.0], [1e-17, 0], [1, 1]),
    ("log(1 - x[i])", [1e-17, 0.0], [-1e-17, 0], [-1, -1]),
]


def steps(text: str) -> str:
    explanation = Program(text).explain(i=4)
    return "\n".join(step.equation for step in explanation.steps)


@pytest.mark.parametrize(("form", "function"), FORMS)
def test_written_forms_are_found(form: str, function: str) -> None:
    found = steps(f"y[i] = {form}")
    assert f"{function}(" in found
    assert " exp(" not in found
    assert " log(" not in found


def test_an_exponential_with_a_name_is_found_too() -> None:
    assert "sigmoid(" in steps("e[i] = exp(x[i]); y[i] = e[i] / (1 + e[i])")
    assert "sigmoid(" not in steps("y[i] = exp(x[i]) / (1 + exp(z[i]))")


@pytest.mark.parametrize(("form", "function"), FORMS)
def test_values_and_gradients_stay(form: str, function: str) -> None:
    program = Program(f"y[i] = {form}")
    names = {"exp": np.exp, "log": np.log, "sigmoid": lambda x: 1 / (1 + np.exp(-x))}
    written = form.replace("x[i]", "x").replace("^", "**")
    np.testing.assert_allclose(program(x=NEAR), eval(written, names, {"x": NEAR}))  # noqa: S307
    step = 1e-6
    slope = (program(x=NEAR + step) - program(x=NEAR - step)) / (2 * step)
    gradient = program.vjp()({"x": NEAR, "y.grad": np.ones(4)})
    np.testing.assert_allclose(gradient, slope, rtol=1e-7)


@pytest.mark.parametrize(("form", "at", "values", "slopes"), FAR)
def test_far_out(form: str, at, values, slopes) -> None:
    program = Program(f"y[i] = {form}")
    np.testing.assert_allclose(program(x=at), values, rtol=1e-12)
    gradient = program.vjp()({"x": np.array(at), "y.grad": np.ones(2)})
    np.testing.assert_allclose(gradient, slopes, atol=1e-12)


def test_forms_are_found_across_equations_and_letters() -> None:
    text = "e[j,i] = exp(x[i,j]); d[a,b] = 1 + e[a,b]; y[i,j] = log(d[j,i])"
    program = Program(text)
    far = np.array([[800.0, -800.0, 0.0]])
    np.testing.assert_allclose(program(x=far), [[800, 0, np.log(2)]])
    np.testing.assert_allclose(program.vjp()({"x": far, "y.grad": np.ones((1, 3))}), [[1, 0, 0.5]])


def test_what_is_read_elsewhere_is_still_computed() -> None:
    program = Program("e[i] = exp(x[i]); y[i] = log(1 + e[i]); z[i] = e[i]^2")
    results = program(x=[0.5])
    assert results["z"] == pytest.approx(np.exp(1.0))
    assert results["y"] == pytest.approx(np.log1p(np.exp(0.5)))


@pytest.mark.parametrize(
    "form",
    ["log(2 + exp(x[i]))", "2 - exp(x[i])", "log(2 - exp(x[i]))", "1 / (2 + exp(x[i]))"],
)
def test_what_has_no_such_form_stays(form: str) -> None:
    found = steps(f"y[i] = {form}")
    assert "exp(" in found
    assert not any(name in found for name in ("softplus", "log1p", "expm1", "sigmoid"))


def test_gates_keep_their_complement() -> None:
    # A second sigmoid would cost more than the subtraction that is written.
    assert steps("z[i] = sigmoid(x[i]); y[i] = (1 - z[i]) a[i]").count("sigmoid(") == 1


def test_a_recurrence_is_left_as_it_is() -> None:
    program = Program("h[t] = log(1 + exp(h[t-1])) x[t]; h[-1] = h0")
    h, expected = 0.3, []
    for factor in (1.0, 2.0, -1.0):
        h = np.log1p(np.exp(h)) * factor
        expected.append(h)
    np.testing.assert_allclose(program(x=[1.0, 2.0, -1.0], h0=0.3), expected)
