"""What docs/comparison.md says of derivatives, shown by value and by what is printed."""

from __future__ import annotations

import numpy as np
import pytest

import einprop as ep
from tests.docs.shown import shows

rng = np.random.default_rng(1)
X, W, V = rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=3)


@shows("Gradients", "yes")
def gradients() -> None:
    program = ep.Program("loss = sum[b,j](tanh(x[b,i] W[i,j])^2)")
    t = np.tanh(X @ W)
    upstream = 2 * t * (1 - t**2)
    found = program.grad()(x=X, W=W)
    np.testing.assert_allclose(found["x.grad"], upstream @ W.T)
    np.testing.assert_allclose(found["W.grad"], X.T @ upstream)


@shows("Gradients as equations that parse and run", "yes")
def gradients_as_equations() -> None:
    program = ep.Program("y[b,j] = x[b,i] W[i,j] + B[j]")
    printed = str(program.backward())
    assert printed.splitlines() == [
        "x.grad[b,i] += y.grad[b,j] W[i,j]",
        "W.grad[i,j] += y.grad[b,j] x[b,i]",
        "B.grad[j] += y.grad[b,j]",
    ]
    seed = rng.normal(size=(4, 2))
    found = ep.Program(printed)({"y.grad": seed, "x": X, "W": W})
    np.testing.assert_allclose(found["W.grad"], X.T @ seed)


@shows("Derivatives of any order", "yes")
def any_order() -> None:
    program = ep.Program("y = sin(a x)")
    for order in range(1, 5):
        program = program.grad(of=program.outputs[0], wrt="x")
        value = np.sin(2 * 0.3 + order * np.pi / 2) * 2**order
        np.testing.assert_allclose(program(a=2.0, x=0.3), value, atol=1e-12)


@shows("Forward mode", "yes")
def forward_mode() -> None:
    program = ep.Program("y[b,j] = x[b,i] W[i,j]").jvp(wrt="x")
    tangent = rng.normal(size=X.shape)
    np.testing.assert_allclose(program({"x": X, "W": W, "x.dot": tangent}), tangent @ W)


@shows("Hessians in closed form, with their structure", "yes")
def structured_hessians() -> None:
    text = "e[i,j] = T[i,j] - U[i,r] V[j,r]; loss = 0.5 sum[i,j](e[i,j]^2)"
    program = ep.Program(text).hessian(wrt="U")
    assert "loss.hessian.U.U[i,r,i,r'] += V[j,r] V[j,r']" in str(program).splitlines()
    tensors = {
        "T": rng.normal(size=(4, 5)),
        "U": rng.normal(size=(4, 2)),
        "V": X[[0, 1, 2, 3, 0], :2],
    }
    expected = np.einsum("ik,rs->irks", np.eye(4), tensors["V"].T @ tensors["V"])
    np.testing.assert_allclose(program(tensors), expected, atol=1e-12)


@shows("Gradients per example", "yes")
def gradients_per_example() -> None:
    example = ep.Program("loss = (x[i] w[i] - t)^2", params="w")
    t = rng.normal(size=4)
    found = example.grad(wrt="w").batched("b")(x=X, w=V, t=t)
    np.testing.assert_allclose(found, 2 * (X @ V - t)[:, None] * X)


@shows("Gradients of a product that holds a zero", "yes")
def gradients_of_products() -> None:
    program = ep.Program("p = prod[i](x[i])").grad()
    assert program(x=[0.0, 2.0, 3.0]).tolist() == [6.0, 0.0, 0.0]
    assert program(x=[0.0, 0.0, 3.0]).tolist() == [0.0, 0.0, 0.0]


@shows("A written-out softmax does not overflow, nor its gradient", "yes")
def stable_softmax() -> None:
    text = "p[k] = exp(s[k]) / sum[k'](exp(s[k'])); loss = -sum[k](t[k] log(p[k]))"
    loss, found = ep.Program(text).value_and_grad(wrt="s")(s=[1e4, 0.0, -1e4], t=[0.0, 1.0, 0.0])
    assert loss == 1e4
    assert found["s"].tolist() == [1.0, -1.0, 0.0]


@shows("A gradient checker, to second order", "yes")
def gradient_checker() -> None:
    found = ep.gradcheck(ep.Program("y[b,j] = tanh(x[b,i] W[i,j])"), {"x": X, "W": W})
    assert {difference.order for difference in found.differences} == {1, 2}
    with ep.register_function("wrong", np.sin, "sin(x)"):
        program = ep.Program("y[i] = wrong(v[i])")
        with pytest.raises(ep.DerivativeError, match="finite difference"):
            ep.gradcheck(program, {"v": V})


@shows("Gradients by hand, compared with the derived ones", "yes")
def gradients_by_hand() -> None:
    right = "y[i] = tanh(x[i])\nbackward x.grad[i] += y.grad[i] (1 - y[i]^2)"
    assert ep.gradcheck(ep.Program(right), {"x": V})
    wrong = "y[i] = tanh(x[i])\nbackward x.grad[i] += y.grad[i] (1 - y[i])"
    with pytest.raises(ep.DerivativeError, match=r"the declared x\.grad is not what is derived"):
        ep.Program(wrong).backward()


@shows("Solvers, eigenvalues, FFTs", "no")
def no_linear_algebra() -> None:
    with pytest.raises(ep.EquationSyntaxError, match="unknown function solve"):
        ep.Program("y[i] = solve(A[i,j], b[j])")
    with pytest.raises(ep.EquationSyntaxError, match="unknown function fft"):
        ep.Program("y[i] = fft(b[i])")


@shows("Python code as it stands", "no")
def no_python_code() -> None:
    with pytest.raises(ep.InputError, match="a program is text"):
        ep.Program(np.sin)
