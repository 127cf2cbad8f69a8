"""The error function against the C library's."""

from __future__ import annotations

import math

import numpy as np

from einprop.backends.numpy_erf import erf


def test_erf_in_float64() -> None:
    tiny = 10.0 ** -np.arange(0.0, 300.0, 7.0)
    edges = np.array([0.84375, 1.25, 1 / 0.35, 6.0, 7.0, np.inf])
    x = np.concatenate([np.linspace(-7, 7, 20001), tiny, edges, -edges])
    expected = np.array([math.erf(value) for value in x])
    np.testing.assert_allclose(erf(x), expected, rtol=1e-15)


def test_erf_in_float32() -> None:
    tiny = 10.0 ** -np.arange(0.0, 38.0, 0.7)
    x = np.concatenate([np.linspace(-5, 5, 20001), tiny, [np.inf, -np.inf]]).astype("float32")
    result = erf(x)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, [math.erf(value) for value in x], rtol=4e-7)
    assert np.abs(result).max() == 1


def test_erf_at_special_points() -> None:
    assert np.isnan(erf(np.array(np.nan)))
    assert erf(np.array(0.0)) == 0
    assert erf(np.array(0.5)).shape == ()
    assert np.isnan(erf(np.array(np.nan, "float32")))
    assert erf(np.array(0.0, "float32")) == 0
    half = erf(np.array(0.5, "float32"))
    assert (half.shape, half.dtype) == ((), np.float32)
