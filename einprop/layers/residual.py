"""Residual networks: what enters is added to what layers make of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from einprop.errors import InputError
from einprop.layers.layer import Layer
from einprop.layers.network import Network
from einprop.layers.parts import LOSS

__all__ = ["Residual"]


class Residual(Layer):
    """A network with a connection around it: y = x + network(x).

    What leaves the network has the shape of what enters::

        x ──┬── network ── + ── y
            └──────────────┘

    Its equations stand in the one program of the whole chain, and the sum behind them.

    Args:
        network: The layers, at least one, none of them a loss.

    Raises:
        InputError: It ends in a loss.
        IndexTypeError: What leaves the network has another number of axes, as composing finds out.
        ShapeError: It has another shape.

    Source: He, Zhang, Ren and Sun, CVPR 2016.

    >>> from einprop.layers import Affine, ReLU
    >>> network = Affine(8) >> Residual(Affine(16) >> ReLU() >> Affine(8)) >> Affine(2)
    >>> for line in str(network.program).splitlines()[-5:]:
    ...     print(line)
    h1[b,j] = x[b,i] W1[i,j] + B1[j]
    h2[b,k] = relu(h1[b,j] W2[j,k] + B2[k])
    h3[b,l] = h2[b,k] W3[k,l] + B3[l]
    h4[b,j] = h1[b,j] + h3[b,j]
    y[b,m] = h4[b,j] W4[j,m] + B4[m]
    """

    network: Network
    forward = "y = x"

    def __init__(self, network: Network) -> None:
        if not isinstance(network, Network) or network.layers[-1].output == LOSS:
            raise InputError(
                f"a residual network cannot go around {network!r}",
                hint="it goes around layers that give what they take, "
                "as in Residual(Affine(8) >> Tanh())",
            )
        network.refuse_ties("in a residual network")
        self._configure(network=network)

    @property
    def branch(self) -> tuple[Layer, ...]:
        """The layers that stand beside the connection."""
        return self.network.layers

    @property
    def _made(self) -> tuple[Mapping[str, Any], ...]:
        return ({"layers": self.branch},)
