"""Looking inside: the value and the gradient of every tensor of a network, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from einprop.arguments import as_mapping
from einprop.layers.network import Network
from einprop.options import instance
from einprop.program import Program
from einprop.tables import aligned, html_table

__all__ = ["Inspected", "Inspection", "inspect"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Inspected:
    """One tensor.

    Attributes:
        label: Its name and its axes.
        value: What it holds.
        gradient: The derivative by it, in its shape; None where nothing depends on it.
    """

    label: str
    value: Array
    gradient: Array | None


@dataclass(frozen=True, slots=True, eq=False)
class Inspection(Mapping[str, Inspected]):
    """The tensors of a program by name, inputs first; prints as a table.

    Attributes:
        program: What computes them all: forward and backward as equations.
        tensors: By name.
    """

    program: Program
    tensors: Mapping[str, Inspected]

    def __getitem__(self, name: str) -> Inspected:
        return self.tensors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tensors)

    def __len__(self) -> int:
        return len(self.tensors)

    def _rows(self) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = [("tensor", "shape", "value", "gradient")]
        for tensor in self.tensors.values():
            shape = "x".join(map(str, tensor.value.shape)) or "scalar"
            size = "" if tensor.gradient is None else _size(tensor.gradient)
            rows.append((tensor.label, shape, _size(tensor.value), size))
        return rows

    def __str__(self) -> str:
        return "\n".join(aligned(self._rows()))

    def _repr_html_(self) -> str:
        return html_table(self._rows())


def inspect(
    model: Network | Program,
    tensors: Mapping[str, npt.ArrayLike] | None = None,
    /,
    *,
    of: str | None = None,
    **named: npt.ArrayLike,
) -> Inspection:
    """Every tensor of a network or program with its gradient, activities and weights alike.

    The gradients are those of ``of``. A scalar is seeded with 1; of any other pass the cotangent
    among the tensors, as ``y.grad``. In the table a tensor's size is its root mean square.

    Args:
        model: Best one that ends in a loss.
        tensors: Parameters and data by name.
        of: What is differentiated; by default the output.
        **named: Parameters and data by name.

    Raises:
        DerivativeError: Nothing depends on any input.
        InputError: A tensor is missing or unknown.
        ShapeError: Shapes disagree.

    >>> from einprop.layers import Affine, Tanh, losses
    >>> model = Affine(2) >> Tanh() >> Affine(1) >> losses.SquaredError()
    >>> parameters = {"W1": np.ones((3, 2)), "B1": [0, 0], "W2": [[2], [0]], "B2": [0]}
    >>> found = inspect(model, parameters, x=[[0.5, 0, 0]], t=[[1]])
    >>> print(found)
    tensor    shape    value  gradient
    x[b,i]      1x3    0.289     0.119
    t[b,k]      1x1        1    0.0758
    W1[i,j]     3x2        1    0.0243
    B1[j]         2        0    0.0843
    W2[j,k]     2x1     1.41     0.035
    B2[k]         1        0    0.0758
    h1[b,j]     1x2    0.462     0.107
    y[b,k]      1x1    0.924    0.0758
    loss     scalar  0.00287         1
    """
    instance("a model", model, (Network, Program), "pass a network or a program")
    program = model.program if isinstance(model, Network) else model
    # What else a network gives beside its output is the state of the next step.
    output = program.outputs[0] if of is None and isinstance(model, Network) else of
    derived = program.grad(of=output)
    everything = derived.followed_by([], derived.resolved.names.defined)
    given = as_mapping(tensors, named, "tensors", known=program.inputs)
    found = {**given, **everything(given)}
    known = {name: np.asarray(array) for name, array in found.items()}
    labels = {node.name: node.label for node in program.graph().nodes}
    return Inspection(
        everything,
        {
            name: Inspected(label, known[name], known.get(f"{name}.grad"))
            for name, label in labels.items()
        },
    )


def _size(array: Array) -> str:
    """The root mean square."""
    if not array.size:
        return "0"
    return f"{np.sqrt(np.mean(np.square(array.astype(np.float64)))):.3g}"
