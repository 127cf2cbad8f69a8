"""Pooling against torch: values and gradients, every option; flattening."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from einprop.errors import EinpropError, InputError, ShapeError
from einprop.layers import (
    Affine,
    AvgPool1d,
    AvgPool2d,
    Conv2d,
    Flatten,
    GlobalPool,
    Layer,
    MaxPool1d,
    MaxPool2d,
    ReLU,
    Tanh,
)
from tests.layers.against_torch import assert_agrees

POOLS: list[tuple[Layer, tuple[int, ...]]] = [
    (MaxPool1d(2), (2, 5, 3)),
    (MaxPool1d(3, stride=2, padding=1), (2, 7, 3)),
    (MaxPool1d(3, stride=2, padding=1), (2, 8, 3)),
    (MaxPool1d(2, padding=1), (2, 6, 3)),
    (MaxPool1d(4, stride=3, padding=2), (2, 5, 3)),
    (MaxPool1d(3, padding=1), (2, 1, 3)),
    (MaxPool2d(2), (2, 4, 5, 3)),
    (MaxPool2d(3, stride=2), (2, 7, 6, 3)),
    (MaxPool2d(3, stride=1, padding=1), (1, 4, 3, 2)),
    (MaxPool2d((2, 3), stride=(1, 2), padding=(1, 0)), (2, 4, 5, 2)),
    (MaxPool1d(3, padding="valid"), (2, 7, 3)),
    (MaxPool1d(3, stride=1, padding="same"), (2, 7, 3)),
    (MaxPool1d(3, dilation=2), (2, 9, 3)),
    (MaxPool1d(2, stride=2, padding=1, dilation=2), (2, 6, 3)),
    (MaxPool1d(2, stride=1, padding=1, dilation=3), (2, 3, 3)),
    (MaxPool2d(2, stride=1, padding=(1, 0), dilation=(2, 1)), (2, 4, 5, 2)),
    (MaxPool2d(3, stride=2, padding=1, dilation=2), (2, 7, 6, 2)),
    (AvgPool1d(3), (2, 7, 3)),
    (AvgPool1d(3, stride=1, padding="same"), (2, 7, 3)),
    (AvgPool1d(3, stride=2, padding=1), (2, 7, 3)),
    (AvgPool1d(2, padding=1), (2, 5, 3)),
    (AvgPool2d(2), (2, 5, 4, 3)),
    (AvgPool2d(3, stride=2, padding=1), (2, 4, 5, 3)),
    (AvgPool2d((1, 3), stride=(2, 1), padding=(0, 1)), (2, 5, 4, 2)),
]


def in_torch(layer: Layer, x: Any) -> Any:
    torch = pytest.importorskip("torch", reason="torch is the oracle")
    name = {"MaxPool": "max_pool", "AvgPool": "avg_pool"}[type(layer).__name__[:7]]
    function = getattr(torch.nn.functional, f"{name}{x.ndim - 2}d")
    options = dict(layer.options)
    if options["padding"] == "same":
        options["padding"] = options["kernel"] // 2
    if name == "avg_pool":
        assert options["dilation"] == 1, "torch has none"
    further = {"dilation": options["dilation"]} if name == "max_pool" else {}
    pooled = function(
        x.movedim(-1, 1),
        options["kernel"],
        options["stride"],
        padding=options["padding"],
        **further,
    )
    return pooled.movedim(1, -1)


@pytest.mark.parametrize(("layer", "shape"), POOLS, ids=repr)
def test_values_and_gradients_are_those_of_torch(layer: Layer, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(1).normal(size=shape)
    assert_agrees(layer, {"x": x}, lambda v: in_torch(layer, v.x))


@pytest.mark.parametrize("padding", [0, 1])
def test_a_dilated_mean_is_that_of_the_positions_read(padding: int) -> None:
    x = np.random.default_rng(1).normal(size=(2, 8, 3))
    around = np.pad(x, ((0, 0), (padding, padding), (0, 0)))
    expected = (around[:, :-3] + around[:, 3:]) / 2
    layer = AvgPool1d(2, stride=1, padding=padding, dilation=3)
    np.testing.assert_allclose(layer({}, x=x), expected)


def test_negative_numbers_at_the_edge_are_no_zeros() -> None:
    x = -1.0 - np.random.default_rng(0).random(size=(1, 5, 1))
    assert (MaxPool1d(3, stride=1, padding=1)({}, x=x) <= -1.0).all()


def test_ties_of_a_maximum_share_the_gradient() -> None:
    backward = MaxPool1d(2).program.vjp()
    found = backward({"x": np.ones((1, 4, 1)), "y.grad": np.array([[[1.0], [3.0]]])})
    assert found.ravel().tolist() == [0.5, 0.5, 1.5, 1.5]


GLOBAL = {
    "mean": lambda x: x.mean(tuple(range(1, x.ndim - 1))),
    "max": lambda x: x.amax(tuple(range(1, x.ndim - 1))),
}


@pytest.mark.parametrize("kind", GLOBAL)
@pytest.mark.parametrize("shape", [(2, 5, 3), (2, 3, 4, 2), (1, 2, 3, 2, 2)])
def test_global_pools_are_those_of_torch(kind: str, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(1).normal(size=shape)
    network = GlobalPool(kind).with_axes(x.ndim)
    assert_agrees(network, {"x": x}, lambda v: GLOBAL[kind](v.x))


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 5, 3), (2, 3, 4, 2), (1, 2, 3, 2, 2)])
def test_flattening_keeps_the_order(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(1).normal(size=shape)
    expected = x if x.ndim < 2 else x.reshape(len(x), -1)
    np.testing.assert_array_equal(Flatten()({}, x=x), expected)


def test_a_chain_tells_how_many_axes_there_are() -> None:
    network = Conv2d(3, kernel=2) >> ReLU() >> MaxPool2d(2) >> Flatten() >> Affine(2)
    assert str(network.program).splitlines()[2:] == [
        "h1[b,i,j,f] = relu(x[b,i+p,j+q,c] K1[p,q,c,f] + B1[f])",
        "h2[b,k,l,f] = max[r,s](h1[b,2*k+r,2*l+s,f])",
        "h3[b,(k l f)] = h2[b,k,l,f]",
        "y[b,m] = h3[b,n] W2[n,m] + B2[m]",
    ]
    assert str((Affine(3) >> Flatten() >> Tanh()).program).splitlines()[-1] == (
        "y[b,j] = tanh(x[b,i] W[i,j] + B[j])"
    )


def test_lengths_are_those_that_torch_counts() -> None:
    torch = pytest.importorskip("torch", reason="torch is the oracle")
    for size in range(3, 12):
        for kernel, stride, padding in [(2, 2, 1), (3, 2, 1), (3, 3, 0), (4, 3, 2), (2, 1, 1)]:
            layer = MaxPool1d(kernel, stride=stride, padding=padding)
            expected = torch.nn.functional.max_pool1d(
                torch.zeros(1, 1, size), kernel, stride, padding
            )
            assert layer.program.shapes(x=(1, size, 1))["y"][1] == expected.shape[-1]


REFUSED = {
    "kernel zero": (lambda: MaxPool2d(0), "kernel is 0\nit is an integer, 1 or more, or 2 of them"),
    "stride zero": (lambda: AvgPool1d(2, stride=0), "stride is 0\nit is an integer, 1 or more"),
    "padding": (
        lambda: MaxPool2d((4, 2), padding=(1, 2)),
        "padding is (1, 2) and kernel is (4, 2)\npadding is at most half of the kernel",
    ),
    "kind": (lambda: GlobalPool("sum"), "kind is 'sum'\nit is 'mean' or 'max'"),
    "nothing to pool": (
        lambda: (Affine(3) >> GlobalPool()).program,
        (
            "GlobalPool() has nothing to pool in a tensor of 2 axes\n"
            "it pools over the axes between the first and the last"
        ),
    ),
}


@pytest.mark.parametrize(("build", "message"), REFUSED.values(), ids=REFUSED)
def test_wrong_options_say_why(build: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        build()
    assert str(caught.value) == message


def test_a_window_that_is_larger_than_the_image_is_refused() -> None:
    for size in (1, 2):
        with pytest.raises(ShapeError):
            MaxPool2d(3)({}, x=np.zeros((1, 5, size, 1)))
    with pytest.raises(EinpropError):
        (AvgPool1d(5) >> Tanh()).init(np.random.default_rng(0), x=(1, 4, 1))


def test_a_pool_shows_how_it_was_made() -> None:
    assert repr(MaxPool2d((2, 2), stride=2)) == "MaxPool2d(2)"
    assert MaxPool2d(2) == MaxPool2d((2, 2), stride=2) != MaxPool2d(2, stride=1)
    assert repr(GlobalPool("max")) == "GlobalPool(kind='max')"
