"""MNIST's files as they were published: unpacked or not, under either of their names."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from einprop.data.dataset import Dataset, Split
from einprop.errors import InputError

__all__ = ["load_mnist", "read_idx", "read_mnist"]

_GZIP_MAGIC = b"\x1f\x8b"
_UNSIGNED_BYTE = 0x08
_BRIGHTEST = 255
_IMAGE = (28, 28)


def load_mnist(
    folder: str | PathLike[str], dtype: DTypeLike = np.float32
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """MNIST, ready to train on.

    Args:
        folder: Where the four files lie; see ``read_mnist``.
        dtype: The floating-point type of all arrays.

    Returns:
        Training and test tensors: ``x`` (examples, 784), from 0 to 1, and ``t`` (examples, 10),
        one-hot.

    Raises:
        InputError: A file is absent or damaged.
    """
    train, test = read_mnist(folder)
    return train.tensors(dtype), test.tensors(dtype)


def read_mnist(folder: str | PathLike[str]) -> Split:
    """MNIST's images, 28x28 pixels with values from 0 to 255, and their labels.

    Args:
        folder: Where the four files lie: ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``,
            ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``, each also in the spelling
            ``.idx3-ubyte`` and each packed by gzip or not.

    Returns:
        Training set and test set; as published, 60,000 and 10,000 examples.

    Raises:
        InputError: A file is absent or damaged, or is not what its name says.
    """
    return Split(_read_part(Path(folder), "train"), _read_part(Path(folder), "t10k"))


def read_idx(path: str | PathLike[str]) -> NDArray[np.uint8]:
    """The array of unsigned bytes in one idx file, packed by gzip or not.

    Args:
        path: The file.

    Returns:
        The array, in the shape that the file states.

    Raises:
        InputError: The file cannot be read, or is no whole idx file of unsigned bytes.
    """
    content = _read_unpacked(Path(path))
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _UNSIGNED_BYTE:
        begins = content[:4].hex(" ") or "nothing"
        raise InputError(
            f"{path} is no idx file of unsigned bytes: it begins with {begins}",
            hint="such a file begins with 00 00 08 and its number of axes",
        )
    axes = content[3]
    start = 4 + 4 * axes
    if len(content) < start:
        raise InputError(f"{path} is cut off: it ends within the sizes of its {axes} axes")
    shape = struct.unpack(f">{axes}I", content[4:start])
    if len(content) - start != math.prod(shape):
        raise InputError(
            f"{path} states {_by(shape)} values, which is {math.prod(shape)} bytes, "
            f"but holds {len(content) - start}",
            hint="the file is cut off or damaged: fetch it again",
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _read_unpacked(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(_GZIP_MAGIC) else content
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def _read_part(folder: Path, part: str) -> Dataset:
    image_path = _find(folder, f"{part}-images", "idx3-ubyte")
    label_path = _find(folder, f"{part}-labels", "idx1-ubyte")
    images, labels = read_idx(image_path), read_idx(label_path)
    if images.shape[1:] != _IMAGE:
        raise InputError(f"{image_path} holds {_by(images.shape)} values, not images of 28x28")
    if labels.ndim != 1 or labels.max(initial=0) > 9:
        raise InputError(
            f"{label_path} holds {_by(labels.shape)} values, not a list of labels 0 to 9"
        )
    if len(images) != len(labels):
        raise InputError(
            f"{image_path} has {len(images)} images, but {label_path} {len(labels)} labels"
        )
    return Dataset(images, labels, _BRIGHTEST)


def _find(folder: Path, stem: str, kind: str) -> Path:
    names = [f"{stem}{mark}{kind}{packed}" for packed in ("", ".gz") for mark in "-."]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise InputError(
        f"{folder} holds no file {names[0]}", hint=f"also read: {', '.join(names[1:])}"
    )


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
