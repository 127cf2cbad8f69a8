"""Training: fit, optimisers, schedules, callbacks, metrics, and the files and history they leave."""

from einprop.training.callbacks import (
    Callback,
    EarlyStopping,
    ReduceLearningRate,
    SaveBest,
    SaveCheckpoint,
    StopAfter,
)
from einprop.training.checkpoint import Checkpoint, load_checkpoint
from einprop.training.clipping import ClipNorm, ClipValue
from einprop.training.diagnose import Diagnosis, diagnose
from einprop.training.evaluate import evaluate, predict
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
from einprop.training.model_file import load_model, save_model
from einprop.training.optimizers import (
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Optimizer,
    RMSProp,
)
from einprop.training.safetensors import read_safetensors, write_safetensors
from einprop.training.schedules import (
    CosineDecay,
    ExponentialDecay,
    PerStep,
    StepDecay,
    WarmUp,
    exponential_decay,
)
from einprop.training.step import Step
from einprop.training.training import Training

__all__ = [
    "SGD",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Callback",
    "Checkpoint",
    "ClipNorm",
    "ClipValue",
    "CosineDecay",
    "Diagnosis",
    "EarlyStopping",
    "ExponentialDecay",
    "Groups",
    "History",
    "Optimizer",
    "PerStep",
    "RMSProp",
    "Record",
    "ReduceLearningRate",
    "SaveBest",
    "SaveCheckpoint",
    "Step",
    "StepDecay",
    "StopAfter",
    "Training",
    "WarmUp",
    "accuracy",
    "confusion_matrix",
    "count_errors",
    "diagnose",
    "error_rate",
    "evaluate",
    "exponential_decay",
    "fit",
    "load_checkpoint",
    "load_model",
    "negative_log_likelihood",
    "perplexity",
    "predict",
    "read_safetensors",
    "save_model",
    "write_safetensors",
]
