"""Standalone code refuses arguments of other sizes than its own, by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from einprop import Program
from tests.backends import sources
from tests.backends.sources import BACKENDS, function_of

LAYER = "y[b,j] = tanh(x[b,i] W[i,j] + c B[j])"
RIGHT = {"x": (2, 3), "W": (3, 4), "c": (), "B": (4,)}

# The sizes that the code is for, shapes of arguments, and what is said of them.
WRONG = {
    "a batch of another size": (
        {"b": 2},
        {"x": (1, 3)},
        "index b has size 2 in this code, but axis 0 of x[b=2,i] has size 1",
    ),
    "two that share an index": (
        {},
        {"W": (2, 4)},
        "index i has size 3 in x[b,i], but axis 0 of W[i,j] has size 2",
    ),
    "one that would be repeated": (
        {},
        {"B": (1,)},
        "index j has size 4 in W[i,j], but axis 0 of B[j] has size 1",
    ),
    "an axis too many": ({}, {"c": (1,)}, "c has rank 0, not 1"),
    "an axis too few": ({}, {"x": (3,)}, "x[b,i] has rank 2, not 1"),
    "a scalar": ({"j": 4}, {"B": ()}, "B[j=4] has rank 1, not 0"),
}


def given(backend: str, shapes: dict[str, tuple[int, ...]]) -> list[Any]:
    convert = sources.converter(backend)
    return [convert(np.ones({**RIGHT, **shapes}[name])) for name in Program(LAYER).inputs]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_size_is_named(case: str, backend: str) -> None:
    sizes, shapes, message = WRONG[case]
    right = given(backend, {})  # Skips where the library is not installed.
    run = function_of(Program(LAYER).source(backend, sizes))
    assert tuple(run(*right).shape) == (2, 4)
    with pytest.raises(ValueError, match="has") as error:
        run(*given(backend, shapes))
    assert str(error.value) == message


def test_the_check_can_be_left_out() -> None:
    assert "check_sizes" not in Program(LAYER).source(check=False, b=2)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_number_may_stand_for_a_scalar(backend: str) -> None:
    x, w, _, b = given(backend, {})
    run = function_of(Program(LAYER).source(backend))
    assert tuple(run(x, w, 2.0, b).shape) == (2, 4)


def test_axes_of_one_letter_and_two_types_are_two() -> None:
    run = function_of(Program("y[i] = x[i]^2; z[j] = sum[i](w[i,j])").source())
    run(np.ones(2), np.ones((3, 4)))


def test_the_check_goes_through_compilers() -> None:
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    whole = torch.compile(
        function_of(Program(LAYER).source("torch")), fullgraph=True, backend="eager"
    )
    assert tuple(whole(*given("torch", {})).shape) == (2, 4)
    jitted = jax.jit(function_of(Program(LAYER).source("jax")))
    assert jitted(*given("jax", {})).shape == (2, 4)
    with pytest.raises(ValueError, match="index j has size 4"):
        jitted(*given("jax", {"B": (1,)}))
