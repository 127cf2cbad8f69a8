"""Recurrent networks and state spaces: the hidden state, forward, both ways and over two dimensions."""

from __future__ import annotations

from tests.equations.entry import Entry, functional, torch

__all__ = ["EQUATIONS"]


def cell_stack(v):
    return v.W.flatten(0, 1), v.U.flatten(0, 1)


def lstm(v):
    weights = [*cell_stack(v), v.B.flatten(), torch.zeros(v.B.numel(), dtype=v.B.dtype)]
    hidden, _, cell = torch.lstm(
        v.x, (v.h0[None], v.c0[None]), weights, True, 1, 0.0, False, False, False
    )
    return hidden, cell[0]


def gru(v):
    weights = [*cell_stack(v), v.B.flatten(), v.D.flatten()]
    return torch.gru(v.x, v.h0[None], weights, True, 1, 0.0, False, False, False)[0]


def rnn(v, h0):
    weights = [v.W.T, v.U.T]
    return torch.rnn_tanh(v.x, h0[None], weights, False, 1, 0.0, False, False, False)[0]


def zeros(*shape):
    return torch.zeros(shape, dtype=torch.float64)


def bidirectional(v):
    weights = [v.W.T, v.U.T, v.V.T, v.Z.T]
    both = torch.rnn_tanh(v.x, zeros(2, 2, 3), weights, False, 1, 0.0, False, True, False)[0]
    return both[..., :3], both[..., 3:]


def selective(v):
    state, steps = zeros(2, 2, 3), []
    for t in range(v.x.shape[0]):
        decay = torch.exp(v.Δ[t, ..., None] * v.A)
        state = decay * state + (v.Δ[t] * v.x[t])[..., None] * v.B[t, :, None]
        steps.append((state * v.C[t, :, None]).sum(-1) + v.D * v.x[t])
    return torch.stack(steps)


def state_space(v):
    kernel = torch.stack([v.C @ torch.linalg.matrix_power(v.A, n) @ v.B for n in range(5)])
    full = functional.conv1d(v.u[None, None], kernel.flip(0)[None, None], padding=4)
    return full.flatten()[:5]


def two_dimensional(v):
    grid = {}
    for i in range(3):
        for j in range(4):
            up, left = grid.get((i - 1, j), zeros(2)), grid.get((i, j - 1), zeros(2))
            grid[i, j] = torch.tanh(v.x[i, j] + up @ v.U + left @ v.V)
    return torch.stack([torch.stack([grid[i, j] for j in range(4)]) for i in range(3)])


def delta_rule(v):
    state, steps = zeros(2, 3), []
    for t in range(4):
        state = state + v.β[t] * torch.outer(v.k[t], v.v[t] - v.k[t] @ state)
        steps.append(v.q[t] @ state)
    return torch.stack(steps)


LSTM = """
    a[g,t,b,j] = x[t,b,i] W[g,j,i] + h[t-1,b,k] U[g,j,k] + B[g,j]
    c[t,b,j] = sigmoid(a[1,t,b,j]) c[t-1,b,j] + sigmoid(a[0,t,b,j]) tanh(a[2,t,b,j])
    h[t,b,j] = sigmoid(a[3,t,b,j]) tanh(c[t,b,j])
    h[-1,b,j] = h0[b,j]
    c[-1,b,j] = c0[b,j]
    last[b,j] = c[end,b,j]
"""
GRU = """
    p[g,t,b,j] = x[t,b,i] W[g,j,i] + B[g,j]
    q[g,t,b,j] = h[t-1,b,k] U[g,j,k] + D[g,j]
    r[t,b,j] = sigmoid(p[0,t,b,j] + q[0,t,b,j])
    z[t,b,j] = sigmoid(p[1,t,b,j] + q[1,t,b,j])
    n[t,b,j] = tanh(p[2,t,b,j] + r[t,b,j] q[2,t,b,j])
    h[t,b,j] = (1 - z[t,b,j]) n[t,b,j] + z[t,b,j] h[t-1,b,j]
    h[-1,b,j] = h0[b,j]
"""

EQUATIONS = (
    Entry(
        name="recurrent network",
        source="Elman 1990; torch RNN",
        program="""
            h[t,b,j] = tanh(x[t,b,i] W[i,j] + h[t-1,b,k] U[k,j])
            h[-1,b,j] = h0[b,j]
        """,
        shapes={"x": (4, 2, 3), "W": (3, 3), "U": (3, 3), "h0": (2, 3)},
        outputs="h",
        forward=lambda v: rnn(v, v.h0),
    ),
    Entry(
        name="recurrent classifier, last step",
        source="Elman 1990",
        program="""
            h[t,b,j] = tanh(x[t,b,i] W[i,j] + h[t-1,b,k] U[k,j])
            y[b,o] = h[end,b,j] V[j,o]
        """,
        shapes={"x": (4, 2, 3), "W": (3, 3), "U": (3, 3), "V": (3, 2)},
        forward=lambda v: rnn(v, zeros(2, 3))[-1] @ v.V,
    ),
    Entry(
        name="LSTM",
        source="Hochreiter and Schmidhuber 1997; torch LSTM",
        program=LSTM,
        shapes={
            "x": (3, 2, 2),
            "W": (4, 3, 2),
            "U": (4, 3, 3),
            "B": (4, 3),
            "h0": (2, 3),
            "c0": (2, 3),
        },
        outputs="h last",
        forward=lstm,
    ),
    Entry(
        name="GRU",
        source="Cho et al. 2014; torch GRU",
        program=GRU,
        shapes={
            "x": (3, 2, 2),
            "W": (3, 3, 2),
            "U": (3, 3, 3),
            "B": (3, 3),
            "D": (3, 3),
            "h0": (2, 3),
        },
        outputs="h",
        forward=gru,
    ),
    Entry(
        name="bidirectional network, read in reverse",
        source="Schuster and Paliwal 1997",
        program="""
            h[t,b,j] = tanh(x[t,b,i] W[i,j] + h[t-1,b,k] U[k,j])
            r[t,b,j] = tanh(x[end-t,b,i] V[i,j] + r[t-1,b,k] Z[k,j])
            g[t,b,j] = r[end-t,b,j]
        """,
        shapes={"x": (3, 2, 2), "W": (2, 3), "U": (3, 3), "V": (2, 3), "Z": (3, 3)},
        outputs="h g",
        forward=bidirectional,
    ),
    Entry(
        name="bidirectional network, run downward",
        source="Schuster and Paliwal 1997",
        program="""
            h[t,b,j] = tanh(x[t,b,i] W[i,j] + h[t-1,b,k] U[k,j])
            g[t,b,j] = tanh(x[t,b,i] V[i,j] + g[t+1,b,k] Z[k,j])
        """,
        shapes={"x": (3, 2, 2), "W": (2, 3), "U": (3, 3), "V": (2, 3), "Z": (3, 3)},
        outputs="h g",
        forward=bidirectional,
    ),
    Entry(
        name="selective state space",
        source="Gu and Dao 2023, Mamba",
        program="""
            h[t,b,d,n] = exp(Δ[t,b,d] A[d,n]) h[t-1,b,d,n] + Δ[t,b,d] B[t,b,n] x[t,b,d]
            y[t,b,d] = h[t,b,d,n] C[t,b,n] + D[d] x[t,b,d]
        """,
        shapes={
            "x": (4, 2, 2),
            "Δ": (4, 2, 2),
            "A": (2, 3),
            "B": (4, 2, 3),
            "C": (4, 2, 3),
            "D": (2,),
        },
        positive="Δ",
        forward=selective,
    ),
    Entry(
        name="state space model as a convolution",
        source="Gu et al. 2022, S4",
        program="""
            h[t,j] = A[j,k] h[t-1,k] + B[j] u[t]
            y[t] = C[j] h[t,j]
        """,
        shapes={"A": (3, 3), "B": (3,), "C": (3,), "u": (5,)},
        forward=state_space,
    ),
    Entry(
        name="fast weights by the delta rule",
        source="Schlag et al. 2021",
        program="""
            S[t,d,e] = S[t-1,d,e] + β[t] k[t,d] (v[t,e] - k[t,c] S[t-1,c,e])
            y[t,e] = q[t,d] S[t,d,e]
        """,
        shapes={"k": (4, 2), "v": (4, 3), "q": (4, 2), "β": (4,)},
        forward=delta_rule,
    ),
    Entry(
        name="recurrence over two dimensions",
        source="Graves et al. 2007, multi-dimensional networks",
        program="h[i,j,f] = tanh(x[i,j,f] + h[i-1,j,g] U[g,f] + h[i,j-1,g] V[g,f])",
        shapes={"x": (3, 4, 2), "U": (2, 2), "V": (2, 2)},
        outputs="h",
        forward=two_dimensional,
    ),
)
