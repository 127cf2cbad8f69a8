"""Real MNIST to the published test errors; slow, and only where EINPROP_DATA names the data."""

import os
from pathlib import Path

import numpy as np
import pytest

from einprop.data import load_mnist
from einprop.layers import Affine, Network, Tanh, losses
from einprop.training import SGD, count_errors, exponential_decay, fit

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "EINPROP_DATA" not in os.environ, reason="EINPROP_DATA does not name the folder of data"
    ),
]


def count_after(model: Network, optimizer: SGD, epochs: int) -> list[float]:
    train, test = load_mnist(Path(os.environ["EINPROP_DATA"]) / "mnist")
    rng = np.random.default_rng(0)
    parameters = model.init(rng, x=train["x"])
    history = fit(
        model,
        parameters,
        train,
        optimizer,
        epochs=epochs,
        batch_size=100,
        rng=rng,
        validation=test,
        metrics=[count_errors],
    )
    return history.column("count_errors")


def test_softmax_regression() -> None:
    model = Affine(10) >> losses.CrossEntropy()
    errors = count_after(model, SGD(exponential_decay(0.5, 0.9)), epochs=30)
    assert 700 <= errors[-1] <= 800


def test_two_layers() -> None:
    model = Affine(200) >> Tanh() >> Affine(10) >> losses.CrossEntropy()
    errors = count_after(model, SGD(0.3), epochs=20)
    assert errors[-1] <= 270
