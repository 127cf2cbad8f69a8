"""Multilayer perceptrons: relu, softmax cross-entropy, gradients of all weights and biases.

h1[b,i1] = relu(x[b,i0] W1[i0,i1] + B1[i1])
...
s[b,k] = h[b,j] W[j,k] + B[k]
loss = -mean[b](sum[k](t[b,k] log_softmax[k](s[b,k])))
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

__all__ = ["WORKLOADS", "cross_entropy_by_hand"]


def widths(sizes: Sizes) -> list[int]:
    """Sizes of all layers, the input's first."""
    return [sizes[f"i{k}"] for k in range(len(sizes) - 1)]


def tensors(rng: np.random.Generator, sizes: Sizes) -> dict[str, Array]:
    """A batch, its classes, and weights of Xavier's size."""
    all_widths = widths(sizes)
    found = {"x": rng.normal(size=(sizes["b"], all_widths[0]))}
    found |= one_hot(rng, sizes["b"], all_widths[-1])
    for k, (rows, columns) in enumerate(pairwise(all_widths), 1):
        found[f"W{k}"] = rng.normal(0, (2 / (rows + columns)) ** 0.5, (rows, columns))
        found[f"B{k}"] = rng.normal(0, 0.1, columns)
    return found


def flops(sizes: Sizes) -> float:
    """A product forward and one for the weights per layer; one for the input in all but the first."""
    all_widths = widths(sizes)
    cells = [rows * columns for rows, columns in pairwise(all_widths)]
    return 2 * sizes["b"] * (3 * sum(cells) - cells[0])


def parameters(sizes: Sizes) -> tuple[str, ...]:
    """All weights and biases."""
    return tuple(f"{letter}{k}" for k in range(1, len(widths(sizes))) for letter in "WB")


def einprop(sizes: Sizes) -> Mapping[str, Equations]:
    """One program."""
    last = len(widths(sizes)) - 1
    lines, layer = [], "x[b,i0]"
    for k in range(1, last):
        lines.append(f"h{k}[b,i{k}] = relu({layer} W{k}[i{k - 1},i{k}] + B{k}[i{k}])")
        layer = f"h{k}[b,i{k}]"
    lines.append(f"s[b,k] = {layer} W{last}[i{last - 1},k] + B{last}[k]")
    lines.append("loss = -mean[b](sum[k](t[b,k] log_softmax[k](s[b,k])))")
    return {"program": Equations("\n".join(lines))}


def cross_entropy_by_hand(t: Array) -> Callable[[Array], Any]:
    """A function that gives the loss of logits and leaves their gradient in their place."""
    count, classes = t.shape
    largest = np.empty((count, 1), t.dtype)
    total, logarithms = np.empty((2, count, 1), t.dtype)
    share = np.full(count, 1 / count, t.dtype)
    scaled = t / count
    rows = np.ones((classes, 1), t.dtype)
    flat, size = scaled.reshape(-1), np.array(count, t.dtype)

    def loss(s: Array) -> Any:
        np.maximum.reduce(s, axis=1, keepdims=True, out=largest)
        np.subtract(s, largest, out=s)
        chosen = flat.dot(s.reshape(-1))
        np.exp(s, s)
        s.dot(rows, total)
        np.log(total, logarithms)
        value = share.dot(logarithms)[0] - chosen
        np.multiply(total, size, total)
        np.divide(s, total, s)
        np.subtract(s, scaled, s)
        return value

    return loss


class _Layers:
    """The network by hand: views made beforehand, bias gradients as products with ones.

    What comes back from the logits stands in their place; the mask of relu is boolean.
    """

    def __init__(self, v: Tensors) -> None:
        self.x, count = v["x"], sum(name.startswith("W") for name in v)
        dtype, batch = self.x.dtype, len(self.x)
        self.weights = [v[f"W{k}"] for k in range(1, count + 1)]
        self.biases = [v[f"B{k}"] for k in range(1, count + 1)]
        self.layers = [np.empty((batch, len(bias)), dtype) for bias in self.biases]
        self.transposed = [layer.T for layer in (self.x, *self.layers)]
        self.weights_transposed = [weight.T for weight in self.weights]
        self.slopes = [np.empty_like(layer) for layer in self.layers[:-1]] + self.layers[-1:]
        self.masks = [np.empty(layer.shape, bool) for layer in self.layers[:-1]]
        self.ones, self.zero = np.ones(batch, dtype), np.zeros((), dtype)
        self.weight_slopes = [np.empty_like(weight) for weight in self.weights]
        self.bias_slopes = [np.empty_like(bias) for bias in self.biases]
        self.cross_entropy = cross_entropy_by_hand(v["t"])
        self.results: Results = {f"W{k}": a for k, a in enumerate(self.weight_slopes, 1)}
        self.results |= {f"B{k}": a for k, a in enumerate(self.bias_slopes, 1)}

    def step(self) -> Results:
        """Loss and gradients."""
        zero, below, last = self.zero, self.x, len(self.layers) - 1
        for layer, weight, bias in zip(self.layers, self.weights, self.biases, strict=True):
            below.dot(weight, layer)
            np.add(layer, bias, layer)
            if layer is not self.layers[last]:
                np.maximum(layer, zero, out=layer)
            below = layer
        self.results["loss"] = self.cross_entropy(below)
        slope = below
        for k in range(last, -1, -1):
            if k < last:
                below, slope, mask = slope, self.slopes[k], self.masks[k]
                below.dot(self.weights_transposed[k + 1], slope)
                np.greater(self.layers[k], zero, mask)
                np.multiply(slope, mask, slope)
            self.transposed[k].dot(slope, self.weight_slopes[k])
            self.ones.dot(slope, self.bias_slopes[k])
        return self.results


def by_hand(v: Tensors) -> Callable[[], Results]:
    """See `_Layers`."""
    return _Layers(v).step


def torch_loss(torch: Any, v: Mapping[str, Any]) -> Any:
    """As in a tutorial: linear, relu, cross-entropy of class numbers."""
    functional = torch.nn.functional
    h, k = v["x"], 1
    while f"W{k + 1}" in v:
        h = torch.relu(torch.addmm(v[f"B{k}"], h, v[f"W{k}"]))
        k += 1
    return functional.cross_entropy(torch.addmm(v[f"B{k}"], h, v[f"W{k}"]), v["labels"])


def jax_loss(jax: Any, v: Mapping[str, Any]) -> Any:
    """As in a tutorial."""
    h, k = v["x"], 1
    while f"W{k + 1}" in v:
        h = jax.nn.relu(h @ v[f"W{k}"] + v[f"B{k}"])
        k += 1
    s = h @ v[f"W{k}"] + v[f"B{k}"]
    return -(v["t"] * jax.nn.log_softmax(s)).sum() / len(s)


def autograd_loss(np: Any, v: Mapping[str, Any]) -> Any:
    """With a stable log-sum-exp."""
    h, k = v["x"], 1
    while f"W{k + 1}" in v:
        h = np.maximum(np.dot(h, v[f"W{k}"]) + v[f"B{k}"], 0)
        k += 1
    s = np.dot(h, v[f"W{k}"]) + v[f"B{k}"]
    s = s - np.max(s, axis=1, keepdims=True)
    return -np.sum(v["t"] * (s - np.log(np.sum(np.exp(s), axis=1, keepdims=True)))) / len(s)


def _workload(name: str, batch: int, layers: tuple[int, ...]) -> Workload:
    count = len(layers)
    sizes = {"b": batch} | {f"i{k}": width for k, width in enumerate(layers)}
    small = {"b": 4} | {f"i{k}": width for k, width in enumerate((5, 4, 6, 3)[-count:])}
    return Workload(
        name=name,
        title=f"MLP {'-'.join(map(str, layers))}, batch {batch}",
        sizes=sizes,
        small=small,
        tensors=tensors,
        wrt=parameters(sizes),
        wrt_at=parameters,
        flops=flops,
        einprop=einprop,
        numpy={"by hand": by_hand},
        torch={"plain": torch_loss},
        jax={"plain": jax_loss},
        autograd={"plain": autograd_loss},
    )


WORKLOADS = (
    _workload("mlp_small", 100, (784, 200, 10)),
    _workload("mlp_wide", 256, (784, 1024, 1024, 10)),
    _workload("mlp_tiny", 8, (8, 16, 4)),
)
