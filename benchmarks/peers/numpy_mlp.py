"""The lecture's MLP in numpy: the gradients are derived and written by a person."""

import numpy as np


def loss_and_gradients(x, t, W1, B1, W2, B2):
    h = np.tanh(x @ W1 + B1)
    s = h @ W2 + B2
    s = s - s.max(axis=1, keepdims=True)
    log_p = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    loss = -(t * log_p).sum() / len(x)
    s_grad = (np.exp(log_p) - t) / len(x)
    h_grad = s_grad @ W2.T
    a_grad = h_grad * (1 - h * h)
    return loss, {
        "W1": x.T @ a_grad,
        "B1": a_grad.sum(axis=0),
        "W2": h.T @ s_grad,
        "B2": s_grad.sum(axis=0),
    }


def shown_gradient():
    return "the person's own code"
