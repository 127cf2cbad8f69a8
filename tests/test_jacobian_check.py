"""The Jacobian both ways: rows and columns agree, and a wrong entry is found and named."""

from __future__ import annotations

import numpy as np
import pytest

from einprop import Program, check_jacobian, compare_jacobians
from einprop.errors import DerivativeError, InputError
from einprop.finite_differences import CUBE_ROOT_STEP
from einprop.jacobian_check import jacobian_rows


@pytest.mark.parametrize("step", [None, CUBE_ROOT_STEP])
@pytest.mark.parametrize("wrt", ["x", "W"])
def test_rows_and_columns_are_the_closed_form(wrt: str, step: float | None, rng) -> None:
    program = Program("y[b,j] = tanh(x[b,i] W[i,j])")
    tensors = {"x": rng.normal(size=(2, 3)), "W": rng.normal(size=(3, 4))}
    found = check_jacobian(program, tensors, wrt=wrt, **({} if step is None else {"step": step}))
    closed = program.jacobian(wrt=wrt)(tensors)
    np.testing.assert_allclose(found.rows, closed, atol=1e-12)
    np.testing.assert_allclose(found.columns, closed, atol=1e-6)
    assert str(found).startswith(f"right  order 1: d/d{wrt}")


def test_one_of_several_outputs() -> None:
    program = Program("a[i] = x[i]^2; b = sum[i](x[i])")
    assert check_jacobian(program, {"x": [1.0, 2.0]}, of="b", wrt="x").rows.tolist() == [1.0, 1.0]
    with pytest.raises(InputError, match="the program has the outputs a, b"):
        check_jacobian(program, {"x": [1.0, 2.0]}, wrt="x")


def test_positions_stay_integers() -> None:
    tensors = {"E": np.ones((3, 2)), "tok": [2, 0]}
    assert check_jacobian("y[t,d] = E[tok[t],d]", tensors, wrt="E").rows.sum() == 4


def test_an_array_that_is_missing() -> None:
    with pytest.raises(InputError, match="there is no array for x"):
        check_jacobian("y[i] = 2 x[i]", {}, wrt="x")


def test_a_wrong_entry_is_named() -> None:
    matrix = np.arange(6.0).reshape(2, 3)
    wrong = matrix.copy()
    wrong[1, 2] *= 1.001
    with pytest.raises(DerivativeError, match=r"d/dz\[1,2\] derived 5\.005"):
        compare_jacobians(lambda z: matrix @ z, lambda c: c @ wrong, np.ones(3), name="z")
    found = compare_jacobians(
        lambda z: matrix @ z, lambda c: c @ wrong, np.ones(3), name="z", check=False
    )
    assert not found
    assert str(found).startswith("wrong")


def test_a_gradient_of_another_shape() -> None:
    with pytest.raises(DerivativeError, match="a Jacobian of shape"):
        compare_jacobians(np.sin, lambda c: c[:1], np.ones(3))


def test_rows_of_nothing() -> None:
    assert jacobian_rows(lambda c: np.zeros(4), (0,)).shape == (0, 4)
