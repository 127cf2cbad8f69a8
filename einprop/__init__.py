"""einprop: write a layer as index notation, get the compiled forward pass and the derived backward pass."""

from einprop import data, layers, reference, training
from einprop.errors import (
    DerivativeError,
    EinpropError,
    EquationSyntaxError,
    IndexScopeError,
    IndexTypeError,
    InputError,
    ShapeError,
    UnsupportedError,
)
from einprop.gradcheck import gradcheck
from einprop.layers import Layer, init
from einprop.program import Program

__all__ = [
    "DerivativeError",
    "EinpropError",
    "EquationSyntaxError",
    "IndexScopeError",
    "IndexTypeError",
    "InputError",
    "Layer",
    "Program",
    "ShapeError",
    "UnsupportedError",
    "data",
    "gradcheck",
    "init",
    "layers",
    "reference",
    "training",
]

__version__ = "0.1.0"
