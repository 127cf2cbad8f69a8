"""Graphs, distances, clusters, mixtures and kernels."""

from __future__ import annotations

from tests.equations.entry import Entry, functional, torch

__all__ = ["EQUATIONS"]

EDGES = {"src": (0, 1, 2, 3, 0, 2), "dst": (1, 2, 0, 1, 3, 3)}


def graph_convolution(v):
    scale = torch.diag(v.A.sum(1) ** -0.5)
    return torch.relu(scale @ v.A @ scale @ v.x @ v.W)


def graph_attention(v):
    hidden = v.x @ v.W
    scores = functional.leaky_relu((hidden @ v.a)[:, None] + hidden @ v.c, 0.2)
    return torch.softmax(scores.masked_fill(v.A == 0, -torch.inf), 1) @ hidden


def over_edges(v):
    messages = v.w[:, None] * (v.x @ v.W)[v.src]
    return torch.zeros_like(messages[:4]).index_add(0, v.dst, messages)


def page_rank(v):
    walk = v.A / v.A.sum(1, keepdim=True)
    rank = torch.full((4,), 0.25, dtype=torch.float64)
    for _ in range(3):
        rank = 0.15 / 4 + 0.85 * walk.T @ rank
    return rank


def mixture(v):
    parts = torch.distributions.Independent(torch.distributions.Normal(v.μ, v.σ), 1)
    weights = torch.distributions.Categorical(logits=v.w)
    return torch.distributions.MixtureSameFamily(weights, parts).log_prob(v.x)


def factorisation_loss(v):
    error = v.R - v.U @ v.V.T
    return (error**2)[v.M == 1].sum() + 0.1 * (v.U.square().sum() + v.V.square().sum())


def routing(v):
    votes = torch.einsum("bni,ncio->bnco", v.u, v.W)
    coupling = torch.softmax(v.r, 2)
    summed = (coupling[..., None] * votes).sum(1)
    length = torch.linalg.vector_norm(summed, dim=-1, keepdim=True)
    squashed = length / (1 + length**2) * summed
    return v.r + (votes * squashed[:, None]).sum(-1)


def discrepancy(v):
    def kernel(a, b):
        return torch.exp(-(torch.cdist(a, b) ** 2)).mean()

    return kernel(v.x, v.x.clone()) + kernel(v.y, v.y.clone()) - 2 * kernel(v.x, v.y)


def gaussian_process(v):
    gram = torch.exp(-0.5 * ((v.x[:, None] - v.x) ** 2).sum(-1))
    return torch.dot(v.α, gram @ v.α)


EQUATIONS = (
    Entry(
        name="graph convolution",
        source="Kipf and Welling 2017",
        program="""
            d[n] = sum[m](A[n,m])
            y[n,j] = relu(A[n,m] x[m,i] W[i,j] / (sqrt(d[n]) sqrt(d[m])))
        """,
        shapes={"A": (4, 4), "x": (4, 3), "W": (3, 2)},
        positive="A",
        forward=graph_convolution,
    ),
    Entry(
        name="graph convolution over edges",
        source="Gilmer et al. 2017",
        program="""
            index n: node
            input x[n,i]
            output y[n,j]
            h[n,j] = x[n,i] W[i,j]
            y[dst[e],j] += w[e] h[src[e],j]
        """,
        shapes={"x": (4, 2), "W": (2, 3), "w": (6,)},
        values=EDGES,
        outputs="y",
        forward=over_edges,
    ),
    Entry(
        name="graph attention",
        source="Veličković et al. 2018",
        program="""
            h[n,j] = x[n,i] W[i,j]
            e[n,m] = A[n,m] exp(leaky_relu(h[n,j] a[j] + h[m,j] c[j], 0.2))
            p[n,m] = e[n,m] / sum[m](e[n,m])
            y[n,j] = p[n,m] h[m,j]
        """,
        shapes={"x": (4, 3), "W": (3, 2), "a": (2,), "c": (2,)},
        values={"A": ((1.0, 1, 0, 0), (0, 1, 1, 1), (1, 0, 1, 0), (0, 0, 1, 1))},
        forward=graph_attention,
    ),
    Entry(
        name="PageRank",
        source="Page et al. 1999",
        program="""
            index n: step < 3
            d[i] = sum[j](A[i,j])
            r[n,j] = 0.15 / sum[i](1) + 0.85 A[i,j] r[n-1,i] / d[i]
            r[-1,j] = 1 / sum[j](1)
            y[j] = r[end,j]
        """,
        shapes={"A": (4, 4)},
        positive="A",
        forward=page_rank,
    ),
    Entry(
        name="graph Laplacian energy",
        source="Belkin and Niyogi 2003",
        program="E = 0.5 sum[n,m](A[n,m] sum[i]((x[n,i] - x[m,i])^2))",
        shapes={"A": (4, 4), "x": (4, 2)},
        forward=lambda v: 0.5 * (v.A * (v.x[:, None] - v.x).square().sum(-1)).sum(),
    ),
    Entry(
        name="k-means distances",
        source="Lloyd 1982",
        program="""
            d[n,k] = sum[i]((x[n,i] - c[k,i])^2)
            loss = sum[n](min[k](d[n,k]))
        """,
        shapes={"x": (5, 2), "c": (3, 2)},
        outputs="d loss",
        forward=lambda v: (
            torch.cdist(v.x, v.c) ** 2,
            (torch.cdist(v.x, v.c) ** 2).amin(1).sum(),
        ),
        twice=False,
    ),
    Entry(
        name="soft assignment to centres",
        source="Bezdek 1981; Xie et al. 2016",
        program="""
            q[n,k] = 1 / (1 + sum[i]((x[n,i] - c[k,i])^2))
            p[n,k] = q[n,k] / sum[k](q[n,k])
        """,
        shapes={"x": (4, 2), "c": (3, 2)},
        forward=lambda v: functional.normalize(
            1 / (1 + (v.x[:, None] - v.c).square().sum(-1)), p=1, dim=1
        ),
    ),
    Entry(
        name="residual vector encoding",
        source="Jégou et al. 2010, VLAD",
        program="""
            a[n,k] = softmax[k](-sum[i]((x[n,i] - c[k,i])^2))
            v[k,i] = a[n,k] (x[n,i] - c[k,i])
        """,
        shapes={"x": (4, 2), "c": (3, 2)},
        forward=lambda v: torch.einsum(
            "nk,nki->ki",
            torch.softmax(-(v.x[:, None] - v.c).square().sum(-1), 1),
            v.x[:, None] - v.c,
        ),
    ),
    Entry(
        name="radial basis functions",
        source="Broomhead and Lowe 1988",
        program="""
            d[b,k] = sum[i]((x[b,i] - c[k,i])^2)
            φ[b,k] = exp(-γ[k] d[b,k])
            y[b,o] = w[k,o] φ[b,k]
        """,
        shapes={"x": (3, 2), "c": (4, 2), "γ": (4,), "w": (4, 2)},
        positive="γ",
        forward=lambda v: torch.exp(-v.γ * torch.cdist(v.x, v.c) ** 2) @ v.w,
        twice=False,
    ),
    Entry(
        name="quadratic form of a Gaussian kernel",
        source="Rasmussen and Williams 2006",
        program="y = α[n] α[m] exp(-0.5 sum[i]((x[n,i] - x[m,i])^2))",
        shapes={"x": (4, 2), "α": (4,)},
        forward=gaussian_process,
    ),
    Entry(
        name="maximum mean discrepancy",
        source="Gretton et al. 2012",
        program="""
            D = mean[n,m](exp(-sum[i]((x[n,i] - x[m,i])^2))) +
                mean[k,l](exp(-sum[i]((y[k,i] - y[l,i])^2))) -
                2 mean[n,k](exp(-sum[i]((x[n,i] - y[k,i])^2)))
        """,
        shapes={"x": (3, 2), "y": (4, 2)},
        forward=discrepancy,
        twice=False,
    ),
    Entry(
        name="Gaussian mixture",
        source="Dempster et al. 1977",
        program="""
            s[n,k] = -sum[i](0.5 ((x[n,i] - μ[k,i]) / σ[k,i])^2 + log(σ[k,i]) + 0.9189385332046727)
            y[n] = logsumexp[k](log_softmax[k](w[k]) + s[n,k])
        """,
        shapes={"x": (3, 2), "μ": (2, 2), "σ": (2, 2), "w": (2,)},
        positive="σ",
        forward=mixture,
    ),
    Entry(
        name="matrix factorisation",
        source="Koren et al. 2009",
        program="""
            loss = sum[i,j](M[i,j] (R[i,j] - U[i,r] V[j,r])^2) +
                0.1 (sum[i,r](U[i,r]^2) + sum[j,r](V[j,r]^2))
        """,
        shapes={"R": (3, 4), "U": (3, 2), "V": (4, 2)},
        values={"M": ((1.0, 0, 1, 1), (0, 1, 1, 0), (1, 1, 0, 1))},
        forward=factorisation_loss,
    ),
    Entry(
        name="matrix factorisation from triples",
        source="Koren et al. 2009",
        program="loss = sum[n]((r[n] - b[user[n]] - U[user[n],k] V[item[n],k])^2)",
        shapes={"r": (5,), "U": (3, 2), "V": (4, 2), "b": (3,), "user": (5,), "item": (5,)},
        integers={"user": 3, "item": 4},
        forward=lambda v: (v.r - v.b[v.user] - (v.U[v.user] * v.V[v.item]).sum(-1)).square().sum(),
    ),
    Entry(
        name="translation in a knowledge graph",
        source="Bordes et al. 2013, TransE",
        program="y[n] = sqrt(sum[d]((E[head[n],d] + R[rel[n],d] - E[tail[n],d])^2 + 1e-3))",
        shapes={"E": (4, 3), "R": (2, 3), "head": (3,), "rel": (3,), "tail": (3,)},
        integers={"head": 4, "rel": 2, "tail": 4},
        forward=lambda v: ((v.E[v.head] + v.R[v.rel] - v.E[v.tail]).square() + 1e-3).sum(-1).sqrt(),
    ),
    Entry(
        name="capsule routing step",
        source="Sabour et al. 2017",
        program="""
            v[b,n,c,o] = u[b,n,i] W[n,c,i,o]
            k[b,n,c] = softmax[c](r[b,n,c])
            s[b,c,o] = k[b,n,c] v[b,n,c,o]
            q[b,c] = sum[o](s[b,c,o]^2)
            z[b,c,o] = (sqrt(q[b,c]) / (1 + q[b,c])) s[b,c,o]
            y[b,n,c] = r[b,n,c] + v[b,n,c,o] z[b,c,o]
        """,
        shapes={"u": (2, 3, 2), "W": (3, 2, 2, 3), "r": (2, 3, 2)},
        forward=routing,
    ),
)
