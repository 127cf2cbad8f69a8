"""Loops in plans, against loops over cells, and what runs outside of them."""

from __future__ import annotations

from hypothesis import given, note, settings

from tests.backends.flat import check
from tests.strategies.recurrences import recurrences
from tests.strategies.subscripts import FlatCase


@settings(max_examples=200)
@given(recurrences())
def test_generated_recurrences(case: FlatCase) -> None:
    note(repr(case))
    check(case.equations, case.sizes, case.tensors, *case.outputs, axes=case.axes)
