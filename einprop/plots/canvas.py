"""What all figures share: matplotlib if it is there, colours, quiet axes, and the file."""

from __future__ import annotations

import math
from os import PathLike
from typing import TYPE_CHECKING, Any

from einprop.errors import InputError, UnsupportedError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "BLUE",
    "GREY",
    "ORANGE",
    "Path",
    "integers",
    "new_figure",
    "only_powers",
    "quiet",
    "shades",
    "written",
]

Path = str | PathLike[str]

BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#555555"


def shades(count: int) -> list[tuple[float, ...]]:
    """Colours from dark to light, none too light for a white ground."""
    from matplotlib import colormaps  # noqa: PLC0415  (an extra)

    return [tuple(colormaps["viridis"](0.85 * k / max(count - 1, 1))) for k in range(count)]


def integers(axis: Any) -> None:
    """Ticks at whole numbers."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415  (an extra)

    axis.set_major_locator(MaxNLocator(integer=True))


def only_powers(panel: Axes) -> None:
    """No labels between powers of ten, where two of those are in sight."""
    from matplotlib.ticker import NullFormatter  # noqa: PLC0415  (an extra)

    low, high = panel.get_ylim()
    if math.floor(math.log10(high)) > math.ceil(math.log10(low)):
        panel.yaxis.set_minor_formatter(NullFormatter())


def quiet(panel: Axes) -> None:
    """A faint grid, and no frame where there is no scale."""
    panel.grid(alpha=0.25, linewidth=0.6)
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, that no window and no global state knows of.

    Raises:
        UnsupportedError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  (an extra)
    except ImportError:
        raise UnsupportedError(
            "figures need matplotlib, which is not installed",
            hint='pip install "einprop[plot]"',
        ) from None
    return Figure(figsize=(width, height), layout="constrained")


def written(figure: Figure, path: Path | None) -> Figure:
    """The figure, in a file as well where one is named."""
    if path is not None:
        try:
            figure.savefig(path, dpi=150)
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be written: {error}") from None
    return figure
