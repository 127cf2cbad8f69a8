"""Signals and gradients, as a diagnosis or an inspection measures them, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from einprop.errors import InputError
from einprop.plots.canvas import (
    BLUE,
    GREY,
    ORANGE,
    Path,
    integers,
    new_figure,
    only_powers,
    quiet,
    shades,
    written,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from einprop.inspection import Inspection
    from einprop.training.diagnose import Diagnosis

__all__ = ["gradient_norms", "histograms", "signals"]

Array = npt.NDArray[Any]

_MARKERS = "os^Dv<>P"


def signals(diagnosis: Diagnosis, *, path: Path | None = None) -> Figure:
    """The norm of every tensor and of its gradient, and which part of the gradient is 0.

    Tensors stand in the order of the equations. What is exactly 0 stands as a cross at the left
    edge, since a scale of powers has no place for it. The tensors of layers at which something dies,
    as the diagnosis finds them, are bold.

    Args:
        diagnosis: As `diagnose` returns it.
        path: Where the figure is written, if anywhere.

    Raises:
        InputError: There is no signal.
        UnsupportedError: matplotlib is not installed.
    """
    found = diagnosis.signals
    if not found:
        raise InputError("this diagnosis has no signal to plot")
    figure = new_figure(8.5, 1.3 + 0.28 * len(found))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    places = range(len(found))
    _draw_norms(left, places, [s.norm for s in found], "norm", BLUE, "o")
    _draw_norms(left, places, [s.gradient for s in found], "norm of the gradient", ORANGE, "s")
    left.set(xscale="log", xlabel="norm (a cross: exactly 0)")
    left.set_yticks(places, [s.name for s in found])
    left.invert_yaxis()
    for label, signal in zip(left.get_yticklabels(), found, strict=True):
        label.set(fontweight="bold" if signal.layer in diagnosis.layers else "normal")
    figure.legend(
        *left.get_legend_handles_labels(), loc="outside upper left", ncols=3, frameon=False
    )
    shares = [100 * s.zeros for s in found]
    bars = right.barh(places, shares, color=GREY, height=0.6)
    for bar, share in zip(bars, shares, strict=True):
        if share == 100:
            bar.set(facecolor="white", edgecolor=ORANGE, hatch="////")
    right.set(xlim=(0, 100), xlabel="entries of the gradient that are 0, %")
    for panel in (left, right):
        quiet(panel)
    return written(figure, path)


def _draw_norms(
    panel: Axes, places: Sequence[int], norms: Sequence[float], label: str, colour: str, mark: str
) -> None:
    """Points at positive norms; crosses at the left edge of the panel where they are 0."""
    shown = [norm if norm > 0 else math.nan for norm in norms]
    panel.plot(shown, places, linestyle="", marker=mark, color=colour, label=label, alpha=0.9)
    zero = [place for place, norm in zip(places, norms, strict=True) if norm == 0]
    at = [0.02 if mark == "o" else 0.05] * len(zero)
    edge = panel.get_yaxis_transform()
    panel.plot(at, zero, linestyle="", marker="x", color=colour, transform=edge)


def gradient_norms(
    diagnoses: Sequence[Diagnosis],
    steps: Sequence[int] | None = None,
    *,
    names: Sequence[str] | None = None,
    path: Path | None = None,
) -> Figure:
    """The norm of each parameter's gradient as training goes on, early layers dark, late ones light.

    Args:
        diagnoses: Of one model, one after another.
        steps: When each was made; by default 0, 1, 2 and so on.
        names: Of the tensors to show, activations too; by default all parameters.
        path: Where the figure is written, if anywhere.

    Raises:
        InputError: There is no diagnosis, not a step for each, or no tensor of that name.
        UnsupportedError: matplotlib is not installed.
    """
    when = range(len(diagnoses)) if steps is None else steps
    if not diagnoses or len(when) != len(diagnoses):
        raise InputError(
            f"{len(diagnoses)} diagnoses and {len(when)} steps", hint="one step for each"
        )
    tables = [{s.name: s for s in diagnosis.signals} for diagnosis in diagnoses]
    chosen = [n for n, s in tables[0].items() if s.is_parameter] if names is None else names
    for name in chosen:
        if not all(name in table for table in tables):
            known = ", ".join(tables[0])
            raise InputError(f"no gradient of {name} in every diagnosis", hint=f"there are {known}")
    figure = new_figure(7.5, 4.0)
    panel = figure.subplots()
    colours = shades(len(chosen))
    for number, (name, colour) in enumerate(zip(chosen, colours, strict=True)):
        values = [table[name].gradient or math.nan for table in tables]
        mark = _MARKERS[number % len(_MARKERS)]
        panel.plot(when, values, color=colour, marker=mark, markersize=4, linewidth=1.3, label=name)
    panel.set(yscale="log", xlabel="step", ylabel="norm of the gradient")
    integers(panel.xaxis)
    only_powers(panel)
    quiet(panel)
    columns = -(-len(chosen) // 18)
    figure.legend(loc="outside right upper", frameon=False, ncols=columns)
    return written(figure, path)


def histograms(
    inspection: Inspection, names: Sequence[str] | None = None, *, path: Path | None = None
) -> Figure:
    """How the values of tensors are spread, and their gradients below, with the share of zeros.

    A unit is a position along the last axis, such as ``j`` of ``h[b,j]``; one that is 0 for all
    examples is dead, and where there are such, their number stands above.

    Args:
        inspection: As `inspect` returns it.
        names: Of the tensors to show; by default all that have a gradient and more than one entry.
        path: Where the figure is written, if anywhere.

    Raises:
        InputError: There is no such tensor, or none to show.
        UnsupportedError: matplotlib is not installed.
    """
    chosen = names
    if chosen is None:
        chosen = [n for n, t in inspection.items() if t.gradient is not None and t.value.size > 1]
    unknown = [name for name in chosen if name not in inspection]
    if unknown or not chosen:
        raise InputError(
            f"no tensor {', '.join(unknown)}" if unknown else "no tensor to show",
            hint=f"there are {', '.join(inspection)}",
        )
    wide = min(len(chosen), 6)
    high = -(-len(chosen) // wide)
    figure = new_figure(max(2.1 * wide, 3.0), 4.0 * high)
    panels = figure.subplots(2 * high, wide, squeeze=False)
    for panel in panels.flat:
        panel.set_axis_off()
    for number, name in enumerate(chosen):
        row, column = divmod(number, wide)
        tensor = inspection[name]
        above, below = panels[2 * row : 2 * row + 2, column]
        _draw_spread(above, tensor.value, BLUE)
        above.set_title(f"{tensor.label}\n{above.get_title()}", fontsize=9)
        if tensor.gradient is not None:
            _draw_spread(below, tensor.gradient, ORANGE)
        if not column:
            above.set_ylabel("values")
            below.set_ylabel("gradient")
    return written(figure, path)


def _draw_spread(panel: Axes, array: Array, colour: str) -> None:
    """A histogram, and how many entries and whole units are exactly 0 above it."""
    panel.set_axis_on()
    finite = array[np.isfinite(array)].astype(np.float64).ravel()
    panel.hist(finite, bins=30, color=colour)
    zeros = float(np.mean(array == 0)) if array.size else 0.0
    units = array if array.ndim > 1 and array.size else np.empty((0, 0))
    dead = (units == 0).all(axis=tuple(range(units.ndim - 1)))
    said = f",\n{int(dead.sum())} of {dead.size} units always" if dead.any() else ""
    panel.set_title(f"{zeros:.0%} are 0{said}", fontsize=9)
    panel.set_yticks([])
    panel.locator_params(axis="x", nbins=3)
    panel.tick_params(labelsize=8)
    panel.ticklabel_format(axis="x", style="sci", scilimits=(-2, 3))
    for side in ("top", "right", "left"):
        panel.spines[side].set_visible(False)
