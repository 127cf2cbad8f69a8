"""Callbacks: what happens between steps and epochs, such as stopping early or writing a checkpoint."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from os import PathLike
from typing import ClassVar

import numpy as np

from einprop.errors import InputError
from einprop.options import file_name, integer, text, within
from einprop.training.checkpoint import save_checkpoint
from einprop.training.groups import Groups
from einprop.training.history import larger_is_better
from einprop.training.model_file import save_model
from einprop.training.optimizer import Optimizer
from einprop.training.schedules import scaled
from einprop.training.training import Memory, Training

__all__ = [
    "Callback",
    "EarlyStopping",
    "ReduceLearningRate",
    "SaveBest",
    "SaveCheckpoint",
    "StopAfter",
]


class Callback:
    """Something that `fit` calls as training goes on; a subclass overrides what it needs.

    A callback is a value: what it remembers goes into the memory that it is handed, a dict of its
    own for each run, which checkpoints save. So it may serve several runs, and one that is killed
    and resumed ends like one that was not.

    Attributes:
        last: Whether it comes after the other callbacks.

    >>> import numpy as np
    >>> import einprop as ep
    >>> class Rates(Callback):
    ...     '''Counts the steps of each epoch.'''
    ...     def after_epoch(self, training, memory):
    ...         memory["steps"] = training.step
    ...         print(f"epoch {training.epoch} ends at step {training.step}")
    >>> x = np.ones((8, 2))
    >>> model = ep.layers.Affine(1) >> ep.layers.losses.SquaredError()
    >>> rng = np.random.default_rng(0)
    >>> history = ep.training.fit(model, model.init(rng, x=x), {"x": x, "t": x[:, :1]},
    ...     ep.training.SGD(0.1), epochs=2, batch_size=2, rng=rng, callbacks=[Rates()], verbose=0)
    epoch 1 ends at step 4
    epoch 2 ends at step 8
    """

    last: ClassVar[bool] = False

    def begin(self, training: Training, memory: Memory) -> None:
        """Before the first step, or before the first one after a checkpoint."""

    def after_step(self, training: Training, memory: Memory) -> None:
        """The parameters have changed; ``training.loss`` is the loss of the batch before that."""

    def after_epoch(self, training: Training, memory: Memory) -> None:
        """An epoch is over and its record is in ``training.records``."""

    def finish(self, training: Training, memory: Memory) -> None:
        """Training is over, however it ended: also by an error or an interrupt."""


@dataclass(frozen=True, kw_only=True)
class Watch(Callback):
    """A callback that follows a number from epoch to epoch.

    Args:
        monitor: Its name: ``loss``, ``validation_loss`` or a metric's.
        minimum_change: How much better than the best a number must be to be an improvement.
        larger_is_better: By default only where the name ends in ``accuracy``.

    Raises:
        InputError: The change is negative.
    """

    monitor: str = "validation_loss"
    minimum_change: float = 0.0
    larger_is_better: bool | None = None

    def __post_init__(self) -> None:
        text("monitor", self.monitor)
        within("minimum_change", self.minimum_change, 0)

    def improves(self, training: Training, memory: Memory) -> bool:
        """Whether the last epoch is the best so far; ``memory`` keeps count."""
        up = self.larger_is_better
        up = larger_is_better(self.monitor) if up is None else up
        value = training.recorded(self.monitor)
        best = _number(memory, "best", -math.inf if up else math.inf)
        if value > best + self.minimum_change if up else value < best - self.minimum_change:
            memory |= {"best": value, "best_epoch": training.epoch, "waited": 0}
            return True
        memory["waited"] = _number(memory, "waited", 0) + 1
        return False


@dataclass(frozen=True, kw_only=True)
class EarlyStopping(Watch):
    """Stop when a number no longer improves, and go back to the best parameters.

    Training that is resumed from where it had stopped stays so.

    Args:
        monitor: The number's name: ``loss``, ``validation_loss`` or a metric's.
        patience: How many epochs without an improvement it waits before it stops; the one after
            them is not training.
        minimum_change: How much better than the best a number must be to be an improvement.
        larger_is_better: By default only where the name ends in ``accuracy``.
        restore_best: Whether the parameters (and the model's state) of the best epoch come back at
            the end of training, however it ends: also by an error or an interrupt.

    Raises:
        InputError: The patience or the change is negative.

    >>> EarlyStopping(monitor="accuracy", patience=3).restore_best
    True
    """

    patience: int = 10
    restore_best: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        integer("patience", self.patience, 0)

    def begin(self, training: Training, memory: Memory) -> None:
        """After a checkpoint of training that had stopped, stop again."""
        self._stop(training, memory)

    def after_epoch(self, training: Training, memory: Memory) -> None:
        """Remember the best parameters; stop after too many worse epochs."""
        if self.improves(training, memory) and self.restore_best:
            memory |= {f"best.{name}": array.copy() for name, array in training.parameters.items()}
        self._stop(training, memory)

    def _stop(self, training: Training, memory: Memory) -> None:
        waited = _number(memory, "waited", 0)
        if waited and waited >= self.patience:
            training.stop(
                f"{self.monitor} has not improved since epoch {memory.get('best_epoch', 0)}"
            )

    def finish(self, training: Training, memory: Memory) -> None:
        """Bring the best parameters back."""
        for name, array in training.parameters.items():
            best = memory.get(f"best.{name}")
            if isinstance(best, np.ndarray) and best.shape == array.shape:
                array[...] = best


@dataclass(frozen=True, kw_only=True)
class ReduceLearningRate(Watch):
    """Multiply the learning rate by a factor whenever a number no longer improves.

    Args:
        monitor: The number's name: ``loss``, ``validation_loss`` or a metric's.
        patience: How many epochs without an improvement it waits.
        minimum_change: How much better than the best a number must be to be an improvement.
        larger_is_better: By default only where the name ends in ``accuracy``.
        factor: What the rate is multiplied by, between 0 and 1.

    Raises:
        InputError: The factor is not between 0 and 1.
    """

    patience: int = 10
    factor: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        integer("patience", self.patience, 0)
        within("factor", self.factor, 0, 1, "between 0 and 1", open_ends=True)

    def begin(self, training: Training, memory: Memory) -> None:
        """After a checkpoint, the rate is what it was."""
        # One by one: the product of the factors might round to something else.
        for _ in range(int(_number(memory, "times", 0))):
            training.optimizer = _slower(training.optimizer, self.factor)

    def after_epoch(self, training: Training, memory: Memory) -> None:
        """Reduce the rate after too many worse epochs, and start to wait again."""
        if not self.improves(training, memory) and memory["waited"] > self.patience:
            memory |= {"waited": 0, "times": _number(memory, "times", 0) + 1}
            training.optimizer = _slower(training.optimizer, self.factor)


@dataclass(frozen=True)
class StopAfter(Callback):
    """Stop after a number of steps, also in the middle of an epoch.

    That epoch is not over then: a checkpoint of it goes on where it stopped, once there are more
    steps to take.

    Args:
        steps: How many, counted from the first one of all.

    Raises:
        InputError: It is less than 1.
    """

    steps: int

    def __post_init__(self) -> None:
        integer("steps", self.steps)

    def begin(self, training: Training, memory: Memory) -> None:
        """After a checkpoint, stop where so many are taken already."""
        self.after_step(training, memory)

    def after_step(self, training: Training, memory: Memory) -> None:
        """Stop where so many are taken."""
        if training.step >= self.steps:
            training.stop(f"{training.step} steps are taken")


@dataclass(frozen=True)
class SaveCheckpoint(Callback):
    """Write a checkpoint now and then; ``fit(resume=path)`` goes on from there.

    The file is written whole or not at all, so that training may be killed at any moment.

    Args:
        path: The file; each checkpoint takes the place of the one before.
        every_steps: After how many steps, counted from the first one of all; None for none.
        every_epochs: After how many epochs; None for none.

    Raises:
        InputError: A number is less than 1, or both are None.
    """

    path: str | PathLike[str]
    every_steps: int | None = None
    every_epochs: int | None = 1
    last: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.every_steps is None and self.every_epochs is None:
            raise InputError(
                "no checkpoint would be written", hint="give every_steps or every_epochs"
            )
        file_name(self.path)
        for name in ("every_steps", "every_epochs"):
            if getattr(self, name) is not None:
                integer(name, getattr(self, name))

    def after_step(self, training: Training, memory: Memory) -> None:
        """Write after so many steps, and when training is to stop in the middle of an epoch."""
        due = self.every_steps is not None and training.step % self.every_steps == 0
        if due or (training.stopped and self.every_epochs is not None):
            save_checkpoint(self.path, training)

    def after_epoch(self, training: Training, memory: Memory) -> None:
        """Write after so many epochs, and when training is to stop."""
        if self.every_epochs is not None and (
            training.epoch % self.every_epochs == 0 or training.stopped
        ):
            save_checkpoint(self.path, training)


@dataclass(frozen=True)
class SaveBest(Watch):
    """Write the model whenever a number has improved; `load_model` reads it.

    Args:
        monitor: The number's name: ``loss``, ``validation_loss`` or a metric's.
        minimum_change: How much better than the best a number must be to be an improvement.
        larger_is_better: By default only where the name ends in ``accuracy``.
        path: The file.
    """

    path: str | PathLike[str]

    def __post_init__(self) -> None:
        super().__post_init__()
        file_name(self.path)

    def after_epoch(self, training: Training, memory: Memory) -> None:
        """Write the best model so far."""
        if self.improves(training, memory):
            save_model(self.path, training.model, training.parameters)


def _slower(optimizer: Optimizer, factor: float) -> Optimizer:
    """The optimiser with its learning rate times a factor, or those of its groups."""
    if isinstance(optimizer, Groups):
        patterns = {name: _slower(own, factor) for name, own in optimizer.patterns.items()}
        return Groups(_slower(optimizer.others, factor), patterns)
    if "learning_rate" not in {field.name for field in fields(optimizer)}:
        raise InputError(f"{type(optimizer).__name__} has no learning_rate to reduce")
    rate = scaled(getattr(optimizer, "learning_rate"), factor)  # noqa: B009 - not every class has it
    changed: Optimizer = replace(optimizer, learning_rate=rate)  # type: ignore[call-arg]
    return changed


def _number(memory: Memory, name: str, default: float) -> float:
    """A number that is remembered; a checkpoint may have brought anything."""
    value = memory.get(name, default)
    if not isinstance(value, int | float):
        raise InputError(f"a callback remembers {value!r} as {name}, which is no number")
    return value
