"""Physics: stencils with their boundaries, time stepping, energies of many bodies."""

from __future__ import annotations

from tests.equations.entry import Entry, functional, torch

__all__ = ["EQUATIONS"]


def shifted(field, steps, axis):
    """The field at position + steps, periodic."""
    return torch.roll(field, -steps, axis)


def laplacian(field):
    axes = range(field.ndim)
    neighbours = sum(shifted(field, step, axis) for axis in axes for step in (1, -1))
    return neighbours - 2 * field.ndim * field


def insulated(v):
    field = functional.pad(v.u[None, None], (1, 1, 1, 1), mode="replicate")
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]], dtype=torch.float64)
    return functional.conv2d(field, kernel[None, None])[0, 0]


def iterate(field, steps, advance):
    fields = []
    for _ in range(steps):
        field = advance(field)
        fields.append(field)
    return torch.stack(fields)


def wave(v):
    before, now, fields = v.u1, v.u0, []
    for _ in range(4):
        before, now = now, 2 * now - before + v.c * laplacian(now)
        fields.append(now)
    return torch.stack(fields)


def advection(v):
    def advance(u):
        return u - v.a * (u - shifted(u, -1, 0)) - v.d * (u - shifted(u, -1, 1))

    return iterate(v.u0, 3, advance)


def jacobi(v):
    kernel = torch.tensor([[0.0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=torch.float64)[None, None]

    def advance(u):
        return 0.25 * (functional.conv2d(u[None, None], kernel, padding=1)[0, 0] + v.f)

    return iterate(torch.zeros_like(v.f), 3, advance)[-1]


def yee(v):
    electric, magnetic = v.E0, v.H0
    for _ in range(3):
        electric = electric + 0.5 * (magnetic - shifted(magnetic, -1, 0))
        magnetic = magnetic + 0.5 * (shifted(electric, 1, 0) - electric)
    return electric, magnetic


def pendulum(v):
    angle, momentum, angles = v.q0, v.p0, []
    for _ in range(5):
        momentum = momentum - 0.1 * torch.sin(angle)
        angle = angle + 0.1 * momentum
        angles.append(angle)
    return torch.stack(angles)


def predator(v):
    def advance(state):
        prey, hunter = state
        return torch.stack(
            [prey + 0.1 * prey * (v.a - hunter), hunter + 0.1 * hunter * (prey - v.c)]
        )

    return iterate(torch.stack([v.x0, v.y0]), 4, advance)[-1].unbind()


def pairs(positions):
    first, second = torch.triu_indices(len(positions), len(positions), 1)
    return first, second, (positions[first] - positions[second]).norm(dim=-1)


def gravity(v):
    first, second, distance = pairs(v.x)
    return -(v.m[first] * v.m[second] / distance).sum()


def lennard_jones(v):
    _, _, distance = pairs(v.site + 0.2 * v.u)
    return 4 * (distance**-12 - distance**-6).sum()


def conductivity(v):
    inner = 0.5 * (v.k[1:] + v.k[:-1]) * torch.diff(v.u)
    return torch.diff(inner)


EQUATIONS = (
    Entry(
        name="five-point stencil, periodic",
        source="Collatz 1960",
        program="""
            y[i,j] = u[wrap(i+1),j] + u[wrap(i-1),j] + u[i,wrap(j+1)] + u[i,wrap(j-1)] - 4 u[i,j]
        """,
        shapes={"u": (4, 3)},
        forward=lambda v: laplacian(v.u),
    ),
    Entry(
        name="five-point stencil, insulated",
        source="LeVeque 2007",
        program="""
            y[i,j] = u[clamp(i+1),j] + u[clamp(i-1),j] + u[i,clamp(j+1)] + u[i,clamp(j-1)] - 4 u[i,j]
        """,
        shapes={"u": (4, 3)},
        forward=insulated,
    ),
    Entry(
        name="heat equation",
        source="Fourier 1822, explicit Euler",
        program="""
            index t: time < 4
            u[t,i] = u[t-1,i] + κ * (u[t-1,wrap(i+1)] - 2 u[t-1,i] + u[t-1,wrap(i-1)])
            u[-1,i] = u0[i]
        """,
        shapes={"u0": (5,), "κ": ()},
        outputs="u",
        forward=lambda v: iterate(v.u0, 4, lambda u: u + v.κ * laplacian(u)),
    ),
    Entry(
        name="wave equation",
        source="d'Alembert 1747, leapfrog",
        program="""
            index t: time < 4
            u[t,i] = 2 u[t-1,i] - u[t-2,i] +
                c * (u[t-1,wrap(i+1)] - 2 u[t-1,i] + u[t-1,wrap(i-1)])
            u[-1,i] = u0[i]
            u[-2,i] = u1[i]
        """,
        shapes={"u0": (5,), "u1": (5,), "c": ()},
        outputs="u",
        forward=wave,
    ),
    Entry(
        name="advection, 2-d, upwind",
        source="Courant et al. 1952",
        program="""
            index t: time < 3
            u[t,i,j] = u[t-1,i,j] - a * (u[t-1,i,j] - u[t-1,wrap(i-1),j]) -
                d * (u[t-1,i,j] - u[t-1,i,wrap(j-1)])
            u[-1,i,j] = u0[i,j]
        """,
        shapes={"u0": (3, 4), "a": (), "d": ()},
        outputs="u",
        forward=advection,
    ),
    Entry(
        name="Burgers' equation",
        source="Burgers 1948, upwind",
        program="""
            index t: time < 3
            u[t,i] = u[t-1,i] - 0.1 u[t-1,i] (u[t-1,i] - u[t-1,wrap(i-1)])
            u[-1,i] = u0[i]
        """,
        shapes={"u0": (5,)},
        outputs="u",
        forward=lambda v: iterate(v.u0, 3, lambda u: u - 0.1 * u * (u - shifted(u, -1, 0))),
    ),
    Entry(
        name="Poisson's equation by Jacobi's iteration",
        source="Jacobi 1845",
        program="""
            index n: sweep < 3
            u[n,i,j] = 0.25 (u[n-1,pad(i+1),j] + u[n-1,pad(i-1),j] +
                u[n-1,i,pad(j+1)] + u[n-1,i,pad(j-1)] + f[i,j])
            y[i,j] = u[end,i,j]
        """,
        shapes={"f": (3, 4)},
        forward=jacobi,
    ),
    Entry(
        name="Maxwell's equations in one dimension",
        source="Yee 1966",
        program="""
            index t: time < 3
            E[t,i] = E[t-1,i] + 0.5 (H[t-1,i] - H[t-1,wrap(i-1)])
            H[t,i] = H[t-1,i] + 0.5 (E[t,wrap(i+1)] - E[t,i])
            E[-1,i] = E0[i]
            H[-1,i] = H0[i]
            Ey[i] = E[end,i]
            Hz[i] = H[end,i]
        """,
        shapes={"E0": (4,), "H0": (4,)},
        outputs="Ey Hz",
        forward=yee,
    ),
    Entry(
        name="pendulum, symplectic Euler",
        source="Hairer, Lubich and Wanner 2006",
        program="""
            index t: time < 5
            p[t,n] = p[t-1,n] - 0.1 sin(q[t-1,n])
            q[t,n] = q[t-1,n] + 0.1 p[t,n]
            p[-1,n] = p0[n]
            q[-1,n] = q0[n]
        """,
        shapes={"p0": (3,), "q0": (3,)},
        outputs="q",
        forward=pendulum,
    ),
    Entry(
        name="predator and prey",
        source="Lotka 1925, Volterra 1926",
        program="""
            index t: time < 4
            x[t] = x[t-1] + 0.1 x[t-1] (a - y[t-1])
            y[t] = y[t-1] + 0.1 y[t-1] (x[t-1] - c)
            x[-1] = x0
            y[-1] = y0
            u = x[end]
            v = y[end]
        """,
        shapes={"x0": (), "y0": (), "a": (), "c": ()},
        positive="x0 y0",
        outputs="u v",
        forward=predator,
    ),
    Entry(
        name="conduction with variable conductivity",
        source="finite volumes",
        program="""
            q[i] = 0.5 (k[i+1] + k[i]) (u[i+1] - u[i])
            y[i] = q[i+1] - q[i]
        """,
        shapes={"u": (6,), "k": (6,)},
        positive="k",
        forward=conductivity,
    ),
    Entry(
        name="Ising energy",
        source="Ising 1925",
        program="E = -J s[i,j] s[wrap(i+1),j] - J s[i,j] s[i,wrap(j+1)] - h * sum[i,j](s[i,j])",
        shapes={"s": (3, 4), "J": (), "h": ()},
        forward=lambda v: (
            -(v.J * v.s * (shifted(v.s, 1, 0) + shifted(v.s, 1, 1)) + v.h * v.s).sum()
        ),
    ),
    Entry(
        name="gravitational potential",
        source="Newton 1687",
        program="""
            index n, k: body
            r[n,k] = sqrt(sum[d]((x[n,d] - x[k,d])^2) + [n == k])
            U = -0.5 sum[n,k]([n != k] m[n] m[k] / r[n,k])
        """,
        shapes={"x": (4, 3), "m": (4,)},
        positive="m",
        forward=gravity,
    ),
    Entry(
        name="Lennard-Jones potential",
        source="Lennard-Jones 1924",
        program="""
            index n, k: atom
            x[n,d] = site[n,d] + 0.2 u[n,d]
            r[n,k] = sum[d]((x[n,d] - x[k,d])^2) + [n == k]
            U = 4 sum[n,k]([n < k] (r[n,k]^-6 - r[n,k]^-3))
        """,
        shapes={"u": (4, 2)},
        values={"site": ((0.0, 0.0), (1.2, 0.0), (0.0, 1.2), (1.2, 1.2))},
        forward=lennard_jones,
    ),
    Entry(
        name="coupled oscillators",
        source="Kuramoto 1975",
        program="index n, k: oscillator\ny[n] = ω[n] + K * mean[k](sin(θ[k] - θ[n]))",
        shapes={"θ": (4,), "ω": (4,), "K": ()},
        forward=lambda v: v.ω + v.K * torch.sin(v.θ[None] - v.θ[:, None]).mean(1),
    ),
    Entry(
        name="total variation",
        source="Rudin, Osher and Fatemi 1992",
        program="y = sum[i,j](abs(x[i+1,j] - x[i,j])) + sum[i,j](abs(x[i,j+1] - x[i,j]))",
        shapes={"x": (4, 3)},
        forward=lambda v: torch.diff(v.x, dim=0).abs().sum() + torch.diff(v.x, dim=1).abs().sum(),
    ),
    Entry(
        name="second difference",
        source="finite differences",
        program="y[i] = x[i+2] - 2 x[i+1] + x[i]^3",
        shapes={"x": (6,)},
        forward=lambda v: v.x[2:] - 2 * v.x[1:-1] + v.x[:-2] ** 3,
    ),
)
