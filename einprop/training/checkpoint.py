"""Checkpoints: training under way in a file, from which it goes on to the same weights to the last bit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from os import PathLike
from typing import Any

import numpy as np

from einprop.errors import InputError, ShapeError
from einprop.layers.model import Model
from einprop.options import instance
from einprop.training.generator import (
    describe_generator,
    rebuild_generator,
    restore_generator,
    state_of,
)
from einprop.training.history import Record
from einprop.training.model_file import model_metadata, model_of, naming_damage, tensors_of
from einprop.training.optimizer import Array, Optimizer, State
from einprop.training.plain import describe, name_of, rebuild
from einprop.training.safetensors import read_safetensors, write_safetensors
from einprop.training.strict_json import parse_object, print_object
from einprop.training.training import Memory, Options, Training

__all__ = ["Checkpoint", "load_checkpoint", "save_checkpoint"]

_KEY = "einprop.checkpoint"
_LAYOUT = 1
# No name of a tensor in a program holds a slash.
_OPTIMIZER = "optimizer/"
_CALLBACK = "callback/"
_COUNTS = ("epoch", "batch", "step", "seen", "batch_size")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Training as a file holds it.

    Attributes:
        model: What is trained.
        parameters: Arrays by name, the model's state among them.
        state: What the optimiser remembers.
        memories: What each callback remembers, by its class's name.
        records: Of the epochs that are over.
        counts: ``epoch``, ``batch``, ``step``, ``seen`` and ``batch_size``, as `Training` has them.
        described: The rest, as values of JSON.
        classes: Dataclasses of the user's that the optimiser may be made of.
    """

    model: Model
    parameters: dict[str, Array]
    state: State
    memories: Mapping[str, Memory]
    records: tuple[Record, ...]
    counts: Mapping[str, int]
    described: Mapping[str, Any] = field(repr=False)
    classes: tuple[type, ...] = ()

    @property
    def optimizer(self) -> Optimizer:
        """The optimiser, made anew from its class's name and its hyperparameters.

        Raises:
            InputError: The class is not known here, or a hyperparameter was a function.
        """
        optimizer = rebuild(self.described.get("optimizer"), self.classes)
        if not isinstance(optimizer, Optimizer):
            raise InputError(f"{optimizer!r} is no optimiser")
        return optimizer

    @property
    def rng(self) -> np.random.Generator:
        """A generator in the state that the one of the training had.

        Raises:
            InputError: The state is none.
        """
        return rebuild_generator(_dict(self.described, "generator"))

    @property
    def options(self) -> Options:
        """How steps were made: clipping, penalty, micro batches.

        Raises:
            InputError: The file does not say.
        """
        options = rebuild(self.described.get("options"), self.classes)
        if not isinstance(options, Options):
            raise InputError(f"{options!r} are no options")
        return options

    def restore(self, training: Training) -> None:
        """Bring training that is about to begin to where the checkpoint was written.

        Raises:
            InputError: It trains another model, by another class of optimiser, or in the middle of
                an epoch on other data or in other batches.
        """
        self._check(training)
        for name, array in training.parameters.items():
            _copy(array, self.parameters.get(name), name)
        for name, array in training.state.items():
            _copy(array, self.state.get(name), f"the optimiser's {name}")
        restore_generator(training.rng, _dict(self.described, "generator"))
        training.order = state_of(training.rng, _dict(self.described, "order"))
        for name in ("epoch", "batch", "step", "seen"):
            setattr(training, name, self.counts[name])
        training.loss = _number(self.described.get("loss"))
        training.total = _number(self.described.get("total"))
        training.weight = _number(self.described.get("weight"))
        training.records = list(self.records)
        training.memories = {name: dict(memory) for name, memory in self.memories.items()}

    def _check(self, training: Training) -> None:
        if training.model != self.model:
            raise InputError(
                "the checkpoint is of another model",
                hint=f"its program is\n{self.model.program}",
            )
        own, its = name_of(describe(training.optimizer)), name_of(self.described.get("optimizer"))
        if own != its:
            raise InputError(
                f"the checkpoint's optimiser is {its}, not {own}",
                hint="go on with an optimiser of that class; its hyperparameters may be others",
            )
        middle = self.counts["batch"] > 0
        if middle and self.counts["batch_size"] != training.batch_size:
            raise InputError(
                f"the checkpoint is from the middle of an epoch with batches of "
                f"{self.counts['batch_size']}, not {training.batch_size}",
                hint="go on with the same batch_size",
            )
        if middle:
            self._check_data(training)
        if self.counts["batch"] > training.batches:
            raise InputError(f"an epoch has {training.batches} batches, the checkpoint's more")

    def _check_data(self, training: Training) -> None:
        held, given = _dict(self.described, "data"), _described_data(training)
        other = [name for name in {**held, **given} if held.get(name) != given.get(name)]
        if other:
            raise InputError(
                "the checkpoint is from the middle of an epoch on other data",
                hint=f"go on with the same arrays: {', '.join(other)} differ",
            )


def save_checkpoint(path: str | PathLike[str], training: Training) -> None:
    """Write training under way to one safetensors file, whole or not at all.

    The file is a model's file too, which `load_model` reads.

    Raises:
        InputError: The file cannot be written, or something of the training cannot be in a file.
    """
    tensors = dict(tensors_of(training.model, training.parameters))
    tensors |= {f"{_OPTIMIZER}{name}": array for name, array in training.state.items()}
    memories: dict[str, dict[str, Any]] = {}
    for callback, memory in training.memories.items():
        memories[callback] = {}
        for name, value in memory.items():
            if isinstance(value, np.ndarray):
                tensors[f"{_CALLBACK}{callback}/{name}"] = value
            else:
                memories[callback][name] = describe(value)
    described = {
        "layout": _LAYOUT,
        **{name: getattr(training, name) for name in _COUNTS},
        "loss": float(training.loss).hex(),
        "total": float(training.total).hex(),
        "weight": float(training.weight).hex(),
        "optimizer": describe(training.optimizer),
        "options": describe(training.options),
        "generator": describe_generator(training.rng),
        "order": describe_generator(training.rng, training.order or None),
        "data": _described_data(training),
        "records": [_described_record(record) for record in training.records],
        "memories": memories,
    }
    metadata = {**model_metadata(training.model), _KEY: print_object(described)}
    write_safetensors(path, tensors, metadata)


def load_checkpoint(path: str | PathLike[str], classes: Iterable[type] = ()) -> Checkpoint:
    """Training as a file holds it.

    Nothing of the file runs.

    Args:
        path: A file that `SaveCheckpoint` wrote.
        classes: Optimisers and schedules of your own that it may name.

    Raises:
        InputError: There is no such file, it is damaged, or it holds no checkpoint.
        UnsupportedError: The model calls a function that is not registered here.

    >>> import tempfile
    >>> import einprop as ep
    >>> from einprop.training import SGD, SaveCheckpoint, fit
    >>> model = ep.layers.Affine(1) >> ep.layers.losses.SquaredError()
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(64, 2))
    >>> data = {"x": x, "t": x[:, :1]}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/run.safetensors"
    ...     _ = fit(model, model.init(rng, x=x), data, SGD(0.1), epochs=3, batch_size=8, rng=rng,
    ...             callbacks=[SaveCheckpoint(path)], verbose=0)
    ...     checkpoint = load_checkpoint(path)
    >>> checkpoint.counts["step"], checkpoint.optimizer == SGD(0.1)
    (24, True)
    >>> history = fit(checkpoint.model, checkpoint.parameters, data, checkpoint.optimizer, epochs=5,
    ...               batch_size=8, rng=checkpoint.rng, resume=checkpoint, verbose=0)
    >>> [record.epoch for record in history.records]
    [1, 2, 3, 4, 5]
    """
    instance("classes", classes, (list, tuple, set, frozenset), "as in classes=[MyOptimiser]")
    arrays, metadata = read_safetensors(path)
    if _KEY not in metadata:
        raise InputError(f"{path} holds no checkpoint", hint="SaveCheckpoint writes such a file")
    with naming_damage(f"the checkpoint in {path}"):
        model, parameters = model_of(arrays, metadata)
        described = parse_object(metadata[_KEY])
        if described.get("layout") != _LAYOUT:
            raise InputError(f"its layout is {described.get('layout')!r}, not {_LAYOUT}")
        return Checkpoint(
            model,
            parameters,
            _below(arrays, _OPTIMIZER),
            _memories(arrays, _dict(described, "memories")),
            tuple(_record(row) for row in _list(described, "records")),
            {name: _count(described, name) for name in _COUNTS},
            described,
            tuple(classes),
        )


def _below(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}


def _memories(arrays: Mapping[str, Array], described: Mapping[str, Any]) -> dict[str, Memory]:
    return {
        callback: {
            **{name: rebuild(value) for name, value in _dict(described, callback).items()},
            **_below(arrays, f"{_CALLBACK}{callback}/"),
        }
        for callback in described
    }


def _copy(array: Array, saved: Array | None, name: str) -> None:
    """Write what was saved into an array."""
    if saved is None:
        raise InputError(f"the checkpoint does not hold {name}")
    if saved.shape != array.shape or saved.dtype != array.dtype:
        raise ShapeError(
            f"{name} is {saved.dtype} of shape {saved.shape} in the checkpoint, "
            f"but {array.dtype} of shape {array.shape} here"
        )
    array[...] = saved


def _described_data(training: Training) -> dict[str, Any]:
    digests = training.digests
    return {
        name: [list(shape), dtype, digests.get(name, "")]
        for name, (shape, dtype) in training.data.items()
    }


def _described_record(record: Record) -> dict[str, Any]:
    held = asdict(record)
    metrics = {name: float(value).hex() for name, value in record.metrics.items()}
    numbers = {n: float(held[n]).hex() for n in ("loss", "seconds", "throughput")}
    return {"epoch": record.epoch, **numbers, "metrics": metrics}


def _record(row: Any) -> Record:
    if not isinstance(row, dict):
        raise InputError("a record of an epoch is no object")
    metrics = {name: _number(value) for name, value in _dict(row, "metrics").items()}
    numbers = {name: _number(row.get(name)) for name in ("loss", "seconds", "throughput")}
    return Record(_count(row, "epoch"), metrics=metrics, **numbers)


def _number(text: Any) -> float:
    try:
        return float.fromhex(text)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{repr(text)[:80]} is no number") from None


def _count(described: Mapping[str, Any], name: str) -> int:
    count = described.get(name)
    if type(count) is not int or not 0 <= count < 2**63:
        raise InputError(f"its {name} is {repr(count)[:80]}")
    return count


def _dict(described: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = described.get(name)
    if not isinstance(found, dict):
        raise InputError(f"its {name} is no object")
    return found


def _list(described: Mapping[str, Any], name: str) -> list[Any]:
    found = described.get(name)
    if not isinstance(found, list):
        raise InputError(f"its {name} is no list")
    return found
