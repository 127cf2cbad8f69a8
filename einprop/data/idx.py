"""The idx format of MNIST's files: one array of any rank and any of the format's six types."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from einprop.errors import InputError

__all__ = ["by", "read_idx"]

_GZIP_MAGIC = b"\x1f\x8b"
# The third byte of a file says how its entries are stored.
_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | PathLike[str]) -> NDArray[Any]:
    """The array in one idx file, packed by gzip or not.

    Args:
        path: The file.

    Returns:
        A new array in the shape that the file states, of type uint8, int8, int16, int32, float32 or
        float64, in this machine's order of bytes.

    Raises:
        InputError: The file cannot be read, or is no whole idx file.

    Source: "The IDX file format", at the end of Y. LeCun's page on MNIST.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(bytes([0, 0, 0x0B, 1, 0, 0, 0, 2, 0, 1, 255, 254]))
    ...     file.flush()
    ...     read_idx(file.name)
    array([ 1, -2], dtype=int16)
    """
    content = _read_unpacked(Path(path))
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _DTYPES:
        begins = content[:4].hex(" ") or "nothing"
        raise InputError(
            f"{path} is no idx file: it begins with {begins}",
            hint="such a file begins with 00 00, its type (08, 09, 0b, 0c, 0d or 0e) and its number "
            "of axes",
        )
    dtype, axes = np.dtype(_DTYPES[content[2]]), content[3]
    start = 4 + 4 * axes
    if len(content) < start:
        raise InputError(f"{path} is cut off: it ends within the sizes of its {axes} axes")
    shape = struct.unpack(f">{axes}I", content[4:start])
    size = math.prod(shape) * dtype.itemsize
    if len(content) - start != size:
        raise InputError(
            f"{path} states {by(shape)} values, which is {size} bytes, "
            f"but holds {len(content) - start}",
            hint="the file is cut off or damaged: fetch it again",
        )
    return _reshape(np.frombuffer(content, dtype, offset=start), shape, path)


def by(shape: tuple[int, ...]) -> str:
    """A shape as prose says it: ``5x28x28``."""
    return "x".join(map(str, shape))


def _reshape(
    entries: NDArray[Any], shape: tuple[int, ...], path: str | PathLike[str]
) -> NDArray[Any]:
    try:
        return entries.reshape(shape).astype(entries.dtype.newbyteorder("="))
    except ValueError as error:
        raise InputError(
            f"{path} states {len(shape)} axes, more or larger ones than numpy has"
        ) from error


def _read_unpacked(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(_GZIP_MAGIC) else content
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
