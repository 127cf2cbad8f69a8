"""Evaluation: the loss and the metrics of a model on data that it does not learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from einprop.errors import InputError
from einprop.layers import Network
from einprop.layers.model import Model
from einprop.program import Program
from einprop.training.optimizer import Array
from einprop.training.step import as_model

__all__ = ["Metric", "evaluate", "predict"]

Metric = Callable[[Any, Any], float]
"""A function of predictions and targets."""


def evaluate(
    model: Network | Program | Model,
    parameters: Mapping[str, Array],
    data: Mapping[str, Array],
    metrics: Sequence[Metric] = (),
    *,
    batch_size: int = 256,
) -> dict[str, float]:
    """The loss and the metrics on some data, in evaluation mode.

    Args:
        model: A network that ends in a loss, a program with one scalar output, or a `Model`.
        parameters: Arrays by name, the model's state among them.
        data: Arrays by input name (``x``, ``t``), examples along the first axis.
        metrics: Functions ``metric(prediction, data["t"])`` of all examples together.
        batch_size: How many examples are computed at a time.

    Returns:
        ``loss``, the mean over the batches by their sizes, and each metric by its name.

    Raises:
        InputError: Something is missing: data, a prediction, or ``t`` for the metrics.

    >>> import einprop as ep
    >>> model = ep.layers.Affine(2) >> ep.layers.losses.CrossEntropy()
    >>> parameters = {"W": np.eye(2), "B": np.zeros(2)}
    >>> data = {"x": 5 * np.eye(2), "t": np.eye(2)}
    >>> evaluate(model, parameters, data, [ep.training.error_rate])["error_rate"]
    0.0
    """
    held = as_model(model, data)
    total = examples = 0.0
    for batch in _portions(data, batch_size):
        size = len(next(iter(batch.values())))
        tensors = {**parameters, **batch}
        loss = held.evaluation(_read(held.evaluation, tensors))
        total, examples = total + float(loss) * size, examples + size
    values = {"loss": total / max(examples, 1)}
    if metrics:
        if "t" not in data:
            raise InputError("metrics compare with targets, and the data have no t")
        prediction = predict(held, parameters, data, batch_size=batch_size)
        for metric in metrics:
            name = getattr(metric, "__name__", type(metric).__name__)
            values[name] = float(metric(prediction, data["t"]))
    return values


def predict(
    model: Network | Program | Model,
    parameters: Mapping[str, Array],
    data: Mapping[str, Array],
    *,
    batch_size: int = 256,
) -> Array:
    """What a model says of some data, in evaluation mode.

    Args:
        model: A network, with or without its loss, or a `Model` with a predictor.
        parameters: Arrays by name, the model's state among them.
        data: Arrays by input name, examples along the first axis; those that no prediction needs may
            be there.
        batch_size: How many examples are computed at a time.

    Returns:
        Predictions, examples along the first axis.

    Raises:
        InputError: The model does not say which tensor is its prediction, or an input is missing.

    >>> import einprop as ep
    >>> predict(ep.layers.Affine(2), {"W": np.eye(2), "B": np.ones(2)}, {"x": np.zeros((1, 2))})
    array([[1., 1.]])
    """
    predictor = as_model(model, data).predictor
    if predictor is None:
        raise InputError(
            "metrics need a prediction, and a program does not say which tensor that is",
            hint="pass Model.of(program, predictor), with a program that computes it",
        )
    parts = [
        predictor(_read(predictor, {**parameters, **batch}))
        for batch in _portions(data, batch_size)
    ]
    return np.concatenate(parts)


def _portions(data: Mapping[str, Array], batch_size: int) -> Iterator[dict[str, Array]]:
    """The data in their order, so many examples at a time; all at once if there are none."""
    length = len(next(iter(data.values()), ()))
    for start in range(0, max(length, 1), batch_size):
        yield {name: array[start : start + batch_size] for name, array in data.items()}


def _read(program: Program, tensors: Mapping[str, Any]) -> dict[str, Any]:
    missing = [name for name in program.inputs if name not in tensors]
    if missing:
        raise InputError(
            f"no array for {', '.join(missing)}",
            hint=f"the model reads {', '.join(program.inputs)}",
        )
    return {name: tensors[name] for name in program.inputs}
