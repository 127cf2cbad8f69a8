"""A scalar with its gradients: what a call needs, and what is made only for a reader."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import einprop as ep
from einprop.calculus import derive

TEXT = "h[b,j] = tanh(x[b,i] W[i,j]); loss = sum[b,j](h[b,j]^2)"
TENSORS = {"x": np.arange(6.0).reshape(2, 3) / 6, "W": np.arange(12.0).reshape(3, 4) / 12}


def test_a_call_writes_nothing_for_a_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    # A quarter to a half of a first call went into text that nobody had asked for.
    def refuse(*given: object) -> None:
        raise AssertionError("the backward pass was written out")

    with monkeypatch.context() as patched:
        patched.setattr(derive, "readable", refuse)
        both = ep.Program(TEXT, params="W").value_and_grad()
        value, gradients = both(TENSORS)
    results = both.program(TENSORS)
    np.testing.assert_array_equal(value, results["loss"])
    np.testing.assert_array_equal(gradients["W"], results["W.grad"])
    assert str(both.program).splitlines()[-1].startswith("W.grad[i,j] += h.grad[b,j]")


def test_it_can_be_stored() -> None:
    both = ep.Program(TEXT, params="W").value_and_grad()
    again = pickle.loads(pickle.dumps(both))  # noqa: S301
    assert again(TENSORS)[0] == both(TENSORS)[0]
    assert again.program == both.program


def test_of_a_program_that_is_derived_itself() -> None:
    gradient = ep.Program("y = sum[i](x[i]^3)").grad()
    size = gradient.followed_by(ep.Program("s = sum[i](x.grad[i]^2)").statements, "s")
    value, gradients = size.value_and_grad(wrt="x")(x=[1.0, 2.0])
    assert value == 9 + 144
    np.testing.assert_allclose(gradients["x"], 36 * np.array([1.0, 8.0]))


def test_where_nothing_is_derived_pairwise() -> None:
    declared = ep.Program("y = sum[i](x[i]^2)\nbackward x.grad[i] += y.grad 2 x[i]")
    value, gradients = declared.value_and_grad()(x=[1.0, 2.0])
    assert value == 5
    np.testing.assert_array_equal(gradients["x"], [2.0, 4.0])
    constant = ep.Program("y = sum[i](x[i]); z = sum[i](w[i])").value_and_grad("y", wrt="w")
    assert constant(x=[1.0], w=[2.0])[0] == 1
    np.testing.assert_array_equal(constant(x=[1.0], w=[2.0])[1]["w"], [0.0])


def test_errors_are_those_of_the_program() -> None:
    both = ep.Program(TEXT, params="W").value_and_grad()
    with pytest.raises(ep.ShapeError, match=r"size 4 in x.*size 3 in W"):
        both(x=np.ones((2, 4)), W=np.ones((3, 4)))
    with pytest.raises(ep.InputError, match="W"):
        both(x=np.ones((2, 4)))
