"""A multilayer perceptron with batch normalisation: 784-200-200-10, relu, softmax cross-entropy.

    a[b,j] = x[b,i] W1[i,j]
    z[b,j] = (a[b,j] - mean[b](a[b,j])) / sqrt(variance + 1e-5)
    h[b,j] = relu(gamma1[j] z[b,j] + beta1[j])
    (the same once more), then s[b,k] = g[b,j] W3[j,k] + B3[k] and cross-entropy

Gradients of all weights, scales and shifts. The products before a normalisation have no bias: the mean
takes it out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
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
from benchmarks.workloads.mlp import cross_entropy_by_hand

__all__ = ["WORKLOADS"]

EPSILON = 1e-5

TEXT = """
a1[b,j] = x[b,i] W1[i,j]
m1[j] = mean[b](a1[b,j])
v1[j] = mean[b]((a1[b,j] - m1[j])^2)
h1[b,j] = relu(gamma1[j] (a1[b,j] - m1[j]) / sqrt(v1[j] + 1e-5) + beta1[j])
a2[b,l] = h1[b,j] W2[j,l]
m2[l] = mean[b](a2[b,l])
v2[l] = mean[b]((a2[b,l] - m2[l])^2)
h2[b,l] = relu(gamma2[l] (a2[b,l] - m2[l]) / sqrt(v2[l] + 1e-5) + beta2[l])
s[b,k] = h2[b,l] W3[l,k] + B3[k]
loss = -mean[b](sum[k](t[b,k] log_softmax[k](s[b,k])))
"""
PARAMETERS = ("W1", "gamma1", "beta1", "W2", "gamma2", "beta2", "W3", "B3")


def tensors(rng: np.random.Generator, sizes: Sizes) -> dict[str, Array]:
    """A batch, its classes and parameters."""
    widths = [sizes[name] for name in "ijlk"]
    found = {"x": rng.normal(size=(sizes["b"], sizes["i"]))} | one_hot(rng, sizes["b"], sizes["k"])
    for k, (rows, columns) in enumerate(pairwise(widths), 1):
        found[f"W{k}"] = rng.normal(0, (2 / (rows + columns)) ** 0.5, (rows, columns))
    for k, columns in enumerate(widths[1:-1], 1):
        found[f"gamma{k}"] = rng.normal(1, 0.1, columns)
        found[f"beta{k}"] = rng.normal(0, 0.1, columns)
    found["B3"] = rng.normal(0, 0.1, sizes["k"])
    return found


def flops(sizes: Sizes) -> float:
    """The products: forward and weights for all three layers, input for the last two."""
    i, j, el, k = (sizes[name] for name in "ijlk")
    return 2 * sizes["b"] * (2 * i * j + 3 * j * el + 3 * el * k)


class _Normalised:
    """A product, its normalisation and relu by hand, forward and backward, in buffers."""

    def __init__(self, weights: Array, gamma: Array, beta: Array, count: int) -> None:
        shape, dtype = (count, weights.shape[1]), weights.dtype
        self.weights, self.gamma, self.beta = weights, gamma, beta
        self.centred, self.output, self.slope = (np.empty(shape, dtype) for _ in range(3))
        self.mask = np.empty(shape, bool)
        self.share = np.full(count, 1 / count, dtype)
        self.ones = np.ones(count, dtype)
        self.weights_slope = np.empty_like(weights)
        self.gamma_slope, self.beta_slope = np.empty_like(gamma), np.empty_like(beta)
        self.inverse, self.scale = np.empty_like(gamma), np.empty_like(gamma)

    def forward(self, below: Array) -> Array:
        z, y = self.centred, self.output
        below.dot(self.weights, z)
        np.subtract(z, self.share.dot(z), z)
        np.multiply(z, z, y)
        np.add(self.share.dot(y), EPSILON, self.inverse)
        np.sqrt(self.inverse, self.inverse)
        np.reciprocal(self.inverse, self.inverse)
        np.multiply(self.inverse, self.gamma, self.scale)
        np.multiply(z, self.scale, y)
        np.add(y, self.beta, y)
        return np.maximum(y, 0, out=y)

    def backward(self, below: Array) -> None:
        """From the output's slope in ``slope`` to those of the parameters and of the product.

        With z the centred product, its slope is scale (g - mean(g) - z mean(g z) / variance).
        """
        g, z, y = self.slope, self.centred, self.output
        np.greater(y, 0, self.mask)
        np.multiply(g, self.mask, g)
        self.ones.dot(g, self.beta_slope)
        np.multiply(g, z, y)
        self.ones.dot(y, self.gamma_slope)
        np.multiply(self.gamma_slope, self.inverse, self.gamma_slope)
        np.multiply(z, self.gamma_slope * self.inverse / len(z), z)
        np.subtract(g, z, g)
        np.subtract(g, self.beta_slope / len(z), g)
        np.multiply(g, self.scale, g)
        below.T.dot(g, self.weights_slope)


def by_hand(v: Tensors) -> Callable[[], Results]:
    """Everything in buffers, sums over the batch as products with ones, the closed form backward."""
    x, w3, b3 = v["x"], v["W3"], v["B3"]
    first, second = (_Normalised(v[f"W{k}"], v[f"gamma{k}"], v[f"beta{k}"], len(x)) for k in (1, 2))
    s = np.empty((len(x), len(b3)), x.dtype)
    w3_slope, b3_slope = np.empty_like(w3), np.empty_like(b3)
    cross_entropy = cross_entropy_by_hand(v["t"])
    results: Results = {"W3": w3_slope, "B3": b3_slope}
    for k, layer in ((1, first), (2, second)):
        results |= {f"W{k}": layer.weights_slope, f"gamma{k}": layer.gamma_slope}
        results[f"beta{k}"] = layer.beta_slope

    def step() -> Results:
        h1 = first.forward(x)
        h2 = second.forward(h1)
        h2.dot(w3, s)
        np.add(s, b3, s)
        results["loss"] = cross_entropy(s)
        h2.T.dot(s, w3_slope)
        first.ones.dot(s, b3_slope)
        s.dot(w3.T, second.slope)
        second.backward(h1)
        second.slope.dot(second.weights.T, first.slope)
        first.backward(x)
        return results

    return step


def torch_loss(torch: Any, v: Mapping[str, Any]) -> Any:
    """The library's own normalisation, in training mode."""
    functional = torch.nn.functional
    h = v["x"]
    for k in (1, 2):
        h = functional.batch_norm(
            h @ v[f"W{k}"], None, None, v[f"gamma{k}"], v[f"beta{k}"], training=True, eps=EPSILON
        )
        h = torch.relu(h)
    return functional.cross_entropy(torch.addmm(v["B3"], h, v["W3"]), v["labels"])


def _normalised(np: Any, a: Any, gamma: Any, beta: Any) -> Any:
    centred = a - np.mean(a, axis=0)
    variance = np.mean(centred**2, axis=0)
    return np.maximum(gamma * centred / np.sqrt(variance + EPSILON) + beta, 0)


def jax_loss(jax: Any, v: Mapping[str, Any]) -> Any:
    """The formula; the library has no function for it."""
    h = v["x"]
    for k in (1, 2):
        h = _normalised(jax.numpy, h @ v[f"W{k}"], v[f"gamma{k}"], v[f"beta{k}"])
    s = h @ v["W3"] + v["B3"]
    return -(v["t"] * jax.nn.log_softmax(s)).sum() / len(s)


def autograd_loss(np: Any, v: Mapping[str, Any]) -> Any:
    """The formula."""
    h = v["x"]
    for k in (1, 2):
        h = _normalised(np, np.dot(h, v[f"W{k}"]), v[f"gamma{k}"], v[f"beta{k}"])
    s = np.dot(h, v["W3"]) + v["B3"]
    s = s - np.max(s, axis=1, keepdims=True)
    return -np.sum(v["t"] * (s - np.log(np.sum(np.exp(s), axis=1, keepdims=True)))) / len(s)


WORKLOADS = (
    Workload(
        name="batch_norm",
        title="batch-norm MLP 784-200-200-10, batch 128",
        sizes={"b": 128, "i": 784, "j": 200, "l": 200, "k": 10},
        small={"b": 6, "i": 5, "j": 4, "l": 3, "k": 3},
        tensors=tensors,
        wrt=PARAMETERS,
        flops=flops,
        einprop=lambda _: {"program": Equations(TEXT)},
        numpy={"by hand": by_hand},
        torch={"batch_norm": torch_loss},
        jax={"plain": jax_loss},
        autograd={"plain": autograd_loss},
    ),
)
