"""Layers that compute one thing in training and another in evaluation: with noise, with state."""

from einprop.layers import Layer, init
from einprop.layers.noise import gaussian

__all__ = ["Noisy", "Running"]


class Noisy(Layer):
    """Noise in training, nothing in evaluation."""

    forward = "y = x + noise"
    evaluate = "y = x"
    noise = {"noise": gaussian(1.0)}


class Running(Layer):
    """Takes the mean of the batch away, or the mean so far; a table scales it."""

    forward = (
        "m[c] = mean[b](x[b,c]); next_s[c] = 0.5 s[c] + 0.5 m[c]; y[b,c] = (x[b,c] - m[c]) v[c]"
    )
    evaluate = "y[b,c] = (x[b,c] - s[c]) v[c]"
    state = {"s": init.zeros, "v": init.constant(2.0)}
