"""A convolution network on the bundled digits: its equations, its gradient, and what it learns."""

import numpy as np

import einprop as ep
from einprop.training import SGD, accuracy, fit

NETWORK = """
index c: channel < 8, p, q: window < 3, u, v: pool < 2
h[b,i,j,c] = relu(x[b,i+p,j+q] K[p,q,c] + A[c])
m[b,i,j,c] = max[u,v](h[b,2*i+u,2*j+v,c])
y[b,k] = m[b,i,j,c] W[i,j,c,k] + B[k]
"""
LOSS = "loss = -mean[b](sum[k](t[b,k] log_softmax[k](y[b,k])))"


predict = ep.Program(NETWORK, params="K A W B")
model = ep.Program(NETWORK + LOSS, params="K A W B")
print(model.backward(wrt="K A"))

digits = ep.data.load_digits()
train, held_out = ({"x": data["x"].reshape(-1, 8, 8), "t": data["t"]} for data in digits)
rng = np.random.default_rng(0)
shapes = model.shapes(x=(50, 8, 8), t=(50, 10))
parameters = {
    name: (0.2 * rng.normal(size=shapes[name])).astype(np.float32) for name in model.params
}
history = fit(
    ep.layers.Model.of(model, predict),
    parameters,
    train,
    SGD(0.1, momentum=0.9),
    epochs=8,
    batch_size=50,
    rng=rng,
    validation=held_out,
    metrics=[accuracy],
    verbose=False,
)
print()
print(history)
