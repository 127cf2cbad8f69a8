"""Normalisations against torch: values, gradients, running statistics, both modes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from einprop.errors import InputError, ShapeError
from einprop.layers import (
    Affine,
    BatchNorm,
    Conv2d,
    GroupNorm,
    LayerNorm,
    ReLU,
    RMSNorm,
    init,
    losses,
)
from tests.layers.against_torch import assert_agrees

SHAPES = [(6, 3), (4, 5, 3), (2, 4, 3, 2)]
TOLERANCE = {"rtol": 1e-10, "atol": 1e-10}


def functional() -> Any:
    return pytest.importorskip("torch", reason="torch is the oracle").nn.functional


def drawn(shape: tuple[int, ...], seed: int = 1) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_layer_norm(shape: tuple[int, ...]) -> None:
    network = LayerNorm(epsilon=1e-3).with_axes(len(shape))
    assert_agrees(
        network,
        {"x": drawn(shape)},
        lambda v: functional().layer_norm(v.x, shape[-1:], v.gamma, v.beta, 1e-3),
    )


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_rms_norm(shape: tuple[int, ...]) -> None:
    network = RMSNorm().with_axes(len(shape))
    assert_agrees(
        network,
        {"x": drawn(shape)},
        lambda v: functional().rms_norm(v.x, shape[-1:], v.gamma, 1e-5),
    )


@pytest.mark.parametrize(
    ("groups", "shape"),
    [
        (1, (5, 6)),
        (2, (5, 6)),
        (6, (3, 4, 6)),
        (1, (2, 3, 4, 6)),
        (3, (2, 3, 4, 6)),
        (6, (2, 3, 4, 6)),
        (2, (1, 2, 3, 2, 6)),
    ],
)
def test_group_norm(groups: int, shape: tuple[int, ...]) -> None:
    network = GroupNorm(groups).with_axes(len(shape))
    assert_agrees(
        network,
        {"x": drawn(shape)},
        lambda v: (
            functional().group_norm(v.x.movedim(-1, 1), groups, v.gamma, v.beta).movedim(1, -1)
        ),
    )


def batch_norm(shape: tuple[int, ...], *, training: bool) -> tuple[Any, Any, Any]:
    """A network, its tensors, and torch's module with the same numbers."""
    torch = pytest.importorskip("torch", reason="torch is the oracle")
    network = BatchNorm(momentum=0.3, epsilon=1e-3).with_axes(len(shape))
    rng = np.random.default_rng(3)
    tensors = {
        "x": drawn(shape),
        "gamma": rng.normal(size=shape[-1]),
        "beta": rng.normal(size=shape[-1]),
        "running_mean": rng.normal(size=shape[-1]),
        "running_variance": 0.5 + rng.random(size=shape[-1]),
    }
    module = torch.nn.BatchNorm1d(shape[-1], momentum=0.3, eps=1e-3).double().train(training)
    with torch.no_grad():
        module.weight.copy_(torch.tensor(tensors["gamma"]))
        module.bias.copy_(torch.tensor(tensors["beta"]))
        module.running_mean.copy_(torch.tensor(tensors["running_mean"]))
        module.running_var.copy_(torch.tensor(tensors["running_variance"]))
    return network, tensors, module


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_batch_norm(shape: tuple[int, ...], training: bool) -> None:
    torch = pytest.importorskip("torch", reason="torch is the oracle")
    network, tensors, module = batch_norm(shape, training=training)
    x = torch.tensor(tensors["x"], requires_grad=True)
    expected = module(x.reshape(-1, shape[-1])).reshape(shape)
    program = network.program if training else network.evaluation
    found = program(tensors)
    value = found["y"] if training else found
    np.testing.assert_allclose(value, expected.detach(), **TOLERANCE)
    if training:
        for name, new in (("mean", module.running_mean), ("variance", module.running_var)):
            np.testing.assert_allclose(found[f"next_running_{name}"], new, **TOLERANCE)
    seed = drawn(shape, 7)
    expected.backward(torch.tensor(seed))
    gradients = program.vjp(of="y", wrt="x gamma beta")
    given = {**tensors, "y.grad": seed}
    found = gradients({name: given[name] for name in gradients.inputs})
    for name, gradient in (("x", x), ("gamma", module.weight), ("beta", module.bias)):
        np.testing.assert_allclose(found[f"{name}.grad"], gradient.grad, **TOLERANCE)


def test_a_step_after_another_follows_torch() -> None:
    torch = pytest.importorskip("torch", reason="torch is the oracle")
    network, tensors, module = batch_norm((6, 3), training=True)
    for seed in range(5):
        x = drawn((6, 3), seed)
        module(torch.tensor(x))
        found = network.program({**tensors, "x": x})
        tensors |= {name: found[new] for name, new in network.model.state.items()}
    np.testing.assert_allclose(tensors["running_mean"], module.running_mean, **TOLERANCE)
    np.testing.assert_allclose(tensors["running_variance"], module.running_var, **TOLERANCE)


def test_a_single_example_leaves_finite_statistics() -> None:
    layer = BatchNorm()
    tensors = layer.init(np.random.default_rng(0), x=(1, 3))
    found = layer.program({**tensors, "x": np.ones((1, 3))})
    assert found["next_running_variance"].tolist() == pytest.approx([0.9] * 3)


def test_a_convolution_network_with_batch_norm_is_that_of_torch() -> None:
    torch = pytest.importorskip("torch", reason="torch is the oracle")
    network = (
        Conv2d(4, kernel=3, padding=1, bias=False)
        >> BatchNorm()
        >> ReLU()
        >> Conv2d(2, kernel=4)
        >> losses.SquaredError()
    )
    x, t = drawn((3, 4, 4, 2)), drawn((3, 1, 1, 2))
    parameters = network.init(np.random.default_rng(0), x=x)
    found = network.program({**parameters, "x": x, "t": t})
    value, gradients = network.program.value_and_grad(of="loss")({**parameters, "x": x, "t": t})
    leaves = {n: torch.tensor(a, requires_grad=True) for n, a in parameters.items()}
    images = torch.tensor(x).movedim(-1, 1)
    first = torch.nn.functional.conv2d(images, leaves["K1"].permute(3, 2, 0, 1), padding=1)
    normal = torch.nn.functional.batch_norm(
        first, None, None, leaves["gamma2"], leaves["beta2"], training=True
    ).relu()
    second = torch.nn.functional.conv2d(normal, leaves["K3"].permute(3, 2, 0, 1), leaves["B3"])
    expected = ((second.movedim(1, -1) - torch.tensor(t)) ** 2).sum(-1).mean() / 2
    expected.backward()
    np.testing.assert_allclose(value, expected.detach(), **TOLERANCE)
    np.testing.assert_allclose(found["loss"], expected.detach(), **TOLERANCE)
    assert set(gradients) == {"K1", "gamma2", "beta2", "K3", "B3"}
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, leaves[name].grad, **TOLERANCE)


def test_batch_norm_is_the_closed_form() -> None:
    """The UvA practical's equation 5: the gradient of the input, derived by hand."""
    x, seed = drawn((8, 3)), drawn((8, 3), 2)
    layer = BatchNorm(epsilon=1e-5)
    parameters = layer.init(np.random.default_rng(0), x=x)
    gradients = layer.program.vjp(of="y", wrt="x")
    given = {**parameters, "x": x, "y.grad": seed}
    found = gradients({name: given[name] for name in gradients.inputs})
    normal = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5)
    closed = (seed - seed.mean(0) - normal * (seed * normal).mean(0)) / np.sqrt(x.var(0) + 1e-5)
    np.testing.assert_allclose(found, closed, **TOLERANCE)


REFUSED = {
    "momentum": (lambda: BatchNorm(momentum=2), "momentum is 2\nit is a number from 0 to 1"),
    "epsilon": (lambda: LayerNorm(epsilon=0.0), "epsilon is 0.0\nit is a number above 0"),
    "groups": (lambda: GroupNorm(0), "groups is 0\nit is an integer, 1 or more"),
    "parameter": (
        lambda: RMSNorm(beta=init.zeros),
        "RMSNorm has no option beta\nit has epsilon, gamma",
    ),
}


@pytest.mark.parametrize(("build", "message"), REFUSED.values(), ids=REFUSED)
def test_wrong_options_say_why(build: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        build()
    assert str(caught.value) == message


def test_groups_that_do_not_divide_the_channels_are_refused() -> None:
    with pytest.raises(ShapeError, match="5 is no multiple of 2"):
        (Affine(5) >> GroupNorm(2)).init(np.random.default_rng(0), x=(3, 4))


def test_initialisers_follow_into_a_fitted_layer() -> None:
    network = Affine(4) >> GroupNorm(2, gamma=init.constant(3.0))
    assert network.init(np.random.default_rng(0), x=(3, 4))["gamma2"].tolist() == [3.0] * 4


def test_options_may_be_numbers_of_numpy() -> None:
    layer = BatchNorm(momentum=np.float32(0.5), epsilon=np.float64(1e-3))
    assert repr(layer) == "BatchNorm(momentum=0.5, epsilon=0.001)"
    assert layer.program.outputs == BatchNorm().program.outputs
