"""Training: shuffled passes over the data, a step of the optimiser for each minibatch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from einprop.data import minibatches
from einprop.errors import EinpropError, InputError
from einprop.layers import Network
from einprop.program import Program
from einprop.training.history import History, Record
from einprop.training.optimizers import Optimizer, State
from einprop.training.progress import Progress, reporter

__all__ = ["fit"]

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]
Metric = Callable[[Any, Any], float]


def fit(
    model: Network | Program,
    parameters: dict[str, Array],
    data: Arrays,
    optimizer: Optimizer,
    *,
    epochs: int,
    batch_size: int,
    rng: np.random.Generator,
    validation: Arrays | None = None,
    metrics: Sequence[Metric] = (),
    predict: Network | Program | None = None,
    progress: bool = True,
) -> History:
    """Minimise a scalar loss over the parameters, in place.

    Args:
        model: A network that ends in a loss, or a program with one scalar output.
        parameters: Arrays of floats by name; they are changed in place.
        data: Arrays by input name (``x``, ``t``), examples along the first axis.
        optimizer: The rule of a step, such as `SGD`.
        epochs: Passes over the data, each in a new order.
        batch_size: Examples in a minibatch; the last one of an epoch may be smaller.
        rng: Draws the orders.
        validation: Arrays like ``data``, on which each epoch is judged.
        metrics: Functions ``metric(prediction, validation["t"])``, such as `error_rate`.
        predict: Computes the prediction; by default the network without its loss.
        progress: Report on the standard error stream.

    Returns:
        The loss, the metrics and the seconds of every epoch.

    Raises:
        EinpropError: The loss is no longer finite; the message says at which step. The parameters
            are those from before that step.
        InputError: Parameters or data do not fit the model.

    >>> import einprop as ep
    >>> rng = np.random.default_rng(0)
    >>> model = ep.layers.Affine(1) >> ep.layers.losses.SquaredError()
    >>> x = rng.normal(size=(64, 2))
    >>> data = {"x": x, "t": x @ [[2.0], [-1.0]] + 3}
    >>> parameters = model.init(rng, x=x)
    >>> history = fit(model, parameters, data, ep.training.SGD(0.1), epochs=40, batch_size=8,
    ...               rng=rng, progress=False)
    >>> parameters["W"].round(3).tolist(), parameters["B"].round(3).tolist()
    ([[2.0], [-1.0]], [3.0])
    """
    program = model.program if isinstance(model, Network) else model
    _check(program, parameters, data, epochs, batch_size)
    evaluation = _Evaluation(
        program, _predictor(model, predict) if metrics else None, metrics, validation
    )
    length = len(next(iter(data.values())))
    report = reporter(epochs * -(-length // batch_size), progress)
    descent = _Descent(
        program.value_and_grad(wrt=tuple(parameters)),
        parameters,
        optimizer,
        optimizer.start(parameters),
        report,
    )
    records = []
    with closing(report):
        for epoch in range(epochs):
            began = time.perf_counter()
            batches = minibatches(data, batch_size, rng)
            loss = descent.run_epoch(epoch, batches)
            values = evaluation.judge(parameters)
            records.append(Record(epoch + 1, loss, values, time.perf_counter() - began))
            report.epoch(records[-1])
    return History(tuple(records))


@dataclass(frozen=True, slots=True)
class _Descent:
    """What stays the same from step to step."""

    value_and_grad: Callable[[Arrays], tuple[Any, Arrays]]
    parameters: dict[str, Array]
    optimizer: Optimizer
    state: State
    reporter: Progress

    def run_epoch(self, epoch: int, batches: Iterator[Arrays]) -> float:
        """Learn from every batch; the mean of the loss over the examples."""
        total, examples = 0.0, 0
        for number, batch in enumerate(batches):
            value, gradients = self.value_and_grad({**self.parameters, **batch})
            loss = float(value)
            if not math.isfinite(loss):
                raise EinpropError(
                    f"the loss is {loss} in epoch {epoch + 1}, batch {number + 1}",
                    hint="the parameters are those from before this step; a smaller learning rate, "
                    "smaller first weights or scaled inputs may help",
                )
            self.optimizer.step(self.parameters, gradients, self.state, epoch)
            size = len(next(iter(batch.values())))
            total, examples = total + loss * size, examples + size
            self.reporter.step(loss)
        return total / max(examples, 1)


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """How an epoch is judged."""

    program: Program
    predict: Program | None
    metrics: Sequence[Metric]
    validation: Arrays | None

    def judge(self, parameters: Arrays) -> dict[str, float]:
        """The metrics of the validation data by name."""
        if self.validation is None:
            return {}
        tensors = {**parameters, **self.validation}
        values = {"validation_loss": float(self.program(tensors))}
        if self.predict is not None:
            prediction = self.predict({name: tensors[name] for name in self.predict.inputs})
            for metric in self.metrics:
                name = getattr(metric, "__name__", type(metric).__name__)
                values[name] = float(metric(prediction, self.validation["t"]))
        return values


def _predictor(model: Network | Program, predict: Network | Program | None) -> Program:
    chosen = model.predictor if predict is None and isinstance(model, Network) else predict
    if chosen is None:
        raise InputError(
            "metrics need a prediction, and a program does not say which tensor that is",
            hint="pass predict=, a program or network that computes it",
        )
    return chosen.program if isinstance(chosen, Network) else chosen


def _check(
    program: Program, parameters: Arrays, data: Arrays, epochs: int, batch_size: int
) -> None:
    for name, array in parameters.items():
        if not isinstance(array, np.ndarray) or not np.issubdtype(array.dtype, np.floating):
            kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
            raise InputError(
                f"parameter {name} is {kind}; it cannot be trained in place",
                hint="parameters are numpy arrays of floats",
            )
    missing = [name for name in program.inputs if name not in parameters and name not in data]
    if missing:
        raise InputError(
            f"no array for {', '.join(missing)}",
            hint=f"the model reads {', '.join(program.inputs)}",
        )
    if len(program.outputs) != 1:
        raise InputError(
            f"the model has the outputs {', '.join(program.outputs)}; "
            "training needs one scalar loss",
            hint="end the network with a loss, or name the loss in outputs=",
        )
    if epochs < 0 or batch_size < 1 or not data:
        raise InputError("epochs must be 0 or more, batch_size 1 or more, and data not empty")
