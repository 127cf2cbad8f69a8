"""Activations against numpy, after an affine layer, forward and gradient."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import einprop as ep
from einprop.layers import Affine, Layer, Relu, Sigmoid, Softmax, Tanh, losses

Array = NDArray[Any]


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


FUNCTIONS = {
    Relu(): lambda x: np.maximum(x, 0),
    Sigmoid(): lambda x: 1 / (1 + np.exp(-x)),
    Tanh(): np.tanh,
    Softmax(): softmax,
}


@pytest.mark.parametrize("layer", FUNCTIONS, ids=repr)
def test_values(layer: Layer) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6, 5))
    network = Affine(4) >> layer
    parameters = network.init(rng, x=x)
    expected = FUNCTIONS[layer](x @ parameters["W"] + parameters["B"])
    np.testing.assert_allclose(network(parameters, x=x), expected, rtol=1e-12)


@pytest.mark.parametrize("layer", FUNCTIONS, ids=repr)
def test_gradients(layer: Layer) -> None:
    rng = np.random.default_rng(1)
    network = Affine(4) >> layer >> Affine(3) >> losses.SquaredError()
    tensors = {"x": rng.normal(size=(6, 5)), "t": rng.normal(size=(6, 3))}
    ep.gradcheck(network.program, {**network.init(rng, x=tensors["x"]), **tensors})


def test_softmax_of_large_logits_is_finite() -> None:
    assert Softmax()({}, x=np.array([[1e4, 0.0, -1e4]])).tolist() == [[1.0, 0.0, 0.0]]
