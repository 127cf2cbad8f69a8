"""Optimisers and learning-rate schedules: how a gradient changes the parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from einprop.errors import InputError

__all__ = ["SGD", "ExponentialDecay", "Optimizer", "State", "exponential_decay"]

Array = npt.NDArray[Any]
Schedule = Callable[[int], float]
State = dict[str, Array]
"""What an optimiser remembers from step to step: arrays by name."""


class Optimizer(Protocol):
    """A rule that changes parameters in place; the caller holds what it must remember."""

    def start(self, parameters: Mapping[str, Array]) -> State:
        """What to remember before the first step."""
        ...

    def step(
        self,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        state: State,
        epoch: int = 0,
    ) -> None:
        """Change the parameters, and the state, in place."""
        ...


@dataclass(frozen=True, slots=True)
class ExponentialDecay:
    """The rate ``initial * factor ** epoch``; made by `exponential_decay`."""

    initial: float
    factor: float

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
class SGD:
    """Stochastic gradient descent: ``p -= rate * v`` with ``v = momentum * v + gradient``.

    Args:
        learning_rate: A number, or a function from the epoch (counted from 0) to one.
        momentum: How much of the last step's direction is kept; 0 keeps nothing.

    >>> optimizer = SGD(0.5)
    >>> parameters = {"w": np.array([1.0, 2.0])}
    >>> optimizer.step(parameters, {"w": np.array([1.0, 0.0])}, optimizer.start(parameters))
    >>> parameters["w"].tolist()
    [0.5, 2.0]
    """

    learning_rate: float | Schedule
    momentum: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.momentum < 1:
            raise InputError(
                f"the momentum is {self.momentum}", hint="it is 0 or more, and less than 1"
            )

    def rate(self, epoch: int) -> float:
        """The learning rate in an epoch, counted from 0."""
        return float(
            self.learning_rate(epoch) if callable(self.learning_rate) else self.learning_rate
        )

    def start(self, parameters: Mapping[str, Array]) -> State:
        """The velocities before the first step; none are kept without momentum."""
        if not self.momentum:
            return {}
        return {name: np.zeros_like(array) for name, array in parameters.items()}

    def step(
        self,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        state: State,
        epoch: int = 0,
    ) -> None:
        """Change the parameters, and the velocities, in place."""
        rate = self.rate(epoch)
        for name, gradient in gradients.items():
            direction = gradient
            if self.momentum:
                direction = state[name]
                direction *= self.momentum
                direction += gradient
            parameters[name] -= rate * direction
