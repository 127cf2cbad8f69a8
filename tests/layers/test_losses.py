"""Losses against their formulas, with the gradients that lectures give for them."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from einprop.layers import Network, Softmax, losses

Array = NDArray[Any]


def example() -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(8, 5)), np.eye(5)[rng.integers(0, 5, 8)]


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def value_and_gradient(network: Network, x: Array, t: Array) -> tuple[float, Array]:
    value, gradients = network.program.value_and_grad(wrt="x")({"x": x, "t": t})
    return value, gradients["x"]


def test_cross_entropy() -> None:
    x, t = example()
    value, gradient = value_and_gradient(losses.CrossEntropy(), x, t)
    assert value == pytest.approx(-(t * np.log(softmax(x))).sum() / 8)
    np.testing.assert_allclose(gradient, (softmax(x) - t) / 8, atol=1e-14)


def test_cross_entropy_of_large_logits() -> None:
    x, t = np.array([[1e4, 0.0], [-1e4, 0.0]]), np.eye(2)
    value, gradient = value_and_gradient(losses.CrossEntropy(), x, t)
    assert value == pytest.approx(0.0)
    assert np.isfinite(gradient).all()


def test_log_loss() -> None:
    x, t = example()
    value, gradient = value_and_gradient(losses.LogLoss(), softmax(x), t)
    assert value == pytest.approx(-(t * np.log(softmax(x))).sum() / 8)
    np.testing.assert_allclose(gradient, -t / softmax(x) / 8)


def test_log_loss_after_softmax_is_cross_entropy() -> None:
    x, t = example()
    composed = value_and_gradient(Softmax() >> losses.LogLoss(), x, t)
    direct = value_and_gradient(losses.CrossEntropy(), x, t)
    assert composed[0] == pytest.approx(direct[0])
    np.testing.assert_allclose(composed[1], direct[1], atol=1e-14)


def test_squared_error_has_the_half_of_the_lectures() -> None:
    x, t = example()
    value, gradient = value_and_gradient(losses.SquaredError(), x, t)
    assert value == pytest.approx(0.5 * ((x - t) ** 2).sum() / 8)
    np.testing.assert_allclose(gradient, (x - t) / 8)
