"""Losses: regression, classification with labels as positions, metric learning, divergences."""

from __future__ import annotations

from tests.equations.entry import Entry, functional, torch

__all__ = ["EQUATIONS"]


def contrastive(v):
    left, right = functional.normalize(v.x), functional.normalize(v.y)
    return functional.cross_entropy(left @ right.T / 0.5, torch.arange(3))


def variational(v):
    normal = torch.distributions.Normal
    posterior = normal(v.μ, torch.exp(0.5 * v.s))
    return torch.distributions.kl_divergence(posterior, normal(0.0, 1.0)).sum(1).mean()


def focal(v):
    cross_entropy = functional.binary_cross_entropy_with_logits(v.s, v.t, reduction="none")
    taken = torch.sigmoid(v.s) * v.t + torch.sigmoid(-v.s) * (1 - v.t)
    return ((1 - taken) ** 2 * cross_entropy).mean()


def style(v):
    return (torch.cov(v.x, correction=0) + torch.outer(v.x.mean(1), v.x.mean(1))) - v.G


def redundancy(v):
    correlation = v.x.T @ v.y / 4
    diagonal = torch.diagonal(correlation)
    return (diagonal - 1).square().sum() + 0.1 * (correlation - torch.diag(diagonal)).square().sum()


def ranking(v):
    difference = v.s[:, None] - v.s
    chosen = v.r[:, None] > v.r
    return functional.softplus(-difference)[chosen].sum()


EQUATIONS = (
    Entry(
        name="cross entropy with labels",
        source="torch cross_entropy",
        program="""
            p[b,k] = log_softmax[k](s[b,k])
            loss = -mean[b](p[b,label[b]])
        """,
        shapes={"s": (4, 3), "label": (4,)},
        integers={"label": 3},
        forward=lambda v: functional.cross_entropy(v.s, v.label),
    ),
    Entry(
        name="cross entropy with smoothed labels",
        source="Szegedy et al. 2016",
        program="""
            p[b,k] = log_softmax[k](s[b,k])
            loss = -mean[b](0.9 p[b,label[b]] + 0.1 mean[k](p[b,k]))
        """,
        shapes={"s": (4, 3), "label": (4,)},
        integers={"label": 3},
        forward=lambda v: functional.cross_entropy(v.s, v.label, label_smoothing=0.1),
    ),
    Entry(
        name="multi-class hinge",
        source="Weston and Watkins 1999; torch multi_margin_loss",
        program="""
            loss = mean[b](mean[k]([k != label[b]] relu(1 - s[b,label[b]] + s[b,k])))
        """,
        shapes={"s": (4, 3), "label": (4,)},
        integers={"label": 3},
        forward=lambda v: functional.multi_margin_loss(v.s, v.label),
        twice=False,
    ),
    Entry(
        name="logistic regression",
        source="Cox 1958",
        program="""
            s[b] = x[b,i] w[i] + c
            loss = mean[b](softplus(s[b]) - t[b] s[b])
        """,
        shapes={"x": (4, 3), "w": (3,), "c": ()},
        values={"t": (1.0, 0.0, 0.0, 1.0)},
        forward=lambda v: functional.binary_cross_entropy_with_logits(v.x @ v.w + v.c, v.t),
    ),
    Entry(
        name="focal loss",
        source="Lin et al. 2017",
        program="""
            p[b] = sigmoid(s[b]) t[b] + sigmoid(-s[b]) (1 - t[b])
            loss = -mean[b]((1 - p[b])^2 log(p[b]))
        """,
        shapes={"s": (4,)},
        values={"t": (1.0, 0.0, 0.0, 1.0)},
        forward=focal,
    ),
    Entry(
        name="hinge",
        source="Cortes and Vapnik 1995",
        program="loss = mean[b](relu(1 - t[b] (x[b,i] w[i] + c))) + 0.1 sum[i](w[i]^2)",
        shapes={"x": (4, 3), "w": (3,), "c": ()},
        values={"t": (1.0, -1.0, -1.0, 1.0)},
        forward=lambda v: (
            torch.clamp(1 - v.t * (v.x @ v.w + v.c), min=0).mean() + 0.1 * v.w.square().sum()
        ),
    ),
    Entry(
        name="Huber loss",
        source="Huber 1964; torch huber_loss",
        program="""
            e[b] = y[b] - t[b]
            loss = mean[b](where([abs(e[b]) < 0.5], 0.5 e[b]^2, 0.5 (abs(e[b]) - 0.25)))
        """,
        shapes={"y": (6,), "t": (6,)},
        forward=lambda v: functional.huber_loss(v.y, v.t, delta=0.5),
    ),
    Entry(
        name="quantile loss",
        source="Koenker and Bassett 1978",
        program="loss = mean[b](maximum(0.3 (t[b] - y[b]), -0.7 (t[b] - y[b])))",
        shapes={"y": (6,), "t": (6,)},
        forward=lambda v: torch.where(v.t > v.y, 0.3 * (v.t - v.y), 0.7 * (v.y - v.t)).mean(),
    ),
    Entry(
        name="log-cosh loss",
        source="Green 1990",
        program="loss = mean[b](y[b] - t[b] + softplus(-2 (y[b] - t[b])) - 0.6931471805599453)",
        shapes={"y": (5,), "t": (5,)},
        forward=lambda v: torch.log(torch.cosh(v.y - v.t)).mean(),
    ),
    Entry(
        name="Gaussian likelihood",
        source="Nix and Weigend 1994; torch gaussian_nll_loss",
        program="loss = mean[b](0.5 (log(v[b]) + (t[b] - y[b])^2 / v[b]))",
        shapes={"y": (4,), "t": (4,), "v": (4,)},
        positive="v",
        constant="t",
        forward=lambda v: functional.gaussian_nll_loss(v.y, v.t, v.v),
        twice=False,
    ),
    Entry(
        name="Poisson likelihood",
        source="torch poisson_nll_loss",
        program="loss = mean[b](exp(s[b]) - t[b] s[b])",
        shapes={"s": (4,), "t": (4,)},
        positive="t",
        forward=lambda v: functional.poisson_nll_loss(v.s, v.t),
    ),
    Entry(
        name="divergence of two softmaxes",
        source="Kullback and Leibler 1951; Hinton et al. 2015",
        program="""
            loss = mean[b](softmax[k](t[b,k]) (log_softmax[k](t[b,k]) - log_softmax[k](s[b,k])))
        """,
        shapes={"s": (3, 4), "t": (3, 4)},
        forward=lambda v: functional.kl_div(
            torch.log_softmax(v.s, 1),
            torch.log_softmax(v.t, 1),
            reduction="batchmean",
            log_target=True,
        ),
    ),
    Entry(
        name="divergence of a variational autoencoder",
        source="Kingma and Welling 2014",
        program="loss = mean[b](0.5 sum[i](μ[b,i]^2 + exp(s[b,i]) - s[b,i] - 1))",
        shapes={"μ": (3, 2), "s": (3, 2)},
        forward=variational,
    ),
    Entry(
        name="contrastive loss",
        source="van den Oord et al. 2018, InfoNCE",
        program="""
            u[b,i] = x[b,i] / sqrt(sum[i](x[b,i]^2))
            v[k,i] = y[k,i] / sqrt(sum[i](y[k,i]^2))
            p[b,k] = log_softmax[k](2 u[b,i] v[k,i])
            loss = -mean[b](p[b,b])
        """,
        shapes={"x": (3, 2), "y": (3, 2)},
        forward=contrastive,
    ),
    Entry(
        name="triplet loss",
        source="Schroff et al. 2015; torch triplet_margin_loss",
        program="""
            p[b] = sqrt(sum[i]((a[b,i] - x[b,i] + 1e-6)^2))
            n[b] = sqrt(sum[i]((a[b,i] - y[b,i] + 1e-6)^2))
            loss = mean[b](relu(p[b] - n[b] + 1))
        """,
        shapes={"a": (4, 2), "x": (4, 2), "y": (4, 2)},
        forward=lambda v: functional.triplet_margin_loss(v.a, v.x, v.y),
    ),
    Entry(
        name="pairwise ranking",
        source="Burges et al. 2005, RankNet",
        program="loss = sum[i,j]([r[i] > r[j]] softplus(s[j] - s[i]))",
        shapes={"s": (4,), "r": (4,)},
        constant="r",
        forward=ranking,
    ),
    Entry(
        name="Plackett-Luce likelihood",
        source="Plackett 1975; Xia et al. 2008, ListMLE",
        program="""
            index i, j: place
            loss = sum[i](log(sum[j]([j >= i] exp(s[j]))) - s[i])
        """,
        shapes={"s": (5,)},
        forward=lambda v: (torch.logcumsumexp(v.s.flip(0), 0).flip(0) - v.s).sum(),
    ),
    Entry(
        name="Dice loss",
        source="Milletari et al. 2016",
        program="""
            p[i] = sigmoid(s[i])
            loss = 1 - (2 sum[i](p[i] t[i]) + 1) / (sum[i](p[i]) + sum[i](t[i]) + 1)
        """,
        shapes={"s": (6,)},
        values={"t": (0.0, 1, 1, 0, 0, 1)},
        forward=lambda v: (
            1
            - (2 * torch.dot(torch.sigmoid(v.s), v.t) + 1)
            / (torch.sigmoid(v.s).sum() + v.t.sum() + 1)
        ),
    ),
    Entry(
        name="style loss by a Gram matrix",
        source="Gatys et al. 2016",
        program="E[c,d] = x[c,i] x[d,i] / sum[i](1) - G[c,d]; loss = sum[c,d](E[c,d]^2)",
        shapes={"x": (3, 4), "G": (3, 3)},
        forward=lambda v: style(v).square().sum(),
    ),
    Entry(
        name="redundancy reduction",
        source="Zbontar et al. 2021, Barlow Twins",
        program="""
            c[i,j] = mean[b](x[b,i] y[b,j])
            loss = sum[i,j](([i == j] + 0.1 [i != j]) (c[i,j] - [i == j])^2)
        """,
        shapes={"x": (4, 3), "y": (4, 3)},
        forward=redundancy,
    ),
)
