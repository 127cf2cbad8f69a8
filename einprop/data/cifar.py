"""CIFAR-10's files as they were published: the archive, or the folder that unpacking it gives."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from einprop.data.dataset import Dataset, Split
from einprop.data.idx import by
from einprop.data.pickled import read_pickle
from einprop.errors import InputError

__all__ = ["CIFAR10_CLASSES", "load_cifar10", "read_cifar10"]

CIFAR10_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
"""What the labels 0 to 9 stand for."""

_TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
_TEST = "test_batch"
_NAMES = (*_TRAIN, _TEST)
_FOLDER = "cifar-10-batches-py"
_BRIGHTEST = 255
_CHANNELS, _HEIGHT, _WIDTH = 3, 32, 32
_PIXELS = _CHANNELS * _HEIGHT * _WIDTH
# A published batch has 31 million bytes; a file that claims far more is no batch.
_LARGEST = 2**28


def load_cifar10(
    path: str | PathLike[str], dtype: DTypeLike = np.float32
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """CIFAR-10, ready to train on.

    Args:
        path: The archive or its folder; see `read_cifar10`.
        dtype: The floating-point type of all arrays.

    Returns:
        Training and test tensors: ``x`` (examples, 3072), from 0 to 1, rows of pixels with their
        three colours together; and ``t`` (examples, 10), one-hot. For raw pixels, images or a mean
        to subtract see `Dataset.tensors`.

    Raises:
        InputError: A file is absent or damaged.
    """
    train, test = read_cifar10(path)
    return train.tensors(dtype), test.tensors(dtype)


def read_cifar10(path: str | PathLike[str]) -> Split:
    """CIFAR-10's images, 32x32 pixels of three colours with values from 0 to 255, and their labels.

    The batches are pickles. They are read as data, and nothing that a file holds is run.

    Args:
        path: The archive ``cifar-10-python.tar.gz``, also unpacked by gzip; or the folder
            ``cifar-10-batches-py`` that lies in it; or the folder in which that one or the archive
            lies. ``download("cifar10")`` fetches the archive.

    Returns:
        Training set and test set; as published, 50,000 and 10,000 examples, in their order there.
        Images have the axes (examples, 32, 32, 3), the colours red, green and blue.

    Raises:
        InputError: A file is absent or damaged, or holds something else.

    Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
    """
    chosen = _locate(Path(path))
    reader = _folder_files if chosen.is_dir() else _archive_files
    try:
        parts = {name: _batch(content, f"{chosen}: {name}") for name, content in reader(chosen)}
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise InputError(f"{chosen} cannot be read: {error}") from error
    for name in _NAMES:
        if name not in parts:
            raise InputError(f"{chosen} holds no file {name}")
    images, labels = zip(*(parts[name] for name in _TRAIN), strict=True)
    return Split(
        Dataset(np.concatenate(images), np.concatenate(labels), _BRIGHTEST),
        Dataset(*parts[_TEST], _BRIGHTEST),
    )


def _locate(path: Path) -> Path:
    """The archive, or the folder that holds the batches."""
    if path.is_file() or (path / _TEST).is_file():
        return path
    if (path / _FOLDER).is_dir():
        return path / _FOLDER
    for name in ("cifar-10-python.tar.gz", "cifar-10-python.tar"):
        if (path / name).is_file():
            return path / name
    raise InputError(
        f"{path} is neither the archive cifar-10-python.tar.gz nor the folder {_FOLDER}",
        hint='einprop.data.download("cifar10") fetches the archive',
    )


def _folder_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for name in _NAMES:
        if (folder / name).is_file():
            _check_size((folder / name).stat().st_size, f"{folder}: {name}")
            yield name, (folder / name).read_bytes()


def _archive_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """The batches in an archive, which is not unpacked to disk."""
    with tarfile.open(path, "r:*") as archive:
        for member in archive:
            name = PurePosixPath(member.name).name
            file = archive.extractfile(member) if name in _NAMES and member.isreg() else None
            if file is not None:
                _check_size(member.size, f"{path}: {name}")
                yield name, file.read()


def _check_size(size: int, source: str) -> None:
    if size > _LARGEST:
        raise InputError(f"{source} has {size} bytes, too many for a batch of CIFAR-10")


def _batch(content: bytes, source: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images, channels last, and labels of one pickled batch."""
    batch = read_pickle(content, source)
    # A batch that Python 3 has read and written again may have its keys as bytes.
    items = batch.items() if isinstance(batch, dict) else ()
    named = {key.decode("latin-1") if isinstance(key, bytes) else key: v for key, v in items}
    rows, labels = named.get("data"), named.get("labels")
    if not isinstance(rows, np.ndarray) or rows.shape[1:] != (_PIXELS,):
        held = f"values of shape {by(rows.shape)}" if isinstance(rows, np.ndarray) else "nothing"
        raise InputError(f"{source} holds {held} as data, not rows of {_PIXELS} bytes")
    if not isinstance(labels, list) or not all(_is_label(label) for label in labels):
        raise InputError(f"{source} holds no list of labels 0 to 9")
    if len(rows) != len(labels):
        raise InputError(f"{source} has {len(rows)} images, but {len(labels)} labels")
    images = rows.reshape(-1, _CHANNELS, _HEIGHT, _WIDTH).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), np.array(labels, np.uint8)


def _is_label(label: object) -> bool:
    return type(label) is int and 0 <= label < len(CIFAR10_CLASSES)
