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

from einprop.analysis.dependence import numbers_by_target
from einprop.analysis.indices import target_indices
from einprop.analysis.resolve import Resolved, resolve
from einprop.analysis.sizes import Sizes, bind_sizes, check_inputs
from einprop.arguments import as_array, as_mapping, as_positions, check_axes
from einprop.errors import InputError, UnsupportedError
from einprop.notation.depth import deep
from einprop.notation.functions import COMBINED, FOLDS, Table
from einprop.notation.parser import parse
from einprop.notation.tree import (
    Access,
    Add,
    Affine,
    Boundary,
    Call,
    Divide,
    Expression,
    Group,
    Index,
    IndexValue,
    Iverson,
    Multiply,
    Negate,
    Number,
    Power,
    Subscript,
)

if TYPE_CHECKING:
    from einprop.program import Program

__all__ = ["SCALAR_FUNCTIONS", "evaluate"]

_Array = NDArray[np.float64]
_Scalar = np.float64
_Cell = tuple[int, ...]
_At = dict[str, int]
"""Where each index stands."""


def _erf(x: _Scalar) -> float:
    return math.erf(x)


def _sigmoid(x: _Scalar) -> float:
    return float(1 / (1 + np.exp(-x)) if x >= 0 else np.exp(x) / (1 + np.exp(x)))


SCALAR_FUNCTIONS: Table[Callable[..., float]] = Table(
    {
        "exp": np.exp,
        "log": np.log,
        "log1p": np.log1p,
        "expm1": np.expm1,
        "sqrt": np.sqrt,
        "sin": np.sin,
        "cos": np.cos,
        "tan": np.tan,
        "sinh": np.sinh,
        "cosh": np.cosh,
        "tanh": np.tanh,
        "sigmoid": _sigmoid,
        "softplus": lambda x: np.logaddexp(x, 0.0),
        "logaddexp": np.logaddexp,
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
)
"""What each leaf function means for one number."""

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

_PAIRS: dict[str, Callable[[_Scalar, _Scalar], _Scalar]] = {
    "add": operator.add,
    "multiply": operator.mul,
    "maximum": np.maximum,
    "minimum": np.minimum,
}

_POSITIONS: dict[str, Callable[[Any, Any], bool]] = {"argmax": operator.gt, "argmin": operator.lt}


class _Evaluator:
    """One evaluation: cells are computed when they are asked for, each once."""

    def __init__(self, sizes: Sizes, inputs: dict[str, _Array], limit: float) -> None:
        self.sizes = sizes
        self.resolved = sizes.resolved
        self.inputs = inputs
        self.cells: dict[str, dict[_Cell, _Scalar]] = {}
        self.writes: dict[str, dict[_Cell, list[tuple[int, _At]]]] = {}
        self.numbers = numbers_by_target(self.resolved.equations)
        self.limit = limit
        self.turns = 0

    def tensor(self, name: str) -> _Array:
        """All cells of a tensor."""
        axes = range(self.resolved.types.rank(name))
        shape = [self.sizes.axis(name, axis) for axis in axes]
        self.count(math.prod(shape), f"the cells of {name}")
        result = np.zeros(shape)
        # A recurrence asks for the cells before a cell; near to where it starts they are few.
        for steps in itertools.product((1, -1), repeat=len(shape)):
            try:
                for cell in itertools.product(
                    *(range(n)[::step] for n, step in zip(shape, steps, strict=True))
                ):
                    result[cell] = self.cell(name, cell)
            except RecursionError:
                continue
            return result
        raise UnsupportedError(
            f"the recurrence of {name} is too long for loops that ask one cell after the other",
            (),
            "take smaller tensors",
        )

    def cell(self, name: str, cell: _Cell) -> _Scalar:
        """One cell: an input's, or what the equations put there together."""
        if name in self.inputs and all(
            0 <= p < n for p, n in zip(cell, self.inputs[name].shape, strict=True)
        ):
            return np.float64(self.inputs[name][cell])
        known = self.cells.setdefault(name, {})
        if cell not in known:
            numbers = self.numbers[name]
            fold = FOLDS[COMBINED[self.resolved.equations[numbers[0]].operator]]
            combine, result = _PAIRS[fold.pair], np.float64(fold.empty)
            for number, at in self.written(name).get(cell, ()):
                value = self.value(self.resolved.equations[number].expression, at, number)
                result = combine(result, value)
            known[cell] = result
        return known[cell]

    def written(self, name: str) -> dict[_Cell, list[tuple[int, _At]]]:
        """For each cell of a tensor the equations that write it, and where their indices stand then."""
        if name not in self.writes:
            found: dict[_Cell, list[tuple[int, _At]]] = {}
            for number in self.numbers[name]:
                target = self.resolved.equations[number].target
                for at in self.positions(target_indices(target), number):
                    cell = self.place(target, at, number)
                    if cell is not None:
                        found.setdefault(cell, []).append((number, at))
            self.writes[name] = found
        return self.writes[name]

    def positions(self, indices: tuple[str, ...], number: int) -> Iterator[_At]:
        """Every assignment of a position to each index."""
        spans = [self.sizes.span(number, i) for i in indices]
        turns = math.prod(max(span.stop - span.start, 0) for span in spans)
        self.count(turns, f"the positions of {', '.join(indices)}")
        for cell in itertools.product(*(range(span.start, span.stop) for span in spans)):
            yield dict(zip(indices, cell, strict=True))

    def count(self, turns: int, what: str) -> None:
        """Refuse to begin a loop that would go beyond the limit."""
        self.turns += turns
        if self.turns > self.limit:
            raise UnsupportedError(
                f"the loops take more than {self.limit:,} turns, those over {what} included",
                (),
                "take smaller tensors, or raise the limit: evaluate(…, limit=…)",
            )

    def place(self, access: Access, at: _At, number: int) -> _Cell | None:
        """The cell that an access names, or None if it is outside and padded."""
        cell = []
        for axis, subscript in enumerate(access.subscripts):
            size = self.sizes.axis(access.name, axis)
            position = self.position(subscript, size, at, number)
            match subscript:
                case Boundary("wrap"):
                    position %= size
                case Boundary("clamp"):
                    position = min(max(position, 0), size - 1)
                case Boundary("pad") if not 0 <= position < size:
                    return None
                case Access() if not 0 <= position < size:
                    name = f"{subscript.name}{list(self.place(subscript, at, number) or ())}"
                    raise InputError(
                        f"{name.replace(' ', '')} is {position}, outside of axis {axis} of "
                        f"{access.name}: positions 0 to {size - 1}",
                        [subscript.place],
                    )
            cell.append(position)
        return tuple(cell)

    def position(self, subscript: Subscript, size: int, at: _At, number: int) -> int:
        """The position that a subscript names on an axis."""
        match subscript:
            case Index(name):
                return at[name]
            case Affine(terms, constant, end):
                return sum(c * at[i] for c, i in terms) + constant + end * (size - 1)
            case Boundary(_, inner):
                return self.position(inner, size, at, number)
            case Group(indices):
                result = 0
                for index in indices:
                    result = result * self.sizes.index(number, index) + at[index]
                return result
            case Access():
                return int(self.value(subscript, at, number))

    def value(self, expression: Expression, at: _At, number: int) -> _Scalar:
        """The number that an expression stands for where each index has a position."""
        match expression:
            case Number(value):
                return np.float64(value)
            case Access(name):
                cell = self.place(expression, at, number)
                return np.float64(0.0) if cell is None else self.cell(name, cell)
            case IndexValue(name):
                return np.float64(at[name])
            case Negate(operand):
                return -self.value(operand, at, number)
            case Add(terms):
                return np.float64(sum(self.value(t, at, number) for t in terms))
            case Multiply() | Divide() if self.is_annulled(expression, at, number):
                return np.float64(0.0)
            case Multiply(factors):
                return np.float64(math.prod(self.value(f, at, number) for f in factors))
            case Divide(numerator, denominator):
                above, below = (self.value(e, at, number) for e in (numerator, denominator))
                return np.float64(above / below)
            case Power(base, exponent):
                return np.float64(
                    np.power(self.value(base, at, number), self.value(exponent, at, number))
                )
            case Iverson(left, comparison, right):
                sides = self.value(left, at, number), self.value(right, at, number)
                return np.float64(bool(_COMPARISONS[comparison](*sides)))
            case Call(function, (body,), indices) if indices:
                return self.reduce(function, body, indices, at, number)
            case Call(function, arguments):
                values = [self.value(a, at, number) for a in arguments]
                return np.float64(SCALAR_FUNCTIONS[function](*values))

    def is_annulled(self, expression: Expression, at: _At, number: int) -> bool:
        """Whether a bracket that does not hold stands above the line of a product or quotient."""
        match expression:
            case Iverson():
                return bool(self.value(expression, at, number) == 0)
            case Negate(operand) | Divide(operand):
                return self.is_annulled(operand, at, number)
            case Multiply(factors):
                return any(self.is_annulled(f, at, number) for f in factors)
            case _:
                return False

    def reduce(
        self, function: str, body: Expression, indices: tuple[str, ...], at: _At, number: int
    ) -> _Scalar:
        """A reduction, one position after the other."""
        if function in _POSITIONS:
            return self.best(_POSITIONS[function], body, indices[0], at, number)
        combine = _PAIRS[FOLDS[function].pair]
        result = np.float64(FOLDS[function].empty)
        for inner in self.positions(indices, number):
            result = combine(result, self.value(body, at | inner, number))
        return result

    def best(
        self,
        better: Callable[[Any, Any], bool],
        body: Expression,
        index: str,
        at: _At,
        number: int,
    ) -> _Scalar:
        """The first position of the best value; nan is better than any number, and no position nan."""
        best, found = np.float64(np.nan), np.float64(np.nan)
        for inner in self.positions((index,), number):
            value = self.value(body, at | inner, number)
            first = np.isnan(found)
            if first or (not np.isnan(best) and (np.isnan(value) or better(value, best))):
                best, found = value, np.float64(inner[index])
        return found


@deep
def evaluate(
    program: Program | str, tensors: Mapping[str, ArrayLike], *, limit: float = 10_000_000
) -> dict[str, _Array]:
    """Every tensor that a program defines, computed in float64 by the definition of the language.

    Each equation ``y[…] = expression`` is a loop over the positions of the indices on its left; each
    reduction inside is a loop over its indices. A cell is what all equations that name it put there,
    and is computed when another one reads it: a recurrence needs no order here.

    Args:
        program: A program or its text.
        tensors: The inputs by name; anything that `numpy.asarray` takes.
        limit: How many turns all loops together may take; ten million last about a minute.

    Returns:
        The defined tensors by name, float64.

    Raises:
        ShapeError: The inputs' shapes disagree with the program or with each other.
        InputError: An input is missing, unknown, or not made of real numbers; or ``program`` is
            neither a program nor text.
        UnsupportedError: The loops would take longer than the limit allows.

    >>> evaluate("y[b,j] = x[b,i] W[i,j] + B[j]", {"x": [[1, 2]], "W": [[3], [4]], "B": [5]})
    {'y': array([[16.]])}
    """
    resolved = resolve(parse(program)) if isinstance(program, str) else _meaning(program)
    tensors = as_mapping(tensors, {}, "tensors", known=resolved.names.inputs)
    check_inputs(resolved, tensors)
    float64 = np.dtype(np.float64)
    values = {
        name: as_array(
            name, as_positions(name, value) if name in resolved.positions else value, float64
        )
        for name, value in tensors.items()
    }
    sizes = bind_sizes(resolved, {name: value.shape for name, value in values.items()})
    for name in resolved.names.defined:
        check_axes(name, resolved.types.rank(name))
    return _run(resolved, sizes, values, limit)


def _meaning(program: Program) -> Resolved:
    resolved = getattr(program, "resolved", None)
    if not isinstance(resolved, Resolved):
        raise InputError(f"{shortened(program)} is neither a program nor its text")
    return resolved


def _run(
    resolved: Resolved, sizes: Sizes, values: dict[str, _Array], limit: float
) -> dict[str, _Array]:
    evaluator = _Evaluator(sizes, values, limit)
    with np.errstate(all="ignore"):
        return {name: evaluator.tensor(name) for name in resolved.names.defined}
