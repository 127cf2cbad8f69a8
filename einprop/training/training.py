"""Training under way: what callbacks see of it, and what checkpoints hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np

from einprop.errors import InputError
from einprop.layers.model import Model
from einprop.training.clipping import Clip
from einprop.training.history import History, Record
from einprop.training.optimizer import Array, Optimizer, State

__all__ = ["Memory", "Options", "Training", "digest"]

_BLOCK = 1 << 20

Memory = dict[str, Any]
"""What a callback remembers: arrays, numbers and strings by name."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a step is made, apart from the model and the optimiser; see `Step`."""

    clip: Clip | None = None
    l2: float = 0.0
    micro_batch: int | None = None


@dataclass(slots=True, eq=False)
class Training:
    """A `fit` under way.

    Attributes:
        model: What is trained.
        parameters: Arrays by name, the model's state among them; each step changes them in place.
        optimizer: The rule of a step; a callback may put another one of the same form here.
        state: What the optimiser remembers.
        rng: Draws the orders of the data and the model's noise.
        data: By name the shape and the dtype of the training data, examples along the first axis.
        batch_size: Examples in a minibatch.
        epochs: How many there are to be.
        options: How a step is made.
        epoch: How many epochs are over.
        batch: How many batches of the running epoch are over.
        step: How many steps were taken in all.
        loss: Of the last step.
        total: Sum of the losses of the running epoch, each times its weight.
        weight: Sum of those weights: the examples, or what the model's ``loss.weight`` says.
        seen: The examples of the running epoch so far.
        order: The generator's state before it drew the running epoch's order.
        records: Of the epochs that are over.
        stopped: Why training ends before its last epoch; empty if it does not.
        memories: What each callback remembers, by its class's name.
        arrays: The training data themselves, by name.
    """

    model: Model
    parameters: dict[str, Array]
    optimizer: Optimizer
    state: State
    rng: np.random.Generator
    data: Mapping[str, tuple[tuple[int, ...], str]]
    batch_size: int
    epochs: int
    options: Options = Options()
    epoch: int = 0
    batch: int = 0
    step: int = 0
    loss: float = math.nan
    total: float = 0.0
    weight: float = 0.0
    seen: int = 0
    order: Mapping[str, Any] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    stopped: str = ""
    memories: dict[str, Memory] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)
    _digests: dict[str, str] = field(default_factory=dict)

    @property
    def examples(self) -> int:
        """How many examples there are to learn from."""
        return next(iter(self.data.values()))[0][0]

    @property
    def batches(self) -> int:
        """How many batches an epoch has."""
        return -(-self.examples // self.batch_size)

    @property
    def mean_loss(self) -> float:
        """Of the running epoch so far; nan before its first step."""
        return self.total / self.weight if self.weight else math.nan

    @property
    def digests(self) -> Mapping[str, str]:
        """By name a digest of the training data's bytes, made when it is first asked for."""
        if len(self._digests) < len(self.arrays):
            self._digests.update({name: digest(array) for name, array in self.arrays.items()})
        return self._digests

    @property
    def history(self) -> History:
        """The epochs that are over."""
        return History(tuple(self.records))

    def stop(self, reason: str) -> None:
        """End training after this step, or after this epoch if its steps are over.

        A checkpoint does not hold this: a callback that is to end resumed training too says so at
        its ``begin``.
        """
        self.stopped = reason

    def recorded(self, name: str) -> float:
        """What the last epoch's record has under a name: ``loss`` or a metric's.

        Raises:
            InputError: It has nothing of this name.
        """
        columns = self.history.columns
        if name not in columns:
            raise InputError(
                f"there is no {name} to watch",
                hint=f"an epoch records {', '.join(columns)}; validation= and metrics= add more",
            )
        return self.history.column(name)[-1]


def digest(array: Array) -> str:
    """A digest of an array's cells in order, whatever lies between them in memory.

    >>> digest(np.arange(6.0)) == digest(np.arange(12.0)[::2] / 2)
    True
    >>> digest(np.zeros(2)) == digest(np.array([0.0, 1e-300]))
    False
    """
    found = blake2b(digest_size=16)
    rows = max(_BLOCK // max(array[:1].nbytes, 1), 1) if array.ndim else 1
    for start in range(0, len(array) if array.ndim else 1, rows):
        part = array[start : start + rows] if array.ndim else array
        found.update(np.ascontiguousarray(part).data)
    return found.hexdigest()
