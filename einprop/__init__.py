"""einprop: write a layer as index notation, get the compiled forward pass and the derived backward pass."""

from einprop import components, data, layers, reference, training, trees
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
from einprop.inspection import inspect
from einprop.jacobian_check import check_jacobian, compare_jacobians
from einprop.layers import Layer, init
from einprop.program import Program
from einprop.registry import register_function, unregister_function
from einprop.traces import adjoint_trace, evaluation_trace, tangent_trace

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
    "adjoint_trace",
    "check_jacobian",
    "compare_jacobians",
    "components",
    "data",
    "evaluation_trace",
    "gradcheck",
    "init",
    "inspect",
    "layers",
    "reference",
    "register_function",
    "tangent_trace",
    "training",
    "trees",
    "unregister_function",
]

__version__ = "0.1.0"
