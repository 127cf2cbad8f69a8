"""Metrics of a classifier: how the scores of its classes compare with the targets.

Scores are logits or probabilities, classes along the last axis: ``[b,k]`` for a batch, ``[b,t,k]``
for sequences. Targets are the classes' numbers (``[b]``, ``[b,t]``), or one-hot rows of the scores'
own shape, whose largest entry names the class. Ties go to the class that comes first.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from einprop.data.batches import rows_of
from einprop.errors import InputError, ShapeError
from einprop.program import Program

__all__ = [
    "accuracy",
    "confusion_matrix",
    "count_errors",
    "error_rate",
    "negative_log_likelihood",
    "perplexity",
]

Array = npt.NDArray[Any]

OF_NUMBERS = Program("y = mean[n](logsumexp[k](s[n,k]) - s[n,t[n]])")
OF_ROWS = Program("y = -mean[n](sum[k](t[n,k] log_softmax[k](s[n,k])))")


def count_errors(scores: npt.ArrayLike, targets: npt.ArrayLike) -> int:
    """How many examples (of sequences: positions) have another class on top than the target.

    Args:
        scores: Logits or probabilities, ``[b,k]`` or ``[b,t,k]``.
        targets: One-hot rows (or distributions), or the classes' numbers.

    Raises:
        ShapeError: Their shapes do not fit.

    >>> count_errors([[0.1, 0.9], [0.8, 0.2]], [1, 1])
    1
    >>> count_errors([[0.1, 0.9], [0.8, 0.2]], [[0, 1], [1, 0]])
    0
    """
    predicted, labels = _classes(scores, targets)
    return int(np.count_nonzero(predicted != labels))


def error_rate(scores: npt.ArrayLike, targets: npt.ArrayLike) -> float:
    """The part of the examples that `count_errors` counts; nan where there are no examples.

    >>> error_rate([[0.1, 0.9], [0.8, 0.2]], [1, 1])
    0.5
    """
    predicted, labels = _classes(scores, targets)
    return int(np.count_nonzero(predicted != labels)) / labels.size if labels.size else math.nan


def accuracy(scores: npt.ArrayLike, targets: npt.ArrayLike) -> float:
    """The part of the examples that have the target on top; nan where there are no examples.

    >>> accuracy([[0.1, 0.9], [0.8, 0.2]], [1, 0])
    1.0
    """
    return 1.0 - error_rate(scores, targets)


def confusion_matrix(scores: npt.ArrayLike, targets: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """How often each class is taken for which: C[i,j] examples of class i have class j on top.

    Its diagonal counts what is right, its sum is the number of examples.

    Args:
        scores: Logits or probabilities, ``[b,k]`` or ``[b,t,k]``.
        targets: One-hot rows (or distributions), or the classes' numbers.

    Returns:
        Integers of shape ``[k,k]``, a row for each target, a column for each prediction.

    Raises:
        InputError: A target names no class.
        ShapeError: Their shapes do not fit.

    >>> confusion_matrix([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], [1, 0, 0]).tolist()
    [[1, 1], [0, 1]]
    """
    predicted, labels = _classes(scores, targets)
    classes = np.shape(scores)[-1]
    strays = labels[(labels < 0) | (labels >= classes)]
    if strays.size:
        raise InputError(
            f"target {strays[0]} names none of {classes} classes",
            hint=f"classes are numbered from 0 to {classes - 1}",
        )
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    return counts


def negative_log_likelihood(logits: npt.ArrayLike, targets: npt.ArrayLike) -> float:
    """Mean of -log softmax(logits) at the target, in nats, over all examples and positions.

    -(1/N) sum_n sum_k t_nk log softmax(s)_nk. It is what `losses.CrossEntropy` trains; here it judges a
    model on data that it was not trained on.

    Args:
        logits: ``[b,k]`` or ``[b,t,k]``; probabilities only as their logarithms.
        targets: The classes' numbers, or one-hot rows or distributions.

    Raises:
        InputError: A target names no class.
        ShapeError: Their shapes do not fit.

    >>> round(negative_log_likelihood([[0.0, 0.0], [1e4, 0.0]], [1, 0]), 6)
    0.346574
    """
    rows, labels = rows_of("logits", logits), rows_of("targets", targets)
    if labels.shape == rows.shape and rows.ndim > 1:
        both = {"s": rows.reshape(-1, rows.shape[-1]), "t": labels.reshape(-1, rows.shape[-1])}
        return float(OF_ROWS(both))
    _classes(rows, labels)
    return float(OF_NUMBERS(s=rows.reshape(-1, rows.shape[-1]), t=labels.reshape(-1)))


def perplexity(logits: npt.ArrayLike, targets: npt.ArrayLike) -> float:
    """Among how many classes, all alike, a guess were as good: exp(`negative_log_likelihood`).

    Source: Jelinek, Mercer, Bahl and Baker, Journal of the Acoustical Society of America 62, 1977.

    >>> round(perplexity([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]], [2, 0]), 6)
    3.0
    """
    return float(np.exp(negative_log_likelihood(logits, targets)))


def _classes(scores: npt.ArrayLike, targets: npt.ArrayLike) -> tuple[Array, Array]:
    """The numbers of the classes on top, and those of the targets."""
    rows, labels = rows_of("scores", scores), rows_of("targets", targets)
    if labels.shape == rows.shape and rows.ndim > 1:
        labels = labels.argmax(axis=-1)
    if rows.ndim < 2 or rows.shape[:-1] != labels.shape:
        raise ShapeError(
            f"scores of shape {rows.shape} do not fit targets of shape {np.shape(targets)}",
            hint="scores have one row an example and one column a class; targets as many rows",
        )
    if labels.size and labels.dtype.kind not in "iu":
        raise InputError(
            f"targets that number the classes are integers, not {labels.dtype}",
            hint="pass integers, as in targets.astype(int), or one-hot rows",
        )
    return rows.argmax(axis=-1), labels
