"""An LSTM over 64 steps; gradients of both weights and the bias. Gates in PyTorch's order: i, f, g, o.

a[t,b,g,j] = x[t,b,i] W[i,g,j] + h[t-1,b,k] U[k,g,j] + B[g,j]
c[t,b,j] = sigmoid(a[t,b,1,j]) c[t-1,b,j] + sigmoid(a[t,b,0,j]) tanh(a[t,b,2,j])
h[t,b,j] = sigmoid(a[t,b,3,j]) tanh(c[t,b,j])
loss = mean[t,b,j]((h[t,b,j] - y[t,b,j])^2)
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
)

__all__ = ["WORKLOADS"]

TEXT = """
output loss
a[t,b,g,j] = x[t,b,i] W[i,g,j] + h[t-1,b,k] U[k,g,j] + B[g,j]
c[t,b,j] = sigmoid(a[t,b,1,j]) c[t-1,b,j] + sigmoid(a[t,b,0,j]) tanh(a[t,b,2,j])
h[t,b,j] = sigmoid(a[t,b,3,j]) tanh(c[t,b,j])
loss = mean[t,b,j]((h[t,b,j] - y[t,b,j])^2)
"""
GATES = 4


def tensors(rng: np.random.Generator, sizes: Sizes) -> dict[str, Array]:
    """A batch of sequences, a target and parameters."""
    t, b, i, j = (sizes[name] for name in "tbij")
    return {
        "x": rng.normal(size=(t, b, i)),
        "y": rng.normal(size=(t, b, j)),
        "W": rng.normal(0, i**-0.5, (i, GATES, j)),
        "U": rng.normal(0, j**-0.5, (j, GATES, j)),
        "B": rng.normal(0, 0.1, (GATES, j)),
    }


def flops(sizes: Sizes) -> float:
    """Forward: x W and h U; backward: U' into h, and both weights; four gates."""
    t, b, i, j = (sizes[name] for name in "tbij")
    return 2 * t * b * GATES * (2 * i * j + 3 * j * j)


class _Recurrence:
    """The LSTM by hand: sigmoid as tanh of half, so that one tanh serves all gates.

    The weights of i, f and o are halved once a step; then sigmoid(a) = (tanh(a/2) + 1) / 2. Backward,
    what does not depend on the loop is computed for all steps at once, and the weights' gradients
    are one product each after it.
    """

    def __init__(self, v: Tensors) -> None:
        self.v = v
        x, y = v["x"], v["y"]
        self.steps, self.batch, self.width = y.shape
        dtype, width = x.dtype, self.width
        self.rows = x.reshape(self.steps * self.batch, -1)
        self.gates = np.empty((self.steps, self.batch, GATES * width), dtype)
        self.states = np.zeros((self.steps + 1, self.batch, width), dtype)
        self.cells = np.zeros_like(self.states)
        self.cell_tanh, self.seed, self.cell_slope = (np.empty_like(y) for _ in range(3))
        self.slope = np.empty_like(self.gates)
        self.half = np.repeat(np.array([0.5, 0.5, 1, 0.5], dtype), width)
        self.shift = np.repeat(np.array([0.5, 0.5, 0, 0.5], dtype), width)
        self.input_weights = np.empty((x.shape[2], GATES * width), dtype)
        self.state_weights = np.empty((width, GATES * width), dtype)
        self.turned = np.empty((GATES * width, width), dtype)
        self.ones = np.ones(self.steps * self.batch, dtype)
        self.results: Results = {name: np.empty_like(v[name]) for name in "WUB"}
        self.product = np.empty((self.batch, GATES * width), dtype)
        self.h_slope, self.c_slope, self.through = (
            np.empty((self.batch, width), dtype) for _ in range(3)
        )
        self.forward_steps = [self.views(t) for t in range(self.steps)]
        self.backward_steps = [self.backward_views(t) for t in reversed(range(self.steps))]

    def split(self, array: Array) -> list[Array]:
        """The gates of an array whose last axis they share."""
        return [array[..., g * self.width : (g + 1) * self.width] for g in range(GATES)]

    def views(self, t: int) -> tuple[Array, ...]:
        """What a step forward reads and writes."""
        gates = (self.gates[t], *self.split(self.gates[t]))
        return (
            *gates,
            self.states[t],
            self.states[t + 1],
            self.cells[t],
            self.cells[t + 1],
            self.cell_tanh[t],
        )

    def backward_views(self, t: int) -> tuple[Array, ...]:
        """What a step backward reads and writes: three gates at once, the output's apart."""
        slope = self.slope[t]
        three = slope[:, : 3 * self.width].reshape(self.batch, 3, self.width)
        last = slope[:, 3 * self.width :]
        return slope, three, last, self.split(self.gates[t])[1], self.cell_slope[t], self.seed[t]

    def forward(self) -> None:
        """All gates and states."""
        v, flat = self.v, self.gates.reshape(len(self.rows), -1)
        np.multiply(v["W"].reshape(self.input_weights.shape), self.half, self.input_weights)
        np.multiply(v["U"].reshape(self.state_weights.shape), self.half, self.state_weights)
        self.rows.dot(self.input_weights, flat)
        np.add(flat, v["B"].reshape(-1) * self.half, flat)
        product, weights, half, shift, through = (
            self.product,
            self.state_weights,
            self.half,
            self.shift,
            self.through,
        )
        for all_gates, i, f, g, o, h, h_next, c, c_next, squashed in self.forward_steps:
            h.dot(weights, product)
            np.add(all_gates, product, all_gates)
            np.tanh(all_gates, all_gates)
            np.multiply(all_gates, half, all_gates)
            np.add(all_gates, shift, all_gates)
            np.multiply(f, c, c_next)
            np.multiply(i, g, through)
            np.add(c_next, through, c_next)
            np.tanh(c_next, squashed)
            np.multiply(o, squashed, h_next)

    def slopes(self) -> None:
        """What each gate's slope is multiplied by: the same for all steps, so all at once."""
        (i, _, g, o), (di, df, dg, do) = self.split(self.gates), self.split(self.slope)
        np.subtract(1, self.gates, self.slope)
        np.multiply(self.slope, self.gates, self.slope)
        np.multiply(di, g, di)
        np.multiply(df, self.cells[:-1], df)
        np.multiply(g, g, dg)
        np.subtract(1, dg, dg)
        np.multiply(dg, i, dg)
        np.multiply(do, self.cell_tanh, do)
        np.multiply(self.cell_tanh, self.cell_tanh, self.cell_slope)
        np.subtract(1, self.cell_slope, self.cell_slope)
        np.multiply(self.cell_slope, o, self.cell_slope)

    def backward(self) -> None:
        """The loop downward, and the products after it."""
        self.slopes()
        h, c, through, turned = self.h_slope, self.c_slope, self.through, self.turned
        turned[...] = self.v["U"].reshape(self.width, -1).T
        h.fill(0)
        c.fill(0)
        spread = c[:, None, :]
        for slope, three, last, forget, cell_slope, seed in self.backward_steps:
            np.add(h, seed, h)
            np.multiply(h, cell_slope, through)
            np.add(c, through, c)
            np.multiply(three, spread, three)
            np.multiply(last, h, last)
            slope.dot(turned, h)
            np.multiply(c, forget, c)
        flat = self.slope.reshape(len(self.rows), -1)
        before = self.states[:-1].reshape(-1, self.width)
        self.rows.T.dot(flat, self.results["W"].reshape(self.rows.shape[1], -1))
        before.T.dot(flat, self.results["U"].reshape(self.width, -1))
        self.ones.dot(flat, self.results["B"].reshape(-1))

    def step(self) -> Results:
        """Loss and gradients."""
        self.forward()
        seed = self.seed
        np.subtract(self.states[1:], self.v["y"], seed)
        self.results["loss"] = seed.reshape(-1).dot(seed.reshape(-1)) / seed.size
        np.multiply(seed, seed.dtype.type(2 / seed.size), seed)
        self.backward()
        return self.results


def by_hand(v: Tensors) -> Callable[[], Results]:
    """See `_Recurrence`."""
    return _Recurrence(v).step


def _cell(library: Any, sigmoid: Any, gates: Any, cell: Any) -> tuple[Any, Any]:
    i, f, g, o = gates
    cell = sigmoid(f) * cell + sigmoid(i) * library.tanh(g)
    return sigmoid(o) * library.tanh(cell), cell


def torch_loss(torch: Any, v: Mapping[str, Any]) -> Any:
    """A loop over steps; the input's product before it."""
    weights, state_weights = v["W"].flatten(1), v["U"].flatten(1)
    inputs = torch.addmm(v["B"].flatten(), v["x"].flatten(0, 1), weights)
    h = cell = torch.zeros_like(v["y"][0])
    states = []
    for one in inputs.view(*v["x"].shape[:2], -1).unbind(0):
        gates = torch.addmm(one, h, state_weights).chunk(GATES, 1)
        h, cell = _cell(torch, torch.sigmoid, gates, cell)
        states.append(h)
    return torch.nn.functional.mse_loss(torch.stack(states), v["y"])


def torch_library(torch: Any, v: Mapping[str, Any]) -> Any:
    """What nn.LSTM calls."""
    start = torch.zeros_like(v["y"][:1])
    weights = [v["W"], v["U"], v["B"], torch.zeros_like(v["B"])]
    h, _, _ = torch.lstm(v["x"], (start, start), weights, True, 1, 0.0, True, False, False)
    return torch.nn.functional.mse_loss(h, v["y"])


def transposed(_: Any, v: dict[str, Any]) -> dict[str, Any]:
    """The library's weights have the gates first, then the inputs."""
    turned = {name: v[name].flatten(1).T.contiguous() for name in "WU"}
    return {**v, **turned, "B": v["B"].flatten()}


def transposed_back(results: Results) -> Results:
    """The gradients as the workload has them."""
    width = results["U"].shape[1]
    turned = {name: results[name].T.reshape(-1, GATES, width) for name in "WU"}
    return {**results, **turned, "B": results["B"].reshape(GATES, width)}


def jax_loss(jax: Any, v: Mapping[str, Any]) -> Any:
    """A scan; the input's product before it."""
    numpy = jax.numpy
    flat = {name: v[name].reshape(len(v[name]), -1) for name in "WU"}
    inputs = v["x"] @ flat["W"] + v["B"].reshape(-1)

    def one(carry: Any, arriving: Any) -> Any:
        h, cell = carry
        gates = numpy.split(arriving + h @ flat["U"], GATES, axis=1)
        h, cell = _cell(numpy, jax.nn.sigmoid, gates, cell)
        return (h, cell), h

    start = numpy.zeros_like(v["y"][0])
    _, h = jax.lax.scan(one, (start, start), inputs)
    return ((h - v["y"]) ** 2).mean()


def autograd_loss(np: Any, v: Mapping[str, Any]) -> Any:
    """A loop over steps; the input's product before it."""
    weights, state_weights = (np.reshape(v[name], (len(v[name]), -1)) for name in "WU")
    inputs = np.dot(v["x"], weights) + np.reshape(v["B"], -1)
    h = cell = np.zeros(v["y"].shape[1:], v["y"].dtype)
    states = []
    for t in range(len(v["x"])):
        gates = np.split(inputs[t] + np.dot(h, state_weights), GATES, axis=1)
        h, cell = _cell(np, lambda a: 0.5 * (np.tanh(0.5 * a) + 1), gates, cell)
        states.append(h)
    return np.mean((np.array(states) - v["y"]) ** 2)


WORKLOADS = (
    Workload(
        name="lstm",
        title="LSTM 64 steps, 64-128, batch 32",
        sizes={"t": 64, "b": 32, "i": 64, "j": 128},
        small={"t": 4, "b": 3, "i": 2, "j": 5},
        tensors=tensors,
        wrt=("W", "U", "B"),
        flops=flops,
        einprop=lambda _: {"program": Equations(TEXT)},
        numpy={"by hand": by_hand},
        torch={
            "loop": torch_loss,
            "nn.LSTM": TorchForm(torch_library, transposed, transposed_back, compiles=False),
        },
        jax={"scan": jax_loss},
        autograd={"loop": autograd_loss},
    ),
)
