"""Training: shuffled passes over the data, a step of the optimiser for each minibatch."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from einprop.data import minibatches
from einprop.data.batches import count_examples
from einprop.errors import InputError
from einprop.layers import Network
from einprop.layers.model import Model
from einprop.options import check_generator, file_name, flag, instance, integer, mapping
from einprop.program import Program
from einprop.training.callbacks import Callback
from einprop.training.checkpoint import Checkpoint, load_checkpoint
from einprop.training.clipping import Clip
from einprop.training.evaluate import Metric, arrays_of, check_metrics, evaluate, refuse_none
from einprop.training.history import History, Record
from einprop.training.optimizer import Optimizer
from einprop.training.progress import reporter
from einprop.training.step import Step, as_model
from einprop.training.training import Options, Training

__all__ = ["fit"]

_EVALUATED = 256

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]


def fit(
    model: Network | Program | Model,
    parameters: dict[str, Array],
    data: Mapping[str, npt.ArrayLike],
    optimizer: Optimizer,
    *,
    epochs: int,
    batch_size: int,
    rng: np.random.Generator,
    validation: Arrays | None = None,
    metrics: Sequence[Metric] = (),
    training_metrics: bool = False,
    callbacks: Iterable[Callback] = (),
    verbose: bool | int = True,
    clip: Clip | None = None,
    l2: float = 0.0,
    micro_batch: int | None = None,
    resume: str | PathLike[str] | Checkpoint | None = None,
) -> History:
    """Minimise a scalar loss over the parameters, in place.

    Args:
        model: A network that ends in a loss, a program with one scalar output, or a `Model`.
        parameters: Arrays of floats by name, the model's state among them; changed in place. All
            but the state are trained.
        data: Arrays by input name (``x``, ``t``), examples along the first axis.
        optimizer: The rule of a step, such as `SGD`.
        epochs: Passes over the data, each in a new order.
        batch_size: Examples in a minibatch; the last one of an epoch may be smaller.
        rng: Draws the orders, and the noise of the model if it has some.
        validation: Arrays like ``data``, on which each epoch is judged, in evaluation mode.
        metrics: Functions ``metric(prediction, validation["t"])``, such as `error_rate`.
        training_metrics: Whether each epoch is also judged on the training data, in evaluation mode
            and by the parameters at its end: ``training_loss`` and each metric's name after
            ``training_``. This takes one more pass.
        callbacks: Called between steps and epochs, in this order, such as `EarlyStopping`.
        verbose: Reports on the standard error stream: 1 (or True) gives a bar on a terminal and a
            line for each epoch elsewhere, 2 lines, 0 (or False) nothing.
        clip: Clips the gradients, such as `ClipNorm`.
        l2: Lambda of the penalty ``lambda / N`` times the squares of all parameters; see `Step`.
        micro_batch: How many examples are computed at a time; see `Step`.
        resume: A checkpoint, or its file, that `SaveCheckpoint` wrote: training goes on from there,
            to the same parameters to the last bit as without a break. Training that a callback had
            stopped goes on, unless a callback stops it again.

    Returns:
        The loss, the metrics and the seconds of every epoch, those before a checkpoint among them.
        Of an epoch in whose middle a callback stops training, what it came to.

    Raises:
        EinpropError: The loss or a gradient is no longer finite; the message says at which step.
            The parameters are those from before that step, unless a callback such as
            `EarlyStopping` brings better ones back.
        InputError: Parameters, data or a checkpoint do not fit the model.

    >>> import einprop as ep
    >>> rng = np.random.default_rng(0)
    >>> model = ep.layers.Affine(1) >> ep.layers.losses.SquaredError()
    >>> x = rng.normal(size=(64, 2))
    >>> data = {"x": x, "t": x @ [[2.0], [-1.0]] + 3}
    >>> parameters = model.init(rng, x=x)
    >>> history = fit(model, parameters, data, ep.training.SGD(0.1), epochs=40, batch_size=8,
    ...               rng=rng, verbose=False)
    >>> parameters["W"].round(3).tolist(), parameters["B"].round(3).tolist()
    ([[2.0], [-1.0]], [3.0])
    """
    arrays = arrays_of(data)
    if validation is not None:
        validation = arrays_of(validation)
        refuse_none(validation)
    mapping("parameters", parameters, "as init gives them")
    epochs, batch_size = integer("epochs", epochs, 0), integer("batch_size", batch_size)
    check_generator(rng)
    instance("callbacks", callbacks, Iterable, "as in callbacks=[StopAfter(100)]")
    check_metrics(metrics)
    if resume is not None and not isinstance(resume, Checkpoint):
        file_name(resume)
    training_metrics = flag("training_metrics", training_metrics)
    verbose = integer("verbose", int(verbose) if isinstance(verbose, bool) else verbose, 0)
    held = as_model(model, arrays)
    _check(held, parameters, arrays)
    if metrics and held.predictor is None:
        raise InputError(
            "metrics need a prediction, and a program does not say which tensor that is",
            hint="pass Model.of(program, predictor), with a program that computes it",
        )
    fitting = _Fitting(
        Training(
            held,
            parameters,
            optimizer,
            {},
            rng,
            {name: (array.shape, str(array.dtype)) for name, array in arrays.items()},
            batch_size,
            epochs,
            Options(clip, l2, micro_batch),
            arrays=arrays,
        ),
        validation,
        metrics,
        training_metrics,
        callbacks,
        reporter(verbose),
    )
    return fitting.run(resume)


class _Fitting:
    """The loop: training, and what it does not need to remember."""

    def __init__(
        self,
        training: Training,
        validation: Arrays | None,
        metrics: Sequence[Metric],
        training_metrics: bool,
        callbacks: Iterable[Callback],
        reporter: Callback,
    ) -> None:
        self.training = training
        self.validation = validation
        self.metrics = metrics
        self.training_metrics = training_metrics
        named = sorted(_named(callbacks), key=lambda item: item[1].last)
        self.reporter = reporter
        self.callbacks = named
        self.step = self._new_step()
        training.state = self.step.start(training.parameters)

    def run(self, resume: str | PathLike[str] | Checkpoint | None) -> History:
        """Begin, or go on from a checkpoint, and train to the end."""
        training = self.training
        if resume is not None:
            kinds = [type(training.optimizer)]
            found = resume if isinstance(resume, Checkpoint) else load_checkpoint(resume, kinds)
            found.restore(training)
        try:
            self._tell("begin")
            while self._goes_on:
                self._run_epoch()
        except BaseException:
            self._end()
            raise
        self._end()
        return training.history

    @property
    def _goes_on(self) -> bool:
        """Whether there is an epoch to take steps of, or one that began to record."""
        training = self.training
        if training.stopped:
            recorded = training.records[-1].epoch if training.records else 0
            return training.batch > 0 and recorded <= training.epoch
        return training.batch > 0 or training.epoch < training.epochs

    def _end(self) -> None:
        try:
            for name, callback in self.callbacks:
                callback.finish(self.training, self.training.memories.setdefault(name, {}))
        finally:
            self.reporter.finish(self.training, {})

    def _run_epoch(self) -> None:
        training, began, before = self.training, time.perf_counter(), self.training.seen
        for batch in self._batches():
            if training.stopped:
                break
            self._take(batch)
        speed = (training.seen - before) / max(time.perf_counter() - began, 1e-9)
        loss, values = training.mean_loss, self._judge()
        seconds = time.perf_counter() - began
        training.records.append(Record(training.epoch + 1, loss, values, seconds, speed))
        if training.batch < training.batches:
            # It stopped on the way: this epoch is recorded, but not over.
            self.reporter.after_epoch(training, {})
            return
        training.epoch += 1
        training.batch, training.seen, training.total, training.weight = 0, 0, 0.0, 0.0
        self._tell("after_epoch")

    def _batches(self) -> Iterator[dict[str, Array]]:
        """The rest of the epoch; its order is the one that was drawn when it began."""
        training, generator = self.training, self.training.rng.bit_generator
        if not training.batch:
            training.order = generator.state
            return minibatches(training.arrays, training.batch_size, training.rng)
        now = generator.state
        generator.state = training.order
        batches = minibatches(training.arrays, training.batch_size, training.rng)
        generator.state = now
        return islice(batches, training.batch, None)

    def _take(self, batch: Arrays) -> None:
        """Take a step, and tell of it."""
        training = self.training
        if training.optimizer is not self.step.optimizer:
            self.step = self._new_step()
        training.loss, weight = self.step.weighed(
            training.parameters, training.state, batch, training.rng, training.epoch
        )
        size = len(next(iter(batch.values())))
        training.step += 1
        training.batch += 1
        training.seen += size
        training.total += training.loss * weight
        training.weight += weight
        self._tell("after_step")

    def _judge(self) -> dict[str, float]:
        """The metrics of the training data, where wanted, and of the validation data, by name."""
        values = {}
        if self.training_metrics:
            found = self._evaluated(self.training.arrays)
            values = {f"training_{name}": value for name, value in found.items()}
        if self.validation is not None:
            found = self._evaluated(self.validation)
            values |= {"validation_loss": found.pop("loss"), **found}
        return values

    def _evaluated(self, data: Arrays) -> dict[str, float]:
        training = self.training
        size = max(training.batch_size, _EVALUATED)
        return evaluate(training.model, training.parameters, data, self.metrics, batch_size=size)

    def _new_step(self) -> Step:
        training, options = self.training, self.training.options
        return Step(
            training.model,
            training.optimizer,
            parameters=[n for n in training.parameters if n not in training.model.state],
            clip=options.clip,
            l2=options.l2,
            examples=training.examples,
            micro_batch=options.micro_batch,
        )

    def _tell(self, event: str) -> None:
        for name, callback in self.callbacks:
            getattr(callback, event)(self.training, self.training.memories.setdefault(name, {}))
        getattr(self.reporter, event)(self.training, {})


def _named(callbacks: Iterable[Callback]) -> Iterator[tuple[str, Callback]]:
    """Each callback after its name: its class's, with a number from the second of a class on."""
    count: Counter[str] = Counter()
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise InputError(
                f"{callback!r} is no callback", hint="a callback is of a subclass of Callback"
            )
        name = type(callback).__name__
        count[name] += 1
        yield (name if count[name] == 1 else f"{name}{count[name]}"), callback


def _check(model: Model, parameters: Arrays, data: Arrays) -> None:
    for name, array in parameters.items():
        if model.state.get(name) == name:  # A table, which no step changes.
            continue
        if not isinstance(array, np.ndarray) or not np.issubdtype(array.dtype, np.floating):
            kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
            raise InputError(
                f"parameter {name} is {kind}; it cannot be trained in place",
                hint="parameters are numpy arrays of floats",
            )
    inputs = model.program.inputs
    known = {*parameters, *data, *model.noise}
    missing = [name for name in inputs if name not in known]
    if missing:
        raise InputError(
            f"no array for {', '.join(missing)}", hint=f"the model reads {', '.join(inputs)}"
        )
    if not count_examples(data):
        raise InputError("there are no examples to learn from", hint="the arrays have 0 rows")
