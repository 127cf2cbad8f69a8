"""Arrays in a file: the safetensors layout, written whole or not at all, and read without trust.

A file is the length of its header (8 bytes, little-endian), the header (JSON: by tensor its type,
shape and place, besides text under ``__metadata__``), and the tensors' bytes without gaps. Reading
one runs nothing. See https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BufferedReader
from os import PathLike
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

import numpy as np
import numpy.typing as npt

from einprop.errors import InputError
from einprop.files import written_whole
from einprop.options import file_name, instance, mapping, one_of
from einprop.training.strict_json import parse_object, print_object

__all__ = ["read_safetensors", "write_safetensors"]

Array = npt.NDArray[Any]

_METADATA = "__metadata__"
_ALIGNMENT = 8
_LONGEST_HEADER = 16_000_000
_MOST_AXES = 32

# The upper half of a float32, which numpy has no type for: its bits are kept as integers.
_BRAIN = "BF16"
# The layout's types and what holds their bits, those with the widest alignment last: files begin
# with these.
_TYPES: Mapping[str, np.dtype[Any]] = {
    "BOOL": np.dtype("?"),
    "U8": np.dtype("u1"),
    "I8": np.dtype("i1"),
    "I16": np.dtype("<i2"),
    "U16": np.dtype("<u2"),
    "F16": np.dtype("<f2"),
    _BRAIN: np.dtype("<u2"),
    "I32": np.dtype("<i4"),
    "U32": np.dtype("<u4"),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "I64": np.dtype("<i8"),
    "U64": np.dtype("<u8"),
}
_CODES = {dtype.name: code for code, dtype in _TYPES.items() if code != _BRAIN}
_FLOATS = [code for code in _TYPES if "F" in code]
_RANKS = {code: rank for rank, code in enumerate(_TYPES)}


def write_safetensors(
    path: str | PathLike[str],
    arrays: Mapping[str, npt.ArrayLike],
    metadata: Mapping[str, str] | None = None,
    *,
    floats: str | None = None,
) -> None:
    """Write arrays and text to a file, whole or not at all.

    The bytes go to another file of the same folder (its name ends in ``.partial``), which takes the
    place of ``path`` once they are on the disk: whoever reads ``path`` sees the old file or the
    new one, also where the process is killed or the power fails.

    Args:
        path: The file; one that is there is replaced.
        arrays: By name, of any shape; dtypes are bool, (u)int8 to (u)int64, float16 to float64, and
            the bfloat16 of ``ml_dtypes``.
        metadata: Text by name.
        floats: How arrays of floats are stored: ``"F16"``, ``"BF16"``, ``"F32"`` or ``"F64"``, rounded
            to the nearest; by default as they are.

    Raises:
        InputError: An array has another dtype, ``floats`` is no such type, a name is no text, or the
            file cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_safetensors(f"{folder}/a", {"W": np.ones((2, 3))}, {"made": "by hand"})
    ...     read_safetensors(f"{folder}/a")
    ({'W': array([[1., 1., 1.],
           [1., 1., 1.]])}, {'made': 'by hand'})
    """
    file_name(path)
    one_of("floats", floats, (None, *_FLOATS))
    instance("arrays", arrays, Mapping, "arrays by name, as in {'W': W}")
    metadata = mapping("metadata", {} if metadata is None else metadata, "texts by name")
    tensors = {name: _as_stored(name, array, floats) for name, array in arrays.items()}
    for name, text in metadata.items():
        if not _is_text(name) or not _is_text(text):
            raise InputError(f"metadata {name!r} is no text", hint="names and values are strings")
    ordered = sorted(tensors, key=lambda name: (-_RANKS[tensors[name][0]], name))
    header: dict[str, Any] = {_METADATA: dict(metadata)} if metadata else {}
    end = 0
    for name in ordered:
        code, array = tensors[name]
        start, end = end, end + array.nbytes
        header[name] = {
            "dtype": code,
            "shape": array.shape,
            "data_offsets": (start, end),
        }
    octets = print_object(header).encode("utf-8")
    octets += b" " * (-len(octets) % _ALIGNMENT)
    if len(octets) > _LONGEST_HEADER:
        raise InputError(f"names and texts for {path} take {len(octets)} bytes: too many to read")
    with written_whole(path) as file:
        file.writelines(_chunks(octets, [tensors[name][1] for name in ordered]))


def read_safetensors(path: str | PathLike[str]) -> tuple[dict[str, Array], dict[str, str]]:
    """The arrays and the metadata of a file, whoever wrote it.

    Args:
        path: The file.

    Returns:
        Arrays by name, in the file's order, writable; and its metadata. Those of type ``BF16``, which
        numpy has not, are float32, the same numbers.

    Raises:
        InputError: It is no file, cannot be read, or is damaged: cut off, too long, of a type that
            numpy has not, with tensors that overlap, leave gaps or do not fit their shapes.
    """
    source = Path(file_name(path))
    if not source.is_file():
        raise InputError(f"there is no file {source}")
    try:
        with source.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            header, start = _read_header(file, size)
            metadata = _checked_metadata(header.pop(_METADATA, {}))
            entries = [_Entry.of(name, row) for name, row in header.items()]
            _check_places(entries, size - start)
            return {entry.name: entry.read(file, start) for entry in entries}, metadata
    except InputError as error:
        raise InputError(
            f"{source} is no whole safetensors file: {error.message}", hint=error.hint
        ) from None
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error}") from error


@dataclass(frozen=True, slots=True)
class _Entry:
    """A tensor as the header describes it."""

    name: str
    code: str
    shape: tuple[int, ...]
    start: int
    end: int

    @classmethod
    def of(cls, name: str, row: object) -> _Entry:
        """A row of the header, once it is known to fit itself."""
        if not isinstance(row, dict) or set(row) != {"dtype", "shape", "data_offsets"}:
            raise InputError(f"{_short(name)} has no dtype, shape and data_offsets")
        code, shape, offsets = row["dtype"], row["shape"], row["data_offsets"]
        if not isinstance(code, str) or code not in _TYPES:
            raise InputError(
                f"{_short(name)} is of type {_short(code)}", hint=f"types are {', '.join(_TYPES)}"
            )
        if not _are_sizes(shape) or len(shape) > _MOST_AXES:
            raise InputError(f"{_short(name)} has the shape {_short(shape)}")
        if not _are_sizes(offsets) or len(offsets) != 2:
            raise InputError(f"{_short(name)} lies at {_short(offsets)}")
        length = math.prod(shape) * _TYPES[code].itemsize
        if offsets[1] - offsets[0] != length:
            raise InputError(
                f"{_short(name)} of shape {_short(shape)} and type {code} takes {length} bytes, "
                f"but lies at {_short(offsets)}"
            )
        return cls(name, code, tuple(shape), *offsets)

    def read(self, file: BufferedReader, data: int) -> Array:
        """The tensor, given where the tensors' bytes begin; its place is known to be in the file."""
        try:
            array = np.empty(self.shape, _TYPES[self.code])
        except ValueError:  # No bytes, and yet an axis too long to count.
            raise InputError(f"{_short(self.name)} has the shape {_short(self.shape)}") from None
        octets = array.reshape(-1).view(np.uint8)
        file.seek(data + self.start)
        if array.size and file.readinto(octets.data) != len(octets):
            raise InputError(f"it ends within {_short(self.name)}")
        if self.code == "BOOL" and octets.max(initial=0) > 1:
            raise InputError(f"{_short(self.name)} holds bytes that are neither true nor false")
        native = array.astype(array.dtype.newbyteorder("="), copy=False)
        return _from_brain(native) if self.code == _BRAIN else native


def _read_header(file: BufferedReader, size: int) -> tuple[dict[str, Any], int]:
    """The header, and where the tensors' bytes begin."""
    begins = file.read(8)
    length = int.from_bytes(begins, "little")
    if len(begins) < 8:
        raise InputError(f"it has {len(begins)} bytes")
    if length > size - 8:
        raise InputError(f"its header should take {length} bytes, of {size} in all")
    if length > _LONGEST_HEADER:
        raise InputError(f"its header takes {length} bytes; at most {_LONGEST_HEADER} are read")
    try:
        text = file.read(length).decode("utf-8")
    except UnicodeDecodeError:
        raise InputError("its header is not UTF-8") from None
    if not text.startswith("{"):
        raise InputError("its header does not begin with {")
    return parse_object(text), 8 + length


def _checked_metadata(metadata: object) -> dict[str, str]:
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise InputError("its metadata is not text by name")
    return metadata


def _check_places(entries: list[_Entry], length: int) -> None:
    """The tensors follow each other from the first byte to the last."""
    end = 0
    for entry in sorted(entries, key=lambda entry: (entry.start, entry.end)):
        if entry.start != end:
            problem = "overlaps the tensor before it" if entry.start < end else "leaves a gap"
            raise InputError(f"{_short(entry.name)} at {entry.start} {problem}")
        end = entry.end
    if end != length:
        raise InputError(f"its tensors take {end} bytes, but {length} follow its header")


def _as_stored(name: str, given: npt.ArrayLike, floats: str | None) -> tuple[str, Array]:
    """The array's type, and its bits as the layout has them: row-major, little-endian."""
    if not _is_text(name) or name == _METADATA:
        raise InputError(f"a tensor cannot be called {name!r}")
    array = np.asarray(given)
    if array.dtype.name == "bfloat16":
        array = array.astype(np.float32)
        floats = floats or _BRAIN
    if array.dtype.name not in _CODES or array.ndim > _MOST_AXES:
        raise InputError(
            f"{name} is an array of {array.dtype} with {array.ndim} axes: a file cannot hold it",
            hint=f"types are {', '.join(_TYPES)}; there are at most {_MOST_AXES} axes",
        )
    code = floats if floats and array.dtype.kind == "f" else _CODES[array.dtype.name]
    bits = _to_brain(array) if code == _BRAIN else array
    with np.errstate(over="ignore"):  # What is too large for the type is infinite there.
        return code, np.asarray(bits, _TYPES[code], order="C")


def _from_brain(bits: Array) -> Array:
    return (bits.astype(np.uint32) << 16).view(np.float32)


def _to_brain(array: Array) -> Array:
    """The upper halves of float32, rounded to the nearest, ties to even; nan stays nan."""
    with np.errstate(over="ignore"):
        single = np.asarray(array, np.float32)
    bits = single.view(np.uint32)
    rounded = bits + np.uint32(0x7FFF) + (bits >> 16 & 1)
    return np.where(np.isnan(single), bits | 0x400000, rounded) >> 16


def _chunks(header: bytes, tensors: list[Array]) -> Iterator[bytes | memoryview]:
    yield len(header).to_bytes(8, "little")
    yield header
    for tensor in tensors:
        if tensor.size:
            yield tensor.reshape(-1).view(np.uint8).data


def _is_text(value: object) -> bool:
    """Whether it is a string of whole characters."""
    try:
        return isinstance(value, str) and value.encode("utf-8") is not None
    except UnicodeEncodeError:
        return False


def _are_sizes(values: object) -> bool:
    """Whether it is a list of integers that numpy can count to."""
    return isinstance(values, list) and all(type(v) is int and 0 <= v < 2**63 for v in values)


def _short(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= 80 else shortened(value)
