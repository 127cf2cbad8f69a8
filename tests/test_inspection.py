"""Inspection: values and gradients of every tensor, the inner ones too."""

from __future__ import annotations

import re

import numpy as np
import pytest

from einprop import Program, inspect
from einprop.errors import InputError
from einprop.finite_differences import finite_differences
from einprop.layers import Affine, ReLU, Tanh, losses


def test_activities_and_their_gradients(rng) -> None:
    model = Affine(4) >> Tanh() >> Affine(3) >> losses.SquaredError()
    x, t = rng.normal(size=(5, 2)), rng.normal(size=(5, 3))
    parameters = model.init(rng, x=x)
    found = inspect(model, parameters, x=x, t=t)
    assert list(found) == ["x", "t", "W1", "B1", "W2", "B2", "h1", "y", "loss"]
    hidden = np.tanh(x @ parameters["W1"] + parameters["B1"])
    np.testing.assert_allclose(found["h1"].value, hidden)
    error = (found["y"].value - t) / 5
    np.testing.assert_allclose(found["y"].gradient, error)
    np.testing.assert_allclose(found["h1"].gradient, error @ parameters["W2"].T)
    np.testing.assert_allclose(found["W2"].gradient, hidden.T @ error)
    rest = Program("y[b,k] = h[b,j] W[j,k] + B[k]; loss = mean[b](sum[k]((y[b,k] - t[b,k])^2)) / 2")
    finite = finite_differences(
        lambda h: rest(h=h, W=parameters["W2"], B=parameters["B2"], t=t), hidden
    )
    np.testing.assert_allclose(found["h1"].gradient, finite, atol=1e-9)


def test_the_table_names_every_tensor(rng) -> None:
    model = Affine(3) >> ReLU() >> losses.SquaredError()
    parameters = model.init(rng, x=(2, 2))
    text = str(inspect(model, parameters, x=np.ones((2, 2)), t=np.ones((2, 3))))
    assert [line.split()[0] for line in text.splitlines()] == [
        "tensor",
        "x[b,i]",
        "t[b,j]",
        "W[i,j]",
        "B[j]",
        "y[b,j]",
        "loss",
    ]


def test_what_is_no_scalar_takes_its_cotangent() -> None:
    program = Program("h[i] = x[i]^2; y[i] = 3 h[i]")
    found = inspect(program, {"x": [1.0, 2.0], "y.grad": [1.0, 10.0]})
    assert found["h"].gradient.tolist() == [3, 30]
    assert [line.split()[-1] for line in str(found).splitlines()[1:]] == ["85", "21.3", "7.11"]
    assert found["x"].gradient.tolist() == [6, 120]
    with pytest.raises(InputError, match=r"y\.grad"):
        inspect(program, x=[1.0, 2.0])


def test_one_of_several_outputs() -> None:
    program = Program("h = x^2; a = h x; b = 5 h")
    found = inspect(program, x=2.0, of="b")
    assert float(found["h"].gradient) == 5
    assert found["a"].gradient is None
    assert len(found) == 4


def test_positions_have_no_gradient() -> None:
    found = inspect(Program("y = E[tok[t]]^2 u[t]"), E=[1.0, 2.0], tok=[1, 1], u=[1.0, 1.0])
    assert found["tok"].gradient is None
    assert found["E"].gradient.tolist() == [0, 8]


def test_html_holds_the_cells_of_the_table() -> None:
    found = inspect(Program("h[i] = x[i]^2 [x[i] < 3]; y = sum[i](h[i])"), x=[1.0, 2.0])
    rows = re.findall("<tr>.*?</tr>", found._repr_html_())
    cells = [[re.sub("<.*?>", "", c) for c in re.findall("<t[hd].*?</t[hd]>", r)] for r in rows]
    assert [row for row in cells if any(row)] == [line.split() for line in str(found).splitlines()]
