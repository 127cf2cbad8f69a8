"""Equations behind derived programs: what they read, and that they keep what derivation shares."""

from typing import Any

import numpy as np
import pytest

from einprop import Program, reference
from einprop.errors import EinpropError
from einprop.notation.parser import parse
from einprop.notation.tree import Equation, equations_of


def equations(text: str) -> tuple[Equation, ...]:
    return equations_of(parse(text))


def check(program: Program, **tensors: Any) -> dict[str, Any]:
    """The results, which are those of the text run as it is written."""
    found, written = program(tensors), Program(str(program))
    assert written == program
    for name, array in written(tensors).items():
        np.testing.assert_allclose(found[name], array, rtol=1e-12, err_msg=name)
    return found


def test_an_update_behind_a_gradient(rng: np.random.Generator) -> None:
    loss = Program("h[j] = tanh(x[i] W[i,j]); loss = sum[j](h[j]^2); z[j] = 2 h[j]", params="W")
    update = equations("norm = sum[i,j](W.grad[i,j]^2); W.new[i,j] = W[i,j] - c W.grad[i,j] / norm")
    step = loss.value_and_grad("loss").program.followed_by(update, "loss z W.new")
    x, w = rng.normal(size=3), rng.normal(size=(3, 2))
    results = check(step, x=x, W=w, c=0.1)
    gradient = loss.grad("loss", "W")(x=x, W=w)
    np.testing.assert_allclose(results["W.new"], w - 0.1 * gradient / (gradient**2).sum())


def test_a_derivative_of_what_reads_a_derivative(rng: np.random.Generator) -> None:
    energy = Program("e = sum[j](sin(x[i] W[i,j]))", params="W")
    penalty = energy.grad(wrt="x").followed_by(equations("loss = sum[i](x.grad[i]^2)"), "loss")
    differentiated = penalty.value_and_grad(wrt="W")
    update = equations(f"W.new[i,j] = W[i,j] - 0.1 {differentiated.gradients['W']}[i,j]")
    step = differentiated.program.followed_by(update, "loss W.new")
    x, w = rng.normal(size=3), rng.normal(size=(3, 2))
    results = check(step, x=x, W=w)

    def loss(weights: Any) -> float:
        return float(((weights @ np.cos(x @ weights)) ** 2).sum())

    assert results["loss"] == pytest.approx(loss(w))
    shift = np.zeros_like(w)
    shift[1, 0] = 1e-6
    slope = (loss(w + shift) - loss(w - shift)) / 2e-6
    assert (w - results["W.new"])[1, 0] == pytest.approx(0.1 * slope, rel=1e-6)


def test_behind_a_gradient_that_was_declared(rng: np.random.Generator) -> None:
    loss = Program(
        "y[i] = tanh(x[i] + w[i]); loss = sum[i](y[i])",
        params="w",
        backward="w.grad[i] += y.grad[i] (1 - y[i]^2)",
    )
    step = loss.value_and_grad().program.followed_by(
        equations("w.new[i] = w[i] - w.grad[i]"), "loss w.new"
    )
    x, w = rng.normal(size=3), rng.normal(size=3)
    results = check(step, x=x, w=w)
    np.testing.assert_allclose(results["w.new"], w - (1 - np.tanh(x + w) ** 2))


def test_behind_a_gradient_of_zero() -> None:
    loss = Program("loss = sum[i](w[i]^2) + sum[i](sign(v[i]))", params="w v")
    step = loss.value_and_grad(wrt="w v").program.followed_by(
        equations("v.new[i] = v[i] - v.grad[i] - w.grad[i]"), "loss v.new"
    )
    assert check(step, w=np.ones(2), v=np.array([1.0, 3.0]))["v.new"].tolist() == [-1.0, 1.0]


def test_behind_a_program_that_is_not_derived() -> None:
    program = Program("y[i] = 2 x[i]").followed_by(equations("z = sum[i](y[i])"), ["y", "z"])
    assert check(program, x=np.ones(3))["z"] == 6
    with pytest.raises(EinpropError, match="y is defined twice"):
        program.followed_by(equations("y[i] = x[i]"), "y")


TEXT = "h[b,j] = tanh(x[b,i] w[i,j])\ny[b,k] = h[b,j] v[j,k]\nloss = sum[b,k](y[b,k]^2)"


@pytest.fixture
def tensors(rng):
    return {
        name: rng.normal(size=shape)
        for name, shape in (("x", (2, 3)), ("w", (3, 4)), ("v", (4, 2)))
    }


@pytest.mark.parametrize("name", ["h", "y", "loss", "h.grad", "y.grad", "loss.grad", "w.grad"])
def test_any_tensor_of_a_derived_program_may_be_returned(name, tensors):
    program = Program(TEXT, params="w v").grad(wrt="w").followed_by([], name)
    assert program.outputs == (name,)
    wanted = reference.evaluate(program, tensors)[name]
    np.testing.assert_allclose(program(tensors), wanted, rtol=1e-12)


@pytest.mark.parametrize("read", ["h[b,j]", "h.grad[b,j]", "w.grad[b,j]"])
def test_any_tensor_of_a_derived_program_may_be_read(read, tensors):
    equations = Program(f"n = sum[b,j]({read}^2)").statements
    program = Program(TEXT, params="w v").grad(wrt="w").followed_by(equations, "n")
    wanted = reference.evaluate(program, tensors)["n"]
    np.testing.assert_allclose(program(tensors), wanted, rtol=1e-12)


def test_tangents_on_the_way_may_be_returned(tensors):
    program = Program(TEXT, params="w v").jvp(wrt="w").followed_by([], "h.dot loss.dot")
    given = tensors | {"w.dot": np.ones((3, 4))}
    results, wanted = program(given), reference.evaluate(program, given)
    for name in ("h.dot", "loss.dot"):
        np.testing.assert_allclose(results[name], wanted[name], rtol=1e-12)
