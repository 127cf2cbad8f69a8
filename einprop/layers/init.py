"""How parameters start: each initialiser draws one array from a generator that is passed in.

An initialiser is called as ``initialise(rng, shape, fan_in, fan_out, dtype)``; any function with
that signature will do. The fans are read off a layer's equation: ``fan_in`` is the product of the
sizes of the parameter's indices that are summed, ``fan_out`` of those that stand on the left.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "Initializer",
    "constant",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "zeros",
]

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Initializer:
    """A named way to draw the first value of a parameter.

    Args:
        name: What it prints as.
        draw: ``draw(rng, shape, fan_in, fan_out)`` gives a new float64 array.

    >>> glorot_normal
    glorot_normal
    >>> weights = glorot_normal(np.random.default_rng(0), (400, 100), fan_in=400, fan_out=100)
    >>> bool(abs(weights.std() - (2 / 500) ** 0.5) < 1e-3)
    True
    """

    name: str
    draw: Callable[[np.random.Generator, tuple[int, ...], int, int], Array] = field(compare=False)

    def __call__(
        self,
        rng: np.random.Generator,
        shape: tuple[int, ...],
        fan_in: int = 1,
        fan_out: int = 1,
        dtype: npt.DTypeLike = np.float64,
    ) -> Array:
        """A new array of ``shape`` and ``dtype``."""
        return self.draw(rng, shape, fan_in, fan_out).astype(dtype)

    def __repr__(self) -> str:
        """The name under which ``einprop.init`` has it."""
        return self.name


def constant(value: float) -> Initializer:
    """Every entry is ``value``; nothing is drawn.

    >>> constant(1)(np.random.default_rng(0), (2,)).tolist()
    [1.0, 1.0]
    """
    return Initializer(
        f"constant({value})", lambda _rng, shape, *_fans: np.full(shape, float(value))
    )


def normal(std: float = 1.0) -> Initializer:
    """Independent entries from N(0, std^2), whatever the fans.

    >>> normal(0.01)(np.random.default_rng(0), (2, 3)).shape
    (2, 3)
    """
    return Initializer(f"normal({std})", lambda rng, shape, *_fans: rng.normal(0.0, std, shape))


def _scaled_normal(name: str, variance: Callable[[int, int], float]) -> Initializer:
    return Initializer(
        name,
        lambda rng, shape, fan_in, fan_out: rng.normal(
            0.0, math.sqrt(variance(fan_in, fan_out)), shape
        ),
    )


def _scaled_uniform(name: str, variance: Callable[[int, int], float]) -> Initializer:
    # A uniform draw from -a to a has the variance a^2 / 3.
    def draw(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        bound = math.sqrt(3.0 * variance(fan_in, fan_out))
        return rng.uniform(-bound, bound, shape)

    return Initializer(name, draw)


def _glorot(fan_in: int, fan_out: int) -> float:
    return 2.0 / max(fan_in + fan_out, 1)


def _he(fan_in: int, _fan_out: int) -> float:
    return 2.0 / max(fan_in, 1)


def _lecun(fan_in: int, _fan_out: int) -> float:
    return 1.0 / max(fan_in, 1)


zeros = Initializer("zeros", lambda _rng, shape, *_fans: np.zeros(shape))
"""Every entry 0: the usual start of a bias."""
glorot_normal = _scaled_normal("glorot_normal", _glorot)
"""N(0, 2 / (fan_in + fan_out)): keeps the variance through tanh layers, forward and backward."""
glorot_uniform = _scaled_uniform("glorot_uniform", _glorot)
"""Uniform with variance 2 / (fan_in + fan_out)."""
he_normal = _scaled_normal("he_normal", _he)
"""N(0, 2 / fan_in): keeps the variance through ReLU layers."""
he_uniform = _scaled_uniform("he_uniform", _he)
"""Uniform with variance 2 / fan_in."""
lecun_normal = _scaled_normal("lecun_normal", _lecun)
"""N(0, 1 / fan_in)."""
lecun_uniform = _scaled_uniform("lecun_uniform", _lecun)
"""Uniform with variance 1 / fan_in."""
