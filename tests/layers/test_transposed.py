"""Transposed convolutions against torch: values and all gradients, every option."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from einprop.errors import InputError, ShapeError
from einprop.layers import Conv2d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, Layer
from tests.layers.against_torch import assert_agrees

LAYERS: list[tuple[Layer, tuple[int, ...]]] = [
    (ConvTranspose1d(3, kernel=3), (2, 4, 2)),
    (ConvTranspose1d(3, kernel=1, bias=False), (2, 4, 2)),
    (ConvTranspose1d(3, kernel=3, stride=2, padding=1), (2, 4, 2)),
    (ConvTranspose1d(3, kernel=3, stride=2, padding=1, output_padding=1), (2, 4, 2)),
    (ConvTranspose1d(3, kernel=2, stride=3, output_padding=2), (2, 4, 2)),
    (ConvTranspose1d(3, kernel=2, stride=3, padding=1, output_padding=2, bias=False), (1, 3, 2)),
    (ConvTranspose1d(4, kernel=3, stride=2, dilation=3, groups=2), (2, 3, 4)),
    (ConvTranspose1d(2, kernel=3, stride=2), (2, 1, 2)),
    (ConvTranspose2d(3, kernel=4, stride=2, padding=1), (2, 3, 4, 2)),
    (ConvTranspose2d(2, kernel=(2, 3), stride=(1, 2), padding=(0, 1)), (2, 3, 4, 2)),
    (ConvTranspose2d(4, kernel=2, stride=2, output_padding=(0, 1), groups=2), (1, 2, 3, 4)),
    (ConvTranspose3d(2, kernel=2, stride=(1, 2, 2), padding=(1, 0, 0)), (1, 3, 2, 2, 2)),
]


def in_torch(layer: Layer, x: Any, kernel: Any, bias: Any) -> Any:
    """The layer as torch has it: channels first, kernels (channels, filters / groups, window)."""
    torch = pytest.importorskip("torch", reason="torch is the oracle")
    function = getattr(torch.nn.functional, f"conv_transpose{x.ndim - 2}d")
    names = ("stride", "padding", "output_padding", "dilation", "groups")
    options = {name: layer.options[name] for name in names}
    first = kernel.movedim(-2, 0).movedim(-1, 1)
    return function(x.movedim(-1, 1), first, bias, **options).movedim(1, -1)


@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=repr)
def test_values_and_gradients_are_those_of_torch(layer: Layer, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(1).normal(size=shape)
    assert_agrees(layer, {"x": x}, lambda v: in_torch(layer, v.x, v.K, getattr(v, "B", None)))


def test_it_is_the_gradient_of_a_convolution_for_its_input() -> None:
    rng = np.random.default_rng(3)
    kernel, y = rng.normal(size=(3, 3, 2, 4)), rng.normal(size=(2, 4, 5, 4))
    forward = Conv2d(4, kernel=3, stride=2, bias=False)
    gradient = forward.program.vjp(wrt="x")(
        {"x": np.zeros((2, 9, 11, 2)), "K": kernel, "y.grad": y}
    )
    turned = ConvTranspose2d(2, kernel=3, stride=2, bias=False)
    np.testing.assert_allclose(turned({"K": kernel.swapaxes(2, 3)}, x=y), gradient)


def test_kernels_start_with_the_fan_in_of_the_window_and_the_channels() -> None:
    layer = ConvTranspose2d(64, kernel=5)
    parameters = layer.init(np.random.default_rng(0), x=(1, 5, 5, 16))
    assert parameters["K"].shape == (5, 5, 16, 64)
    assert parameters["K"].std() == pytest.approx((2 / 400) ** 0.5, rel=0.02)


def test_padding_that_leaves_nothing_is_refused() -> None:
    layer = ConvTranspose1d(2, kernel=2, padding=2)
    with pytest.raises(ShapeError):
        layer.init(np.random.default_rng(0), x=(1, 2, 3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"padding": "same"},
            "padding is 'same'\nit is an integer, 0 or more, or 'valid'",
        ),
        (
            {"stride": 2, "output_padding": 2},
            "output_padding is 2\nit is less than the stride or the dilation",
        ),
        ({"filters": 3, "groups": 2}, "3 filters do not form 2 groups\nthe number of groups"),
    ],
    ids=["same", "output padding", "groups"],
)
def test_wrong_options_say_why(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        ConvTranspose1d(**{"filters": 4, "kernel": 3, **options})
    assert str(caught.value).startswith(message)
