"""Progress of training: a bar with tqdm on a terminal, else a plain line for each epoch."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Protocol

from einprop.training.history import Record

__all__ = ["Progress", "reporter"]


class Progress(Protocol):
    """Told of every step and every epoch."""

    def step(self, loss: float) -> None:
        """A minibatch was learned from."""
        ...

    def epoch(self, record: Record) -> None:
        """An epoch is over."""
        ...

    def close(self) -> None:
        """Training is over, or was broken off."""
        ...


class _Silent:
    def step(self, loss: float) -> None:
        pass

    def epoch(self, record: Record) -> None:
        pass

    def close(self) -> None:
        pass


class _Lines(_Silent):
    def epoch(self, record: Record) -> None:
        print(record, file=sys.stderr, flush=True)


class _Bar(_Silent):
    def __init__(self, tqdm: ModuleType, total: int) -> None:
        self.bar = tqdm.tqdm(total=total, unit="batch")

    def step(self, loss: float) -> None:
        self.bar.update()

    def epoch(self, record: Record) -> None:
        self.bar.set_postfix_str(str(record))

    def close(self) -> None:
        self.bar.close()


def reporter(steps: int, shown: bool = True) -> Progress:
    """Where training reports to, given how many steps it will take.

    >>> reporter(10, shown=False).step(0.5)
    """
    if not shown:
        return _Silent()
    if sys.stderr.isatty():
        try:
            return _Bar(importlib.import_module("tqdm"), steps)
        except ImportError:
            pass
    return _Lines()
