"""Series over time: filters, averages, dynamic programmes, iterations unrolled."""

from __future__ import annotations

from tests.equations.entry import Entry, functional, torch

__all__ = ["EQUATIONS"]


def autoregressive(v):
    values = []
    for t in range(6):
        past = [v.a[lag] * values[t - 1 - lag] for lag in range(2) if t - 1 - lag >= 0]
        values.append(v.e[t] + sum(past))
    return torch.stack(values)


def oscillator(v):
    rows = [torch.stack([2 - v.k, -torch.ones_like(v.k)]), torch.tensor([1.0, 0.0]).double()]
    step, state, values = torch.stack(rows), torch.stack([v.y0, v.y1]), []
    for _ in range(5):
        state = step @ state
        values.append(state[0])
    return torch.stack(values)


def moving_average(v):
    ages = torch.arange(5)[:, None] - torch.arange(5)
    weights = torch.where(ages >= 0, (1 - v.β) * v.β ** ages.clamp(min=0), 0.0)
    return weights @ v.x


def hidden_markov(v):
    transition, emission = torch.softmax(v.A, -1), torch.softmax(v.B, -1)
    message = torch.softmax(v.s, 0) * emission[:, v.o[0]]
    for observed in v.o[1:]:
        message = message @ transition * emission[:, observed]
    return message.sum().log()


def conditional_random_field(v):
    message = v.u[0]
    for t in range(1, 4):
        message = torch.logsumexp(message[:, None] + v.A, 0) + v.u[t]
    return torch.logsumexp(message, 0)


def connectionist(v):
    log_probabilities = torch.log_softmax(v.s, -1)[:, None]
    return functional.ctc_loss(
        log_probabilities, torch.tensor([[1, 2]]), (5,), (2,), blank=0, reduction="sum"
    )


def unrolled(v):
    weights = v.w0
    for _ in range(3):
        error = v.x @ weights - v.y
        weights = weights - v.η * v.x.T @ error
    return ((v.x @ weights - v.y) ** 2).sum()


def kalman(v):
    mean, variance, means = v.m0, v.P0, []
    for t in range(4):
        predicted = v.a**2 * variance + v.q
        gain = predicted / (predicted + v.r)
        mean = v.a * mean + gain * (v.z[t] - v.a * mean)
        variance = (1 - gain) * predicted
        means.append(mean)
    return torch.stack(means)


def power_iteration(v):
    u = v.u0
    for _ in range(3):
        u = functional.normalize(v.A @ u, dim=0)
    return u @ v.A @ u


EQUATIONS = (
    Entry(
        name="autoregressive model",
        source="Yule 1927",
        program="y[t] = e[t] + a[l] y[t-1-l]",
        shapes={"e": (6,), "a": (2,)},
        outputs="y",
        forward=autoregressive,
    ),
    Entry(
        name="second-order recurrence",
        source="Störmer 1907, Verlet 1967",
        program="""
            index t: time < 5
            y[t] = (2 - k) y[t-1] - y[t-2]
            y[-1] = y0
            y[-2] = y1
        """,
        shapes={"k": (), "y0": (), "y1": ()},
        outputs="y",
        forward=oscillator,
    ),
    Entry(
        name="exponential moving average",
        source="Brown 1959",
        program="m[t,i] = β m[t-1,i] + (1 - β) x[t,i]",
        shapes={"x": (5, 2), "β": ()},
        positive="β",
        outputs="m",
        forward=moving_average,
    ),
    Entry(
        name="cumulative sum by a mask",
        source="torch cumsum",
        program="index s, t: time\ny[t,i] = [s <= t] x[s,i]^2",
        shapes={"x": (4, 2)},
        forward=lambda v: torch.cumsum(v.x**2, 0),
    ),
    Entry(
        name="cumulative product",
        source="torch cumprod",
        program="p[t] = p[t-1] x[t]; p[-1] = 1",
        shapes={"x": (5,)},
        outputs="p",
        forward=lambda v: torch.cumprod(v.x, 0),
    ),
    Entry(
        name="forward algorithm of a hidden Markov model",
        source="Baum et al. 1970",
        program="""
            P[i,j] = softmax[j](A[i,j])
            Q[j,v] = softmax[v](B[j,v])
            α[t,j] = α[t-1,i] P[i,j] Q[j,o[t]] + [t == 0] softmax[j](s[j]) Q[j,o[t]]
            loss = log(sum[j](α[end,j]))
        """,
        shapes={"A": (3, 3), "B": (3, 4), "s": (3,), "o": (4,)},
        integers={"o": 4},
        forward=hidden_markov,
    ),
    Entry(
        name="partition function of a conditional random field",
        source="Lafferty et al. 2001",
        program="""
            α[t,j] = logsumexp[i](α[t-1,i] + A[i,j]) + u[t,j] where t in 1:4
            α[0,j] = u[0,j]
            Z = logsumexp[j](α[end,j])
        """,
        shapes={"u": (4, 3), "A": (3, 3)},
        forward=conditional_random_field,
    ),
    Entry(
        name="connectionist temporal classification",
        source="Graves et al. 2006; torch ctc_loss",
        program="""
            p[t,v] = softmax[v](s[t,v])
            α[t,n] = p[t,z[n]] (α[t-1,n] + α[t-1,pad(n-1)] + skip[n] α[t-1,pad(n-2)]) +
                [t == 0] [n < 2] p[t,z[n]]
            loss = -log(α[end,end] + α[end,end-1])
        """,
        shapes={"s": (5, 3)},
        values={"z": (0, 1, 0, 2, 0), "skip": (0.0, 0.0, 0.0, 1.0, 0.0)},
        forward=connectionist,
        twice=False,
    ),
    Entry(
        name="unrolled gradient descent",
        source="Maclaurin et al. 2015",
        program="""
            index n: step < 3
            w[n,j] = w[n-1,j] - η x[b,j] (x[b,i] w[n-1,i] - y[b])
            w[-1,j] = w0[j]
            loss = sum[b]((x[b,i] w[end,i] - y[b])^2)
        """,
        shapes={"x": (3, 2), "y": (3,), "w0": (2,), "η": ()},
        forward=unrolled,
    ),
    Entry(
        name="Kalman filter",
        source="Kalman 1960",
        program="""
            R[t] = a^2 P[t-1] + q
            g[t] = R[t] / (R[t] + r)
            m[t] = a m[t-1] + g[t] (z[t] - a m[t-1])
            P[t] = (1 - g[t]) R[t]
            m[-1] = m0
            P[-1] = P0
        """,
        shapes={"z": (4,), "a": (), "q": (), "r": (), "m0": (), "P0": ()},
        positive="a q r P0",
        outputs="m",
        forward=kalman,
    ),
    Entry(
        name="power iteration",
        source="von Mises 1929; Miyato et al. 2018",
        program="""
            index n: step < 3
            v[n,i] = A[i,j] u[n-1,j]
            u[n,i] = v[n,i] / sqrt(sum[j](v[n,j]^2))
            u[-1,i] = u0[i]
            σ = u[end,i] A[i,j] u[end,j]
        """,
        shapes={"A": (3, 3), "u0": (3,)},
        forward=power_iteration,
    ),
)
