"""Clipping: what a step makes of gradients that are too large."""

from typing import Any

import numpy as np
import pytest

from einprop import Program
from einprop.errors import InputError
from einprop.training import SGD, ClipNorm, ClipValue, Step


def moved(clip: ClipValue | ClipNorm | None, a: list[float], c: float) -> tuple[Any, Any]:
    program = Program("loss = sum[i](a[i] u[i]) + c v", params="u v")
    parameters = {"u": np.zeros(2), "v": np.zeros(())}
    step = Step(program, SGD(1.0), clip=clip)
    step(parameters, step.start(parameters), {"a": np.array(a), "c": c})
    return (-parameters["u"]).tolist(), -float(parameters["v"])


def test_each_component_on_its_own() -> None:
    assert moved(ClipValue(1.0), [3.0, -0.5], -4.0) == ([1.0, -0.5], -1.0)


def test_all_together() -> None:
    u, v = moved(ClipNorm(1.3), [3.0, -4.0], 12.0)
    np.testing.assert_allclose([*u, v], np.array([3, -4, 12]) / 10, rtol=1e-6)


@pytest.mark.parametrize("clip", [ClipValue(20.0), ClipNorm(20.0), None])
def test_small_gradients_stay(clip: ClipValue | ClipNorm | None) -> None:
    assert moved(clip, [3.0, -4.0], 12.0) == ([3.0, -4.0], 12.0)


def test_a_norm_of_zero_is_no_trouble() -> None:
    assert moved(ClipNorm(1.0), [0.0, 0.0], 0.0) == ([0.0, 0.0], 0.0)


def test_a_negative_limit_is_refused() -> None:
    for kind in (ClipValue, ClipNorm):
        with pytest.raises(InputError, match="cannot be clipped to -1"):
            kind(-1.0)
