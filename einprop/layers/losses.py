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

With ``weighted=True`` the network has a further input ``weight[b]`` (``weight[b,t]`` behind one of
sequences), and the mean is sum_b weight_b loss_b / sum_b weight_b: examples that count for more, or,
with weights 0 and 1, a mask for padding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from einprop.errors import InputError
from einprop.layers import init
from einprop.layers.init import Initializer
from einprop.layers.layer import Loss
from einprop.layers.options import integer, number, positive, within
from einprop.options import flag, instance

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


class _Mean(Loss):
    """Losses that are a mean over the examples, each counting as much or by a weight.

    Subclasses say what one example loses; ``before`` and ``behind`` are what the mean is scaled by.
    """

    weighted: bool

    def __init__(self, *, weighted: bool = False) -> None:
        self._configure(weighted=flag("weighted", weighted))

    @property
    def each(self) -> str:
        """The loss of one example."""
        raise NotImplementedError

    @property
    def before(self) -> str:
        """The factor before the mean."""
        return ""

    @property
    def behind(self) -> str:
        """The factor behind the mean."""
        return ""

    @property
    def weights(self) -> list[str]:
        """The factors of an example's weight; none where all count the same."""
        return ["weight[b]"] if self.weighted else []

    @property
    def forward(self) -> str:
        """The equation."""
        return self._mean(self.weights)

    def _mean(self, total: Sequence[str]) -> str:
        if not total:
            return f"loss = {self.before}mean[b]({self.each}){self.behind}"
        summed = " * ".join([*self.weights, f"({self.each})"])
        weight = f"loss.weight = sum[b]({' * '.join(total)})"
        return f"{weight}\nloss = {self.before}sum[b]({summed}){self.behind} / loss.weight"


class AbsoluteError(_Mean):
    """Absolute distance of x[b,k] from the targets t[b,k].

    ``loss = (1/N) sum_b sum_k |x_bk - t_bk|``. Its derivative is sign(x - t) / N, and 0 at x = t.

    Args:
        weighted: Whether examples count by a further input ``weight[b]``.

    Source: Laplace, 1774; ``torch.nn.L1Loss``.

    >>> import numpy as np
    >>> float(AbsoluteError()({}, x=np.array([[1.0, 2.0]]), t=np.array([[0.0, 0.0]])))
    3.0
    """

    each = "sum[k](abs(x[b,k] - t[b,k]))"


class CrossEntropy(_Mean):
    """Softmax cross-entropy of logits x[b,k] against target distributions t[b,k], or classes t[b].

    loss = -(1/N) sum_b sum_k t_bk log softmax(x)_bk. With ``integers=True`` the targets t_b are
    numbers of classes and loss = -(1/N) sum_b log softmax(x)_b,t_b, which is the same for one-hot
    rows and reads one logarithm an example. Nobody told either that its derivative is
    (softmax(x) - t) / N.

    Args:
        integers: Whether targets are integers ``t[b]`` from 0 to K - 1 instead of rows ``t[b,k]``.
        label_smoothing: The share of every target that is spread evenly over the classes, from 0 to
            1: t_bk becomes (1 - share) t_bk + share / K.
        ignore_index: An integer target that does not count, such as -100 where a sequence is padded;
            the mean is over the others.
        class_weights: A weight for each class, as numbers of the network's state. A sum over k of
            terms times their weights; with integers the mean divides by the weights of the targets.
        weighted: Whether examples count by a further input ``weight[b]``.

    Raises:
        InputError: An option is out of its range, ``ignore_index`` stands without ``integers``; or,
            on a call, an integer target names no class.
        ShapeError: On ``init``: there are not as many weights as classes.

    Source: McAllester, TTIC 31230, lecture 1; Szegedy et al., CVPR 2016 (smoothing);
    ``torch.nn.CrossEntropyLoss``.

    >>> import numpy as np
    >>> loss = CrossEntropy()({}, x=np.zeros((2, 10)), t=np.eye(10)[[3, 7]])
    >>> round(float(loss), 6) == round(float(np.log(10)), 6)
    True
    >>> loss == CrossEntropy(integers=True)({}, x=np.zeros((2, 10)), t=[3, 7])
    np.True_
    >>> masked = CrossEntropy(integers=True, ignore_index=-100)
    >>> loss == masked({}, x=np.zeros((3, 10)), t=[3, -100, 7])
    np.True_
    """

    integers: bool
    label_smoothing: float
    ignore_index: int | None
    class_weights: tuple[float, ...] | None

    def __init__(
        self,
        *,
        integers: bool = False,
        label_smoothing: float = 0.0,
        ignore_index: int | None = None,
        class_weights: Sequence[float] | None = None,
        weighted: bool = False,
    ) -> None:
        if ignore_index is not None:
            ignore_index = integer("ignore_index", ignore_index, None)
            if not integers:
                raise InputError(
                    f"ignore_index is {ignore_index}, and targets are distributions",
                    hint="write integers=True, or weighted=True with weight[b] 0 where none counts",
                )
        if class_weights is not None:
            instance("class_weights", class_weights, (list, tuple, np.ndarray), "a number a class")
            class_weights = tuple(number("class_weights", each) for each in class_weights)
        self._configure(
            integers=flag("integers", integers),
            label_smoothing=within("label_smoothing", label_smoothing, 0, 1),
            ignore_index=ignore_index,
            class_weights=class_weights,
            weighted=flag("weighted", weighted),
        )

    @property
    def state(self) -> Mapping[str, Initializer]:
        """The weights of the classes, which no step changes."""
        return (
            {} if self.class_weights is None else {"class_weight": init.rows(*self.class_weights)}
        )

    @property
    def weights(self) -> list[str]:
        """The factors of an example's weight, 0 where its target does not count."""
        ignored = self.ignore_index
        return super().weights + ([] if ignored is None else [f"[t[b] != {ignored}]"])

    @property
    def forward(self) -> str:
        """The equations for targets of that kind."""
        weighing = self.integers and self.class_weights is not None
        lines = [self._mean([*self.weights, self._weight] if weighing else self.weights)]
        if self.ignore_index is not None:
            lines.insert(0, f"label[b] = where([t[b] == {self.ignore_index}], 0, t[b])")
        if self.class_weights is not None:
            size = len(self.class_weights)
            lines.insert(0, f"index k: class < {size}; input x[b,k], class_weight[k]")
        return "\n".join(lines)

    @property
    def _label(self) -> str:
        return "t[b]" if self.ignore_index is None else "label[b]"

    @property
    def _weight(self) -> str:
        return f"class_weight[{self._label}]"

    @property
    def before(self) -> str:
        """The sign of the mean."""
        return "" if self.integers else "-"

    @property
    def each(self) -> str:
        """The loss of one example; with its sign changed where targets are distributions."""
        share, weighing = self.label_smoothing, self.class_weights is not None
        by_class = "class_weight[k] " if weighing else ""
        if self.integers:
            target = f"logsumexp[k](x[b,k]) - x[b,{self._label}]"
            target = f"{self._weight} ({target})" if weighing else target
            spread = f"-mean[k]({by_class}log_softmax[k](x[b,k]))"
        else:
            target = f"sum[k]({by_class}t[b,k] log_softmax[k](x[b,k]))"
            spread = f"mean[k]({by_class}log_softmax[k](x[b,k]))"
        return f"{1 - share!r} ({target}) + {share!r} ({spread})" if share else target


class Hinge(_Mean):
    """Hinge loss of two-class scores x[b,k] against targets t[b,k] of -1 and 1.

    loss = (1/N) sum_b sum_k max(0, 1 - t_bk x_bk): 0 where t x is 1 or more, and so is the
    derivative. Every k is a question of its own with two answers; a network that asks one question
    ends in ``Affine(1)``.

    Args:
        weighted: Whether examples count by a further input ``weight[b]``.

    Source: Cortes and Vapnik, Machine Learning 20, 1995.

    >>> import numpy as np
    >>> scores, targets = np.array([[2.0], [0.5], [-1.0]]), np.array([[1.0], [1.0], [1.0]])
    >>> round(float(Hinge()({}, x=scores, t=targets)), 6)
    0.833333
    """

    each = "sum[k](relu(1 - t[b,k] x[b,k]))"


class Huber(_Mean):
    """Huber loss of x[b,k] from the targets t[b,k]: squared up to a distance, absolute beyond it.

    loss = (1/N) sum_b sum_k h(x_bk - t_bk), where h(e) is e^2 / 2 for ``|e|`` up to delta and
    ``delta (|e| - delta / 2)`` beyond. The derivative is x - t, cut at -delta and delta, over N.

    Args:
        delta: Where the one becomes the other.
        weighted: Whether examples count by a further input ``weight[b]``.

    Raises:
        InputError: ``delta`` is no number above 0.

    Source: Huber, Annals of Mathematical Statistics 35, 1964; ``torch.nn.HuberLoss``.

    >>> import numpy as np
    >>> float(Huber()({}, x=np.array([[0.5, 3.0]]), t=np.array([[0.0, 0.0]])))
    2.625
    """

    delta: float

    def __init__(self, delta: float = 1.0, *, weighted: bool = False) -> None:
        self._configure(delta=positive("delta", delta), weighted=flag("weighted", weighted))

    @property
    def each(self) -> str:
        """The loss of one example with that delta."""
        return f"sum[k](huber(x[b,k] - t[b,k], {self.delta!r}))"


class KullbackLeibler(_Mean):
    """Kullback-Leibler divergence of the softmax of x[b,k] from target distributions t[b,k].

    loss = (1/N) sum_b sum_k t_bk (log t_bk - log softmax(x)_bk), where 0 log 0 is 0. This is
    cross-entropy less the entropy of the targets: 0 where the two distributions agree, with the
    same gradient for x. What is a logarithm of probabilities already is its own log-softmax, so x
    may be that too (the input of ``torch.nn.KLDivLoss(reduction="batchmean")``).

    Args:
        weighted: Whether examples count by a further input ``weight[b]``.

    Source: Kullback and Leibler, Annals of Mathematical Statistics 22, 1951.

    >>> import numpy as np
    >>> t = np.array([[0.25, 0.75], [0.0, 1.0]])
    >>> round(float(KullbackLeibler()({}, x=np.log(t + 1e-300), t=t)), 6)
    0.0
    """

    each = "sum[k](t[b,k] (logarithm[b,k] - log_softmax[k](x[b,k])))"

    @property
    def forward(self) -> str:
        """The equations."""
        logarithm = "logarithm[b,k] = log(where([t[b,k] > 0], t[b,k], 1))"
        return f"{logarithm}\n{super().forward}"


class LogisticCrossEntropy(_Mean):
    """Logistic (binary) cross-entropy of logits x[b,k] against targets t[b,k] from 0 to 1.

    loss = -(1/N) sum_b sum_k (t_bk log p_bk + (1 - t_bk) log(1 - p_bk)) with p = sigmoid(x), which
    is softplus(x) - t x. Every k is a question of its own; a network that asks one question ends in
    ``Affine(1)``. Nobody told it that its derivative is (p - t) / N.

    Args:
        weighted: Whether examples count by a further input ``weight[b]``.

    Source: Cox, Journal of the Royal Statistical Society B 20, 1958;
    ``torch.nn.BCEWithLogitsLoss``.

    >>> import numpy as np
    >>> logits, targets = np.array([[0.0], [1e4]]), np.array([[0.0], [1.0]])
    >>> round(float(LogisticCrossEntropy()({}, x=logits, t=targets)), 6)
    0.346574
    """

    each = "sum[k](softplus(x[b,k]) - t[b,k] x[b,k])"


class LogLoss(_Mean):
    """Cross-entropy of probabilities x[b,k], after `Softmax`, against target distributions t[b,k].

    loss = -(1/N) sum_b sum_k t_bk log x_bk. Behind `Softmax` the compiler makes one stable function
    of the two. On its own it follows IEEE: log 0 is -inf, and 0 log 0 is nan.

    Args:
        weighted: Whether examples count by a further input ``weight[b]``.

    Source: EDF, McAllester, TTIC 31230.

    >>> import numpy as np
    >>> round(float(LogLoss()({}, x=np.array([[0.25, 0.75]]), t=np.array([[0.0, 1.0]]))), 6)
    0.287682
    """

    each = "sum[k](t[b,k] log(x[b,k]))"
    before = "-"


class MulticlassHinge(_Mean):
    """Hinge loss of the scores x[b,k] of many classes: 0 where the target leads by the margin.

    loss = (1/N) sum_b (1/K) sum over k other than t_b of max(0, margin - x_b,t_b + x_bk), with K
    classes; dividing by K is the custom of ``torch.nn.MultiMarginLoss``. One-hot rows ``t[b,k]``
    serve as well as integers ``t[b]``.

    Args:
        margin: By how much the target's score has to lead.
        integers: Whether targets are integers ``t[b]`` from 0 to K - 1 instead of one-hot rows.
        weighted: Whether examples count by a further input ``weight[b]``.

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

    def __init__(
        self, margin: float = 1.0, *, integers: bool = False, weighted: bool = False
    ) -> None:
        self._configure(
            margin=positive("margin", margin),
            integers=flag("integers", integers),
            weighted=flag("weighted", weighted),
        )

    @property
    def each(self) -> str:
        """The loss of one example for targets of that kind."""
        target, other = ("x[b,t[b]]", "[k != t[b]]") if self.integers else ("s[b]", "(1 - t[b,k])")
        return f"mean[k]({other} relu({self.margin!r} - {target} + x[b,k]))"

    @property
    def forward(self) -> str:
        """The equations."""
        score = "" if self.integers else "s[b] = t[b,k] x[b,k]\n"
        return f"{score}{super().forward}"


class SquaredError(_Mean):
    """Half the squared distance of x[b,k] from the targets t[b,k].

    loss = (1/N) sum_b 1/2 sum_k (x_bk - t_bk)^2. The half is the one of the quadratic loss in
    lectures, by which the derivative is (x - t) / N.

    Args:
        weighted: Whether examples count by a further input ``weight[b]``.

    Source: Gauss, Theoria motus, 1809; ``torch.nn.MSELoss`` without the half.

    >>> import numpy as np
    >>> float(SquaredError()({}, x=np.array([[1.0, 2.0]]), t=np.array([[0.0, 0.0]])))
    2.5
    """

    each = "sum[k]((x[b,k] - t[b,k])^2)"
    behind = " / 2"
