"""Derived gradients against finite differences: which tensor differs, where, and by how much."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from reprlib import repr as shortened
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from einprop.analysis.sizes import check_inputs
from einprop.arguments import as_array, as_mapping, as_names, as_positions, by_name
from einprop.errors import DerivativeError, InputError
from einprop.finite_differences import CUBE_ROOT_STEP, finite_differences
from einprop.options import check_generator, flag, positive, within
from einprop.program import Program

__all__ = ["Difference", "GradientCheck", "gradcheck", "largest_difference"]

_Array = NDArray[np.float64]

# Not one that callers draw their tensors with: a cotangent equal to the input hides errors.
_SEED = 0x6752AD
# Each order makes the program several times larger.
_HIGHEST = 8


@dataclass(frozen=True)
class Difference:
    """The largest difference between a derived gradient and its finite differences.

    Attributes:
        tensor: The input that was differentiated for.
        order: 1 for gradients, 2 for gradients of gradients.
        subscripts: Where the difference is largest.
        derived: The derived value there.
        finite: The finite difference there.
        error: Their difference over ``max(1, |derived|, |finite|)``.
    """

    tensor: str
    order: int
    subscripts: tuple[int, ...]
    derived: float
    finite: float
    error: float

    def __str__(self) -> str:
        where = f"[{','.join(map(str, self.subscripts))}]" if self.subscripts else ""
        if np.isnan(self.derived) and np.isnan(self.finite):
            return (
                f"order {self.order}: d/d{self.tensor}{where} cannot be judged: "
                "the derived value and the finite difference are nan there"
            )
        return (
            f"order {self.order}: d/d{self.tensor}{where} derived {self.derived:.10g}, "
            f"finite difference {self.finite:.10g}, relative error {self.error:.2g}"
        )


@dataclass(frozen=True)
class GradientCheck:
    """What `gradcheck` found: the largest difference for each tensor and order."""

    differences: tuple[Difference, ...]
    tolerance: float

    @property
    def failures(self) -> tuple[Difference, ...]:
        """The differences above the tolerance."""
        return tuple(d for d in self.differences if not d.error <= self.tolerance)

    def __bool__(self) -> bool:
        return not self.failures

    def __str__(self) -> str:
        return "\n".join(
            ("wrong  " if d in self.failures else "right  ") + str(d) for d in self.differences
        )


def gradcheck(
    program: Program | str,
    tensors: Mapping[str, ArrayLike],
    *,
    of: str | Iterable[str] | None = None,
    wrt: str | Iterable[str] | None = None,
    orders: Iterable[int] = (1, 2),
    tolerance: float = 1e-5,
    rng: np.random.Generator | None = None,
    check: bool = True,
    step: float = CUBE_ROOT_STEP,
) -> GradientCheck:
    """Compare derived gradients with central finite differences in float64.

    The outputs are weighted by random cotangents c; the gradient of sum(c y) with respect to each
    input is compared entry by entry with ``(f(x + h) - f(x - h)) / 2h``, where
    ``h = step max(|x|, 1)``. Order 2 does the same for the gradients, weighted at random again.

    Args:
        program: The program to check, or its text.
        tensors: Inputs at which to check, away from kinks (relu at 0, ties of a max), and where the
            program has a value: nan on both sides is no agreement.
        of: The outputs; by default all.
        wrt: The inputs; by default all that the outputs depend on.
        orders: 1, 2 or both (or more: the gradients' gradients' gradients).
        tolerance: The largest relative error that counts as right.
        rng: Source of the cotangents; by default one with a seed of its own, the same at every call.
        check: Whether to raise on a failure (otherwise look at the result).
        step: The step relative to the entry that moves; by default cbrt(eps).

    Raises:
        DerivativeError: A derived gradient is wrong; the message says of which tensor, at which
            subscripts and by how much.
        InputError: An input is missing, unknown, or not made of real numbers.
        ShapeError: Shapes disagree with the program or with each other.

    >>> program = Program("y[b,j] = tanh(x[b,i] W[i,j])")
    >>> bool(gradcheck(program, {"x": np.ones((2, 3)), "W": np.full((3, 2), 0.1)}))
    True
    """
    rng = np.random.default_rng(_SEED) if rng is None else rng
    check_generator(rng)
    tolerance = within("tolerance", tolerance, 0)
    step, check = positive("step", step), flag("check", check)
    orders = _as_orders(orders)
    function, inputs = program if isinstance(program, Program) else Program(program), wrt
    point = _as_point(function, tensors)
    _check_moved(function, inputs)
    differences: list[Difference] = []
    if of is not None:
        function = Program.from_statements(function.statements, outputs=of)
    for order in range(1, max(orders) + 1):
        try:
            derived = function.vjp(wrt=inputs)
        except DerivativeError:
            if order == 1:
                raise
            break  # The gradient is constant: there is nothing of this order to compare.
        cotangents = _cotangents(function, derived, point, rng)
        point |= _axes(derived, {**point, **cotangents})
        if order in orders:
            differences += _compare(function, derived, point, cotangents, order, step)
        point |= cotangents
        function, inputs = derived, None
    result = GradientCheck(tuple(differences), tolerance)
    if check and not result:
        raise DerivativeError(
            "derived gradients differ from finite differences\n"
            + "\n".join(map(str, result.failures))
        )
    return result


def _as_orders(orders: Any) -> tuple[int, ...]:
    several = isinstance(orders, Iterable) and not isinstance(orders, bytes)
    found = tuple(orders) if several else (orders,)
    if not found or not all(isinstance(order, int) and 1 <= order <= _HIGHEST for order in found):
        raise InputError(
            f"orders cannot be {shortened(orders)}", (), "1 is for gradients, 2 for theirs: [1, 2]"
        )
    return found


def _check_moved(program: Program, wrt: str | Iterable[str] | None) -> None:
    """Refuse tensors that no finite difference can move."""
    computed = program.resolved.names.defined
    names = () if wrt is None else as_names(wrt, "wrt", InputError, (*program.inputs, *computed))
    for name in names:
        if name in computed:
            raise InputError(
                f"{name} is computed, so no finite difference moves it",
                (),
                f"check the inputs that it depends on, or a program in which {name} is an input",
            )


def _as_point(program: Program, tensors: Mapping[str, ArrayLike]) -> dict[str, _Array]:
    given = as_mapping(tensors, {}, "tensors", known=program.inputs)
    check_inputs(program.resolved, given)
    float64, positions = np.dtype(np.float64), program.resolved.positions
    return {
        name: as_positions(name, value) if name in positions else as_array(name, value, float64)
        for name, value in given.items()
    }


def _cotangents(
    function: Program, derived: Program, point: Mapping[str, _Array], rng: np.random.Generator
) -> dict[str, _Array]:
    """A random cotangent for each seed of the derived program."""
    results = by_name(function(point), function.outputs)
    seeds = {name: name.rpartition(".")[0] for name in derived.inputs if name not in point}
    return {
        name: rng.standard_normal(np.shape(results[output]))
        for name, output in seeds.items()
        if output in results
    }


def _axes(derived: Program, known: Mapping[str, _Array]) -> dict[str, _Array]:
    """The tensors that a derived program asks for because it has to know their axes: zeros."""
    missing = [name for name in derived.inputs if name not in known]
    shapes = derived.shapes({name: value.shape for name, value in known.items()}) if missing else {}
    for name in missing:
        if name not in shapes:
            raise InputError(
                f"the derivative needs the axes of {name}, whose sizes do not follow from the tensors",
                (),
                f"declare them, or check a program that reads {name}",
            )
    return {name: np.zeros(shapes[name]) for name in missing}


def _compare(
    function: Program,
    derived: Program,
    point: Mapping[str, _Array],
    cotangents: Mapping[str, _Array],
    order: int,
    step: float,
) -> Iterator[Difference]:
    """The largest difference for each gradient of the derived program."""
    gradients = by_name(derived({**point, **cotangents}), derived.outputs)
    weights = {name.rpartition(".")[0]: value for name, value in cotangents.items()}
    own = {name: point[name] for name in function.inputs}

    def weighted(tensor: str, value: _Array) -> float:
        results = by_name(function({**own, tensor: value}), function.outputs)
        return float(sum(np.sum(weights[name] * results[name]) for name in weights))

    for gradient_name in derived.outputs:
        tensor = gradient_name.rpartition(".")[0]
        finite = finite_differences(partial(weighted, tensor), point[tensor], step)
        yield largest_difference(tensor, order, np.asarray(gradients[gradient_name]), finite)


def largest_difference(tensor: str, order: int, derived: _Array, finite: _Array) -> Difference:
    """Where a derived array and its finite differences, of one shape, are furthest apart.

    >>> largest_difference("x", 1, np.array([1.0, 2.0]), np.array([1.0, 4.0])).subscripts
    (1,)
    """
    scale = np.maximum(1.0, np.maximum(np.abs(derived), np.abs(finite)))
    errors = np.abs(derived - finite) / scale
    if not errors.size:
        return Difference(tensor, order, (), 0.0, 0.0, 0.0)
    at = np.unravel_index(int(np.argmax(errors)), errors.shape)
    where = tuple(int(k) for k in at)
    return Difference(
        tensor, order, where, float(derived[at]), float(finite[at]), float(errors[at])
    )
