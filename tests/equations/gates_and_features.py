"""Layers of one step: gates, mixtures, modulations, activations."""

from __future__ import annotations

from tests.equations.entry import Entry, functional, torch

__all__ = ["EQUATIONS"]


def excite(v):
    squeezed = v.x.mean((2, 3))
    scale = torch.sigmoid(torch.relu(squeezed @ v.W) @ v.V)
    return v.x * scale[..., None, None]


def experts(v):
    gates = torch.softmax(v.x @ v.G, -1)
    outputs = torch.stack([torch.relu(v.x @ v.W[e]) @ v.V[e] for e in range(3)], -1)
    return (outputs * gates[:, None]).sum(-1)


def neural_decision(v):
    split = torch.sigmoid(v.x @ v.W)
    left, right = split[:, 0], 1 - split[:, 0]
    leaves = torch.stack(
        [
            left * split[:, 1],
            left * (1 - split[:, 1]),
            right * split[:, 2],
            right * (1 - split[:, 2]),
        ],
        1,
    )
    return leaves @ v.π.flatten()


EQUATIONS = (
    Entry(
        name="perceptron of two layers",
        source="Rumelhart et al. 1986",
        program="y[b,k] = tanh(x[b,i] W[i,j] + a[j]) V[j,k] + c[k]",
        shapes={"x": (2, 3), "W": (3, 4), "a": (4,), "V": (4, 2), "c": (2,)},
        forward=lambda v: functional.linear(
            torch.tanh(functional.linear(v.x, v.W.T, v.a)), v.V.T, v.c
        ),
    ),
    Entry(
        name="gated linear unit",
        source="Dauphin et al. 2017",
        program="h[b,g,j] = x[b,i] W[i,g,j]; y[b,j] = h[b,0,j] sigmoid(h[b,1,j])",
        shapes={"x": (2, 3), "W": (3, 2, 4)},
        forward=lambda v: functional.glu(v.x @ v.W.flatten(1)),
    ),
    Entry(
        name="SwiGLU feed-forward",
        source="Shazeer 2020",
        program="h[b,j] = x[b,i] W[i,j]; y[b,o] = silu(h[b,j]) x[b,i] V[i,j] U[j,o]",
        shapes={"x": (2, 3), "W": (3, 4), "V": (3, 4), "U": (4, 3)},
        forward=lambda v: (functional.silu(v.x @ v.W) * (v.x @ v.V)) @ v.U,
    ),
    Entry(
        name="GELU feed-forward with residual",
        source="Hendrycks and Gimpel 2016",
        program="y[b,i] = x[b,i] + gelu(x[b,k] W[k,j]) V[j,i]",
        shapes={"x": (2, 3), "W": (3, 4), "V": (4, 3)},
        forward=lambda v: v.x + functional.gelu(v.x @ v.W) @ v.V,
    ),
    Entry(
        name="highway layer",
        source="Srivastava et al. 2015",
        program="""
            t[b,j] = sigmoid(x[b,i] T[i,j] + c[j])
            y[b,j] = t[b,j] tanh(x[b,i] W[i,j]) + (1 - t[b,j]) x[b,j]
        """,
        shapes={"x": (2, 3), "T": (3, 3), "c": (3,), "W": (3, 3)},
        forward=lambda v: torch.lerp(v.x, torch.tanh(v.x @ v.W), torch.sigmoid(v.x @ v.T + v.c)),
    ),
    Entry(
        name="maxout",
        source="Goodfellow et al. 2013",
        program="y[b,j] = max[k](x[b,i] W[i,k,j] + B[k,j])",
        shapes={"x": (2, 3), "W": (3, 2, 4), "B": (2, 4)},
        forward=lambda v: (torch.einsum("bi,ikj->bkj", v.x, v.W) + v.B).amax(1),
    ),
    Entry(
        name="mixture of experts",
        source="Jacobs et al. 1991",
        program="""
            g[b,e] = softmax[e](x[b,i] G[i,e])
            h[b,e,j] = relu(x[b,i] W[e,i,j])
            y[b,o] = g[b,e] h[b,e,j] V[e,j,o]
        """,
        shapes={"x": (2, 3), "G": (3, 3), "W": (3, 3, 2), "V": (3, 2, 2)},
        forward=experts,
    ),
    Entry(
        name="squeeze and excitation",
        source="Hu et al. 2018",
        program="""
            z[b,c] = mean[i,j](x[b,c,i,j])
            s[b,c] = sigmoid(relu(z[b,d] W[d,r]) V[r,c])
            y[b,c,i,j] = s[b,c] x[b,c,i,j]
        """,
        shapes={"x": (2, 3, 2, 3), "W": (3, 2), "V": (2, 3)},
        forward=excite,
    ),
    Entry(
        name="feature-wise modulation",
        source="Perez et al. 2018, FiLM",
        program="y[b,c,i] = (1 + z[b,k] G[k,c]) x[b,c,i] + z[b,k] H[k,c]",
        shapes={"x": (2, 3, 4), "z": (2, 2), "G": (2, 3), "H": (2, 3)},
        forward=lambda v: torch.addcmul(
            (v.z @ v.H)[..., None].expand_as(v.x), (1 + v.z @ v.G)[..., None], v.x
        ),
    ),
    Entry(
        name="parametric rectifier",
        source="He et al. 2015; torch prelu",
        program="y[b,c,i] = where([x[b,c,i] > 0], x[b,c,i], a[c] x[b,c,i])",
        shapes={"x": (2, 3, 4), "a": (3,)},
        forward=lambda v: functional.prelu(v.x, v.a),
    ),
    Entry(
        name="Fourier features",
        source="Rahimi and Recht 2007",
        program="y[b] = w[f] cos(x[b,i] W[i,f] + φ[f])",
        shapes={"x": (2, 3), "W": (3, 4), "φ": (4,), "w": (4,)},
        forward=lambda v: torch.exp(1j * (v.x @ v.W + v.φ)).real @ v.w,
    ),
    Entry(
        name="sum-product of probabilities",
        source="Pearl 1988, noisy or",
        program="y[b] = 1 - prod[i](1 - w[i] sigmoid(x[b,i]))",
        shapes={"x": (3, 4), "w": (4,)},
        positive="w",
        forward=lambda v: 1 - torch.prod(1 - v.w * torch.sigmoid(v.x), 1),
    ),
    Entry(
        name="soft decision tree",
        source="Frosst and Hinton 2017",
        program="""
            index l, m: side < 2
            s[b,n] = sigmoid(x[b,i] W[i,n])
            p[b,l] = [l == 0] s[b,0] + [l == 1] (1 - s[b,0])
            q[b,l,m] = [m == 0] s[b,l+1] + [m == 1] (1 - s[b,l+1])
            y[b] = p[b,l] q[b,l,m] π[l,m]
        """,
        shapes={"x": (2, 3), "W": (3, 3), "π": (2, 2)},
        forward=neural_decision,
    ),
    Entry(
        name="deep cross layer",
        source="Wang et al. 2017",
        program="y[b,j] = x[b,j] (z[b,i] w[i]) + c[j] + z[b,j]",
        shapes={"x": (2, 3), "z": (2, 3), "w": (3,), "c": (3,)},
        forward=lambda v: torch.outer(v.z @ v.w, torch.ones(3).double()) * v.x + v.c + v.z,
    ),
    Entry(
        name="Kolmogorov-Arnold layer of polynomials",
        source="Liu et al. 2024, by Chebyshev polynomials",
        program="""
            index n: degree
            input C[i,j,n]
            z[b,i] = tanh(x[b,i])
            T[n,b,i] = 2 z[b,i] T[n-1,b,i] - T[n-2,b,i]
            T[-1,b,i] = z[b,i]
            T[-2,b,i] = 1
            y[b,j] = C[i,j,n] T[n,b,i]
        """,
        shapes={"x": (2, 3), "C": (3, 2, 3)},
        forward=lambda v: sum(
            torch.cos((n + 2) * torch.arccos(torch.tanh(v.x))) @ v.C[..., n] for n in range(3)
        ),
    ),
)
