"""Gradients for each example: leave the batch index on the left; here to find labels that are wrong."""

import numpy as np

import einprop as ep
from einprop.data import load_digits
from einprop.layers import Affine, Tanh, losses
from einprop.training import SGD, fit

# One example's loss; `batched` puts b in front of all that is no parameter.
one = ep.Program(
    """
    h[j] = tanh(x[i] W[i,j] + B[j])
    s[k] = h[j] V[j,k] + C[k]
    loss = -sum[k](t[k] log_softmax[k](s[k]))
    """,
    params="W B V C",
)
each = one.grad(wrt="V").batched("b", "batch")
print(each)
print()

train, _ = load_digits()
rng = np.random.default_rng(0)
wrong = rng.choice(len(train["x"]), 20, replace=False)
labels = train["t"].copy()
labels[wrong] = np.roll(labels[wrong], 1, axis=1)

network = Affine(32) >> Tanh() >> Affine(10) >> losses.CrossEntropy()
parameters = network.init(rng, x=train["x"])
data = {"x": train["x"], "t": labels}
fit(network, parameters, data, SGD(0.3), epochs=10, batch_size=50, rng=rng, verbose=False)

named = {name: parameters[old] for name, old in zip("WBVC", ("W1", "B1", "W2", "B2"), strict=True)}
given = {**data, **named}
gradients = each({name: given[name] for name in each.inputs})
norms = np.sqrt(np.sum(gradients**2, axis=(1, 2)))
suspects = np.argsort(norms)[::-1][:20]
found = len(set(suspects) & set(wrong))
print(f"gradients of shape {gradients.shape}; of the 20 largest, {found} have a wrong label")
assert found >= 10
