"""Compiled plans against numpy written by hand, and what the emitted text may not contain."""

from __future__ import annotations

import math
import re
import threading
import warnings
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from einprop.backends.numpy import Plan, register
from einprop.backends.numpy_functions import FUNCTIONS, unregister
from einprop.execution.schedule import ITEM_BYTES, schedule
from einprop.notation.parser import parse
from einprop.notation.tree import Access, Call, Equation, Expression, Index, Multiply

Arrays = Mapping[str, NDArray[Any]]
SIZES = {"b": 5, "i": 4, "j": 3, "k": 2, "h": 6, "d": 7, "q": 8, "t": 9}


def arrays(inputs: Mapping[str, str], sizes: Mapping[str, int], dtype: str) -> Arrays:
    rng = np.random.default_rng(1)
    return {
        name: np.array(rng.normal(size=[sizes[i] for i in letters]), dtype=dtype)
        for name, letters in inputs.items()
    }


def compiled(text: str, tensors: Arrays, *outputs: str, sizes: Mapping[str, int] = SIZES) -> Plan:
    shapes = {name: array.shape for name, array in tensors.items()}
    dtype = next(iter(tensors.values())).dtype.name if tensors else "float64"
    return Plan(schedule(parse(text), sizes, shapes, outputs, dtype))


def close(actual: NDArray[Any], expected: ArrayLike, dtype: str = "float64") -> None:
    tolerance = 1e-3 if dtype == "float32" else 1e-9
    assert actual.shape == np.shape(expected)
    assert actual.dtype == dtype
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


# Generated contractions.


def access(name: str, letters: str) -> Access:
    return Access(name, tuple(Index(letter) for letter in letters))


def product(left: Access, right: Access, summed: str) -> Expression:
    factors = Multiply((left, right))
    return Call("sum", (factors,), tuple(summed)) if summed else factors


@pytest.mark.parametrize("seed", range(300))
def test_generated_contractions(seed: int) -> None:
    """Two contractions in a row over random subscripts, the first one's layout left to the plan."""
    rng = np.random.default_rng(seed)
    smallest = 0 if rng.random() < 0.1 else 1
    sizes = {letter: int(rng.integers(smallest, 5)) for letter in "abcdef"}

    def some(letters: str) -> str:
        return "".join(rng.permutation(list(letters))[: rng.integers(0, 5)])

    left, right, third = some("abcdef"), some("abcdef"), some("abcdef")
    both = "".join(sorted(set(left + right)))
    middle = some(both)
    last = some("".join(sorted(set(middle + third))))
    dtype = str(rng.choice(["float32", "float64"]))
    tensors = arrays({"x": left, "y": right, "z": third}, sizes, dtype)
    if rng.random() < 0.3:
        tensors = {name: np.array(array, order="F") for name, array in tensors.items()}
    first = product(access("x", left), access("y", right), "".join(set(both) - set(middle)))
    summed = "".join(set(middle + third) - set(last))
    second = product(access("p", middle), access("z", third), summed)
    equations = [
        Equation(access("p", middle), "=", first),
        Equation(access("r", last), "=", second),
    ]
    outputs = ["r"] if rng.random() < 0.5 else ["p", "r"]
    shapes = {name: array.shape for name, array in tensors.items()}
    plan = Plan(schedule(equations, sizes, shapes, outputs, dtype))
    p = np.einsum(f"{left},{right}->{middle}", tensors["x"], tensors["y"])
    expected = {"p": p, "r": np.einsum(f"{middle},{third}->{last}", p, tensors["z"])}
    for name, result in zip(outputs, plan(*tensors.values()), strict=True):
        close(result, expected[name], dtype)


@pytest.mark.parametrize("function", ["sum", "prod", "max", "min"])
@pytest.mark.parametrize("summed", ["i", "j", "k", "ij", "ik", "jk", "ijk"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_reductions(function: str, summed: str, order: Literal["C", "F"]) -> None:
    kept = "".join(letter for letter in "kji" if letter not in summed)
    text = f"y[{','.join(kept)}] = {function}[{','.join(summed)}](x[i,j,k])"
    x = np.array(arrays({"x": "ijk"}, SIZES, "float64")["x"], order=order)
    axes = tuple("ijk".index(letter) for letter in summed)
    (y,) = compiled(text, {"x": x}, "y")(x)
    close(y, getattr(x, function)(axis=axes).T)


@pytest.mark.parametrize(
    ("function", "expected"), [("sum", 0), ("prod", 1), ("max", -math.inf), ("min", math.inf)]
)
def test_reductions_over_nothing(function: str, expected: float) -> None:
    x = np.ones((3, 0))
    sizes = {"j": 3, "i": 0}
    (y,) = compiled(f"y[j] = {function}[i](x[j,i])", {"x": x}, "y", sizes=sizes)(x)
    close(y, [expected] * 3)


def test_a_reduction_over_an_index_that_the_body_lacks() -> None:
    x = np.array([1.0, 2.0, 3.0])
    text = "s[j] = sum[i](x[j]); p[j] = prod[i](x[j]); m[j] = max[i](x[j]); c = sum[i,j](2)"
    s, p, m, c = compiled(text, {"x": x}, "s", "p", "m", "c")(x)
    for actual, expected in ((s, 4 * x), (p, x**4), (m, x), (c, 24.0)):
        close(actual, expected)


# Elementwise.

LEAVES = {
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "expm1": np.expm1,
    "sqrt": np.sqrt,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "abs": np.abs,
    "sign": np.sign,
    "floor": np.floor,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 0.5 * (1 + np.tanh(0.5 * x)),
    "softplus": lambda x: np.logaddexp(x, 0),
    "erf": np.vectorize(math.erf),
    "stop_gradient": lambda x: x,
}


@pytest.mark.parametrize("name", LEAVES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_leaves(name: str, dtype: str) -> None:
    x = np.array([-3.0, -1.0, -0.25, 0.0, 0.25, 1.0, 3.0, np.nan], dtype)
    (y,) = compiled(f"y[i] = {name}(x[i])", {"x": x}, "y", sizes={"i": 8})(x)
    with np.errstate(all="ignore"):
        expected = LEAVES[name](x)
    np.testing.assert_allclose(y, expected, rtol=1e-6 if dtype == "float32" else 1e-14, atol=1e-15)
    assert y.dtype == dtype


def test_leaves_of_several_operands() -> None:
    tensors = arrays({"x": "bi", "a": "b", "c": "i"}, SIZES, "float32")
    x, a, c = tensors.values()
    a_ = a[:, None]
    cases = {
        "maximum(x[b,i], a[b])": np.maximum(x, a_),
        "minimum(c[i], x[b,i])": np.minimum(x, c),
        "logaddexp(x[b,i], a[b])": np.logaddexp(x, a_),
        "where(c[i], x[b,i], a[b])": np.where(c != 0, x, a_),
        "where([x[b,i] > a[b]], 1, 0)": x > a_,
        "clip(x[b,i], a[b], c[i])": np.minimum(np.maximum(x, a_), c),
        "leaky_relu(x[b,i], 0.1)": np.where(x > 0, x, x / 10),
        "leaky_relu(x[b,i], c[i])": np.where(x > 0, x, x * c),
        "elu(x[b,i], a[b])": np.where(x > 0, x, a_ * np.expm1(x)),
        "x[b,i]^2": x**2,
        "x[b,i]^3": x**3,
        "x[b,i]^4": x**4,
        "x[b,i]^(-2)": x**-2.0,
        "2^x[b,i]": 2**x,
        "1 / x[b,i]": 1 / x,
        "a[b] c[i]": a_ * c,
        "a[b] - x[b,i] - c[i] - 1": a_ - x - c - 1,
        "-a[b] - x[b,i]": -a_ - x,
        "[x[b,i] > a[b]] + [x[b,i] > c[i]]": (x > a_) * 1 + (x > c),
        "-[x[b,i] > a[b]]": -((x > a_) * 1),
        "[x[b,i] > a[b]] [x[b,i] > c[i]] x[b,i]": (x > a_) * (x > c) * x,
        "[b == i]": np.eye(5, 4),
        "[b >= 2] x[b,i]": np.where(np.arange(5)[:, None] >= 2, x, 0),
        "a[b]": np.repeat(a_, 4, axis=1),
        "3": np.full((5, 4), 3),
    }
    for expression, expected in cases.items():
        for target, result in (("b,i", expected), ("i,b", np.transpose(expected))):
            plan = compiled(f"y[{target}] = {expression}", tensors, "y")
            close(plan(*tensors.values())[0], result, "float32")


def test_the_table_of_functions_is_tested() -> None:
    several = {"maximum", "minimum", "where", "leaky_relu", "elu", "power", "square", "reciprocal"}
    several |= {"logaddexp"}
    arithmetic = {"add", "subtract", "multiply", "divide", "negative"}
    comparisons = {"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"}
    assert set(FUNCTIONS) - {"stop_gradient"} <= set(LEAVES) | several | arithmetic | comparisons


COMPARISONS = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


@pytest.mark.parametrize("operator", COMPARISONS)
def test_comparisons(operator: str) -> None:
    x = np.array([-1.0, 0.0, 1.0, np.nan])
    (y,) = compiled(f"y[i] = [x[i] {operator} 0]", {"x": x}, "y")(x)
    close(y, COMPARISONS[operator](x, 0).astype(float))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_values_are_meant_and_do_not_warn(dtype: str) -> None:
    x = np.array([1e4, -1e4, 0.0, np.inf, -np.inf], dtype)
    text = "a[i] = sigmoid(x[i]); c[i] = softplus(x[i]); d[i] = log(x[i]); e[i] = x[i] / x[i]"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        a, c, d, e = compiled(text, {"x": x}, "a", "c", "d", "e", sizes={"i": 5})(x)
    np.testing.assert_array_equal(a, np.array([1, 0, 0.5, 1, 0], dtype))
    np.testing.assert_allclose(c, [1e4, 0, math.log(2), np.inf, 0], rtol=1e-6)
    assert d[2] == -np.inf
    assert np.isnan(e[2])


def test_special_points() -> None:
    x = np.array([np.nan, 0.0, -0.0])
    text = "a[i] = relu(x[i]); c[i] = sign(x[i]); d[i] = leaky_relu(x[i], 0.5)"
    a, c, d = compiled(text, {"x": x}, "a", "c", "d", sizes={"i": 3})(x)
    for result in (a, c, d):
        assert np.isnan(result[0])
        assert result[1] == result[2] == 0


def test_scalars() -> None:
    tensors = {"a": np.array(2.0, "float32"), "c": np.array(3.0, "float32")}
    text = "d = a + c; e = exp(a); f = a c; g = -2; p = a^g; m = [a < c] [a < c]; s = sigmoid(1)"
    results = compiled(text, tensors, *"defgpms")(*tensors.values())
    expected = [5, math.exp(2), 6, -2, 0.25, 1, 1 / (1 + math.exp(-1))]
    for result, value in zip(results, expected, strict=True):
        assert isinstance(result, np.ndarray)
        close(result, value, "float32")


def test_diagonals() -> None:
    tensors = arrays({"A": "ijij", "v": "ij"}, SIZES, "float64")
    plan = compiled("d[j,i] = A[i,j,i,j]; C[i,j,i] = v[i,j]", tensors, "d", "C")
    d, c = plan(*tensors.values())
    close(d, np.einsum("ijij->ji", tensors["A"]))
    expected = np.zeros((4, 3, 4))
    np.einsum("iji->ij", expected)[...] = tensors["v"]
    close(c, expected)


def test_empty_axes() -> None:
    x, w, c = np.ones((0, 3)), np.ones((3, 2)), np.ones(2)
    text = """
        _1[b,j] = sum[i](x[b,i] W[i,j])
        y[b,j] = _1[b,j] + c[j]
        s[j] = sum[b](y[b,j])
        G[i,j] = sum[b](x[b,i] y[b,j])
    """
    tensors = {"x": x, "W": w, "c": c}
    y, s, g = compiled(text, tensors, *"ysG", sizes={"b": 0, "i": 3, "j": 2})(x, w, c)
    close(y, np.zeros((0, 2)))
    close(s, np.zeros(2))
    close(g, np.zeros((3, 2)))


# The emitted text.

ATTENTION = """
    q[b,t,h,d] = sum[i](x[b,t,i] Wq[i,h,d])
    s[b,h,t,u] = sum[d](q[b,t,h,d] k[b,u,h,d])
    c[t,u] = [t >= u]
    e[b,h,t,u] = s[b,h,t,u] c[t,u]
    o[b,t,h,d] = sum[u](e[b,h,t,u] v[b,u,h,d])
    y[b,t,n] = sum[h,d](o[b,t,h,d] Wo[h,d,n])
    Wo.grad[h,d,n] = sum[b,t](o[b,t,h,d] g[b,t,n])
    o.grad[b,t,h,d] = sum[n](g[b,t,n] Wo[h,d,n])
    v.grad[b,u,h,d] = sum[t](e[b,h,t,u] o.grad[b,t,h,d])
"""
ATTENTION_INPUTS = {"x": "bti", "Wq": "ihd", "k": "buhd", "v": "buhd", "Wo": "hdn", "g": "btn"}
ATTENTION_SIZES = {"b": 2, "t": 3, "u": 3, "i": 4, "h": 2, "d": 5, "n": 6}


def test_attention_is_matrix_products_on_views() -> None:
    tensors = arrays(ATTENTION_INPUTS, ATTENTION_SIZES, "float32")
    outputs = ["y", "Wo.grad", "v.grad"]
    plan = compiled(ATTENTION, tensors, *outputs, sizes=ATTENTION_SIZES)
    assert "einsum" not in plan.source
    assert plan.source.count("matmul(") == 3
    assert plan.source.count(".dot(") == 4
    run = plan.source.partition("def run")[2]
    assert "copyto" not in run
    assert "greater_equal" not in run, "the mask depends on no input"
    x, wq, k, v, wo, g = tensors.values()
    q = np.einsum("bti,ihd->bthd", x, wq)
    e = np.einsum("bthd,buhd->bhtu", q, k) * np.tri(3)
    o = np.einsum("bhtu,buhd->bthd", e, v)
    results = plan(*tensors.values())
    close(results[0], np.einsum("bthd,hdn->btn", o, wo), "float32")
    close(results[1], np.einsum("bthd,btn->hdn", o, g), "float32")
    grad = np.einsum("btn,hdn->bthd", g, wo)
    close(results[2], np.einsum("bhtu,bthd->buhd", e, grad), "float32")


@pytest.mark.parametrize(
    ("text", "inputs", "call"),
    [
        ("y[b,j] = sum[i](x[b,i] w[i,j])", {"x": "bi", "w": "ij"}, ".dot("),
        ("y[j,i] = sum[b](x[b,i] w[b,j])", {"x": "bi", "w": "bj"}, ".dot("),
        ("y[b] = sum[i](x[b,i] w[i])", {"x": "bi", "w": "i"}, ".dot("),
        ("y = sum[b,i](x[b,i] w[b,i])", {"x": "bi", "w": "bi"}, ".dot("),
        ("y[j] = sum[b](x[b,j])", {"x": "bj"}, "ones"),
        ("y[b] = sum[j](x[b,j])", {"x": "bj"}, "ones"),
        ("y[h,b,j] = sum[i](x[h,b,i] w[h,i,j])", {"x": "hbi", "w": "hij"}, "matmul("),
        ("y[h,b] = sum[i](x[h,b,i] w[h,i])", {"x": "hbi", "w": "hi"}, "matmul("),
    ],
)
def test_no_einsum_where_a_product_fits(text: str, inputs: dict[str, str], call: str) -> None:
    source = compiled(text, arrays(inputs, SIZES, "float32"), "y").source
    assert call in source
    assert "einsum" not in source


def test_names_are_generated() -> None:
    x = np.ones(2)
    text = "__import__[i] = exp(x.grad[i]); y[i] = sin(__import__[i])"
    plan = compiled(text, {"x.grad": x}, "__import__", "y", sizes={"i": 2})
    names = set(re.findall(r"\w+", plan.source))
    assert not names & {"__import__", "grad", "x", "y"}


# Memory.

BLOCK = """
    _1[b,j] = sum[i](x[b,i] W[i,j])
    h[b,j] = tanh(_1[b,j])
    _2[b,k] = sum[j](h[b,j] V[j,k])
    m[b] = max[k](_2[b,k])
    _3[b,k] = _2[b,k] - m[b]
    e[b,k] = exp(_3[b,k])
    z[b] = sum[k](e[b,k])
    p[b,k] = e[b,k] / z[b]
    g[b,j] = sum[k](p[b,k] V[j,k])
    y = sum[b,j](g[b,j] h[b,j])
"""
BLOCK_INPUTS = {"x": "bi", "W": "ij", "V": "jk"}


def test_calls_read_nothing_that_an_earlier_call_left() -> None:
    tensors = arrays(BLOCK_INPUTS, SIZES, "float64")
    plan = compiled(BLOCK, tensors, "p", "y")
    expected = [result.copy() for result in plan(*tensors.values())]
    for buffers, _ in plan._idle:
        for buffer in buffers:
            buffer.fill(255)  # all bits set: nan
    for actual, before in zip(plan(*tensors.values()), expected, strict=True):
        np.testing.assert_array_equal(actual, before)


def test_results_share_memory_with_nothing() -> None:
    tensors = arrays(BLOCK_INPUTS, SIZES, "float64")
    plan = compiled(BLOCK + "r[j,b] = h[b,j]; x2[i,b] = x[b,i]", tensors, "r", "p", "h", "x", "x2")
    first, second = plan(*tensors.values()), plan(*tensors.values())
    kept = [result.copy() for result in first]
    everything = [*first, *second, *tensors.values()]
    buffers = [buffer for arena, _ in plan._idle for buffer in arena]
    for n, result in enumerate(first):
        for other in everything[:n] + everything[n + 1 :] + buffers:
            assert not np.shares_memory(result, other)
    plan(*[-array for array in tensors.values()])
    for result, before in zip(first, kept, strict=True):
        np.testing.assert_array_equal(result, before)


def test_an_output_asked_for_twice_is_two_arrays() -> None:
    x = np.ones(4)
    shapes = {"x": x.shape}
    plan = Plan(schedule(parse("y[i] = exp(x[i])"), SIZES, shapes, ["y", "y"], "float64"))
    one, two = plan(x)
    assert not np.shares_memory(one, two)


def test_arguments_are_not_written() -> None:
    tensors = arrays(BLOCK_INPUTS, SIZES, "float64")
    for array in tensors.values():
        array.flags.writeable = False
    compiled(BLOCK, tensors, "y")(*tensors.values())


def test_calls_from_threads() -> None:
    tensors = arrays(BLOCK_INPUTS, SIZES, "float64")
    plan = compiled(BLOCK, tensors, "p", "y")
    expected = {n: plan(tensors["x"] * n, tensors["W"], tensors["V"]) for n in range(4)}
    wrong: list[int] = []

    def work(n: int) -> None:
        for _ in range(200):
            results = plan(tensors["x"] * n, tensors["W"], tensors["V"])
            if not all(map(np.array_equal, results, expected[n])):
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_an_arena_comes_back_after_an_error() -> None:
    tensors = arrays(BLOCK_INPUTS, SIZES, "float64")
    plan = compiled(BLOCK, tensors, "y")
    for _ in range(3):
        with pytest.raises(ValueError):  # noqa: PT011
            plan(np.ones((1, 1)), tensors["W"], tensors["V"])
    assert len(plan._idle) == 1
    plan(*tensors.values())


def test_every_dtype_of_numpy() -> None:
    for dtype in ("float16", "float32", "float64", np.dtype(np.longdouble).name):
        assert ITEM_BYTES[dtype] == np.dtype(dtype).itemsize
        tensors = arrays(BLOCK_INPUTS, SIZES, dtype)
        (p,) = compiled(BLOCK, tensors, "p")(*tensors.values())
        assert p.dtype == dtype


def test_register() -> None:
    def twice(x: NDArray[Any]) -> NDArray[Any]:
        return 2 * x

    register("twice", twice)
    try:
        call = Call("twice", (access("x", "i"),))
        equations = [Equation(access("y", "i"), "=", call)]
        plan = Plan(schedule(equations, {"i": 2}, {"x": (2,)}, ["y"], "float32"))
        close(plan(np.array([1, 2], "float32"))[0], [2, 4], "float32")
    finally:
        unregister("twice")
    with pytest.raises(ValueError, match="cannot name"):
        register("a b", twice)
