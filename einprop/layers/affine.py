"""The affine map."""

from __future__ import annotations

from einprop.layers import init
from einprop.layers.layer import Layer

__all__ = ["Affine"]


class Affine(Layer):
    """Affine map (fully connected layer, ``Dense``, ``Linear``): y = x W + B.

    ``Affine(200)`` has 200 units. Weights start from N(0, 2 / (fan_in + fan_out)), biases at 0.

    Source: McAllester, TTIC 31230, lecture 2; initialisation: Glorot and Bengio, AISTATS 2010.

    >>> import numpy as np
    >>> affine = Affine(2)
    >>> parameters = affine.init(np.random.default_rng(0), x=(4, 3))
    >>> parameters["W"].shape, parameters["B"].tolist()
    ((3, 2), [0.0, 0.0])
    >>> affine(parameters, x=np.ones((4, 3))).shape
    (4, 2)
    """

    forward = "y[b,j] = x[b,i] W[i,j] + B[j]"
    params = {"W": init.glorot_normal, "B": init.zeros}
    units = {"j": "feature"}
