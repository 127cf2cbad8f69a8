"""Losses: layers that end a network in the scalar ``loss``, the mean over the batch."""

from __future__ import annotations

from einprop.layers.layer import Loss

__all__ = ["CrossEntropy", "LogLoss", "SquaredError"]


class CrossEntropy(Loss):
    """Softmax cross-entropy of logits x against target distributions t (one-hot rows for labels).

    loss = -(1/N) sum_b sum_k t_bk log softmax(x)_bk. Nobody told it that its derivative is
    (softmax(x) - t) / N.

    Source: McAllester, TTIC 31230, lecture 1.

    >>> import numpy as np
    >>> loss = CrossEntropy()({}, x=np.zeros((2, 10)), t=np.eye(10)[[3, 7]])
    >>> round(float(loss), 6) == round(float(np.log(10)), 6)
    True
    """

    forward = "loss = -mean[b](sum[k](t[b,k] log_softmax[k](x[b,k])))"


class LogLoss(Loss):
    """Cross-entropy of probabilities x against target distributions t: after a `Softmax` layer.

    loss = -(1/N) sum_b sum_k t_bk log x_bk.

    Source: EDF, McAllester, TTIC 31230.

    >>> import numpy as np
    >>> round(float(LogLoss()({}, x=np.array([[0.25, 0.75]]), t=np.array([[0.0, 1.0]]))), 6)
    0.287682
    """

    forward = "loss = -mean[b](sum[k](t[b,k] log(x[b,k])))"


class SquaredError(Loss):
    """Half the squared distance of x from the targets t, so that the derivative is (x - t) / N.

    loss = (1/N) sum_b 1/2 sum_k (x_bk - t_bk)^2. The half is the one of the quadratic loss in
    lectures; it is summed over k and averaged over the batch only.

    >>> import numpy as np
    >>> float(SquaredError()({}, x=np.array([[1.0, 2.0]]), t=np.array([[0.0, 0.0]])))
    2.5
    """

    forward = "loss = mean[b](sum[k]((x[b,k] - t[b,k])^2)) / 2"
