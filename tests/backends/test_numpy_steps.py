"""Windows and assembled tensors on numpy against loops over cells, and what is copied on the way."""

from __future__ import annotations

import numpy as np
from hypothesis import given, note, settings

from tests.backends.flat import check
from tests.strategies.subscripts import FlatCase, assemblies, windows

RNG = np.random.default_rng(0)


@settings(max_examples=300)
@given(windows())
def test_generated_windows(case: FlatCase) -> None:
    note(repr(case))
    check(case.equations, case.sizes, case.tensors, *case.outputs, axes=case.axes)


@settings(max_examples=400)
@given(assemblies())
def test_generated_assemblies(case: FlatCase) -> None:
    note(repr(case))
    check(case.equations, case.sizes, case.tensors, *case.outputs, axes=case.axes)
