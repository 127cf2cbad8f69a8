"""What happened in training: a record for each epoch, as a table and as a curve."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from types import ModuleType

from einprop.tables import aligned

__all__ = ["History", "Record"]

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

    def __str__(self) -> str:
        """The table."""
        rows = [["epoch", *self.columns, "seconds"]]
        for record in self.records:
            values = [record.loss, *record.metrics.values()]
            rows.append([str(record.epoch), *map(_number, values), f"{record.seconds:.2f}"])
        return "\n".join(aligned(rows, left=0))

    def plot(self, path: str | PathLike[str] = "learning_curve.png") -> Path:
        """Write the learning curve and return the path written.

        With matplotlib it is an image, in the format that the path's suffix names; without, or if
        the suffix is ``.txt``, it is text, under the suffix ``.txt``.
        """
        target = Path(path)
        figures = None if target.suffix == ".txt" else _import("matplotlib.figure")
        if figures is None:
            target = target.with_suffix(".txt")
            target.write_text(f"{self}\n\n{self.curve()}\n", encoding="utf-8")
        else:
            self._draw(figures, target)
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

    def _draw(self, figures: ModuleType, target: Path) -> None:
        figure = figures.Figure(figsize=(6, 4 * len(self.columns) / 1.5), layout="constrained")
        epochs = [record.epoch for record in self.records]
        panels = figure.subplots(len(self.columns), 1, squeeze=False, sharex=True)[:, 0]
        for panel, name in zip(panels, self.columns, strict=True):
            panel.plot(epochs, self.column(name), marker=".")
            panel.set_ylabel(name)
            panel.grid(alpha=0.3)
        panels[-1].set_xlabel("epoch")
        figure.savefig(target)


def _number(value: float) -> str:
    return f"{value:.4g}"


def _import(name: str) -> ModuleType | None:
    """The module, or None where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
