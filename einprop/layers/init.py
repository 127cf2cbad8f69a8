"""How parameters start: each initialiser draws one array from a generator that is passed in.

An initialiser is called as ``initialise(rng, shape, fan_in, fan_out, dtype)``; any function with
that signature will do. The fans are read off a layer's equation: ``fan_in`` is the product of the
sizes of the parameter's indices that are summed, ``fan_out`` of those that stand on the left. So
``W[i,j]`` in ``y[b,j] = x[b,i] W[i,j]`` has the fans (i, j).

=================== =======================================
name                variance of an entry
=================== =======================================
``glorot_…``        2 / (fan_in + fan_out)
``he_…``            2 / fan_in
``lecun_…``         1 / fan_in
``normal(std)``     std^2
``uniform(bound)``  bound^2 / 3
``orthogonal(g)``   g^2 / the longer side of the matrix
=================== =======================================

An initialiser prints as the text that `parse_initializer` reads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from einprop.errors import InputError, ShapeError
from einprop.options import number, plain
from einprop.options import text as as_text

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
    "orthogonal",
    "parse_initializer",
    "rows",
    "uniform",
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

    def __reduce__(self) -> tuple[Any, ...]:
        # Functions made on the way cannot be pickled; those of this module come back by name.
        try:
            parse_initializer(self.name)
        except InputError:
            return Initializer, (self.name, self.draw)
        return parse_initializer, (self.name,)


def constant(value: float) -> Initializer:
    """Every entry is ``value``; nothing is drawn.

    >>> constant(1)(np.random.default_rng(0), (2,)).tolist()
    [1.0, 1.0]
    """
    held = number("constant", value)
    return Initializer(f"constant({held})", lambda _rng, shape, *_fans: np.full(shape, held))


def rows(*values: float) -> Initializer:
    """Every entry at position g of the first axis is the g-th value: a bias for each gate.

    Raises:
        InputError: There is no value.
        ShapeError: The first axis has another size.

    >>> rows(0, 1)(np.random.default_rng(0), (2, 3)).tolist()
    [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
    """
    if not values:
        raise InputError("rows() is no initialiser", hint="give a value for each row")
    name = f"rows({', '.join(str(float(value)) for value in values)})"

    def draw(_rng: np.random.Generator, shape: tuple[int, ...], *_fans: int) -> Array:
        if shape[:1] != (len(values),):
            raise ShapeError(
                f"{name} is no start of a parameter of shape {shape}",
                hint="give a value for each position of the first axis",
            )
        drawn = np.empty(shape)
        drawn[:] = np.reshape(values, (-1, *(1 for _ in shape[1:])))
        return drawn

    return Initializer(name, draw)


def normal(std: float = 1.0) -> Initializer:
    """Independent entries from N(0, std^2), whatever the fans.

    Raises:
        InputError: ``std`` is negative or not finite.

    >>> normal(0.01)(np.random.default_rng(0), (2, 3)).shape
    (2, 3)
    """
    scale = _spread("normal", std)
    return Initializer(f"normal({scale})", lambda rng, shape, *_fans: rng.normal(0.0, scale, shape))


def uniform(bound: float = 1.0) -> Initializer:
    """Independent entries, uniform from -bound to bound, whatever the fans.

    Raises:
        InputError: ``bound`` is negative or not finite.

    >>> bool(abs(uniform(0.1)(np.random.default_rng(0), (2, 3))).max() <= 0.1)
    True
    """
    scale = _spread("uniform", bound)
    return Initializer(
        f"uniform({scale})", lambda rng, shape, *_fans: rng.uniform(-scale, scale, shape)
    )


def orthogonal(gain: float = 1.0) -> Initializer:
    """A matrix with orthonormal rows or columns, whichever are fewer, times ``gain``.

    The columns of the matrix are the last axis, its rows all others together. It is the Q of the QR
    decomposition of a matrix of normal entries, with the signs of R's diagonal, so that every
    orthogonal matrix is as likely as any other.

    Source: Saxe, McClelland and Ganguli, ICLR 2014; Mezzadri, Notices of the AMS 54, 2007.

    Raises:
        InputError: ``gain`` is negative or not finite.
        ShapeError: The parameter has fewer than two axes.

    >>> q = orthogonal()(np.random.default_rng(0), (5, 3))
    >>> bool(np.allclose(q.T @ q, np.eye(3)))
    True
    """
    scale = _spread("orthogonal", gain)

    def draw(rng: np.random.Generator, shape: tuple[int, ...], *_fans: int) -> Array:
        if len(shape) < 2:
            raise ShapeError(
                f"a parameter of shape {shape} has no orthogonal start",
                hint="orthogonal is for parameters of two axes or more",
            )
        normals = rng.standard_normal((math.prod(shape[:-1]), shape[-1]))
        wide = normals.shape[0] < normals.shape[1]
        q, r = np.linalg.qr(normals.T if wide else normals)
        q *= np.copysign(scale, np.diagonal(r))
        matrix: Array = q.T if wide else q
        return matrix.reshape(shape)

    return Initializer(f"orthogonal({scale})", draw)


def _spread(name: str, value: float) -> float:
    found = plain(value)
    if not isinstance(found, int | float) or not 0 <= found < math.inf:
        raise InputError(f"{name}({value}) is no initialiser", hint="its number is 0 or more")
    return number(name, found)


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

_FAMILIES: dict[str, Callable[..., Initializer]] = {
    "constant": constant,
    "rows": rows,
    "normal": normal,
    "uniform": uniform,
    "orthogonal": orthogonal,
}
_SINGLE = {
    single.name: single
    for single in (
        zeros,
        glorot_normal,
        glorot_uniform,
        he_normal,
        he_uniform,
        lecun_normal,
        lecun_uniform,
    )
}


def parse_initializer(text: str) -> Initializer:
    """The initialiser of this module that prints as ``text``.

    Raises:
        InputError: None does.

    >>> parse_initializer("he_normal") == he_normal
    True
    >>> parse_initializer("orthogonal(1.5)")
    orthogonal(1.5)
    """
    as_text("an initialiser", text)
    if text in _SINGLE:
        return _SINGLE[text]
    name, _, rest = text.partition("(")
    if name in _FAMILIES and rest.endswith(")"):
        with suppress(ValueError, TypeError):  # refused below, like any other text
            return _FAMILIES[name](*map(float, rest.removesuffix(")").split(",")))
    known = ", ".join([*_SINGLE, *(f"{family}(…)" for family in _FAMILIES)])
    raise InputError(f"{text!r} is no initialiser", hint=f"there are {known}")
