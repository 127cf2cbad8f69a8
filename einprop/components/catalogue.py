"""The components there are: layers and losses of the house under the lecture's names, and its SGD."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from einprop import layers, training
from einprop.components.component import Component, Computed, Parameter
from einprop.errors import InputError
from einprop.notation.parser import parse
from einprop.notation.tree import Statement

__all__ = [
    "SGD",
    "Affine",
    "Apply",
    "CrossEntropy",
    "LogLoss",
    "Package",
    "Relu",
    "Sigmoid",
    "Softmax",
    "SquaredError",
    "Tanh",
]


class Package(Mapping[str, Parameter]):
    """Parameters that belong together, such as the weights and the bias of an affine map.

    Args:
        arrays: First values (or parameters, to share them) by the name that equations give them.

    >>> Phi = Package.of(layers.Affine(10), np.random.default_rng(0), x=(1, 784))
    >>> {name: parameter.value.shape for name, parameter in Phi.items()}
    {'W': (784, 10), 'B': (10,)}
    """

    def __init__(self, arrays: Mapping[str, npt.ArrayLike | Parameter]) -> None:
        self._parameters = {
            name: given if isinstance(given, Parameter) else Parameter(given)
            for name, given in arrays.items()
        }

    @classmethod
    def of(cls, layer: layers.Network, rng: np.random.Generator, **data: Any) -> Package:
        """What a layer learns, drawn as by `Network.init`."""
        drawn = layer.init(rng, **data)
        return cls({name: drawn[name] for name in layer.program.params})

    def __getitem__(self, name: str) -> Parameter:
        return self._parameters[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __len__(self) -> int:
        return len(self._parameters)


class Apply(Computed):
    """A layer of the house, or a network, as a component.

    Args:
        layer: What is computed from ``x``.
        x: What enters.
        parameters: Those of the layer, as `Package.of` draws them.
        **further: Other inputs that the layer reads.

    >>> from einprop.components import Input
    >>> x, rng = Input(np.ones((4, 3)), "x"), np.random.default_rng(0)
    >>> hidden = layers.Affine(5) >> layers.Tanh()
    >>> Apply(hidden, x, Package.of(hidden, rng, x=x.value)).forward().shape
    (4, 5)
    """

    def __init__(
        self,
        layer: layers.Network,
        x: Component,
        parameters: Mapping[str, Parameter] | None = None,
        **further: Component,
    ) -> None:
        super().__init__(x=x, **(parameters or {}), **further)
        self._layer = layer

    def statements(self, axes: Mapping[str, int]) -> tuple[Statement, ...]:
        """The layer's own, for what enters."""
        return self._layer.for_axes(axes["x"]).program.statements


class Affine(Computed):
    """y[b,j] = x[b,i] W[i,j] + B[j]: `layers.Affine` with its parameters as a package."""

    text = layers.Affine(1).forward

    def __init__(self, parameters: Mapping[str, Parameter], x: Component) -> None:
        super().__init__(x=x, **parameters)


class Relu(Computed):
    """y = max(x, 0), entry by entry."""

    text = layers.ReLU.forward

    def __init__(self, x: Component) -> None:
        super().__init__(x=x)


class Sigmoid(Relu):
    """y = 1 / (1 + exp(-x)), entry by entry."""

    text = layers.Sigmoid.forward


class Tanh(Relu):
    """y = tanh(x), entry by entry."""

    text = layers.Tanh.forward


class Softmax(Relu):
    """Probabilities: y[b,k] = exp(x[b,k]) / sum_k' exp(x[b,k'])."""

    text = layers.Softmax.forward


class _Loss(Computed):
    """A loss for each example; the targets are classes' numbers, or a distribution in each row."""

    labels: ClassVar[str]

    def __init__(self, x: Component, t: Component) -> None:
        super().__init__(x=x, t=t)

    def statements(self, axes: Mapping[str, int]) -> tuple[Statement, ...]:
        """Those for the targets that there are."""
        return parse(self.labels if axes["t"] == 1 else self.text)


class LogLoss(_Loss):
    """-log of the probability of the right class: loss[b] = -log(x[b,t[b]])."""

    text = "loss[b] = -sum[k](t[b,k] log(x[b,k]))"
    labels = "loss[b] = -log(x[b,t[b]])"


class CrossEntropy(_Loss):
    """The same of logits: loss[b] = logsumexp[k](x[b,k]) - x[b,t[b]]."""

    text = "loss[b] = -sum[k](t[b,k] log_softmax[k](x[b,k]))"
    labels = "loss[b] = logsumexp[k](x[b,k]) - x[b,t[b]]"


class SquaredError(Computed):
    """Half the squared distance: loss[b] = 1/2 sum_k (x[b,k] - t[b,k])^2."""

    text = "loss[b] = sum[k]((x[b,k] - t[b,k])^2) / 2"

    def __init__(self, x: Component, t: Component) -> None:
        super().__init__(x=x, t=t)


def SGD(loss: Component, learning_rate: float) -> None:  # noqa: N802  (the lecture's name)
    """One step of gradient descent on all parameters of a loss, after its `backward`.

    Args:
        loss: What `backward` was called on.
        learning_rate: How far to go.

    Raises:
        InputError: A parameter has no gradient.

    >>> w = Parameter(3.0)
    >>> loss = w * w
    >>> loss.forward(); loss.backward(); SGD(loss, 0.25)
    np.float64(9.0)
    >>> float(w.value)
    1.5
    """
    parameters = loss.parameters()
    missing = [name for name, parameter in parameters.items() if parameter.grad is None]
    if missing:
        raise InputError(f"{', '.join(missing)} has no gradient", (), "call backward() first")
    training.SGD(learning_rate).step(
        {name: parameter.value for name, parameter in parameters.items()},
        {name: np.asarray(parameter.grad) for name, parameter in parameters.items()},
        {},
    )
