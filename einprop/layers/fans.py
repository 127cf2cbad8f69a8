"""Parameters of a chain and their fans, read off the equations that they stand in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from einprop.analysis.indices import subscript_indices, target_indices, unprimed
from einprop.layers.init import Initializer
from einprop.notation.tree import Access, Boundary, Equation, Group, Index, Subscript, reads

__all__ = ["Parameter", "axes_of"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """An array that a chain needs beside its data, and what each of its axes does.

    Attributes:
        name: In the program.
        initialize: Draws the first value.
        axes: By axis ``in`` (summed), ``out`` (on the left) or ``window`` (slides over what is read or
            written).
        dotted: The layer's position in the chain and the name that the layer gives it: ``0.W``.
    """

    name: str
    initialize: Initializer
    axes: tuple[str, ...]
    dotted: str = ""

    def fans(self, shape: Sequence[int]) -> tuple[int, int]:
        """``(fan_in, fan_out)``: products of the sizes summed and of those on the left.

        A window counts in both: what it covers feeds one output, and one input feeds as many.

        >>> Parameter("W", None, ("in", "out")).fans((784, 200))
        (784, 200)
        >>> Parameter("K", None, ("window", "window", "in", "out")).fans((3, 3, 16, 32))
        (144, 288)
        """
        fan_in = fan_out = 1
        for size, axis in zip(shape, self.axes, strict=True):
            fan_in *= 1 if axis == "out" else size
            fan_out *= 1 if axis == "in" else size
        return fan_in, fan_out


def axes_of(names: Collection[str], equations: Sequence[Equation]) -> dict[str, tuple[str, ...]]:
    """What each axis of some tensors does in the first equation that reads them; by name.

    An axis of several indices, ``(g f)``, is on the left if one of them is.

    >>> from einprop.notation.parser import parse
    >>> axes_of(["K"], parse("y[b,i,f] = x[b,2*i+p,c] K[p,c,f]"))
    {'K': ('window', 'in', 'out')}
    >>> axes_of(["K"], parse("y[b,2*i+p,f] += x[b,i,c] K[p,c,f]"))
    {'K': ('window', 'in', 'out')}
    """
    wanted, found = frozenset(names), dict[str, tuple[str, ...]]()
    for equation in equations:
        first = [a for a in reads(equation) if a.name in wanted and a.name not in found]
        if first:
            slid = _added(equation.target)
            left = {unprimed(i) for i in target_indices(equation.target)} - slid
            windows = {letter for read in reads(equation) for letter in _added(read)} - left
            for access in reversed(first):
                found[access.name] = tuple(
                    _axis(s, left, windows | slid) for s in access.subscripts
                )
    return found


def _axis(subscript: Subscript, left: set[str], windows: set[str]) -> str:
    if not isinstance(subscript, Index | Group):
        return "in"
    letters = {unprimed(i) for i in subscript_indices(subscript)}
    if letters & left:
        return "out"
    return "window" if letters <= windows else "in"


def _added(access: Access) -> set[str]:
    """The indices that are added to others in a subscript: ``i`` and ``p`` of ``x[2*i+p]``."""
    found: set[str] = set()
    for subscript in access.subscripts:
        inner = subscript.subscript if isinstance(subscript, Boundary) else subscript
        if not isinstance(inner, Index | Group | Access) and len(inner.terms) > 1:
            found |= {unprimed(i) for _, i in inner.terms}
    return found
