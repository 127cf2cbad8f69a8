"""Schedules: hyperparameters that change while training goes on, by the epoch or by the step."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from einprop.errors import InputError
from einprop.options import integer, number

__all__ = [
    "CosineDecay",
    "ExponentialDecay",
    "PerStep",
    "Scaled",
    "Schedule",
    "StepDecay",
    "WarmUp",
    "exponential_decay",
    "scaled",
    "scheduled",
]

Schedule = Callable[[int], float]
"""A function of the epoch, counted from 0; inside `PerStep` one of the step, counted from 0."""


@dataclass(frozen=True, slots=True)
class ExponentialDecay:
    """The rate ``initial * factor ** epoch``; made by `exponential_decay`."""

    initial: float
    factor: float

    def __post_init__(self) -> None:
        number("initial", self.initial)
        number("factor", self.factor)

    def __call__(self, epoch: int) -> float:
        """The rate in an epoch, counted from 0."""
        return self.initial * self.factor**epoch


def exponential_decay(initial: float, factor: float) -> ExponentialDecay:
    """A schedule that multiplies the learning rate by ``factor`` after every epoch.

    >>> rate = exponential_decay(0.5, 0.9)
    >>> rate(0), round(rate(2), 3)
    (0.5, 0.405)
    """
    return ExponentialDecay(initial, factor)


@dataclass(frozen=True, slots=True)
class StepDecay:
    """The rate ``initial * factor ** (epoch // every)``: multiplied by ``factor`` now and then.

    Args:
        initial: The first rate.
        every: After how many epochs it changes.
        factor: What it is multiplied by.

    Raises:
        InputError: ``every`` is less than 1.

    >>> rate = StepDecay(0.5, every=10, factor=0.1)
    >>> rate(0), rate(9), round(rate(10), 3), round(rate(25), 4)
    (0.5, 0.5, 0.05, 0.005)
    """

    initial: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        number("initial", self.initial)
        number("factor", self.factor)
        integer("every", self.every)

    def __call__(self, epoch: int) -> float:
        """The rate in an epoch, counted from 0."""
        return self.initial * self.factor ** (epoch // self.every)


@dataclass(frozen=True, slots=True)
class CosineDecay:
    """Half a cosine from ``initial`` down to ``final``, which stays from then on.

    The rate is ``final + (initial - final) (1 + cos(pi epoch / length)) / 2``.

    Args:
        initial: The first rate.
        length: How many epochs the way down takes.
        final: The rate at its end.

    Raises:
        InputError: ``length`` is less than 1.

    Source: Loshchilov and Hutter, SGDR (2017), without restarts.

    >>> rate = CosineDecay(1.0, length=4)
    >>> [round(rate(epoch), 3) for epoch in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """

    initial: float
    length: int
    final: float = 0.0

    def __post_init__(self) -> None:
        number("initial", self.initial)
        number("final", self.final)
        integer("length", self.length)

    def __call__(self, epoch: int) -> float:
        """The rate in an epoch, counted from 0."""
        way = min(epoch / self.length, 1.0)
        return self.final + (self.initial - self.final) * (1 + math.cos(math.pi * way)) / 2


@dataclass(frozen=True, slots=True)
class WarmUp:
    """A straight way up to the first rate of another schedule, which follows from its beginning.

    Args:
        length: How many epochs it takes; in epoch ``e`` of them the rate is ``(e + 1) / length`` of
            the first one that follows, so that none is 0.
        then: What follows: a number, or a schedule, to which the epochs count from its own 0.

    Raises:
        InputError: ``length`` is less than 1.

    >>> rate = WarmUp(4, then=CosineDecay(1.0, length=4))
    >>> [round(rate(epoch), 3) for epoch in range(8)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 0.854, 0.5, 0.146]
    """

    length: int
    then: float | Schedule

    def __post_init__(self) -> None:
        integer("length", self.length)
        _check_rate("then", self.then)

    def __call__(self, epoch: int) -> float:
        """The rate in an epoch, counted from 0."""
        if epoch < self.length:
            return scheduled(self.then, 0) * (epoch + 1) / self.length
        return scheduled(self.then, epoch - self.length)


@dataclass(frozen=True, slots=True)
class Scaled:
    """Another schedule, times a number.

    >>> Scaled(StepDecay(1.0, every=2), 0.5)(0)
    0.5
    """

    schedule: Schedule
    factor: float

    def __call__(self, epoch: int) -> float:
        """The rate in an epoch, counted from 0."""
        return self.schedule(epoch) * self.factor


@dataclass(frozen=True, slots=True)
class PerStep:
    """A schedule that counts steps of the optimiser instead of epochs, both from 0.

    >>> from einprop.training import Adam
    >>> optimizer = Adam(PerStep(WarmUp(100, then=CosineDecay(3e-4, length=5000))))
    >>> optimizer.rate(epoch=0, step=99)
    0.0003
    """

    schedule: Schedule

    def __post_init__(self) -> None:
        if not callable(self.schedule):
            raise InputError(
                f"{self.schedule!r} is no schedule", hint="as in PerStep(StepDecay(0.1, every=100))"
            )

    def __call__(self, step: int) -> float:
        """The rate in a step, counted from 0."""
        return self.schedule(step)


def scheduled(value: float | Schedule, epoch: int, step: int = 0) -> float:
    """What a number, a schedule by epoch or one by step is at an epoch and a step, counted from 0.

    >>> scheduled(0.1, 3), scheduled(PerStep(StepDecay(1.0, every=2)), 0, 3)
    (0.1, 0.1)
    """
    if not callable(value):
        return float(value)
    return float(value(step if isinstance(value, PerStep) else epoch))


def scaled(value: float | Schedule, factor: float) -> float | Schedule:
    """A number or a schedule times a number; one by step stays one by step.

    >>> scaled(0.5, 0.5), scaled(PerStep(StepDecay(1.0, every=2)), 0.5)(0)
    (0.25, 0.5)
    """
    if isinstance(value, PerStep):
        return PerStep(Scaled(value.schedule, factor))
    return Scaled(value, factor) if callable(value) else value * factor


def _check_rate(name: str, rate: float | Schedule) -> None:
    if not callable(rate):
        number(name, rate)
