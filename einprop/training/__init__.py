"""Training: fit, optimisers, schedules, metrics and the history they leave."""

from einprop.training.fit import fit
from einprop.training.history import History, Record
from einprop.training.metrics import (
    accuracy,
    confusion_matrix,
    count_errors,
    error_rate,
    negative_log_likelihood,
    perplexity,
)
from einprop.training.optimizers import SGD, ExponentialDecay, Optimizer, exponential_decay

__all__ = [
    "SGD",
    "ExponentialDecay",
    "History",
    "Optimizer",
    "Record",
    "accuracy",
    "confusion_matrix",
    "count_errors",
    "error_rate",
    "exponential_decay",
    "fit",
    "negative_log_likelihood",
    "perplexity",
]
