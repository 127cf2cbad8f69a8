"""Schedules: what a hyperparameter is in an epoch or a step."""

import math

import numpy as np
import pytest

from einprop.errors import InputError
from einprop.training import SGD, CosineDecay, PerStep, StepDecay, WarmUp, exponential_decay
from einprop.training.schedules import scheduled


def test_a_number_is_itself() -> None:
    assert [scheduled(0.5, epoch, step) for epoch, step in ((0, 0), (3, 70))] == [0.5, 0.5]


def test_step_decay_falls_every_so_many_epochs() -> None:
    rate = StepDecay(1.0, every=3, factor=0.5)
    assert [rate(epoch) for epoch in range(7)] == [1, 1, 1, 0.5, 0.5, 0.5, 0.25]


def test_cosine_decay_ends_where_it_says() -> None:
    rate = CosineDecay(1.0, length=10, final=0.1)
    assert rate(0) == 1.0
    assert rate(5) == pytest.approx(0.55)
    assert rate(3) == pytest.approx(0.1 + 0.9 * (1 + math.cos(0.3 * math.pi)) / 2)
    assert rate(10) == rate(99) == pytest.approx(0.1)


def test_warm_up_reaches_the_first_rate_of_what_follows() -> None:
    rate = WarmUp(2, then=exponential_decay(1.0, 0.5))
    assert [rate(epoch) for epoch in range(5)] == [0.5, 1.0, 1.0, 0.5, 0.25]
    assert [WarmUp(2, then=0.3)(epoch) for epoch in range(3)] == [0.15, 0.3, 0.3]


def test_schedules_count_epochs_unless_they_count_steps() -> None:
    rate = exponential_decay(1.0, 0.5)
    assert SGD(rate).rate(epoch=2, step=5) == 0.25
    assert SGD(PerStep(rate)).rate(epoch=2, step=5) == 0.5**5


def test_steps_are_counted_by_the_state() -> None:
    optimizer = SGD(PerStep(StepDecay(1.0, every=2, factor=0.5)))
    parameters, gradients = {"w": np.zeros(())}, {"w": np.ones(())}
    state, found = optimizer.start(parameters), []
    for _ in range(4):
        optimizer.step(parameters, gradients, state)
        found.append(float(parameters["w"]))
    assert found == [-1.0, -2.0, -2.5, -3.0]
    assert state["step"] == 4


def test_any_hyperparameter_may_follow_a_schedule() -> None:
    optimizer = SGD(1.0, momentum=StepDecay(0.5, every=1, factor=0.5))
    parameters, gradients = {"w": np.zeros(())}, {"w": np.ones(())}
    state = optimizer.start(parameters)
    for epoch in range(2):
        optimizer.step(parameters, gradients, state, epoch)
    assert parameters["w"] == -1 - (1 + 0.25)


@pytest.mark.parametrize("length", [0, -1])
def test_a_length_is_at_least_one(length: int) -> None:
    with pytest.raises(InputError, match=f"every is {length}"):
        StepDecay(0.1, every=length)
    with pytest.raises(InputError, match=f"length is {length}"):
        CosineDecay(0.1, length)
    with pytest.raises(InputError, match=f"length is {length}"):
        WarmUp(length, then=0.1)


def test_schedules_are_values() -> None:
    assert WarmUp(2, CosineDecay(0.1, 5)) == WarmUp(2, CosineDecay(0.1, 5))
    assert hash(PerStep(StepDecay(0.1, 5))) == hash(PerStep(StepDecay(0.1, 5)))
