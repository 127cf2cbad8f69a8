"""Losses: layers that end a network in the scalar ``loss``, the mean over the batch.

A loss compares what the network says with targets::

    x[b,k] ──┐
             ├──▶ loss, one number
    t[b,k] ──┘    t[b] where targets are integers, the numbers of classes

It sums over what one example has (its classes, its outputs) and takes the mean over the examples, so
that its size does not depend on the batch and a step does not depend on how many outputs share it.
Behind a network of sequences, ``x[b,t,k]``, every position is an example of its own, with targets
``t[b,t,k]`` or ``t[b,t]``, and so it is with pixels. PyTorch's
``reduction="mean"`` also divides by the number of outputs where the targets have the shape of ``x``;
that is this loss divided by the size of ``k``.
"""

from __future__ import annotations

from einprop.layers.layer import Loss
from einprop.layers.options import positive

__all__ = [
    "AbsoluteError",
    "CrossEntropy",
    "Hinge",
    "Huber",
    "KullbackLeibler",
    "LogLoss",
    "LogisticCrossEntropy",
    "MulticlassHinge",
    "SquaredError",
]


class AbsoluteError(Loss):
    """Absolute distance of x[b,k] from the targets t[b,k].

    ``loss = (1/N) sum_b sum_k |x_bk - t_bk|``. Its derivative is sign(x - t) / N, and 0 at x = t.

    Source: Laplace, 1774; ``torch.nn.L1Loss``.

    >>> import numpy as np
    >>> float(AbsoluteError()({}, x=np.array([[1.0, 2.0]]), t=np.array([[0.0, 0.0]])))
    3.0
    """

    forward = "loss = mean[b](sum[k](abs(x[b,k] - t[b,k])))"


class CrossEntropy(Loss):
    """Softmax cross-entropy of logits x[b,k] against target distributions t[b,k], or classes t[b].

    loss = -(1/N) sum_b sum_k t_bk log softmax(x)_bk. With ``integers=True`` the targets t_b are
    numbers of classes and loss = -(1/N) sum_b log softmax(x)_b,t_b, which is the same for one-hot
    rows and reads one logarithm an example. Nobody told either that its derivative is
    (softmax(x) - t) / N.

    Args:
        integers: Whether targets are integers ``t[b]`` from 0 to K - 1 instead of rows ``t[b,k]``.

    Raises:
        InputError: On a call, an integer target names no class.

    Source: McAllester, TTIC 31230, lecture 1.

    >>> import numpy as np
    >>> loss = CrossEntropy()({}, x=np.zeros((2, 10)), t=np.eye(10)[[3, 7]])
    >>> round(float(loss), 6) == round(float(np.log(10)), 6)
    True
    >>> loss == CrossEntropy(integers=True)({}, x=np.zeros((2, 10)), t=[3, 7])
    np.True_
    """

    integers: bool

    def __init__(self, *, integers: bool = False) -> None:
        self._configure(integers=integers)

    @property
    def forward(self) -> str:
        """The equation for targets of that kind."""
        if self.integers:
            return "loss = mean[b](logsumexp[k](x[b,k]) - x[b,t[b]])"
        return "loss = -mean[b](sum[k](t[b,k] log_softmax[k](x[b,k])))"


class Hinge(Loss):
    """Hinge loss of two-class scores x[b,k] against targets t[b,k] of -1 and 1.

    loss = (1/N) sum_b sum_k max(0, 1 - t_bk x_bk): 0 where t x is 1 or more, and so is the
    derivative. Every k is a question of its own with two answers; a network that asks one question
    ends in ``Affine(1)``.

    Source: Cortes and Vapnik, Machine Learning 20, 1995.

    >>> import numpy as np
    >>> scores, targets = np.array([[2.0], [0.5], [-1.0]]), np.array([[1.0], [1.0], [1.0]])
    >>> round(float(Hinge()({}, x=scores, t=targets)), 6)
    0.833333
    """

    forward = "loss = mean[b](sum[k](relu(1 - t[b,k] x[b,k])))"


class Huber(Loss):
    """Huber loss of x[b,k] from the targets t[b,k]: squared up to a distance, absolute beyond it.

    loss = (1/N) sum_b sum_k h(x_bk - t_bk), where h(e) is e^2 / 2 for ``|e|`` up to delta and
    ``delta (|e| - delta / 2)`` beyond. The derivative is x - t, cut at -delta and delta, over N.

    Args:
        delta: Where the one becomes the other.

    Raises:
        InputError: ``delta`` is no number above 0.

    Source: Huber, Annals of Mathematical Statistics 35, 1964; ``torch.nn.HuberLoss``.

    >>> import numpy as np
    >>> float(Huber()({}, x=np.array([[0.5, 3.0]]), t=np.array([[0.0, 0.0]])))
    2.625
    """

    delta: float

    def __init__(self, delta: float = 1.0) -> None:
        self._configure(delta=positive("delta", delta))

    @property
    def forward(self) -> str:
        """The equation with that delta."""
        return f"loss = mean[b](sum[k](huber(x[b,k] - t[b,k], {self.delta!r})))"


class KullbackLeibler(Loss):
    """Kullback-Leibler divergence of the softmax of x[b,k] from target distributions t[b,k].

    loss = (1/N) sum_b sum_k t_bk (log t_bk - log softmax(x)_bk), where 0 log 0 is 0. This is
    cross-entropy less the entropy of the targets: 0 where the two distributions agree, with the
    same gradient for x. What is a logarithm of probabilities already is its own log-softmax, so x
    may be that too (the input of ``torch.nn.KLDivLoss(reduction="batchmean")``).

    Source: Kullback and Leibler, Annals of Mathematical Statistics 22, 1951.

    >>> import numpy as np
    >>> t = np.array([[0.25, 0.75], [0.0, 1.0]])
    >>> round(float(KullbackLeibler()({}, x=np.log(t + 1e-300), t=t)), 6)
    0.0
    """

    forward = """
        logarithm[b,k] = log(where([t[b,k] > 0], t[b,k], 1))
        loss = mean[b](sum[k](t[b,k] (logarithm[b,k] - log_softmax[k](x[b,k]))))
    """


class LogisticCrossEntropy(Loss):
    """Logistic (binary) cross-entropy of logits x[b,k] against targets t[b,k] from 0 to 1.

    loss = -(1/N) sum_b sum_k (t_bk log p_bk + (1 - t_bk) log(1 - p_bk)) with p = sigmoid(x), which
    is softplus(x) - t x. Every k is a question of its own; a network that asks one question ends in
    ``Affine(1)``. Nobody told it that its derivative is (p - t) / N.

    Source: Cox, Journal of the Royal Statistical Society B 20, 1958;
    ``torch.nn.BCEWithLogitsLoss``.

    >>> import numpy as np
    >>> logits, targets = np.array([[0.0], [1e4]]), np.array([[0.0], [1.0]])
    >>> round(float(LogisticCrossEntropy()({}, x=logits, t=targets)), 6)
    0.346574
    """

    forward = "loss = mean[b](sum[k](softplus(x[b,k]) - t[b,k] x[b,k]))"


class LogLoss(Loss):
    """Cross-entropy of probabilities x[b,k], after `Softmax`, against target distributions t[b,k].

    loss = -(1/N) sum_b sum_k t_bk log x_bk. Behind `Softmax` the compiler makes one stable function
    of the two. On its own it follows IEEE: log 0 is -inf, and 0 log 0 is nan.

    Source: EDF, McAllester, TTIC 31230.

    >>> import numpy as np
    >>> round(float(LogLoss()({}, x=np.array([[0.25, 0.75]]), t=np.array([[0.0, 1.0]]))), 6)
    0.287682
    """

    forward = "loss = -mean[b](sum[k](t[b,k] log(x[b,k])))"


class MulticlassHinge(Loss):
    """Hinge loss of the scores x[b,k] of many classes: 0 where the target leads by the margin.

    loss = (1/N) sum_b (1/K) sum over k other than t_b of max(0, margin - x_b,t_b + x_bk), with K
    classes; dividing by K is the custom of ``torch.nn.MultiMarginLoss``. One-hot rows ``t[b,k]``
    serve as well as integers ``t[b]``.

    Args:
        margin: By how much the target's score has to lead.
        integers: Whether targets are integers ``t[b]`` from 0 to K - 1 instead of one-hot rows.

    Raises:
        InputError: ``margin`` is no number above 0; or, on a call, an integer target names no class.

    Source: Weston and Watkins, ESANN 1999; ``torch.nn.MultiMarginLoss``.

    >>> import numpy as np
    >>> scores = np.array([[3.0, 1.0, 2.5]])
    >>> round(float(MulticlassHinge(integers=True)({}, x=scores, t=[0])), 6)
    0.166667
    >>> round(float(MulticlassHinge()({}, x=scores, t=[[1, 0, 0]])), 6)
    0.166667
    """

    margin: float
    integers: bool

    def __init__(self, margin: float = 1.0, *, integers: bool = False) -> None:
        self._configure(margin=positive("margin", margin), integers=integers)

    @property
    def forward(self) -> str:
        """The equations for targets of that kind."""
        target, other = ("x[b,t[b]]", "[k != t[b]]") if self.integers else ("s[b]", "(1 - t[b,k])")
        score = "" if self.integers else "s[b] = t[b,k] x[b,k]"
        return f"""
            {score}
            loss = mean[b](mean[k]({other} relu({self.margin!r} - {target} + x[b,k])))
        """


class SquaredError(Loss):
    """Half the squared distance of x[b,k] from the targets t[b,k].

    loss = (1/N) sum_b 1/2 sum_k (x_bk - t_bk)^2. The half is the one of the quadratic loss in
    lectures, by which the derivative is (x - t) / N.

    Source: Gauss, Theoria motus, 1809; ``torch.nn.MSELoss`` without the half.

    >>> import numpy as np
    >>> float(SquaredError()({}, x=np.array([[1.0, 2.0]]), t=np.array([[0.0, 0.0]])))
    2.5
    """

    forward = "loss = mean[b](sum[k]((x[b,k] - t[b,k])^2)) / 2"
