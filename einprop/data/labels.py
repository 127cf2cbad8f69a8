"""Class labels as one-hot rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from einprop.data.batches import rows_of
from einprop.errors import InputError
from einprop.options import dtype_of, integer

__all__ = ["one_hot"]


def one_hot(labels: ArrayLike, classes: int, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """An array with a last axis of ``classes`` entries: 1 at the label, 0 elsewhere.

    Args:
        labels: Integers from 0 to ``classes - 1``, of any shape.
        classes: How many classes there are.
        dtype: The type of the result.

    Raises:
        InputError: A label is no integer or names no class.

    >>> one_hot([2, 0], 3).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    classes = integer("classes", classes)
    array = rows_of("labels", labels)
    if array.dtype.kind not in "iu":
        raise InputError(f"labels must be integers, not {array.dtype}")
    strays = array[(array < 0) | (array >= classes)]
    if strays.size:
        raise InputError(f"label {strays[0]} names none of {classes} classes, 0 to {classes - 1}")
    rows: NDArray[Any] = array[..., np.newaxis] == np.arange(classes)
    return rows.astype(dtype_of(dtype))
