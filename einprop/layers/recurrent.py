"""Recurrent layers: what a sequence leaves in a state that every step renews."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from einprop.layers import init
from einprop.layers.init import Initializer
from einprop.layers.layer import Layer
from einprop.layers.options import integer
from einprop.options import flag

__all__ = ["GRU", "LSTM", "RNN"]


class _Recurrent(Layer):
    """What the three have in common: a state h of `width` numbers that is the output.

    ``equations``, one a line, speak of ``{h}``, which is ``y`` where the whole sequence is returned.
    """

    equations: ClassVar[str]
    states: ClassVar[Mapping[str, str]] = {"h0": "{h}"}

    width: int
    last: bool
    given: bool
    padded: bool

    def __init__(
        self,
        width: int,
        *,
        last: bool = False,
        given: bool = False,
        padded: bool = False,
        **initial: Initializer,
    ) -> None:
        self._configure(
            initial,
            width=integer("width", width),
            last=flag("last", last),
            given=flag("given", given),
            padded=flag("padded", padded),
        )

    @property
    def forward(self) -> str:
        """The equations, for that start and what is returned of the sequence."""
        lines = [f"index j: feature < {self.width}"]
        if self.given:
            lines += [f"{of}[b,-1,j] = {start}[b,j]" for start, of in self.states.items()]
        lines += map(self._held, self.equations.splitlines())
        if self.last:
            lines += ["y[b,j] = h[b,end,j]"]
        elif self.padded:
            lines += ["y[b,t,j] = where([t < lengths[b]], h[b,t,j], 0)"]
        return "\n".join(lines).format(h="h" if self.last or self.padded else "y")

    def _held(self, line: str) -> str:
        """The equation; that of a state keeps the old one behind the last step of its sequence."""
        target, _, value = (part.strip() for part in line.partition("="))
        if not self.padded or target not in [f"{state}[b,t,j]" for state in self.states.values()]:
            return line
        return f"{target} = where([t < lengths[b]], {value}, {target.replace('t,j', 't-1,j')})"


class RNN(_Recurrent):
    """Simple recurrent network (Elman network): h_t = tanh(x_t W + h_t-1 U + B).

    ::

        x[b,t,i] ──W──▶ + ◀──U── h[b,t-1,j]      h[b,-1,j] is 0, or h0[b,j]
                        │
                      tanh
                        │
                     h[b,t,j]  ──▶  y[b,t,j], or the last step y[b,j]

    W[i,j] starts as Glorot's, U[k,j] orthogonal, B[j] at 0.

    Args:
        width: Numbers in the state.
        last: Return the state after the last step, ``y[b,j]``, instead of the sequence.
        given: The state before the first step is a further input, ``h0[b,j]``; all layers of a
            network that have one read the same.
        padded: How many steps of each sequence count is a further input, ``lengths[b]``. Behind them
            the state stays as it is, so that ``last=True`` returns that of the last step that counts,
            and the sequence holds 0.
        **initial: Other initialisers, by parameter.

    Raises:
        InputError: ``width`` is no positive integer.

    Source: Elman, Cognitive Science 14, 1990; ``torch.nn.RNN``.

    >>> import numpy as np
    >>> rnn = RNN(4)
    >>> parameters = rnn.init(np.random.default_rng(0), x=(2, 9, 3))
    >>> {name: array.shape for name, array in parameters.items()}
    {'W': (3, 4), 'U': (4, 4), 'B': (4,)}
    >>> y = rnn(parameters, x=np.ones((2, 9, 3)))
    >>> y.shape, bool(np.all(y[:, -1] == RNN(4, last=True)(parameters, x=np.ones((2, 9, 3)))))
    ((2, 9, 4), True)
    """

    equations = "{h}[b,t,j] = tanh(x[b,t,i] W[i,j] + {h}[b,t-1,k] U[k,j] + B[j])"
    params = {"W": init.glorot_uniform, "U": init.orthogonal(), "B": init.zeros}


class GRU(_Recurrent):
    """Gated recurrent unit: a gate z keeps the old state, a gate r hides it from the new one.

    ::

        p[b,t,g,j] = x[b,t,i] W[i,g,j] + B[g,j]        gates g: 0 is r, 1 is z, 2 is the candidate
        q[b,t,g,j] = h[b,t-1,k] U[k,g,j]
        r, z       = sigmoid(p + q)
        n          = tanh(p + r (q + D))
        h[b,t,j]   = (1 - z) n + z h[b,t-1,j]          h[b,-1,j] is 0, or h0[b,j]

    y[b,t,j] is h, or its last step y[b,j]. The candidate has two biases, one in and one outside of
    what r multiplies, as in PyTorch; of the two that PyTorch has for each gate this has the sum.

    Args:
        width: Numbers in the state.
        last: Return the state after the last step, ``y[b,j]``, instead of the sequence.
        given: The state before the first step is a further input, ``h0[b,j]``; all layers of a
            network that have one read the same.
        padded: How many steps of each sequence count is a further input, ``lengths[b]``. Behind them
            the state stays as it is, so that ``last=True`` returns that of the last step that counts,
            and the sequence holds 0.
        **initial: Other initialisers, by parameter.

    Raises:
        InputError: ``width`` is no positive integer.

    Source: Cho et al., EMNLP 2014; ``torch.nn.GRU``.

    >>> import numpy as np
    >>> gru = GRU(4)
    >>> parameters = gru.init(np.random.default_rng(0), x=(2, 9, 3))
    >>> {name: array.shape for name, array in parameters.items()}
    {'W': (3, 3, 4), 'U': (4, 3, 4), 'B': (3, 4), 'D': (4,)}
    >>> gru(parameters, x=np.ones((2, 9, 3))).shape
    (2, 9, 4)
    """

    equations = """
        index g: gate < 3
        p[b,t,g,j] = x[b,t,i] W[i,g,j] + B[g,j]
        q[b,t,g,j] = {h}[b,t-1,k] U[k,g,j]
        r[b,t,j] = sigmoid(p[b,t,0,j] + q[b,t,0,j])
        z[b,t,j] = sigmoid(p[b,t,1,j] + q[b,t,1,j])
        n[b,t,j] = tanh(p[b,t,2,j] + r[b,t,j] (q[b,t,2,j] + D[j]))
        {h}[b,t,j] = (1 - z[b,t,j]) n[b,t,j] + z[b,t,j] {h}[b,t-1,j]
    """
    params = {
        "W": init.glorot_uniform,
        "U": init.orthogonal(),
        "B": init.zeros,
        "D": init.zeros,
    }


class LSTM(_Recurrent):
    """Long short-term memory: a cell c that gates write to, keep and read.

    ::

        a[b,t,g,j] = x[b,t,i] W[i,g,j] + h[b,t-1,k] U[k,g,j] + B[g,j]
                     gates g: 0 writes, 1 keeps (forgets), 2 is the candidate, 3 reads
        c[b,t,j]   = sigmoid(a_1) c[b,t-1,j] + sigmoid(a_0) tanh(a_2)     c[b,-1,j] is 0, or c0[b,j]
        h[b,t,j]   = sigmoid(a_3) tanh(c[b,t,j])                          h[b,-1,j] is 0, or h0[b,j]

    y[b,t,j] is h, or its last step y[b,j]. The bias of the gate that keeps starts at 1, so that
    nothing is forgotten before something is learnt; the others start at 0.

    Args:
        width: Numbers in the state and in the cell.
        last: Return the state after the last step, ``y[b,j]``, instead of the sequence.
        given: State and cell before the first step are further inputs, ``h0[b,j]``, ``c0[b,j]``;
            all layers of a network that have them read the same.
        padded: How many steps of each sequence count is a further input, ``lengths[b]``. Behind them
            state and cell stay as they are, so that ``last=True`` returns the state of the last step
            that counts, and the sequence holds 0.
        **initial: Other initialisers, by parameter.

    Raises:
        InputError: ``width`` is no positive integer.

    Source: Hochreiter and Schmidhuber, Neural Computation 9, 1997; Gers, Schmidhuber and Cummins,
    Neural Computation 12, 2000 (the gate that keeps); Jozefowicz, Zaremba and Sutskever, ICML 2015
    (its bias); ``torch.nn.LSTM``, which has two biases for each gate, here their sum.

    >>> import numpy as np
    >>> lstm = LSTM(4)
    >>> parameters = lstm.init(np.random.default_rng(0), x=(2, 9, 3))
    >>> {name: array.shape for name, array in parameters.items()}
    {'W': (3, 4, 4), 'U': (4, 4, 4), 'B': (4, 4)}
    >>> parameters["B"][:, 0].tolist()
    [0.0, 1.0, 0.0, 0.0]
    >>> lstm(parameters, x=np.ones((2, 9, 3))).shape
    (2, 9, 4)
    """

    states = {"h0": "{h}", "c0": "c"}
    equations = """
        index g: gate < 4
        a[b,t,g,j] = x[b,t,i] W[i,g,j] + {h}[b,t-1,k] U[k,g,j] + B[g,j]
        c[b,t,j] = sigmoid(a[b,t,1,j]) c[b,t-1,j] + sigmoid(a[b,t,0,j]) tanh(a[b,t,2,j])
        {h}[b,t,j] = sigmoid(a[b,t,3,j]) tanh(c[b,t,j])
    """
    params = {"W": init.glorot_uniform, "U": init.orthogonal(), "B": init.rows(0, 1, 0, 0)}
