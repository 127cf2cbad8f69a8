"""One row, one test: each leaf's derivatives against differences of what the leaf means.

Points keep clear of kinks and stay inside the domain. Order 1 is read from the table itself; order 2
is derived and run like any program, mixed derivatives included.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from einprop import Program, reference
from einprop.calculus.rules import leaf_derivative
from einprop.notation.functions import FUNCTIONS
from einprop.notation.parser import parse_expression
from einprop.notation.printer import to_text
from einprop.notation.tree import Call

POINTS = 40
# The interval from which each argument is drawn; (-3, 3) where none is named.
DOMAINS = {
    "log": [(0.4, 4)],
    "log1p": [(-0.6, 4)],
    "sqrt": [(0.4, 4)],
    "tan": [(-1.2, 1.2)],
    "leaky_relu": [(-3, 3), (0.05, 0.9)],
    "elu": [(-3, 3), (0.3, 2)],
    "clip": [(-3, 3), (-1.5, -0.5), (0.5, 1.5)],
}
MARGIN = 0.02
# Piecewise functions and where their kinks lie, as distances that must not be small.
KINKS = {
    "abs": lambda x: x,
    "sign": lambda x: x,
    "relu": lambda x: x,
    "leaky_relu": lambda x, slope: x,
    "elu": lambda x, alpha: x,
    "maximum": lambda x, y: x - y,
    "minimum": lambda x, y: x - y,
    "where": lambda c, x, y: c,
    "clip": lambda x, lower, upper: np.minimum(np.abs(x - lower), np.abs(x - upper)),
    "floor": lambda x: x - np.round(x),
}
# stop_gradient means the identity and has derivative 0: differences say otherwise, on purpose.
ROWS = [name for name in FUNCTIONS if name != "stop_gradient"]


def points(name: str) -> list[np.ndarray]:
    """Arguments at many points: one array for each parameter."""
    rng = np.random.default_rng(sum(map(ord, name)))
    count = len(FUNCTIONS[name].parameters)
    intervals = DOMAINS.get(name, [(-3, 3)] * count)
    drawn = [rng.uniform(*interval, 20 * POINTS) for interval in intervals]
    if name in KINKS:
        clear = np.abs(KINKS[name](*drawn)) > MARGIN
        drawn = [argument[clear] for argument in drawn]
    return [argument[:POINTS] for argument in drawn]


def scalar(name: str, arguments: list[np.ndarray]) -> np.ndarray:
    """The reference's meaning, point by point."""
    function = reference.SCALAR_FUNCTIONS[name]
    return np.array([float(function(*point)) for point in zip(*arguments, strict=True)])


def difference(name: str, arguments: list[np.ndarray], steps: dict[int, float]) -> np.ndarray:
    """The central difference along one argument after the other."""
    if not steps:
        return scalar(name, arguments)
    (position, step), *rest = steps.items()
    sides = []
    for sign in (1, -1):
        moved = list(arguments)
        moved[position] = arguments[position] + sign * step
        sides.append(difference(name, moved, dict(rest)))
    return (sides[0] - sides[1]) / (2 * step)


def second(name: str, arguments: list[np.ndarray], first: int, other: int) -> np.ndarray:
    step = 1e-3
    if first != other:
        return difference(name, arguments, {first: step, other: step})
    up, down = list(arguments), list(arguments)
    up[first], down[first] = arguments[first] + step, arguments[first] - step
    middle = scalar(name, arguments)
    return (scalar(name, up) - 2 * middle + scalar(name, down)) / step**2


def call(name: str) -> Call:
    parameters = FUNCTIONS[name].parameters
    expression = parse_expression(f"{name}({', '.join(f'{p}[n]' for p in parameters)})")
    assert isinstance(expression, Call)
    return expression


def named(name: str, arguments: list[np.ndarray]) -> dict[str, np.ndarray]:
    return dict(zip(FUNCTIONS[name].parameters, arguments, strict=True))


def by_name(program: Program, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The results by name; a cotangent that the program does not read is left out."""
    results = program({name: value for name, value in tensors.items() if name in program.inputs})
    return results if isinstance(results, dict) else {program.outputs[0]: results}


@pytest.mark.parametrize("name", ROWS)
def test_first_derivatives_in_the_table(name: str) -> None:
    arguments = points(name)
    assert len(arguments[0]) == POINTS
    for position in range(len(arguments)):
        derivative = to_text(leaf_derivative(call(name), position))
        tensors = {p: v for p, v in named(name, arguments).items() if f"{p}[n]" in derivative}
        program = f"index n: point < {POINTS}; d[n] = {derivative}"
        finite = difference(name, arguments, {position: 1e-5})
        derived = reference.evaluate(program, tensors)["d"]
        np.testing.assert_allclose(derived, finite, rtol=1e-7, atol=1e-7, err_msg=derivative)


@pytest.mark.parametrize("name", ROWS)
def test_derivatives_of_both_orders_as_programs(name: str) -> None:
    arguments = points(name)
    tensors = named(name, arguments)
    parameters = FUNCTIONS[name].parameters
    once = Program(f"out[n] = {to_text(call(name))}").vjp(wrt=parameters)
    seeds = {"out.grad": np.ones(POINTS)}
    gradients = by_name(once, {**tensors, **seeds})
    for position, parameter in enumerate(parameters):
        finite = difference(name, arguments, {position: 1e-5})
        derived = gradients[f"{parameter}.grad"]
        np.testing.assert_allclose(derived, finite, rtol=1e-7, atol=1e-7)
    for first, other in itertools.product(range(len(parameters)), repeat=2):
        twice = once.vjp(of=f"{parameters[first]}.grad", wrt=parameters[other])
        seed = {f"{parameters[first]}.grad.grad2": np.ones(POINTS)}
        (derived,) = by_name(twice, {**tensors, **seeds, **seed}).values()
        finite = second(name, arguments, first, other)
        np.testing.assert_allclose(derived, finite, rtol=1e-5, atol=1e-5)


def test_stop_gradient_stops_it() -> None:
    assert to_text(leaf_derivative(call("stop_gradient"), 0)) == "0"
    program = Program("y[i] = x[i] stop_gradient(x[i]^2)").vjp()
    np.testing.assert_allclose(program({"x": [3.0], "y.grad": [1.0]}), [9.0])


@pytest.mark.parametrize(
    ("function", "at", "gradients"),
    [
        ("relu(x)", {"x": 0.0}, [0.0]),
        ("abs(x)", {"x": 0.0}, [0.0]),
        ("maximum(x, z)", {"x": 2.0, "z": 2.0}, [0.5, 0.5]),
        ("minimum(x, z)", {"x": 2.0, "z": 2.0}, [0.5, 0.5]),
        ("clip(x, 0, 1)", {"x": 1.0}, [1.0]),
        ("clip(x, 0, 1)", {"x": 0.0}, [1.0]),
        ("x^2", {"x": 0.0}, [0.0]),
        ("x^1", {"x": 0.0}, [1.0]),
        ("x^z", {"x": 0.0, "z": 2.0}, [0.0, 0.0]),
        ("x^z", {"x": 2.0, "z": 0.0}, [0.0, np.log(2)]),
        ("0^z", {"z": 2.0}, [0.0]),
    ],
)
def test_subgradients_and_limits_as_stated(
    function: str, at: dict[str, float], gradients: list[float]
) -> None:
    program = Program(f"y = {function}").grad()
    assert list(by_name(program, at).values()) == pytest.approx(gradients)  # type: ignore[arg-type]


def test_ties_of_a_maximum_share_the_cotangent() -> None:
    gradient = Program("y = max[i](x[i])").grad()
    np.testing.assert_allclose(gradient(x=[1.0, 3.0, 3.0, 2.0]), [0, 0.5, 0.5, 0])
    gradient = Program("y = min[i](x[i])").grad()
    np.testing.assert_allclose(gradient(x=[1.0, 1.0, 1.0, 2.0]), [1 / 3, 1 / 3, 1 / 3, 0])


@pytest.mark.parametrize("zeros", [0, 1, 2])
def test_prod_never_divides(zeros: int) -> None:
    x = np.array([2.0, 3.0, 5.0, 7.0])
    x[:zeros] = 0
    expected = [np.prod(np.delete(x, k)) for k in range(4)]
    np.testing.assert_allclose(Program("y = prod[i](x[i])").grad()(x=x), expected)
