"""Programs on numpy: a flat program becomes a compiled plan, or source text to paste elsewhere."""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from einprop.backends.calibration import machine
from einprop.backends.numpy_emit import emit
from einprop.backends.numpy_functions import register
from einprop.backends.numpy_source import source
from einprop.execution.schedule import schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from einprop.execution.steps import Schedule
    from einprop.notation.tree import Equation

__all__ = ["Plan", "compile_plan", "register", "source"]

Array = NDArray[Any]


def _named(code: CodeType) -> dict[str, Any]:
    """The functions of numpy that emitted code names; asking for all of numpy would load all of it."""
    found = {name: getattr(np, name) for name in code.co_names if name in _NUMPY_NAMES}
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            found |= _named(inner)
    return found


_NUMPY_NAMES = frozenset(np.__all__)


class Plan:
    """A flat program compiled for fixed shapes and one dtype.

    Calls may overlap: each takes a set of buffers of its own and gives it back at the end. Results
    are fresh arrays, but for those that are written into arrays given.

    Attributes:
        schedule: What is done, step by step.
        source: The Python that does it.
    """

    def __init__(self, schedule: Schedule) -> None:
        emission = emit(schedule)
        self.schedule = schedule
        self.source = emission.text
        code = compile(self.source, "<einprop plan>", "exec")
        names = _named(code) | emission.names
        with np.errstate(all="ignore"):
            # The text holds names and numbers that the emitter made, none of the user's.
            exec(code, names)  # noqa: S102
        self._allocate: Callable[[], tuple[Any, Any]] = names["allocate"]
        self._run: Callable[..., tuple[Array, ...]] = names["run"]
        self._idle: list[tuple[Any, Any]] = []

    def __call__(self, *arrays: Array) -> tuple[Array, ...]:
        """Run on arrays in the order of the schedule's inputs.

        Args:
            *arrays: Arrays of exactly the shapes and the dtype that the plan was made for.

        Returns:
            The outputs in the order of the schedule's.
        """
        try:
            arena = self._idle.pop()
        except IndexError:
            arena = self._allocate()
        try:
            return self._run(arena[1], *arrays)
        finally:
            self._idle.append(arena)


def compile_plan(
    equations: Sequence[Equation],
    sizes: Mapping[str, int],
    inputs: Mapping[str, tuple[int, ...]],
    outputs: Sequence[str],
    dtype: str = "float64",
    axes: Mapping[str, tuple[str, ...]] | None = None,
    donated: Mapping[str, str] | None = None,
    guard: str | None = None,
) -> Plan:
    """Compile a flat program.

    Args:
        equations: One operation each, every tensor defined once.
        sizes: Size of each index.
        inputs: Shape of each input; the order is that of the plan's arguments.
        outputs: The tensors wanted.
        dtype: Number type of inputs and outputs; an input that holds positions is int64.
        axes: The letters at the axes of the tensors that are put together by ``+=`` and the like.
        donated: Inputs by output: the arrays that the output is written into.
        guard: The scalar output that must be finite for that.

    >>> from einprop.notation.tree import Access, Call, Equation, Index, Multiply
    >>> b, i, j = Index("b"), Index("i"), Index("j")
    >>> product = Multiply((Access("x", (b, i)), Access("W", (i, j))))
    >>> affine = Equation(Access("y", (b, j)), "=", Call("sum", (product,), ("i",)))
    >>> plan = compile_plan([affine], {"b": 1, "i": 2, "j": 1}, {"x": (1, 2), "W": (2, 1)}, ["y"])
    >>> plan(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
    (array([[11.]]),)
    """
    planned = schedule(
        equations,
        sizes,
        inputs,
        outputs,
        dtype,
        axes,
        donated=donated,
        guard=guard,
        machine=machine(),
    )
    return Plan(planned)
