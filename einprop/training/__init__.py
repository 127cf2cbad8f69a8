"""Training: fit, optimisers, schedules, metrics and the history they leave."""

from einprop.training.fit import fit
from einprop.training.history import History, Record
from einprop.training.metrics import accuracy, count_errors, error_rate
from einprop.training.optimizers import SGD, ExponentialDecay, Optimizer, exponential_decay

__all__ = [
    "SGD",
    "ExponentialDecay",
    "History",
    "Optimizer",
    "Record",
    "accuracy",
    "count_errors",
    "error_rate",
    "exponential_decay",
    "fit",
]
