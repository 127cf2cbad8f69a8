"""MNIST's files as they were published, packed or not, under either of their names; and files like them."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from einprop.data.dataset import Dataset, Split
from einprop.data.idx import by, read_idx
from einprop.errors import InputError

__all__ = ["load_mnist", "read_labelled_images", "read_mnist"]

_BRIGHTEST = 255
_IMAGE = (28, 28)
_CLASSES = 10


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
            ``.idx3-ubyte`` and each packed by gzip or not. ``download("mnist")`` fetches them.

    Returns:
        Training set and test set; as published, 60,000 and 10,000 examples.

    Raises:
        InputError: A file is absent or damaged, or is not what its name says.
    """
    return Split(_read_part(Path(folder), "train"), _read_part(Path(folder), "t10k"))


def read_labelled_images(
    images: str | PathLike[str], labels: str | PathLike[str], classes: int | None = None
) -> Dataset:
    """Images and labels from two idx files, such as those of Fashion-MNIST, EMNIST or KMNIST.

    Args:
        images: A file of unsigned bytes of shape (examples, height, width) or (examples, height,
            width, channels).
        labels: A file of integers of shape (examples,).
        classes: How many classes there are; by default one more than the largest label.

    Raises:
        InputError: A file is absent or damaged, or does not hold what is said above.
    """
    pixels, numbers = read_idx(images), read_idx(labels)
    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4):
        raise InputError(
            f"{images} holds {by(pixels.shape)} values of type {pixels.dtype}, not images",
            hint="images are unsigned bytes with three axes, or four with the channels last",
        )
    if numbers.dtype.kind not in "iu" or numbers.ndim != 1:
        raise InputError(
            f"{labels} holds {by(numbers.shape)} values of type {numbers.dtype}, "
            "not a list of labels"
        )
    if len(pixels) != len(numbers):
        raise InputError(f"{images} has {len(pixels)} images, but {labels} {len(numbers)} labels")
    found = int(numbers.max(initial=0)) + 1
    return Dataset(pixels, numbers, _BRIGHTEST, found if classes is None else classes)


def _read_part(folder: Path, part: str) -> Dataset:
    image_path = _find(folder, f"{part}-images", "idx3-ubyte")
    label_path = _find(folder, f"{part}-labels", "idx1-ubyte")
    data = read_labelled_images(image_path, label_path, _CLASSES)
    if data.images.shape[1:] != _IMAGE:
        raise InputError(f"{image_path} holds {by(data.images.shape)} values, not images of 28x28")
    if data.labels.max(initial=0) >= _CLASSES:
        raise InputError(f"{label_path} holds the label {data.labels.max()}, not only 0 to 9")
    return data


def _find(folder: Path, stem: str, kind: str) -> Path:
    names = [f"{stem}{mark}{kind}{packed}" for packed in ("", ".gz") for mark in "-."]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise InputError(
        f"{folder} holds no file {names[0]}", hint=f"also read: {', '.join(names[1:])}"
    )
