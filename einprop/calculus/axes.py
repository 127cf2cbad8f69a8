"""What equations say about axes and ranges, carried over to the equations that are derived from them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from einprop.analysis.indices import equation_indices, fresh_index, unprimed
from einprop.notation.tree import Access, Equation, Index, Range

__all__ = ["axis_letters", "with_ranges"]


def axis_letters(access: Access, taken: Collection[str] = ()) -> tuple[str, ...]:
    """A letter of its own for each axis of a tensor: the access's where it has a plain one there.

    >>> from einprop.notation.parser import parse
    >>> axis_letters(parse("y[i, i, 2*i+p] = x[p]")[0].target)
    ('i', "i'", 'cell')
    """
    letters: list[str] = []
    for subscript in access.subscripts:
        used = {*letters, *taken}
        if isinstance(subscript, Index):
            letters.append(fresh_index(subscript.name, used))
        else:
            # Not a letter of the program's, which may have another range, or a declared type.
            letters.append(_unused("cell", used))
    return tuple(letters)


def _unused(letter: str, taken: Collection[str]) -> str:
    """The letter, or with a number: a prime would give it the type of another."""
    candidate, count = letter, 1
    while candidate in taken:
        count += 1
        candidate = f"{letter}{count}"
    return candidate


def with_ranges(equation: Equation, ranges: Iterable[Range]) -> Equation:
    """The equation with those of the ranges that restrict an index of it, primed ones too."""
    given = {r.index: r for r in ranges}
    if not given:
        return equation
    kept = []
    for index in equation_indices(equation):
        found = given.get(index) or given.get(unprimed(index))
        if found is not None:
            kept.append(replace(found, index=index))
    return replace(equation, ranges=tuple(kept))
