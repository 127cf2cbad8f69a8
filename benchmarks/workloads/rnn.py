"""A recurrent network over 64 steps; gradients of both weights and the bias.

h[t,b,j] = tanh(x[t,b,i] W[i,j] + h[t-1,b,k] U[k,j] + B[j])
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
h[t,b,j] = tanh(x[t,b,i] W[i,j] + h[t-1,b,k] U[k,j] + B[j])
loss = mean[t,b,j]((h[t,b,j] - y[t,b,j])^2)
"""


def tensors(rng: np.random.Generator, sizes: Sizes) -> dict[str, Array]:
    """A batch of sequences, a target and parameters."""
    t, b, i, j = (sizes[name] for name in "tbij")
    return {
        "x": rng.normal(size=(t, b, i)),
        "y": rng.normal(size=(t, b, j)),
        "W": rng.normal(0, i**-0.5, (i, j)),
        "U": rng.normal(0, j**-0.5, (j, j)),
        "B": rng.normal(0, 0.1, j),
    }


def flops(sizes: Sizes) -> float:
    """Forward: x W and h U; backward: U' into h, and both weights."""
    t, b, i, j = (sizes[name] for name in "tbij")
    return 2 * t * b * (2 * i * j + 3 * j * j)


class _Recurrence:
    """The network by hand: the input's product before the loop, the weights' gradients after it."""

    def __init__(self, v: Tensors) -> None:
        self.v = v
        x, y = v["x"], v["y"]
        steps, batch, width = y.shape
        # The state before the first step is a row of zeros.
        self.states = np.zeros((steps + 1, batch, width), x.dtype)
        self.h, self.slope, self.seed = self.states[1:], np.empty_like(y), np.empty_like(y)
        self.rows = x.reshape(steps * batch, -1)
        self.flat_h, self.flat_slope = self.h.reshape(-1, width), self.slope.reshape(-1, width)
        self.before = self.states[:-1].reshape(-1, width)
        self.product, self.back = np.empty((2, batch, width), x.dtype)
        self.ones = np.ones(steps * batch, x.dtype)
        self.results: Results = {name: np.empty_like(v[name]) for name in "WUB"}
        self.turned = np.empty_like(v["U"])
        self.forward_steps = [(self.states[t], self.states[t + 1]) for t in range(steps)]
        self.backward_steps = [(self.slope[t], self.seed[t]) for t in range(steps - 1, -1, -1)]

    def forward(self) -> None:
        """All states."""
        self.rows.dot(self.v["W"], self.flat_h)
        np.add(self.flat_h, self.v["B"], self.flat_h)
        u, product = self.v["U"], self.product
        for previous, state in self.forward_steps:
            previous.dot(u, product)
            np.add(state, product, state)
            np.tanh(state, state)

    def backward(self) -> None:
        """The slope of tanh for all steps at once, the loop downward, and the products after it."""
        np.multiply(self.h, self.h, self.slope)
        np.subtract(1, self.slope, self.slope)
        back, turned = self.back, self.turned
        turned[...] = self.v["U"].T
        back.fill(0)
        for slope, seed in self.backward_steps:
            np.add(seed, back, back)
            np.multiply(slope, back, slope)
            slope.dot(turned, back)
        self.rows.T.dot(self.flat_slope, self.results["W"])
        self.before.T.dot(self.flat_slope, self.results["U"])
        self.ones.dot(self.flat_slope, self.results["B"])

    def step(self) -> Results:
        """Loss and gradients."""
        self.forward()
        seed = self.seed
        np.subtract(self.h, self.v["y"], seed)
        self.results["loss"] = seed.reshape(-1).dot(seed.reshape(-1)) / seed.size
        np.multiply(seed, seed.dtype.type(2 / seed.size), seed)
        self.backward()
        return self.results


def by_hand(v: Tensors) -> Callable[[], Results]:
    """See `_Recurrence`."""
    return _Recurrence(v).step


def torch_loss(torch: Any, v: Mapping[str, Any]) -> Any:
    """A loop over steps; the input's product before it."""
    inputs = torch.addmm(v["B"], v["x"].flatten(0, 1), v["W"]).view(v["y"].shape)
    state, states = torch.zeros_like(inputs[0]), []
    for one in inputs.unbind(0):
        state = torch.tanh(torch.addmm(one, state, v["U"]))
        states.append(state)
    return torch.nn.functional.mse_loss(torch.stack(states), v["y"])


def torch_library(torch: Any, v: Mapping[str, Any]) -> Any:
    """What nn.RNN calls."""
    start = torch.zeros_like(v["y"][:1])
    weights = [v["W"], v["U"], v["B"], torch.zeros_like(v["B"])]
    h, _ = torch.rnn_tanh(v["x"], start, weights, True, 1, 0.0, True, False, False)
    return torch.nn.functional.mse_loss(h, v["y"])


def transposed(_: Any, v: dict[str, Any]) -> dict[str, Any]:
    """The library's weights have the outputs first."""
    return {**v, "W": v["W"].T.contiguous(), "U": v["U"].T.contiguous()}


def transposed_back(results: Results) -> Results:
    """The gradients as the workload has them."""
    return {**results, "W": results["W"].T, "U": results["U"].T}


def jax_loss(jax: Any, v: Mapping[str, Any]) -> Any:
    """A scan; the input's product before it."""
    inputs = v["x"] @ v["W"] + v["B"]

    def one(state: Any, arriving: Any) -> Any:
        state = jax.numpy.tanh(arriving + state @ v["U"])
        return state, state

    _, h = jax.lax.scan(one, jax.numpy.zeros_like(v["y"][0]), inputs)
    return ((h - v["y"]) ** 2).mean()


def autograd_loss(np: Any, v: Mapping[str, Any]) -> Any:
    """A loop over steps; the input's product before it."""
    inputs = np.dot(v["x"], v["W"]) + v["B"]
    state, states = np.zeros(v["y"].shape[1:], v["y"].dtype), []
    for t in range(len(v["x"])):
        state = np.tanh(inputs[t] + np.dot(state, v["U"]))
        states.append(state)
    return np.mean((np.array(states) - v["y"]) ** 2)


WORKLOADS = (
    Workload(
        name="rnn",
        title="RNN 64 steps, 64-128, batch 16",
        sizes={"t": 64, "b": 16, "i": 64, "j": 128},
        small={"t": 4, "b": 3, "i": 2, "j": 5},
        tensors=tensors,
        wrt=("W", "U", "B"),
        flops=flops,
        einprop=lambda _: {"program": Equations(TEXT)},
        numpy={"by hand": by_hand},
        torch={
            "loop": torch_loss,
            "nn.RNN": TorchForm(torch_library, transposed, transposed_back, compiles=False),
        },
        jax={"scan": jax_loss},
        autograd={"loop": autograd_loss},
    ),
)
