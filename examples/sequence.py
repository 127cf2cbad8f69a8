"""A recurrent network that reads letters and says the next one: a recurrence, gathers, and fit."""

import numpy as np

import einprop as ep
from einprop.training import SGD, fit

TEXT = (
    "the gradient of a sum is the sum of the gradients, and the end of a loop is where it began. "
)
STEPS = 20

MODEL = """
h[b,t,j] = tanh(E[c[b,t],j] + h[b,t-1,k] U[k,j])
s[b,t,v] = h[b,t,j] V[j,v]
l[b,t,v] = log_softmax[v](s[b,t,v])
loss = -mean[b,t](l[b,t,n[b,t]])
"""
ONE_STEP = """
h[j] = tanh(E[c[],j] + g[k] U[k,j])
s[v] = h[j] V[j,v]
output h[j], s[v]
"""

model = ep.Program(MODEL, params="E U V")
print(model.backward(wrt="E U V"))

letters = sorted(set(TEXT))
codes = np.array([letters.index(letter) for letter in TEXT * 2])
starts = np.arange(len(TEXT))[:, None] + np.arange(STEPS)
data = {"c": codes[starts], "n": codes[starts + 1]}

rng = np.random.default_rng(0)
size, hidden = len(letters), 32
parameters = {
    "E": rng.normal(size=(size, hidden)),
    "U": rng.normal(size=(hidden, hidden)) / np.sqrt(hidden),
    "V": rng.normal(size=(hidden, size)) / np.sqrt(hidden),
}
history = fit(
    model,
    parameters,
    data,
    SGD(0.2, momentum=0.9),
    epochs=50,
    batch_size=23,
    rng=rng,
    verbose=False,
)
print()
print(f"loss {history.records[0].loss:.2f}, then {history.last.loss:.2f}")

# Let it write on by itself, one step at a time.
step = ep.Program(ONE_STEP)
state, code, written = np.zeros(hidden), codes[0], letters[codes[0]]
for _ in range(len(TEXT)):
    result = step({**parameters, "g": state, "c": code})
    state, code = result["h"], result["s"].argmax()
    written += letters[code]
print(written)
