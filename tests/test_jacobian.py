"""Jacobians, Hessians and products with them: against finite differences, PyTorch, JAX and each other."""

from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from einprop import Program, gradcheck
from einprop.errors import DerivativeError, IndexScopeError, InputError, ShapeError
from einprop.reference import evaluate
from tests.strategies.programs import Case, cases

MLP = """
h[b,j] = tanh(x[b,i] W[i,j])
s[b,k] = h[b,j] V[j,k]
loss = -mean[b](sum[k](t[b,k] log_softmax[k](s[b,k])))
"""
ATTENTION = """
q[i,d] = x[i,e] Q[e,d]
k[i,d] = x[i,e] K[e,d]
p[i,j] = softmax[j](q[i,d] k[j,d])
y[i,e] = p[i,j] x[j,e]
loss = sum[i,e](y[i,e]^2)
"""
RESIDUAL = """
a[b,j] = tanh(x[b,i] A[i,j])
c[b,k] = tanh(a[b,j] B[j,k])
d[b,j] = tanh(c[b,k] C[k,j]) + a[b,j]
loss = sum[b,j](d[b,j]^3)
"""
FACTORISATION = "loss = sum[i,j]((T[i,j] - U[i,r] V[j,r])^2)"
LOGISTIC = "z[b] = x[b,i] w[i]; loss = sum[b](softplus(z[b]) - t[b] z[b])"


def arrays(seed: int = 0, **shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.uniform(0.3, 1.5, shape) for name, shape in shapes.items()}


def by_name(program: Program, results) -> dict[str, np.ndarray]:
    return results if isinstance(results, dict) else {program.outputs[0]: results}


def run(program: Program, tensors) -> dict[str, np.ndarray]:
    return by_name(program, program({name: tensors[name] for name in program.inputs}))


def differences(program: Program, tensors, of: str, wrt: str) -> np.ndarray:
    """The Jacobian by central differences of the loops."""
    value = tensors[wrt]
    columns = np.zeros((*evaluate(program, tensors)[of].shape, *value.shape))
    for at in np.ndindex(value.shape):
        sides = []
        for step in (1e-6, -1e-6):
            moved = value.copy()
            moved[at] += step
            sides.append(evaluate(program, {**tensors, wrt: moved})[of])
        columns[(..., *at)] = (sides[0] - sides[1]) / 2e-6
    return columns


JACOBIANS = {
    "m[b] max= s[b,k]; e[b,k] = exp(s[b,k] - m[b]); y[b,k] = e[b,k] / sum[k](e[b,k])": {
        "s": (2, 3)
    },
    "y[b,j] = tanh(x[b,i] W[i,j] + B[j])": {"x": (2, 3), "W": (3, 4), "B": (4,)},
    "h[b,j] = tanh(x[b,i] W[i,j]); y[b,k] = softmax[k](h[b,j] V[j,k])": {
        "x": (2, 3),
        "W": (3, 4),
        "V": (4, 3),
    },
    "y[i] = x[i,i]": {"x": (3, 3)},
    "y[i,i] = x[i]": {"x": (3,)},
    "C[i,i] = x[i]; y[a] = C[a,b] v[b]": {"x": (3,), "v": (3,)},
    "C[i,i] = x[i]; y[a,b] = C[a,b] C[b,a]": {"x": (3,)},
    "y = sum[i](x[i]^2) prod[i](x[i])": {"x": (3,)},
    "y[b] = max[i](x[b,i]) + prod[i](x[b,i]) / x[b,b]": {"x": (3, 3)},
    "h[i] = W[i,j] x[j]; y[j] = U[j,i] h[i]": {"W": (3, 4), "x": (4,), "U": (5, 3)},
    "h[b] = x[b]^2; y[b] = h[b]; y[b] += A[c,b] h[c]; z[b] = y[b] y[b] + sum[c](y[c])": {
        "x": (3,),
        "A": (3, 3),
    },
    "y[i] = sum[j]([i == j] x[j] a[i])": {"x": (3,), "a": (3,)},
    "q[i,d] = x[i,e] Q[e,d]; y[i,e] = softmax[j](q[i,d] x[j,d]) x[j,e]": {"x": (3, 2), "Q": (2, 2)},
    "m = mean[b](x[b]); v = mean[b]((x[b] - m)^2); y[b] = (x[b] - m) / sqrt(v + 0.1)": {"x": (4,)},
    "loss = sum[i](x[i]^2 y[i])": {"x": (3,), "y": (3,)},
}


@pytest.mark.parametrize("text", JACOBIANS)
def test_jacobians_are_those_of_finite_differences(text: str) -> None:
    program, tensors = Program(text), arrays(**JACOBIANS[text])
    jacobian = program.jacobian()
    assert Program(str(jacobian)) == jacobian
    found = run(jacobian, tensors)
    loops = evaluate(jacobian, tensors)
    for name, value in found.items():
        of, _, wrt = name.partition(".jacobian.")
        np.testing.assert_allclose(value, differences(program, tensors, of, wrt), atol=1e-6)
        np.testing.assert_allclose(value, loops[name], atol=1e-9)


COMPUTED = {
    "y[i] = x[2*i+p] K[p]": {"x": (6,), "K": (2,)},
    "h[i] = tanh(x[i+p] K[p]); y[j] = h[2*j+q] L[q]": {"x": (6,), "K": (2,), "L": (2,)},
    "y[i] = x[pad(i+p-1)] K[p] where i in 0:5": {"x": (5,), "K": (3,)},
    "h[i] = x[i]^2; y[i] = h[pad(i-1)] + h[wrap(i+1)] + x[i]": {"x": (4,)},
    "y[t,d] = E[tok[t],d]^2": {"E": (4, 2)},
    "h[v,d] = tanh(E[v,d]); y[t,d] = h[tok[t],d] w[d]": {"E": (4, 2), "w": (2,)},
    "y[i] = x[i] - x[i+1]": {"x": (5,)},
    "index p: window < 2; y[i] = max[p](x[2*i+p])": {"x": (6,)},
    "h[t,j] = tanh(x[t,i] W[i,j] + h[t-1,k] U[k,j])": {"x": (3, 2), "W": (2, 2), "U": (2, 2)},
    "y[i,j] max= x[i,j,k]": {"x": (2, 2, 3)},
    "y[i] max= x[i,j] + z[i]": {"x": (2, 3), "z": (2,)},
    "y[i,k] min= x[i,j] + z[j,k]": {"x": (2, 3), "z": (3, 2)},
    "y[i] max= x[i,j]; y[i] max= z[i]^2": {"x": (2, 3), "z": (2,)},
    "y[i+p] += x[i] K[p]": {"x": (3,), "K": (2,)},
    "y[(h d)] = x[h,d]^2": {"x": (2, 3)},
    "y[i] = x[end-i]^2": {"x": (3,)},
    "y[i] = x[0] x[i]": {"x": (3,)},
    # The lines of a derivative lose reads that bound their indices.
    "y = sum[i](x[i+1] - x[i])": {"x": (5,)},
    "y = sum[i](x[2*i+1] - x[i])": {"x": (5,)},
    "y = sum[i](x[i] - x[end-2*i])": {"x": (5,)},
    "y = sum[i](x[i] - x[pad(i+1)])": {"x": (4,)},
    "y[j] = sum[i](x[i+1] - x[i]) x[j]": {"x": (4,)},
    "y[p] = sum[i](x[i+1] - x[i]) where p in 0:2": {"x": (4,)},
    "y = sum[i](x[i+2] - 2 x[i+1] + x[i]) + sum[i](x[i])": {"x": (5,)},
    "y = sum[i,k](x[i+1,k] - x[i,k]) + sum[i,k](x[i,k] w[k] - x[i,k+1])": {
        "x": (3, 4),
        "w": (3,),
    },
    "h = sum[i](x[i+1] - x[i]); y = h^2": {"x": (4,)},
    "h[j] = sum[i](A[j,i+1] - A[j,i]); y[k] = h[k+1] - h[k]": {"A": (3, 4)},
    "index p: window < 2; y[p] = sum[i](x[i+p+1] - x[i])": {"x": (5,)},
}


@pytest.mark.parametrize("text", COMPUTED)
def test_jacobians_through_computed_subscripts(text: str) -> None:
    program, tensors = Program(text), arrays(**COMPUTED[text])
    wrt = list(tensors)
    tensors["tok"] = np.array([1, 3, 1])
    jacobian = program.jacobian(wrt=wrt)
    assert Program(str(jacobian)) == jacobian
    (of,) = program.outputs
    given = {name: tensors[name] for name in program.inputs}
    moved = np.zeros(())
    for name, value in run(jacobian, tensors).items():
        wanted = differences(program, given, of, name.partition(".jacobian.")[2])
        np.testing.assert_allclose(value, wanted, atol=1e-6)
        moved = moved + value.sum(
            axis=tuple(range(value.ndim))[evaluate(program, given)[of].ndim :]
        )
    dots = {f"{name}.dot": np.ones_like(tensors[name]) for name in wrt}
    np.testing.assert_allclose(run(program.jvp(wrt=wrt), tensors | dots)[f"{of}.dot"], moved)


SMOOTH = {
    "loss = sum[i]((x[i+1] - x[i])^2)": (5,),
    "d[i] = x[i+1] - x[i]; loss = sum[i](sqrt(1 + d[i]^2))": (5,),
    "loss = sum[i]((x[i+2] - 2 x[i+1] + x[i])^2)": (6,),
    "loss = sum[i,j]((x[i+1,j] - x[i,j])^2) + sum[i,j]((x[i,j+1] - x[i,j])^2)": (3, 4),
    "h = sum[i](x[i+1] - x[i]); loss = h^2": (4,),
    "loss = sum[i](x[i] x[2*i] - x[i])": (5,),
    "index p: window < 2; loss = sum[i,p]((x[i+p+1] - x[i])^2)": (5,),
    "loss = sum[i]((x[i] - x[pad(i+1)])^2)": (4,),
}


@pytest.mark.parametrize("text", SMOOTH)
def test_hessians_of_differences_along_an_axis(text: str) -> None:
    program, tensors = Program(text, outputs="loss"), arrays(x=SMOOTH[text])
    hessian = program.hessian()
    assert Program(str(hessian)) == hessian
    (value,) = run(hessian, tensors).values()
    wanted = differences(program.grad(), tensors, "x.grad", "x")
    np.testing.assert_allclose(value, wanted, atol=1e-5)
    (loops,) = (evaluate(hessian, tensors)[name] for name in hessian.outputs)
    np.testing.assert_allclose(value, loops, atol=1e-9)


def test_a_line_of_a_jacobian_says_what_bounds_it() -> None:
    program = Program("y = sum[i]((x[i+1] - x[i])^2)")
    assert str(program.hessian()).splitlines()[1:-1] == [
        "y.hessian.x.x[i2+1,i2+1] += 2",
        "y.hessian.x.x[i2+1,i2+0] += -2",
        "y.hessian.x.x[i3+0,i3+1] += -2",
        "y.hessian.x.x[i3+0,i3+0] += 2 where x[i3+1]",
    ]


BASED = {
    "h[t,j] = tanh(h[t-1,k] U[k,j] + x[t,j]); h[-1,j] = a[j]; y[t,j] = h[t,j]": {
        "x": (4, 3),
        "U": (3, 3),
        "a": (3,),
    },
    "h[t,j] = tanh(h[t+1,k] U[k,j] + x[t,j]); h[end+1,j] = a[j]; y[j] = h[0,j]^2": {
        "x": (4, 3),
        "U": (3, 3),
        "a": (3,),
    },
    "h[t] = w h[t-1] + v h[t-2] + x[t]; h[-1] = a; h[-2] = a^2 w; y = h[-1] + h[end]^2": {
        "x": (5,),
        "w": (),
        "v": (),
        "a": (),
    },
    "c[t] = sigmoid(h[t-1]) c[t-1] + x[t]; h[t] = w tanh(c[t]); h[-1] = a; c[-1] = b; y[t] = h[t]^2": {
        "x": (4,),
        "w": (),
        "a": (),
        "b": (),
    },
    "h[-1] = a; h[i] = x[i]^2; y[i] = h[i-1]^2 + b[i]": {"x": (4,), "a": (), "b": (4,)},
    "h[i+1] = x[i]^2; h[0] = a; y[i] = h[i]^2": {"x": (4,), "a": ()},
    # A recurrence that is read where an index is its own step: a delta may not put it there.
    "D[-1,i,j] = W[i,j]; D[k,i,j] = minimum(D[k-1,i,j], sum[k']([k' == k] D[k-1,i,k'])"
    " + sum[k']([k' == k] D[k-1,k',j])); y[i,j] = D[end,i,j]": {"W": (3, 3)},
    "A[-1,i,j] = M[i,j] + 3 [i == j]; A[k,i,j] = A[k-1,i,j] - [i != k] sum[p]([p == k] A[k-1,i,p])"
    " sum[p]([p == k] A[k-1,p,j]) / sum[p,q]([p == k] [q == k] A[k-1,p,q]); y[i] = A[end,i,i]": {
        "M": (3, 3)
    },
    "big = 9; R[-1,j] = big; R[i,-1] = big; R[-1,-1] = 0; R[i,j] = d[i,j] - log(exp(-R[i-1,j])"
    " + exp(-R[i,j-1]) + exp(-R[i-1,j-1])); y = R[end,end]": {"d": (3, 3)},
    "P[-1,i,j] = P0[i,j]; Q[t,i,j] = F[i,k] P[t-1,k,l] F[j,l] + q[i,j]; S[t] = h[i] Q[t,i,j] h[j] + r;"
    " G[t,i] = Q[t,i,j] h[j] / S[t]; P[t,i,j] = Q[t,i,j] - G[t,i] h[k] Q[t,k,j] + 0 z[t];"
    " y[i,j] = P[end,i,j]": {"P0": (2, 2), "F": (2, 2), "q": (2, 2), "h": (2,), "r": (), "z": (2,)},
}


@pytest.mark.parametrize("text", BASED)
def test_jacobians_through_cells_outside_of_axes(text: str) -> None:
    program, tensors = Program(text), arrays(**BASED[text])
    for wrt in tensors:
        jacobian = program.jacobian(of="y", wrt=wrt)
        assert Program(str(jacobian)) == jacobian
        (value,) = run(jacobian, tensors).values()
        wanted = differences(program, tensors, "y", wrt)
        np.testing.assert_allclose(value, wanted, atol=1e-6)
        loops = evaluate(jacobian, tensors)[f"y.jacobian.{wrt}"]
        np.testing.assert_allclose(value, loops, atol=1e-9)


def test_hessians_through_a_based_recurrence() -> None:
    program = Program("h[t] = tanh(w h[t-1] + x[t]); h[-1] = a; loss = sum[t](h[t]^2)")
    tensors = arrays(x=(4,), w=(), a=())
    for wrt in tensors:
        hessian, gradient = program.hessian(wrt=wrt), program.grad(wrt=wrt)
        (value,) = run(hessian, tensors).values()
        wanted = differences(gradient, tensors, f"{wrt}.grad", wrt)
        np.testing.assert_allclose(value, wanted, atol=1e-6)
        loops = evaluate(Program(str(hessian)), tensors)[f"loss.hessian.{wrt}.{wrt}"]
        np.testing.assert_allclose(value, loops, atol=1e-9)


def test_the_jacobian_of_a_based_recurrence_reads_as_one() -> None:
    program = Program("h[t] = tanh(w h[t-1] + x[t]); h[-1] = a")
    assert str(program.jacobian(of="h", wrt="a")).splitlines()[2:] == [
        "h.jacobian2.a[t] += (1 - h[t]^2) w h.jacobian2.a[t-1]",
        "h.jacobian2.a[-1] += 1",
        "h.jacobian.a[t] = h.jacobian2.a[t]",
    ]


def test_jacobians_differentiate_again() -> None:
    jacobian = Program("y[b,j] = tanh(x[b,i] W[i,j])").jacobian(wrt="x")
    assert gradcheck(jacobian, arrays(x=(2, 3), W=(3, 2)))
    twice = jacobian.jacobian(wrt="x")
    assert twice.outputs == ("y.jacobian.x.jacobian.x",)
    tensors = arrays(x=(2, 3), W=(3, 2))
    expected = differences(jacobian, tensors, "y.jacobian.x", "x")
    np.testing.assert_allclose(twice(tensors), expected, atol=1e-6)


def test_a_result_that_is_taken_gets_a_number() -> None:
    jacobian = Program("y[i] = x[i]^2").jacobian()
    assert jacobian.jacobian(of="y").outputs == ("y.jacobian2.x",)


def test_what_is_asked_for_has_its_name_before_what_it_needs() -> None:
    program = Program("g[t] = tanh(v g[t+1] + x[t]); h[t] = g[t] + w h[t-1]", outputs="h g")
    found = program.jacobian(wrt="v w").outputs
    assert found == ("h.jacobian.v", "h.jacobian.w", "g.jacobian.v", "g.jacobian.w")


def test_what_does_not_depend_has_zeros() -> None:
    program = Program("y[i] = x[i]^2; z[j] = a[j]; w = 2 b[j,k] c[k,j]")
    jacobian = program.jacobian(of="y w", wrt="x a b")
    found = run(jacobian, arrays(x=(2,), a=(3,), b=(3, 4), c=(4, 3)))
    assert found["y.jacobian.a"].shape == (2, 3)
    assert found["w.jacobian.x"].shape == (2,)
    assert not found["y.jacobian.a"].any()
    assert not found["w.jacobian.x"].any()


HESSIANS = {
    "z[i] max= x[i,j] + y[i]; loss = sum[i](z[i]^3)": ({"x": (2, 3), "y": (2,)}, "x y"),
    "z[i,k] min= x[i,j] + y[j,k]^2; loss = sum[i,k](exp(z[i,k]))": (
        {"x": (2, 3), "y": (3, 2)},
        "x y",
    ),
    FACTORISATION: ({"T": (4, 3), "U": (4, 2), "V": (3, 2)}, "U V"),
    LOGISTIC: ({"x": (5, 3), "w": (3,), "t": (5,)}, "w x"),
    MLP: ({"t": (4, 3), "x": (4, 2), "W": (2, 3), "V": (3, 3)}, "W V x"),
    ATTENTION: ({"x": (3, 2), "Q": (2, 2), "K": (2, 2)}, "x Q K"),
    RESIDUAL: ({"x": (3, 2), "A": (2, 3), "B": (3, 2), "C": (2, 3)}, "A B C x"),
    "loss = prod[i](x[i]) + max[i](x[i]^2)": ({"x": (3,)}, "x"),
    "loss = sum[i](x[i])": ({"x": (3,)}, "x"),
}


@pytest.mark.parametrize("text", HESSIANS)
def test_reverse_over_forward_forward_over_reverse_and_symbolic_agree(text: str) -> None:
    shapes, wrt = HESSIANS[text]
    names = wrt.split()
    program, tensors = Program(text), arrays(**shapes)
    rng = np.random.default_rng(1)
    tensors |= {f"{n}.dot": rng.standard_normal(shapes[n]) for n in names}
    hessian = program.hessian(wrt=wrt)
    assert Program(str(hessian)) == hessian
    symbolic = run(hessian, tensors)
    as_printed = evaluate(hessian, {n: tensors[n] for n in hessian.inputs})
    over_reverse = run(program.hvp(wrt=wrt), tensors)
    over_forward = run(program.jvp(wrt=wrt).grad(wrt=wrt), tensors)
    for u in names:
        products = []
        for v in names:
            name = f"loss.hessian.{u}.{v}"
            assert symbolic[name].shape == shapes[u] + shapes[v]
            np.testing.assert_allclose(symbolic[name], as_printed[name], atol=1e-10)
            products.append(np.tensordot(symbolic[name], tensors[f"{v}.dot"], len(shapes[v])))
        np.testing.assert_allclose(sum(products), over_reverse[f"{u}.grad.dot"], atol=1e-10)
        np.testing.assert_allclose(sum(products), over_forward[f"{u}.grad"], atol=1e-10)


def test_hessians_are_those_of_torch() -> None:
    torch = pytest.importorskip("torch")
    tensors = arrays(t=(4, 3), x=(4, 2), W=(2, 3), V=(3, 3))
    found = Program(MLP).hessian(wrt="W V")(tensors)
    fixed = {n: torch.tensor(v) for n, v in tensors.items()}

    def loss(W, V):  # noqa: N803
        scores = torch.tanh(fixed["x"] @ W) @ V
        return -(fixed["t"] * torch.log_softmax(scores, 1)).sum(1).mean()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # What PyTorch says about itself.
        expected = torch.func.hessian(loss, argnums=(0, 1))(fixed["W"], fixed["V"])
    for row, u in enumerate("WV"):
        for column, v in enumerate("WV"):
            value = expected[row][column].numpy()
            np.testing.assert_allclose(found[f"loss.hessian.{u}.{v}"], value, atol=1e-12)


def test_jacobians_are_those_of_jax() -> None:
    jax = pytest.importorskip("jax")
    tensors = arrays(x=(3, 2), W=(2, 4))
    found = Program("y[b,j] = softmax[j](x[b,i] W[i,j])").jacobian()(tensors)

    def function(x, W):  # noqa: N803
        return jax.nn.softmax(x @ W, axis=1)

    expected = jax.jacobian(function, argnums=(0, 1))(tensors["x"], tensors["W"])
    for name, value in zip("xW", expected, strict=True):
        np.testing.assert_allclose(found[f"y.jacobian.{name}"], value, atol=1e-5)


# What it costs


def test_the_hessian_of_a_factorisation_costs_its_structure() -> None:
    hessian = Program(FACTORISATION).hessian(wrt="U")
    assert str(hessian).splitlines()[-2] == "loss.hessian.U.U[i,r,i,r'] += 2 V[j,r] V[j,r']"
    # V'V, once: no residual, nothing for each row.
    assert hessian.explain(i=500, j=40, r=5).multiply_adds == 40 * 5 * 5


def test_the_hessian_of_logistic_regression_is_a_weighted_gram_matrix() -> None:
    hessian = Program(LOGISTIC).hessian(wrt="w")
    line = "loss.hessian.w.w[i,i'] = x[b,i] sigmoid(z[b]) (1 - sigmoid(z[b])) x[b,i']"
    assert str(hessian).splitlines()[-2] == line
    assert hessian.explain(b=100, i=8).multiply_adds <= 100 * 8 + 100 * 8 * 8


def test_the_hessian_of_a_network_makes_no_pass_for_each_row() -> None:
    sizes = {"b": 32, "i": 20, "j": 10, "k": 5}
    hessian = Program(MLP).hessian(wrt="W").explain(**sizes)
    rows = sizes["i"] * sizes["j"]
    one_pass = Program(MLP).hvp(wrt="W").explain(**sizes).multiply_adds
    # Its largest product is that of the two sides of the Gauss-Newton part, over examples.
    assert hessian.multiply_adds < 1.3 * sizes["b"] * rows * rows
    assert hessian.multiply_adds < rows * one_pass / 2


def test_tangents_of_a_long_product_cost_twice_the_product() -> None:
    letters = "abcdefghijklm"
    pairs = pairwise(letters)
    text = "Y[a,m] = " + " ".join(f"A{n}[{i},{j}]" for n, (i, j) in enumerate(pairs))
    sizes = dict.fromkeys(letters, 30)
    forward = Program(text).explain(sizes).multiply_adds
    assert Program(text).jvp().explain(sizes).multiply_adds <= 3 * forward


def test_a_hessian_vector_product_costs_about_two_gradients() -> None:
    sizes = {"b": 64, "i": 50, "j": 40, "k": 10}
    gradient = Program(MLP).grad(wrt="W V").explain(**sizes).multiply_adds
    assert Program(MLP).hvp(wrt="W V").explain(**sizes).multiply_adds <= 2.5 * gradient


def test_jacobians_stay_block_sparse_in_the_batch() -> None:
    sizes = {"b": 50, "i": 6, "j": 7, "k": 4}
    text = "h[b,j] = tanh(x[b,i] W[i,j]); y[b,k] = tanh(h[b,j] V[j,k])"
    jacobian = Program(text).jacobian(wrt="x").explain(**sizes)
    assert jacobian.multiply_adds <= 2 * 50 * (6 * 7 + 7 * 4 + 6 * 7 * 4)


def test_extreme_logits_stay_finite() -> None:
    text = "loss = -mean[b](sum[k](t[b,k] log_softmax[k](x[b,i] W[i,k])))"
    tensors = arrays(t=(3, 3), x=(3, 2), W=(2, 3))
    tensors["x"] *= 2000
    assert np.isfinite(Program(text).hessian(wrt="W")(tensors)).all()
    tensors["W.dot"] = np.ones((2, 3))
    assert np.isfinite(Program(text).hvp(wrt="W")(tensors)).all()


# What is refused


@pytest.mark.parametrize("method", ["hessian", "hvp"])
def test_second_derivatives_are_those_of_one_scalar(method: str) -> None:
    with pytest.raises(DerivativeError, match=f"{method} differentiates one scalar, not y"):
        getattr(Program("y[i] = x[i]^2"), method)()


@pytest.mark.parametrize("method", ["hessian", "hvp", "jacobian", "jvp"])
def test_names_are_checked(method: str) -> None:
    program = Program("y = x[i]^2 a[i]; z = b")
    with pytest.raises(DerivativeError, match="does not define it"):
        getattr(program, method)(of="q")
    with pytest.raises(DerivativeError, match="it is no tensor of the program"):
        getattr(program, method)(of="y", wrt="q")
    with pytest.raises(DerivativeError, match="names no tensor"):
        getattr(program, method)(of="y", wrt=[])
    with pytest.raises(DerivativeError, match="depends on no input"):
        getattr(Program("y = [x > 0]"), method)()


# Tangents


def test_every_tangent_that_was_asked_for_is_an_input() -> None:
    product = Program("y[i] = x[i]^2; z[j] = a[j]").jvp(of="y", wrt="x a")
    assert set(product.inputs) == {"x", "a", "x.dot", "a.dot"}
    tensors = arrays(**{"x": (2,), "a": (3,), "x.dot": (2,), "a.dot": (3,)})
    np.testing.assert_allclose(product(tensors), 2 * tensors["x"] * tensors["x.dot"])


def test_a_tangent_of_what_does_not_depend_is_zero() -> None:
    product = Program("y[i] = x[i]^2; z[j] = 2 a[j]").jvp(wrt="x")
    found = run(product, arrays(**{"x": (2,), "a": (3,), "x.dot": (2,)}))
    assert found["z.dot"].shape == (3,)
    assert not found["z.dot"].any()


def test_tangents_of_tangents() -> None:
    twice = Program("y = x^3").jvp(wrt="x").jvp(wrt="x")
    assert twice.outputs == ("y.dot.dot2",)
    found = twice({"x": 2.0, "x.dot": 1.0, "x.dot2": 1.0})
    np.testing.assert_allclose(found, 6 * 2.0)


# Programs drawn at random

LIGHT = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    phases=[Phase.explicit, Phase.generate],
)


def close(left, right) -> bool:
    left, right = np.asarray(left), np.asarray(right)
    known = np.isfinite(left) & np.isfinite(right)
    scale = max(1.0, np.max(np.abs(left[known]), initial=0))
    differ = np.abs(left[known] - right[known]) > 1e-8 * scale
    return left.shape == right.shape and (scale > 1e6 or not differ.any())


@LIGHT
@given(cases(depth=2, equations=2, scalar=True))
def test_products_of_either_mode_and_closed_forms_agree(case: Case) -> None:
    with np.errstate(all="ignore"):
        compare(case)


def compare(case: Case) -> None:
    try:
        program = Program(case.text)
        gradient = program.grad()
        gradients = run(gradient, case.tensors)
    except (IndexScopeError, DerivativeError, ShapeError):
        return
    names = [name.removesuffix(".grad") for name in gradients]
    rng = np.random.default_rng(0)
    dots = {f"{n}.dot": rng.standard_normal(case.tensors[n].shape) for n in names}
    tensors = case.tensors | dots
    if not all(np.isfinite(value).all() for value in gradients.values()):
        return
    tangent = program.jvp(wrt=names)
    assert Program(str(tangent)) == tangent
    moved = run(tangent, tensors)["loss.dot"]
    assert close(moved, sum(np.sum(gradients[f"{n}.grad"] * dots[f"{n}.dot"]) for n in names))
    assert close(moved, evaluate(tangent, {n: tensors[n] for n in tangent.inputs})["loss.dot"])
    hessian = program.hessian(wrt=names)
    assert Program(str(hessian)) == hessian
    blocks = run(hessian, tensors)
    products = run(program.hvp(wrt=names), tensors)
    for u in names:
        parts = [
            np.tensordot(blocks[f"loss.hessian.{u}.{v}"], dots[f"{v}.dot"], dots[f"{v}.dot"].ndim)
            for v in names
        ]
        assert close(sum(parts), products[f"{u}.grad.dot"])


# Batches


LAYER = "h[j] = tanh(x[i] W[i,j] + B[j]); loss = -sum[k](t[k] log_softmax[k](h[j] V[j,k]))"


def test_batched_is_a_loop_over_examples() -> None:
    program = Program(LAYER, params="W B V")
    batch = program.batched("b")
    assert Program(str(batch)) == batch
    assert batch.params == program.params
    tensors = arrays(x=(4, 3), W=(3, 5), B=(5,), V=(5, 2), t=(4, 2))
    found = batch(tensors)
    for n in range(4):
        one = program({**tensors, "x": tensors["x"][n], "t": tensors["t"][n]})
        np.testing.assert_allclose(found[n], one)


def test_gradients_for_each_example() -> None:
    gradient = Program(LAYER, params="W B V").grad(wrt="W B V")
    batch = gradient.batched("b")
    assert "W.grad[b,i,j] += h.grad[b,j] (1 - h[b,j]^2) x[b,i]" in str(batch)
    assert Program(str(batch)) == batch
    tensors = arrays(x=(4, 3), W=(3, 5), B=(5,), V=(5, 2), t=(4, 2))
    found = batch(tensors)
    for n in range(4):
        one = gradient({**tensors, "x": tensors["x"][n], "t": tensors["t"][n]})
        for name, value in one.items():
            np.testing.assert_allclose(found[name][n], value)
    assert gradcheck(batch, tensors, orders=[1])
    assert batch.shapes(x=(4, 3), W=(3, 5))["W.grad"] == (4, 3, 5)


def test_batched_over_some_inputs() -> None:
    batch = Program("y[j] = x[i] W[i,j] + c[j]").batched("n", "sample", over="x")
    assert str(batch) == "index n: sample\ny[n,j] = x[n,i] W[i,j] + c[j]"


def test_what_is_shared_comes_after_what_tells_the_examples() -> None:
    batch = Program("y[j] += B[j]; y[j] += x[j]", params="B").batched("b")
    assert str(batch).splitlines()[-2:] == ["y[b,j] += x[b,j]", "y[b,j] += B[j]"]


def test_the_last_step_of_a_recurrence_has_a_jacobian() -> None:
    program = Program("h[t,s] = tanh(h[t-1,k] U[k,s] + x[t,s]); y[s] = h[end,s]")
    tensors = arrays(x=(3, 2), U=(2, 2))
    jacobian = program.jacobian()
    found = jacobian(tensors)
    assert "y.jacobian.h[s,pad(t-1),k]" in str(jacobian)
    for name, tensor in tensors.items():
        for cell in np.ndindex(tensor.shape):
            step = np.zeros(tensor.shape)
            step[cell] = 1e-6
            ends = [program({**tensors, name: tensor + sign * step}) for sign in (1, -1)]
            column = found[f"y.jacobian.{name}"][(slice(None), *cell)]
            np.testing.assert_allclose(column, (ends[0] - ends[1]) / 2e-6, atol=1e-8)


def test_ties_are_counted_once_for_all_jacobians() -> None:
    program = Program(
        "y[i] max= x[i,j]; y[i] max= z[i]; w[i] = y[i]^2; v[i] = 3 y[i]", outputs="w v"
    )
    jacobian = program.jacobian()
    assert str(jacobian).count("y.ties[i] +=") == 2
    assert Program(str(jacobian)) == jacobian
    found = jacobian(x=[[1.0, 2.0], [3.0, 0.0]], z=[2.0, 1.0])
    assert found["w.jacobian.x"].tolist() == [[[0, 2], [0, 0]], [[0, 0], [6, 0]]]
    assert found["v.jacobian.z"].tolist() == [[1.5, 0], [0, 0]]


def test_positions_of_each_example_scatter_what_is_shared() -> None:
    text = "index k: bin < 3; output n[k], loss; n[at[i]] += x[i]^2; loss = sum[k](n[k]^2)"
    gradient = Program(text, params="x").grad(of="loss")
    x, at = np.array([1.0, 2.0, 3.0]), np.array([[0, 2, 1], [0, 0, 0]])
    found = gradient.batched("b")(x=x, at=at)
    np.testing.assert_allclose(found, [gradient(x=x, at=row) for row in at])


SCATTERED = {
    "index i: cell; input x[i]; output y[i]; y[wrap(i+1)] += x[i]^2; y[pad(2*i)] += x[i]": {},
    "index k: bin < 4; output m[k]; m[at[n]] += x[n]^2": {"at": np.array([0, 2, 2])},
    "index k: bin < 4; output y[i,k]; y[i,at[i]] += x[i]^2": {"at": np.array([0, 2, 3])},
}


@pytest.mark.parametrize("text", SCATTERED)
def test_axes_that_only_a_declaration_tells_stay_told(text: str) -> None:
    program, tensors = Program(text), {"x": np.array([1.0, 2.0, 3.0]), **SCATTERED[text]}
    jacobian = program.jacobian()
    for derived in (jacobian, program.jvp(), program.batched("b", over="x")):
        assert Program(str(derived)) == derived
    moved = program.jvp()({**tensors, "x.dot": np.array([0.5, -1.0, 2.0])})
    matrix = jacobian(tensors)
    assert moved.shape == np.shape(program(tensors))
    np.testing.assert_allclose(matrix @ [0.5, -1.0, 2.0], moved)
    both = program.batched("b", over="x")({**tensors, "x": np.stack([tensors["x"]] * 2)})
    np.testing.assert_allclose(both[1], program(tensors))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("i",), "index i is already used"),
        (("b c",), "is no index"),
        (("b; y = 1",), "is no index"),
        (("",), "is no index"),
        ((3,), "is no index"),
        (("b", "batch", "q"), "q is not an input"),
        (("b", "batch", []), "no input gets the new index"),
    ],
)
def test_batches_that_are_refused(arguments, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Program("y[j] = x[i] W[i,j]").batched(*arguments)
