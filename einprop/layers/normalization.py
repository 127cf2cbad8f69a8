"""Normalisations: entries shifted and scaled to mean 0 and variance 1 along chosen axes."""

from __future__ import annotations

from einprop.layers import init
from einprop.layers.between import Between
from einprop.layers.init import Initializer
from einprop.layers.layer import Layer
from einprop.layers.options import integer, positive, within

__all__ = ["BatchNorm", "GroupNorm", "LayerNorm", "RMSNorm"]

SCALE_AND_SHIFT = {"gamma": init.constant(1.0), "beta": init.zeros}


class BatchNorm(Layer):
    """Batch normalisation: each feature to mean 0 and variance 1, over all axes but the last.

    ::

        x[b,c], x[b,t,c], x[b,i,j,c]      gamma[c], beta[c]
          └─ mean and variance over all axes but the last

    In training, with N entries of each feature,

        mu_c = 1/N sum_b x_bc,   v_c = 1/N sum_b (x_bc - mu_c)^2
        y_bc = gamma_c (x_bc - mu_c) / sqrt(v_c + epsilon) + beta_c

    and the state follows, with the momentum m (N / (N - 1) is 1 for a single entry):

        running_mean <- (1 - m) running_mean + m mu
        running_variance <- (1 - m) running_variance + m v N / (N - 1)

    In evaluation these two stand in place of mu and v.

    Args:
        momentum: How much of the running statistics a step replaces (as in torch; 0.1).
        epsilon: Keeps the quotient finite.
        **initial: Initialisers of ``gamma`` (ones) and ``beta`` (zeros).

    Raises:
        InputError: An option is out of its range.

    Source: Ioffe and Szegedy, ICML 2015.

    >>> import numpy as np
    >>> layer = BatchNorm()
    >>> parameters = layer.init(np.random.default_rng(0), x=(8, 2))
    >>> {name: array.tolist() for name, array in parameters.items()}
    {'gamma': [1.0, 1.0], 'beta': [0.0, 0.0], 'running_mean': [0.0, 0.0], 'running_variance': [1.0, 1.0]}
    >>> layer.program(parameters, x=[[0.0, 10.0], [2.0, 10.0]])["next_running_mean"]
    array([0.1, 1. ])
    """

    momentum: float
    epsilon: float
    params = SCALE_AND_SHIFT
    state = {"running_mean": init.zeros, "running_variance": init.constant(1.0)}

    def __init__(
        self, *, momentum: float = 0.1, epsilon: float = 1e-5, **initial: Initializer
    ) -> None:
        self._configure(
            initial,
            momentum=within("momentum", momentum, 0, 1),
            epsilon=positive("epsilon", epsilon),
        )

    @property
    def forward(self) -> str:
        """The equations of a training step."""
        kept = f"{1 - self.momentum!r}"
        return f"""
            mu[c] = mean[b](x[b,c])
            centred[b,c] = x[b,c] - mu[c]
            variance[c] = mean[b](centred[b,c]^2)
            next_running_mean[c] = {kept} running_mean[c] + {self.momentum!r} mu[c]
            unbiased[c] = sum[b](centred[b,c]^2) / maximum(sum[b](1) - 1, 1)
            next_running_variance[c] = {kept} running_variance[c] + {self.momentum!r} unbiased[c]
            scale[c] = gamma[c] / sqrt(variance[c] + {self.epsilon!r})
            y[b,c] = centred[b,c] scale[c] + beta[c]
        """

    @property
    def evaluate(self) -> str:
        """The equation that uses the running statistics."""
        return f"""
            scale[c] = gamma[c] / sqrt(running_variance[c] + {self.epsilon!r})
            y[b,c] = (x[b,c] - running_mean[c]) scale[c] + beta[c]
        """


class LayerNorm(Layer):
    """Layer normalisation: the features of each example to mean 0 and variance 1.

    ::

        x[b,i], x[b,t,i]      gamma[i], beta[i]
          └─ mean and variance over the last axis

    y_bi = gamma_i (x_bi - mu_b) / sqrt(v_b + epsilon) + beta_i with mu_b = 1/I sum_i x_bi and
    v_b = 1/I sum_i (x_bi - mu_b)^2.

    Args:
        epsilon: Keeps the quotient finite.
        **initial: Initialisers of ``gamma`` (ones) and ``beta`` (zeros).

    Raises:
        InputError: ``epsilon`` is not above 0.

    Source: Ba, Kiros and Hinton, arXiv 1607.06450, 2016.

    >>> layer = LayerNorm()
    >>> layer({"gamma": [1.0, 1.0], "beta": [0.0, 0.0]}, x=[[3.0, 5.0]]).round(4).tolist()
    [[-1.0, 1.0]]
    """

    epsilon: float
    params = SCALE_AND_SHIFT

    def __init__(self, *, epsilon: float = 1e-5, **initial: Initializer) -> None:
        self._configure(initial, epsilon=positive("epsilon", epsilon))

    @property
    def forward(self) -> str:
        """The equations."""
        return f"""
            centred[b,i] = x[b,i] - mean[i](x[b,i])
            y[b,i] = centred[b,i] gamma[i] / sqrt(mean[i](centred[b,i]^2) + {self.epsilon!r}) + beta[i]
        """


class GroupNorm(Between):
    """Group normalisation: each group of channels of an example to mean 0 and variance 1.

    ::

        x[b,(g c)], x[b,t,(g c)], x[b,i,j,(g c)]      gamma[(g c)], beta[(g c)]
          └─ mean and variance over all axes but the first, and over c

    y_bij(gc) = gamma_(gc) (x_bij(gc) - mu_bg) / sqrt(v_bg + epsilon) + beta_(gc).

    Args:
        groups: How many; it divides the channels. With one this is the normalisation of whole
            examples, with as many as channels that of instances.
        epsilon: Keeps the quotient finite.
        **initial: Initialisers of ``gamma`` (ones) and ``beta`` (zeros).

    Raises:
        InputError: An option is out of its range.
        ShapeError: On `init` or a call: ``groups`` does not divide the channels.

    Source: Wu and He, ECCV 2018.

    >>> from einprop.layers import Affine
    >>> print(str((Affine(6) >> GroupNorm(2)).program).splitlines()[-1])
    y[b,(g c)] = centred[b,g,c] gamma2[(g c)] / sqrt(mean[c](centred[b,g,c]^2) + 1e-05) + beta2[(g c)]
    """

    groups: int
    epsilon: float
    params = SCALE_AND_SHIFT

    def __init__(self, groups: int, *, epsilon: float = 1e-5, **initial: Initializer) -> None:
        self._configure(
            initial, groups=integer("groups", groups), epsilon=positive("epsilon", epsilon)
        )

    @property
    def forward(self) -> str:
        """The equations, for images if nothing says how many axes there are."""
        at = "".join(f"{place}," for place in self.places)
        over = ",".join([*self.places, "c"])
        return f"""
            index g: group < {self.groups}
            centred[b,{at}g,c] = x[b,{at}(g c)] - mean[{over}](x[b,{at}(g c)])
            y[b,{at}(g c)] = centred[b,{at}g,c] gamma[(g c)] /
                sqrt(mean[{over}](centred[b,{at}g,c]^2) + {self.epsilon!r}) + beta[(g c)]
        """


class RMSNorm(Layer):
    """Root mean square normalisation: the features of each example to mean square 1.

    ::

        x[b,i], x[b,t,i]      gamma[i]
          └─ mean square over the last axis

    y_bi = gamma_i x_bi / sqrt(1/I sum_i x_bi^2 + epsilon).

    Args:
        epsilon: Keeps the quotient finite.
        **initial: Another initialiser, of ``gamma``; by default ones.

    Raises:
        InputError: ``epsilon`` is not above 0.

    Source: Zhang and Sennrich, NeurIPS 2019.

    >>> RMSNorm()({"gamma": [1.0, 1.0]}, x=[[3.0, -3.0]]).round(4).tolist()
    [[1.0, -1.0]]
    """

    epsilon: float
    params = {"gamma": init.constant(1.0)}

    def __init__(self, *, epsilon: float = 1e-5, **initial: Initializer) -> None:
        self._configure(initial, epsilon=positive("epsilon", epsilon))

    @property
    def forward(self) -> str:
        """The equation."""
        return f"y[b,i] = x[b,i] gamma[i] / sqrt(mean[i](x[b,i]^2) + {self.epsilon!r})"
