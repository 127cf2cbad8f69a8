"""What is said of positions outside of an axis and of indices without a range: why, and what is legal."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from einprop.analysis.indices import (
    range_of,
    rename_indices,
    subscript_indices,
    target_indices,
    unprimed,
)
from einprop.errors import ShapeError
from einprop.notation.printer import to_text
from einprop.notation.tree import Access, Affine, Boundary, Group, Index, Size, Subscript, reads

if TYPE_CHECKING:
    from einprop.analysis.ranges import Solver

__all__ = [
    "Computed",
    "refuse_empty",
    "refuse_group",
    "refuse_no_position",
    "refuse_outside",
    "refuse_unknown",
]


@dataclass(frozen=True)
class Computed:
    """A subscript that is no plain index, and where it stands."""

    number: int
    access: Access
    axis: int
    subscript: Subscript
    writes: bool


# Positions outside


def refuse_outside(solver: Solver, at: Computed, subscript: Affine, wrong: int) -> ShapeError:
    """The error for a subscript that takes a position outside of its axis.

    Args:
        solver: Knows the sizes.
        at: Where.
        subscript: The subscript.
        wrong: The position, the least one or the greatest one that it takes.
    """
    size = solver.axis(at.access, at.axis) or 0
    before, after = solver.outside(at.access, at.axis)
    names = _names(subscript)
    corner = []
    for factor, index in subscript.terms:
        span = solver.span(at.number, index)
        if span is not None:
            end = span.start if (factor < 0) == (wrong >= 0) else span.stop - 1
            corner.append(f"{names.get(index, index)} = {end}")
    where = f" at {', '.join(corner)}" if corner else ""
    verb = "writes" if at.writes else "reads"
    positions = f"positions {-before} to {size - 1 + after}" if size else "no positions"
    return ShapeError(
        f"{to_text(_as_written(at))} {verb} position {wrong}{where}, but axis {at.axis} of "
        f"{at.access.name} has {positions}",
        [subscript.place or at.access.place],
        _constant_hint(at, subscript, size)
        if not subscript.terms
        else "; ".join([_boundary_hint(at, subscript), *_restrictions(solver, at, subscript)]),
    )


def _names(subscript: Subscript) -> dict[str, str]:
    """What the text calls the indices that analysis renamed to tell two sums apart."""
    indices = subscript_indices(subscript)
    return {i: i.rstrip("0123456789") for i in indices if not _in_text(subscript, i)}


def _as_written(at: Computed) -> Access:
    """The access with the text's indices, and ``i`` for an ``i+0`` that the text does not have."""

    def spelt(subscript: Subscript) -> Subscript:
        match subscript:
            case Affine(((1, name),), 0, 0, place) if place is not None and place.snippet == name:
                return Index(name)
            case _:
                return subscript

    plain = replace(at.access, subscripts=tuple(map(spelt, at.access.subscripts)))
    shown = rename_indices(plain, _names(at.subscript))
    assert isinstance(shown, Access)
    return shown


def _constant_hint(at: Computed, subscript: Affine, size: int) -> str:
    if not size:
        return "the axis is empty: it has no position at all"
    if not subscript.end and -size <= subscript.constant < 0:
        last = Affine((), subscript.constant + 1, 1)
        subscripts = [last if n == at.axis else s for n, s in enumerate(at.access.subscripts)]
        shown = to_text(replace(at.access, subscripts=tuple(subscripts)))
        return f"a negative position is not counted from the end; from there it is {shown}"
    return "positions count from 0; end is the last one, end-1 the one before"


def _boundary_hint(at: Computed, subscript: Affine) -> str:
    text = to_text(_as_written(at).subscripts[at.axis])
    if at.writes:
        return f"pad({text}) leaves out what falls outside"
    return f"pad({text}) reads 0 outside, wrap({text}) and clamp({text}) stay inside"


def _restrictions(solver: Solver, at: Computed, subscript: Affine) -> list[str]:
    """What would keep the index inside: a range for it, or another reading of the axis that binds it."""
    found = []
    left = target_indices(solver.resolved.equations[at.number].target)
    terms = sorted(subscript.terms, key=lambda term: term[1] not in left)
    ranges = ((index, _inside(solver, at, subscript, index)) for _, index in terms)
    legal = next(((i, r) for i, r in ranges if r is not None and _in_text(subscript, i)), None)
    if legal is not None:
        index, (start, stop) = legal
        found.append(f"or restrict the index: where {unprimed(index)} in {start}:{stop}")
    for _, index in terms:
        plain = _binding_read(solver, at, index)
        if plain is not None:
            name = plain.subscripts[at.axis]
            assert isinstance(name, Index)
            subscripts = list(plain.subscripts)
            subscripts[at.axis] = Affine(((1, name.name),))
            shifted = to_text(replace(plain, subscripts=tuple(subscripts)))
            found.append(
                f"or write {shifted} for {to_text(plain)}, which says that {name.name} runs over "
                "the whole axis"
            )
            break
    return found


def _inside(solver: Solver, at: Computed, subscript: Affine, index: str) -> tuple[int, int] | None:
    """The positions of an index at which the subscript stays inside whatever the others are."""
    size = solver.axis(at.access, at.axis)
    span = solver.span(at.number, index)
    if size is None or span is None:
        return None
    factor = next(c for c, i in subscript.terms if i == index)
    others = tuple((c, i) for c, i in subscript.terms if i != index)
    low, high = solver.reach(at.number, replace(subscript, terms=others), size)
    before, after = solver.outside(at.access, at.axis)
    first, last = -before - low, size - 1 + after - high
    if factor < 0:
        first, last = -last, -first
    start = max(span.start, math.ceil(first / abs(factor)))
    stop = min(span.stop, last // abs(factor) + 1)
    return (start, stop) if start < stop else None


def _in_text(subscript: Subscript, index: str) -> bool:
    """Whether the index is one of the text: some are renamed when sums are told apart."""
    place = subscript.place
    return place is None or re.search(rf"(?<!\w){unprimed(index)}(?!\w)", place.snippet) is not None


def _binding_read(solver: Solver, at: Computed, index: str) -> Access | None:
    """The one read of the tensor, in another equation, that gives the index the type of the axis."""
    types, resolved = solver.types, solver.resolved
    axis = types.axis(at.access.name, at.axis)
    if range_of(resolved.equations[at.number], index) is not None:
        return None
    if types.letter(at.number, index) != axis:
        return None
    found = {
        access
        for number, equation in enumerate(resolved.equations)
        for access in reads(equation)
        if access.name == at.access.name
        and number != at.number
        and isinstance(access.subscripts[at.axis], Index)
    }
    return found.pop() if len(found) == 1 else None


def refuse_no_position(
    solver: Solver, at: Computed, subscript: Affine, index: str, size: int
) -> ShapeError:
    """The error for a subscript that is outside of its axis wherever the index stands."""
    spans = [(i, solver.span(at.number, i)) for _, i in subscript.terms if i != index]
    taken = [f"{i} takes positions {s.start} to {s.stop - 1}" for i, s in spans if s is not None]
    text, why = to_text(subscript), " and ".join(taken)
    return ShapeError(
        f"{to_text(at.access)} leaves no position for index {index}: "
        + (f"{why}, but " if why else "")
        + f"axis {at.axis} of {at.access.name} has size {size}",
        [subscript.place or at.access.place],
        f"pad({text}) reads 0 outside; {unprimed(index)} then needs a range, as in: "
        f"where {unprimed(index)} in 0:{max(size, 1)}",
    )


def refuse_empty(at: Computed, mode: str) -> ShapeError:
    """The error for a position that is moved onto an axis which has none."""
    return ShapeError(
        f"{to_text(at.access)} has no position to read: axis {at.axis} has size 0",
        [at.access.place],
        f"{mode} needs at least one position; pad reads 0 everywhere",
    )


def refuse_group(solver: Solver, at: Computed, size: int) -> ShapeError:
    """The error for an axis that a group cannot split."""
    text = to_text(at.subscript)
    indices = subscript_indices(at.subscript)
    spans = {i: solver.span(at.number, i) for i in indices}
    known = {i: span.size for i, span in spans.items() if span is not None}
    product = math.prod(known.values())
    sizes = " and ".join(f"{i} has size {n}" for i, n in known.items())
    if len(known) == len(indices):
        said = f"axis {at.axis} of {at.access.name} has size {size}, but {text} has {product}"
        why = f"{said}: {sizes}"
    else:
        said = f"axis {at.axis} of {at.access.name} has size {size}, which {text} cannot split"
        why = f"{said}: {sizes}, and {size} is no multiple of {product}"
    return ShapeError(
        why,
        [at.subscript.place or at.access.place],
        f"the size of {text} is the product of the sizes of its indices",
    )


# Indices without a range


def refuse_unknown(solver: Solver, number: int, index: str) -> ShapeError:
    """The error for an index whose range nothing gives."""
    equation = solver.resolved.equations[number]
    given = range_of(equation, index)
    if given is not None:
        name = next(part for part in _unknown_types(solver, (*given.start, *given.stop)))
        return ShapeError(
            f"the range of index {index} is unknown: nothing gives the size of type {name}",
            [given.place],
            f"declare the size with the type, as in: {name} < 8, or write a number here",
        )
    start = f"the size of index {index} is unknown"
    for at in solver.computed:
        if at.number == number and index in subscript_indices(at.subscript):
            why, ranges = _open(solver, at, index)
            if why:
                return ShapeError(
                    f"{start}: {to_text(at.access)} {why}",
                    [at.access.place or equation.place],
                    f"give a range, as in: where {ranges}, or declare sizes, as in: "
                    f"{_declared(ranges)}",
                )
    name = unprimed(index)
    return ShapeError(
        f"{start}: no array has an axis of its type",
        [equation.place],
        f"give its range, as in: where {name} in 0:8, or declare its size: index {name}: name < 8",
    )


def _unknown_types(solver: Solver, size: Size) -> Iterable[str]:
    return (part for part in size if isinstance(part, str) and solver.of_type(part) is None)


def _declared(ranges: str) -> str:
    """``index i, j: name < 8`` for ``i in 0:8, j in 0:8``."""
    parts = [part.split(" in 0:") for part in ranges.split(", ")]
    return f"index {', '.join(index for index, _ in parts)}: name < {parts[0][1]}"


def _open(solver: Solver, at: Computed, index: str) -> tuple[str, str]:
    """Why a subscript does not bound an index, and ranges with which it would."""
    size = solver.axis(at.access, at.axis)
    indices = dict.fromkeys(subscript_indices(at.subscript))
    unknown = [i for i in indices if solver.span(at.number, i) is None]
    match at.subscript:
        case Boundary(_, inner):
            terms = inner.terms if isinstance(inner, Affine) else ((1, index),)
            factor = next(abs(c) for c, i in terms if i == index)
            stop = 8 if size is None else max(-(-size // factor), 1)
            return f"is legal at every {index}", f"{unprimed(index)} in 0:{stop}"
        case Group() if len(unknown) > 1:
            stop = _divisor(size)
        case _ if len(unknown) > 1:
            stop = 3 if size is None else max(min(size, 3), 1)
        case _:
            return "", ""
    ranges = ", ".join(f"{unprimed(i)} in 0:{stop}" for i in unknown[1:])
    return f"has unknown indices {' and '.join(unknown)}", ranges


def _divisor(size: int | None) -> int:
    """The smallest number of parts into which an axis splits."""
    return next((n for n in range(2, 1000) if size is not None and size % n == 0), 2)
