"""Step: forward, backward, clipping and update as one program, compiled once, run in place."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np

from einprop.arguments import Names, as_names, by_name, shape_of
from einprop.compiled import Compiled
from einprop.errors import EinpropError, InputError
from einprop.layers import Network
from einprop.layers.model import Model
from einprop.options import instance, integer, mapping, within
from einprop.program import Program
from einprop.training.assemble import Assembly
from einprop.training.clipping import Clip
from einprop.training.optimizer import Array, Optimizer, State, slot_of, steps_of

__all__ = ["Step", "as_model"]


class Step:
    """A step of training: one program in the language, which changes the arrays that it is given.

    Args:
        model: What is trained; its scalar output is the loss, a mean over the examples of a batch.
            Where a batch counts by something else than its examples, such as those that a mask
            leaves, a scalar ``loss.weight`` of the program says how much.
        optimizer: How a gradient changes a parameter.
        parameters: Names of the inputs that are trained; by default the program's parameters. The
            others of the program's parameters stay as they are.
        clip: `ClipValue` or `ClipNorm`, applied to the gradients before the optimiser sees them.
        l2: Lambda of a penalty on the parameters: ``lambda / N`` times the sum of the squares of all
            of them is added to the loss. An optimiser's weight decay is apart from this: it is no
            part of the loss.
        examples: N, the number of training examples (not of those in a batch).
        micro_batch: How many examples are computed at a time, so that a batch may be larger than
            memory: gradients are gathered over the parts of the batch, then the parameters change
            once. What a layer computes over a batch, such as the mean of batch normalisation, is
            then that of a part. By default the batch is computed whole.

    Attributes:
        program: The step as a program: the loss and the new values of all that changes. With micro
            batches, the one that gathers gradients.
        update: With micro batches, the program that changes the parameters; else None.

    Raises:
        InputError: The model has no parameters or not one scalar loss, or a number does not fit.

    >>> from einprop.training import SGD
    >>> step = Step(Program("loss = mean[b]((x[b] w - t[b])^2)", params="w"), SGD(0.25))
    >>> print(step.program)
    param w
    loss = mean[b]((x[b] w - t[b])^2)
    loss.grad = 1
    w.grad += 2 loss.grad mean[b]((x[b] w - t[b]) x[b])
    step.guard = loss + w.grad
    w.new = w - sgd.learning_rate w.grad
    output loss, step.guard, w.new
    >>> parameters = {"w": np.array(0.0)}
    >>> state = step.start(parameters)
    >>> step(parameters, state, {"x": [1.0, 1.0], "t": [2.0, 4.0]})
    10.0
    >>> parameters
    {'w': array(1.5)}
    """

    def __init__(
        self,
        model: Model | Network | Program,
        optimizer: Optimizer,
        *,
        parameters: Names = None,
        clip: Clip | None = None,
        l2: float = 0.0,
        examples: int | None = None,
        micro_batch: int | None = None,
    ) -> None:
        self.model = as_model(model)
        instance("optimizer", optimizer, Optimizer, "as in SGD(0.1)")
        self.optimizer = optimizer
        self.clip = clip
        self.l2 = l2
        self.examples = examples
        self.micro_batch = micro_batch
        self._check_numbers()
        self.parameters = self._trained(parameters)
        assembly = Assembly(self.model, optimizer, self.parameters, clip, bool(l2))
        self._assembly = assembly
        run = assembly.fused if micro_batch is None else assembly.gathering
        self.program = run.program
        self.update = None if micro_batch is None else assembly.update.program
        self._first = run.compile()
        self._second = None if micro_batch is None else assembly.update.compile()
        self._inputs = frozenset(run.program.inputs)
        self._shapes = lru_cache(64)(self._noise_shapes)

    def __reduce__(self) -> tuple[Any, ...]:
        # Plans are compiled anew where they are needed.
        options: dict[str, Any] = {
            "parameters": self.parameters,
            "clip": self.clip,
            "l2": self.l2,
            "examples": self.examples,
            "micro_batch": self.micro_batch,
        }
        return partial(Step, self.model, self.optimizer, **options), ()

    def start(self, parameters: Mapping[str, Array]) -> State:
        """What the optimiser remembers before the first step: arrays by name.

        Raises:
            InputError: A parameter is missing.
        """
        held = self._held(parameters)
        return self.optimizer.start({name: held[name] for name in self.parameters})

    def __call__(
        self,
        parameters: Mapping[str, Array],
        state: State,
        batch: Mapping[str, Any],
        rng: np.random.Generator | None = None,
        epoch: int = 0,
    ) -> float:
        """Take a step: change the parameters, the model's state and the optimiser's in place.

        Args:
            parameters: The parameters and the model's state: numpy arrays of floats by name.
            state: The optimiser's, from `start`.
            batch: The other inputs by name, examples along the first axis. Floats are computed with
                in the parameters' dtype.
            rng: Draws the noise; needed where the model has some.
            epoch: Counted from 0, for schedules.

        Returns:
            The loss before the step, the penalty included.

        Raises:
            EinpropError: The loss or a gradient is infinite or not a number; nothing has changed then:
                not the parameters, nor the model's state, nor the optimiser's.
            InputError: An array is missing, unknown, or cannot be changed in place.
            ShapeError: Shapes disagree.
        """
        return self.weighed(parameters, state, batch, rng, epoch)[0]

    def weighed(
        self,
        parameters: Mapping[str, Array],
        state: State,
        batch: Mapping[str, Any],
        rng: np.random.Generator | None = None,
        epoch: int = 0,
    ) -> tuple[float, float]:
        """Take a step as a call does; gives the loss, and how much it counts in a mean over batches.

        That is the model's ``loss.weight``, or else the number of the batch's examples.
        """
        mapping("the batch's arrays", batch, "as in {'x': x, 't': t}")
        mapping("what the optimiser remembers", state, "as step.start(parameters) gives it")
        integer("epoch", epoch, 0)
        held = self._held(parameters)
        slots = {name: slot_of(state, name) for name in self._assembly.slots}
        taken = steps_of(state)
        numbers = self._numbers(epoch, int(taken))
        taking = self._whole if self._second is None else self._gathered
        try:
            found = taking(held, {**slots, **numbers}, batch, rng)
        except _NotFiniteError as error:
            raise EinpropError(
                f"{error} in epoch {epoch + 1}, step {int(taken) + 1}",
                hint="the step has changed nothing; a smaller learning rate, smaller first weights "
                "or scaled inputs may help",
            ) from None
        taken += 1
        return found

    # The call.

    def _held(self, parameters: Mapping[str, Array]) -> dict[str, Array]:
        """The arrays of the model: what is trained, its state, and what stays as it is."""
        mapping("parameters", parameters, "as init gives them")
        names = (*self.parameters, *self.model.state)
        missing = [name for name in names if name not in parameters]
        names += tuple(name for name in self.model.program.params if name in parameters)
        if missing:
            raise InputError(
                f"no array for {', '.join(missing)}",
                hint="parameters hold what is trained and the state of the model, as init gives it",
            )
        return {name: parameters[name] for name in names}

    def _numbers(self, epoch: int, step: int) -> dict[str, float]:
        """What the equations read apart from arrays."""
        members = self.optimizer.members(self.parameters)
        numbers: dict[str, float] = {}
        for (member, _), part in zip(members, self._assembly.parts, strict=True):
            numbers |= part.numbers(member, epoch, step)
        if self.clip is not None:
            numbers[f"{self._assembly.name('gradient')}.limit"] = self.clip.limit
        if self.examples is not None and self.l2:
            prefix = self._assembly.name("l2")
            numbers |= {f"{prefix}.lambda": self.l2, f"{prefix}.examples": self.examples}
        return numbers

    def _whole(
        self,
        held: Mapping[str, Array],
        others: Mapping[str, Any],
        batch: Mapping[str, Any],
        rng: np.random.Generator | None,
    ) -> tuple[float, float]:
        """The loss and the weight of a batch that is computed at once, after the update."""
        given = self._given({**held, **others}, batch, rng)
        results = self._first(given)
        loss, weight = self._judged(results, _examples(batch))
        if not math.isfinite(results[self._assembly.guard]):
            # Either something is not finite and nothing has changed, or the sum alone ran over.
            _check_loss(loss, weight)
            program, gradients = self._assembly.gradients
            found = by_name(program({n: given[n] for n in program.inputs}), program.outputs)
            _check_gradients({name: found[gradients[name]] for name in self.parameters})
            self._unguarded(given)
        return loss, weight

    def _judged(self, results: Mapping[str, Any], examples: float) -> tuple[float, float]:
        """The loss and the weight of what was computed."""
        weight = self._assembly.weight
        counts = examples if weight is None else float(results[weight])
        return float(results[self._assembly.objective]), counts

    @cached_property
    def _unguarded(self) -> Compiled:
        return replace(self._assembly.fused, guard=None).compile()

    def _given(
        self,
        tensors: Mapping[str, Any],
        batch: Mapping[str, Any],
        rng: np.random.Generator | None,
    ) -> dict[str, Any]:
        """What the first program reads, for a batch or a part of one."""
        dtype = np.asarray(tensors[self.parameters[0]]).dtype
        data = {name: _cast(value, dtype) for name, value in batch.items()}
        given = {n: array for n, array in tensors.items() if n in self._inputs}
        noise = self._noise(given, data, rng, dtype) if self.model.noise else {}
        return {**given, **noise, **data}

    def _noise(
        self,
        given: Mapping[str, Any],
        data: Mapping[str, Array],
        rng: np.random.Generator | None,
        dtype: np.dtype[Any],
    ) -> dict[str, Array]:
        """New noise of the shapes that go with the arrays."""
        known = {**given, **data}
        shapes = self._shapes(
            tuple((n, np.shape(known[n])) for n in self.model.program.inputs if n in known)
        )
        return self.model.draw_noise(shapes, rng, dtype)

    def _noise_shapes(
        self, known: tuple[tuple[str, tuple[int, ...]], ...]
    ) -> Mapping[str, tuple[int, ...]]:
        return self.model.program.shapes(dict(known))

    def _gathered(
        self,
        held: Mapping[str, Array],
        others: Mapping[str, Any],
        batch: Mapping[str, Any],
        rng: np.random.Generator | None,
    ) -> tuple[float, float]:
        """The loss and the weight of a batch that is computed in parts, after the update."""
        assert self._second is not None
        assert self.update is not None
        assembly, loss, counted = self._assembly, 0.0, 0.0
        totals = {assembly.total(name): np.zeros_like(held[name]) for name in self.parameters}
        before = {name: held[name].copy() for name in assembly.states.values()}
        share = f"{assembly.name('batch')}.share"
        tensors = {**held, **others, **totals}
        try:
            for part, portion in self._portions(batch):
                given = self._given({**tensors, share: portion}, part, rng)
                found, weight = self._judged(self._first(given), portion)
                # A part in which nothing counts has no mean, and adds nothing.
                loss, counted = loss + (weight and weight * found), counted + weight
            if assembly.weight is not None:
                loss = loss / counted if counted else math.nan
                for total in totals.values():
                    np.divide(total, counted or math.nan, out=total)
            _check_loss(loss, counted)
            _check_gradients({name: totals[assembly.total(name)] for name in self.parameters})
            self._second({name: tensors[name] for name in self.update.inputs})
        except BaseException:
            for name, array in before.items():
                held[name][...] = array
            raise
        return loss, _examples(batch) if assembly.weight is None else counted

    def _portions(self, batch: Mapping[str, Any]) -> Iterator[tuple[dict[str, Array], float]]:
        """The parts of a batch, each with the portion of the examples that it has."""
        assert self.micro_batch is not None
        arrays = {name: np.asarray(value) for name, value in batch.items()}
        lengths = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
        length = next(iter(lengths.values()), 0)
        if not length or len(set(lengths.values())) > 1:
            found = ", ".join(f"{name} has {n}" for name, n in lengths.items())
            raise InputError(
                f"the batch cannot be cut into micro batches: {found or 'it is empty'}",
                hint="every array has the batch's examples along its first axis",
            )
        for start in range(0, length, self.micro_batch):
            part = {n: array[start : start + self.micro_batch] for n, array in arrays.items()}
            yield part, len(next(iter(part.values()))) / length

    # What was asked for.

    def _trained(self, parameters: Names) -> tuple[str, ...]:
        program = self.model.program
        names = program.params
        if parameters is not None:
            names = as_names(parameters, "parameters", InputError, program.inputs)
        unknown = [name for name in names if name not in program.inputs]
        if unknown or not names:
            what = f"{unknown[0]} is no input of the model" if unknown else "there is no parameter"
            raise InputError(
                f"{what}, so nothing can be trained",
                hint=f"the model reads {', '.join(program.inputs)}; say which are params",
            )
        return names

    def _check_numbers(self) -> None:
        within("l2", self.l2, 0)
        if self.l2 and (self.examples is None or integer("examples", self.examples, 0) < 1):
            raise InputError(
                f"the penalty is divided by the number of training examples, not {self.examples}",
                hint="as in Step(…, l2=0.1, examples=len(data['x']))",
            )
        if self.micro_batch is not None:
            integer("micro_batch", self.micro_batch)
        if self.clip is not None:
            instance("clip", self.clip, Clip, "as in ClipNorm(1.0)")


def as_model(model: Model | Network | Program, data: Mapping[str, Array] | None = None) -> Model:
    """A model from whatever can be trained.

    Args:
        model: It.
        data: What it will be trained on or applied to; a network is the one for as many axes as
            their ``x`` has.

    Raises:
        InputError: It is neither a network, a program nor a model.
    """
    if isinstance(model, Model):
        return model
    if isinstance(model, Network):
        return model.for_axes(len(shape_of("x", data["x"])) if data and "x" in data else None).model
    if isinstance(model, Program):
        return Model.of(model)
    raise InputError(
        f"a {type(model).__name__} cannot be trained", hint="pass a Network, a Program or a Model"
    )


class _NotFiniteError(Exception):
    """A loss or a gradient that is infinite or not a number."""


def _examples(batch: Mapping[str, Any]) -> int:
    return next((len(array) for array in batch.values() if np.ndim(array)), 1)


def _check_loss(loss: float, weight: float) -> None:
    if not weight:
        raise _NotFiniteError("no example of the batch counts: its weight is 0")
    if not math.isfinite(loss):
        raise _NotFiniteError(f"the loss is {loss}")


def _check_gradients(gradients: Mapping[str, Array]) -> None:
    for name, gradient in gradients.items():
        wrong = np.asarray(gradient)[~np.isfinite(gradient)]
        if wrong.size:
            raise _NotFiniteError(f"the gradient of {name} is {wrong.flat[0]}")


def _cast(value: Any, dtype: np.dtype[Any]) -> Any:
    """Data in the parameters' dtype; what is no array of floats stays."""
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or value.dtype == dtype:
        return value
    return value.astype(dtype)
