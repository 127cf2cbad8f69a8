"""Finite differences: what a derivative is without any rule, one column of a Jacobian at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from einprop.errors import InputError

__all__ = ["CUBE_ROOT_STEP", "SQUARE_ROOT_STEP", "finite_differences"]

_Array = npt.NDArray[np.float64]

CUBE_ROOT_STEP = float(np.cbrt(np.finfo(np.float64).eps))
"""The best step of a central difference: truncation and rounding balance."""
SQUARE_ROOT_STEP = float(np.sqrt(np.finfo(np.float64).eps))
"""The best step of a one-sided difference, which lectures prescribe."""


def finite_differences(
    function: Callable[[_Array], npt.ArrayLike], at: npt.ArrayLike, step: float = CUBE_ROOT_STEP
) -> _Array:
    """The Jacobian of a function by central differences, in float64.

    Column i is ``(f(x + h e_i) - f(x - h e_i)) / 2h`` with ``h = step max(|x_i|, 1)``.

    Args:
        function: From an array of the shape of ``at`` to an array.
        at: Where to differentiate.
        step: The step's size relative to the entry that moves.

    Returns:
        An array whose axes are those of the function's value, then those of ``at``.

    Raises:
        InputError: The step is not a positive number.

    >>> finite_differences(lambda x: x**2, [1.0, 3.0]).round(6).tolist()
    [[2.0, 0.0], [0.0, 6.0]]
    """
    if not 0 < step < np.inf:
        raise InputError(
            f"the step cannot be {step!r}", hint="it is a small positive number, such as 1e-6"
        )
    value = np.array(at, np.float64)
    columns = []
    for k in np.ndindex(value.shape):
        kept = float(value[k])
        size = step * max(abs(kept), 1.0)
        sides = []
        for moved in (kept + size, kept - size):
            value[k] = moved
            sides.append(np.array(function(value.copy()), np.float64))
        value[k] = kept
        columns.append((sides[0] - sides[1]) / ((kept + size) - (kept - size)))
    if not columns:
        return np.zeros((*np.shape(function(value)), *value.shape))
    return np.stack(columns, axis=-1).reshape((*columns[0].shape, *value.shape))
