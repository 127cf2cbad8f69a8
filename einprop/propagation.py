"""Forward, then backward: a program and its derived adjoint, run apart with a memory between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy.typing as npt

from einprop.analysis.declare import declared_access
from einprop.arguments import by_name
from einprop.errors import InputError
from einprop.notation.tree import TensorDeclaration
from einprop.program import Program

__all__ = ["Propagation"]

Array = npt.NDArray[Any]


class Propagation:
    """A forward pass that keeps what the backward pass reads.

    A program's gradient in one piece runs faster; this is for those who go step by step.

    Args:
        program: Its first output is what leaves and what is differentiated.
        wrt: The inputs whose gradients are wanted.
        inner: Whether the values and gradients of all that is between are wanted too.

    Attributes:
        output: The name of what leaves.
        kept: The tensors of the last forward pass, inputs too; empty before.

    >>> square = Propagation(Program("y[i] = x[i]^2"), ["x"])
    >>> square.fprop({"x": [1.0, 3.0]}).tolist(), square.bprop([1.0, 10.0])["x"].tolist()
    ([1.0, 9.0], [2.0, 60.0])
    """

    def __init__(self, program: Program, wrt: Sequence[str], *, inner: bool = False) -> None:
        self.output = program.outputs[0]
        self.kept: dict[str, Any] = {}
        self._program = program
        self._wrt = wrt
        self._inner = inner

    @cached_property
    def forward(self) -> Program:
        """Computes the output, and what is kept."""
        names = self._program.resolved.names.defined
        read = names if self._inner else [n for n in names if n in self._adjoint.inputs]
        return Program.from_statements(
            self._program.statements, outputs=dict.fromkeys([*self._program.outputs, *read])
        )

    @cached_property
    def backward(self) -> Program:
        """The adjoint equations alone."""
        adjoint, names = self._adjoint, self._adjoint.resolved.names
        # What enters tells the shape of its gradient, even if the adjoint does not read it.
        unread = [name for name in self._wrt if name not in adjoint.inputs]
        shapes = tuple(declared_access(self._program.resolved, name) for name in unread)
        declared = [TensorDeclaration("input", shapes)] if shapes else []
        outputs = names.defined if self._inner else names.outputs
        return Program.from_statements([*declared, *adjoint.statements], outputs=outputs)

    @cached_property
    def _adjoint(self) -> Program:
        return self._program.backward(of=self.output, wrt=self._wrt)

    @cached_property
    def _seeds(self) -> tuple[str, ...]:
        """The cotangent's name; there is none where nothing depends on anything."""
        known = {*self._program.inputs, *self._program.resolved.names.defined}
        return tuple(name for name in self._adjoint.inputs if name not in known)

    def fprop(self, tensors: Mapping[str, Any]) -> Array:
        """Compute the output; keep what the backward pass reads.

        Raises:
            ShapeError: Shapes disagree.
            InputError: A tensor is missing or unknown.
        """
        self.kept = {**tensors, **by_name(self.forward(tensors), self.forward.outputs)}
        value: Array = self.kept[self.output]
        return value

    def bprop(self, cotangent: npt.ArrayLike) -> dict[str, Array]:
        """Gradients by tensor, for the cotangent of the output.

        Raises:
            DerivativeError: There is nothing to differentiate for.
            InputError: There was no forward pass.
            ShapeError: The cotangent has another shape than the output.
        """
        if not self.kept:
            raise InputError(
                "backward before forward: there is nothing to differentiate",
                hint="go forward first",
            )
        known = self.kept | dict.fromkeys(self._seeds, cotangent)
        found = self.backward({name: known[name] for name in self.backward.inputs})
        gradients = by_name(found, self.backward.outputs)
        return {n.removesuffix(".grad"): g for n, g in gradients.items() if n.endswith(".grad")}
