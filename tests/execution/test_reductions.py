"""Reductions position by position: when, and that they come to the same."""

from __future__ import annotations

from collections.abc import Iterator
from unittest import mock

import numpy as np
import pytest
from hypothesis import given

from einprop import Program, compiled
from einprop.analysis.sizes import bind_sizes
from einprop.execution.cost import Machine
from einprop.execution.layout import dense
from einprop.execution.reductions import is_unrolled
from einprop.execution.steps import Reduction
from tests.strategies.programs import Case, cases

SIZES = {"b": 1000, "c": 64, "k": 10, "p": 2, "q": 2, "t": 1000}


@pytest.mark.parametrize(
    ("function", "stored", "indices", "expected"),
    [
        ("max", "bk", "k", True),
        ("max", "kb", "k", False),
        ("max", "bpcq", "pq", True),
        ("max", "bpqc", "pq", True),
        ("sum", "bpcq", "pq", True),
        ("sum", "bpqc", "pq", False),
        ("max", "bt", "t", False),
        ("argmax", "bk", "k", False),
        ("prod", "bp", "p", True),
    ],
)
def test_few_positions_that_lie_apart(
    function: str, stored: str, indices: str, expected: bool
) -> None:
    side = dense(tuple(stored), SIZES)
    assert is_unrolled(function, side, tuple(indices), SIZES, Machine()) is expected


@pytest.fixture(scope="module", autouse=True)
def eager() -> Iterator[None]:
    """A machine on which every reduction that can be unrolled is."""
    with mock.patch.object(compiled, "machine", return_value=Machine(call=1e-12, fold=1.0)):
        yield


def test_a_pooling_layer_takes_a_pass_for_each_position(rng: np.random.Generator) -> None:
    text = "y[b,i,j,f] = max[p,q](x[b,2*i+p,2*j+q,f]) where p in 0:2, q in 0:2"
    program = Program(text)
    x = rng.normal(size=(3, 6, 8, 5))
    schedule = program.compile().schedule(bind_sizes(program.resolved, {"x": x.shape}))
    (reduction,) = [s.operation for s in schedule.steps if isinstance(s.operation, Reduction)]
    assert reduction.unrolled
    np.testing.assert_array_equal(program(x=x), x.reshape(3, 3, 2, 4, 2, 5).max((2, 4)))


@pytest.mark.parametrize("function", ["max", "min", "sum", "prod"])
@pytest.mark.parametrize("shape", [(0, 3), (4, 1), (4, 0), (4, 2), (5, 7)])
def test_whatever_there_is_to_fold(
    function: str, shape: tuple[int, int], rng: np.random.Generator
) -> None:
    x = rng.normal(size=shape)
    found = Program(f"y[i] = {function}[j](x[i,j]); z = {function}[i,j](x[i,j])")(x=x)
    fold = getattr(np, function)
    empty = {"max": -np.inf, "min": np.inf}.get(function)
    initial = {} if empty is None else {"initial": empty}
    np.testing.assert_allclose(found["y"], fold(x, axis=1, **initial))
    np.testing.assert_allclose(found["z"], fold(x, **initial))


def test_nan_goes_through() -> None:
    x = np.array([[np.nan, 1.0], [1.0, np.nan], [2.0, 1.0]])
    np.testing.assert_array_equal(
        Program("y[i] = max[j](x[i,j])")(x=x), np.array([np.nan, np.nan, 2.0])
    )


@given(case=cases())
def test_generated_programs_have_the_same_values(case: Case) -> None:
    program = Program(case.text)
    found = program(case.tensors)
    with mock.patch.object(compiled, "machine", Machine):
        expected = Program(case.text)(case.tensors)
    if not isinstance(found, dict):
        found, expected = {"": found}, {"": expected}
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-9)
