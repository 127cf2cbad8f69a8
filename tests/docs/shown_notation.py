"""What docs/comparison.md says of the notation and of errors, shown by value against numpy."""

from __future__ import annotations

import re

import numpy as np
import pytest

import einprop as ep
from tests.docs.shown import shows

rng = np.random.default_rng(0)
X, W, B = rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)
V = rng.normal(size=6)


def equal(text: str, expected, **tensors) -> ep.Program:
    """The program gives the value, and its gradients are those of finite differences."""
    program = ep.Program(text)
    np.testing.assert_allclose(program(tensors), expected, atol=1e-12)
    assert ep.gradcheck(program, tensors)
    return program


@shows("Whole equations as text", "yes")
def whole_equations() -> None:
    text = "h[b,j] = tanh(x[b,i] W[i,j] + B[j]); y[b] = mean[j](h[b,j]^2)"
    equal(text, np.mean(np.tanh(X @ W + B) ** 2, axis=1), x=X, W=W, B=B)


@shows("Sums implied by repeated indices", "yes")
def implied_sums() -> None:
    equal("y[b,j] = x[b,i] W[i,j] + B[j]", X @ W + B, x=X, W=W, B=B)
    equal("t = A[i,i]", np.trace(X[:3]), A=X[:3])
    with pytest.raises(ep.IndexScopeError, match="occurs once: is it to be summed"):
        ep.Program("y[b] = x[b,i]")


@shows("Functions and quotients within the sum", "yes")
def functions_within() -> None:
    p, q, r = (rng.uniform(0.5, 1.5, size=size) for size in ((4, 3), (4, 3), 3))
    expected = (p * np.log(q / r)).sum(axis=1)
    equal("S[x] = sum[y](P[x,y] log(Q[x,y] / R[y]))", expected, P=p, Q=q, R=r)


@shows("Conditions on positions, as in [i <= j]", "yes")
def conditions() -> None:
    equal("M[i,j] = v[i] v[j] [i <= j]", np.triu(np.outer(V, V)), v=V)


@shows("Shifts and strides in subscripts", "yes")
def shifts() -> None:
    kernel = rng.normal(size=3)
    windows = np.lib.stride_tricks.sliding_window_view(V, 3)
    equal("y[i] = x[i+p] K[p]", windows @ kernel, x=V, K=kernel)
    equal("y[i] = x[2*i+p] K[p]", windows[::2] @ kernel, x=V, K=kernel)


@shows("Padding, wrapping and clamping in subscripts", "yes")
def boundaries() -> None:
    for boundary, mode in (("pad", "constant"), ("wrap", "wrap"), ("clamp", "edge")):
        text = f"index i: cell; input x[i]; y[i] = x[{boundary}(i+1)] - x[{boundary}(i-1)]"
        padded = np.pad(V, 1, mode=mode)
        equal(text, padded[2:] - padded[:-2], x=V)


@shows("Gathers: a tensor in a subscript", "yes")
def gathers() -> None:
    rows = np.array([1, 1, 3, 0])
    equal("y[b,d] = E[at[b],d]", X[rows], E=X, at=rows)


@shows("Scatters by +, max and min", "yes")
def scatters() -> None:
    at = np.array([0, 2, 2, 0, 1, 2])
    for sign, function in (("+=", np.add), ("max=", np.maximum), ("min=", np.minimum)):
        expected = np.array([function.reduce(V[at == k]) for k in range(3)])
        text = f"index k: bin < 3; output y[k]; y[at[i]] {sign} v[i]"
        equal(text, expected, at=at, v=V)


@shows("Recurrences", "yes")
def recurrences() -> None:
    h, states = 0.0, []
    for x in V:
        h = np.tanh(x + 0.5 * h)
        states.append(h)
    equal("h[t] = tanh(x[t] + a h[t-1])", states, x=V, a=0.5)


@shows("Grouped axes, (h d)", "yes")
def grouped_axes() -> None:
    text = "index h: head < 2; y[h,t,d] = x[t,(h d)]"
    equal(text, X[:, :2].reshape(4, 2, 1).transpose(1, 0, 2), x=X[:, :2])
    equal("K[(i k),(j l)] = A[i,j] B[k,l]", np.kron(X, W), A=X, B=W)


@shows("Joined axes, (a + b)", "partly")
def joined_axes() -> None:
    with pytest.raises(ep.EquationSyntaxError):
        ep.Program("y[(i + j)] = x[i]")
    text = "index k: both < 10; output y[k]; y[i+0] += a[i]; y[j+6] += b[j]"
    equal(text, np.concatenate([V, X[:, 0]]), a=V, b=X[:, 0])


@shows("Any number of axes, by an ellipsis", "no")
def no_ellipsis() -> None:
    with pytest.raises(ep.EquationSyntaxError, match="there is no ellipsis"):
        ep.Program("y[..., j] = x[..., i] W[i,j]")


@shows("Reductions by max, min and product", "yes")
def reductions() -> None:
    equal("y[i] = max[j](x[i,j])", X.max(axis=1), x=X)
    equal("y[i] = min[j](x[i,j])", X.min(axis=1), x=X)
    equal("y[j] = prod[i](x[i,j])", X.prod(axis=0), x=X)


@shows("argmax and argmin", "yes")
def positions_of_extremes() -> None:
    assert np.array_equal(ep.Program("y[i] = argmax[j](x[i,j])")(x=X), X.argmax(axis=1))
    assert np.array_equal(ep.Program("y[i] = argmin[j](x[i,j])")(x=X), X.argmin(axis=1))
    best = ep.Program("k[i] = argmax[j](x[i,j]); y[i] = x[i+0,k[i]]", outputs="y")
    assert np.array_equal(best(x=X), X.max(axis=1))


@shows("Reductions by a function of yours", "no")
def no_reductions_of_yours() -> None:
    with pytest.raises(ep.EinpropError):
        ep.Program("y[i] = median[j](x[i,j])")
    with ep.register_function("cube", lambda x: x**3, "3 x^2"):
        equal("y = sum[i](cube(v[i]))", np.sum(V**3), v=V)


@shows("Sizes must agree: nothing broadcasts", "yes")
def nothing_broadcasts() -> None:
    program = ep.Program("y[i,j] = a[i,j] + b[i,j]")
    with pytest.raises(ep.ShapeError, match="size 1 does not broadcast"):
        program(a=X, b=X[:1])
    with pytest.raises(ep.ShapeError, match="b has 2 axes"):
        program(a=X, b=X[0])


@shows("Named axes, checked before any array", "yes")
def named_axes() -> None:
    text = "index i: pixel, j: feature\ny[i,j] = W[i,j]\nz[j,i] = W[j,i]"
    with pytest.raises(ep.IndexTypeError, match="type feature, but axis 0 of W has type pixel"):
        ep.Program(text)


@shows("Errors mark the place in the equation", "yes")
def errors_mark_the_place() -> None:
    with pytest.raises(ep.ShapeError) as error:
        ep.Program("y[b,j] = x[b,i] W[i,j]")(x=X, W=W[:2])
    shown = str(error.value).splitlines()
    equation, carets = shown[1], shown[2]
    assert "index i has size 3 in x[b,i] but size 2 in W[i,j]" in shown[0]
    assert [equation[mark.start()] for mark in re.finditer(r"\^", carets)] == ["i", "i"]
