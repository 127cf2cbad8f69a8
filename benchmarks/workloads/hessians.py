"""Three Hessians: logistic regression, matrix factorisation and a small multilayer perceptron.

logistic regression, 1000 x 128, with respect to w:
    loss = sum[b](softplus(x[b,i] w[i]) - t[b] x[b,i] w[i])
matrix factorisation, 100 x 500 of rank 8, with respect to U (800 x 800 cells):
    loss = sum[i,j]((Y[i,j] - U[i,r] V[j,r])^2)
small MLP 10-20-5, batch 64, with respect to W and V, all four blocks:
    h[b,j] = tanh(x[b,i] W[i,j]);  s[b,k] = h[b,j] V[j,k]
    loss = -mean[b](sum[k](t[b,k] log_softmax[k](s[b,k])))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from benchmarks.harness.workload import (
    Array,
    Equations,
    Results,
    Sizes,
    Tensors,
    Workload,
    one_hot,
)

__all__ = ["WORKLOADS"]

# Logistic regression


def logistic_tensors(rng: np.random.Generator, sizes: Sizes) -> dict[str, Array]:
    """Points, two classes, weights."""
    b, i = sizes["b"], sizes["i"]
    return {
        "x": rng.normal(size=(b, i)),
        "t": rng.integers(0, 2, b).astype(float),
        "w": rng.normal(0, i**-0.5, i),
    }


def logistic_by_hand(v: Tensors) -> Callable[[], Results]:
    """X' D X as A' A with A = sqrt(D) X: a symmetric product, half the work."""
    x, w = v["x"], v["w"]
    s, e = np.empty(len(x), x.dtype), np.empty(len(x), x.dtype)
    scaled, hessian = np.empty_like(x), np.empty((len(w), len(w)), x.dtype)
    column, transposed = s[:, None], scaled.T
    half = x.dtype.type(0.5)

    def step() -> Results:
        # sigmoid(s) (1 - sigmoid(s)) = (0.5 / cosh(s/2))^2
        x.dot(w, s)
        np.multiply(s, half, s)
        np.abs(s, s)
        np.negative(s, s)
        np.exp(s, s)
        np.multiply(s, s, e)
        np.add(e, 1, e)
        np.divide(s, e, s)
        np.multiply(x, column, scaled)
        transposed.dot(scaled, hessian)
        return {"w,w": hessian}

    return step


def logistic_torch(torch: Any, v: Mapping[str, Any]) -> Any:
    """The library's loss of logits."""
    return torch.nn.functional.binary_cross_entropy_with_logits(
        v["x"] @ v["w"], v["t"], reduction="sum"
    )


def logistic_jax(jax: Any, v: Mapping[str, Any]) -> Any:
    """Softplus."""
    s = v["x"] @ v["w"]
    return (jax.nn.softplus(s) - v["t"] * s).sum()


def logistic_autograd(np: Any, v: Mapping[str, Any]) -> Any:
    """Softplus as logaddexp."""
    s = np.dot(v["x"], v["w"])
    return np.sum(np.logaddexp(0, s) - v["t"] * s)


# Matrix factorisation


def factorisation_tensors(rng: np.random.Generator, sizes: Sizes) -> dict[str, Array]:
    """A matrix and its factors."""
    i, j, r = sizes["i"], sizes["j"], sizes["r"]
    return {
        "Y": rng.normal(size=(i, j)),
        "U": rng.normal(size=(i, r)),
        "V": rng.normal(size=(j, r)),
    }


def factorisation_by_hand(v: Tensors) -> Callable[[], Results]:
    """Zero, and 2 V'V in the block of each row."""
    count, rank = v["U"].shape
    hessian = np.empty((count, rank, count, rank), v["U"].dtype)
    blocks = np.einsum("irip->irp", hessian)
    block = structured_by_hand(v)

    def step() -> Results:
        hessian.fill(0)
        blocks[:] = block()["block"]
        return {"U,U": hessian}

    return step


def structured_by_hand(v: Tensors) -> Callable[[], Results]:
    """The block that all rows share."""
    right = v["V"]
    rank = right.shape[1]
    doubled, block = np.empty_like(right), np.empty((rank, rank), right.dtype)
    transposed = right.T

    def step() -> Results:
        np.add(right, right, doubled)
        transposed.dot(doubled, block)
        return {"block": block}

    return step


def expanded(results: Results, tensors: Tensors) -> Results:
    """The whole Hessian from the block."""
    block = results["H"] if "H" in results else results["block"]
    count = len(tensors["U"])
    return {"U,U": np.einsum("il,rp->irlp", np.eye(count, dtype=block.dtype), block)}


def factorisation_loss(_: Any, v: Mapping[str, Any]) -> Any:
    """The same text in every library."""
    return ((v["Y"] - v["U"] @ v["V"].T) ** 2).sum()


def factorisation_autograd(np: Any, v: Mapping[str, Any]) -> Any:
    """The same by functions."""
    return np.sum((v["Y"] - np.dot(v["U"], v["V"].T)) ** 2)


# Small multilayer perceptron


def mlp_tensors(rng: np.random.Generator, sizes: Sizes) -> dict[str, Array]:
    """A batch, its classes and two matrices."""
    b, i, j, k = (sizes[name] for name in "bijk")
    found = {"x": rng.normal(size=(b, i)), **one_hot(rng, b, k)}
    found |= {"W": rng.normal(0, i**-0.5, (i, j)), "V": rng.normal(0, j**-0.5, (j, k))}
    return found


def mlp_flops(sizes: Sizes) -> float:
    """Each block is a sum over the batch of an outer product of two sides.

    Both sides are symmetric in W,W and V,V: a quarter of the cells. V,W is W,V turned.
    """
    b, i, j, k = (sizes[name] for name in "bijk")
    symmetric = (i * j) ** 2 / 4 + (j * k) ** 2 / 4
    return 2 * b * (symmetric + i * j * j * k)


class _MlpHessian:
    """The closed form: each block one product over the batch, of an outer product each side.

    With D the slope of tanh, S the Hessian of cross-entropy, g its gradient, C = D V S:
        W,W = sum[b] x x (C (D V)' + diag(D' (V g)))
        W,V = sum[b] x (C h + diag(D) g);  V,V = sum[b] h h S
    """

    def __init__(self, v: Tensors) -> None:
        self.x, self.t, self.w, self.v = v["x"], v["t"], v["W"], v["V"]
        (b, i), (j, k) = self.x.shape, self.v.shape
        dtype = self.x.dtype
        self.curvature, self.s = np.empty((b, k, k), dtype), np.empty((b, k), dtype)
        self.through, self.spread = np.empty((2, b, j, k), dtype)
        # [b,j,k,j'] where the block is [i,j,j',k]: the long axis last.
        self.right, self.turned = np.empty((b, j, k, j), dtype), np.empty((i, j, k, j), dtype)
        self.inner, self.hh = np.empty((2, b, j, j), dtype)
        self.xx = np.empty((b, i, i), dtype)
        self.ww, self.ww_out = np.empty((i * i, j * j), dtype), np.empty((i, j, i, j), dtype)
        self.wv, self.vw = np.empty((i, j, j, k), dtype), np.empty((j, k, i, j), dtype)
        self.vv, self.vv_out = np.empty((j * j, k * k), dtype), np.empty((j, k, j, k), dtype)
        # Views of what lies on the diagonals.
        self.curvature_diagonal = np.einsum("bkk->bk", self.curvature)
        self.inner_diagonal = np.einsum("bjj->bj", self.inner)
        self.right_diagonal = np.einsum("bjkj->bjk", self.right)
        self.results = {"W,W": self.ww_out, "W,V": self.wv, "V,W": self.vw, "V,V": self.vv_out}

    def forward(self) -> tuple[Array, Array, Array]:
        """The hidden layer, the slope of tanh and that of the loss; the loss's curvature."""
        h = self.x.dot(self.w)
        np.tanh(h, h)
        p = h.dot(self.v, self.s)
        p -= p.max(axis=1, keepdims=True)
        np.exp(p, p)
        p /= p.sum(axis=1, keepdims=True)
        g = (p - self.t) / len(p)
        share = p / len(p)
        np.multiply(p[:, :, None], share[:, None, :], out=self.curvature)
        np.negative(self.curvature, self.curvature)
        self.curvature_diagonal += share
        return h, 1 - h * h, g

    def step(self) -> Results:
        """All blocks."""
        h, slope, g = self.forward()
        b, (j, k) = len(h), self.v.shape
        np.multiply(slope[:, :, None], self.v, out=self.spread)
        np.matmul(self.spread, self.curvature, out=self.through)
        np.matmul(self.through, self.spread.transpose(0, 2, 1), out=self.inner)
        self.inner_diagonal += -2 * h * slope * g.dot(self.v.T)
        np.multiply(self.x[:, :, None], self.x[:, None, :], out=self.xx)
        self.xx.reshape(b, -1).T.dot(self.inner.reshape(b, -1), self.ww)
        i = self.x.shape[1]
        self.ww_out[...] = self.ww.reshape(i, i, j, j).transpose(0, 2, 1, 3)
        np.multiply(self.through[:, :, :, None], h[:, None, None, :], out=self.right)
        self.right_diagonal += slope[:, :, None] * g[:, None, :]
        self.x.T.dot(self.right.reshape(b, -1), self.turned.reshape(i, -1))
        self.wv[...] = self.turned.transpose(0, 1, 3, 2)
        self.vw[...] = self.turned.transpose(3, 2, 0, 1)
        np.multiply(h[:, :, None], h[:, None, :], out=self.hh)
        self.hh.reshape(b, -1).T.dot(self.curvature.reshape(b, -1), self.vv)
        self.vv_out[...] = self.vv.reshape(j, j, k, k).transpose(0, 2, 1, 3)
        return self.results


def mlp_by_hand(v: Tensors) -> Callable[[], Results]:
    """See `_MlpHessian`."""
    return _MlpHessian(v).step


def mlp_torch(torch: Any, v: Mapping[str, Any]) -> Any:
    """Tanh and cross-entropy; of probabilities, because gathers do not differentiate twice fast."""
    s = torch.tanh(v["x"] @ v["W"]) @ v["V"]
    return torch.nn.functional.cross_entropy(s, v["t"])


def mlp_jax(jax: Any, v: Mapping[str, Any]) -> Any:
    """Tanh and log-softmax."""
    s = jax.numpy.tanh(v["x"] @ v["W"]) @ v["V"]
    return -(v["t"] * jax.nn.log_softmax(s)).sum() / len(s)


def mlp_autograd(np: Any, v: Mapping[str, Any]) -> Any:
    """Tanh and log-softmax; the largest logit is not taken out, these are small."""
    s = np.dot(np.tanh(np.dot(v["x"], v["W"])), v["V"])
    return np.sum(v["t"] * (np.log(np.sum(np.exp(s), axis=1, keepdims=True)) - s)) / len(s)


STRUCTURED = ("structured", "structured, results reused")
FACTORISATION = "loss = sum[i,j]((Y[i,j] - U[i,r] V[j,r])^2)"

WORKLOADS = (
    Workload(
        name="hessian_logistic",
        title="Hessian, logistic regression 1000x128",
        sizes={"b": 1000, "i": 128},
        small={"b": 7, "i": 3},
        tensors=logistic_tensors,
        wrt=("w",),
        # A symmetric product: half the cells.
        flops=lambda sizes: sizes["b"] * sizes["i"] * (sizes["i"] + 1),
        einprop=lambda _: {
            "program": Equations(
                "s[b] = x[b,i] w[i]; loss = sum[b](softplus(s[b]) - t[b] s[b])", "hessian"
            )
        },
        numpy={"by hand": logistic_by_hand},
        torch={"plain": logistic_torch},
        jax={"plain": logistic_jax},
        autograd={"plain": logistic_autograd},
        hessian=True,
    ),
    Workload(
        name="hessian_factorisation",
        title="Hessian, factorisation 100x500 rank 8",
        sizes={"i": 100, "j": 500, "r": 8},
        small={"i": 4, "j": 3, "r": 2},
        tensors=factorisation_tensors,
        wrt=("U",),
        flops=lambda sizes: sizes["j"] * sizes["r"] * (sizes["r"] + 1),
        einprop=lambda _: {
            "program": Equations(FACTORISATION, "hessian"),
            "structured": Equations("H[r,r'] = 2 V[j,r] V[j,r']", "values"),
        },
        numpy={"by hand": factorisation_by_hand, "structured": structured_by_hand},
        torch={"plain": factorisation_loss},
        jax={"plain": factorisation_loss},
        autograd={"plain": factorisation_autograd},
        hessian=True,
        apart=STRUCTURED,
        expand=dict.fromkeys(STRUCTURED, expanded),
    ),
    Workload(
        name="hessian_mlp",
        title="Hessian, MLP 10-20-5, batch 64",
        sizes={"b": 64, "i": 10, "j": 20, "k": 5},
        small={"b": 4, "i": 3, "j": 4, "k": 3},
        tensors=mlp_tensors,
        wrt=("W", "V"),
        flops=mlp_flops,
        einprop=lambda _: {
            "program": Equations(
                "h[b,j] = tanh(x[b,i] W[i,j]); s[b,k] = h[b,j] V[j,k]\n"
                "loss = -mean[b](sum[k](t[b,k] log_softmax[k](s[b,k])))",
                "hessian",
            )
        },
        numpy={"by hand": mlp_by_hand},
        torch={"plain": mlp_torch},
        jax={"plain": mlp_jax},
        autograd={"plain": mlp_autograd},
        hessian=True,
    ),
)
