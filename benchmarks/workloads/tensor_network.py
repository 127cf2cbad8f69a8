"""Tensor networks of n operands: a ladder of a batch, gradients of all operands.

    y[b,o] = A0[b,a0,c0] A1[a0,a1,c1] A2[a1,c0,a2,c2] ... Az[a,c,c',o]
    loss = mean[b,o]((y[b,o] - T[b,o])^2)

Each operand shares a bond `a` (32) with its neighbours and a bond `c` (4) with the next but one. The first
has the batch (64) and the last the outputs (64).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

import numpy as np
from opt_einsum import contract

from benchmarks.harness.workload import Array, Equations, Results, Sizes, Tensors, Workload

__all__ = ["WORKLOADS", "subscripts"]


def subscripts(count: int) -> list[list[str]]:
    """The index names of each operand: the bonds to the left, then those to the right.

    Between operand k and the next lie a(k), and c(k-1) and c(k), of which c(k-1) ends in it.
    """
    found = [["b", "a0", "c0"]]
    for k in range(1, count - 1):
        left = [f"a{k - 1}"] + ([f"c{k - 2}"] if k > 1 else [])
        right = [f"a{k}"] + ([f"c{k}"] if k < count - 2 else [])
        found.append(left + right)
    left = [f"a{count - 2}", f"c{count - 3}"]
    return [*found, [*left, "o"]]


def size_of(index: str, sizes: Sizes) -> int:
    """The size of an index by its letter."""
    return sizes[index[0]]


def names(count: int) -> list[str]:
    """The operands."""
    return [f"A{k}" for k in range(count)]


def tensors(rng: np.random.Generator, sizes: Sizes) -> dict[str, Array]:
    """Operands that keep the variance of what passes through, and a target."""
    found = {}
    for name, indices in zip(names(sizes["n"]), subscripts(sizes["n"]), strict=True):
        shape = [size_of(i, sizes) for i in indices]
        left = sizes["a"] * sizes["c"]
        found[name] = rng.normal(0, 1 if name == "A0" else left**-0.5, shape)
    found["T"] = rng.normal(size=(sizes["b"], sizes["o"]))
    return found


def flops(sizes: Sizes) -> float:
    """Left to right, one product with each operand; backward two of the same size each."""
    operands = subscripts(sizes["n"])
    total, front = 0.0, set(operands[0])
    for indices in operands[1:]:
        joint = front | set(indices)
        total += float(np.prod([size_of(i, sizes) for i in joint]))
        front = joint - (front & set(indices))
    return 2 * 3 * total


def expression(sizes: Sizes) -> tuple[str, list[str]]:
    """The network in einsum's letters, and the operands' names."""
    operands = subscripts(sizes["n"])
    letters = {
        i: chr(ord("a") + k) for k, i in enumerate(dict.fromkeys(chain.from_iterable(operands)))
    }
    terms = ["".join(letters[i] for i in indices) for indices in operands]
    return f"{','.join(terms)}->{letters['b']}{letters['o']}", names(sizes["n"])


def einprop(sizes: Sizes) -> Mapping[str, Equations]:
    """One product of all operands."""
    factors = [
        f"{name}[{','.join(indices)}]"
        for name, indices in zip(names(sizes["n"]), subscripts(sizes["n"]), strict=True)
    ]
    return {
        "program": Equations(f"y[b,o] = {' '.join(factors)}\nloss = mean[b,o]((y[b,o] - T[b,o])^2)")
    }


def _fronts(operands: list[list[str]]) -> list[list[str]]:
    """The open indices after each operand, those that the next one reads last."""
    fronts = []
    front = operands[0]
    for following in operands[1:]:
        shared = [i for i in following if i in front]
        fronts.append([i for i in front if i not in shared] + shared)
        front = [i for i in front if i not in shared] + [i for i in following if i not in shared]
    return [*fronts, front]


def by_hand(v: Tensors) -> Callable[[], Results]:
    """Left to right by matmul, each product copied into the order in which the next one reads it.

    Backward goes the same way back: the slope of what stands left of an operand, and of the operand.
    """
    count = sum(name.startswith("A") for name in v)
    operands, fronts = subscripts(count), _fronts(subscripts(count))
    arrays = [v[name] for name in names(count)]
    extent = {
        i: n
        for a, ii in zip(arrays, operands, strict=True)
        for i, n in zip(ii, a.shape, strict=True)
    }
    target, dtype = v["T"], v["T"].dtype
    links = [
        _Link(array, indices, before, after, extent)
        for array, indices, before, after in zip(
            arrays[1:], operands[1:], fronts, fronts[1:], strict=False
        )
    ]
    start = np.empty([extent[i] for i in fronts[0]], dtype)
    first = arrays[0].transpose([operands[0].index(i) for i in fronts[0]])
    first_slope = np.empty_like(start)
    first_view = first_slope.transpose([fronts[0].index(i) for i in operands[0]])
    y, difference = links[-1].ordered, np.empty_like(target)
    results: Results = {f"A{k}": link.slope for k, link in enumerate(links, 1)}
    results["A0"] = first_view
    factor = dtype.type(2 / target.size)

    def step() -> Results:
        start[...] = first
        front = start
        for link in links:
            front = link.forward(front)
        np.subtract(y, target, difference)
        results["loss"] = difference.reshape(-1).dot(difference.reshape(-1)) / target.size
        back = np.multiply(difference, factor, difference)
        for link in reversed(links[1:]):
            back = link.backward(back)
        first_slope[...] = links[0].backward(back)
        return results

    return step


class _Link:
    """One operand: the product with what stands left of it, and both ways back, in buffers."""

    def __init__(
        self,
        array: Array,
        indices: list[str],
        before: list[str],
        after: list[str],
        extent: Mapping[str, int],
    ) -> None:
        shared = [i for i in before if i in indices]
        kept = [i for i in before if i not in shared]
        new = [i for i in indices if i not in shared]
        assert indices == [*[i for i in indices if i in shared], *new]
        order = [indices.index(i) for i in (*shared, *new)]
        rows, inner, columns = (
            int(np.prod([extent[i] for i in group])) for group in (kept, shared, new)
        )
        self.array, self.order = array.transpose(order), order
        self.shape = (rows, inner)
        self.matrix = np.empty((inner, columns), array.dtype)
        self.slope = np.empty_like(array)
        self.slope_matrix = np.empty((inner, columns), array.dtype)
        self.product = np.empty((rows, columns), array.dtype)
        product = self.product.reshape([extent[i] for i in (*kept, *new)])
        self.turn = [(*kept, *new).index(i) for i in after]
        self.turned = product.transpose(self.turn)
        self.ordered = np.empty(self.turned.shape, array.dtype)
        self.before = np.empty([extent[i] for i in before], array.dtype)
        self.left = self.before

    def forward(self, front: Array) -> Array:
        """The product, in the order in which the next link reads it."""
        self.left = front
        self.matrix.reshape(self.array.shape)[...] = self.array
        front.reshape(self.shape).dot(self.matrix, self.product)
        self.ordered[...] = self.turned
        return self.ordered

    def backward(self, back: Array) -> Array:
        """From the slope of what `forward` returned to that of what it took."""
        self.turned[...] = back
        self.left.reshape(self.shape).T.dot(self.product, self.slope_matrix)
        self.slope.transpose(self.order)[...] = self.slope_matrix.reshape(self.array.shape)
        self.product.dot(self.matrix.T, self.before.reshape(self.shape))
        return self.before


def _sizes(v: Mapping[str, Any]) -> dict[str, int]:
    return {"n": sum(name.startswith("A") for name in v)}


def _loss(einsum: Callable[..., Any], v: Mapping[str, Any]) -> Any:
    text, operands = expression(_sizes(v))
    return ((einsum(text, *[v[name] for name in operands]) - v["T"]) ** 2).mean()


def torch_loss(torch: Any, v: Mapping[str, Any]) -> Any:
    """The library's einsum, whose path opt_einsum chooses."""
    return _loss(torch.einsum, v)


def jax_loss(jax: Any, v: Mapping[str, Any]) -> Any:
    """The library's einsum, whose path opt_einsum chooses."""
    return _loss(jax.numpy.einsum, v)


def contracted(np: Any, v: Mapping[str, Any]) -> Any:
    """opt_einsum.contract, through which autograd differentiates."""
    text, operands = expression(_sizes(v))
    return np.mean((contract(text, *[v[name] for name in operands]) - v["T"]) ** 2)


def _workload(count: int) -> Workload:
    return Workload(
        name=f"network_{count}",
        title=f"tensor network, {count} operands",
        sizes={"n": count, "b": 64, "a": 32, "c": 4, "o": 64},
        small={"n": count, "b": 3, "a": 2, "c": 2, "o": 2},
        tensors=tensors,
        wrt=tuple(names(count)),
        wrt_at=lambda sizes: tuple(names(sizes["n"])),
        flops=flops,
        einprop=einprop,
        numpy={"by hand": by_hand},
        torch={"einsum": torch_loss},
        jax={"einsum": jax_loss},
        autograd={"opt_einsum.contract": contracted},
    )


WORKLOADS = tuple(_workload(count) for count in (5, 7, 9, 12))
