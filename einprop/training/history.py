"""What happened in training: a record for each epoch, as a table and as a curve."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from os import PathLike
from pathlib import Path

from einprop.errors import InputError, UnsupportedError
from einprop.files import written_whole
from einprop.options import file_name
from einprop.plots import learning_curves
from einprop.tables import aligned, html_table

__all__ = ["History", "Record", "larger_is_better"]

_BAR = 40
_ROWS = 40


@dataclass(frozen=True, slots=True)
class Record:
    """One epoch.

    Attributes:
        epoch: Its number, from 1.
        loss: Mean over the examples of the epoch, each before the step that it takes part in.
        metrics: Of the validation data after the epoch, by name; empty without validation data.
        seconds: How long the epoch took, its validation included.
        throughput: Examples per second that were learned from; 0 if nobody measured it.
    """

    epoch: int
    loss: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    throughput: float = 0.0

    def __str__(self) -> str:
        """One line: ``epoch 3  loss 0.1234  error_rate 0.05  0.2 s``."""
        parts = [f"epoch {self.epoch}", f"loss {_number(self.loss)}"]
        parts += [f"{name} {_number(value)}" for name, value in self.metrics.items()]
        parts += [f"{self.seconds:.2f} s"]
        parts += [f"{self.throughput:,.0f} examples/s"] if self.throughput else []
        return "  ".join(parts)


@dataclass(frozen=True, slots=True)
class History:
    """The records of all epochs; prints as a table.

    >>> first, second = Record(1, 0.5, {"error_rate": 0.25}), Record(2, 0.125, {"error_rate": 0.1})
    >>> history = History((first, second))
    >>> print(history)
    epoch   loss  error_rate  seconds
        1    0.5        0.25     0.00
        2  0.125         0.1     0.00
    >>> history.column("error_rate")
    [0.25, 0.1]
    """

    records: tuple[Record, ...] = ()

    @property
    def last(self) -> Record:
        """The last epoch."""
        return self.records[-1]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of what was recorded: ``loss`` and the metrics."""
        return ("loss", *(self.last.metrics if self.records else ()))

    def column(self, name: str) -> list[float]:
        """One recorded number over the epochs."""
        return [r.loss if name == "loss" else r.metrics[name] for r in self.records]

    def best(self, name: str | None = None) -> Record:
        """The epoch in which a recorded number is best, the first of those that are equal.

        Args:
            name: Of the number; by default ``validation_loss`` where it was recorded, else ``loss``.
                Of what ends in ``accuracy`` the largest is best, of anything else the smallest.

        Raises:
            InputError: Nothing of that name was recorded, or no number is finite.

        >>> History((Record(1, 0.5, {"accuracy": 0.9}), Record(2, 0.4, {"accuracy": 0.8}))).best().epoch
        2
        """
        validated = "validation_loss" in self.columns
        chosen = name or ("validation_loss" if validated else "loss")
        if chosen not in self.columns:
            raise InputError(
                f"no {chosen} was recorded", hint=f"there is {', '.join(self.columns)}"
            )
        sign = -1 if larger_is_better(chosen) else 1
        pairs = zip(self.column(chosen), self.records, strict=True)
        finite = [(sign * value, record) for value, record in pairs if math.isfinite(value)]
        if not finite:
            raise InputError(f"no epoch has a finite {chosen}")
        return min(finite, key=lambda pair: pair[0])[1]

    def _rows(self) -> list[list[str]]:
        """The header, and a row for each epoch."""
        rows = [["epoch", *self.columns, "seconds"]]
        for record in self.records:
            values = [record.loss, *record.metrics.values()]
            rows.append([str(record.epoch), *map(_number, values), f"{record.seconds:.2f}"])
        return rows

    def __str__(self) -> str:
        """The table."""
        return "\n".join(aligned(self._rows(), left=0))

    def _repr_html_(self) -> str:
        """A line drawn for each number, and the table; of many epochs evenly chosen ones."""
        head, *rows = self._rows()
        marks = [""] * len(rows)
        if rows:
            marks[-1] = "last"
        try:
            best = self.records.index(self.best())
            marks[best] = "best, last" if marks[best] else "best"
        except InputError:
            pass  # No epoch is best where no loss is finite.
        stride = -(-len(rows) // _ROWS) or 1
        shown = [k for k in range(len(rows)) if k % stride == 0 or marks[k]]
        table = [[*head, ""], *([*rows[k], marks[k]] for k in shown)]
        strong = [n for n, k in enumerate(shown, 1) if marks[k]]
        curves = "".join(
            f'<span style="margin-right:2em;white-space:nowrap">{escape(name)} {drawn}</span>'
            for name in self.columns
            if (drawn := _sparkline(self.column(name)))
        )
        return f"<div>{curves}</div>{html_table(table, left=0, strong=strong)}"

    def plot(self, path: str | PathLike[str] = "learning_curve.png") -> Path:
        """Write the learning curves and return the path written.

        With matplotlib they are an image, in the format that the path's suffix names; without, or
        if the suffix is ``.txt``, they are text, under the suffix ``.txt``. A figure to change is
        what `einprop.plots.learning_curves` gives.
        """
        target = Path(file_name(path))
        if not target.parent.is_dir():
            raise InputError(f"there is no folder {target.parent} to write {target.name} into")
        if target.suffix != ".txt" and self.records:
            try:
                learning_curves(self, path=target)
            except UnsupportedError:
                pass
            else:
                return target
        target = target.with_suffix(".txt")
        with written_whole(target) as file:
            file.write(f"{self}\n\n{self.curve()}\n".encode())
        return target

    def curve(self, name: str = "loss") -> str:
        """One recorded number as text: a bar for each epoch (evenly chosen ones if there are many).

        >>> print(History((Record(1, 1.0), Record(2, 0.25))).curve())
        loss
        epoch 1  ######################################## 1
        epoch 2  ########## 0.25
        """
        values = self.column(name)
        stride = -(-len(values) // _ROWS) or 1
        top = max(values, default=0.0) or 1.0
        width = len(str(len(values)))
        lines = [name]
        for record, value in list(zip(self.records, values, strict=True))[::stride]:
            bar = "#" * round(_BAR * max(value, 0.0) / top)
            lines.append(f"epoch {record.epoch:{width}}  {bar} {_number(value)}")
        return "\n".join(lines)


def larger_is_better(name: str) -> bool:
    """Whether a recorded number is to grow, as its name tells: one that ends in ``accuracy``.

    >>> larger_is_better("training_accuracy"), larger_is_better("error_rate")
    (True, False)
    """
    return name.endswith("accuracy")


def _sparkline(values: Sequence[float], width: int = 120, height: int = 24) -> str:
    """Numbers as a line of the size of a word, in the colour of the text; no axis, no script."""
    points = [(k, value) for k, value in enumerate(values) if math.isfinite(value)]
    if len(points) < 2:
        return ""
    low, high = min(v for _, v in points), max(v for _, v in points)
    across, up = (width - 6) / (len(values) - 1), (height - 6) / ((high - low) or 1.0)
    places = [(3 + k * across, height - 3 - (value - low) * up) for k, value in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    x, y = places[-1]
    return (
        f'<svg width="{width}" height="{height}" style="vertical-align:middle">'
        f'<polyline points="{line}" fill="none" stroke="currentColor" stroke-width="1.3"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="currentColor"/></svg>'
    )


def _number(value: float) -> str:
    return f"{value:.4g}"
