"""Layers that take any number of axes between the first and the last, and treat them alike."""

from __future__ import annotations

from typing import Self

from einprop.layers.layer import Layer

__all__ = ["Between"]

_LETTERS = "ijklmnopqrs"


class Between(Layer):
    """A layer whose equations have a letter for each axis between batch and channels.

    Attributes:
        between: How many such axes there are; two, as images have, if nothing says so.

    >>> from einprop.layers import Flatten
    >>> Flatten().places, Flatten().fitted(3).places
    ('ij', 'i')
    """

    between: int = 2

    def fitted(self, axes: int) -> Self:
        """The layer for a tensor of that many axes."""
        layer = type(self)(**self.options, **self.initial)
        layer._set(between=max(axes - 2, 0))
        return layer

    @property
    def places(self) -> str:
        """The letters of the axes between."""
        return _LETTERS[: self.between]
