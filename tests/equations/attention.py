"""Attention: masks as Iverson brackets, heads as grouped axes, positions as subscripts."""

from __future__ import annotations

from tests.equations.entry import Entry, SDPBackend, functional, sdpa_kernel, torch

__all__ = ["EQUATIONS"]


def attention(queries, keys, values, **options):
    """PyTorch's own, by the one of its kernels that it can differentiate twice."""
    with sdpa_kernel(SDPBackend.MATH):
        return functional.scaled_dot_product_attention(queries, keys, values, **options)


def multi_head(v):
    inputs = v.x.transpose(0, 1)
    weights = torch.cat([v.WQ.T, v.WK.T, v.WV.T])
    values, _ = functional.multi_head_attention_forward(
        inputs, inputs, inputs, 4, 2, weights, None, None, None, False, 0.0, v.WO.T, None
    )
    return values.transpose(0, 1)


def band(size, width):
    distance = torch.arange(size)[:, None] - torch.arange(size)
    return (distance >= 0) & (distance < width)


def slopes(v):
    distance = torch.arange(4)[:, None] - torch.arange(4)
    bias = -v.m[:, None, None] * distance
    return attention(v.Q, v.K, v.V, attn_mask=bias.masked_fill(distance < 0, -torch.inf), scale=1.0)


def relative(v):
    distance = torch.arange(4)[:, None] - torch.arange(4) + 3
    return attention(v.Q, v.K, v.V, attn_mask=v.R[distance], scale=1.0)


def relative_keys(v):
    distance = torch.arange(4)[:, None] - torch.arange(4) + 3
    scores = torch.einsum("bqd,bkd->bqk", v.Q, v.K)
    scores = scores + torch.einsum("bqd,qkd->bqk", v.Q, v.R[distance])
    return torch.softmax(scores, -1) @ v.V


def linear(v):
    scores = torch.tril((functional.elu(v.Q) + 1) @ (functional.elu(v.K) + 1).transpose(1, 2))
    return scores @ v.V / scores.sum(-1, keepdim=True)


def sliding(v):
    scores = (v.Q[:, :4, None] * v.K.unfold(1, 3, 1).transpose(2, 3)).sum(-1)
    return (torch.softmax(scores, -1)[..., None] * v.V.unfold(1, 3, 1).transpose(2, 3)).sum(2)


def rotary(v):
    angles = torch.arange(v.x.shape[1])[:, None] * v.w
    turned = torch.view_as_complex(v.x) * torch.polar(torch.ones_like(angles), angles)
    return torch.view_as_real(turned)


def pooled(v):
    weights = torch.softmax(torch.tanh(v.x @ v.W) @ v.u, -1)
    return (weights.unsqueeze(1) @ v.x).squeeze(1)


def additive(v):
    scores = torch.tanh((v.Q @ v.W).unsqueeze(2) + (v.K @ v.U).unsqueeze(1)) @ v.u
    return torch.softmax(scores, -1) @ v.V


def slots(v):
    shares = torch.softmax(v.k @ v.q.transpose(1, 2), -1)
    return functional.normalize(shares, p=1, dim=1).transpose(1, 2) @ v.v


EQUATIONS = (
    Entry(
        name="scaled dot-product attention",
        source="Vaswani et al. 2017",
        program="""
            s[b,q,k] = Q[b,q,d] K[b,k,d] / sqrt(sum[d](1))
            y[b,q,e] = softmax[k](s[b,q,k]) V[b,k,e]
        """,
        shapes={"Q": (2, 3, 4), "K": (2, 5, 4), "V": (2, 5, 2)},
        forward=lambda v: attention(v.Q, v.K, v.V),
    ),
    Entry(
        name="causal attention",
        source="Vaswani et al. 2017, decoder",
        program="""
            index q, k: position
            s[b,q,k] = 0.5 Q[b,q,d] K[b,k,d]
            p[b,q,k] = softmax[k](where([k <= q], s[b,q,k], -1e9))
            y[b,q,d] = p[b,q,k] V[b,k,d]
        """,
        shapes={"Q": (2, 4, 4), "K": (2, 4, 4), "V": (2, 4, 4)},
        forward=lambda v: attention(v.Q, v.K, v.V, is_causal=True),
    ),
    Entry(
        name="multi-head attention",
        source="Vaswani et al. 2017; torch MultiheadAttention",
        program="""
            index h: head < 2
            Q[b,h,t,d] = x[b,t,i] WQ[i,(h d)]
            K[b,h,t,d] = x[b,t,i] WK[i,(h d)]
            V[b,h,t,d] = x[b,t,i] WV[i,(h d)]
            p[b,h,q,k] = softmax[k](Q[b,h,q,d] K[b,h,k,d] / sqrt(sum[d](1)))
            z[b,q,(h d)] = p[b,h,q,k] V[b,h,k,d]
            y[b,q,o] = z[b,q,m] WO[m,o]
        """,
        shapes={"x": (2, 3, 4), "WQ": (4, 4), "WK": (4, 4), "WV": (4, 4), "WO": (4, 4)},
        forward=multi_head,
    ),
    Entry(
        name="grouped-query attention",
        source="Ainslie et al. 2023",
        program="""
            index g: group < 2
            s[b,g,r,q,k] = Q[b,(g r),q,d] K[b,g,k,d] / sqrt(sum[d](1))
            y[b,(g r),q,d] = softmax[k](s[b,g,r,q,k]) V[b,g,k,d]
        """,
        shapes={"Q": (1, 4, 3, 2), "K": (1, 2, 3, 2), "V": (1, 2, 3, 2)},
        forward=lambda v: attention(v.Q, v.K, v.V, enable_gqa=True),
    ),
    Entry(
        name="local attention by a band",
        source="Beltagy et al. 2020, Longformer",
        program="""
            index q, k: position
            s[b,q,k] = Q[b,q,d] K[b,k,d] / sqrt(sum[d](1))
            e[b,q,k] = [k <= q] [q - k < 3] exp(s[b,q,k])
            y[b,q,d] = e[b,q,k] V[b,k,d] / sum[k](e[b,q,k])
        """,
        shapes={"Q": (2, 6, 2), "K": (2, 6, 2), "V": (2, 6, 2)},
        forward=lambda v: attention(v.Q, v.K, v.V, attn_mask=band(6, 3)),
    ),
    Entry(
        name="local attention by a window",
        source="Luong et al. 2015",
        program="""
            index p: window < 3
            s[b,q,p] = Q[b,q,d] K[b,q+p,d]
            y[b,q,e] = softmax[p](s[b,q,p]) V[b,q+p,e]
        """,
        shapes={"Q": (2, 4, 2), "K": (2, 6, 2), "V": (2, 6, 3)},
        forward=sliding,
    ),
    Entry(
        name="cross attention",
        source="Vaswani et al. 2017, encoder-decoder",
        program="""
            p[b,q,k] = softmax[k](x[b,q,i] A[i,d] z[b,k,j] C[j,d] / sqrt(sum[d](1)))
            y[b,q,e] = p[b,q,k] z[b,k,j] D[j,e]
        """,
        shapes={"x": (2, 2, 3), "z": (2, 4, 2), "A": (3, 4), "C": (2, 4), "D": (2, 3)},
        forward=lambda v: attention(v.x @ v.A, v.z @ v.C, v.z @ v.D),
    ),
    Entry(
        name="additive attention",
        source="Bahdanau et al. 2015",
        program="""
            h[b,q,k,m] = tanh(Q[b,q,d] W[d,m] + K[b,k,e] U[e,m])
            s[b,q,k] = u[m] h[b,q,k,m]
            y[b,q,o] = softmax[k](s[b,q,k]) V[b,k,o]
        """,
        shapes={
            "Q": (2, 2, 3),
            "K": (2, 3, 2),
            "V": (2, 3, 2),
            "W": (3, 4),
            "U": (2, 4),
            "u": (4,),
        },
        forward=additive,
    ),
    Entry(
        name="attention pooling",
        source="Yang et al. 2016",
        program="s[b,t] = u[m] tanh(x[b,t,j] W[j,m]); y[b,i] = softmax[t](s[b,t]) x[b,t,i]",
        shapes={"x": (2, 3, 2), "W": (2, 3), "u": (3,)},
        forward=pooled,
    ),
    Entry(
        name="linear attention, causal, by a mask",
        source="Katharopoulos et al. 2020",
        program="""
            index q, k: position
            f[b,k,d] = elu(K[b,k,d]) + 1
            g[b,q,d] = elu(Q[b,q,d]) + 1
            z[b,q] = [k <= q] g[b,q,d] f[b,k,d]
            y[b,q,e] = [k <= q] g[b,q,d] f[b,k,d] V[b,k,e] / z[b,q]
        """,
        shapes={"Q": (2, 4, 2), "K": (2, 4, 2), "V": (2, 4, 3)},
        forward=linear,
    ),
    Entry(
        name="linear attention, causal, as a recurrence",
        source="Katharopoulos et al. 2020",
        program="""
            f[b,t,d] = elu(K[b,t,d]) + 1
            g[b,t,d] = elu(Q[b,t,d]) + 1
            S[b,t,d,e] = S[b,t-1,d,e] + f[b,t,d] V[b,t,e]
            z[b,t,d] = z[b,t-1,d] + f[b,t,d]
            y[b,t,e] = g[b,t,d] S[b,t,d,e] / sum[d](g[b,t,d] z[b,t,d])
        """,
        shapes={"Q": (2, 4, 2), "K": (2, 4, 2), "V": (2, 4, 3)},
        forward=linear,
    ),
    Entry(
        name="attention with linear biases",
        source="Press et al. 2022, ALiBi",
        program="""
            index q, k, u: position
            P[k] = sum[u]([u < k])
            s[h,q,k] = Q[h,q,d] K[h,k,d] - m[h] (P[q] - P[k])
            y[h,q,d] = softmax[k](where([k <= q], s[h,q,k], -1e9)) V[h,k,d]
        """,
        shapes={"Q": (2, 4, 2), "K": (2, 4, 2), "V": (2, 4, 2), "m": (2,)},
        positive="m",
        forward=slopes,
    ),
    Entry(
        name="relative position bias",
        source="Raffel et al. 2020, T5; Liu et al. 2021, Swin",
        program="""
            index q, k: position
            s[b,q,k] = Q[b,q,d] K[b,k,d] + R[q-k+3]
            y[b,q,e] = softmax[k](s[b,q,k]) V[b,k,e]
        """,
        shapes={"Q": (2, 4, 2), "K": (2, 4, 2), "V": (2, 4, 3), "R": (7,)},
        forward=relative,
    ),
    Entry(
        name="relative position keys",
        source="Shaw et al. 2018",
        program="""
            index q, k: position
            s[b,q,k] = Q[b,q,d] (K[b,k,d] + R[q-k+3,d])
            y[b,q,e] = softmax[k](s[b,q,k]) V[b,k,e]
        """,
        shapes={"Q": (2, 4, 2), "K": (2, 4, 2), "V": (2, 4, 3), "R": (7, 2)},
        forward=relative_keys,
    ),
    Entry(
        name="bucketed position bias",
        source="Raffel et al. 2020, T5",
        program="""
            s[h,q,k] = Q[h,q,d] K[h,k,d] + R[bucket[q,k],h]
            y[h,q,e] = softmax[k](s[h,q,k]) V[h,k,e]
        """,
        shapes={"Q": (2, 3, 2), "K": (2, 4, 2), "V": (2, 4, 2), "R": (5, 2), "bucket": (3, 4)},
        integers={"bucket": 5},
        forward=lambda v: attention(
            v.Q, v.K, v.V, attn_mask=v.R[v.bucket].permute(2, 0, 1), scale=1.0
        ),
    ),
    Entry(
        name="rotary position embedding",
        source="Su et al. 2021, RoPE",
        program="""
            index t, u: position, r: part < 2
            P[t] = sum[u]([u < t])
            y[b,t,d,r] = cos(P[t] w[d]) x[b,t,d,r] +
                sin(P[t] w[d]) (x[b,t,d,0] [r == 1] - x[b,t,d,1] [r == 0])
        """,
        shapes={"x": (2, 4, 3, 2), "w": (3,)},
        forward=rotary,
    ),
    Entry(
        name="modern Hopfield update",
        source="Ramsauer et al. 2021",
        program="p[b,n] = softmax[n](β X[n,j] s[b,j]); y[b,i] = p[b,n] X[n,i]",
        shapes={"X": (4, 3), "s": (2, 3), "β": ()},
        positive="β",
        forward=lambda v: torch.softmax(v.β * v.s @ v.X.T, -1) @ v.X,
    ),
    Entry(
        name="slot attention weights",
        source="Locatello et al. 2020",
        program="""
            a[b,n,s] = softmax[s](k[b,n,d] q[b,s,d])
            y[b,s,d] = a[b,n,s] v[b,n,d] / sum[n](a[b,n,s])
        """,
        shapes={"k": (2, 4, 2), "q": (2, 3, 2), "v": (2, 4, 2)},
        forward=slots,
    ),
)
