"""Logistic regression as in the README of HIPS autograd: its data, its loss, its hundred steps.

There the loss is a Python function and ``grad`` a function of it; here the loss is an equation, and so
is the gradient, which one can read before one trusts it.
"""

import numpy as np

import einprop as ep

training_loss = ep.Program(
    """
    p[b] = 0.5 (tanh(x[b,i] w[i] / 2) + 1)
    q[b] = p[b] t[b] + (1 - p[b]) (1 - t[b])
    loss = -sum[b](log(q[b]))
    """
)
training_gradient = training_loss.grad(wrt="w")
print(training_loss.backward(wrt="w"))

x = np.array([[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30], [0.74, -2.49, 1.39]])
data = {"x": x, "t": np.array([True, True, False, True])}

w = np.array([0.0, 0.0, 0.0])
assert ep.gradcheck(training_loss, {**data, "w": w}, wrt="w")
print("Initial loss:", training_loss(data, w=w))
for _ in range(100):
    w -= training_gradient(data, w=w) * 0.01
print("Trained loss:", training_loss(data, w=w))
