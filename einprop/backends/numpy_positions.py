"""Positions that tensors hold, checked before anything is looked up there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from einprop.errors import InputError

__all__ = ["Positions"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Positions:
    """The check of one tensor of positions against one axis.

    Attributes:
        name: The tensor that holds the positions.
        tensor: The tensor that they are positions of.
        axis: Number of the axis.
        size: Its size.
        fixed: The axes of the holder along which loops run.
    """

    name: str
    tensor: str
    axis: int
    size: int
    fixed: tuple[int, ...] = ()

    def __call__(self, array: Array, *loops: int) -> Array:
        """The positions as integers.

        Args:
            array: The holder, its axes as written, those of ``fixed`` left out.
            *loops: Where the loops stand.

        Raises:
            InputError: One is no integer or outside of the axis.

        >>> Positions("tok", "E", 0, 10)(np.array([3.0, 9.0]))
        array([3, 9])
        >>> Positions("tok", "E", 0, 10)(np.array([[0, 3], [4, 17]]))
        Traceback (most recent call last):
        einprop.errors.InputError: tok[1,1] is 17, outside of axis 0 of E: positions 0 to 9
        """
        whole = array if array.dtype == np.int64 else array.astype(np.int64)
        # A negative position is a large one without its sign: one comparison finds both.
        wrong = whole.view(np.uint64) >= self.size
        if whole is not array:
            wrong |= whole != array
        if wrong.any():
            self.refuse(array, wrong, loops)
        return whole

    def refuse(self, array: Array, wrong: Array, loops: tuple[int, ...]) -> None:
        """Raise the error for the first of the wrong positions."""
        place = [int(n) for n in np.argwhere(wrong)[0]]
        value = array[tuple(place)]
        for axis, position in sorted(zip(self.fixed, loops, strict=True)):
            place.insert(axis, position)
        where = f"{self.name}[{','.join(map(str, place))}]" if place else self.name
        if value != np.floor(value) or not np.isfinite(value):
            raise InputError(
                f"{where} is {value}, not a position of axis {self.axis} of {self.tensor}",
                (),
                "positions are integers from 0",
            )
        allowed = f"positions 0 to {self.size - 1}" if self.size else "it has no positions"
        raise InputError(
            f"{where} is {int(value)}, outside of axis {self.axis} of {self.tensor}: {allowed}",
            (),
            _hint(value, self.size),
        )


def _hint(value: float, size: int) -> str | None:
    if not size:
        return "an axis without positions cannot be read"
    return "positions are counted from 0, never from the end" if value < 0 else None
