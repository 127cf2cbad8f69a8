"""The oracle itself, against numbers worked out by hand and numpy's own loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from einprop import Program
from einprop.errors import InputError, ShapeError, UnsupportedError
from einprop.notation.functions import FUNCTIONS
from einprop.reference import SCALAR_FUNCTIONS, evaluate

X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
V = np.array([0.5, -1.0, 2.0])


@pytest.mark.parametrize(
    ("line", "tensors", "value"),
    [
        ("y[b] = x[b,i] v[i]", {"x": X, "v": V}, X @ V),
        ("y[i,b] = x[b,i]", {"x": X}, X.T),
        ("y[b,i] = x[b,i] + v[i]", {"x": X, "v": V}, X + V),
        ("y += x[b,i]", {"x": X}, X.sum()),
        ("y = sum[b,i](x[b,i])", {"x": X}, X.sum()),
        ("y[b] = max[i](x[b,i])", {"x": X}, X.max(axis=1)),
        ("y[b] = min[i](-x[b,i])", {"x": X}, (-X).min(axis=1)),
        ("y[i] = prod[b](x[b,i])", {"x": X}, X.prod(axis=0)),
        ("y[b] = argmax[i](x[b,i])", {"x": -(X**2) + 4 * X}, [1, 0]),
        ("y[b] = argmin[i](x[b,i])", {"x": -(X**2) + 4 * X}, [0, 2]),
        ("y = argmax[i](v[i])", {"v": [1.0, 3.0, 3.0]}, 1),
        ("y = argmin[i](v[i])", {"v": [1.0, np.nan, np.nan]}, 1),
        ("y = mean[b,i](x[b,i])", {"x": X}, X.mean()),
        ("y[b] = logsumexp[i](x[b,i])", {"x": X}, np.log(np.exp(X).sum(axis=1))),
        ("y[i,i] = v[i]", {"v": V}, np.diag(V)),
        ("y[i] = v[i] [i > 0]", {"v": V}, [0, -1, 2]),
        ("y[i,j] = v[i] [i == j] w[j]", {"v": V, "w": V}, np.diag(V**2)),
        ("index i, j: position; y[i] = sum[j](v[j] [j <= i])", {"v": V}, np.cumsum(V)),
        ("y = A[i,i]", {"A": np.arange(9.0).reshape(3, 3)}, 12),
        ("y = 2^3^2", {}, 512),
        ("y = -2^2", {}, -4),
        ("y = 7 / 2 / 2", {}, 1.75),
        ("y = [2 > 1] + [2 < 1]", {}, 1),
    ],
)
def test_values(line: str, tensors: dict[str, object], value: object) -> None:
    result = evaluate(line, tensors)["y"]  # type: ignore[arg-type]
    assert result.dtype == np.float64
    assert result.shape == np.shape(value)  # type: ignore[arg-type]
    np.testing.assert_allclose(result, value, rtol=1e-15)  # type: ignore[arg-type]


def test_every_defined_tensor_is_given_in_order() -> None:
    values = evaluate("h = 2 x; h += 1; y = h^2", {"x": 3})
    assert list(values) == ["h", "y"]
    assert values["h"] == 7
    assert values["y"] == 49


def test_reductions_over_nothing() -> None:
    text = "s = sum[i](x[i]); p = prod[i](x[i]); a = max[i](x[i]); b = min[i](x[i])"
    assert list(evaluate(text, {"x": []}).values()) == [0, 1, -math.inf, math.inf]


def test_arithmetic_is_that_of_ieee() -> None:
    values = evaluate("a = 0^0; b = log(0); c = 1 / 0; d = 0 / 0; e = sqrt(-1)", {})
    assert [float(v) for v in values.values()][:3] == [1, -math.inf, math.inf]
    assert math.isnan(values["d"])
    assert math.isnan(values["e"])


def test_every_leaf_has_a_meaning() -> None:
    assert set(SCALAR_FUNCTIONS) == set(FUNCTIONS)


def test_inputs_are_left_alone_and_may_be_lists_and_booleans() -> None:
    x = np.array([True, False])
    assert evaluate("y[i] = 2 x[i]", {"x": x})["y"].tolist() == [2, 0]
    assert evaluate("y[i] += x[i]; y[i] += x[i]", {"x": [1, 2]})["y"].tolist() == [2, 4]
    assert x.tolist() == [True, False]


def test_a_program_may_be_given_instead_of_text() -> None:
    assert evaluate(Program("y = 2 x"), {"x": 2})["y"] == 4


def test_what_it_refuses() -> None:
    with pytest.raises(InputError):
        evaluate("y = 2 x", {})
    with pytest.raises(ShapeError):
        evaluate("y[i] = x[i] z[i]", {"x": [1, 2], "z": [1]})


def test_loops_that_would_not_end_are_refused_before_they_begin() -> None:
    large = np.zeros((9000, 9000))
    with pytest.raises(UnsupportedError, match="more than 10,000,000 turns"):
        evaluate("y = A[i,j] B[j,i]", {"A": large, "B": large})
    with pytest.raises(UnsupportedError, match=r"the cells of y|the positions of i"):
        evaluate("y[i] = x[i]", {"x": X[0]}, limit=2)
    np.testing.assert_array_equal(evaluate("y[i] = x[i]", {"x": X[0]}, limit=100)["y"], X[0])


@pytest.mark.parametrize(
    "text",
    [
        "s[t] = s[t-1] + x[t]",
        "s[t] = s[t+1] + x[t]",
        "s[t] = s[t+1] + x[t]; y = s[0]",
    ],
)
def test_long_recurrences_run_in_either_direction(text: str) -> None:
    found = evaluate(text, {"x": np.ones(2000)})["s"]
    np.testing.assert_array_equal(np.sort(found), np.arange(1, 2001))
