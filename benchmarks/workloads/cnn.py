"""A convolution network for CIFAR-10's images, batch 32; gradients of all kernels, weights and biases.

Padded 3x3 convolution 3 -> 32, relu, 2x2 maximum; the same 32 -> 64; affine 4096 -> 10; cross-entropy:

    h[b,i,j,f] = relu(x[b,pad(i+p-1),pad(j+q-1),c] K[p,q,c,f] + A[f])
    m[b,k,l,f] = max[u,v](h[b,2*k+u,2*l+v,f])
    g[b,k,l,d] = relu(m[b,pad(k+p-1),pad(l+q-1),f] L[p,q,f,d] + B[d])
    n[b,r,s,d] = max[u,v](g[b,2*r+u,2*s+v,d])
    y[b,o] = n[b,r,s,d] W[r,s,d,o] + C[o]
    loss = -mean[b](sum[o](t[b,o] log_softmax[o](y[b,o])))

Images lie with channels last; PyTorch's forms get theirs as its users have them.
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
    TorchForm,
    Workload,
    one_hot,
)
from benchmarks.workloads.mlp import cross_entropy_by_hand

__all__ = ["WORKLOADS"]

TEXT = """
index p, q: window < 3, u, v: pool < 2, i: row, j: column, k: half_row, l: half_column
input x[b,i,j,c]
h[b,i,j,f] = relu(x[b,pad(i+p-1),pad(j+q-1),c] K[p,q,c,f] + A[f])
m[b,k,l,f] = max[u,v](h[b,2*k+u,2*l+v,f])
g[b,k,l,d] = relu(m[b,pad(k+p-1),pad(l+q-1),f] L[p,q,f,d] + B[d])
n[b,r,s,d] = max[u,v](g[b,2*r+u,2*s+v,d])
y[b,o] = n[b,r,s,d] W[r,s,d,o] + C[o]
loss = -mean[b](sum[o](t[b,o] log_softmax[o](y[b,o])))
"""
PARAMETERS = ("K", "A", "L", "B", "W", "C")
WINDOW = [(p, q) for p in range(3) for q in range(3)]
QUARTERS = [(u, v) for u in range(2) for v in range(2)]


def tensors(rng: np.random.Generator, sizes: Sizes) -> dict[str, Array]:
    """Images, classes and parameters of He's size."""
    b, side, c, f, d, o = (sizes[name] for name in ("b", "i", "c", "f", "d", "o"))
    quarter = side // 4
    return {
        "x": rng.normal(size=(b, side, side, c)),
        **one_hot(rng, b, o),
        "K": rng.normal(0, (2 / (9 * c)) ** 0.5, (3, 3, c, f)),
        "A": rng.normal(0, 0.1, f),
        "L": rng.normal(0, (2 / (9 * f)) ** 0.5, (3, 3, f, d)),
        "B": rng.normal(0, 0.1, d),
        "W": rng.normal(0, (quarter * quarter * d) ** -0.5, (quarter, quarter, d, o)),
        "C": rng.normal(0, 0.1, o),
    }


def flops(sizes: Sizes) -> float:
    """Each convolution forward and for its kernel, the second one's input too; the affine layer."""
    b, side, c, f, d, o = (sizes[name] for name in ("b", "i", "c", "f", "d", "o"))
    first = side**2 * 9 * c * f
    second = (side // 2) ** 2 * 9 * f * d
    return 2 * b * (2 * first + 3 * second + 3 * (side // 4) ** 2 * d * o)


def windows(padded: Array) -> Array:
    """All 3x3 windows of padded images: a view [b,i,j,p,q,c]."""
    b, rows, columns, c = padded.shape
    sb, si, sj, sc = padded.strides
    shape = (b, rows - 2, columns - 2, 3, 3, c)
    return np.lib.stride_tricks.as_strided(padded, shape, (sb, si, sj, si, sj, sc))


class _Convolution:
    """Convolution, 2x2 maximum, bias and relu by hand: relu and bias after the maximum, on a quarter.

    Each image's windows are copied out (im2col) just before its product, and kept for the kernel's
    gradient, which is one product for all images.
    """

    def __init__(self, kernel: Array, bias: Array, batch: int, side: int, output: Array) -> None:
        channels, features = kernel.shape[2:]
        dtype, cells = kernel.dtype, side * side
        self.matrix, self.bias, self.pooled = kernel.reshape(-1, features), bias, output
        self.padded = np.zeros((batch, side + 2, side + 2, channels), dtype)
        self.inside = self.padded[:, 1:-1, 1:-1]
        self.columns = np.empty((batch, cells, 9 * channels), dtype)
        self.copies = self.columns.reshape(windows(self.padded).shape)
        self.result = np.empty((batch, cells, features), dtype)
        self.slope = np.empty_like(self.result)
        half = side // 2
        split = (batch, half, 2, half, 2, features)
        self.quarters = [self.result.reshape(split)[:, :, u, :, v] for u, v in QUARTERS]
        self.slopes = [self.slope.reshape(split)[:, :, u, :, v] for u, v in QUARTERS]
        self.largest = np.empty((batch, half, half, features), dtype)
        self.pooled_slope = np.empty_like(self.largest)
        self.mask = np.empty(self.largest.shape, bool)
        self.ones = np.ones(batch * half * half, dtype)
        self.kernel_slope, self.bias_slope = np.empty_like(kernel), np.empty_like(bias)
        self.one_columns = np.empty((cells, 9 * channels), dtype)
        self.padded_slope = np.empty_like(self.padded)
        pieces = self.one_columns.reshape(side, side, 3, 3, channels)
        self.pieces = [(p, q, pieces[:, :, p, q]) for p, q in WINDOW]
        self.side = side

    def forward(self) -> None:
        """From the padded images to the pooled output."""
        from_image = windows(self.padded)
        for copy, source, columns, result in zip(
            self.copies, from_image, self.columns, self.result, strict=True
        ):
            copy[...] = source
            columns.dot(self.matrix, result)
        first, second, third, fourth = self.quarters
        np.maximum(first, second, out=self.largest)
        np.maximum(self.largest, third, out=self.largest)
        np.maximum(self.largest, fourth, out=self.largest)
        np.add(self.largest, self.bias, self.pooled)
        np.maximum(self.pooled, 0, out=self.pooled)

    def backward(self) -> None:
        """From the slope of the pooled output to those of kernel and bias."""
        g, features = self.pooled_slope, self.matrix.shape[1]
        np.greater(self.pooled, 0, self.mask)
        np.multiply(g, self.mask, g)
        self.ones.dot(g.reshape(-1, features), self.bias_slope)
        for quarter, slope in zip(self.quarters, self.slopes, strict=True):
            np.equal(quarter, self.largest, self.mask)
            np.multiply(g, self.mask, slope)
        columns = self.columns.reshape(-1, len(self.matrix))
        columns.T.dot(self.slope.reshape(-1, features), self.kernel_slope.reshape(-1, features))

    def backward_input(self, out: Array) -> None:
        """The slope of the images: each window's part added back where it was read."""
        side, transposed = self.side, self.matrix.T
        self.padded_slope.fill(0)
        for image, slope in zip(self.padded_slope, self.slope, strict=True):
            slope.dot(transposed, self.one_columns)
            for p, q, piece in self.pieces:
                cells = image[p : p + side, q : q + side]
                np.add(cells, piece, cells)
        out[...] = self.padded_slope[:, 1:-1, 1:-1]


def by_hand(v: Tensors) -> Callable[[], Results]:
    """See `_Convolution`; its output goes straight into the next one's padded images."""
    x, weights = v["x"], v["W"]
    batch, side = x.shape[:2]
    features = weights.reshape(-1, weights.shape[-1])
    flat = np.empty((batch, len(features)), x.dtype)
    second = _Convolution(
        v["L"], v["B"], batch, side // 2, flat.reshape(batch, side // 4, side // 4, -1)
    )
    first = _Convolution(v["K"], v["A"], batch, side, second.inside)
    y, ones = np.empty((batch, len(v["C"])), x.dtype), np.ones(batch, x.dtype)
    cross_entropy = cross_entropy_by_hand(v["t"])
    weights_slope, shift_slope = np.empty_like(weights), np.empty_like(v["C"])
    results: Results = {"K": first.kernel_slope, "A": first.bias_slope, "W": weights_slope}
    results |= {"L": second.kernel_slope, "B": second.bias_slope, "C": shift_slope}

    def step() -> Results:
        first.inside[...] = x
        first.forward()
        second.forward()
        flat.dot(features, y)
        np.add(y, v["C"], y)
        results["loss"] = cross_entropy(y)
        flat.T.dot(y, weights_slope.reshape(features.shape))
        ones.dot(y, shift_slope)
        y.dot(features.T, second.pooled_slope.reshape(batch, -1))
        second.backward()
        second.backward_input(first.pooled_slope)
        first.backward()
        return results

    return step


def channels_first(_: Any, v: dict[str, Any]) -> dict[str, Any]:
    """Images, kernels and weights in the library's own order of axes."""
    found = {**v, "x": v["x"].permute(0, 3, 1, 2).contiguous()}
    found |= {name: v[name].permute(3, 2, 0, 1).contiguous() for name in "KL"}
    return {**found, "W": v["W"].permute(3, 2, 0, 1).flatten(1)}


def channels_last(torch: Any, v: dict[str, Any]) -> dict[str, Any]:
    """The same axes, in the memory format that its convolutions prefer."""
    found = channels_first(torch, v)
    last = {"memory_format": torch.channels_last}
    return found | {name: found[name].contiguous(**last) for name in "xKL"}


def channels_back(results: Results) -> Results:
    """The gradients as the workload has them."""
    found = dict(results)
    found |= {name: results[name].transpose(2, 3, 1, 0) for name in "KL"}
    outputs, cells = results["W"].shape
    channels = results["L"].shape[0]
    side = round((cells // channels) ** 0.5)
    found["W"] = results["W"].reshape(outputs, channels, side, side).transpose(2, 3, 1, 0)
    return found


def torch_loss(torch: Any, v: Mapping[str, Any]) -> Any:
    """As in the library's tutorial on CIFAR-10."""
    functional = torch.nn.functional
    h = functional.conv2d(v["x"], v["K"], v["A"], padding=1)
    h = functional.max_pool2d(torch.relu(h), 2)
    h = functional.conv2d(h, v["L"], v["B"], padding=1)
    h = functional.max_pool2d(torch.relu(h), 2).flatten(1)
    return functional.cross_entropy(functional.linear(h, v["W"], v["C"]), v["labels"])


def jax_loss(jax: Any, v: Mapping[str, Any]) -> Any:
    """The library's convolution and window maximum, channels last."""
    h = v["x"]
    for kernel, bias in (("K", "A"), ("L", "B")):
        h = jax.lax.conv_general_dilated(
            h, v[kernel], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        h = jax.nn.relu(h + v[bias])
        start = -jax.numpy.inf
        h = jax.lax.reduce_window(h, start, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    y = h.reshape(len(h), -1) @ v["W"].reshape(-1, v["W"].shape[-1]) + v["C"]
    return -(v["t"] * jax.nn.log_softmax(y)).sum() / len(y)


def jax_reshaped(jax: Any, v: Mapping[str, Any]) -> Any:
    """The maximum over a split axis instead, whose gradient is no scatter."""
    h = v["x"]
    for kernel, bias in (("K", "A"), ("L", "B")):
        h = jax.lax.conv_general_dilated(
            h, v[kernel], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        h = jax.nn.relu(h + v[bias])
        b, i, j, f = h.shape
        h = h.reshape(b, i // 2, 2, j // 2, 2, f).max((2, 4))
    y = h.reshape(len(h), -1) @ v["W"].reshape(-1, v["W"].shape[-1]) + v["C"]
    return -(v["t"] * jax.nn.log_softmax(y)).sum() / len(y)


def autograd_loss(np: Any, v: Mapping[str, Any]) -> Any:
    """No convolution of many channels there: nine shifted products."""
    h = v["x"]
    for kernel, bias in (("K", "A"), ("L", "B")):
        b, i, j, _ = h.shape
        padded = np.pad(h, ((0, 0), (1, 1), (1, 1), (0, 0)), "constant")
        h = v[bias]
        for p, q in WINDOW:
            h = h + np.dot(padded[:, p : p + i, q : q + j], v[kernel][p, q])
        h = np.maximum(h, 0)
        h = np.max(np.reshape(h, (b, i // 2, 2, j // 2, 2, -1)), axis=(2, 4))
    y = np.dot(np.reshape(h, (len(h), -1)), np.reshape(v["W"], (-1, v["W"].shape[-1]))) + v["C"]
    y = y - np.max(y, axis=1, keepdims=True)
    return -np.sum(v["t"] * (y - np.log(np.sum(np.exp(y), axis=1, keepdims=True)))) / len(y)


WORKLOADS = (
    Workload(
        name="cnn",
        title="CNN on 32x32x3, batch 32",
        sizes={"b": 32, "i": 32, "c": 3, "f": 32, "d": 64, "o": 10},
        small={"b": 2, "i": 8, "c": 2, "f": 3, "d": 4, "o": 3},
        tensors=tensors,
        wrt=PARAMETERS,
        flops=flops,
        einprop=lambda _: {"program": Equations(TEXT)},
        numpy={"by hand": by_hand},
        torch={
            "channels first": TorchForm(torch_loss, channels_first, channels_back),
            "channels last": TorchForm(torch_loss, channels_last, channels_back),
        },
        jax={"reduce_window": jax_loss, "reshaped maximum": jax_reshaped},
        autograd={"shifted products": autograd_loss},
    ),
)
