"""Layers, losses, optimisers and callbacks of one's own, as the pages write them."""

from dataclasses import dataclass

import numpy as np

import einprop as ep
from einprop.layers import Layer, Loss
from einprop.layers.noise import bernoulli
from einprop.training import Callback, Optimizer


class Gated(Layer):
    """A linear map times a gate."""

    forward = "y[b,j] = (x[b,i] W[i,j]) sigmoid(x[b,c] V[c,j])"
    params = {"W": ep.init.glorot_normal, "V": ep.init.glorot_normal}
    units = {"j": "feature"}


class Centred(Layer):
    forward = "y[b,i] = x[b,i] mask[b,i] - mean[i]; next_mean[i] = mean[b](x[b,i])"
    evaluate = "y[b,i] = x[b,i] - mean[i]"
    state = {"mean": ep.init.zeros}
    noise = {"mask": bernoulli(0.5)}
    backward = None
    override = False


class Leaky(Layer):
    def __init__(self, slope: float = 0.1) -> None:
        self._configure(slope=slope)

    slope: float

    @property
    def forward(self) -> str:
        return f"y = maximum(x, {self.slope} * x)"


class Cubed(Loss):
    forward = "loss = mean[b](sum[k](abs(x[b,k] - t[b,k])^3))"


@dataclass(frozen=True)
class Lion(Optimizer):
    learning_rate: float = 1e-4
    beta: float = 0.9
    slots = ("m",)
    update = """
        w.new = w - learning_rate * sign(beta * m + (1 - beta) w.grad)
        m.new = beta * m + (1 - beta) w.grad
    """


class Rates(Callback):
    def after_epoch(self, training: ep.training.Training, memory: dict[str, object]) -> None:
        memory["steps"] = training.step


gated = Gated(3)
parameters = gated.init(np.random.default_rng(0), x=(2, 4))
y = gated(parameters, x=np.ones((2, 4)))
program = ep.Program("y[b] = x[b,i] w[i]", params="w")
value = program({"x": np.ones((2, 3))}, w=np.ones(3))
history = ep.training.fit(
    gated >> Leaky() >> Cubed(),
    parameters,
    {"x": np.ones((2, 4)), "t": np.ones((2, 3))},
    Lion(0.1),
    epochs=1,
    batch_size=2,
    rng=np.random.default_rng(0),
    callbacks=[Rates()],
    verbose=0,
)
