"""Convolutions against torch: values and all gradients, every option."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from einprop.errors import EinpropError, InputError, ShapeError
from einprop.layers import (
    Affine,
    BatchNorm,
    Conv1d,
    Conv2d,
    Conv3d,
    Flatten,
    Layer,
    MaxPool2d,
    Network,
    ReLU,
    Residual,
)
from tests.layers.against_torch import assert_agrees

CONVOLUTIONS: list[tuple[Layer, tuple[int, ...]]] = [
    (Conv1d(3, kernel=3), (2, 7, 2)),
    (Conv1d(3, kernel=4, stride=2, padding=1, bias=False), (2, 9, 2)),
    (Conv1d(3, kernel=2, dilation=3, padding=2), (2, 8, 2)),
    (Conv1d(4, kernel=3, groups=2, padding=1, stride=2), (2, 7, 6)),
    (Conv1d(3, kernel=4, padding="same"), (2, 6, 2)),
    (Conv1d(3, kernel=1, padding=2), (2, 5, 2)),
    (Conv1d(3, kernel=3, padding=4, stride=3), (2, 5, 2)),
    (Conv2d(3, kernel=3), (2, 5, 6, 2)),
    (Conv2d(3, kernel=3, stride=2, padding="valid"), (2, 5, 6, 2)),
    (Conv2d(3, kernel=(3, 2), stride=(1, 2)), (2, 5, 6, 2)),
    (Conv2d(3, kernel=3, padding=1), (2, 4, 5, 2)),
    (Conv2d(3, kernel=3, stride=2, padding=1), (2, 7, 8, 2)),
    (Conv2d(3, kernel=3, stride=2, padding=1), (2, 8, 7, 2)),
    (Conv2d(3, kernel=3, padding=(2, 0), dilation=(2, 1)), (1, 5, 6, 2)),
    (Conv2d(3, kernel=3, padding="same"), (2, 4, 5, 2)),
    (Conv2d(2, kernel=(2, 3), padding="same", dilation=2), (2, 6, 5, 3)),
    (Conv2d(3, kernel=1, stride=2), (2, 5, 5, 2)),
    (Conv2d(2, kernel=(1, 3), padding=1), (2, 3, 4, 2)),
    (Conv2d(4, kernel=3, groups=2, padding=1), (2, 4, 4, 6)),
    (Conv2d(6, kernel=3, groups=3, bias=False), (2, 4, 5, 3)),
    (Conv2d(3, kernel=3, stride=3, padding=1), (1, 3, 9, 1)),
    (Conv3d(3, kernel=2), (2, 3, 3, 4, 2)),
    (Conv3d(2, kernel=(1, 2, 3), stride=(1, 2, 1), padding=(0, 1, 1)), (2, 2, 4, 3, 2)),
    (Conv3d(4, kernel=3, padding="same", groups=2), (1, 3, 3, 3, 2)),
]


def in_torch(layer: Layer, x: Any, kernel: Any, bias: Any) -> Any:
    """The layer as torch has it: channels first, kernels (filters, channels, window)."""
    torch = pytest.importorskip("torch", reason="torch is the oracle")
    function = getattr(torch.nn.functional, f"conv{x.ndim - 2}d")
    options = {name: layer.options[name] for name in ("stride", "padding", "dilation", "groups")}
    last = kernel.movedim(-1, 0).movedim(-1, 1)
    return function(x.movedim(-1, 1), last, bias, **options).movedim(1, -1)


@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
@pytest.mark.parametrize(("layer", "shape"), CONVOLUTIONS, ids=repr)
def test_values_and_gradients_are_those_of_torch(layer: Layer, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(1).normal(size=shape)
    assert_agrees(layer, {"x": x}, lambda v: in_torch(layer, v.x, v.K, getattr(v, "B", None)))


def test_a_chain_of_convolutions_is_that_of_torch() -> None:
    network = (
        Conv2d(4, kernel=3, padding=1)
        >> ReLU()
        >> Conv2d(6, kernel=3, stride=2, groups=2)
        >> ReLU()
        >> Flatten()
        >> Affine(3)
    )

    def reference(v: Any) -> Any:
        first = in_torch(network.layers[0], v.x, v.K1, v.B1).relu()
        second = in_torch(network.layers[2], first, v.K2, v.B2).relu()
        return second.flatten(1) @ v.W3 + v.B3

    x = np.random.default_rng(1).normal(size=(2, 6, 7, 2))
    assert_agrees(network, {"x": x}, reference)


def equation(network: Network) -> str:
    return str(network.program).splitlines()[-1]


def test_the_equations_are_those_of_a_textbook() -> None:
    assert equation(Conv1d(4, kernel=3)) == "y[b,t,f] = x[b,t+p,c] K[p,c,f] + B[f]"
    assert equation(Conv2d(4, kernel=3, bias=False)) == "y[b,i,j,f] = x[b,i+p,j+q,c] K[p,q,c,f]"
    assert equation(Conv2d(4, kernel=3, padding="same", groups=2)) == (
        "y[b,i,j,(g f)] = x[b,pad(i+p-1),pad(j+q-1),(g c)] K[p,q,c,(g f)] + B[(g f)] "
        "where x[b,i,j,(g c)]"
    )


def test_kernels_start_with_torch_s_fan_in() -> None:
    layer = Conv2d(64, kernel=5, groups=2)
    parameters = layer.init(np.random.default_rng(0), x=(1, 5, 5, 16))
    assert parameters["K"].shape == (5, 5, 8, 64)
    assert parameters["K"].std() == pytest.approx((2 / 200) ** 0.5, rel=0.02)


def test_options_show_and_compare() -> None:
    assert repr(Conv2d(32, kernel=(3, 3), stride=2, padding=1)) == (
        "Conv2d(32, kernel=3, stride=2, padding=1)"
    )
    assert Conv2d(8, kernel=3) == Conv2d(8, kernel=(3, 3)) != Conv2d(8, kernel=(3, 1))
    assert Conv2d(8, kernel=3) != Conv1d(8, kernel=3)


REFUSED = {
    "stride zero": (
        lambda: Conv2d(4, kernel=3, stride=0),
        "stride is 0\nit is an integer, 1 or more, or 2 of them",
    ),
    "no filters": (lambda: Conv1d(0, kernel=3), "filters is 0\nit is an integer, 1 or more"),
    "kernel of another rank": (
        lambda: Conv1d(4, kernel=(3, 3)),
        "kernel is (3, 3)\nit is an integer, 1 or more",
    ),
    "negative padding": (
        lambda: Conv1d(4, kernel=3, padding=-1),
        "padding is -1\nit is an integer, 0 or more",
    ),
    "unknown padding": (
        lambda: Conv1d(4, kernel=3, padding="full"),
        "padding is 'full'\nit is an integer, 0 or more, or 'valid' or 'same'",
    ),
    "same with a stride": (
        lambda: Conv1d(4, kernel=3, padding="same", stride=2),
        (
            "padding is 'same' and stride is 2\n"
            "the length stays the same with stride 1; give padding as integers"
        ),
    ),
    "groups that do not divide": (
        lambda: Conv2d(4, kernel=3, groups=3),
        (
            "4 filters do not form 3 groups\n"
            "the number of groups divides that of filters, and that of channels"
        ),
    ),
    "no groups": (
        lambda: Conv2d(4, kernel=3, groups=0),
        "groups is 0\nit is an integer, 1 or more",
    ),
    "another parameter": (
        lambda: Conv2d(4, kernel=3, W=np.zeros),
        (
            "Conv2d has no option W\n"
            "it has filters, kernel, stride, padding, dilation, groups, bias, K, B"
        ),
    ),
}


@pytest.mark.parametrize(("build", "message"), REFUSED.values(), ids=REFUSED)
def test_wrong_options_say_why(build: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        build()
    assert str(caught.value) == message


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1])
def test_a_kernel_that_is_larger_than_the_image_is_refused(size: int, padding: int) -> None:
    layer = Conv2d(4, kernel=6, padding=padding)
    with pytest.raises(ShapeError):
        layer.init(np.random.default_rng(0), x=(1, size, 9, 2))


def test_groups_that_do_not_divide_the_channels_are_refused() -> None:
    with pytest.raises(ShapeError, match="5 is no multiple of 2"):
        Conv2d(4, kernel=1, groups=2).init(np.random.default_rng(0), x=(1, 3, 3, 5))


def test_rows_are_no_images() -> None:
    with pytest.raises(EinpropError, match="4 axes"):
        Conv2d(4, kernel=1).init(np.random.default_rng(0), x=(3, 5))


@pytest.mark.parametrize("padding", [0, 1, "same"])
def test_films_are_convolved_picture_by_picture(padding: int | str) -> None:
    network = Conv2d(3, kernel=3, padding=padding) >> MaxPool2d(2)
    x = np.random.default_rng(1).normal(size=(2, 4, 5, 6, 2))
    parameters = network.init(np.random.default_rng(0), x=x)
    found = network(parameters, x=x)
    for number in range(4):
        np.testing.assert_allclose(found[:, number], network(parameters, x=x[:, number]))


def test_a_residual_block_is_that_of_torch() -> None:
    network = Residual(Conv2d(2, kernel=3, padding=1) >> ReLU() >> Conv2d(2, kernel=3, padding=1))
    inner = network.branch

    def reference(v: Any) -> Any:
        hidden = in_torch(inner[0], v.x, v.K1, v.B1).relu()
        return (v.x + in_torch(inner[2], hidden, v.K2, v.B2)).relu()

    x = np.random.default_rng(1).normal(size=(2, 4, 5, 2))
    assert_agrees(network >> ReLU(), {"x": x}, reference)


def test_single_precision_stays_single() -> None:
    network = Conv2d(3, kernel=3, padding=1) >> BatchNorm() >> ReLU() >> MaxPool2d(2)
    x = np.ones((2, 4, 4, 2), np.float32)
    parameters = network.init(np.random.default_rng(0), x=x)
    assert {array.dtype for array in parameters.values()} == {np.dtype(np.float32)}
    assert {array.dtype for array in network.program({**parameters, "x": x}).values()} == {
        np.dtype(np.float32)
    }
