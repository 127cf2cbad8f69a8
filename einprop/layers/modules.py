"""Modules: layers that keep what they computed, so that ``fprop`` and ``bprop`` go one by one.

A layer is a value and a network compiles as a whole; this is the other way to write one, as exercises
do. A module owns its parameters, remembers its last ``fprop``, and its ``bprop`` runs the equations
that the compiler derives from the layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from einprop.data import one_hot
from einprop.errors import InputError
from einprop.layers.layer import Loss
from einprop.layers.network import Network
from einprop.layers.per_example import per_example
from einprop.program import Program
from einprop.propagation import Propagation

__all__ = ["Criterion", "Module", "modules"]

Array = npt.NDArray[Any]


class Module:
    """A layer (or a whole network) with ``fprop``, ``bprop``, ``params`` and ``grads``.

    Args:
        layer: What it computes.
        rng: Draws the parameters' first values, and the noise of layers such as dropout; not needed
            for a layer without either.
        parameters: The parameters (and state) by name, instead of drawn ones. They are not copied.
        dtype: Of what is drawn.
        **data: Shapes of inputs (or arrays), from which those of the parameters follow:
            ``x=(100, 784)``.

    Attributes:
        layer: What it computes.
        parameters: Arrays by name; change them in place to learn.
        state: Arrays that ``fprop`` replaces while training, such as running means.
        gradients: By name, those of the parameters and of further inputs, as the last ``bprop``
            found them.
        training: Whether ``fprop`` draws noise and replaces state; set it to False to evaluate.

    Raises:
        InputError: The layer draws something, but neither ``rng`` nor ``parameters`` is given; or
            it ends in a loss, which is a `Criterion`.

    >>> from einprop.layers import Affine
    >>> module = Module(Affine(2), parameters={"W": np.eye(3)[:, :2], "B": np.zeros(2)})
    >>> module.fprop([[1.0, 2.0, 3.0]]).tolist()
    [[1.0, 2.0]]
    >>> module.bprop([[1.0, 10.0]]).tolist()
    [[1.0, 10.0, 0.0]]
    >>> [gradient.tolist() for gradient in module.grads()]
    [[[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]], [1.0, 10.0]]
    """

    def __init__(
        self,
        layer: Network,
        rng: np.random.Generator | None = None,
        *,
        parameters: Mapping[str, Array] | None = None,
        dtype: npt.DTypeLike | None = None,
        **data: tuple[int, ...] | npt.ArrayLike,
    ) -> None:
        if isinstance(layer.layers[-1], Loss):
            raise InputError(f"{layer!r} ends in a loss", hint="make the loss a Criterion")
        self.layer = layer
        self.training = True
        found = _parameters(layer, rng, parameters, dtype, data)
        self.state = {n: array for n, array in found.items() if n not in layer.program.params}
        self.parameters = {n: array for n, array in found.items() if n not in self.state}
        self.gradients: dict[str, Array] = {}
        self._rng = rng
        self._propagations: dict[tuple[int, bool], Propagation] = {}
        self._last: Propagation | None = None

    def fprop(self, x: npt.ArrayLike, **further: npt.ArrayLike) -> Array:
        """The layer's output, kept for ``bprop`` with all that it needs.

        Args:
            x: What enters; it may have further axes, which are batch axes.
            **further: Other inputs that the layer reads.

        Raises:
            ShapeError: Shapes do not fit the layer.
            InputError: An input is missing or unknown.
        """
        last = self._last = self._propagation(np.ndim(x))
        own = {
            n: a for n, a in {**self.parameters, **self.state}.items() if n in last.forward.inputs
        }
        tensors = {"x": x, **further, **own}
        value = last.fprop({**tensors, **self._noise(last.forward, tensors)})
        for name, new in self.layer.model.state.items():
            self.state[name] = last.kept.get(new, self.state[name])
        return value

    def bprop(self, cotangent: npt.ArrayLike) -> Array:
        """The gradient with respect to what entered last; the parameters' are kept in ``grads``.

        Args:
            cotangent: The gradient with respect to what left, in its shape.

        Returns:
            An array of the shape of ``x``; zeros where ``x`` holds integers to look up.

        Raises:
            InputError: Nothing has entered yet.
            ShapeError: The cotangent has another shape.
        """
        if self._last is None:
            raise InputError("bprop before fprop: nothing has entered", hint="call fprop first")
        self.gradients = self._last.bprop(cotangent)
        found = self.gradients.pop("x", None)
        return np.zeros(np.shape(self._last.kept["x"])) if found is None else found

    def params(self) -> list[Array]:
        """The parameters, to be changed in place."""
        return list(self.parameters.values())

    def grads(self) -> list[Array]:
        """Their gradients in the order of `params`, as the last ``bprop`` found them.

        Raises:
            InputError: ``bprop`` was not called yet.
        """
        if self.parameters and not self.gradients:
            raise InputError("grads before bprop: there are none yet", hint="call bprop first")
        return [self.gradients[name] for name in self.parameters]

    def __repr__(self) -> str:
        return f"Module({self.layer!r})"

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape that leaves where ``shape`` enters."""
        propagation = self._propagation(len(shape))
        known = {name: np.shape(array) for name, array in self.parameters.items()}
        return propagation.forward.shapes({**known, "x": shape})[propagation.output]

    def _propagation(self, axes: int) -> Propagation:
        """The layer's programs for an input of so many axes, in the mode that is set."""
        key = axes, self.training
        if key not in self._propagations:
            network = self.layer.for_axes(axes)
            program = network.program if self.training else network.evaluation
            fixed = {*program.resolved.positions, *self.state, *network.model.noise}
            wrt = [name for name in program.inputs if name not in fixed]
            self._propagations[key] = Propagation(program, wrt)
        return self._propagations[key]

    def _noise(self, program: Program, tensors: Mapping[str, Any]) -> dict[str, Array]:
        """The program's noise, drawn anew."""
        model = self.layer.model
        if model.noise.keys().isdisjoint(program.inputs):  # as in evaluation mode
            return {}
        if self._rng is None:
            raise InputError(
                f"{self.layer!r} draws noise",
                hint="as in Module(layer, numpy.random.default_rng(0))",
            )
        shapes = program.shapes({name: np.shape(array) for name, array in tensors.items()})
        kind = np.asarray(tensors["x"]).dtype
        dtype = kind if kind.kind == "f" else np.dtype(np.float64)
        return model.draw_noise(shapes, self._rng, dtype)


class Criterion:
    """A loss with ``fprop`` and ``bprop``: one value an example, one seed an example.

    The loss is taken before its mean, so that a seed of ``[1/N, …]`` gives the gradient of the mean.

    Args:
        loss: A loss of the house, a mean over examples; or equations whose output is one value an
            example, from ``x`` and targets ``t``.

    Attributes:
        program: The loss of each example.

    Raises:
        InputError: The loss is no mean over examples.

    >>> from einprop.layers import losses
    >>> criterion = Criterion(losses.CrossEntropy())
    >>> print(criterion.program)
    input t[b,k], x[b,k]
    loss[b] = -sum[k](t[b,k] log_softmax[k](x[b,k]))
    >>> criterion.fprop([[0.0, 0.0], [0.0, 0.0]], [0, 1]).round(4).tolist()
    [0.6931, 0.6931]
    >>> criterion.bprop([1 / 2, 1 / 2]).tolist()
    [[-0.25, 0.25], [0.25, -0.25]]
    """

    def __init__(self, loss: Loss | Program | str) -> None:
        if isinstance(loss, Loss):
            found = Program.from_statements(per_example(loss.program.statements))
        else:
            found = loss if isinstance(loss, Program) else Program(loss)
        self.program = found
        self._propagation = Propagation(found, ["x"])

    def fprop(self, x: npt.ArrayLike, t: npt.ArrayLike) -> Array:
        """The loss of each example.

        Args:
            x: What the network says, a row an example.
            t: The targets as the loss reads them; or for a row of classes its number.

        Returns:
            An array of shape (examples,).

        Raises:
            ShapeError: Shapes do not fit.
            InputError: The targets are not numbers, or out of range.
        """
        targets = np.asarray(t)
        types = self.program.resolved.types
        if types.rank("t") == 2 and targets.ndim == 1 and targets.dtype.kind in "iu":
            targets = one_hot(targets, np.shape(x)[-1], np.asarray(x).dtype)
        return self._propagation.fprop({"x": x, "t": targets})

    def bprop(self, seed: npt.ArrayLike) -> Array:
        """The gradient with respect to ``x``.

        Args:
            seed: The weight of each example in what is minimised: ``[1/N, …]`` for the mean.

        Raises:
            InputError: ``fprop`` was not called yet.
            ShapeError: There is not one number an example.
        """
        return self._propagation.bprop(seed)["x"]


def modules(
    network: Network,
    rng: np.random.Generator,
    *,
    x: tuple[int, ...] | npt.ArrayLike,
    dtype: npt.DTypeLike | None = None,
) -> list[Module]:
    """A module for each layer of a network, with parameters drawn one layer after the other.

    Args:
        network: The chain; it does not end in a loss.
        rng: Draws the parameters.
        x: The shape that enters the first (or an array that has it).
        dtype: Of the parameters; by default float64, or that of ``x`` if it is an array of floats.

    Raises:
        InputError: As for `Module`.

    >>> from einprop.layers import Affine, Tanh
    >>> chain = modules(Affine(200) >> Tanh() >> Affine(10), np.random.default_rng(0), x=(1, 784))
    >>> [[p.shape for p in module.params()] for module in chain]
    [[(784, 200), (200,)], [], [(200, 10), (10,)]]
    """
    if dtype is None and isinstance(x, np.ndarray) and x.dtype.kind == "f":
        dtype = x.dtype
    shape = x if isinstance(x, tuple) else np.shape(x)
    chain = []
    for layer in network.layers:
        chain.append(Module(layer, rng, dtype=dtype, x=shape))
        shape = chain[-1].output_shape(shape)
    return chain


def _parameters(
    layer: Network,
    rng: np.random.Generator | None,
    parameters: Mapping[str, Array] | None,
    dtype: npt.DTypeLike | None,
    data: Mapping[str, Any],
) -> dict[str, Array]:
    """The parameters and the state, given or drawn."""
    names = layer.model.dotted
    if parameters is not None:
        if set(parameters) != set(names):
            raise InputError(
                f"{layer!r} has the parameters {', '.join(names) or 'none'}, "
                f"not {', '.join(parameters) or 'none'}"
            )
        return dict(parameters)
    if not names:
        return {}
    if rng is None:
        raise InputError(
            f"nothing to draw the parameters of {layer!r} from",
            hint="as in Module(layer, numpy.random.default_rng(0), x=(100, 784))",
        )
    return layer.init(rng, dtype=dtype, **data)
