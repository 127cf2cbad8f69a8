"""The affine map and its halves, forward and backward."""

import numpy as np
import pytest

from einprop.errors import InputError
from einprop.layers import Affine, Bias, ReLU, Scale, init
from tests.layers.against_torch import assert_agrees


def test_gradients_are_the_lecture_lines() -> None:
    rng = np.random.default_rng(0)
    x, seed = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    layer = Affine(2)
    parameters = layer.init(rng, x=x)
    forward = layer(parameters, x=x)
    np.testing.assert_allclose(forward, x @ parameters["W"] + parameters["B"])
    backward = layer.program.backward()
    tensors = {"x": x, **parameters, "y.grad": seed}
    gradients = backward({name: tensors[name] for name in backward.inputs})
    np.testing.assert_allclose(gradients["x.grad"], seed @ parameters["W"].T)
    np.testing.assert_allclose(gradients["W.grad"], x.T @ seed)
    np.testing.assert_allclose(gradients["B.grad"], seed.sum(axis=0))


@pytest.mark.parametrize("shape", [(4, 3), (2, 4, 3), (2, 2, 4, 3)], ids=str)
def test_affine_bias_and_scale_are_those_of_torch(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(1).normal(size=shape)
    axes = len(shape)
    assert_agrees(Affine(5).with_axes(axes), {"x": x}, lambda v: v.x @ v.W + v.B)
    assert_agrees(Affine(5, bias=False).with_axes(axes), {"x": x}, lambda v: v.x @ v.W)
    assert_agrees(Bias().with_axes(axes), {"x": x}, lambda v: v.x + v.B)
    assert_agrees(Scale().with_axes(axes), {"x": x}, lambda v: v.gamma * v.x)
    assert_agrees(
        (Scale() >> Bias() >> ReLU()).with_axes(axes),
        {"x": x},
        lambda v: (v.gamma1 * v.x + v.B2).relu(),
    )


def test_scale_and_bias_start_as_the_identity() -> None:
    network = Scale() >> Bias()
    x = np.random.default_rng(1).normal(size=(4, 3))
    np.testing.assert_array_equal(network(network.init(np.random.default_rng(0), x=x), x=x), x)


def test_options_show() -> None:
    assert repr(Affine(3)) == "Affine(3)"
    assert repr(Affine(3, bias=False, W=init.zeros)) == "Affine(3, bias=False, W=zeros)"
    assert Affine(3) != Affine(3, bias=False)
    with pytest.raises(InputError, match=r"bias is 3"):
        Affine(3, bias=3)
    with pytest.raises(InputError, match="takes the size of index j"):
        Affine(3, bias=False, B=init.zeros)
