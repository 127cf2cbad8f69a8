"""Components: values, gradients that accumulate on fan-out, arithmetic."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from einprop.components import (
    Formula,
    Input,
    Parameter,
    Tanh,
)


def test_what_is_read_twice_gets_the_sum() -> None:
    x, y = Parameter(3.0), Parameter(4.0)
    z = Formula("sqrt(a)", a=x**2 + y**2)
    assert z.forward() == 5
    z.backward()
    assert [float(x.grad), float(y.grad)] == pytest.approx([3 / 5, 4 / 5])
    u = x * x * x + x
    u.forward()
    u.backward()
    assert float(x.grad) == 3 * 9 + 1


@pytest.mark.parametrize(
    ("build", "value", "slope"),
    [
        (lambda w: w + 2, 5, 1),
        (lambda w: 2 + w, 5, 1),
        (lambda w: w - 2, 1, 1),
        (lambda w: 2 - w, -1, -1),
        (lambda w: w * 2.5, 7.5, 2.5),
        (lambda w: -2 * w, -6, -2),
        (lambda w: w / 2, 1.5, 0.5),
        (lambda w: 2 / w, 2 / 3, -2 / 9),
        (lambda w: -w, -3, -1),
        (lambda w: w**-1, 1 / 3, -1 / 9),
        (lambda w: w - w * w, -6, -5),
        (Tanh, np.tanh(3), 1 - np.tanh(3) ** 2),
    ],
    ids=count(),
)
def test_arithmetic(build, value: float, slope: float) -> None:
    w = Parameter(3.0)
    y = build(w)
    assert float(y.forward()) == pytest.approx(value)
    y.backward()
    assert float(w.grad) == pytest.approx(slope)


def test_scalars_scale_tensors() -> None:
    scale, x = Parameter(2.0), Input(np.ones((3, 2)))
    loss = Formula("y = mean[b,i](a[b,i]^2)", a=Formula("s x", s=scale, x=x))
    assert loss.forward() == 4
    loss.backward()
    assert scale.grad == 4


def test_a_seed_of_ones_own() -> None:
    w = Parameter([1.0, 2.0])
    y = w * w
    y.forward()
    y.backward([1.0, 10.0])
    assert w.grad.tolist() == [2, 40]
