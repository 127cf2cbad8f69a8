"""Points at which a derivative has a guard: first and second derivatives are the exact ones there."""

from __future__ import annotations

import math

import numpy as np
import pytest

from einprop import Program

LOG2 = math.log(2)
QUARTER = 1 / 4

# program, point, gradient by input, Hessian by pair of inputs
ROWS = [
    ("f = x^y", (2, 0), (0, LOG2), ((0, 1 / 2), (1 / 2, LOG2**2))),
    ("f = x^y", (3, 0), (0, math.log(3)), ((0, 1 / 3), (1 / 3, math.log(3) ** 2))),
    ("f = x^y", (0, 2), (0, 0), ((2, 0), (0, 0))),
    ("f = x^y", (0, 3), (0, 0), ((0, 0), (0, 0))),
    ("f = x^y", (2, 3), (12, 8 * LOG2), ((12, 4 + 12 * LOG2), (4 + 12 * LOG2, 8 * LOG2**2))),
    ("f = logaddexp(x, y)", (1, 1), (0.5, 0.5), ((QUARTER, -QUARTER), (-QUARTER, QUARTER))),
    ("f = logaddexp(x, y)", (-math.inf, -math.inf), (0.5, 0.5), ((0, 0), (0, 0))),
    ("f = logaddexp(x, y)", (-math.inf, 3), (0, 1), ((0, 0), (0, 0))),
    ("f = logaddexp(x, y)", (math.inf, 3), (1, 0), ((0, 0), (0, 0))),
    ("f = clip(x, y, 1)", (0.5, 2), (0, 0), ((0, 0), (0, 0))),
    ("f = clip(x, 2, y)", (0.5, 1), (0, 1), ((0, 0), (0, 0))),
    ("f = x^(-2) + 0 y", (1e-90, 0), (-2e270, 0), ((math.inf, 0), (0, 0))),
    ("f = x^(-2) + 0 y", (0, 0), (-math.inf, 0), ((math.inf, 0), (0, 0))),
    ("f = x^(-2) + 0 y", (math.inf, 0), (0, 0), ((0, 0), (0, 0))),
    ("f = x^(-12) + 0 y", (100, 0), (-1.2e-25, 0), ((1.56e-26, 0), (0, 0))),
    ("f = sinh(x) + cosh(y)", (0, 0), (1, 0), ((0, 0), (0, 1))),
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("text", "point", "gradient", "hessian"), ROWS, ids=str)
def test_derivatives_are_exact(
    text: str,
    point: tuple[float, float],
    gradient: tuple[float, float],
    hessian: tuple[tuple[float, float], tuple[float, float]],
) -> None:
    program = Program(text)
    given = dict(zip("xy", map(float, point), strict=True))
    first = program.grad(wrt=["x", "y"])(given)
    second = program.hessian(wrt=["x", "y"])(given)
    forward = program.jvp(wrt=["x", "y"])
    for row, one in enumerate("xy"):
        np.testing.assert_allclose(first[f"{one}.grad"], gradient[row], rtol=1e-12)
        along = {"x.dot": float(one == "x"), "y.dot": float(one == "y")}
        slope = forward(given | {name: along[name] for name in forward.inputs if name in along})
        if np.isfinite([*point, gradient[0], gradient[1]]).all():
            np.testing.assert_allclose(slope, gradient[row], rtol=1e-12)
        for column, other in enumerate("xy"):
            found = second[f"f.hessian.{one}.{other}"]
            np.testing.assert_allclose(found, hessian[row][column], rtol=1e-12)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("text", "x", "dtype", "expected"),
    [
        ("y = sinh(x)", 710.2, np.float64, 1.3643036845527107e308),
        ("y = cosh(x)", -710.2, np.float64, 1.3643036845527107e308),
        ("y = sinh(x)", 89.0, np.float32, 2.2448058e38),
        ("y = sinh(x)", 1e-20, np.float64, 1e-20),
        ("y = log(1 - x)", 1e-20, np.float64, -1e-20),
        ("y = log(-x + 1)", 1e-20, np.float64, -1e-20),
        ("y = 1 - exp(x)", 1e-20, np.float64, -1e-20),
        ("y = -exp(x) + 1", 1e-20, np.float64, -1e-20),
        ("y = x^(-0.5)", -0.0, np.float64, np.inf),
        ("y = x^(-12)", 100.0, np.float32, 1e-24),
        ("y = x^(-4)", 3e-10, np.float32, 1.2345679e38),
        ("y = x^(-3)", 1e-90, np.float64, 1e270),
    ],
)
def test_values_at_the_edge_of_what_floats_hold(
    text: str, x: float, dtype: type, expected: float
) -> None:
    found = Program(text)(x=np.array(x, dtype))
    np.testing.assert_allclose(found, expected, rtol=20 * float(np.finfo(dtype).eps))
