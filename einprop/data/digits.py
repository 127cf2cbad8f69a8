"""The 1,797 handwritten digits that come with the package."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from einprop.data.dataset import Dataset, Split

__all__ = ["load_digits", "read_digits"]

# Many digits stand in runs of 0 to 9: a stride without a common factor takes each about as often.
_HELD_OUT_STRIDE = 7


def read_digits() -> Split:
    """Images of 8x8 pixels with values from 0 to 16: 1,540 to learn from and 257 held out.

    They are the test set of E. Alpaydin and C. Kaynak (1998), "Optical Recognition of Handwritten
    Digits", UCI Machine Learning Repository, licence CC BY 4.0, in the order in which scikit-learn
    ships them. Each pixel counts the inked ones among 4x4 of a bitmap of 32x32.

    Held out is every seventh example: numbers 0, 7, 14 and so on. So whoever wrote a held-out digit
    also wrote some to learn from.

    >>> train, test = read_digits()
    >>> train.images.shape, test.images.shape
    ((1540, 8, 8), (257, 8, 8))
    >>> test.labels[:12].tolist()
    [0, 7, 4, 1, 8, 5, 1, 0, 1, 3, 1, 2]
    """
    source = files("einprop.data").joinpath("digits.npz")
    with source.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    held_out = np.arange(len(labels)) % _HELD_OUT_STRIDE == 0
    return Split(
        Dataset(images[~held_out], labels[~held_out], brightest=16),
        Dataset(images[held_out], labels[held_out], brightest=16),
    )


def load_digits(
    dtype: DTypeLike = np.float32,
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """The digits of ``read_digits``, ready to train on.

    Args:
        dtype: The floating-point type of all arrays.

    Returns:
        Training and held-out tensors: ``x`` (examples, 64), from 0 to 1, and ``t`` (examples, 10),
        one-hot.

    >>> train, test = load_digits()
    >>> {name: tensor.shape for name, tensor in train.items()}
    {'x': (1540, 64), 't': (1540, 10)}
    """
    train, test = read_digits()
    return train.tensors(dtype), test.tensors(dtype)
