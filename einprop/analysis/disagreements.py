"""Shapes that do not fit: errors that say where two sizes met, and what makes them one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from einprop.analysis.indices import unprimed
from einprop.analysis.resolve import Resolved
from einprop.errors import ShapeError
from einprop.notation.printer import to_text
from einprop.notation.tree import Access, Index, Subscript, accesses

__all__ = ["Seen", "every_access", "refuse_declared", "refuse_rank", "refuse_sizes"]


@dataclass(frozen=True)
class Seen:
    """Where a size was seen first."""

    size: int
    access: Access
    subscript: Subscript
    axis: int


def every_access(resolved: Resolved) -> Iterator[Access]:
    """The accesses of the equations as written, then those of the declarations."""
    for equation in resolved.equations:
        target, *others = accesses(equation)
        yield from (*others, target)
    for declaration in resolved.declarations:
        yield from declaration.tensors


def refuse_rank(access: Access, shape: tuple[int, ...]) -> ShapeError:
    """An array has another number of axes than its tensor has indices."""
    axes = len(access.subscripts)
    if axes == 0:
        return ShapeError(
            f"{access.name} is a scalar, but the array passed has {len(shape)} "
            f"{'axis' if len(shape) == 1 else 'axes'}: shape {shape}",
            [access.place],
            f"pass one number, or give {access.name} indices, as in {access.name}[i]",
        )
    return ShapeError(
        f"{access.name} has {axes} {'axis' if axes == 1 else 'axes'} in "
        f"{to_text(access)}, but the array passed has {len(shape)}: shape {shape}",
        [access.place],
        f"pass an array with one axis for each index of {to_text(access)}",
    )


def _axis_text(seen: Seen) -> str:
    kind = "index" if isinstance(seen.subscript, Index) else "axis"
    return f"{kind} {to_text(seen.subscript)}"


def _typed(type_name: str | None) -> str:
    return f" (type {type_name})" if type_name else ""


def refuse_declared(found: Seen, type_name: str | None, size: int) -> ShapeError:
    """An array has another size than is declared."""
    return ShapeError(
        f"{_axis_text(found)}{_typed(type_name)} has size {found.size} in "
        f"{to_text(found.access)}, but is declared with size {size}",
        [found.subscript.place],
        "pass an array of the declared size, or change the declaration",
    )


def _tie(resolved: Resolved, one: Subscript, other: Subscript) -> str | None:
    """What makes two indices range over one type, where one tensor shows it."""
    if not (isinstance(one, Index) and isinstance(other, Index)):
        return None
    if unprimed(one.name) == unprimed(other.name):
        return "a primed index has the type of the unprimed one"
    letters: dict[tuple[str, int], set[str]] = {}
    for access in every_access(resolved):
        for axis, subscript in enumerate(access.subscripts):
            if isinstance(subscript, Index):
                held = letters.setdefault((resolved.types.base(access.name), axis), set())
                held.add(subscript.name)
                if held >= {one.name, other.name}:
                    both = f"{one.name} and {other.name}"
                    return f"{both} both stand at axis {axis} of {access.name}: they have one size"
    return None


def refuse_sizes(
    resolved: Resolved, earlier: Seen, found: Seen, type_name: str | None
) -> ShapeError:
    """Two sizes meet at one type."""
    if earlier.access == found.access and earlier.subscript == found.subscript:
        text, name = to_text(found.access), found.access.name
        return ShapeError(
            f"{_axis_text(found)}{_typed(type_name)} has size {earlier.size} at axis {earlier.axis} "
            f"of {name} but size {found.size} at axis {found.axis} in {text}",
            [earlier.subscript.place, found.subscript.place],
            "axes with one index have one size; write two letters if the axes are different",
        )
    same = earlier.subscript == found.subscript
    other = "size" if same else f"as {_axis_text(found)} size"
    hint = "sizes must agree exactly; size 1 does not broadcast"
    tie = None if same else _tie(resolved, earlier.subscript, found.subscript)
    return ShapeError(
        f"{_axis_text(earlier)}{_typed(type_name)} has size {earlier.size} in "
        f"{to_text(earlier.access)} but {other} {found.size} in {to_text(found.access)}",
        [earlier.subscript.place, found.subscript.place],
        hint if 1 in (earlier.size, found.size) else tie,
    )
