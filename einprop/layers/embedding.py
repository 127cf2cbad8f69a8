"""Layers that say which symbol and which position: embeddings and positional encodings."""

from __future__ import annotations

from einprop.errors import InputError
from einprop.layers import init
from einprop.layers.init import Initializer
from einprop.layers.layer import Layer
from einprop.layers.options import integer, positive

__all__ = ["Embedding", "LearnedPositions", "SinusoidalPositions"]


class Embedding(Layer):
    """A row of a table for every symbol of a sequence: y_bti = E_vi with v = x_bt.

    ::

        x[b,t]    integers from 0 to vocabulary - 1
          │
        E[v,i]    a row of `width` numbers for each symbol
          │
        y[b,t,i]

    The gradient of E adds up, row by row, what arrives at the places that hold the symbol; a symbol
    that does not occur has gradient 0. Rows start from N(0, 1); ``E=init.normal(0.02)`` says
    otherwise.

    Args:
        vocabulary: How many symbols there are.
        width: How many numbers stand for one.
        padding_idx: A symbol for which all numbers are 0, whatever its row holds; its row has no
            gradient. By default there is none.
        **initial: Another initialiser, of ``E``.

    Raises:
        InputError: A size is no positive integer, ``padding_idx`` is no symbol; or, on a call, a
            symbol is no integer or outside of the vocabulary.

    Source: Bengio, Ducharme, Vincent and Jauvin, JMLR 3, 2003; ``torch.nn.Embedding``.

    >>> import numpy as np
    >>> embedding = Embedding(65, 8)
    >>> parameters = embedding.init(np.random.default_rng(0), x=(4, 16))
    >>> parameters["E"].shape
    (65, 8)
    >>> embedding(parameters, x=np.zeros((4, 16), int)).shape
    (4, 16, 8)
    >>> Embedding(3, 1, padding_idx=0)({"E": [[5.0], [6.0], [7.0]]}, x=[[2, 1, 0]]).ravel().tolist()
    [7.0, 6.0, 0.0]
    """

    vocabulary: int
    width: int
    padding_idx: int | None
    params = {"E": init.normal()}

    def __init__(
        self,
        vocabulary: int,
        width: int,
        *,
        padding_idx: int | None = None,
        **initial: Initializer,
    ) -> None:
        size = integer("vocabulary", vocabulary)
        if padding_idx is not None and integer("padding_idx", padding_idx, 0) >= size:
            raise InputError(
                f"padding_idx is {padding_idx}, and there are {size} symbols",
                hint="it is one of the symbols, counted from 0",
            )
        self._configure(
            initial, vocabulary=size, width=integer("width", width), padding_idx=padding_idx
        )

    @property
    def forward(self) -> str:
        """The equation, for that table."""
        row, padding = "E[x[b,t],i]", self.padding_idx
        return f"""
            index v: symbol < {self.vocabulary}, i: feature < {self.width}
            param E[v,i]
            y[b,t,i] = {row if padding is None else f"where([x[b,t] != {padding}], {row}, 0)"}
        """


class LearnedPositions(Layer):
    """A row of a table added at every position: y_bti = x_bti + P_ti.

    ::

        x[b,t,i]
          │
          + ◀── P[s,i]    a row for each of `length` positions; the first ones are read
          │
        y[b,t,i]

    Args:
        length: Of the longest sequence.
        **initial: Another initialiser, of ``P``; by default N(0, 0.02^2).

    Raises:
        InputError: ``length`` is no positive integer.
        ShapeError: On a call, a sequence is longer.

    Source: Gehring, Auli, Grangier, Yarats and Dauphin, ICML 2017; Radford et al., GPT, 2018.

    >>> import numpy as np
    >>> positions = LearnedPositions(32)
    >>> parameters = positions.init(np.random.default_rng(0), x=(4, 16, 8))
    >>> parameters["P"].shape
    (32, 8)
    >>> positions(parameters, x=np.zeros((4, 16, 8))).shape
    (4, 16, 8)
    """

    length: int
    params = {"P": init.normal(0.02)}

    def __init__(self, length: int, **initial: Initializer) -> None:
        self._configure(initial, length=integer("length", length))

    @property
    def forward(self) -> str:
        """The equation, for that table."""
        return f"""
            index s: position < {self.length}
            param P[s,i]
            y[b,t,i] = x[b,t,i] + P[t+0,i]
        """


class SinusoidalPositions(Layer):
    """Sines and cosines of the position added: no parameters, sequences of any length.

    ::

        x[b,t,i]                      i = 2 k + c: pairs k of a sine (c = 0) and a cosine (c = 1)
          │
          + ◀── e[t,i]                e_t,2k   = sin(t / base^(2k / width))
          │                           e_t,2k+1 = cos(t / base^(2k / width))
        y[b,t,i]

    The position of t is the number of positions before it, as the text of the layer says. The width
    of x is even.

    Source: Vaswani et al., NIPS 2017, section 3.5.

    >>> import numpy as np
    >>> SinusoidalPositions()({}, x=np.zeros((1, 2, 4))).round(4).tolist()
    [[[0.0, 1.0, 0.0, 1.0], [0.8415, 0.5403, 0.01, 1.0]]]
    """

    base: float

    def __init__(self, base: float = 10000.0) -> None:
        self._configure(base=positive("base", base))

    @property
    def forward(self) -> str:
        """The equations, for that base."""
        return f"""
            index t, s: time, k, l: pair, c: part < 2
            input x[b,t,i]
            place[t] = sum[s]([s < t])
            rate[k] = {self.base!r}^(-sum[l]([l < k]) / sum[l](1))
            e[t,(k c)] = where([c == 0], sin(place[t] rate[k]), cos(place[t] rate[k]))
            y[b,t,i] = x[b,t,i] + e[t,i]
        """
