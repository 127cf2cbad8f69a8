"""Activations: functions of each entry of a tensor of any shape, softmax, and dropout."""

from __future__ import annotations

from collections.abc import Mapping

from einprop.errors import InputError
from einprop.layers.layer import Layer
from einprop.layers.noise import Noise, bernoulli
from einprop.layers.options import positive, within
from einprop.options import one_of

__all__ = [
    "ELU",
    "GELU",
    "Dropout",
    "LeakyReLU",
    "LogSoftmax",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
]


class ReLU(Layer):
    """Rectified linear unit: y = max(x, 0), with derivative 0 at 0.

    ::

        x[…] ──▶ y[…]      any axes, the same shape

    Source: Nair and Hinton, ICML 2010.

    >>> from einprop.layers import Affine
    >>> print(str((Affine(3) >> ReLU()).program).splitlines()[-1])
    y[b,j] = relu(x[b,i] W[i,j] + B[j])
    """

    forward = "y = relu(x)"


class LeakyReLU(Layer):
    """Leaky rectified linear unit: y = x where x > 0, else slope x.

    ::

        x[…] ──▶ y[…]      any axes, the same shape

    Args:
        slope: Below 0.

    Raises:
        InputError: The slope is no finite number.

    Source: Maas, Hannun and Ng, ICML 2013.

    >>> LeakyReLU(0.1)({}, x=[-2.0, 3.0]).tolist()
    [-0.2, 3.0]
    """

    slope: float

    def __init__(self, slope: float = 0.01) -> None:
        self._configure(slope=within("slope", slope, -1e30, 1e30))

    @property
    def forward(self) -> str:
        """The equation."""
        return f"y = leaky_relu(x, {self.slope!r})"


class ELU(Layer):
    """Exponential linear unit: y = x where x > 0, else alpha (exp(x) - 1).

    ::

        x[…] ──▶ y[…]      any axes, the same shape

    Args:
        alpha: What y goes to, with the sign changed, as x goes to minus infinity.

    Raises:
        InputError: ``alpha`` is not above 0.

    Source: Clevert, Unterthiner and Hochreiter, ICLR 2016.

    >>> ELU()({}, x=[-1.0, 3.0]).round(6).tolist()
    [-0.632121, 3.0]
    """

    alpha: float

    def __init__(self, alpha: float = 1.0) -> None:
        self._configure(alpha=positive("alpha", alpha))

    @property
    def forward(self) -> str:
        """The equation."""
        return f"y = elu(x, {self.alpha!r})"


class GELU(Layer):
    """Gaussian error linear unit: y = x P(Z < x) with Z from N(0, 1).

    ::

        x[…] ──▶ y[…]      any axes, the same shape

    P(Z < x) = (1 + erf(x / sqrt(2))) / 2, or approximately
    (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.

    Args:
        approximate: ``none``, or ``tanh`` for the second form (GPT-2's).

    Raises:
        InputError: ``approximate`` is neither.

    Source: Hendrycks and Gimpel, arXiv 1606.08415, 2016.

    >>> GELU()({}, x=1.0).round(6), GELU(approximate="tanh")({}, x=1.0).round(6)
    (np.float64(0.841345), np.float64(0.841192))
    """

    approximate: str

    def __init__(self, *, approximate: str = "none") -> None:
        one_of("approximate", approximate, ("none", "tanh"))
        self._configure(approximate=approximate)

    @property
    def forward(self) -> str:
        """The equation; both forms are definitions of the prelude."""
        return "y = gelu(x)" if self.approximate == "none" else "y = gelu_tanh(x)"


class SiLU(Layer):
    """Sigmoid linear unit (swish): y = x / (1 + exp(-x)).

    ::

        x[…] ──▶ y[…]      any axes, the same shape

    Source: Elfwing, Uchibe and Doya, Neural Networks 107, 2018.

    >>> SiLU()({}, x=[0.0, 1.0]).round(6).tolist()
    [0.0, 0.731059]
    """

    forward = "y = silu(x)"


class Softplus(Layer):
    """Smooth rectifier: y = log(1 + exp(x)), computed without overflow.

    ::

        x[…] ──▶ y[…]      any axes, the same shape

    Source: Dugas, Bengio, Bélisle, Nadeau and Garcia, NIPS 2000.

    >>> Softplus()({}, x=[0.0, 1000.0]).round(6).tolist()
    [0.693147, 1000.0]
    """

    forward = "y = softplus(x)"


class Sigmoid(Layer):
    """Logistic function: y = 1 / (1 + exp(-x)).

    ::

        x[…] ──▶ y[…]      any axes, the same shape

    Source: McAllester, TTIC 31230, lecture 2.

    >>> from einprop.layers import Affine
    >>> print(str((Affine(1) >> Sigmoid()).program).splitlines()[-1])
    y[b,j] = sigmoid(x[b,i] W[i,j] + B[j])
    """

    forward = "y = sigmoid(x)"


class Tanh(Layer):
    """Hyperbolic tangent: y = (exp(x) - exp(-x)) / (exp(x) + exp(-x)).

    ::

        x[…] ──▶ y[…]      any axes, the same shape

    Source: LeCun, Bottou, Orr and Müller, "Efficient BackProp", 1998.

    >>> from einprop.layers import Affine
    >>> print(str((Affine(200) >> Tanh()).program).splitlines()[-1])
    y[b,j] = tanh(x[b,i] W[i,j] + B[j])
    """

    forward = "y = tanh(x)"


class Softmax(Layer):
    """Probabilities of the k classes: y_k = exp(x_k) / sum_k' exp(x_k').

    ::

        x[b,k] ──▶ y[b,k]      along the last axis

    To train a classifier, leave it away and end the network with ``losses.CrossEntropy``, which
    reads logits.

    Source: Bridle, NIPS 1989.

    >>> import numpy as np
    >>> probabilities = Softmax()({}, x=np.array([[0.0, 0.0], [1e4, 0.0]]))
    >>> probabilities.tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """

    forward = "y[b,k] = softmax[k](x[b,k])"


class LogSoftmax(Layer):
    """Logarithms of the probabilities of the k classes: y_k = x_k - log sum_k' exp(x_k').

    ::

        x[b,k] ──▶ y[b,k]      along the last axis

    Source: Bridle, NIPS 1989.

    >>> LogSoftmax()({}, x=[[0.0, 0.0], [1e4, 0.0]]).round(6).tolist()
    [[-0.693147, -0.693147], [0.0, -10000.0]]
    """

    forward = "y[b,k] = log_softmax[k](x[b,k])"


class Dropout(Layer):
    """In training each entry is 0 with probability ``rate``, and the others grow to make up for it.

    ::

        x[…] ──▶ * mask[…] / (1 - rate) ──▶ y[…]      any axes, the same shape

    mask is 0 or 1, drawn anew at every training step. In evaluation y = x.

    Args:
        rate: From 0 up to, and without, 1.

    Raises:
        InputError: The rate is not.

    Source: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, JMLR 15, 2014.

    >>> Dropout(0.2).with_axes(1).program({"x": [1.0, 2.0], "mask": [0.0, 1.0]})
    array([0. , 2.5])
    >>> Dropout(0.2)({}, x=[1.0, 2.0])
    array([1., 2.])
    """

    rate: float
    evaluate = "y = x"

    def __init__(self, rate: float = 0.5) -> None:
        if within("rate", rate, 0, 1) == 1:
            raise InputError("rate is 1, so nothing would be left", hint="it is less than 1")
        self._configure(rate=float(rate))

    @property
    def forward(self) -> str:
        """The equation of a training step."""
        return f"y = x mask / {1 - self.rate!r}"

    @property
    def noise(self) -> Mapping[str, Noise]:
        """The mask."""
        return {"mask": bernoulli(1 - self.rate)}
