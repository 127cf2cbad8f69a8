"""Compiled: a program bound to a backend, with one plan for each set of shapes and dtypes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from einprop.analysis.resolve import Resolved
from einprop.analysis.sizes import Sizes, bind_sizes, check_inputs
from einprop.backends import numpy as numpy_backend
from einprop.calculus.derive import Derivation
from einprop.errors import InputError
from einprop.execution.schedule import schedule
from einprop.execution.steps import Schedule
from einprop.passes.lower import lower
from einprop.passes.sized import SizedProgram

__all__ = ["Compiled", "Recipe"]

BACKENDS = ("numpy",)


@dataclass(frozen=True)
class Recipe:
    """How a program came about: the program that was written, and what was derived from it in turn."""

    base: Resolved
    derivations: tuple[Derivation, ...]


@dataclass(frozen=True)
class _Lowered:
    """A flat program with the inputs that it reads."""

    program: SizedProgram
    inputs: Mapping[str, tuple[int, ...]]


class Compiled:
    """A callable bound to a backend.

    The first call for a set of shapes and dtypes plans and compiles; later ones look the plan up.
    """

    def __init__(self, resolved: Resolved, recipe: Recipe, backend: str) -> None:
        if backend not in BACKENDS:
            raise InputError(
                f"there is no backend {backend!r}", (), f"backends are {', '.join(BACKENDS)}"
            )
        self._resolved = resolved
        self._recipe = recipe
        self._plans: dict[tuple[Any, ...], tuple[tuple[int, ...], Any]] = {}

    def __call__(self, tensors: Mapping[str, Any] | None = None, /, **named: Any) -> Any:
        """Run on tensors by name; see `Program.__call__`."""
        given = {**tensors, **named} if tensors else named
        names = self._resolved.names
        if len(given) != len(names.inputs) or any(name not in given for name in names.inputs):
            check_inputs(self._resolved, given)
        arrays, dtype = _as_arrays({name: given[name] for name in names.inputs})
        key = (dtype, *(array.shape for array in arrays))
        found = self._plans.get(key)
        if found is None:
            found = self._plan(
                {n: a.shape for n, a in zip(names.inputs, arrays, strict=True)}, dtype
            )
            self._plans[key] = found
        used, plan = found
        results = [r if r.ndim else r[()] for r in plan(*[arrays[k] for k in used])]
        if len(results) == 1:
            return results[0]
        return dict(zip(names.outputs, results, strict=True))

    def _plan(
        self, shapes: Mapping[str, tuple[int, ...]], dtype: str
    ) -> tuple[tuple[int, ...], Any]:
        """The positions of the inputs that the plan reads, and the plan."""
        lowered = self._lower(bind_sizes(self._resolved, shapes))
        program = lowered.program
        order = list(shapes)
        used = tuple(order.index(name) for name in lowered.inputs)
        plan = numpy_backend.compile_plan(
            program.equations, program.sizes, lowered.inputs, program.outputs, dtype
        )
        return used, plan

    def _lower(self, sizes: Sizes) -> _Lowered:
        base = self._recipe.base
        shapes = {name: sizes.shape(name) for name in base.names.inputs}
        known = {name: shape for name, shape in shapes.items() if shape is not None}
        start = bind_sizes(base, known) if self._recipe.derivations else sizes
        program = lower(start, self._recipe.derivations, self._resolved.names.outputs)
        read = program.names - {e.target.name for e in program.equations}
        inputs = {}
        for name in self._resolved.names.inputs:
            shape = sizes.shape(name)
            if name in read and shape is not None:
                inputs[name] = shape
        return _Lowered(program, inputs)

    def flat(self, sizes: Sizes) -> SizedProgram:
        """The flat program that runs at these sizes."""
        return self._lower(sizes).program

    def schedule(self, sizes: Sizes) -> Schedule:
        """The steps that a call takes at these sizes."""
        lowered = self._lower(sizes)
        program = lowered.program
        return schedule(program.equations, program.sizes, lowered.inputs, program.outputs)

    def source(self, sizes: Sizes) -> str:
        """Standalone code for these sizes."""
        lowered = self._lower(sizes)
        program = lowered.program
        return numpy_backend.source(
            program.equations, program.sizes, lowered.inputs, program.outputs, "float64"
        )


def _as_arrays(tensors: Mapping[str, Any]) -> tuple[list[NDArray[Any]], str]:
    """The inputs as arrays of one floating dtype, and that dtype.

    Arrays decide the dtype together; python numbers, lists and integer arrays follow them.
    """
    arrays = [_as_array(name, value) for name, value in tensors.items()]
    floating = {
        array.dtype
        for array, value in zip(arrays, tensors.values(), strict=True)
        if array.dtype.kind == "f" and isinstance(value, np.ndarray | np.generic)
    }
    dtype = np.result_type(*floating) if floating else np.dtype(np.float64)
    return [a if a.dtype == dtype else a.astype(dtype) for a in arrays], dtype.name


def _as_array(name: str, value: Any) -> NDArray[Any]:
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise InputError(f"{name} is not an array: {error}") from None
    if array.dtype.kind not in "fiub":
        raise InputError(
            f"{name} has dtype {array.dtype}, which is not of real numbers",
            (),
            "pass floats, integers or booleans",
        )
    return array
