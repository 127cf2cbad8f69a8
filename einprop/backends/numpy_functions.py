"""The functions of a cell on numpy: one table, a row for each, and the few that numpy lacks."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np
from numpy.typing import NDArray

from einprop.backends.numpy_erf import erf
from einprop.errors import InputError
from einprop.notation.functions import OWN_PREFIX, Table

__all__ = [
    "CALL",
    "COMPARISON",
    "FUNCTIONS",
    "POWER",
    "PRODUCT",
    "SUM",
    "ArrayFunction",
    "Function",
    "register",
    "unregister",
]

Array = NDArray[Any]

ArrayFunction = Callable[..., Any]
"""Takes and returns arrays, cell by cell."""

CALL, POWER, PRODUCT, SUM, COMPARISON = 5, 4, 3, 2, 1
"""How tightly an expression binds, as Python reads it."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function of a cell.

    Attributes:
        passes: The calls that write ``{out}`` from ``{0}``, ``{1}``, …; only the first may read an
            operand, because ``{out}`` may be the operand's own memory.
        source: The expression as a person writes it.
        binding: How tightly that expression binds.
        helper: The function to bring along, where numpy lacks it.
    """

    passes: tuple[str, ...]
    source: str
    binding: int = CALL
    helper: ArrayFunction | None = None


def sigmoid(x: Array) -> Array:
    """Logistic function; exp may overflow to inf on the way to 0."""
    with np.errstate(over="ignore"):
        result: Array = 1 / (1 + np.exp(-x))
    return result


def softplus(x: Array) -> Array:
    """log(1 + exp(x)) without overflow."""
    result: Array = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
    return result


def leaky_relu(x: Array, slope: Array) -> Array:
    """Give x where it is positive, else slope * x."""
    return np.where(x > 0, x, slope * x)


def elu(x: Array, alpha: Array) -> Array:
    """Give x where it is positive, else alpha * (exp(x) - 1)."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _ufunc(name: str, arity: int = 1) -> Function:
    operands = ", ".join(f"{{{n}}}" for n in range(arity))
    return Function((f"{name}({operands}, {{out}})",), f"np.{name}({operands})")


def _operator(name: str, symbol: str, binding: int) -> Function:
    return Function((f"{name}({{0}}, {{1}}, {{out}})",), f"{{0}} {symbol} {{1}}", binding)


def _helper(function: ArrayFunction, arity: int = 1) -> Function:
    name = function.__name__
    call = f"{name}({', '.join(f'{{{n}}}' for n in range(arity))})"
    return Function((f"copyto({{out}}, {call})",), call, helper=function)


FUNCTIONS: Table[Function] = Table(
    {
        "add": _operator("add", "+", SUM),
        "subtract": _operator("subtract", "-", SUM),
        "multiply": _operator("multiply", "*", PRODUCT),
        "divide": _operator("divide", "/", PRODUCT),
        "negative": Function(("negative({0}, {out})",), "-{0}", PRODUCT),
        "reciprocal": Function(("reciprocal({0}, {out})",), "1 / {0}", PRODUCT),
        "square": Function(("square({0}, {out})",), "{0} ** 2", POWER),
        "power": _operator("power", "**", POWER),
        "less": _operator("less", "<", COMPARISON),
        "less_equal": _operator("less_equal", "<=", COMPARISON),
        "greater": _operator("greater", ">", COMPARISON),
        "greater_equal": _operator("greater_equal", ">=", COMPARISON),
        "equal": _operator("equal", "==", COMPARISON),
        "not_equal": _operator("not_equal", "!=", COMPARISON),
        **{name: _ufunc(name) for name in ("exp", "log", "log1p", "expm1", "sqrt")},
        **{name: _ufunc(name) for name in ("sin", "cos", "tan", "tanh", "sign", "floor")},
        **{name: _ufunc(name) for name in ("sinh", "cosh")},
        "logaddexp": _ufunc("logaddexp", 2),
        "abs": Function(("absolute({0}, {out})",), "np.abs({0})"),
        # numpy deprecates a positional out for these two.
        "maximum": Function(("maximum({0}, {1}, out={out})",), "np.maximum({0}, {1})"),
        "minimum": Function(("minimum({0}, {1}, out={out})",), "np.minimum({0}, {1})"),
        "relu": Function(("maximum({0}, {zero}, out={out})",), "np.maximum({0}, 0)"),
        "where": Function(("copyto({out}, where({0}, {1}, {2}))",), "np.where({0}, {1}, {2})"),
        "sigmoid": Function(
            (
                "negative({0}, {out})",
                "exp({out}, {out})",
                "add({out}, {one}, {out})",
                "reciprocal({out}, {out})",
            ),
            "sigmoid({0})",
            helper=sigmoid,
        ),
        "softplus": _helper(softplus),
        "erf": _helper(erf),
        "leaky_relu": _helper(leaky_relu, 2),
        "elu": _helper(elu, 2),
    }
)
"""Every function that a step may name."""


def register(name: str, function: ArrayFunction, arity: int = 1) -> None:
    """Let steps call a function of the user's, as ``leaf_`` and its name.

    Args:
        name: Its name in the language, an identifier.
        function: Takes arrays (and arrays of no axes), returns an array, cell by cell.
        arity: How many operands it takes.

    Raises:
        ValueError: The name is no identifier.
    """
    if not name.isidentifier():
        raise ValueError(f"{name!r} cannot name a function of yours")
    FUNCTIONS[f"{OWN_PREFIX}{name}"] = _of_numpy(function, arity) or _of_the_user(
        name, function, arity
    )


def unregister(name: str) -> None:
    """Forget a function of the user's."""
    del FUNCTIONS[f"{OWN_PREFIX}{name}"]


def _of_numpy(function: ArrayFunction, arity: int) -> Function | None:
    name = getattr(function, "__name__", "")
    if isinstance(function, np.ufunc) and getattr(np, name, None) is function:
        return _ufunc(name, arity) if (function.nin, function.nout) == (arity, 1) else None
    return None


def _of_the_user(name: str, function: ArrayFunction, arity: int) -> Function:
    @wraps(function)
    def checked(*operands: Array) -> Array:
        """The user's function, which may not write its operands, and must act cell by cell."""
        views = [operand.view() for operand in operands]
        for view in views:
            view.flags.writeable = False
        result = np.asarray(function(*views))
        shape = np.broadcast_shapes(*[operand.shape for operand in operands])
        if result.shape != shape or result.dtype.kind not in "fiub":
            raise InputError(
                f"{name} returned {result.dtype} of shape {result.shape} for arguments of shape {shape}",
                (),
                "the function behind it must return a real number for each cell",
            )
        return result

    # Python reads names in this normal form.
    plain = unicodedata.normalize("NFKC", f"{OWN_PREFIX}{name}")
    call = f"{plain}({', '.join(f'{{{n}}}' for n in range(arity))})"
    return Function((f"copyto({{out}}, {call}, 'unsafe')",), call, helper=checked)
