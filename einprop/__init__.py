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
from einprop.registry import register_function, unregister_function

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
    "register_function",
    "training",
    "unregister_function",
]

__version__ = "0.1.0"
