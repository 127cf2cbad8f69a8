"""Tensor networks and factorised layers: many factors, few indices each."""

from __future__ import annotations

from tests.equations.entry import Entry, functional, torch

__all__ = ["EQUATIONS"]


def product_state(v):
    row = v.left
    for site, spin in enumerate(v.spins.tolist()):
        row = row @ v.A[site, spin]
    return row @ v.right


def tensor_train_layer(v):
    weight = torch.einsum("air,rbj->abij", v.G, v.H).reshape(4, 6)
    return v.x @ weight.reshape(4, 6)


def compact_bilinear(v):
    product = torch.fft.rfft(v.x @ v.P) * torch.fft.rfft(v.y @ v.Q)
    return torch.fft.irfft(product, n=4)


EQUATIONS = (
    Entry(
        name="bilinear layer",
        source="torch Bilinear",
        program="y[b,k] = x[b,i] W[k,i,j] z[b,j] + B[k]",
        shapes={"x": (2, 3), "z": (2, 4), "W": (2, 3, 4), "B": (2,)},
        forward=lambda v: functional.bilinear(v.x, v.z, v.W, v.B),
    ),
    Entry(
        name="low-rank bilinear pooling",
        source="Kim et al. 2017",
        program="y[b,o] = tanh(x[b,i] U[i,r]) tanh(z[b,j] V[j,r]) P[r,o]",
        shapes={"x": (2, 3), "z": (2, 2), "U": (3, 4), "V": (2, 4), "P": (4, 2)},
        forward=lambda v: (torch.tanh(v.x @ v.U) * torch.tanh(v.z @ v.V)) @ v.P,
    ),
    Entry(
        name="compact bilinear pooling",
        source="Gao et al. 2016",
        program="""
            index r, s: bucket
            input P[i,r], Q[j,r]
            a[b,r] = x[b,i] P[i,r]
            c[b,r] = y[b,j] Q[j,r]
            z[b,r] = a[b,s] c[b,wrap(r-s)]
        """,
        shapes={"x": (2, 3), "y": (2, 2), "P": (3, 4), "Q": (2, 4)},
        forward=compact_bilinear,
    ),
    Entry(
        name="low-rank adaptation",
        source="Hu et al. 2022, LoRA",
        program="y[b,j] = x[b,i] W[i,j] + α x[b,i] (A[i,r] D[r,j])",
        shapes={"x": (2, 3), "W": (3, 4), "A": (3, 2), "D": (2, 4), "α": ()},
        forward=lambda v: v.x @ (v.W + v.α * v.A @ v.D),
    ),
    Entry(
        name="canonical polyadic form",
        source="Hitchcock 1927",
        program="T[i,j,k] = λ[r] A[i,r] D[j,r] C[k,r]",
        shapes={"λ": (3,), "A": (2, 3), "D": (3, 3), "C": (2, 3)},
        forward=lambda v: torch.stack(
            [
                v.λ[r] * torch.tensordot(torch.outer(v.A[:, r], v.D[:, r]), v.C[:, r], 0)
                for r in range(3)
            ]
        ).sum(0),
    ),
    Entry(
        name="Tucker form",
        source="Tucker 1966",
        program="T[i,j,k] = G[p,q,r] A[i,p] D[j,q] C[k,r]",
        shapes={"G": (2, 2, 3), "A": (3, 2), "D": (2, 2), "C": (2, 3)},
        forward=lambda v: torch.tensordot(
            torch.tensordot(torch.tensordot(v.G, v.A, ([0], [1])), v.D, ([0], [1])),
            v.C,
            ([0], [1]),
        ),
    ),
    Entry(
        name="tensor-train layer",
        source="Novikov et al. 2015",
        program="y[b,(i j)] = x[b,(k l)] G[k,i,r] H[r,l,j]",
        shapes={"x": (2, 4), "G": (2, 2, 3), "H": (3, 2, 3)},
        forward=tensor_train_layer,
    ),
    Entry(
        name="tensor ring",
        source="Zhao et al. 2016",
        program="T[i,j,k] = A[r,i,s] D[s,j,t] C[t,k,r]",
        shapes={"A": (2, 3, 2), "D": (2, 2, 3), "C": (3, 2, 2)},
        forward=lambda v: torch.stack(
            [torch.tensordot(torch.tensordot(v.A[r], v.D, 1), v.C[:, :, r], 1) for r in range(2)]
        ).sum(0),
    ),
    Entry(
        name="matrix product state amplitude",
        source="Östlund and Rommer 1995",
        program="""
            v[n,r] = v[n-1,l] A[n,spins[n],l,r]
            v[-1,r] = left[r]
            ψ = v[end,r] right[r]
        """,
        shapes={"A": (4, 2, 3, 3), "left": (3,), "right": (3,), "spins": (4,)},
        integers={"spins": 2},
        forward=product_state,
    ),
    Entry(
        name="Kronecker product",
        source="torch kron",
        program="K[(i k),(j l)] = A[i,j] D[k,l]",
        shapes={"A": (2, 3), "D": (3, 2)},
        forward=lambda v: torch.kron(v.A, v.D),
    ),
    Entry(
        name="Kronecker-factored layer",
        source="Van Loan 2000",
        program="y[b,(j l)] = x[b,(i k)] A[i,j] D[k,l]",
        shapes={"x": (2, 6), "A": (2, 3), "D": (3, 2)},
        forward=lambda v: v.x @ torch.kron(v.A, v.D),
    ),
    Entry(
        name="Khatri-Rao product",
        source="Khatri and Rao 1968",
        program="K[(i j),r] = A[i,r] D[j,r]",
        shapes={"A": (2, 3), "D": (3, 3)},
        forward=lambda v: torch.stack([torch.kron(v.A[:, r], v.D[:, r]) for r in range(3)], 1),
    ),
    Entry(
        name="determinant by the alternating tensor",
        source="Levi-Civita 1900",
        program="y = ε[i,j,k] A[0,i] A[1,j] A[2,k]",
        shapes={"A": (3, 3)},
        values={
            "ε": [
                [[0.0, 0, 0], [0, 0, 1], [0, -1, 0]],
                [[0.0, 0, -1], [0, 0, 0], [1, 0, 0]],
                [[0.0, 1, 0], [-1, 0, 0], [0, 0, 0]],
            ]
        },
        forward=lambda v: torch.linalg.det(v.A),
    ),
    Entry(
        name="cross product by cyclic shifts",
        source="Gibbs 1881",
        program="c[i] = a[wrap(i+1)] d[wrap(i+2)] - a[wrap(i+2)] d[wrap(i+1)] where i in 0:3",
        shapes={"a": (3,), "d": (3,)},
        forward=lambda v: torch.linalg.cross(v.a, v.d),
    ),
    Entry(
        name="trace of a matrix power",
        source="spectral moments",
        program="y = A[i,j] A[j,k] A[k,i] + A[i,i]",
        shapes={"A": (3, 3)},
        forward=lambda v: torch.trace(torch.linalg.matrix_power(v.A, 3)) + torch.trace(v.A),
    ),
    Entry(
        name="superdiagonal",
        source="torch diagonal, offset 1",
        program="d[i] = A[i+0,i+1]^2",
        shapes={"A": (4, 4)},
        forward=lambda v: torch.diagonal(v.A, 1) ** 2,
    ),
    Entry(
        name="tridiagonal matrix",
        source="torch diag, offsets",
        program="T[i,i] += a[i]^2; T[i+0,i+1] += c[i]^2; T[i+1,i+0] += d[i]^2",
        shapes={"a": (4,), "c": (3,), "d": (3,)},
        forward=lambda v: torch.diag(v.a**2) + torch.diag(v.c**2, 1) + torch.diag(v.d**2, -1),
    ),
    Entry(
        name="second-order polynomial features",
        source="scikit-learn PolynomialFeatures",
        program="y[b,k] = x[b,i] x[b,j] W[i,j,k] + x[b,i] V[i,k]",
        shapes={"x": (2, 3), "W": (3, 3, 2), "V": (3, 2)},
        forward=lambda v: functional.bilinear(v.x, v.x, v.W.permute(2, 0, 1)) + v.x @ v.V,
    ),
    Entry(
        name="factorisation machine",
        source="Rendle 2010",
        program="""
            y[b] = w0 + w[i] x[b,i] +
                0.5 sum[f]((x[b,i] V[i,f])^2 - x[b,i]^2 V[i,f]^2)
        """,
        shapes={"w0": (), "w": (4,), "V": (4, 2), "x": (3, 4)},
        forward=lambda v: (
            v.w0
            + v.x @ v.w
            + sum((v.V[i] @ v.V[j]) * v.x[:, i] * v.x[:, j] for i in range(4) for j in range(i))
        ),
    ),
)
