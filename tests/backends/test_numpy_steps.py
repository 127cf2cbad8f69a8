"""Windows and assembled tensors on numpy against loops over cells, and what is copied on the way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, note, settings

from einprop.notation.tree import Access, Call, Equation, Index
from tests.backends.flat import check, compiled
from tests.strategies.subscripts import FlatCase, assemblies, windows

RNG = np.random.default_rng(0)


@settings(max_examples=150)
@given(windows())
def test_generated_windows(case: FlatCase) -> None:
    note(repr(case))
    check(case.equations, case.sizes, case.tensors, *case.outputs, axes=case.axes)


@settings(max_examples=200)
@given(assemblies())
def test_generated_assemblies(case: FlatCase) -> None:
    note(repr(case))
    check(case.equations, case.sizes, case.tensors, *case.outputs, axes=case.axes)


# What is copied.

SIZES = {"b": 2, "i": 5, "p": 3, "c": 4, "f": 6, "u": 12, "h": 2, "d": 3, "m": 7, "t": 8}
CONVOLUTION = "e[b,u,c] = exp(x[b,u,c]); w[b,i,p,c] = e[b,2*i+p,c]"


def run_text(text: str, inputs: dict[str, str], *outputs: str, **axes: str) -> str:
    """What a call of a checked plan runs, line by line."""
    tensors = {
        name: RNG.normal(size=[SIZES[i] for i in letters]) for name, letters in inputs.items()
    }
    letters = {name: tuple(value) for name, value in axes.items()}
    plan = check(text, SIZES, tensors, *outputs, axes=letters)
    return plan.source.partition("def run")[2]


def test_pooling_reads_the_window_itself() -> None:
    run = run_text(CONVOLUTION + "; y[b,i,c] = max[p](w[b,i,p,c])", {"x": "buc"}, "y")
    assert run.count("maximum(") == 2
    assert not {"copyto", "reshape", "copy("} & set(run.replace("(", "( ").split())
    run = run_text(CONVOLUTION + "; y[b,i,c] = sum[p](w[b,i,p,c])", {"x": "buc"}, "y")
    assert run.count("add(") == 2


def test_a_window_on_an_argument_is_a_slice() -> None:
    run = run_text("w[i,b] = x[b,2*i+1]; y[i,b] = exp(w[i,b])", {"x": "bu"}, "y")
    assert "x1[:, 1:10:2].T" in run or "x1[:, 1:10:2]" in run
    assert "copyto" not in run


def test_an_argument_in_another_order_is_read_all_the_same() -> None:
    x = np.asfortranarray(RNG.normal(size=(2, 12, 4)))
    text = "w[b,i,p,c] = x[b,2*i+p,c]; y[b,i,p,c] = exp(w[b,i,p,c])"
    plan = compiled(text, SIZES, {"x": x}, "y")
    expected = np.stack([x[:, p : p + 9 : 2] for p in range(3)], axis=2)
    np.testing.assert_allclose(plan(x)[0], np.exp(expected))
    np.testing.assert_allclose(plan(np.ascontiguousarray(x))[0], np.exp(expected))


def test_a_product_copies_its_window_once() -> None:
    text = (
        CONVOLUTION
        + """
        y[b,i,f] = sum[p,c](w[b,i,p,c] K[p,c,f])
        K.grad[p,c,f] = sum[b,i](w[b,i,p,c] g[b,i,f])
    """
    )
    run = run_text(text, {"x": "buc", "K": "pcf", "g": "bif"}, "y", "K.grad")
    assert run.count("copyto") == 1
    assert run.count(".dot(") == 2
    assert "einsum" not in run


def test_a_copy_for_a_product_is_not_kept_from_call_to_call() -> None:
    text = "w[i,p] = x[i+p]; y[i,f] = sum[p](w[i,p] K[p,f])"
    sizes = {"i": 5, "p": 3, "f": 2}
    plan = compiled(text, sizes, {"x": np.ones(7), "K": np.ones((3, 2))}, "y")
    for scale in (1.0, 2.0):
        np.testing.assert_allclose(plan(scale * np.ones(7), np.ones((3, 2)))[0], 3 * scale)


def test_heads_are_split_and_joined_without_a_copy() -> None:
    text = """
        q[b,t,m] = sum[c](x[b,t,c] W[c,m])
        s[b,h,t,d] = q[b,t,3*h+d]
        k[b,t,m] = sum[c](x[b,t,c] V[c,m])
        r[b,h,u,d] = k[b,u,3*h+d]
        a[b,h,t,u] = sum[d](s[b,h,t,d] r[b,h,u,d])
        o[b,h,t,d] = sum[u](a[b,h,t,u] r[b,h,u,d])
        O[b,t,3*h+d] += o[b,h,t,d]
        y[b,t,c] = sum[m](O[b,t,m] U[m,c])
    """
    sizes = dict(SIZES, m=6, u=8)
    rng = np.random.default_rng(1)
    tensors = {
        "x": rng.normal(size=(2, 8, 4)),
        "W": rng.normal(size=(4, 6)),
        "V": rng.normal(size=(4, 6)),
        "U": rng.normal(size=(6, 4)),
    }
    plan = check(text, sizes, tensors, "y", axes={"O": ("b", "t", "m")})
    run = plan.source.partition("def run")[2]
    assert "copyto" not in run
    assert "fill" not in run
    assert "einsum" not in run
    assert run.count("matmul(") == 2
    assert run.count(".dot(") == 3


def test_what_is_copied_into_a_tensor_is_computed_there() -> None:
    text = "e[b,i,c] = exp(x[b,i,c]); P[b,i+1,c] += e[b,i,c]; y[b,m,c] = tanh(P[b,m,c])"
    run = run_text(text, {"x": "bic"}, "y", P="bmc")
    assert "copyto" not in run
    assert run.count("exp(") == 1


def test_contributions_that_cover_a_tensor_need_no_zeros() -> None:
    text = "C[i,c] += x[i,c]; C[i+5,c] += z[i,c]; y[t,c] = exp(C[t,c])"
    plan = check(
        text,
        {"i": 5, "c": 4, "t": 10},
        {"x": RNG.normal(size=(5, 4)), "z": RNG.normal(size=(5, 4))},
        "y",
        axes={"C": ("t", "c")},
    )
    assert "fill" not in plan.source
    plan = check(
        "C[i] += x[i]; C[0] += z[1]",
        {"i": 5},
        {"x": RNG.normal(size=5), "z": RNG.normal(size=5)},
        "C",
        axes={"C": ("i",)},
    )
    assert "fill" not in plan.source
    assert plan.source.count("copyto") == 1


def test_overlapping_contributions_run_over_the_smaller_letter() -> None:
    run = run_text("X[b,2*i+p,c] += g[b,i,p,c]", {"g": "bipc"}, "X", X="buc")
    assert "slices(" in run
    assert "(1, 3)" in run
    assert "(1, 5)" not in run


def test_a_plain_contribution_is_an_alias() -> None:
    run = run_text("e[b,c] = exp(x[b,c]); X[b,c] += e[b,c]; y[b,c] = sin(X[b,c])", {"x": "bc"}, "X")
    assert "copyto" not in run


def test_a_producer_that_is_an_output_keeps_its_own_memory() -> None:
    text = "e[i] = exp(x[i]); P[i+1] += e[i]; y[m] = tanh(P[m])"
    x = RNG.normal(size=5)
    plan = check(text, {"i": 5, "m": 7}, {"x": x}, "e", "P", "y", axes={"P": ("m",)})
    first, second, _ = plan(x)
    assert not np.shares_memory(first, second)


def test_what_is_read_again_is_not_accumulated_into() -> None:
    text = "e[i] = exp(x[i]); X[i] += e[i]; X[0] += 1; y[i] = e[i] X[i]"
    check(text, {"i": 5}, {"x": RNG.normal(size=5)}, "y", axes={"X": ("i",)})


def test_constants_are_put_together_once() -> None:
    text = "M[i,i+1] += 1; y[i,j] = x[i,j] M[i,j]"
    plan = check(
        text, {"i": 4, "j": 5}, {"x": RNG.normal(size=(4, 5))}, "y", axes={"M": ("i", "j")}
    )
    run = plan.source.partition("def run")[2]
    assert "fill" not in run
    assert run.count("(") <= 6


# Reductions of their own.


def argument(function: str, target: str = "b") -> Equation:
    body = Access("x", tuple(Index(i) for i in "buc"))
    kept = tuple(Index(i) for i in target)
    return Equation(Access("y", kept), "=", Call(function, (body,), ("u",)))


@pytest.mark.parametrize("function", ["argmax", "argmin"])
@pytest.mark.parametrize("target", ["bc", "cb"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_place_of_the_most(function: str, target: str, order: str) -> None:
    x = np.array(RNG.integers(0, 3, (2, 12, 4)), float, order=order)  # type: ignore[call-overload]
    plan = check([argument(function, target)], SIZES, {"x": x}, "y")
    (y,) = plan(x)
    expected = getattr(np, function)(x, axis=1)
    np.testing.assert_array_equal(y, expected if target == "bc" else expected.T)
    assert y.dtype == np.float64


def test_the_place_of_the_most_of_nothing() -> None:
    x = np.zeros((2, 0, 4))
    plan = compiled([argument("argmax", "bc")], dict(SIZES, u=0), {"x": x}, "y")
    assert np.isnan(plan(x)[0]).all()


CUMULATIVE = {
    "<=": lambda x: x.cumsum(0),
    "<": lambda x: x.cumsum(0) - x,
    ">=": lambda x: x[::-1].cumsum(0)[::-1],
    ">": lambda x: x[::-1].cumsum(0)[::-1] - x,
}


@pytest.mark.parametrize("comparison", CUMULATIVE)
@pytest.mark.parametrize("mask", ["M[s,t]", "M[t,s]"])
@pytest.mark.parametrize("target", ["t,b", "b,t"])
def test_cumulative_sums_make_no_mask(comparison: str, mask: str, target: str) -> None:
    sizes = {"s": 6, "t": 6, "b": 2}
    x = RNG.normal(size=(6, 2))
    text = f"{mask} = [s {comparison} t]; y[{target}] = sum[s]({mask} x[s,b])"
    plan = check(text, sizes, {"x": x}, "y")
    assert "M" not in plan.schedule.tensors
    assert "less" not in plan.source
    expected = CUMULATIVE[comparison](x)
    np.testing.assert_allclose(plan(x)[0], expected if target == "t,b" else expected.T, atol=1e-12)


@pytest.mark.parametrize("size", [0, 1])
def test_cumulative_sums_of_little(size: int) -> None:
    for comparison in CUMULATIVE:
        text = f"M[s,t] = [s {comparison} t]; y[t] = sum[s](M[s,t] x[s])"
        check(text, {"s": size, "t": size}, {"x": RNG.normal(size=size)}, "y")


def test_a_mask_with_other_uses_is_made() -> None:
    sizes = {"s": 3, "t": 3}
    text = "M[s,t] = [s <= t]; y[t] = sum[s](M[s,t] x[s]); z[s,t] = M[s,t] x[t]"
    plan = check(text, sizes, {"x": RNG.normal(size=3)}, "y", "z")
    assert "M" in plan.schedule.tensors
    text = "M[s,t] = [s <= t]; y[t] = sum[s](M[s,t] A[s,t])"
    plan = check(text, sizes, {"A": RNG.normal(size=(3, 3))}, "y")
    assert "M" in plan.schedule.tensors
    text = "M[s,t] = [s <= t]; y[t] = sum[s](M[s,t] x[s])"
    plan = check(text, {"s": 4, "t": 3}, {"x": RNG.normal(size=4)}, "y")
    assert "M" in plan.schedule.tensors
