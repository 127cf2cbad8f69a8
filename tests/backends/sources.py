"""Programs for every kind of step, with inputs, and a way to run their code in each library."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest

from einprop import Program
from einprop.analysis.sizes import bind_sizes
from einprop.backends.source_names import python_names

BACKENDS = ("numpy", "torch", "jax")

MLP = """
    index b: batch, i: pixel, j: feature, k: label
    input x[b,i], t[b,k]
    param W0[i,j], B0[j], W1[j,k], B1[k]
    h[b,j] = relu(x[b,i] W0[i,j] + B0[j])
    s[b,k] = h[b,j] W1[j,k] + B1[k]
    loss = -mean[b](sum[k](t[b,k] log_softmax[k](s[b,k])))
"""
UPDATE = "; ".join(
    f"{name}.new[{axes}] = {name}[{axes}] - 0.1 {name}.grad[{axes}]"
    for name, axes in {"W0": "i,j", "B0": "j", "W1": "j,k", "B1": "k"}.items()
)
LSTM = """
    a[g,t,b,j] = x[t,b,i] W[g,i,j] + h[t-1,b,k] U[g,k,j] + B[g,j]
    c[t,b,j] = sigmoid(a[0,t,b,j]) c[t-1,b,j] + sigmoid(a[1,t,b,j]) tanh(a[2,t,b,j])
    h[t,b,j] = sigmoid(a[3,t,b,j]) tanh(c[t,b,j])
"""
ATTENTION = """
    s[h,q,k] = Q[h,q,d] K[h,k,d] / sqrt(sum[d](1))
    p[h,q,k] = softmax[k](where([k <= q], s[h,q,k], -1e9))
    y[h,q,e] = p[h,q,k] V[h,k,e]
"""
RNN = "h[t,b,j] = tanh(x[t,b,i] W[i,j] + h[t-1,b,k] U[k,j]); loss = sum[b,j](h[end,b,j]^2)"

# The program, and the shapes of its inputs; a name with a ! holds positions below the number behind.
TEXTS: dict[str, tuple[str, dict[str, tuple[int, ...]]]] = {
    "network": (
        MLP,
        {"x": (5, 4), "t": (5, 3), "W0": (4, 6), "B0": (6,), "W1": (6, 3), "B1": (3,)},
    ),
    "attention": (ATTENTION, {"Q": (2, 3, 5), "K": (2, 4, 5), "V": (2, 4, 6)}),
    "convolution": (
        "y[b,i,j,f] = x[b,i+p,j+q,c] K[p,q,c,f] + B[f]",
        {"x": (2, 7, 8, 2), "K": (3, 3, 2, 4), "B": (4,)},
    ),
    "strided convolution": (
        "y[b,i,f] = x[b,pad(2*i+p-1)] K[p,f] where i in 0:4",
        {"x": (2, 7), "K": (3, 4)},
    ),
    "pooling": (
        "index u, v: pool < 2; m[b,i,j,c] = max[u,v](h[b,2*i+u,2*j+v,c])",
        {"h": (2, 6, 8, 2)},
    ),
    "overlapping pooling": ("index u: pool < 3; m[b,i] = max[u](h[b,2*i+u])", {"h": (2, 9)}),
    "embedding": ("y[b,t,d] = E[tok[b,t],d]^2", {"E": (10, 4), "tok!10": (2, 3)}),
    "column lookup": ("y[b,t,d] = E[d,tok[b,t]]^2", {"E": (4, 10), "tok!10": (2, 3)}),
    "two lookups": (
        "y[b] = E[p[b],q[b]] A[p[b]]",
        {"E": (4, 6), "A": (4,), "p!4": (7,), "q!6": (7,)},
    ),
    "computed positions": ("m[b] = argmax[k](x[b,k]); y[b] = x[b,m[b]]^2", {"x": (5, 4)}),
    "scattered maximum": (
        "index k: bin < 5; output m[k,d]; m[at[i],d] max= x[i,d]",
        {"x": (7, 3), "at!5": (7,)},
    ),
    "rnn": (RNN, {"x": (3, 2, 3), "W": (3, 4), "U": (4, 4)}),
    "lstm": (LSTM, {"x": (3, 2, 3), "W": (4, 3, 4), "U": (4, 4, 4), "B": (4, 4)}),
    "grid": ("h[i,j] = tanh(x[i,j] + 0.5 h[i-1,j] + 0.3 h[i,j-1])", {"x": (3, 4)}),
    "running maximum": ("v[-1] = a; v[t] max= x[t]; v[t] max= v[t-1]", {"a": (), "x": (4,)}),
    "lagged": ("h[t,j] = 0.5 h[t-2,j] h[t-1,j] + x[j,t]", {"x": (3, 5)}),
    "late base": (
        "h[t,s] = tanh(h[t-1,s] + x[t,s]); h[-1,s] = sin(a[s]); h[-2,s] = sin(b[s])",
        {"x": (4, 2), "a": (2,), "b": (2,)},
    ),
    "composed lookups": ("y[s] = k[s] / 3 + x[k[k[1-s]]]", {"k!2": (2,), "x": (2,)}),
    "logistic": (
        "s[b] = x[b,i] w[i]; loss = sum[b](softplus(s[b]) - t[b] s[b])",
        {"x": (5, 3), "w": (3,), "t": (5,)},
    ),
    "cumulative sums": (
        "index s, t: time; y[t] = sum[s]([s < t] x[s]) + sum[s]([s >= t] x[s]^2) + sum[s]([s <= t] x[s])",
        {"x": (4,)},
    ),
    "choices": (
        "y[i] = where([x[i] > 0], x[i]^2, 2) + [i > 2] x[i] + where([x[i] > 1], 1, 0)",
        {"x": (5,)},
    ),
    "masks": ("y[i,j] = x[i,j] [i < j] + x[i,j] [2*i - j > 0]", {"x": (5, 5)}),
    "extrema": (
        "y[b] = max[i,j](x[b,i,j]) min[i](x[b,i,0]) prod[i,j](x[b,i,j]) + maximum(x[b,0,0], 0.5)",
        {"x": (2, 3, 2)},
    ),
    "functions": (
        """
        y[i] = erf(x[i]) + elu(x[i], 0.7) + leaky_relu(x[i], 0.1) + abs(x[i]) + minimum(1, x[i])
        z[i] = leaky_relu(2, x[i]) + elu(x[i], x[i]) + clip(x[i], -1, 1) + floor(x[i]) + 2^x[i]
        """,
        {"x": (5,)},
    ),
    "diagonals": ("y[i] = A[i,i] x[i]; z[i,i] = x[i]", {"A": (4, 4), "x": (4,)}),
    "turned": ("y[i] = x[3-i]^2 where i in 0:4; z[3-i] = x[i]^3 where i in 0:4", {"x": (4,)}),
    "groups": (
        "index h: head < 2; y[h,b,d] = x[b,(h d)]^2; z[b,(h d)] = y[h,b,d] x[b,(h d)]",
        {"x": (3, 6)},
    ),
    "many axes": (
        "z[i,l] = x[i,j,k] y[k,j,l]; s = x[i,j,k] x[i,j,k]",
        {"x": (2, 3, 4), "y": (4, 3, 5)},
    ),
    "numbers": (
        "input x[i]; y = sum[i](1) / 2; z[i] = x[i] / sum[i'](1); w = sqrt(2)",
        {"x": (3,)},
    ),
}


def inputs(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Random inputs of these shapes."""
    rng = np.random.default_rng(0)
    found = {}
    for key, shape in shapes.items():
        name, _, bound = key.partition("!")
        found[name] = rng.integers(0, int(bound), shape) if bound else rng.normal(size=shape)
    return found


def with_cotangents(program: Program, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors and random ones for the other inputs of a program, in its order."""
    sizes = bind_sizes(program.resolved, {name: array.shape for name, array in tensors.items()})
    rng = np.random.default_rng(1)
    return {
        name: tensors[name] if name in tensors else rng.normal(size=sizes.shape(name) or ())
        for name in program.inputs
    }


@cache
def converter(backend: str) -> Callable[[np.ndarray], Any]:
    """What makes an array of the library's of one of numpy's; skips the test where it is absent."""
    if backend == "torch":
        return pytest.importorskip("torch").tensor
    if backend == "jax":
        jax = pytest.importorskip("jax")
        jax.config.update("jax_enable_x64", True)
        return jax.numpy.asarray
    return np.array


def present(backend: str) -> bool:
    return importlib.util.find_spec(backend) is not None


def code(program: Program, tensors: Mapping[str, np.ndarray], backend: str) -> str:
    """The source at the sizes of some tensors."""
    sizes = bind_sizes(program.resolved, {name: array.shape for name, array in tensors.items()})
    return program.compile().source(sizes, backend)


def function_of(text: str) -> Callable[..., Any]:
    names: dict[str, Any] = {}
    exec(text, names)  # noqa: S102
    return names["run"]


def arguments(function: Callable[..., Any], tensors: Mapping[str, Any]) -> list[Any]:
    """The tensors that a function of code takes, in its order."""
    head = function.__code__
    variables = python_names(tensors, ("np", "run"))
    given = {variables[name]: value for name, value in tensors.items()}
    return [given[name] for name in head.co_varnames[: head.co_argcount]]


def by_name(program: Program, found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {program.outputs[0]: found}


def agrees(program: Program, tensors: Mapping[str, np.ndarray], backend: str) -> None:
    """The program's code gives what the program gives, in float64; JAX's inside of jax.jit."""
    convert = converter(backend)
    function = function_of(code(program, tensors, backend))
    given = arguments(function, tensors)
    if backend == "jax":
        function = pytest.importorskip("jax").jit(function)
    with np.errstate(all="ignore"):
        found = by_name(program, function(*[convert(array) for array in given]))
    for name, expected in by_name(program, program(dict(tensors))).items():
        assert str(found[name].dtype).endswith("float64"), name
        assert tuple(found[name].shape) == np.shape(expected), name
        np.testing.assert_allclose(found[name], expected, rtol=1e-7, atol=1e-9, err_msg=name)
