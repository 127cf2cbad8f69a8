"""Metrics of a classifier: how the scores of its classes compare with the targets."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from einprop.errors import ShapeError

__all__ = ["accuracy", "count_errors", "error_rate"]


def count_errors(scores: npt.ArrayLike, targets: npt.ArrayLike) -> int:
    """How many examples have another class on top than the target.

    Args:
        scores: Logits or probabilities, one row an example.
        targets: One-hot rows (or distributions), or the classes' numbers.

    >>> count_errors([[0.1, 0.9], [0.8, 0.2]], [1, 1])
    1
    >>> count_errors([[0.1, 0.9], [0.8, 0.2]], [[0, 1], [1, 0]])
    0
    """
    rows = np.asarray(scores)
    labels = _labels(np.asarray(targets))
    if rows.ndim != 2 or rows.shape[:1] != labels.shape:
        raise ShapeError(
            f"scores of shape {rows.shape} do not fit targets of shape {np.shape(targets)}",
            hint="scores have one row an example and one column a class; targets as many rows",
        )
    return int(np.count_nonzero(rows.argmax(axis=1) != labels))


def error_rate(scores: npt.ArrayLike, targets: npt.ArrayLike) -> float:
    """The part of the examples that `count_errors` counts.

    >>> error_rate([[0.1, 0.9], [0.8, 0.2]], [1, 1])
    0.5
    """
    return count_errors(scores, targets) / max(len(np.asarray(targets)), 1)


def accuracy(scores: npt.ArrayLike, targets: npt.ArrayLike) -> float:
    """The part of the examples that have the target on top.

    >>> accuracy([[0.1, 0.9], [0.8, 0.2]], [1, 0])
    1.0
    """
    return 1.0 - error_rate(scores, targets)


def _labels(targets: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return targets.argmax(axis=1) if targets.ndim == 2 else targets
