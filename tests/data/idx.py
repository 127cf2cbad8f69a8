"""Files in the idx format, as tests need them."""

from __future__ import annotations

import struct

import numpy as np

CODES = {"uint8": 8, "int8": 9, "int16": 0xB, "int32": 0xC, "float32": 0xD, "float64": 0xE}


def idx(array: np.ndarray) -> bytes:
    """The bytes of an idx file that holds ``array``."""
    head = struct.pack(f">4B{array.ndim}I", 0, 0, CODES[array.dtype.name], array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()
