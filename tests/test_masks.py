"""Brackets select: what arrives from where a function is not active is 0, also if it is infinite or nan."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from einprop import Program
from einprop.reference import evaluate
from tests.backends.sources import BACKENDS, agrees

ROWS = {
    # by program, the gradient at x
    "y = sum[i](sqrt(relu(x[i])))": [0, 0, 0.25, 0.5],
    "y = sum[i](sqrt(where([x[i] > 0], x[i], 0)))": [0, 0, 0.25, 0.5],
    "y = sum[i](log(clip(x[i], 0, 5)))": [0, np.inf, 0.25, 1],
    "y = sum[i](sqrt(maximum(x[i] - 1, 0)))": [0, 0, 0.5 / np.sqrt(3), np.inf],
    "y = sum[i](log(1 - minimum(x[i], 0)))": [-0.5, -0.5, 0, 0],
    "y = sum[i](1 / relu(x[i]))": [0, 0, -1 / 16, -1],
    "y = sum[i](log([x[i] > 0] x[i] + [x[i] <= 0]))": [0, 0, 0.25, 1],
    "y = sum[i](sqrt(max[j](where([j == i], x[j], -1 / 0)) - 1))": [np.nan] * 2
    + [0.5 / np.sqrt(3), np.inf],
}
X = np.array([-1.0, 0.0, 4.0, 1.0])


def gradients(text: str, x: Any) -> dict[str, Any]:
    """By way of computing it, the gradient."""
    program = Program(text, outputs="y")
    return {
        "value_and_grad": program.value_and_grad(wrt="x")(x=x)[1]["x"],
        "grad": program.grad(of="y", wrt="x")(x=x),
        "vjp": program.vjp(of="y", wrt="x")({"x": x, "y.grad": np.ones((), x.dtype)}),
        "batched": program.grad(of="y", wrt="x").batched("b")(x=x[None])[0],
    }


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("text", "expected"), ROWS.items(), ids=ROWS)
def test_nothing_comes_through_from_where_it_is_not_active(
    text: str, expected: list[float], dtype: type
) -> None:
    for way, gradient in gradients(text, X.astype(dtype)).items():
        rtol = float(4 * np.finfo(dtype).eps)
        np.testing.assert_allclose(gradient, expected, rtol=rtol, err_msg=way)


@pytest.mark.parametrize("text", list(ROWS)[:5])
def test_loops_of_the_derived_text_agree(text: str) -> None:
    derived = Program(str(Program(text).grad(wrt="x")))
    found = evaluate(derived, {"x": X})["x.grad"]
    np.testing.assert_allclose(found, ROWS[text])
    np.testing.assert_allclose(derived(x=X), ROWS[text])


def test_a_product_with_a_bracket_selects() -> None:
    program = Program("y[i] = x[i] * w * [i < 2] z[i] / v[i]")
    tensors = {
        "x": np.array([np.inf, 1.0, np.inf, np.nan]),
        "w": np.inf,
        "z": np.array([1.0, 2.0, np.nan, 1.0]),
        "v": np.array([1.0, 1.0, 0.0, np.nan]),
    }
    expected = [np.inf, np.inf, 0.0, 0.0]
    np.testing.assert_array_equal(program(tensors), expected)
    np.testing.assert_array_equal(evaluate(program, tensors)["y"], expected)


def test_a_sum_of_what_a_bracket_selects() -> None:
    program = Program("y[b] = x[b,k] [x[b,k] < 10] z[b]")
    tensors = {"x": np.array([[1.0, np.inf, 2.0], [np.inf, 20.0, 30.0]]), "z": np.array([2.0, 3.0])}
    np.testing.assert_array_equal(program(tensors), [6.0, 0.0])
    np.testing.assert_array_equal(evaluate(program, tensors)["y"], [6.0, 0.0])


def test_a_row_that_is_masked_whole_harms_itself_alone() -> None:
    program = Program(
        """
        index s: position
        A[t,s] = softmax[s](where([s < n[t]], q[t,d] k[s,d], -1 / 0))
        y = sum[t](sum[d](A[t,s] v[s,d])^2 [n[t] > 0])
        """,
        outputs="y",
    )
    rng = np.random.default_rng(0)
    tensors = {name: rng.normal(size=(3, 2)) for name in "qkv"} | {"n": np.array([3.0, 0.0, 2.0])}
    found = program.value_and_grad(wrt=["q"])(tensors)
    rows = found[1]["q"]
    kept = {**tensors, "q": tensors["q"][[0, 2]], "n": tensors["n"][[0, 2]]}
    value, expected = program.value_and_grad(wrt=["q"])(kept)
    assert found[0] == pytest.approx(value)
    np.testing.assert_allclose(rows[[0, 2]], expected["q"])
    np.testing.assert_array_equal(rows[1], 0)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("text", list(ROWS)[:5])
def test_code_to_paste_selects(text: str, backend: str) -> None:
    agrees(Program(text).grad(wrt="x"), {"x": X}, backend)
