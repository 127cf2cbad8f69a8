"""Weights as images: what of the input speaks for a unit of the first layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from einprop.errors import InputError, ShapeError
from einprop.plots.canvas import Path, new_figure, written

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["weight_images"]

Array = npt.NDArray[Any]


def weight_images(
    weights: npt.ArrayLike,
    shape: tuple[int, int],
    *,
    titles: Sequence[str] = (),
    across: int | None = None,
    limit: float | None = None,
    path: Path | None = None,
) -> Figure:
    """Columns of a weight ``W[i,j]`` as images, a unit each: what of the input speaks for it.

    Red speaks for a unit, blue against it, white says nothing; all images share one scale, which is
    symmetric around 0.

    Args:
        weights: The weight of a first layer, inputs along its first axis.
        shape: Rows and columns of the input as an image, such as ``(28, 28)``.
        titles: A title for each unit; by default none.
        across: Images in a row; by default so that the figure is wider than high and few places
            stay empty.
        limit: The value at the end of the scale; by default the largest absolute weight.
        path: Where the figure is written, if anywhere.

    Raises:
        ShapeError: The weights are no matrix, or a column is no image of that shape.
        InputError: There are not as many titles as units, or a number is not positive.
        UnsupportedError: matplotlib is not installed.
    """
    images = _as_images(weights, shape)
    count = len(images)
    if titles and len(titles) != count:
        raise InputError(f"{len(titles)} titles for {count} units")
    if (across is not None and across < 1) or (limit is not None and not limit > 0):
        raise InputError(f"across is {across} and limit {limit}", hint="both are positive, or None")
    columns = min(across or _columns(count, shape), count)
    gaps = max(shape[0] // (4 if titles else 12), 1), max(shape[1] // 12, 1)
    finite = np.abs(images[np.isfinite(images)])
    top = limit or float(finite.max(initial=0.0)) or 1.0
    mosaic = _mosaic(images, columns, gaps)
    width = min(9.0, max(3.5, 0.9 * columns))
    figure = new_figure(width + 1.0, width * mosaic.shape[0] / mosaic.shape[1] + 0.4)
    panel = figure.subplots()
    # A gap is no number, and shows the ground.
    drawn = panel.imshow(mosaic, cmap="RdBu_r", vmin=-top, vmax=top, interpolation="nearest")
    panel.set_axis_off()
    size = min(10.0, 72 * width / columns * 0.22)
    for unit, title in enumerate(titles):
        row, column = divmod(unit, columns)
        x = column * (shape[1] + gaps[1]) + shape[1] / 2 - 0.5
        y = gaps[0] + row * (shape[0] + gaps[0]) - 0.5 - 0.1 * gaps[0]
        panel.text(x, y, title, ha="center", va="bottom", fontsize=size)
    figure.colorbar(drawn, ax=panel, shrink=0.9, pad=0.02, label="weight")
    return written(figure, path)


def _as_images(weights: npt.ArrayLike, shape: tuple[int, int]) -> Array:
    """An image for each column of a matrix."""
    matrix = np.asarray(weights)
    if matrix.ndim != 2 or not matrix.size:
        raise ShapeError(
            f"the weights have shape {matrix.shape}, which is no matrix",
            hint="inputs along the first axis, units along the second",
        )
    if len(shape) != 2 or min(shape) < 1 or shape[0] * shape[1] != len(matrix):
        raise ShapeError(
            f"a column of {len(matrix)} weights is no image of shape {tuple(shape)}",
            hint=f"rows times columns is {len(matrix)}",
        )
    images: Array = matrix.T.reshape(-1, *shape).astype(np.float64)
    return images


def _columns(count: int, shape: tuple[int, int]) -> int:
    """How many images stand in a row so that the whole is wider than high, with few empty places."""
    least = math.ceil(math.sqrt(1.6 * count * shape[0] / shape[1]))
    return min(range(least, 2 * least), key=lambda columns: (-count % columns, columns))


def _mosaic(images: Array, columns: int, gaps: tuple[int, int]) -> Array:
    """Images in rows, nan above each row and between columns."""
    count, high, wide = images.shape
    rows = -(-count // columns)
    cells = np.full((rows * columns, high + gaps[0], wide + gaps[1]), np.nan)
    cells[:count, gaps[0] :, :wide] = images
    grid = cells.reshape(rows, columns, high + gaps[0], wide + gaps[1]).swapaxes(1, 2)
    return grid.reshape(rows * (high + gaps[0]), -1)[:, : -gaps[1]]
