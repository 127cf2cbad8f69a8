"""A tensor as a declaration names it: one index for each axis, under its type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from einprop.analysis.indices import (
    fresh_index,
    is_plain,
    numbered,
    plain_subscripts,
    subscript_indices,
    unprimed,
)
from einprop.analysis.resolve import Resolved
from einprop.notation.tree import Access, Index, declared_groups

__all__ = ["axis_letters", "declared_access", "mentions"]


def mentions(resolved: Resolved, name: str) -> Iterator[Access]:
    """The accesses to a tensor or to a derivative of it, declarations first."""
    return iter(resolved.mentioned.get(resolved.types.base(name), ()))


def declared_access(resolved: Resolved, name: str) -> Access:
    """The tensor at one index for each axis, as the program writes it where it does.

    >>> from einprop.analysis.resolve import resolve
    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> resolved = resolve(parse("index c: channel; y[i,c] = x[2*i+p,c] K[p]"))
    >>> to_text(declared_access(resolved, "x"))
    'x[i,c]'
    """
    found = list(mentions(resolved, name))
    plain = next((a for a in found if is_plain(a)), None)
    if plain is not None:
        return Access(name, plain.subscripts)
    by_type: dict[str, str] = {}
    reserved: set[str] = set()
    for group in declared_groups(resolved.statements):
        by_type.setdefault(group.type, group.indices[0])
        reserved.update(group.indices)
    taken: list[str] = []
    for axis, subscript in enumerate(found[0].subscripts):
        type_name = resolved.types.name(resolved.types.axis(name, axis))
        if type_name is not None:
            letter = fresh_index(by_type[type_name], taken)
        else:
            written = [*map(unprimed, subscript_indices(subscript)), *"abcdefghijklmnopqrstuvwxyz"]
            free = (i for i in written if i not in reserved and i not in taken)
            letter = next(free, f"axis{axis}")
        taken.append(letter)
    return Access(name, tuple(Index(letter) for letter in taken))


def axis_letters(resolved: Resolved, names: Iterable[str]) -> dict[tuple[str, int], str]:
    """A letter for each axis of some tensors: the same for two axes of one type, and for no others."""
    by_type: dict[object, str] = {}
    found: dict[tuple[str, int], str] = {}
    for name in names:
        for axis, letter in enumerate(plain_subscripts(declared_access(resolved, name))):
            key = resolved.types.axis(name, axis)
            if key not in by_type:
                taken = set(by_type.values())
                by_type[key] = numbered(unprimed(letter), taken.__contains__)
            found[name, axis] = by_type[key]
    return found
