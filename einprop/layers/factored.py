"""Affine maps whose matrix is a product of smaller tensors: fewer parameters, less work."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from einprop.errors import InputError
from einprop.layers import init
from einprop.layers.init import Initializer
from einprop.layers.layer import Layer
from einprop.layers.options import integer

__all__ = ["LowRankAffine", "TensorTrainAffine"]


class LowRankAffine(Layer):
    """Affine map by way of a few numbers: y = (x U) V + B, so W = U V has rank r at most.

    ::

        x[b,i] ── U[i,r] ──▶ z[b,r] ── V[r,j] ──▶ + B[j] ──▶ y[b,j]

    ``LowRankAffine(8, 200)`` has rank 8 and 200 units: 8 (i + 200) weights instead of 200 i. U starts
    from N(0, 1 / i), V from N(0, 1 / r), so that y has the variance of x; B at 0.

    Source: Sainath et al., ICASSP 2013.

    >>> import numpy as np
    >>> layer = LowRankAffine(8, 200)
    >>> parameters = layer.init(np.random.default_rng(0), x=(1, 784))
    >>> {name: array.shape for name, array in parameters.items()}
    {'U': (784, 8), 'V': (8, 200), 'B': (200,)}
    >>> layer(parameters, x=np.ones((4, 784))).shape
    (4, 200)
    """

    forward = "z[b,r] = x[b,i] U[i,r]; y[b,j] = z[b,r] V[r,j] + B[j]"
    params = {"U": init.lecun_normal, "V": init.lecun_normal, "B": init.zeros}
    units = {"r": "rank", "j": "feature"}


class TensorTrainAffine(Layer):
    """Affine map whose matrix is a tensor train: one small core for each factor of its sizes.

    ::

        x[b,(i1 i2 i3)]     i1   i2   i3      inputs=(4, 7, 28): 784 = 4 · 7 · 28
                            │    │    │
                            G1 ─ G2 ─ G3      r1, r2: the ranks between the cores
                            │    │    │
        y[b,(j1 j2 j3)]     j1   j2   j3      outputs=(4, 5, 10): 200 = 4 · 5 · 10

    y_b,(j1 j2 j3) = sum x_b,(i1 i2 i3) G1_i1,j1,r1 G2_r1,i2,j2,r2 G3_r2,i3,j3 + B_(j1 j2 j3), and
    likewise for any other number of cores, two or more. The weights number
    sum_n r_(n-1) i_n j_n r_n instead of the product of all sizes. Cores start from normal
    distributions such that the matrix has Glorot's variance, 2 / (fan_in + fan_out); B at 0.

    Args:
        inputs: Factors of the width of x, i1, i2, …; the last varies fastest along x.
        outputs: Factors of the width of y, as many.
        rank: Of all bonds, or one rank for each, as many as there are cores less one.
        **initial: Other initialisers, by parameter.

    Raises:
        InputError: The numbers of factors and ranks do not fit, or one is no positive integer.

    Source: Oseledets, SIAM Journal on Scientific Computing 33, 2011; Novikov, Podoprikhin, Osokin
    and Vetrov, NIPS 2015.

    >>> import numpy as np
    >>> layer = TensorTrainAffine((4, 7, 28), (4, 5, 10), rank=3)
    >>> parameters = layer.init(np.random.default_rng(0), x=(1, 784))
    >>> {name: array.shape for name, array in parameters.items()}
    {'G1': (4, 4, 3), 'G2': (3, 7, 5, 3), 'G3': (3, 28, 10), 'B': (200,)}
    >>> layer(parameters, x=np.ones((5, 784))).shape
    (5, 200)
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    rank: tuple[int, ...]

    def __init__(
        self,
        inputs: Sequence[int],
        outputs: Sequence[int],
        rank: int | Sequence[int],
        **initial: Initializer,
    ) -> None:
        rows, columns = _sizes("inputs", inputs), _sizes("outputs", outputs)
        bonds = len(rows) - 1
        ranks = _sizes("rank", rank if isinstance(rank, Sequence) else (rank,) * bonds)
        if bonds < 1 or len(columns) != len(rows) or len(ranks) != bonds:
            raise InputError(
                f"{len(rows)} factors of the inputs, {len(columns)} of the outputs and "
                f"{len(ranks)} ranks make no tensor train",
                hint="give as many factors of both, two or more, and one rank less",
            )
        self._configure(initial, inputs=rows, outputs=columns, rank=ranks)

    @property
    def forward(self) -> str:
        """The equation, for that many cores."""
        number = range(1, len(self.inputs) + 1)
        sizes = {"i": ("row", self.inputs), "j": ("column", self.outputs), "r": ("rank", self.rank)}
        declared = ", ".join(
            f"{letter}{n}: {name}{n} < {size}"
            for letter, (name, every) in sizes.items()
            for n, size in enumerate(every, 1)
        )
        rows, columns = (" ".join(f"{letter}{n}" for n in number) for letter in "ij")
        cores = " ".join(f"G{n}[{','.join(self._axes(n))}]" for n in number)
        return f"""
            index {declared}
            input x[b,i]
            param B[j]
            y[b,({columns})] = x[b,({rows})] {cores} + B[({columns})]
        """

    def _axes(self, n: int) -> list[str]:
        """Of core n: the bond before it, its row and column, the bond behind it."""
        before = [f"r{n - 1}"] if n > 1 else []
        return [*before, f"i{n}", f"j{n}", *([f"r{n}"] if n < len(self.inputs) else [])]

    @property
    def params(self) -> Mapping[str, Initializer]:
        """The cores and the bias."""
        # An entry of the matrix is a sum over all bonds of products of one entry of each core.
        variance = 2 / (math.prod(self.inputs) + math.prod(self.outputs)) / math.prod(self.rank)
        std = variance ** (0.5 / len(self.inputs))
        cores = {f"G{n}": init.normal(std) for n in range(1, len(self.inputs) + 1)}
        return cores | {"B": init.zeros}


def _sizes(name: str, given: object) -> tuple[int, ...]:
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise InputError(f"{name} is {given!r}", hint="it is integers, as in (4, 7, 28)")
    return tuple(integer(f"one of {name}", size) for size in given)
