"""A flat program as a function that a person could have written, for pasting elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from einprop.backends.source_checks import Size
from einprop.backends.source_code import Code
from einprop.backends.source_dialect import Dialect
from einprop.backends.source_jax import Jax
from einprop.backends.source_rows import rows_of
from einprop.backends.source_torch import Torch
from einprop.errors import InputError
from einprop.execution.schedule import schedule
from einprop.notation.tree import Equation

__all__ = ["SOURCES", "check_source", "draft", "source"]

SOURCES: Mapping[str, type[Dialect]] = {kind.name: kind for kind in (Dialect, Torch, Jax)}
"""The libraries that code is written for."""


def check_source(backend: object) -> None:
    """Refuse a library that no code is written for.

    Raises:
        InputError: There is no such backend.
    """
    if not isinstance(backend, str) or backend not in SOURCES:
        raise InputError(
            f"there is no backend {backend!r}", (), f"source is written for {', '.join(SOURCES)}"
        )


def source(
    equations: Sequence[Equation],
    sizes: Mapping[str, int],
    inputs: Mapping[str, tuple[int, ...]],
    outputs: Sequence[str],
    dtype: str = "float64",
    name: str = "run",
    lengths: Mapping[str, tuple[str, int]] | None = None,
    axes: Mapping[str, tuple[str, ...]] | None = None,
    *,
    backend: str = "numpy",
    labels: Mapping[str, str] | None = None,
    positions: Collection[str] = (),
    checked: Mapping[str, Sequence[Size]] | None = None,
) -> str:
    """Standalone code of a flat program.

    Args:
        equations: One operation each, every tensor defined once.
        sizes: Size of each index; they are written out where the library has to be told.
        inputs: Shape of each input, in the order of the arguments.
        outputs: The tensors wanted: one is returned as an array, several as a dict by name.
        dtype: Number type of numpy's arrays; other libraries' are as the inputs.
        name: What the function is called.
        lengths: Scalars that no equation defines, each the length of an axis of an input: by name,
            the input and the axis.
        axes: The letters at the axes of the tensors that are put together by ``+=`` and the like.
        backend: The library that the code calls: ``numpy``, ``torch`` or ``jax``.
        labels: The letters of inputs' and outputs' axes, for the docstring; without them it has none.
        positions: The inputs that are given as integers.
        checked: The letters of the inputs' axes, each with its size if the code is for that alone, to
            be checked by the code.

    Raises:
        InputError: There is no such backend.
        UnsupportedError: A registered function has no text for it.

    >>> from einprop.notation.tree import Access, Call, Equation, Index, Multiply
    >>> b, i, j = Index("b"), Index("i"), Index("j")
    >>> product = Multiply((Access("x", (b, i)), Access("W", (i, j))))
    >>> affine = Equation(Access("y", (b, j)), "=", Call("sum", (product,), ("i",)))
    >>> print(source([affine], {"b": 1, "i": 2, "j": 1}, {"x": (1, 2), "W": (2, 1)}, ["y"]))
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def run(x, W):
        # y[b,j] = sum[i](x[b,i] W[i,j])
        y = x @ W
        return y
    <BLANKLINE>
    """
    code = draft(
        equations,
        sizes,
        inputs,
        outputs,
        dtype,
        name,
        lengths,
        axes,
        backend=backend,
        labels=labels,
        positions=positions,
        checked=checked,
    )
    return code.text(code.lines, code.head(code.lines))


def draft(
    equations: Sequence[Equation],
    sizes: Mapping[str, int],
    inputs: Mapping[str, tuple[int, ...]],
    outputs: Sequence[str],
    dtype: str = "float64",
    name: str = "run",
    lengths: Mapping[str, tuple[str, int]] | None = None,
    axes: Mapping[str, tuple[str, ...]] | None = None,
    *,
    backend: str = "numpy",
    labels: Mapping[str, str] | None = None,
    positions: Collection[str] = (),
    checked: Mapping[str, Sequence[Size]] | None = None,
    weights: Mapping[str, int] | None = None,
) -> Code:
    """The same before it is put together: the lines of the function with its names; see `source`."""
    check_source(backend)
    known = {name: axis for name, axis in (lengths or {}).items() if axis[0] in inputs}
    scalars = dict.fromkeys(known, ())
    plan = schedule(
        equations,
        sizes,
        {**inputs, **scalars},
        outputs,
        dtype,
        axes=axes,
        as_written=True,
        weights=weights,
    )
    write = partial(Code, plan, name, known, SOURCES[backend], labels or {})
    first = write(counts=positions, checked=checked)
    if not first.dialect.keeps_rows or not plan.loops:
        return first
    # How loops keep their rows depends on all that is read, which is known once the code is written.
    rows = tuple(rows_of(plan, first.author.uses))
    return write(rows, counts=positions, checked=checked)
