"""An attention block: 8 x 128 x 256, 8 heads; gradients of all four weights and of the input.

Q[b,h,t,d] = x[b,t,i] WQ[i,(h d)]; K and V alike
p[b,h,q,k] = softmax[k](Q[b,h,q,d] K[b,h,k,d] / sqrt(sum[d](1)))
z[b,q,(h d)] = p[b,h,q,k] V[b,h,k,d]
y[b,q,o] = z[b,q,m] WO[m,o]
loss = mean[b,q,o]((y[b,q,o] - T[b,q,o])^2)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from benchmarks.harness.workload import Array, Equations, Results, Sizes, Tensors, Workload

__all__ = ["WORKLOADS"]

TEXT = """
index h: head < {heads}
Q[b,h,t,d] = x[b,t,i] WQ[i,(h d)]
K[b,h,t,d] = x[b,t,i] WK[i,(h d)]
V[b,h,t,d] = x[b,t,i] WV[i,(h d)]
p[b,h,q,k] = softmax[k](Q[b,h,q,d] K[b,h,k,d] / sqrt(sum[d](1)))
z[b,q,(h d)] = p[b,h,q,k] V[b,h,k,d]
y[b,q,o] = z[b,q,m] WO[m,o]
loss = mean[b,q,o]((y[b,q,o] - T[b,q,o])^2)
"""


def tensors(rng: np.random.Generator, sizes: Sizes) -> dict[str, Array]:
    """A batch of sequences, a target and square weights; `heads` is as long as there are heads."""
    b, t, width = sizes["b"], sizes["t"], sizes["i"]
    found = {name: rng.normal(0, width**-0.5, (width, width)) for name in ("WQ", "WK", "WV", "WO")}
    found |= {"x": rng.normal(size=(b, t, width)), "T": rng.normal(size=(b, t, width))}
    # Passed along as data: its length is the number of heads.
    found["heads"] = np.zeros(sizes["h"])
    return found


def flops(sizes: Sizes) -> float:
    """Four projections and two products of positions, each once forward and twice backward."""
    b, t, width = sizes["b"], sizes["t"], sizes["i"]
    return 3 * 2 * (4 * b * t * width * width + 2 * b * t * t * width)


class _Block:
    """The block by hand: Q, K, V as one product, heads as strided views of it.

    The scale is folded into the weights of Q, and what softmax subtracts backward, the products of
    its outputs with their slopes, is taken from the shorter sum z z.grad. Scores are computed one
    sequence at a time, which fits in the cache.
    """

    def __init__(self, v: Tensors) -> None:
        self.v = v
        x = v["x"]
        (self.batch, length, self.width), self.heads = x.shape, len(v["heads"])
        dtype, width, rows = x.dtype, self.width, self.batch * length
        self.scale = dtype.type((width // self.heads) ** -0.5)
        self.rows, self.target = x.reshape(-1, width), v["T"].reshape(-1, width)
        self.merged, self.merged_slope = np.empty((2, width, 3 * width), dtype)
        self.projected, self.projected_slope = np.empty((2, rows, 3 * width), dtype)
        self.scores, self.back = np.empty((2, self.batch, self.heads, length, length), dtype)
        self.joined, self.joined_slope, self.y, self.along = np.empty((4, rows, width), dtype)
        self.totals = np.empty((self.heads, length, 1), dtype)
        self.dots = np.empty(rows * self.heads, dtype)
        self.ones = np.ones((max(length, width // self.heads), 1), dtype)
        self.x_slope, self.output_slope = np.empty_like(x), np.empty_like(v["WO"])
        self.parts = [slice(n * width, (n + 1) * width) for n in range(3)]
        self.results: Results = {"x": self.x_slope, "WO": self.output_slope}
        for name, part in zip(("WQ", "WK", "WV"), self.parts, strict=True):
            self.results[name] = self.merged_slope[:, part]
        self.views = [self.sequence(n) for n in range(self.batch)]

    def by_head(self, array: Array, parts: int, number: int) -> Array:
        """One sequence of an array [rows, parts of heads of features]: a view [part,h,t,d]."""
        size = self.width // self.heads
        split = array.reshape(self.batch, -1, parts, self.heads, size)
        view: Array = split[number].transpose(1, 2, 0, 3)
        return view

    def sequence(self, number: int) -> tuple[Array, ...]:
        """The views that one sequence needs: values forward, then slopes backward."""
        q, k, value = self.by_head(self.projected, 3, number)
        slopes = self.by_head(self.projected_slope, 3, number)
        (z,), (z_slope,) = (self.by_head(a, 1, number) for a in (self.joined, self.joined_slope))
        dots = self.dots.reshape(self.batch, -1, self.heads)[number].T[..., None]
        p, g = self.scores[number], self.back[number]
        return (q, k, value, z, p, *slopes, z_slope, g, dots)

    def forward(self) -> None:
        """Up to the output."""
        v, merged, ones = self.v, self.merged, self.ones[: self.totals.shape[1]]
        np.multiply(v["WQ"], self.scale, merged[:, self.parts[0]])
        merged[:, self.parts[1]], merged[:, self.parts[2]] = v["WK"], v["WV"]
        self.rows.dot(merged, self.projected)
        for q, k, value, z, p, *_ in self.views:
            np.matmul(q, k.transpose(0, 2, 1), p)
            np.subtract(p, np.maximum.reduce(p, axis=-1, keepdims=True), p)
            np.exp(p, p)
            np.matmul(p, ones, self.totals)
            np.divide(p, self.totals, p)
            np.matmul(p, value, z)
        self.joined.dot(v["WO"], self.y)

    def backward_scores(self) -> None:
        """From the slope of z to those of Q, K and V."""
        np.multiply(self.joined, self.joined_slope, self.along)
        size = self.width // self.heads
        self.along.reshape(-1, size).dot(self.ones[:size, 0], self.dots)
        for q, k, value, _, p, q_slope, k_slope, value_slope, z_slope, g, dots in self.views:
            np.matmul(p.transpose(0, 2, 1), z_slope, value_slope)
            np.matmul(z_slope, value.transpose(0, 2, 1), g)
            np.subtract(g, dots, g)
            np.multiply(g, p, g)
            np.matmul(g, k, q_slope)
            np.matmul(g.transpose(0, 2, 1), q, k_slope)

    def step(self) -> Results:
        """Loss and gradients."""
        self.forward()
        y, query_slope = self.y, self.merged_slope[:, self.parts[0]]
        np.subtract(y, self.target, y)
        self.results["loss"] = y.reshape(-1).dot(y.reshape(-1)) / y.size
        np.multiply(y, y.dtype.type(2 / y.size), y)
        self.joined.T.dot(y, self.output_slope)
        y.dot(self.v["WO"].T, self.joined_slope)
        self.backward_scores()
        self.rows.T.dot(self.projected_slope, self.merged_slope)
        np.multiply(query_slope, self.scale, query_slope)
        self.projected_slope.dot(self.merged.T, self.x_slope.reshape(-1, self.width))
        return self.results


def by_hand(v: Tensors) -> Callable[[], Results]:
    """See `_Block`."""
    return _Block(v).step


def torch_loss(torch: Any, v: Mapping[str, Any]) -> Any:
    """Softmax of scaled products, written out; Q, K and V by one product."""
    return _torch_block(torch, v, _written_out)


def torch_fused(torch: Any, v: Mapping[str, Any]) -> Any:
    """The library's own attention."""
    attend = torch.nn.functional.scaled_dot_product_attention
    return _torch_block(torch, v, lambda _, q, k, value: attend(q, k, value))


def _written_out(torch: Any, q: Any, k: Any, value: Any) -> Any:
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    return torch.softmax(scores, -1) @ value


def _torch_block(torch: Any, v: Mapping[str, Any], attend: Callable[..., Any]) -> Any:
    x = v["x"]
    (batch, length, width), heads = x.shape, len(v["heads"])
    projected = x @ torch.cat((v["WQ"], v["WK"], v["WV"]), 1)
    q, k, value = (a.view(batch, length, heads, -1).transpose(1, 2) for a in projected.chunk(3, -1))
    z = attend(torch, q, k, value).transpose(1, 2).reshape(batch, length, width)
    return torch.nn.functional.mse_loss(z @ v["WO"], v["T"])


def jax_loss(jax: Any, v: Mapping[str, Any]) -> Any:
    """Softmax of scaled products, written out."""
    x = v["x"]
    (batch, length, width), heads = x.shape, len(v["heads"])
    q, k, value = (
        (x @ v[name]).reshape(batch, length, heads, -1).swapaxes(1, 2)
        for name in ("WQ", "WK", "WV")
    )
    p = jax.nn.softmax(q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5)
    z = (p @ value).swapaxes(1, 2).reshape(batch, length, width)
    return ((z @ v["WO"] - v["T"]) ** 2).mean()


def autograd_loss(np: Any, v: Mapping[str, Any]) -> Any:
    """Softmax of scaled products; matmul over batch and heads."""
    x = v["x"]
    (batch, length, width), heads = x.shape, len(v["heads"])

    def split(weights: Any) -> Any:
        return np.swapaxes(np.reshape(np.dot(x, weights), (batch, length, heads, -1)), 1, 2)

    q, k, value = split(v["WQ"]), split(v["WK"]), split(v["WV"])
    scores = np.matmul(q, np.swapaxes(k, -1, -2)) / q.shape[-1] ** 0.5
    e = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    p = e / np.sum(e, axis=-1, keepdims=True)
    z = np.reshape(np.swapaxes(np.matmul(p, value), 1, 2), (batch, length, width))
    return np.mean((np.dot(z, v["WO"]) - v["T"]) ** 2)


WORKLOADS = (
    Workload(
        name="attention",
        title="attention 8x128x256, 8 heads",
        sizes={"b": 8, "t": 128, "i": 256, "h": 8},
        small={"b": 2, "t": 5, "i": 6, "h": 2},
        tensors=tensors,
        wrt=("x", "WQ", "WK", "WV", "WO"),
        flops=flops,
        einprop=lambda sizes: {"program": Equations(TEXT.format(heads=sizes["h"]))},
        numpy={"by hand": by_hand},
        torch={"plain": torch_loss, "scaled_dot_product_attention": torch_fused},
        jax={"plain": jax_loss},
        autograd={"plain": autograd_loss},
    ),
)
