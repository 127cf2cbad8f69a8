"""What a user chooses about how a program runs leaves its values alone."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given

from einprop import Program
from einprop.choices import Choices
from einprop.errors import InputError
from tests.strategies.programs import Case, cases


@pytest.mark.parametrize("limit", [True, -1, 1.5, "1"])
def test_a_limit_is_a_number_of_bytes(limit: object) -> None:
    with pytest.raises(InputError, match="memory_limit is a number of bytes"):
        Choices(memory_limit=limit)  # type: ignore[arg-type]


@given(case=cases())
def test_results_that_are_written_again_are_the_same(case: Case) -> None:
    program = Program(case.text)
    reusing = program.compile(reuse_results=True)
    for _ in range(2):
        results = zip(_arrays(program(case.tensors)), _arrays(reusing(case.tensors)), strict=True)
        assert all(np.array_equal(one, other, equal_nan=True) for one, other in results)


def _arrays(result: object) -> list[object]:
    return list(result.values()) if isinstance(result, dict) else [result]


def test_inputs_and_repeated_outputs_are_copied() -> None:
    program = Program("y[i] = x[i]; z[i] = x[i]; u[i] = 2 x[i]; v[i] = u[i]", outputs="y z u v")
    x = np.ones(3)
    results = program.compile(reuse_results=True)(x=x)
    for name, other in [("y", "z"), ("u", "v"), ("y", "u")]:
        assert not np.shares_memory(results[name], results[other])
    assert not any(np.shares_memory(results[name], x) for name in "yzuv")


def test_they_come_with_a_copy_of_the_callable() -> None:
    reusing = copy.deepcopy(Program("y[i] = 2 x[i]").compile(reuse_results=True))
    first = reusing(x=[1.0])
    assert reusing(x=[2.0]) is first
