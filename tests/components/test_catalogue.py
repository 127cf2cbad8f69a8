"""The lecture's network on components: one program, its gradients, its descent."""

from __future__ import annotations

import numpy as np
import pytest

from einprop import Program, layers, training
from einprop.components import (
    SGD,
    Affine,
    Apply,
    Component,
    CrossEntropy,
    Input,
    LogLoss,
    Package,
    Parameter,
    Relu,
    Sigmoid,
    Softmax,
    SquaredError,
    Tanh,
)
from einprop.errors import InputError
from einprop.finite_differences import finite_differences


class Net:
    """The slide's network, on seven examples of four numbers."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.x, self.y = Input(name="x"), Input(name="y")
        self.Phi1 = Package.of(layers.Affine(5), rng, x=(1, 4))
        self.Phi2 = Package.of(layers.Affine(3), rng, x=(1, 5))
        self.L1 = Relu(Affine(self.Phi1, self.x))
        self.Q = Softmax(Sigmoid(Affine(self.Phi2, self.L1)))
        self.ell = LogLoss(self.Q, self.y)
        self.x.value = rng.normal(size=(7, 4))
        self.y.value = np.array([0, 1, 2, 0, 1, 2, 0])


def numerical(loss: Component, parameter: Parameter) -> np.ndarray:
    """The gradient of the mean loss by finite differences."""
    kept = parameter.value.copy()

    def mean(value: np.ndarray) -> float:
        parameter.value[...] = value
        return float(np.mean(loss.forward()))

    found = finite_differences(mean, kept)
    parameter.value[...] = kept
    loss.forward()
    return found


def test_the_network_of_the_slide_is_one_program() -> None:
    net = Net()
    assert net.ell.program == Program(
        """
        param W1[i,j], B1[j], W2[j,k], B2[k]
        h1[b,j] = x[b,i] W1[i,j] + B1[j]
        h2[b,j] = relu(h1[b,j])
        h3[b,k] = h2[b,j] W2[j,k] + B2[k]
        h4[b,k] = sigmoid(h3[b,k])
        h5[b,k] = softmax[k](h4[b,k])
        loss[b] = -log(h5[b,y[b]])
        """
    )


def test_forward_keeps_values_and_backward_gradients() -> None:
    net = Net()
    losses = net.ell.forward()
    assert losses.shape == (7,)
    np.testing.assert_allclose(net.Q.value.sum(axis=1), 1)
    np.testing.assert_allclose(losses, -np.log(net.Q.value[range(7), net.y.value]))
    assert (net.L1.value >= 0).all()
    net.ell.backward()
    for parameter in (*net.Phi1.values(), *net.Phi2.values()):
        np.testing.assert_allclose(parameter.grad, numerical(net.ell, parameter), atol=1e-8)
    np.testing.assert_allclose(net.ell.grad, np.full(7, 1 / 7))
    assert net.L1.grad.shape == net.L1.value.shape
    assert net.x.grad is None


def test_distributions_as_targets_are_the_same() -> None:
    net = Net()
    by_number = net.ell.forward()
    net.y.value = np.eye(3)[net.y.value]
    np.testing.assert_allclose(net.ell.forward(), by_number)


@pytest.mark.parametrize("loss", [LogLoss, CrossEntropy])
def test_a_label_that_is_none(loss) -> None:
    q, y = Input(np.full((1, 3), 1 / 3)), Input(np.array([3]))
    with pytest.raises(InputError, match="3"):
        loss(q, y).forward()


def test_gradient_descent_learns() -> None:
    net = Net()
    first = net.ell.forward().mean()
    for _ in range(100):
        net.ell.forward()
        net.ell.backward()
        SGD(net.ell, 1.0)
    assert net.ell.value.mean() < 0.7 * first


def test_any_optimiser_of_the_house_does() -> None:
    net, other = Net(), Net()
    optimizer = training.SGD(0.5, momentum=0.9)
    arrays = {name: p.value for name, p in net.ell.parameters().items()}
    state = optimizer.start(arrays)
    for _ in range(3):
        net.ell.forward()
        net.ell.backward()
        optimizer.step(arrays, {n: p.grad for n, p in net.ell.parameters().items()}, state)
    other.ell.forward()
    flat = {name: p.value for name, p in other.ell.parameters().items()}
    program = Program(f"{other.ell.program}\naverage = mean[b](loss[b])")
    state = optimizer.start(flat)
    for _ in range(3):
        _, gradients = program.value_and_grad()(flat, x=other.x.value, y=other.y.value)
        optimizer.step(flat, gradients, state)
    for name, array in arrays.items():
        np.testing.assert_allclose(array, flat[name])


def test_layers_and_networks_as_components(rng) -> None:
    network = layers.Affine(5) >> layers.Tanh()
    x = Input(rng.normal(size=(4, 3)), "x")
    hidden = Package.of(network, rng, x=x.value)
    top = Package.of(layers.Affine(2), rng, x=(4, 5))
    y = Apply(layers.Affine(2), Apply(network, x, hidden), top)
    loss = SquaredError(y + 0.5 * y, Input(np.zeros((4, 2))))
    model = network >> layers.Affine(2)
    parameters = {f"{n}1": p.value for n, p in hidden.items()}
    parameters |= {f"{n}2": p.value for n, p in top.items()}
    expected = model(parameters, x=x.value)
    np.testing.assert_allclose(loss.forward(), (1.5**2 / 2) * (expected**2).sum(axis=1))
    loss.backward()
    for parameter in (*hidden.values(), *top.values()):
        np.testing.assert_allclose(parameter.grad, numerical(loss, parameter), atol=1e-8)


def test_parameters_may_be_shared(rng) -> None:
    Phi = Package({"W": rng.normal(size=(3, 3)), "B": np.zeros(3)})  # noqa: N806
    x = Input(rng.normal(size=(2, 3)))
    loss = SquaredError(Affine(Phi, Tanh(Affine(Phi, x))), Input(np.ones((2, 3))))
    loss.forward()
    loss.backward()
    assert list(loss.parameters()) == ["W", "B"]
    np.testing.assert_allclose(Phi["W"].grad, numerical(loss, Phi["W"]), atol=1e-8)
