"""Newton's method for logistic regression: the Hessian is derived, X' D X, and printed."""

import numpy as np

import einprop as ep

loss = ep.Program(
    """
    s[b] = x[b,i] w[i]
    loss = sum[b](softplus(s[b]) - t[b] s[b]) + 0.5 r sum[i](w[i]^2)
    """
)
gradient = loss.grad(wrt="w")
hessian = loss.hessian(wrt="w")
print(hessian)
print()

rng = np.random.default_rng(0)
x = np.c_[rng.normal(size=(500, 4)), np.ones(500)]
t = rng.random(500) < 1 / (1 + np.exp(-x @ [1.0, -2.0, 0.5, 0.0, 1.0]))
data = {"x": x, "t": t, "r": 1e-3}

w = np.zeros(5)
for step in range(8):
    slope = gradient(data, w=w)
    print(f"step {step}: loss {loss(data, w=w):.6f}, |gradient| {np.linalg.norm(slope):.1e}")
    if np.linalg.norm(slope) < 1e-9:
        break
    w -= np.linalg.solve(hessian(data, w=w), slope)
print("w =", w.round(3))
