"""einprop: write a layer as index notation, get the compiled forward pass and the derived backward pass."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from einprop.derivation import DerivationSteps
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
from einprop.jacobian_check import check_jacobian, compare_jacobians
from einprop.program import Program
from einprop.registry import register_function, unregister_function
from einprop.traces import adjoint_trace, evaluation_trace, tangent_trace

if TYPE_CHECKING:
    from einprop import components, data, layers, plots, reference, training, trees
    from einprop.inspection import inspect
    from einprop.layers import Layer, init

__all__ = [
    "DerivationSteps",
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
    "plots",
    "reference",
    "register_function",
    "tangent_trace",
    "training",
    "trees",
    "unregister_function",
]

__version__ = "0.1.0"

# Who derives an equation should not wait for layers, data and training.
_ROOMS = frozenset({"components", "data", "layers", "plots", "reference", "training", "trees"})
_NAMES = {"Layer": "layers", "init": "layers", "inspect": "inspection"}


def __getattr__(name: str) -> Any:
    """A room of the house, or a name of one, when it is first asked for."""
    if name in _ROOMS:
        return import_module(f"einprop.{name}")
    if name in _NAMES:
        return getattr(import_module(f"einprop.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'einprop' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
