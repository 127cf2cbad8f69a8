"""Pooling, up-sampling, embeddings, and other reads and writes of chosen positions."""

from __future__ import annotations

from tests.equations.entry import Entry, functional, torch

__all__ = ["EQUATIONS"]

SEGMENTS = (0, 2, 1, 0, 2, 2)


def scattered(values, segments, size, **reduce):
    out = torch.zeros((size, *values.shape[1:]), dtype=values.dtype)
    where = segments.reshape(-1, *[1] * (values.ndim - 1)).expand_as(values)
    if reduce:
        return out.scatter_reduce(0, where, values, include_self=False, **reduce)
    return out.scatter_add(0, where, values)


def negative_sampling(v):
    hidden = v.E[v.tok].mean(1)
    wrong = functional.softplus((v.C[v.neg] @ hidden[..., None])[..., 0]).sum(1)
    return (wrong + functional.softplus(-(hidden * v.C[v.word]).sum(-1))).mean()


EQUATIONS = (
    Entry(
        name="max pooling, 1-d, overlapping",
        source="Krizhevsky et al. 2012",
        program="index p: window < 3\ny[b,c,i] = max[p](x[b,c,2*i+p])",
        shapes={"x": (2, 2, 7)},
        forward=lambda v: functional.max_pool1d(v.x, 3, 2),
    ),
    Entry(
        name="max pooling, 2-d",
        source="Weng et al. 1993",
        program="index p, q: window < 2\ny[b,c,i,j] = max[p,q](x[b,c,2*i+p,2*j+q])",
        shapes={"x": (1, 2, 5, 4)},
        forward=lambda v: functional.max_pool2d(v.x, 2),
    ),
    Entry(
        name="average pooling, 2-d",
        source="LeCun et al. 1998",
        program="index p, q: window < 2\ny[b,c,i,j] = mean[p,q](x[b,c,2*i+p,2*j+q]^2)",
        shapes={"x": (1, 2, 4, 5)},
        forward=lambda v: functional.avg_pool2d(v.x**2, 2),
    ),
    Entry(
        name="average pooling, padded",
        source="torch avg_pool1d",
        program="index p: window < 3\ny[b,c,i] = mean[p](x[b,c,pad(2*i+p-1)]^2) where i in 0:4",
        shapes={"x": (1, 2, 7)},
        forward=lambda v: functional.avg_pool1d(v.x**2, 3, 2, 1),
    ),
    Entry(
        name="power-average pooling",
        source="Sermanet et al. 2012; torch lp_pool2d",
        program="index p, q: window < 2\ny[b,c,i,j] = sqrt(sum[p,q](x[b,c,2*i+p,2*j+q]^2))",
        shapes={"x": (1, 2, 4, 4)},
        forward=lambda v: functional.lp_pool2d(v.x, 2, 2),
    ),
    Entry(
        name="global average pooling",
        source="Lin et al. 2014",
        program="y[b,c] = mean[i,j](x[b,i,j,c]^2)",
        shapes={"x": (2, 3, 4, 2)},
        forward=lambda v: functional.adaptive_avg_pool2d((v.x**2).permute(0, 3, 1, 2), 1)[
            ..., 0, 0
        ],
    ),
    Entry(
        name="global max pooling",
        source="Oquab et al. 2015",
        program="y[b,c] = max[i,j](x[b,i,j,c])",
        shapes={"x": (2, 3, 4, 2)},
        forward=lambda v: v.x.amax((1, 2)),
    ),
    Entry(
        name="generalised-mean pooling",
        source="Radenović et al. 2019",
        program="y[b,c] = mean[i](x[b,i,c]^p)^(1 / p)",
        shapes={"x": (2, 3, 2), "p": ()},
        positive="x p",
        forward=lambda v: (v.x**v.p).mean(1) ** (1 / v.p),
    ),
    Entry(
        name="nearest up-sampling",
        source="torch interpolate, nearest",
        program="index p, q: copy < 2\ny[b,c,(i p),(j q)] = x[b,c,i,j]^2",
        shapes={"x": (1, 2, 2, 3)},
        forward=lambda v: functional.interpolate(v.x**2, scale_factor=2, mode="nearest"),
    ),
    Entry(
        name="nearest up-sampling by stride",
        source="torch interpolate, nearest",
        program="index p: copy < 2\ny[b,c,2*i+p] = x[b,c,i]^2",
        shapes={"x": (1, 2, 3)},
        forward=lambda v: functional.interpolate(v.x**2, scale_factor=2, mode="nearest"),
    ),
    Entry(
        name="linear up-sampling",
        source="torch interpolate, linear",
        program="""
            index p: half < 2
            y[b,c,(i p)] = 0.75 x[b,c,i]^2 + 0.25 x[b,c,clamp(i+2*p-1)]^2
        """,
        shapes={"x": (1, 2, 4)},
        forward=lambda v: functional.interpolate(v.x**2, scale_factor=2, mode="linear"),
    ),
    Entry(
        name="bilinear up-sampling",
        source="torch interpolate, bilinear",
        program="""
            index p, q: half < 2
            h[b,c,(i p),j] = 0.75 x[b,c,i,j] + 0.25 x[b,c,clamp(i+2*p-1),j]
            y[b,c,i,(j q)] = 0.75 h[b,c,i,j] + 0.25 h[b,c,i,clamp(j+2*q-1)]
        """,
        shapes={"x": (1, 2, 3, 2)},
        forward=lambda v: functional.interpolate(v.x, scale_factor=2, mode="bilinear"),
    ),
    Entry(
        name="pixel shuffle",
        source="Shi et al. 2016",
        program="index p, q: sub < 2\ny[b,c,(i p),(j q)] = x[b,(c p q),i,j]^2",
        shapes={"x": (1, 8, 2, 3)},
        forward=lambda v: functional.pixel_shuffle(v.x**2, 2),
    ),
    Entry(
        name="pixel unshuffle",
        source="torch pixel_unshuffle",
        program="index p, q: sub < 2\ny[b,(c p q),i,j] = x[b,c,(i p),(j q)]^2",
        shapes={"x": (1, 2, 4, 4)},
        forward=lambda v: functional.pixel_unshuffle(v.x**2, 2),
    ),
    Entry(
        name="channel shuffle",
        source="Zhang et al. 2018, ShuffleNet",
        program="index g: group < 2\ny[b,(c g),i] = x[b,(g c),i]^2",
        shapes={"x": (1, 6, 2)},
        forward=lambda v: (v.x**2).reshape(1, 2, 3, 2).transpose(1, 2).reshape(1, 6, 2),
    ),
    Entry(
        name="temporal shift",
        source="Lin et al. 2019, TSM",
        program="""
            index t: time
            input x[t,c]
            y[t,c] = [c < 1] x[pad(t-1),c] + [c == 1] x[pad(t+1),c] + [c > 1] x[t,c]^2
        """,
        shapes={"x": (4, 3)},
        forward=lambda v: torch.stack(
            [
                functional.pad(v.x[:-1, 0], (1, 0)),
                functional.pad(v.x[1:, 1], (0, 1)),
                v.x[:, 2] ** 2,
            ],
            1,
        ),
    ),
    Entry(
        name="reversal",
        source="torch flip",
        program="y[i] = x[i] x[end-i]^2",
        shapes={"x": (5,)},
        forward=lambda v: v.x * v.x.flip(0) ** 2,
    ),
    Entry(
        name="embedding lookup",
        source="Bengio et al. 2003",
        program="y[b,t,d] = E[tok[b,t],d]^2",
        shapes={"E": (5, 3), "tok": (2, 4)},
        integers={"tok": 5},
        forward=lambda v: functional.embedding(v.tok, v.E) ** 2,
    ),
    Entry(
        name="token and position embedding",
        source="Devlin et al. 2019, BERT",
        program="h[b,t,d] = E[tok[b,t],d] + P[t,d]; y[b,o] = tanh(h[b,0,d] W[d,o])",
        shapes={"E": (5, 3), "P": (4, 3), "W": (3, 2), "tok": (2, 4)},
        integers={"tok": 5},
        forward=lambda v: torch.tanh((functional.embedding(v.tok, v.E) + v.P)[:, 0] @ v.W),
    ),
    Entry(
        name="embedding bag",
        source="Joulin et al. 2017, fastText",
        program="y[b,d] = mean[t](E[tok[b,t],d])",
        shapes={"E": (5, 3), "tok": (2, 4)},
        integers={"tok": 5},
        forward=lambda v: functional.embedding_bag(v.tok, v.E, mode="mean"),
        twice=False,
    ),
    Entry(
        name="weighted embedding bag",
        source="torch embedding_bag, per_sample_weights",
        program="y[b,d] = w[b,t] E[tok[b,t],d]",
        shapes={"E": (5, 3), "w": (2, 4), "tok": (2, 4)},
        integers={"tok": 5},
        forward=lambda v: functional.embedding_bag(v.tok, v.E, mode="sum", per_sample_weights=v.w),
        twice=False,
    ),
    Entry(
        name="continuous bag of words with negative samples",
        source="Mikolov et al. 2013",
        program="""
            h[b,d] = mean[t](E[tok[b,t],d])
            s[b,n] = h[b,d] C[neg[b,n],d]
            loss = mean[b](sum[n](softplus(s[b,n])) + softplus(-h[b,d] C[word[b],d]))
        """,
        shapes={"E": (5, 2), "C": (5, 2), "tok": (2, 3), "neg": (2, 3), "word": (2,)},
        integers={"tok": 5, "neg": 5, "word": 5},
        forward=negative_sampling,
    ),
    Entry(
        name="gather along an axis",
        source="torch gather",
        program="y[b,t] = x[b,at[b,t]]^2",
        shapes={"x": (2, 4), "at": (2, 3)},
        integers={"at": 4},
        forward=lambda v: torch.gather(v.x, 1, v.at) ** 2,
    ),
    Entry(
        name="expert by hard routing",
        source="Fedus et al. 2022, Switch Transformer",
        program="y[b,j] = relu(x[b,i] W[route[b],i,j])",
        shapes={"x": (3, 2), "W": (4, 2, 3), "route": (3,)},
        integers={"route": 4},
        forward=lambda v: torch.relu(torch.bmm(v.x[:, None], v.W[v.route])[:, 0]),
    ),
    Entry(
        name="segment sum",
        source="torch scatter_add",
        program="""
            index k: segment < 3
            output s[k,d]
            s[seg[n],d] += x[n,d]^2
        """,
        shapes={"x": (6, 2)},
        values={"seg": SEGMENTS},
        forward=lambda v: scattered(v.x**2, v.seg, 3),
    ),
    Entry(
        name="weighted histogram",
        source="torch bincount",
        program="index k: bin < 4\noutput c[k]\nc[bin[n]] += w[n]^2",
        shapes={"w": (6,), "bin": (6,)},
        integers={"bin": 4},
        forward=lambda v: scattered(v.w**2, v.bin, 4),
    ),
    Entry(
        name="segment maximum",
        source="torch scatter_reduce",
        program="""
            index k: segment < 3
            output m[k,d]
            m[seg[n],d] max= x[n,d]
        """,
        shapes={"x": (6, 2)},
        values={"seg": SEGMENTS},
        forward=lambda v: scattered(v.x, v.seg, 3, reduce="amax"),
        twice=False,
    ),
    Entry(
        name="segment softmax",
        source="graph attention over edges",
        program="""
            index k: segment < 3
            output z[k]
            z[seg[n]] += exp(s[n])
            y[n] = exp(s[n]) / z[seg[n]]
        """,
        shapes={"s": (6,)},
        values={"seg": SEGMENTS},
        outputs="y",
        forward=lambda v: torch.exp(v.s) / scattered(torch.exp(v.s), v.seg, 3)[v.seg],
    ),
    Entry(
        name="max unpooling at given places",
        source="Zeiler and Fergus 2014; torch max_unpool1d",
        program="index i: place < 6\noutput y[b,c,i]\ny[b,c,at[b,c,n]] += x[b,c,n]^2",
        shapes={"x": (1, 2, 3)},
        values={"at": (((0, 3, 4), (1, 2, 5)),)},
        forward=lambda v: functional.max_unpool1d(v.x**2, v.at, 2),
    ),
)
