"""Affine maps with a factored matrix against the dense one that the factors make."""

import math

import numpy as np
import pytest

from einprop.errors import InputError, ShapeError
from einprop.layers import LowRankAffine, ReLU, TensorTrainAffine
from tests.equations.entry import torch
from tests.layers.against_torch import assert_agrees


def draw(*shape: int):
    return np.random.default_rng(0).normal(size=shape)


def dense(cores, rows, columns):
    """The matrix of a tensor train, core by core."""
    train = cores[0][None] if cores[0].ndim == 3 else cores[0]
    for core in cores[1:]:
        whole = core if core.ndim == 4 else core[..., None]
        train = torch.einsum("pijr,rkls->pikjls", train, whole).flatten(1, 2).flatten(2, 3)
    return train.reshape(rows, columns)


def test_low_rank() -> None:
    assert_agrees(LowRankAffine(2, 4), {"x": draw(5, 6)}, lambda v: v.x @ (v.U @ v.V) + v.B)


def test_low_rank_keeps_the_variance() -> None:
    layer = LowRankAffine(20, 300)
    parameters = layer.init(np.random.default_rng(0), x=(1, 400))
    y = layer(parameters, x=draw(200, 400))
    assert y.var() == pytest.approx(1, rel=0.2)


TRAINS = {
    "two cores": ((2, 3), (4, 2), 3),
    "three cores": ((2, 3, 2), (2, 2, 3), (2, 4)),
    "four cores": ((2, 1, 2, 2), (1, 2, 2, 2), (2, 3, 2)),
}


@pytest.mark.parametrize(("inputs", "outputs", "rank"), TRAINS.values(), ids=TRAINS)
def test_tensor_train(inputs, outputs, rank) -> None:
    rows, columns = math.prod(inputs), math.prod(outputs)

    def reference(v):
        cores = [getattr(v, f"G{n + 1}") for n in range(len(inputs))]
        return v.x @ dense(cores, rows, columns) + v.B

    assert_agrees(TensorTrainAffine(inputs, outputs, rank), {"x": draw(5, rows)}, reference)


def test_tensor_train_behind_another() -> None:
    network = TensorTrainAffine((2, 3), (2, 2), 2) >> ReLU() >> TensorTrainAffine((2, 2), (3, 2), 2)

    def reference(v):
        h = torch.relu(v.x @ dense([v.G1_1, v.G2_1], 6, 4) + v.B1)
        return h @ dense([v.G1_2, v.G2_2], 4, 6) + v.B2

    assert_agrees(network, {"x": draw(5, 6)}, reference)


def test_the_matrix_starts_with_the_variance_of_glorot() -> None:
    pytest.importorskip("torch", reason="torch multiplies the cores")
    layer = TensorTrainAffine((8, 8, 8), (8, 8, 8), rank=8)
    drawn = [layer.init(np.random.default_rng(n), x=(1, 512)) for n in range(4)]
    found = np.mean(
        [dense([torch.tensor(p[f"G{n}"]) for n in (1, 2, 3)], 512, 512).var() for p in drawn]
    )
    assert found == pytest.approx(2 / 1024, rel=0.1)


def test_another_width_is_refused() -> None:
    layer = TensorTrainAffine((2, 3), (2, 2), 2)
    with pytest.raises(ShapeError):
        layer.init(np.random.default_rng(0), x=(1, 7))


@pytest.mark.parametrize(
    ("inputs", "outputs", "rank", "counts"),
    [((2,), (2,), 2, (1, 1, 0)), ((2, 3), (2,), 2, (2, 1, 1)), ((2, 3), (2, 2), (1, 1), (2, 2, 2))],
)
def test_what_makes_no_train_is_refused(inputs, outputs, rank, counts) -> None:
    with pytest.raises(InputError) as caught:
        TensorTrainAffine(inputs, outputs, rank)
    assert str(caught.value) == (
        f"{counts[0]} factors of the inputs, {counts[1]} of the outputs and {counts[2]} ranks "
        "make no tensor train\ngive as many factors of both, two or more, and one rank less"
    )


@pytest.mark.parametrize(
    ("inputs", "rank", "message"),
    [
        (4, 2, "inputs is 4\nit is integers, as in (4, 7, 28)"),
        ("44", 2, "inputs is '44'\nit is integers, as in (4, 7, 28)"),
        ((2, 0), 2, "one of inputs is 0\nit is an integer, 1 or more"),
        ((2, 2), 2.5, "one of rank is 2.5\nit is an integer, 1 or more"),
    ],
)
def test_sizes_are_integers(inputs, rank, message: str) -> None:
    with pytest.raises(InputError) as caught:
        TensorTrainAffine(inputs, (2, 2), rank)
    assert str(caught.value) == message


def test_it_prints_and_compares() -> None:
    layer = TensorTrainAffine([2, 3], [2, 2], 2)
    assert repr(layer) == "TensorTrainAffine((2, 3), (2, 2), (2,))"
    assert layer == TensorTrainAffine((2, 3), (2, 2), (2,)) != TensorTrainAffine((2, 3), (2, 2), 3)
