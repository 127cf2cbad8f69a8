"""Evaluation: the loss and the metrics of a model on data that it does not learn from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from einprop.arguments import by_name
from einprop.data.batches import count_examples, rows_of
from einprop.errors import InputError
from einprop.layers import Network
from einprop.layers.model import Model
from einprop.options import instance, integer, mapping
from einprop.program import Program
from einprop.training.assemble import loss_of, weight_of
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
        ``loss``, the mean over the batches by their sizes (or by ``loss.weight``, see `Step`), and
        each metric by its name.

    Raises:
        InputError: Something is missing: data, examples, a prediction, or ``t`` for the metrics; or
            the arrays differ in their number of examples.

    >>> import einprop as ep
    >>> model = ep.layers.Affine(2) >> ep.layers.losses.CrossEntropy()
    >>> parameters = {"W": np.eye(2), "B": np.zeros(2)}
    >>> data = {"x": 5 * np.eye(2), "t": np.eye(2)}
    >>> evaluate(model, parameters, data, [ep.training.error_rate])["error_rate"]
    0.0
    """
    data = arrays_of(data)
    refuse_none(data)
    check_metrics(metrics)
    held = as_model(model, data)
    batch_size = integer("batch_size", batch_size)
    mapping("parameters", parameters, "as init gives them")
    values = {"loss": _mean_loss(held, parameters, data, batch_size)}
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
    data = arrays_of(data)
    count_examples(data)
    batch_size = integer("batch_size", batch_size)
    mapping("parameters", parameters, "as init gives them")
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


def arrays_of(data: Mapping[str, Any]) -> dict[str, Array]:
    """Data as arrays by input name.

    Raises:
        InputError: They are not by name, or one is no array of numbers.
    """
    hint = "as in {'x': x, 't': t}, examples along the first axis"
    return {n: rows_of(n, array) for n, array in mapping("data", data, hint).items()}


def check_metrics(metrics: Sequence[Metric]) -> None:
    """Refuse what is no sequence of functions.

    Raises:
        InputError: It says what is none.
    """
    instance("metrics", metrics, (list, tuple), "a list, as in metrics=[accuracy]")
    for metric in metrics:
        if not callable(metric):
            raise InputError(f"{metric!r} is no metric", hint="as in metrics=[accuracy]")


def refuse_none(data: Mapping[str, Array]) -> None:
    """Refuse data without examples to judge by.

    Raises:
        InputError: There are none, or the arrays differ in their number.
    """
    if not count_examples(data):
        raise InputError("there are no examples to judge by", hint="the arrays have 0 rows")


def _mean_loss(
    model: Model, parameters: Mapping[str, Array], data: Mapping[str, Array], batch_size: int
) -> float:
    program, loss, weight = _judging(model.evaluation)
    total = counted = 0.0
    for batch in _portions(data, batch_size):
        found = by_name(program(_read(program, {**parameters, **batch})), program.outputs)
        counts = float(found[weight]) if weight else len(next(iter(batch.values())))
        # A batch in which nothing counts has no mean, and adds nothing.
        total, counted = total + (counts and counts * float(found[loss])), counted + counts
    return total / counted if counted else math.nan


@lru_cache(maxsize=64)
def _judging(evaluation: Program) -> tuple[Program, str, str | None]:
    """What is run on each batch, and its outputs: the loss, and how much it counts if it says so."""
    loss = loss_of(Model.of(evaluation))
    weight = weight_of(evaluation, loss)
    outputs = (loss,) if weight is None else (loss, weight)
    return evaluation.followed_by([], outputs), loss, weight


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
