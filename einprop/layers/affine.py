"""The affine map, and its two halves: a scale and a shift of every feature."""

from __future__ import annotations

from collections.abc import Mapping

from einprop.errors import InputError
from einprop.layers import init
from einprop.layers.init import Initializer
from einprop.layers.layer import Layer

__all__ = ["Affine", "Bias", "Scale"]


class Affine(Layer):
    """Affine map (fully connected layer, ``Dense``, ``Linear``): y = x W + B.

    ::

        x[b,i] ──▶ W[i,j] ──▶ + B[j] ──▶ y[b,j]

    ``Affine(200)`` has 200 units. Weights start from N(0, 2 / (fan_in + fan_out)), biases at 0;
    ``Affine(200, W=init.normal(0.01))`` says otherwise.

    Args:
        *sizes: The number of units.
        bias: Whether there is a ``B``.
        **named: Initialisers of ``W`` and ``B``.

    Raises:
        InputError: The number of units is no positive integer.

    Source: McAllester, TTIC 31230, lecture 2; initialisation: Glorot and Bengio, AISTATS 2010.

    >>> import numpy as np
    >>> affine = Affine(2)
    >>> parameters = affine.init(np.random.default_rng(0), x=(4, 3))
    >>> parameters["W"].shape, parameters["B"].tolist()
    ((3, 2), [0.0, 0.0])
    >>> affine(parameters, x=np.ones((4, 3))).shape
    (4, 2)
    >>> print(str(Affine(2, bias=False).program).splitlines()[-1])
    y[b,j] = x[b,i] W[i,j]
    """

    bias: bool
    units = {"j": "feature"}

    def __init__(self, *sizes: int, bias: bool = True, **named: int | Initializer) -> None:
        if not isinstance(bias, bool):
            raise InputError(f"bias is {bias!r}", hint="it is True or False")
        self._set(bias=bias)
        super().__init__(*sizes, **named)
        self._set(options={"bias": bias})

    @property
    def forward(self) -> str:
        """The equation."""
        return f"y[b,j] = x[b,i] W[i,j]{' + B[j]' if self.bias else ''}"

    @property
    def params(self) -> Mapping[str, Initializer]:
        """The weights, and the biases if there are any."""
        return {"W": init.glorot_normal, **({"B": init.zeros} if self.bias else {})}


class Bias(Layer):
    """A number added to every feature: y = x + B.

    ::

        x[b,i] ──▶ + B[i] ──▶ y[b,i]

    Source: ``Parameter`` and addition in McAllester, TTIC 31230.

    >>> Bias()({"B": [10.0, 20.0]}, x=[[1.0, 2.0]]).tolist()
    [[11.0, 22.0]]
    """

    forward = "y[b,i] = x[b,i] + B[i]"
    params = {"B": init.zeros}


class Scale(Layer):
    """A factor for every feature: y = gamma x.

    ::

        x[b,i] ──▶ * gamma[i] ──▶ y[b,i]

    Source: the scale of Ioffe and Szegedy, ICML 2015; alone, Touvron et al., ICCV 2021 (LayerScale).

    >>> Scale()({"gamma": [10.0, 20.0]}, x=[[1.0, 2.0]]).tolist()
    [[10.0, 40.0]]
    """

    forward = "y[b,i] = gamma[i] x[b,i]"
    params = {"gamma": init.constant(1.0)}
