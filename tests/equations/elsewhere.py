"""Programs that users of other index notations show in documentation, tests and issues."""

from __future__ import annotations

from tests.equations.entry import Entry, functional, torch

__all__ = ["EQUATIONS"]


def iterated(step, state, count: int):
    for _ in range(count):
        state = step(state)
    return state


def transport(v):
    kernel = torch.exp(-v.C)

    def scale(scales):
        rows = v.a / (kernel @ scales[1])
        return rows, v.b / (kernel.T @ rows)

    rows, columns = iterated(scale, (v.a, torch.ones_like(v.b)), 3)
    return (rows[:, None] * kernel * columns * v.C).sum()


def cheapest_path(v):
    costs = {}
    for i, row in enumerate(v.c):
        for j, cost in enumerate(row):
            before = [costs[k] for k in ((i - 1, j), (i, j - 1)) if k in costs]
            costs[i, j] = cost + (torch.stack(before).amin() if before else 0)
    return costs[max(costs)]


def tridiagonal(v):
    matrix = torch.diag(4 + v.b) + torch.diag(v.a[1:], -1) + torch.diag(v.c[:-1], 1)
    return torch.linalg.solve(matrix, v.d)


def runge_kutta(v):
    h = 0.2 * v.s

    def slope(y):
        return -v.a * y**2

    def step(y):
        k1 = slope(y)
        k2 = slope(y + h * k1 / 2)
        k3 = slope(y + h * k2 / 2)
        return y + h * (k1 + 2 * k2 + 2 * k3 + slope(y + h * k3)) / 6

    return iterated(step, v.y0, 3)


def advantages(v):
    kept, found = torch.zeros_like(v.r[0]), []
    for t in reversed(range(5)):
        kept = v.r[t] + v.g * v.V[t + 1] - v.V[t] + v.g * v.m * kept
        found.append(kept)
    return torch.stack(found[::-1])


def biquad(v):
    driven = functional.conv1d(functional.pad(v.x, (2, 0))[None, None], v.b.flip(0)[None, None])[
        0, 0
    ]
    values = [torch.zeros(()).double()] * 2
    for t in range(6):
        values.append(driven[t] - v.a[0] * values[-1] - v.a[1] * values[-2])
    return torch.stack(values[2:])


EQUATIONS = (
    Entry(
        name="logarithm of a quotient, weighted",
        source="Tullio.jl, README",
        program="S[x] = sum[y](P[x,y] log(Q[x,y] / R[y]))",
        shapes={"P": (3, 4), "Q": (3, 4), "R": (4,)},
        positive="P Q R",
        forward=lambda v: (v.P * torch.log(v.Q / v.R)).sum(1),
    ),
    Entry(
        name="product over gathered rows",
        source="Tullio.jl, README",
        program="Z[j] = prod[k](X[row[k],j] exp(-Y[k]))",
        shapes={"X": (3, 2), "row": (4,), "Y": (4,)},
        integers={"row": 3},
        forward=lambda v: (v.X[v.row] * torch.exp(-v.Y)[:, None]).prod(0),
    ),
    Entry(
        name="quadratic form of differences",
        source="Tullio.jl, README",
        program="R[i,j] = (M[m,i] - M[m,j]) S[m,n] (M[n,i] - M[n,j])",
        shapes={"M": (3, 4), "S": (3, 3)},
        forward=lambda v: torch.einsum(
            "mij,mn,nij->ij",
            v.M[:, :, None] - v.M[:, None],
            v.S,
            v.M[:, :, None] - v.M[:, None],
        ),
    ),
    Entry(
        name="smallest weighted square over positions",
        source="Tullio.jl, issue 70",
        program="f[m] = min[u](w[j,m] g[u] (k[j,u] - k[j,m])^2)",
        shapes={"w": (2, 3), "g": (3,), "k": (2, 3)},
        forward=lambda v: torch.einsum(
            "jm,u,jum->um", v.w, v.g, (v.k[:, :, None] - v.k[:, None]) ** 2
        ).amin(0),
    ),
    Entry(
        name="largest of a quotient and a term of another axis",
        source="Tullio.jl, test/gradients.jl",
        program="z[i] = max[j](x[i,j]^2 / sqrt(y[i]) + exp(y[j]))",
        shapes={"x": (3, 3), "y": (3,)},
        positive="y",
        forward=lambda v: (v.x**2 / v.y.sqrt()[:, None] + v.y.exp()).amax(1),
    ),
    Entry(
        name="differences in both directions",
        source="Tullio.jl, issue 10",
        program="""
            y = sum[i,k]((x[i+1,k] - x[i,k])^2) + sum[i,k]((x[i,k] - x[i,k+1])^3)
        """,
        shapes={"x": (3, 4)},
        forward=lambda v: v.x.diff(dim=0).square().sum() - (v.x.diff(dim=1) ** 3).sum(),
    ),
    Entry(
        name="diagonals within and between operands",
        source="autograd, issue 115",
        program="y[k,j] = A[i,j,j,i] B[k,j,i] C[j,j]",
        shapes={"A": (2, 3, 3, 2), "B": (4, 3, 2), "C": (3, 3)},
        forward=lambda v: torch.einsum("ijji,kji,jj->kj", v.A, v.B, v.C),
    ),
    Entry(
        name="pixels of each image at coordinates of its own",
        source="einx, get_at",
        program="y[b,p,c] = x[b+0,row[b,p],column[b,p],c]^2",
        shapes={"x": (2, 3, 4, 2), "row": (2, 3), "column": (2, 3)},
        integers={"row": 3, "column": 4},
        forward=lambda v: v.x[torch.arange(2)[:, None], v.row, v.column] ** 2,
    ),
    Entry(
        name="what lies at the position of the largest",
        source="Zygote.jl, issue 208",
        program="k[i] = argmax[j](x[i,j]); y[i] = z[i+0,k[i]] x[i+0,k[i]]",
        shapes={"x": (3, 4), "z": (3, 4)},
        outputs="y",
        forward=lambda v: (v.z * v.x).gather(1, v.x.argmax(1, keepdim=True))[:, 0],
    ),
    Entry(
        name="trace of a squared Gram matrix",
        source="tensorgrad, tensor cookbook",
        program="y = A[i,j] A[k,j] A[k,l] A[i,l]",
        shapes={"A": (3, 2)},
        forward=lambda v: torch.trace(v.A @ v.A.T @ v.A @ v.A.T),
    ),
    Entry(
        name="masked softmax by minus infinity",
        source="JAX, nn.softmax with where",
        program="index q, k: position; p[q,k] = softmax[k](where([k <= q], s[q,k], -1 / 0))",
        shapes={"s": (3, 3)},
        forward=lambda v: torch.where(
            torch.ones(3, 3).tril() > 0, v.s, torch.tensor(-torch.inf).double()
        ).softmax(1),
    ),
    Entry(
        name="optimal transport by scaling",
        source="Cuturi 2013",
        program="""
            index n: round < 3
            u[n,i] = a[i] / sum[j](exp(-C[i,j]) v[n-1,j])
            v[n,j] = b[j] / sum[i](exp(-C[i,j]) u[n,i])
            v[-1,j] = 1
            cost = sum[i,j](u[end,i] exp(-C[i,j]) v[end,j] C[i,j])
        """,
        shapes={"a": (2,), "b": (3,), "C": (2, 3)},
        positive="a b",
        forward=transport,
    ),
    Entry(
        name="cheapest path through a grid",
        source="dynamic programming, tropical products",
        program="""
            D[i,j] = c[i,j] + minimum(D[i-1,j], D[i,j-1])
            D[-1,j] = 1000 [j > 0]
            D[i,-1] = 1000 [i > 0]
            y = D[end,end]
        """,
        shapes={"c": (3, 4)},
        positive="c",
        forward=cheapest_path,
    ),
    Entry(
        name="triangular solve by lags",
        source="forward substitution",
        program="""
            index i: row, l: lag < 3
            input b[i], L[i,j]
            x[i] = (b[i] - sum[l](L[i,pad(i-1-l)] x[i-1-l])) / L[i,i]
        """,
        shapes={"b": (3,), "L": (3, 3)},
        positive="L",
        forward=lambda v: torch.linalg.solve_triangular(v.L.tril(), v.b[:, None], upper=False)[
            :, 0
        ],
    ),
    Entry(
        name="tridiagonal solve",
        source="Thomas 1949",
        program="""
            m[i] = 4 + b[i] - a[i] q[i-1]
            q[i] = c[i] / m[i]
            p[i] = (d[i] - a[i] p[i-1]) / m[i]
            x[i] = p[i] - q[i] x[i+1]
        """,
        shapes={"a": (4,), "b": (4,), "c": (4,), "d": (4,)},
        outputs="x",
        forward=tridiagonal,
    ),
    Entry(
        name="Runge-Kutta of fourth order",
        source="Kutta 1901",
        program="""
            index t: step < 3
            h = 0.2 s
            k1[t] = -a y[t-1]^2
            k2[t] = -a (y[t-1] + h k1[t] / 2)^2
            k3[t] = -a (y[t-1] + h k2[t] / 2)^2
            k4[t] = -a (y[t-1] + h k3[t])^2
            y[t] = y[t-1] + h (k1[t] + 2 k2[t] + 2 k3[t] + k4[t]) / 6
            y[-1] = y0
            out = y[end]
        """,
        shapes={"a": (), "s": (), "y0": ()},
        positive="a s y0",
        outputs="out",
        forward=runge_kutta,
    ),
    Entry(
        name="generalised advantage estimation",
        source="Schulman et al. 2016",
        program="d[t] = r[t] + g V[t+1] - V[t]; A[t] = d[t] + g m A[t+1]",
        shapes={"r": (5,), "g": (), "V": (6,), "m": ()},
        outputs="A",
        forward=advantages,
    ),
    Entry(
        name="value iteration, soft",
        source="Bellman 1957; Ziebart et al. 2008",
        program="""
            index n: sweep < 3
            V[n,s] = logsumexp[a](R[s,a] + g P[s,a,s'] V[n-1,s'])
            y[s] = V[end,s]
        """,
        shapes={"R": (3, 2), "g": (), "P": (3, 2, 3)},
        outputs="y",
        forward=lambda v: iterated(
            lambda values: (v.R + v.g * v.P @ values).logsumexp(1), torch.zeros(3).double(), 3
        ),
    ),
    Entry(
        name="biquad filter",
        source="signal processing, direct form",
        program="""
            y[t] = b[0] x[t] + b[1] x[pad(t-1)] + b[2] x[pad(t-2)] - a[0] y[t-1] - a[1] y[t-2]
        """,
        shapes={"b": (3,), "x": (6,), "a": (2,)},
        forward=biquad,
    ),
)
