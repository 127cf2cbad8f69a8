"""Labelled images as their files hold them, and the step from there to tensors of a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from reprlib import repr as shortened
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from einprop.data.batches import rows_of
from einprop.data.labels import one_hot
from einprop.errors import InputError, ShapeError
from einprop.options import dtype_of, flag, integer

__all__ = ["Dataset", "Split"]


# Arrays have no single answer to ==, so data sets compare by identity.
@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Images and what they show.

    Args:
        images: Unsigned bytes of shape (examples, height, width), or (examples, height, width,
            channels) where they have colours.
        labels: Integers of shape (examples,), from 0 to ``classes - 1``.
        brightest: The value of a fully bright pixel; 0 is dark.
        classes: How many classes there are.

    Raises:
        InputError: The images have other axes, or there are not as many labels.
    """

    images: NDArray[np.uint8]
    labels: NDArray[Any]
    brightest: int
    classes: int = 10

    def __post_init__(self) -> None:
        for name in ("images", "labels"):
            object.__setattr__(self, name, rows_of(name, getattr(self, name)))
        integer("brightest", self.brightest)
        integer("classes", self.classes)
        if np.ndim(self.images) not in (3, 4):
            raise InputError(
                f"images of shape {np.shape(self.images)} are no images",
                hint="the axes are examples, height, width and, for colours, channels",
            )
        if self.labels.ndim != 1 or len(self.images) != len(self.labels):
            raise InputError(f"{len(self.images)} images have {np.size(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Sequence[int] | slice | NDArray[Any]) -> Dataset:
        """The examples with these numbers, in this order.

        >>> images = np.arange(3, dtype=np.uint8).reshape(3, 1, 1)
        >>> Dataset(images, np.array([7, 8, 9]), brightest=2).take([2, 0]).labels.tolist()
        [9, 7]
        """
        if not isinstance(rows, slice):
            rows = rows_of("rows", rows)
            if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iub"):
                raise InputError(f"rows are numbers of examples, not {shortened(rows)}")
            rows = rows if rows.size else rows.astype(np.intp)
        try:
            return replace(self, images=self.images[rows], labels=self.labels[rows])
        except (IndexError, TypeError) as error:
            raise InputError(f"rows are numbers of examples: {error}") from None

    def mean_image(self) -> NDArray[np.float64]:
        """The mean over the examples of each pixel, of the shape of one image.

        Take that of the training images, and subtract it from all: ``tensors(mean=...)``.

        Raises:
            InputError: There are no images.

        >>> images = np.array([[[0, 4]], [[8, 5]]], np.uint8)
        >>> Dataset(images, np.array([0, 1]), brightest=16).mean_image().tolist()
        [[4.0, 4.5]]
        """
        if not len(self):
            raise InputError("no images have no mean")
        mean: NDArray[np.float64] = self.images.mean(axis=0, dtype=np.float64)
        return mean

    def tensors(
        self,
        dtype: DTypeLike = np.float32,
        *,
        flat: bool = True,
        raw: bool = False,
        mean: ArrayLike | None = None,
        integer_labels: bool = False,
    ) -> dict[str, NDArray[Any]]:
        """The inputs of a classifier, under the names that equations give them.

        Args:
            dtype: A floating-point type; 32 bits are enough to train.
            flat: ``x[b,i]``, one row of pixels an image; otherwise ``x[b,i,j,c]``, channels last,
                one channel where the images have no colours.
            raw: Leave the pixels as they are; otherwise they are divided by ``brightest``.
            mean: Subtracted from every image, before the division: a `mean_image`, or a number.
            integer_labels: Whether ``t[b]`` holds the labels' numbers; otherwise ``t[b,k]`` is
                one-hot.

        Returns:
            ``x``, the images, by default from 0 to 1; and ``t``, the labels.

        Raises:
            ShapeError: ``mean`` is neither a number nor of the shape of one image.
            InputError: A label names no class.

        >>> images = np.array([[[0, 4], [8, 16]]], np.uint8)
        >>> digits = Dataset(images, np.array([3], np.uint8), brightest=16)
        >>> tensors = digits.tensors()
        >>> tensors["x"].tolist()
        [[0.0, 0.25, 0.5, 1.0]]
        >>> tensors["t"].argmax(axis=1).tolist()
        [3]
        >>> tensors = digits.tensors(flat=False, raw=True, mean=[[0, 4], [4, 4]], integer_labels=True)
        >>> tensors["x"].shape, tensors["x"].ravel().tolist(), tensors["t"].tolist()
        ((1, 2, 2, 1), [0.0, 0.0, 4.0, 12.0], [3])
        """
        dtype = dtype_of(dtype)
        flat, raw = flag("flat", flat), flag("raw", raw)
        integer_labels = flag("integer_labels", integer_labels)
        pixels = self.images.astype(dtype)
        if mean is not None:
            pixels -= self._checked_mean(mean).astype(pixels.dtype)
        if not raw:
            pixels /= pixels.dtype.type(self.brightest)
        height, width, *channels = self.images.shape[1:]
        channel = channels[0] if channels else 1
        shape = (height * width * channel,) if flat else (height, width, channel)
        hot = one_hot(self.labels, self.classes, dtype)
        labels = self.labels.astype(np.intp) if integer_labels else hot
        return {"x": pixels.reshape(len(self), *shape), "t": labels}

    def _checked_mean(self, mean: ArrayLike) -> NDArray[Any]:
        array = rows_of("mean", mean)
        if array.shape not in ((), self.images.shape[1:]):
            raise ShapeError(
                f"a mean of shape {array.shape} does not fit images of shape {self.images.shape[1:]}",
                hint="it has the shape of one image: train.mean_image()",
            )
        return array


class Split(NamedTuple):
    """What to learn from, and what to judge by."""

    train: Dataset
    test: Dataset
