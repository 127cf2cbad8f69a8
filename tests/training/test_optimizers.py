"""Optimisers against their formulas, and schedules."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from einprop.errors import InputError
from einprop.training import SGD, AdaGrad, Adam, AdamW, Optimizer, RMSProp, exponential_decay


def run(
    optimizer: SGD, gradients: list[list[float]], epochs: list[int] | None = None
) -> list[float]:
    parameters = {"w": np.array([1.0, -2.0])}
    held = parameters["w"]
    state = optimizer.start(parameters)
    for number, gradient in enumerate(gradients):
        epoch = epochs[number] if epochs else 0
        optimizer.step(parameters, {"w": np.array(gradient)}, state, epoch)
    assert parameters["w"] is held
    return held.tolist()


def test_plain_descent() -> None:
    assert run(SGD(0.5), [[1.0, 2.0], [2.0, 0.0]]) == [-0.5, -3.0]


def test_momentum_keeps_the_direction() -> None:
    assert run(SGD(0.5, momentum=0.5), [[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]) == [0.125, -2.0]


def test_the_rate_may_follow_the_epoch() -> None:
    schedule = exponential_decay(0.5, 0.5)
    assert run(SGD(schedule), [[1.0, 0.0], [1.0, 0.0]], epochs=[0, 1]) == [0.25, -2.0]


def test_single_precision_stays() -> None:
    parameters = {"w": np.ones(2, np.float32)}
    SGD(0.1).step(parameters, {"w": np.ones(2, np.float32)}, {})
    assert parameters["w"].dtype == np.float32


def test_scalars_are_parameters_too() -> None:
    parameters = {"w": np.array(1.0)}
    held = parameters["w"]
    SGD(0.5).step(parameters, {"w": np.array(1.0)}, {})
    assert held == 0.5


def test_the_velocity_does_not_alias_the_gradient() -> None:
    optimizer = SGD(1.0, momentum=0.5)
    parameters = {"w": np.zeros(1)}
    state = optimizer.start(parameters)
    gradient = {"w": np.ones(1)}
    optimizer.step(parameters, gradient, state)
    assert gradient["w"] == 1.0
    gradient["w"][:] = 100.0
    assert state["w.velocity"] == 1.0


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        (SGD, {"momentum": -0.1}, "the momentum is -0.1"),
        (SGD, {"momentum": 1.0}, "the momentum is 1.0"),
        (SGD, {"weight_decay": -1.0}, "the weight decay is -1.0"),
        (SGD, {"nesterov": True}, "Nesterov's momentum is 0"),
        (SGD, {"momentum": "0.9"}, "the momentum is '0.9'"),
        (Adam, {"beta1": 1.0}, "the beta1 is 1.0"),
        (Adam, {"beta2": -0.5}, "the beta2 is -0.5"),
        (AdamW, {"epsilon": -1e-8}, "the epsilon is -1e-08"),
        (AdamW, {"weight_decay": float("nan")}, "the weight decay is nan"),
        (RMSProp, {"decay": 1.5}, "the decay is 1.5"),
        (RMSProp, {"momentum": 2.0}, "the momentum is 2.0"),
        (AdaGrad, {"initial": -1.0}, "initial is -1.0"),
        (AdaGrad, {"learning_rate_decay": -1.0}, "the learning rate decay is -1.0"),
    ],
)
def test_hyperparameters_out_of_range_are_refused(
    kind: Callable[..., Optimizer], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        kind(0.1, **options)
    with pytest.raises(InputError, match=r"the learning rate is -0\.1"):
        kind(-0.1)


def test_optimizers_are_values() -> None:
    assert SGD(exponential_decay(0.5, 0.9)) == SGD(exponential_decay(0.5, 0.9)) != SGD(0.5)
