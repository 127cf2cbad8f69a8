"""Finite differences: columns of Jacobians, right to the order that the step promises."""

from __future__ import annotations

import numpy as np
import pytest

from einprop.errors import InputError
from einprop.finite_differences import CUBE_ROOT_STEP, SQUARE_ROOT_STEP, finite_differences


def test_steps_are_the_roots_of_the_rounding_unit() -> None:
    eps = 2.0**-52
    assert pytest.approx(eps) == CUBE_ROOT_STEP**3 == pytest.approx(SQUARE_ROOT_STEP**2)


@pytest.mark.parametrize("step", [CUBE_ROOT_STEP, SQUARE_ROOT_STEP])
def test_axes_of_the_value_come_before_those_of_the_input(step: float, rng) -> None:
    matrix, x = rng.normal(size=(3, 4)), rng.normal(size=(4, 2))
    found = finite_differences(lambda x: np.tanh(matrix @ x), x, step)
    slope = 1 - np.tanh(matrix @ x) ** 2
    expected = np.einsum("pk,pi,kl->pkil", slope, matrix, np.eye(2))
    assert found.shape == (3, 2, 4, 2)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_step_grows_with_the_absolute_value() -> None:
    # With max(x, 1) in place of max(|x|, 1) the step vanishes in rounding here: the result is 0.
    found = finite_differences(lambda x: x, [-1e12], SQUARE_ROOT_STEP)
    np.testing.assert_allclose(found, [[1.0]], rtol=1e-6)


def test_the_input_is_left_alone() -> None:
    at = np.array([1.0, 2.0])
    seen = []
    finite_differences(lambda x: seen.append(x) or 0.0, at)
    assert at.tolist() == [1.0, 2.0]
    assert len({id(x) for x in seen}) == 4


def test_nothing_has_no_columns() -> None:
    assert finite_differences(lambda x: np.ones(3), np.zeros((0, 2))).shape == (3, 0, 2)


@pytest.mark.parametrize("step", [0.0, -1e-6, np.inf, np.nan])
def test_steps_that_are_none(step: float) -> None:
    with pytest.raises(InputError, match="the step cannot be"):
        finite_differences(np.sin, 1.0, step)
