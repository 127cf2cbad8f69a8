"""The words of JAX: arrays that never change, and code that jax.jit, jax.grad and jax.vmap go through."""

from __future__ import annotations

from collections.abc import Sequence

from einprop.backends.numpy_views import tuple_text
from einprop.backends.source_dialect import Dialect, Expression, Word

__all__ = ["Jax"]

_SUMS_BEFORE = '''\
def sums_before(array, axis):
    """Sum of what stands before each position of an axis."""
    rows = jnp.moveaxis(array, axis, 0)
    sums = jnp.concatenate([jnp.zeros_like(rows[:1]), rows[:-1].cumsum(axis=0)])
    return jnp.moveaxis(sums, 0, axis)'''

_WINDOWS = '''\
def windows(array, size, axis, step=1):
    """Windows along an axis, their cells along the axis behind it."""
    starts = jnp.arange(0, array.shape[axis] - size + 1, step)
    return jnp.take(array, starts[:, None] + jnp.arange(size), axis=axis)'''

_AT = {"copy": "set", "add": "add", "maximum": "max", "minimum": "min"}


class Jax(Dialect):
    """JAX: a cell is written by making the array with that cell."""

    name = "jax"
    prefix = "jnp"
    writes = False
    keeps_rows = True
    einsums = True
    windows_last = False
    checks_positions = False
    words = {
        # Where x is 0, JAX halves the derivative of maximum; that of relu is 0, as everywhere here.
        "relu": Word("jax.nn.relu({0})"),
        "sigmoid": Word("jax.nn.sigmoid({0})"),
        "softplus": Word("jax.nn.softplus({0})"),
        "erf": Word("jax.lax.erf({0})"),
        "leaky_relu": Word("jax.nn.leaky_relu({0}, {1})"),
        "elu": Word("jax.nn.elu({0}, {1})"),
    }
    helpers = {"sums_before": _SUMS_BEFORE, "windows": _WINDOWS}

    def imports(self, text: str) -> list[str]:
        """The lines that import what a text names."""
        return [*(["import jax"] if "jax." in text else []), "import jax.numpy as jnp"]

    @property
    def number_type(self) -> str:
        """The type of numbers."""
        if self.like is None or self.like.counts:
            return "float"
        return f"{self.like.name}.dtype"

    def full(self, shape: Sequence[object], value: str) -> str:
        """A new array of one value."""
        if value in ("0", "1"):
            call = "zeros" if value == "0" else "ones"
            return f"jnp.{call}({tuple_text(shape)}, {self.number_type})"
        return f"jnp.full({tuple_text(shape)}, {value}, {self.number_type})"

    def empty(self, shape: Sequence[object], dtype: str) -> str:
        """A new array whose cells are to be written."""
        kind = {self.dtype: self.number_type, "int64": "int"}.get(dtype, dtype)
        return f"jnp.zeros({tuple_text(shape)}, {kind})"

    def scalar(self, text: str) -> str:
        """A number of Python's as an array."""
        return f"jnp.asarray({text}, {self.number_type})"

    def positions(self, size: int, *, numbers: bool = False) -> str:
        """0, 1, 2, …: to look something up, or as numbers to compute with."""
        return f"jnp.arange({size}{f', dtype={self.number_type}' if numbers else ''})"

    def copied(self, expression: Expression) -> Expression:
        """The array itself, which nobody can change."""
        return expression

    def windows(self, text: str, axes: Sequence[tuple[int, int, int, int]]) -> str:
        """Windows along axes; each is the axis behind its own."""
        for axis, _, size, step in sorted(axes, reverse=True):
            stepped = f", step={step}" if step > 1 else ""
            text = f"windows({text}, {size}, axis={axis}{stepped})"
        return text

    def place(self, text: str, size: int, *, whole: bool) -> str:
        """An array of positions as integers."""
        del size
        return text if whole else f"{text}.astype(int)"

    def assigned(self, array: str, index: str, function: str, value: str) -> str:
        """The statement that contributes to cells that differ from each other."""
        if function == "add" and not index:
            return f"{array} = {array} + {value}"
        return f"{array} = {array}.at[{index or '...'}].{_AT[function]}({value})"

    def scattered(self, array: str, index: Sequence[str], function: str, value: str) -> str:
        """The statement that contributes to cells at positions, some perhaps named twice."""
        return f"{array} = {array}.at[{', '.join(index)}].{_AT[function]}({value})"

    def rows(self, text: str, axis: int) -> str:
        """An array as a list along an axis."""
        return f"list({text})" if axis == 0 else f"list(jnp.moveaxis({text}, {axis}, 0))"

    def stacked(self, text: str, axis: int) -> str:
        """A list as an array again."""
        return f"jnp.stack({text})" if axis == 0 else f"jnp.stack({text}, axis={axis})"
