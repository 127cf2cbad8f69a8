"""The bilinear map against PyTorch's."""

import numpy as np
import pytest

from einprop.layers import Affine, Bilinear
from tests.equations.entry import functional
from tests.layers.against_torch import assert_agrees


def draw(*shape: int):
    return np.random.default_rng(len(shape)).normal(size=shape)


def bilinear(x, z, weights, bias):
    return functional.bilinear(x, z, weights.permute(2, 0, 1), bias)


def test_values_and_gradients() -> None:
    assert_agrees(
        Bilinear(4), {"x": draw(5, 3), "z": draw(5, 2)}, lambda v: bilinear(v.x, v.z, v.W, v.B)
    )


def test_behind_another_layer() -> None:
    def reference(v):
        return bilinear(v.x @ v.W1 + v.B1, v.z, v.W2, v.B2)

    assert_agrees(Affine(3) >> Bilinear(4), {"x": draw(5, 6), "z": draw(5, 2)}, reference)


def test_variance_stays() -> None:
    weights = Bilinear(50).init(np.random.default_rng(0), x=(1, 30), z=(1, 20))["W"]
    assert weights.var() == pytest.approx(1 / 600, rel=0.03)
