"""Normalisations: over a batch, a layer, a group of channels, an instance, a window, a matrix."""

from __future__ import annotations

from tests.equations.entry import Entry, functional, torch

__all__ = ["EQUATIONS"]


def weight_normalised(v):
    direction = v.V / torch.linalg.vector_norm(v.V, dim=0)
    return v.x @ (direction * v.g)


def sinkhorn(v):
    kernel = torch.exp(v.s)
    for _ in range(2):
        kernel = kernel / kernel.sum(1, keepdim=True)
        kernel = kernel / kernel.sum(0, keepdim=True)
    return kernel


def whitened(v):
    centred = v.x - v.x.mean(0)
    return torch.corrcoef(centred.T)


EQUATIONS = (
    Entry(
        name="batch normalisation",
        source="Ioffe and Szegedy 2015",
        program="""
            μ[c] = mean[b,i](x[b,c,i])
            v[c] = mean[b,i]((x[b,c,i] - μ[c])^2)
            y[b,c,i] = γ[c] (x[b,c,i] - μ[c]) / sqrt(v[c] + 1e-5) + β[c]
        """,
        shapes={"x": (3, 2, 4), "γ": (2,), "β": (2,)},
        forward=lambda v: functional.batch_norm(v.x, None, None, v.γ, v.β, training=True),
    ),
    Entry(
        name="layer normalisation",
        source="Ba et al. 2016",
        program="""
            d[b,i] = x[b,i] - mean[i](x[b,i])
            y[b,i] = γ[i] d[b,i] / sqrt(mean[i](d[b,i]^2) + 1e-5) + β[i]
        """,
        shapes={"x": (3, 4), "γ": (4,), "β": (4,)},
        forward=lambda v: functional.layer_norm(v.x, (4,), v.γ, v.β),
    ),
    Entry(
        name="group normalisation",
        source="Wu and He 2018",
        program="""
            index g: group < 2
            d[b,g,c,i] = x[b,(g c),i] - mean[c,i](x[b,(g c),i])
            n[b,(g c),i] = d[b,g,c,i] / sqrt(mean[c,i](d[b,g,c,i]^2) + 1e-5)
            y[b,c,i] = γ[c] n[b,c,i] + β[c]
        """,
        shapes={"x": (2, 4, 3), "γ": (4,), "β": (4,)},
        forward=lambda v: functional.group_norm(v.x, 2, v.γ, v.β),
    ),
    Entry(
        name="instance normalisation",
        source="Ulyanov et al. 2016",
        program="""
            d[b,c,i] = x[b,c,i] - mean[i](x[b,c,i])
            y[b,c,i] = d[b,c,i] / sqrt(mean[i](d[b,c,i]^2) + 1e-5)
        """,
        shapes={"x": (2, 3, 4)},
        forward=lambda v: functional.instance_norm(v.x),
    ),
    Entry(
        name="RMS normalisation",
        source="Zhang and Sennrich 2019",
        program="y[b,i] = γ[i] x[b,i] / sqrt(mean[i](x[b,i]^2) + 1e-5)",
        shapes={"x": (3, 4), "γ": (4,)},
        forward=lambda v: functional.rms_norm(v.x, (4,), v.γ, 1e-5),
    ),
    Entry(
        name="local response normalisation",
        source="Krizhevsky et al. 2012",
        program="""
            index c: channel, p: window < 3
            input x[b,c,i]
            y[b,c,i] = x[b,c,i] / (1 + 0.1 sum[p](x[b,pad(c+p-1),i]^2) / 3)^0.75
        """,
        shapes={"x": (2, 4, 3)},
        forward=lambda v: functional.local_response_norm(v.x, 3, alpha=0.1),
    ),
    Entry(
        name="weight normalisation",
        source="Salimans and Kingma 2016",
        program="y[b,j] = x[b,i] V[i,j] g[j] / sqrt(sum[i](V[i,j]^2))",
        shapes={"x": (2, 3), "V": (3, 2), "g": (2,)},
        forward=weight_normalised,
    ),
    Entry(
        name="cosine similarity",
        source="torch cosine_similarity",
        program="c[b] = x[b,i] y[b,i] / (sqrt(sum[i](x[b,i]^2)) sqrt(sum[i](y[b,i]^2)))",
        shapes={"x": (2, 3), "y": (2, 3)},
        forward=lambda v: functional.cosine_similarity(v.x, v.y),
    ),
    Entry(
        name="correlation matrix",
        source="Pearson 1895; torch corrcoef",
        program="""
            d[n,i] = x[n,i] - mean[n](x[n,i])
            C[i,k] = d[n,i] d[n,k] / (sqrt(sum[n](d[n,i]^2)) sqrt(sum[n](d[n,k]^2)))
        """,
        shapes={"x": (5, 3)},
        forward=whitened,
    ),
    Entry(
        name="two rounds of matrix scaling",
        source="Sinkhorn 1964",
        program="""
            a[i,j] = exp(s[i,j]) / sum[j](exp(s[i,j]))
            c[i,j] = a[i,j] / sum[i](a[i,j])
            d[i,j] = c[i,j] / sum[j](c[i,j])
            y[i,j] = d[i,j] / sum[i](d[i,j])
        """,
        shapes={"s": (3, 4)},
        forward=sinkhorn,
    ),
    Entry(
        name="adaptive instance normalisation",
        source="Huang and Belongie 2017",
        program="""
            m[c] = mean[i](x[c,i])
            n[c] = mean[i](z[c,i])
            s[c] = sqrt(mean[i]((x[c,i] - m[c])^2))
            t[c] = sqrt(mean[i]((z[c,i] - n[c])^2))
            y[c,i] = t[c] (x[c,i] - m[c]) / s[c] + n[c]
        """,
        shapes={"x": (2, 4), "z": (2, 5)},
        forward=lambda v: (
            (v.x - v.x.mean(1, keepdim=True))
            * (v.z.std(1, correction=0) / v.x.std(1, correction=0))[:, None]
            + v.z.mean(1, keepdim=True)
        ),
    ),
)
