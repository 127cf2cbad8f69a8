"""Activations against torch: values and gradients, alone and behind an affine map; dropout's two modes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from einprop.errors import InputError
from einprop.layers import (
    ELU,
    GELU,
    Affine,
    Dropout,
    Layer,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from einprop.layers.noise import bernoulli
from tests.layers.against_torch import assert_agrees

FUNCTIONS = {
    ReLU(): lambda f, x: f.relu(x),
    LeakyReLU(): lambda f, x: f.leaky_relu(x),
    LeakyReLU(0.3): lambda f, x: f.leaky_relu(x, 0.3),
    LeakyReLU(-0.5): lambda f, x: f.leaky_relu(x, -0.5),
    ELU(): lambda f, x: f.elu(x),
    ELU(0.7): lambda f, x: f.elu(x, 0.7),
    GELU(): lambda f, x: f.gelu(x),
    GELU(approximate="tanh"): lambda f, x: f.gelu(x, approximate="tanh"),
    SiLU(): lambda f, x: f.silu(x),
    Softplus(): lambda f, x: f.softplus(x),
    Sigmoid(): lambda f, x: f.sigmoid(x),
    Tanh(): lambda f, x: f.tanh(x),
    Softmax(): lambda f, x: f.softmax(x, -1),
    LogSoftmax(): lambda f, x: f.log_softmax(x, -1),
}


def functional() -> Any:
    return pytest.importorskip("torch", reason="torch is the oracle").nn.functional


@pytest.mark.parametrize("layer", FUNCTIONS, ids=repr)
@pytest.mark.parametrize("axes", [2, 3])
def test_values_and_gradients_are_those_of_torch(layer: Layer, axes: int) -> None:
    x = 3 * np.random.default_rng(1).normal(size=(4, 5, 3)[-axes:])
    assert_agrees(layer.with_axes(axes), {"x": x}, lambda v: FUNCTIONS[layer](functional(), v.x))


@pytest.mark.parametrize("layer", FUNCTIONS, ids=repr)
def test_behind_and_before_an_affine_map_they_are_those_of_torch(layer: Layer) -> None:
    x = np.random.default_rng(1).normal(size=(4, 5))
    assert_agrees(
        Affine(4) >> layer >> Affine(3),
        {"x": x},
        lambda v: FUNCTIONS[layer](functional(), v.x @ v.W1 + v.B1) @ v.W2 + v.B2,
    )


@pytest.mark.parametrize("layer", FUNCTIONS, ids=repr)
def test_large_numbers_stay_finite(layer: Layer) -> None:
    x = np.array([[1e4, 0.0, -1e4]])
    assert np.isfinite(layer({}, x=x)).all()
    gradient = layer.with_axes(2).program.vjp()
    assert np.isfinite(gradient({"x": x, "y.grad": np.ones((1, 3))})).all()


def test_softmax_of_large_logits() -> None:
    assert Softmax()({}, x=np.array([[1e4, 0.0, -1e4]])).tolist() == [[1.0, 0.0, 0.0]]


def test_a_leaf_function_stands_in_the_line_before() -> None:
    for layer, function in ((ELU(), "elu"), (Softplus(), "softplus"), (LeakyReLU(), "leaky_relu")):
        last = str((Affine(3) >> layer).program).splitlines()[-1]
        assert last.startswith(f"y[b,j] = {function}(x[b,i] W[i,j] + B[j]")


def test_a_function_that_repeats_its_argument_has_a_line_of_its_own() -> None:
    for layer, function in ((GELU(), "gelu"), (SiLU(), "silu")):
        lines = str((Affine(3) >> layer).program).splitlines()[-2:]
        assert lines == ["h1[b,j] = x[b,i] W[i,j] + B[j]", f"y[b,j] = {function}(h1[b,j])"]
    backward = str((Affine(3) >> SiLU()).program.backward(wrt="W"))
    assert "W.grad[i,j] += h1.grad[b,j] x[b,i]" in backward


def test_dropout_in_training_is_a_mask_and_a_factor() -> None:
    network = Affine(3) >> Dropout(0.25) >> Affine(2)
    x = np.random.default_rng(0).normal(size=(4, 5))
    parameters = network.init(np.random.default_rng(0), x=x)
    assert network.model.noise == {"mask": bernoulli(0.75)}
    assert network.program.shapes(x=x.shape)["mask"] == (4, 3)
    mask = np.random.default_rng(1).integers(0, 2, size=(4, 3)).astype(float)
    assert_agrees(
        network,
        {"x": x, "mask": mask},
        lambda v: (v.x @ v.W1 + v.B1) * v.mask / 0.75 @ v.W2 + v.B2,
    )
    hidden = x @ parameters["W1"] + parameters["B1"]
    np.testing.assert_allclose(network(parameters, x=x), hidden @ parameters["W2"])


def test_dropout_keeps_the_mean() -> None:
    layer = Dropout(0.3).with_axes(1)
    mask = layer.model.noise["mask"].draw(np.random.default_rng(0), (20000,))
    assert layer.program(x=np.ones(20000), mask=mask).mean() == pytest.approx(1.0, abs=0.02)


def test_two_dropouts_have_two_masks() -> None:
    network = Affine(3) >> Dropout(0.5) >> Affine(2) >> Dropout(0.1)
    assert network.model.noise == {"mask": bernoulli(0.5), "mask1": bernoulli(0.9)}
    assert set(network.evaluation.inputs) == {"x", "W1", "B1", "W2", "B2"}


REFUSED = {
    "slope": (lambda: LeakyReLU("a"), "slope is 'a'"),
    "alpha": (lambda: ELU(0), "alpha is 0\nit is a number above 0"),
    "approximate": (lambda: GELU(approximate="erf"), "it is 'none' or 'tanh'"),
    "rate above 1": (lambda: Dropout(1.5), "rate is 1.5\nit is a number from 0 to 1"),
    "rate 1": (lambda: Dropout(1), "rate is 1, so nothing would be left"),
    "an argument": (lambda: SiLU(3), "SiLU fixes no size"),
}


@pytest.mark.parametrize(("build", "message"), REFUSED.values(), ids=REFUSED)
def test_wrong_options_say_why(build: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        build()
    assert message in str(caught.value)


def test_options_show() -> None:
    shown = [LeakyReLU(), LeakyReLU(0.2), GELU(approximate="tanh"), Dropout(), Dropout(0.1)]
    assert [repr(layer) for layer in shown] == [
        "LeakyReLU()",
        "LeakyReLU(slope=0.2)",
        "GELU(approximate='tanh')",
        "Dropout()",
        "Dropout(rate=0.1)",
    ]
