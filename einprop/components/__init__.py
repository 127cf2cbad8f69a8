"""Networks as graphs of components, as the lectures' educational framework writes them."""

from einprop.components.catalogue import (
    SGD,
    Affine,
    Apply,
    CrossEntropy,
    LogLoss,
    Package,
    Relu,
    Sigmoid,
    Softmax,
    SquaredError,
    Tanh,
)
from einprop.components.component import Component, Computed, Formula, Input, Parameter

__all__ = [
    "SGD",
    "Affine",
    "Apply",
    "Component",
    "Computed",
    "CrossEntropy",
    "Formula",
    "Input",
    "LogLoss",
    "Package",
    "Parameter",
    "Relu",
    "Sigmoid",
    "Softmax",
    "SquaredError",
    "Tanh",
]
