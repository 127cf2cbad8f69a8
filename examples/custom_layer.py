"""A layer of one's own: an index string is all it takes; its derivative is derived."""

import numpy as np

import einprop as ep
from einprop.layers import Affine, Layer, losses
from einprop.training import SGD, fit


class Gated(Layer):
    """A linear map times a gate: y = (x W) sigmoid(x V)."""

    forward = "y[b,j] = (x[b,i] W[i,j]) sigmoid(x[b,c] V[c,j])"
    params = {"W": ep.init.glorot_normal, "V": ep.init.glorot_normal}
    units = {"j": "feature"}


model = Gated(16) >> Affine(1) >> losses.SquaredError()
print(model.program)
print()
print(Gated(16).program.backward())

rng = np.random.default_rng(0)
x = rng.normal(size=(512, 2))
data = {"x": x, "t": x[:, :1] * x[:, 1:]}
parameters = model.init(rng, x=x)
history = fit(model, parameters, data, SGD(0.1), epochs=30, batch_size=32, rng=rng)
print()
print(history.curve())
