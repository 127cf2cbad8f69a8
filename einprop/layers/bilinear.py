"""The bilinear map: what two tensors make together."""

from __future__ import annotations

from einprop.layers import init
from einprop.layers.layer import Layer

__all__ = ["Bilinear"]


class Bilinear(Layer):
    """Bilinear map of x and a further input z: y_bk = sum_ij x_bi W_ijk z_bj + B_k.

    ::

        x[b,i] ──┐
                 ├── W[i,j,k] ──▶ + B[k] ──▶ y[b,k]
        z[b,j] ──┘

    ``Bilinear(10)`` has 10 units. Weights start from N(0, 1 / (i j)), biases at 0.

    Source: Tenenbaum and Freeman, Neural Computation 12, 2000; ``torch.nn.Bilinear``.

    >>> import numpy as np
    >>> bilinear = Bilinear(10)
    >>> parameters = bilinear.init(np.random.default_rng(0), x=(4, 3), z=(4, 5))
    >>> parameters["W"].shape
    (3, 5, 10)
    >>> bilinear(parameters, x=np.ones((4, 3)), z=np.ones((4, 5))).shape
    (4, 10)
    """

    forward = "y[b,k] = x[b,i] W[i,j,k] z[b,j] + B[k]"
    params = {"W": init.lecun_normal, "B": init.zeros}
    units = {"k": "feature"}
