"""The optimisers of the field: each is its update equations and the range of its hyperparameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from einprop.errors import InputError
from einprop.options import flag, plain, within
from einprop.training.optimizer import Optimizer, State
from einprop.training.schedules import Schedule

__all__ = ["SGD", "AdaGrad", "Adam", "AdamW", "Optimizer", "RMSProp", "State"]


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent, with momentum or Nesterov's; as ``torch.optim.SGD``.

    ``w -= rate * v`` with ``v = momentum * v + g`` and ``g`` the gradient; Nesterov's goes along
    ``g + momentum * v`` instead of ``v``.

    Args:
        learning_rate: A number, or a function from the epoch (counted from 0) to one.
        momentum: How much of the last step's direction is kept; 0 keeps nothing.
        nesterov: Whether to go along the gradient and then along the new velocity.
        weight_decay: Times the parameter added to its gradient.

    Raises:
        InputError: A hyperparameter is out of range, or Nesterov's has no momentum.

    >>> import numpy as np
    >>> optimizer = SGD(0.5)
    >>> parameters = {"w": np.array([1.0, 2.0])}
    >>> optimizer.step(parameters, {"w": np.array([1.0, 0.0])}, optimizer.start(parameters))
    >>> parameters["w"].tolist()
    [0.5, 2.0]
    >>> print(SGD(0.5, momentum=0.9).update)
    velocity.new = momentum * velocity + w.grad
    w.new = w - learning_rate * velocity.new
    """

    learning_rate: float | Schedule
    momentum: float | Schedule = 0.0
    nesterov: bool = False
    weight_decay: float | Schedule = 0.0

    def __post_init__(self) -> None:
        check_range("learning_rate", self.learning_rate)
        check_range("momentum", self.momentum, below=1)
        check_range("weight_decay", self.weight_decay)
        flag("nesterov", self.nesterov)
        if self.nesterov and not self.momentum:
            raise InputError("Nesterov's momentum is 0", hint="as in SGD(0.1, momentum=0.9)")
        super().__post_init__()

    @property
    def slots(self) -> tuple[str, ...]:
        """The velocity, with momentum."""
        return ("velocity",) if self.momentum else ()

    @property
    def update(self) -> str:
        """The equations."""
        gradient, lines = decayed(self.weight_decay)
        direction = gradient
        if self.momentum:
            lines += [f"velocity.new = momentum * velocity + {gradient}"]
            direction = "velocity.new"
        if self.nesterov:
            direction = f"({gradient} + momentum * velocity.new)"
        return "\n".join([*lines, f"w.new = w - learning_rate * {direction}"])


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam; weight decay, if there is any, is coupled: L2 in the gradient, as ``torch.optim.Adam``.

    ``w -= rate * m' / (sqrt(v') + epsilon)`` with running means ``m`` of the gradient and ``v`` of
    its square, and ``m' = m / (1 - beta1^step)``, ``v' = v / (1 - beta2^step)``.

    Args:
        learning_rate: A number, or a function from the epoch (counted from 0) to one.
        beta1: How much of the mean of gradients is kept.
        beta2: How much of the mean of their squares is kept.
        epsilon: Keeps the denominator from 0.
        weight_decay: Times the parameter added to its gradient; for a decay apart from the gradient
            there is `AdamW`.

    Raises:
        InputError: A hyperparameter is out of range.

    Source: Kingma and Ba, Adam (2015), algorithm 1.

    >>> print(Adam().update)
    m.new = beta1 * m + (1 - beta1) w.grad
    v.new = beta2 * v + (1 - beta2) w.grad^2
    rate = learning_rate / (1 - beta1^step)
    correction = sqrt(1 - beta2^step)
    w.new = w - rate * m.new / (sqrt(v.new) / correction + epsilon)
    """

    learning_rate: float | Schedule = 1e-3
    beta1: float | Schedule = 0.9
    beta2: float | Schedule = 0.999
    epsilon: float | Schedule = 1e-8
    weight_decay: float | Schedule = 0.0
    slots = ("m", "v")

    def __post_init__(self) -> None:
        check_range("learning_rate", self.learning_rate)
        check_range("beta1", self.beta1, below=1)
        check_range("beta2", self.beta2, below=1)
        check_range("epsilon", self.epsilon)
        check_range("weight_decay", self.weight_decay)
        super().__post_init__()

    @property
    def update(self) -> str:
        """The equations."""
        gradient, lines = decayed(self.weight_decay)
        return self._moments(gradient, lines, "w")

    def _moments(self, gradient: str, lines: Sequence[str], start: str) -> str:
        return "\n".join(
            [
                *lines,
                f"m.new = beta1 * m + (1 - beta1) {gradient}",
                f"v.new = beta2 * v + (1 - beta2) {gradient}^2",
                "rate = learning_rate / (1 - beta1^step)",
                "correction = sqrt(1 - beta2^step)",
                f"w.new = {start} - rate * m.new / (sqrt(v.new) / correction + epsilon)",
            ]
        )


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with weight decay apart from the gradient, as ``torch.optim.AdamW``.

    Before the step of `Adam`, ``w -= rate * weight_decay * w``.

    Args:
        learning_rate: A number, or a function from the epoch (counted from 0) to one.
        beta1: How much of the mean of gradients is kept.
        beta2: How much of the mean of their squares is kept.
        epsilon: Keeps the denominator from 0.
        weight_decay: Which part of a parameter goes at each step, times the learning rate.

    Raises:
        InputError: A hyperparameter is out of range.

    Source: Loshchilov and Hutter, Decoupled weight decay regularization (2019), algorithm 2.

    >>> print(AdamW().update.splitlines()[-1])
    w.new = (1 - learning_rate * weight_decay) w - rate * m.new / (sqrt(v.new) / correction + epsilon)
    """

    weight_decay: float | Schedule = 0.01

    @property
    def update(self) -> str:
        """The equations."""
        start = "(1 - learning_rate * weight_decay) w" if self.weight_decay else "w"
        return self._moments("w.grad", [], start)


@dataclass(frozen=True)
class RMSProp(Optimizer):
    """Steps divided by the root of a running mean of the gradient's square; as ``torch.optim.RMSprop``.

    ``w -= rate * g / (sqrt(square) + epsilon)`` with ``square = decay * square + (1 - decay) g^2``.
    Centred, ``square`` has the square of the running mean of the gradient taken off; with momentum,
    ``w -= rate * velocity`` and the quotient is added to ``momentum * velocity``.

    Args:
        learning_rate: A number, or a function from the epoch (counted from 0) to one.
        decay: How much of the mean of squares is kept (``alpha`` in torch).
        epsilon: Keeps the denominator from 0.
        momentum: How much of the last step's direction is kept; 0 keeps nothing.
        centred: Whether to divide by the standard deviation.
        weight_decay: Times the parameter added to its gradient.

    Raises:
        InputError: A hyperparameter is out of range.

    Source: Tieleman and Hinton, lecture 6.5 of Neural networks for machine learning (2012).

    >>> print(RMSProp().update)
    square.new = decay * square + (1 - decay) w.grad^2
    w.new = w - learning_rate * w.grad / (sqrt(square.new) + epsilon)
    """

    learning_rate: float | Schedule = 1e-2
    decay: float | Schedule = 0.99
    epsilon: float | Schedule = 1e-8
    momentum: float | Schedule = 0.0
    centred: bool = False
    weight_decay: float | Schedule = 0.0

    def __post_init__(self) -> None:
        check_range("learning_rate", self.learning_rate)
        check_range("decay", self.decay, below=1)
        flag("centred", self.centred)
        check_range("epsilon", self.epsilon)
        check_range("momentum", self.momentum, below=1)
        check_range("weight_decay", self.weight_decay)
        super().__post_init__()

    @property
    def slots(self) -> tuple[str, ...]:
        """The mean of squares; the mean and the velocity where there are some."""
        found = {"square": True, "mean_gradient": self.centred, "velocity": bool(self.momentum)}
        return tuple(name for name, there in found.items() if there)

    @property
    def update(self) -> str:
        """The equations."""
        gradient, lines = decayed(self.weight_decay)
        lines += [f"square.new = decay * square + (1 - decay) {gradient}^2"]
        variance = "square.new"
        if self.centred:
            lines += [f"mean_gradient.new = decay * mean_gradient + (1 - decay) {gradient}"]
            variance = "square.new - mean_gradient.new^2"
        direction = f"{gradient} / (sqrt({variance}) + epsilon)"
        if self.momentum:
            lines += [f"velocity.new = momentum * velocity + {direction}"]
            direction = "velocity.new"
        return "\n".join([*lines, f"w.new = w - learning_rate * {direction}"])


@dataclass(frozen=True)
class AdaGrad(Optimizer):
    """Steps divided by the root of the sum of all squares of the gradient; as ``torch.optim.Adagrad``.

    ``w -= rate / (1 + (step - 1) learning_rate_decay) * g / (sqrt(sum) + epsilon)`` with
    ``sum = sum + g^2``.

    Args:
        learning_rate: A number, or a function from the epoch (counted from 0) to one.
        learning_rate_decay: How fast the rate falls with the number of steps.
        epsilon: Keeps the denominator from 0.
        initial: What the sum of squares begins with.
        weight_decay: Times the parameter added to its gradient.

    Raises:
        InputError: A hyperparameter is out of range.

    Source: Duchi, Hazan and Singer, Adaptive subgradient methods (2011).

    >>> print(AdaGrad().update)
    squares.new = squares + w.grad^2
    w.new = w - learning_rate * w.grad / (sqrt(squares.new) + epsilon)
    """

    learning_rate: float | Schedule = 1e-2
    learning_rate_decay: float | Schedule = 0.0
    epsilon: float | Schedule = 1e-10
    initial: float = 0.0
    weight_decay: float | Schedule = 0.0
    slots = ("squares",)

    def __post_init__(self) -> None:
        check_range("learning_rate", self.learning_rate)
        check_range("learning_rate_decay", self.learning_rate_decay)
        check_range("epsilon", self.epsilon)
        within("initial", self.initial, 0)
        check_range("weight_decay", self.weight_decay)
        super().__post_init__()

    def first(self, slot: str) -> float:
        """What the sum of squares begins with."""
        return self.initial

    @property
    def update(self) -> str:
        """The equations."""
        gradient, lines = decayed(self.weight_decay)
        lines += [f"squares.new = squares + {gradient}^2"]
        rate = "learning_rate"
        if self.learning_rate_decay:
            lines += ["rate = learning_rate / (1 + (step - 1) learning_rate_decay)"]
            rate = "rate"
        return "\n".join(
            [*lines, f"w.new = w - {rate} * {gradient} / (sqrt(squares.new) + epsilon)"]
        )


def decayed(weight_decay: float | Schedule) -> tuple[str, list[str]]:
    """What the gradient is called once a coupled weight decay is in it, and the line that does so."""
    if not weight_decay:
        return "w.grad", []
    return "g", ["g = w.grad + weight_decay * w"]


def check_range(
    name: str, value: float | Schedule, least: float = 0.0, below: float = math.inf
) -> None:
    """Refuse a hyperparameter that is out of range; a schedule is believed.

    Raises:
        InputError: It says what the range is.
    """
    if callable(value):
        return
    number = plain(value)
    if not isinstance(number, int | float) or not least <= number < below:
        limit = "" if below == math.inf else f", and less than {below:g}"
        raise InputError(
            f"the {name.replace('_', ' ')} is {value!r}",
            hint=f"it is a number, {least:g} or more{limit}, or a schedule",
        )
