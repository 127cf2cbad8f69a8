"""The Jacobian both ways: finite differences give its columns, reverse mode on unit vectors its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einprop.errors import DerivativeError, InputError
from einprop.finite_differences import SQUARE_ROOT_STEP, finite_differences
from einprop.gradcheck import Difference, largest_difference
from einprop.program import Program

__all__ = ["JacobianCheck", "check_jacobian", "compare_jacobians", "jacobian_rows"]

_Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class JacobianCheck:
    """A Jacobian computed twice.

    Attributes:
        rows: By reverse mode; axes of the output, then of the input.
        columns: By finite differences, in the same axes.
        difference: The largest difference between the two.
        tolerance: The largest relative error that counts as right.
    """

    rows: _Array
    columns: _Array
    difference: Difference
    tolerance: float

    def __bool__(self) -> bool:
        return bool(self.difference.error <= self.tolerance)

    def __str__(self) -> str:
        return ("right  " if self else "wrong  ") + str(self.difference)


def jacobian_rows(reverse: Callable[[_Array], npt.ArrayLike], shape: tuple[int, ...]) -> _Array:
    """The Jacobian by reverse mode: the cotangent that is 1 at entry k gives row k.

    Args:
        reverse: From a cotangent to the gradient with respect to the input, as a module's ``bprop``.
        shape: Of the cotangent.

    Returns:
        An array with the axes of the cotangent, then those of the gradient.

    >>> W = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> jacobian_rows(lambda c: c @ W, (2,)).tolist()
    [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    """
    rows = []
    for k in np.ndindex(shape):
        unit = np.zeros(shape)
        unit[k] = 1.0
        rows.append(np.array(reverse(unit), np.float64))
    inner = rows[0].shape if rows else np.shape(reverse(np.zeros(shape)))
    return np.reshape(rows, (*shape, *inner))


def compare_jacobians(
    forward: Callable[[_Array], npt.ArrayLike],
    reverse: Callable[[_Array], npt.ArrayLike],
    at: npt.ArrayLike,
    *,
    name: str = "x",
    step: float = SQUARE_ROOT_STEP,
    tolerance: float = 1e-5,
    check: bool = True,
) -> JacobianCheck:
    """Compare the rows that ``reverse`` gives with the columns that ``forward`` gives.

    ``forward`` is called last before ``reverse`` at the point itself, so that a module's ``bprop``
    finds what its ``fprop`` has cached there.

    Args:
        forward: From the input to the output, such as a module's ``fprop``.
        reverse: From a cotangent of the output to the gradient with respect to the input.
        at: The input at which to compare, away from kinks.
        name: What a message calls the input.
        step: The step of the differences is ``step max(|x|, 1)``; by default sqrt(eps), as in
            lectures.
        tolerance: The largest relative error that counts as right.
        check: Whether to raise on a failure (otherwise look at the result).

    Raises:
        DerivativeError: The two differ; the message says where and by how much.

    >>> print(compare_jacobians(np.sin, lambda c: c * np.cos(1.0), 1.0, check=False).rows.round(3))
    0.54
    """
    point = np.array(at, np.float64)
    columns = finite_differences(forward, point, step)
    rows = jacobian_rows(reverse, np.shape(forward(point)))
    if rows.shape != columns.shape:
        raise DerivativeError(
            f"reverse mode gives a Jacobian of shape {rows.shape}, finite differences one of shape "
            f"{columns.shape}",
            hint="the gradient has the shape of the input",
        )
    found = JacobianCheck(rows, columns, largest_difference(name, 1, rows, columns), tolerance)
    if check and not found:
        raise DerivativeError(f"the Jacobian's rows differ from its columns\n{found}")
    return found


def check_jacobian(
    program: Program | str,
    tensors: Mapping[str, npt.ArrayLike],
    *,
    of: str | None = None,
    wrt: str,
    step: float = SQUARE_ROOT_STEP,
    tolerance: float = 1e-5,
    check: bool = True,
) -> JacobianCheck:
    """Compare a program's Jacobian by reverse mode with finite differences, entry by entry.

    `gradcheck` weights all outputs at random and is faster; this one has every entry, to look at.

    Args:
        program: The program to check, or its text.
        tensors: Inputs at which to check, away from kinks.
        of: The output; by default the one that there is.
        wrt: The input.
        step: As in `compare_jacobians`, as are ``tolerance`` and ``check``.
        tolerance: The largest relative error that counts as right.
        check: Whether to raise on a failure.

    Raises:
        DerivativeError: The two differ, or the derivative does not exist.
        InputError: An input is missing or unknown, or there are several outputs and ``of`` is not
            given.

    >>> print(check_jacobian("y[j] = relu(W[i,j] x[i])", {"W": [[2.0, -1.0]], "x": [3.0]}, wrt="x"
    ...       ).rows)
    [[2.]
     [0.]]
    """
    given = program if isinstance(program, Program) else Program(program)
    if of is None and len(given.outputs) != 1:
        raise InputError(
            f"the program has the outputs {', '.join(given.outputs)}", hint="name one by of="
        )
    output = given.outputs[0] if of is None else of
    alone = Program.from_statements(given.statements, outputs=[output])
    if wrt not in tensors:
        raise InputError(f"there is no array for {wrt}", hint="pass it among the tensors")
    reverse = alone.vjp(wrt=wrt)
    (seed,) = [name for name in reverse.inputs if name not in alone.inputs]
    point = {n: v if n in alone.resolved.positions else _floats(v) for n, v in tensors.items()}
    return compare_jacobians(
        lambda value: alone({**point, wrt: value}),
        lambda cotangent: reverse({**point, seed: cotangent}),
        point[wrt],
        name=wrt,
        step=step,
        tolerance=tolerance,
        check=check,
    )


def _floats(value: npt.ArrayLike) -> _Array:
    return np.asarray(value, np.float64)
