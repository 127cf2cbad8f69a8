"""Labelled images as their files hold them, and the step from there to tensors of a program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from einprop.data.labels import one_hot
from einprop.errors import InputError

__all__ = ["Dataset", "Split"]


# Arrays have no single answer to ==, so data sets compare by identity.
@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Images and what they show.

    Args:
        images: Unsigned bytes of shape (examples, height, width).
        labels: Unsigned bytes of shape (examples,), from 0 to 9.
        brightest: The value of a fully bright pixel; 0 is dark.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    brightest: int

    def __post_init__(self) -> None:
        if len(self.images) != len(self.labels):
            raise InputError(f"{len(self.images)} images have {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.labels)

    def tensors(self, dtype: DTypeLike = np.float32) -> dict[str, NDArray[Any]]:
        """The inputs of a classifier, under the names that equations give them.

        Args:
            dtype: A floating-point type; 32 bits are enough to train.

        Returns:
            ``x``, a row of pixels from 0 to 1 for each image, and ``t``, its label one-hot.

        >>> images = np.array([[[0, 4], [8, 16]]], np.uint8)
        >>> tensors = Dataset(images, np.array([3], np.uint8), brightest=16).tensors()
        >>> tensors["x"].tolist()
        [[0.0, 0.25, 0.5, 1.0]]
        >>> tensors["t"].argmax(axis=1).tolist()
        [3]
        """
        height, width = self.images.shape[1:]
        pixels = self.images.reshape(len(self), height * width).astype(dtype)
        return {
            "x": pixels / pixels.dtype.type(self.brightest),
            "t": one_hot(self.labels, 10, dtype),
        }


class Split(NamedTuple):
    """What to learn from, and what to judge by."""

    train: Dataset
    test: Dataset
