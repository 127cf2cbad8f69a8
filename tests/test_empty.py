"""Axes without positions: values, gradients, tangents, Jacobians and Hessians are those of the loops."""

from __future__ import annotations

import numpy as np
import pytest

from einprop import Program
from einprop.reference import evaluate

NOTHING = {
    "sum": 0.0,
    "prod": 1.0,
    "max": -np.inf,
    "min": np.inf,
    "mean": np.nan,
    "norm": 0.0,
    "norminf": -np.inf,
    "logsumexp": -np.inf,
    "argmax": np.nan,
}
"""By reduction, its value over no positions."""

BODIES = {
    "a tensor": "y[b] = {0}[k](z[b,k])",
    "a body that lacks the index": "y[b] = {0}[k](x[b])",
    "a number": "h[k] = 3; y[b] = {0}[k](h[k]) + where([x[b] == 0], 1, 0)",
    "a tensor that lacks it": "h[b,k] = x[b]; y[b] = {0}[k](h[b,k])",
    "a product": "y[b] = {0}[k](z[b,k] x[b])",
    "an expression": "y[b] = {0}[k](exp(z[b,k]) + x[b])",
}


@pytest.mark.parametrize("value", [2.0, np.inf])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("function", NOTHING)
def test_a_reduction_over_nothing(function: str, body: str, value: float) -> None:
    text = body.format(function)
    program = Program(f"index k: t < 0, b: u < 2\ninput x[b], z[b,k]\n{text}", outputs="y")
    tensors = {"x": np.full(2, value), "z": np.zeros((2, 0))}
    given = {name: tensors[name] for name in program.inputs}
    np.testing.assert_array_equal(program(given), np.full(2, NOTHING[function]))
    np.testing.assert_array_equal(evaluate(program, given)["y"], np.full(2, NOTHING[function]))


@pytest.mark.parametrize(("operator", "value"), [("max=", -np.inf), ("min=", np.inf), ("+=", 0.0)])
@pytest.mark.parametrize(
    "text", ["h[k] = 3; y {0} h[k]", "y {0} x[k]", "h[k] = 3; y[b] {0} h[k] w[b]"]
)
def test_an_equation_that_nothing_arrives_at(operator: str, value: float, text: str) -> None:
    program = Program(f"index k: t < 0\n{text.format(operator)}", outputs="y")
    tensors = {"x": np.zeros(0), "w": np.ones(2)}
    given = {name: tensors[name] for name in program.inputs}
    np.testing.assert_array_equal(program(given), np.full(program(given).shape, value))
    np.testing.assert_array_equal(evaluate(program, given)["y"], program(given))


PROGRAMS = [
    "y[b] = prod[k](x[b,k])",
    "y[b] = max[k](x[b,k])",
    "y[b] = mean[k](x[b,k]^2)",
    "y[b] max= x[b,k]",
    "y[b,k] = softmax[k](x[b,k])",
    "y[b] = logsumexp[k](x[b,k])",
    "y[b,k] = cumsum[k](x[b,k])",
    "y[b,k] = cumprod[k](x[b,k])",
    "y[b,k] = cummax[k](x[b,k])",
    "y[b,j] = tanh(x[b,k] W[k,j])",
    "h[b,k] = 0.5 h[b,k-1] + x[b,k]; y = sum[b,k](h[b,k]^2)",
    "h[b,-1] = 1; h[b,k] = h[b,k-1] x[b,k]; y[b] = sum[k](h[b,k])",
    "y[(b k)] = x[b,k]",
    "y[k] += x[b,k]",
    "y = sum[b](sum[k](x[b,k]^2)^2)",
]


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 0), (1, 1)], ids=str)
@pytest.mark.parametrize("text", PROGRAMS)
def test_all_that_is_derived(text: str, shape: tuple[int, int]) -> None:
    program = Program(text, outputs="y")
    tensors = {"x": np.full(shape, 0.5), "W": np.full((shape[1], 2), 0.5)}
    given = {name: tensors[name] for name in program.inputs}
    value = program(given)
    derived = [program.vjp(wrt="x"), program.jvp(wrt="x"), program.jacobian(wrt="x")]
    derived += [program.hessian(wrt="x")] if np.ndim(value) == 0 else []
    for each in derived:
        further = {"x.dot": np.ones(shape)}
        further |= {f"y.{suffix}": np.ones(np.shape(value)) for suffix in ("grad", "seed")}
        further = {name: array for name, array in further.items() if name in each.inputs}
        found, loops = each(given | further), evaluate(each, given | further)[each.outputs[0]]
        assert np.shape(found) == loops.shape
        # The quotient 0 / 0 of a mean over nothing is nan only where it is computed.
        np.testing.assert_allclose(found, np.where(np.isnan(loops) & (found == 0), 0, loops))
