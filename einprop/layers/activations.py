"""Activations: functions of each entry, and softmax."""

from __future__ import annotations

from einprop.layers.layer import Layer

__all__ = ["Relu", "Sigmoid", "Softmax", "Tanh"]


class Relu(Layer):
    """Rectified linear unit: y = max(x, 0), with derivative 0 at 0.

    Source: Nair and Hinton, ICML 2010.

    >>> from einprop.layers import Affine
    >>> print(str((Affine(3) >> Relu()).program).splitlines()[-1])
    y[b,j] = relu(x[b,i] W[i,j] + B[j])
    """

    forward = "y = relu(x)"


class Sigmoid(Layer):
    """Logistic function: y = 1 / (1 + exp(-x)).

    Source: McAllester, TTIC 31230, lecture 2.

    >>> from einprop.layers import Affine
    >>> print(str((Affine(1) >> Sigmoid()).program).splitlines()[-1])
    y[b,j] = sigmoid(x[b,i] W[i,j] + B[j])
    """

    forward = "y = sigmoid(x)"


class Tanh(Layer):
    """Hyperbolic tangent: y = (exp(x) - exp(-x)) / (exp(x) + exp(-x)).

    Source: LeCun, Bottou, Orr and Müller, "Efficient BackProp", 1998.

    >>> from einprop.layers import Affine
    >>> print(str((Affine(200) >> Tanh()).program).splitlines()[-1])
    y[b,j] = tanh(x[b,i] W[i,j] + B[j])
    """

    forward = "y = tanh(x)"


class Softmax(Layer):
    """Probabilities of the k classes: y_k = exp(x_k) / sum_k' exp(x_k').

    To train a classifier, leave it away and end the network with ``losses.CrossEntropy``, which
    reads logits.

    Source: Bridle, NIPS 1989.

    >>> import numpy as np
    >>> probabilities = Softmax()({}, x=np.array([[0.0, 0.0], [1e4, 0.0]]))
    >>> probabilities.tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """

    forward = "y[b,k] = softmax[k](x[b,k])"
