"""Learning curves: what a history recorded, over the epochs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from einprop.errors import InputError
from einprop.plots.canvas import BLUE, GREY, ORANGE, Path, integers, new_figure, quiet, written

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from einprop.training.history import History

__all__ = ["learning_curves"]

Array = npt.NDArray[Any]

_TRAINING = "training_"
_VALIDATION = "validation_"
_MANY = 40


def learning_curves(
    history: History, *, smooth: int | None = None, path: Path | None = None
) -> Figure:
    """Loss and metrics over the epochs: a panel each, training and validation together in it.

    Args:
        history: As `fit` returns it.
        smooth: Over how many epochs around each a curve is averaged, itself staying visible behind;
            1 for none. By default a tenth of all where there are 20 or more and the curve goes up
            and down by more than three times what it changes altogether, else 1.
        path: Where the figure is written, if anywhere.

    Raises:
        InputError: There is no epoch, or ``smooth`` is less than 1.
        UnsupportedError: matplotlib is not installed.
    """
    if not history.records:
        raise InputError("this history has no epoch to plot")
    if smooth is not None and smooth < 1:
        raise InputError(f"smooth is {smooth}", hint="it is a number of epochs, 1 or more")
    panels: dict[str, list[str]] = {}
    for column in history.columns:
        panels.setdefault(_measure(column), []).append(column)
    wide = min(len(panels), 3)
    high = -(-len(panels) // wide)
    figure = new_figure(4.6 * wide, 3.4 * high)
    axes = list(figure.subplots(high, wide, squeeze=False).flat)
    epochs = [record.epoch for record in history.records]
    for (measure, columns), panel in zip(panels.items(), axes, strict=False):
        for column in columns:
            _draw_curve(panel, epochs, history.column(column), _part(column, columns), smooth)
        integers(panel.xaxis)
        panel.set(xlabel="epoch", ylabel=measure.replace("_", " "))
        quiet(panel)
        panel.legend(frameon=False)
    for panel in axes[len(panels) :]:
        panel.set_axis_off()
    return written(figure, path)


def _measure(column: str) -> str:
    """What a column of a history measures, on whichever data."""
    return column.removeprefix(_TRAINING).removeprefix(_VALIDATION)


def _part(column: str, columns: Sequence[str]) -> str:
    """On which data a column was measured."""
    if column == "loss":
        both = f"{_TRAINING}loss" in columns
        return "training, before each step" if both else "training"
    return "training" if column.startswith(_TRAINING) else "validation"


_LINES = {
    "training": (BLUE, "-", "o"),
    "training, before each step": (GREY, ":", ""),
    "validation": (ORANGE, "--", "s"),
}


def _draw_curve(
    panel: Axes, epochs: Sequence[int], values: Sequence[float], part: str, smooth: int | None
) -> None:
    colour, line, marker = _LINES[part]
    half = (_window(values) if smooth is None else smooth) // 2
    shown: Sequence[float] | Array = values
    if half:
        panel.plot(epochs, values, color=colour, linewidth=0.8, alpha=0.35)
        shown, part = _moving_mean(values, half), f"{part}, mean of {2 * half + 1} epochs"
    # Markers show that an epoch is one number; where there are many, they hide the line.
    mark = marker if len(values) <= _MANY and not half else ""
    panel.plot(epochs, shown, color=colour, linestyle=line, marker=mark, markersize=4, label=part)


def _window(values: Sequence[float]) -> int:
    """How many epochs to average a curve over: 1 unless it is noisy."""
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) < 20:
        return 1
    noisy = np.abs(np.diff(finite)).sum() > 3 * (max(finite) - min(finite))
    return len(values) // 10 if noisy else 1


def _moving_mean(values: Sequence[float], half: int) -> Array:
    """The mean of as many values before each as behind it, fewer at both ends."""
    last = len(values) - 1
    sides = [min(half, k, last - k) for k in range(last + 1)]
    return np.array([np.mean(values[k - n : k + n + 1]) for k, n in enumerate(sides)])
