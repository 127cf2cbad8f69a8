"""Training: fit, optimisers, schedules, metrics and the history they leave."""

from einprop.training.clipping import ClipNorm, ClipValue
from einprop.training.fit import fit
from einprop.training.groups import Groups
from einprop.training.history import History, Record
from einprop.training.metrics import (
    accuracy,
    confusion_matrix,
    count_errors,
    error_rate,
    negative_log_likelihood,
    perplexity,
)
from einprop.training.optimizers import SGD, AdaGrad, Adam, AdamW, Optimizer, RMSProp
from einprop.training.schedules import (
    CosineDecay,
    ExponentialDecay,
    PerStep,
    StepDecay,
    WarmUp,
    exponential_decay,
)
from einprop.training.step import Step

__all__ = [
    "SGD",
    "AdaGrad",
    "Adam",
    "AdamW",
    "ClipNorm",
    "ClipValue",
    "CosineDecay",
    "ExponentialDecay",
    "Groups",
    "History",
    "Optimizer",
    "PerStep",
    "RMSProp",
    "Record",
    "Step",
    "StepDecay",
    "WarmUp",
    "accuracy",
    "confusion_matrix",
    "count_errors",
    "error_rate",
    "exponential_decay",
    "fit",
    "negative_log_likelihood",
    "perplexity",
]
