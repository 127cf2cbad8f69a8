"""Programs on numpy: a flat program becomes a compiled plan."""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from einprop.backends.numpy_emit import emit
from einprop.backends.numpy_functions import register

if TYPE_CHECKING:
    from collections.abc import Callable

    from einprop.execution.steps import Schedule

__all__ = ["Plan", "register"]

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
    """A schedule compiled: a flat program for fixed shapes and one dtype.

    Calls may overlap: each takes a set of buffers of its own and gives it back at the end. Results
    are fresh arrays, but for those that are written into arrays given.

    Attributes:
        schedule: What is done, step by step.
        source: The Python that does it.

    >>> from einprop.execution.schedule import schedule
    >>> from einprop.notation.tree import Access, Call, Equation, Index, Multiply
    >>> b, i, j = Index("b"), Index("i"), Index("j")
    >>> product = Multiply((Access("x", (b, i)), Access("W", (i, j))))
    >>> affine = Equation(Access("y", (b, j)), "=", Call("sum", (product,), ("i",)))
    >>> plan = Plan(
    ...     schedule([affine], {"b": 1, "i": 2, "j": 1}, {"x": (1, 2), "W": (2, 1)}, ["y"])
    ... )
    >>> plan(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
    (array([[11.]]),)
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
