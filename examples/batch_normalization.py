"""Batch normalisation: the backward pass that papers derive by hand, against the one that is derived."""

import numpy as np

import einprop as ep

normalisation = ep.Program(
    """
    m[j] = mean[b](x[b,j])
    v[j] = mean[b]((x[b,j] - m[j])^2)
    z[b,j] = (x[b,j] - m[j]) / sqrt(v[j] + eps)
    y[b,j] = gamma[j] z[b,j] + beta[j]
    """,
    params="gamma beta",
)
print(normalisation.backward(of="y", wrt="x gamma beta"))
print()

# The closed form that one gets by hand: x.grad is what is left of gamma y.grad / sqrt(v + eps) when its
# mean, and its part along z, are taken out.
by_hand = ep.Program(
    """
    m[j] = mean[b](x[b,j])
    v[j] = mean[b]((x[b,j] - m[j])^2)
    z[b,j] = (x[b,j] - m[j]) / sqrt(v[j] + eps)
    a[j] = mean[b](g[b,j])
    c[j] = mean[b](g[b,j] z[b,j])
    d[b,j] = (gamma[j] / sqrt(v[j] + eps)) (g[b,j] - a[j] - z[b,j] c[j])
    output d[b,j]
    """
)

rng = np.random.default_rng(0)
data = {"x": 3 + 2 * rng.normal(size=(200, 30)), "gamma": rng.normal(size=30), "eps": 1e-5}
seed = rng.normal(size=(200, 30))
gradient = normalisation.vjp(of="y", wrt="x")
given = {**data, "beta": np.zeros(30), "y.grad": seed}
derived = gradient({name: given[name] for name in gradient.inputs})
closed = by_hand(data, g=seed)
difference = np.abs(derived - closed).max() / np.abs(closed).max()
print(f"derived against the closed form: largest relative difference {difference:.0e}")
assert difference < 1e-8
