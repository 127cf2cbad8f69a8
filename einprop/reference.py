"""The language's meaning as plain nested loops: slow, short, obviously right; the oracle of every test."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from reprlib import repr as shortened
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from einprop.analysis.indices import target_indices
from einprop.analysis.resolve import Resolved, resolve
from einprop.analysis.sizes import Sizes, bind_sizes, check_inputs
from einprop.arguments import as_array, as_mapping
from einprop.errors import InputError
from einprop.notation.parser import parse
from einprop.notation.tree import (
    Access,
    Add,
    Call,
    Divide,
    Equation,
    Expression,
    Index,
    IndexValue,
    Iverson,
    Multiply,
    Negate,
    Number,
    Power,
)

if TYPE_CHECKING:
    from einprop.program import Program

__all__ = ["SCALAR_FUNCTIONS", "evaluate"]

_Array = NDArray[np.float64]
_Scalar = np.float64


def _erf(x: _Scalar) -> float:
    return math.erf(x)


def _sigmoid(x: _Scalar) -> float:
    return float(1 / (1 + np.exp(-x)) if x >= 0 else np.exp(x) / (1 + np.exp(x)))


SCALAR_FUNCTIONS: dict[str, Callable[..., float]] = {
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "expm1": np.expm1,
    "sqrt": np.sqrt,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "softplus": lambda x: np.logaddexp(x, 0.0),
    "erf": _erf,
    "abs": abs,
    "sign": np.sign,
    "relu": lambda x: np.maximum(x, 0.0),
    "leaky_relu": lambda x, slope: x if x > 0 else slope * x,
    "elu": lambda x, alpha: x if x > 0 else alpha * np.expm1(x),
    "maximum": np.maximum,
    "minimum": np.minimum,
    "where": lambda condition, x, y: x if condition != 0 else y,
    "clip": lambda x, lower, upper: np.minimum(np.maximum(x, lower), upper),
    "floor": np.floor,
    "stop_gradient": lambda x: x,
}
"""What each leaf function means for one number."""

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

_REDUCTIONS: dict[str, tuple[float, Callable[[_Scalar, _Scalar], _Scalar]]] = {
    "sum": (0.0, operator.add),
    "prod": (1.0, operator.mul),
    "max": (-math.inf, np.maximum),
    "min": (math.inf, np.minimum),
}


class _Evaluator:
    """One evaluation: the sizes, the tensors so far, and the equation at hand."""

    def __init__(self, sizes: Sizes, tensors: dict[str, _Array]) -> None:
        self.sizes = sizes
        self.tensors = tensors
        self.number = 0

    def positions(self, indices: tuple[str, ...]) -> Iterator[dict[str, int]]:
        """Every assignment of a position to each index."""
        ranges = [range(self.sizes.index(self.number, i)) for i in indices]
        for cell in itertools.product(*ranges):
            yield dict(zip(indices, cell, strict=True))

    def run(self, number: int, equation: Equation) -> None:
        """Add the right side into each cell of the target."""
        self.number = number
        name, indices = equation.target.name, target_indices(equation.target)
        if name not in self.tensors:
            shape = [self.sizes.index(number, i) for i in _names(equation.target)]
            self.tensors[name] = np.zeros(shape)
        for at in self.positions(indices):
            cell = tuple(at[i] for i in _names(equation.target))
            self.tensors[name][cell] += self.value(equation.expression, at)

    def value(self, expression: Expression, at: dict[str, int]) -> _Scalar:
        """The number that an expression stands for where each index has a position."""
        match expression:
            case Number(number):
                return np.float64(number)
            case Access(name):
                return np.float64(self.tensors[name][tuple(at[i] for i in _names(expression))])
            case IndexValue(name):
                return np.float64(at[name])
            case Negate(operand):
                return -self.value(operand, at)
            case Add(terms):
                return np.float64(sum(self.value(t, at) for t in terms))
            case Multiply(factors):
                return np.float64(math.prod(self.value(f, at) for f in factors))
            case Divide(numerator, denominator):
                return np.float64(self.value(numerator, at) / self.value(denominator, at))
            case Power(base, exponent):
                return np.float64(np.power(self.value(base, at), self.value(exponent, at)))
            case Iverson(left, comparison, right):
                holds = _COMPARISONS[comparison](self.value(left, at), self.value(right, at))
                return np.float64(bool(holds))
            case Call(function, (body,), indices) if indices:
                return self.reduce(function, body, indices, at)
            case Call(function, arguments):
                return np.float64(
                    SCALAR_FUNCTIONS[function](*(self.value(a, at) for a in arguments))
                )

    def reduce(
        self, function: str, body: Expression, indices: tuple[str, ...], at: dict[str, int]
    ) -> _Scalar:
        """A reduction, one position after the other."""
        start, combine = _REDUCTIONS[function]
        result = np.float64(start)
        for inner in self.positions(indices):
            result = combine(result, self.value(body, at | inner))
        return result


def _names(access: Access) -> list[str]:
    return [s.name for s in access.subscripts if isinstance(s, Index)]


def evaluate(program: Program | str, tensors: Mapping[str, ArrayLike]) -> dict[str, _Array]:
    """Every tensor that a program defines, computed in float64 by the definition of the language.

    Each equation ``y[…] = expression`` is a loop over the positions of the indices on its left; each
    reduction inside is a loop over its indices.

    Args:
        program: A program or its text.
        tensors: The inputs by name; anything that `numpy.asarray` takes.

    Returns:
        The defined tensors by name, float64.

    Raises:
        ShapeError: The inputs' shapes disagree with the program or with each other.
        InputError: An input is missing, unknown, or not made of real numbers; or ``program`` is
            neither a program nor text.

    >>> evaluate("y[b,j] = x[b,i] W[i,j] + B[j]", {"x": [[1, 2]], "W": [[3], [4]], "B": [5]})
    {'y': array([[16.]])}
    """
    resolved = resolve(parse(program)) if isinstance(program, str) else _meaning(program)
    tensors = as_mapping(tensors, {}, "tensors")
    check_inputs(resolved, tensors)
    float64 = np.dtype(np.float64)
    values = {name: as_array(name, value, float64) for name, value in tensors.items()}
    sizes = bind_sizes(resolved, {name: value.shape for name, value in values.items()})
    return _run(resolved, sizes, values)


def _meaning(program: Program) -> Resolved:
    resolved = getattr(program, "resolved", None)
    if not isinstance(resolved, Resolved):
        raise InputError(f"{shortened(program)} is neither a program nor its text")
    return resolved


def _run(resolved: Resolved, sizes: Sizes, values: dict[str, _Array]) -> dict[str, _Array]:
    evaluator = _Evaluator(sizes, dict(values))
    with np.errstate(all="ignore"):
        for number, equation in enumerate(resolved.equations):
            evaluator.run(number, equation)
    return {name: evaluator.tensors[name] for name in resolved.names.defined}
