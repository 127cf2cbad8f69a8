"""Noise: inputs of a layer that training draws anew at every step, such as the mask of dropout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from einprop.errors import InputError

__all__ = ["Noise", "bernoulli", "gaussian", "parse_noise"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Noise:
    """Independent entries from one distribution; plain data, so that a file can hold it.

    Args:
        kind: ``bernoulli`` (1 with probability ``parameter``, else 0) or ``gaussian`` (mean 0,
            standard deviation ``parameter``).
        parameter: The distribution's.

    Raises:
        InputError: There is no such distribution.

    >>> bernoulli(0.5)
    bernoulli(0.5)
    >>> sorted(set(bernoulli(0.5).draw(np.random.default_rng(0), (100,)).tolist()))
    [0.0, 1.0]
    """

    kind: str
    parameter: float

    def __post_init__(self) -> None:
        legal = {"bernoulli": 0 <= self.parameter <= 1, "gaussian": self.parameter >= 0}
        if not legal.get(self.kind, False):
            raise InputError(
                f"{self!r} is no noise",
                hint="it is bernoulli(p) with p from 0 to 1, or gaussian(std) with std 0 or more",
            )

    def draw(
        self, rng: np.random.Generator, shape: tuple[int, ...], dtype: npt.DTypeLike = np.float64
    ) -> Array:
        """A new array of ``shape`` and ``dtype``."""
        if self.kind == "bernoulli":
            return (rng.random(shape) < self.parameter).astype(dtype)
        return (self.parameter * rng.standard_normal(shape)).astype(dtype)

    def __repr__(self) -> str:
        """As `parse_noise` reads it."""
        return f"{self.kind}({self.parameter:g})"


def bernoulli(probability: float) -> Noise:
    """1 with this probability, else 0.

    >>> bernoulli(0.9)
    bernoulli(0.9)
    """
    return Noise("bernoulli", probability)


def gaussian(std: float) -> Noise:
    """Normally distributed with mean 0.

    >>> gaussian(0.1)
    gaussian(0.1)
    """
    return Noise("gaussian", std)


def parse_noise(text: str) -> Noise:
    """The noise that prints as ``text``.

    Raises:
        InputError: None does.

    >>> parse_noise("bernoulli(0.9)") == bernoulli(0.9)
    True
    """
    kind, _, rest = text.partition("(")
    try:
        return Noise(kind, float(rest.removesuffix(")")))
    except ValueError:
        raise InputError(f"{text!r} is no noise", hint="as in bernoulli(0.9)") from None
