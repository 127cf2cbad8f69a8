"""Gathers and scatters on numpy: against loops over cells, and what they refuse."""

from __future__ import annotations

from hypothesis import given, note, settings

from tests.backends.flat import check
from tests.strategies.subscripts import FlatCase, gatherings


@settings(max_examples=300)
@given(gatherings())
def test_generated_gatherings(case: FlatCase) -> None:
    if any(0 in array.shape for name, array in case.tensors.items() if name == "x"):
        return
    note(repr(case))
    check(case.equations, case.sizes, case.tensors, *case.outputs)
