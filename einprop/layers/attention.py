"""Attention: every position of a sequence reads the others, as much as they matter to it."""

from __future__ import annotations

from collections.abc import Mapping

from einprop.layers import init
from einprop.layers.init import Initializer
from einprop.layers.layer import Layer
from einprop.layers.options import integer, one_of
from einprop.options import flag

__all__ = ["Attention"]

_KEPT = {"lengths": "[s < lengths[b]]", "mask": "[keep[b,s] != 0]"}
"""By the word for padding, the factor that is 1 where a key counts."""

PROJECTIONS = "QKVO"
"""Queries, keys, values, and what leaves."""


class Attention(Layer):
    """Multi-head attention with its four projections; a layer of its own, or with a memory.

    ::

        x[b,t,i] ──WQ──▶ Q[b,t,h,d] ─┐
                                     ├─▶ A[b,h,t,s] = softmax over s of Q·K / sqrt(d)
        x[b,s,i] ──WK──▶ K[b,s,h,d] ─┘        │
        (or memory[b,s,m])                    ▼
              └────WV──▶ V[b,s,h,d] ──▶ C[b,t,h,d] = sum over s of A V ──WO──▶ y[b,t,i]

    y_bti = sum_hd C_bthd WO_(hd)i + BO_i, with C_bthd = sum_s A_bhts V_bshd. The width of x is split
    into ``heads`` of d numbers each, so it is a multiple of ``heads``. ``WQ[i,(h d)]`` is the
    transpose of what PyTorch holds.

    Args:
        heads: How many distributions over the sequence each position has.
        causal: Position t reads no position behind it, s <= t.
        cross: Keys and values come from a second input of the network, ``memory[b,s,m]``, of any
            length and width. Several layers of a network read the same memory.
        padded: Which keys are padding: ``lengths`` for a further input ``lengths[b]``, how many of
            the sequence (of the memory) count, from 1 on; ``mask`` for a further input ``keep[b,s]``,
            0 where a key does not count, as the complement of torch's ``key_padding_mask``. All
            layers of a network that have one read the same.
        bias: Whether the projections have biases ``BQ``, ``BK``, ``BV``, ``BO``.
        **initial: Other initialisers, by parameter; by default Glorot's, uniform, and 0.

    Raises:
        InputError: ``heads`` is no positive integer, or ``padded`` is something else.
        ShapeError: On a call, the width of x is no multiple of ``heads``.

    A position that reads no key at all has nan there, as in torch, and nowhere else.

    Source: Vaswani et al., NIPS 2017; ``torch.nn.MultiheadAttention``.

    >>> import numpy as np
    >>> attention = Attention(2, causal=True)
    >>> parameters = attention.init(np.random.default_rng(0), x=(3, 5, 8))
    >>> parameters["WQ"].shape
    (8, 8)
    >>> x = np.random.default_rng(1).normal(size=(3, 5, 8))
    >>> y = attention(parameters, x=x)
    >>> bool(np.allclose(attention(parameters, x=x[:, :2]), y[:, :2]))
    True
    >>> padded = Attention(2, padded="lengths")
    >>> short = padded(parameters, x=x, lengths=[2, 2, 2])[:, :2]
    >>> bool(np.allclose(short, padded(parameters, x=x[:, :2], lengths=[2, 2, 2])))
    True
    """

    heads: int
    causal: bool
    cross: bool
    padded: str | None
    bias: bool

    def __init__(
        self,
        heads: int,
        *,
        causal: bool = False,
        cross: bool = False,
        padded: str | None = None,
        bias: bool = True,
        **initial: Initializer,
    ) -> None:
        self._configure(
            initial,
            heads=integer("heads", heads),
            causal=flag("causal", causal),
            cross=flag("cross", cross),
            padded=one_of("padded", padded, (None, *_KEPT)),
            bias=flag("bias", bias),
        )

    @property
    def forward(self) -> str:
        """The equations, with masks and biases or without."""
        source, m = ("memory", "m") if self.cross else ("x", "i")
        score = "Q[b,t,h,d] K[b,s,h,d] / sqrt(sum[d](1))"
        seen = ["[s <= t]"] * self.causal
        seen += [_KEPT[self.padded]] if self.padded else []
        visible = f"where({' * '.join(seen)}, {score}, -1 / 0)" if seen else score
        biases = "".join(f", B{p}[i]" * self.bias for p in PROJECTIONS)
        q, k, v = (f" + B{p}[(h d)]" * self.bias for p in "QKV")
        return f"""
            index h: head < {self.heads}, i: feature
            param WQ[i,i'], WK[{m},i'], WV[{m},i'], WO[i,i']{biases}
            Q[b,t,h,d] = x[b,t,i] WQ[i,(h d)]{q}
            K[b,s,h,d] = {source}[b,s,{m}] WK[{m},(h d)]{k}
            V[b,s,h,d] = {source}[b,s,{m}] WV[{m},(h d)]{v}
            A[b,h,t,s] = softmax[s]({visible})
            C[b,t,h,d] = A[b,h,t,s] V[b,s,h,d]
            y[b,t,i] = C[b,t,h,d] WO[(h d),i]{" + BO[i]" * self.bias}
        """

    @property
    def params(self) -> Mapping[str, Initializer]:
        """Weights and biases of the projections."""
        weights = {f"W{p}": init.glorot_uniform for p in PROJECTIONS}
        return weights | {f"B{p}": init.zeros for p in PROJECTIONS if self.bias}
