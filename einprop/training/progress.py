"""Progress of training: a bar on a terminal, else a plain line for each epoch."""

from __future__ import annotations

import shutil
import sys
import time

from einprop.training.callbacks import Callback
from einprop.training.training import Memory, Training

__all__ = ["Bar", "Lines", "reporter"]

_WIDTH = 20
_PAUSE = 0.1


class Lines(Callback):
    """A line on the standard error stream for each epoch."""

    last = True

    def begin(self, training: Training, memory: Memory) -> None:
        """Say so where a checkpoint leaves nothing to train."""
        if training.epoch >= training.epochs and not training.batch and training.records:
            text = f"{training.epoch} epochs are over already, of {training.epochs}"
            print(text, file=sys.stderr, flush=True)

    def after_epoch(self, training: Training, memory: Memory) -> None:
        """Print the epoch's record."""
        print(training.records[-1], file=sys.stderr, flush=True)

    def finish(self, training: Training, memory: Memory) -> None:
        """Say why training ended early, if it did."""
        if training.stopped:
            print(f"stopped: {training.stopped}", file=sys.stderr, flush=True)


class Bar(Lines):
    """A bar that each step moves, over the lines of the epochs; for one terminal and one `fit`."""

    def __init__(self) -> None:
        self.began = self.shown = -1.0
        self.before = 0

    def after_step(self, training: Training, memory: Memory) -> None:
        """Draw the bar, but not more often than eyes can follow."""
        now = time.perf_counter()
        if training.batch <= 1 or self.began < 0:
            self.began, self.before = now, training.seen
        if now - self.shown >= _PAUSE:
            self.shown = now
            seconds = now - self.began
            speed = (training.seen - self.before) / seconds if seconds else 0.0
            width = shutil.get_terminal_size().columns - 1
            self._write(bar(training, speed)[:width])

    def after_epoch(self, training: Training, memory: Memory) -> None:
        """Put the epoch's record in place of the bar."""
        self._write("")
        super().after_epoch(training, memory)

    def finish(self, training: Training, memory: Memory) -> None:
        """Leave no bar behind."""
        self._write("")
        super().finish(training, memory)

    def _write(self, text: str) -> None:
        # Back to the first column; the rest of the line goes.
        print(f"\r{text}\x1b[K", end="", file=sys.stderr, flush=True)


def bar(training: Training, speed: float) -> str:
    """The running epoch in a line: how far it is, its loss, the last epoch's metrics, the speed.

    Args:
        training: After a step.
        speed: Examples per second; 0 for none known.
    """
    done = training.batch / max(training.batches, 1)
    filled = round(_WIDTH * done)
    parts = [
        f"epoch {training.epoch + 1}/{training.epochs}",
        f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {training.batch}/{training.batches}",
        f"loss {training.mean_loss:.4g}",
    ]
    if training.records:
        parts += [f"{n} {value:.4g}" for n, value in training.records[-1].metrics.items()]
    parts += [f"{speed:,.0f} examples/s"] if speed else []
    return "  ".join(parts)


def reporter(verbose: int) -> Callback:
    """What `fit` reports by.

    Args:
        verbose: 0 for nothing, 1 for a bar where the standard error stream is a terminal and lines
            where not, 2 for lines.

    >>> type(reporter(2)).__name__
    'Lines'
    """
    if not verbose:
        return Callback()
    return Bar() if verbose == 1 and sys.stderr.isatty() else Lines()
