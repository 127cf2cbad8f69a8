"""Propagation: forward and backward apart agree with the gradient in one piece."""

from __future__ import annotations

import numpy as np
import pytest

from einprop import Program
from einprop.errors import DerivativeError, InputError, ShapeError
from einprop.propagation import Propagation

PROGRAMS = [
    ("y[b,j] = tanh(x[b,i] W[i,j] + c[j])", {"x": (3, 2), "W": (2, 4), "c": (4,)}),
    ("h[b,j] = relu(x[b,i] W[i,j]); y[b] = h[b,j] h[b,j]", {"x": (3, 2), "W": (2, 4)}),
    # The adjoint reads nothing that would tell the sizes of what was joined.
    ("y[b,(i j)] = x[b,i,j]", {"x": (2, 3, 4)}),
    ("y[i] = x[2*i]", {"x": (7,)}),
    ("y[t] = sigmoid(y[t-1] w + x[t])", {"x": (4,), "w": ()}),
    ("a = sum[i](x[i]^2); y = a w", {"x": (3,), "w": ()}),
]


@pytest.mark.parametrize("inner", [False, True])
@pytest.mark.parametrize(("text", "shapes"), PROGRAMS)
def test_apart_is_as_together(text: str, shapes, inner: bool, rng) -> None:
    program = Program(text)
    tensors = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    both = Propagation(program, program.inputs, inner=inner)
    y = both.fprop(tensors)
    np.testing.assert_array_equal(y, program(tensors))
    cotangent = rng.normal(size=np.shape(y))
    found = both.bprop(cotangent)
    joined = program.vjp()
    (seed,) = (name for name in joined.inputs if name not in program.inputs)
    expected = joined({**tensors, seed: cotangent})
    expected = expected if isinstance(expected, dict) else {joined.outputs[0]: expected}
    for name in tensors:
        np.testing.assert_allclose(found[name], expected[f"{name}.grad"], atol=1e-14)
    assert set(found) == set(tensors) or inner


def test_inner_gradients() -> None:
    program = Program("h = x^2; y = 3 h")
    both = Propagation(program, ["x"], inner=True)
    both.fprop({"x": 2.0})
    assert {name: float(value) for name, value in both.kept.items()} == {"x": 2, "h": 4, "y": 12}
    assert {name: float(value) for name, value in both.bprop(1.0).items()} == {"h": 3, "x": 12}


def test_only_what_is_read_is_kept() -> None:
    program = Program("a[i] = x[i] + 1; h[i] = exp(a[i]); y[i] = 2 h[i]")
    both = Propagation(program, ["x"])
    both.fprop({"x": [0.0]})
    assert set(both.kept) == {"x", "h", "y"}


def test_further_outputs_are_kept() -> None:
    program = Program("y = x^2; next = 0.9 s + x", outputs="y next")
    both = Propagation(program, ["x"])
    assert both.fprop({"x": 3.0, "s": 1.0}) == 9
    assert both.kept["next"] == pytest.approx(3.9)
    assert both.bprop(1.0) == {"x": 6}


def test_what_is_refused() -> None:
    both = Propagation(Program("y[i] = x[i]^2"), ["x"])
    with pytest.raises(InputError, match="backward before forward"):
        both.bprop([1.0])
    both.fprop({"x": [1.0, 2.0]})
    with pytest.raises(ShapeError):
        both.bprop([1.0, 2.0, 3.0])
    with pytest.raises(DerivativeError):
        Propagation(Program("y = 2 x"), []).fprop({"x": 1.0})


def test_what_the_output_does_not_depend_on_has_gradient_zero() -> None:
    both = Propagation(Program("y = 2 x; z = w", outputs="y"), ["w"])
    both.fprop({"x": 1.0, "w": 1.0})
    assert both.bprop(1.0) == {"w": 0}
