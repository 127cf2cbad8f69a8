"""What equations say about axes and ranges, carried over to the equations that are derived from them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from einprop.analysis.derivative_names import tensor_base
from einprop.analysis.indices import (
    bounded_indices,
    equation_indices,
    fresh_index,
    numbered,
    range_of,
    rename_indices,
    subscript_indices,
    target_indices,
    unprimed,
)
from einprop.notation.tree import (
    Access,
    Affine,
    Equation,
    Expression,
    Group,
    Index,
    Range,
    Subscript,
    accesses,
    reads,
)

__all__ = ["Bounds", "axis_letters", "bounding", "with_bounds", "with_ranges"]


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
            letters.append(numbered("cell", used.__contains__))
    return tuple(letters)


@dataclass(frozen=True)
class Bounds:
    """Where the indices of an equation range, for all the equations that are derived from it."""

    source: Equation

    @cached_property
    def are_computed(self) -> bool:
        """Whether a computed subscript bounds an index."""
        found = (s for a in accesses(self.source) for s in a.subscripts if not isinstance(s, Index))
        return any(subscript_indices(s) for s in found)


def with_bounds(
    equation: Equation, bounds: Bounds, names: Mapping[str, str] | None = None
) -> Equation:
    """A derived equation whose indices range as in the equation that it comes from.

    Args:
        equation: The derived equation.
        bounds: Of the one that it comes from: ranges, and shifted reads that bound its indices.
        names: New names of the source's indices.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> source, derived = parse("s = sum[i](x[i+1] - x[i+0]); x.grad[i+0] += -s.grad")
    >>> print(to_text(with_bounds(derived, Bounds(source))))
    x.grad[i+0] += -s.grad where x[i+1]
    """
    renamed, source = names or {}, bounds.source
    ranges = [replace(r, index=renamed.get(r.index, r.index)) for r in source.ranges]
    # The range of an index is that of its primed ones too, which may have lost their primes.
    own = {r.index for r in ranges}
    for old, new in renamed.items():
        given = range_of(source, old)
        if given is not None and new not in own:
            ranges.append(replace(given, index=new))
            own.add(new)
    ranged = with_ranges(equation, ranges)
    if not bounds.are_computed:
        return ranged
    bounding = _bounds(ranged, source, renamed)
    # These may bring indices of their own, which have ranges too.
    return with_ranges(replace(ranged, inside=(*equation.inside, *bounding)), ranges)


def bounding(equation: Equation, source: Equation, names: Mapping[str, str]) -> tuple[Access, ...]:
    """The reads of the source that bound an index of a derived equation which lacks them.

    They stand as reads of tensors that the program itself has, whose axes their derivatives share.

    Args:
        equation: The derived equation.
        source: The one that it comes from.
        names: New names of the source's indices.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> source, derived = parse("s = sum[i](x[i+1] - x[i+0]); x[i+0] += -s")
    >>> print(*map(to_text, bounding(derived, source, {})))
    x[i+1]
    """
    if not Bounds(source).are_computed:
        return ()
    found = _bounds(equation, source, names)
    return tuple(replace(access, name=tensor_base(access.name)) for access in found)


def _bounds(equation: Equation, source: Equation, names: Mapping[str, str]) -> list[Access]:
    """The reads of the source that the derived equation lacks, and that bound an index of it."""
    sources = [*reads(source), *source.inside]
    if tensor_base(source.target.name) != source.target.name:
        sources.append(source.target)
    # With or without primes an index has one range.
    new = {name for old, name in names.items() if unprimed(old) != unprimed(name)}
    known = [
        _renamed(a, names)
        for a in sources
        # What is bound inside may have the new name of another index.
        if new.isdisjoint(i for i in target_indices(a) if i not in names)
    ]
    there = [replace(a, name=tensor_base(a.name)) for a in accesses(equation)]
    told = {i for a in accesses(equation) for i in _plain(a)} | {r.index for r in equation.ranges}
    pending = [i for i in dict.fromkeys(map(unprimed, equation_indices(equation))) if i not in told]
    found: list[Access] = []
    for index in pending:
        plain = [a for a in known if isinstance(a, Access) and index in _plain(a)]
        bounding = [a for a in known if isinstance(a, Access) and index in _bounded(a)]
        for access in plain[:1] or bounding:
            bound = replace(access, name=tensor_base(access.name))
            if not any(_implies(other, bound) for other in there):
                there.append(bound)
                found.append(replace(access, place=None))
                told.update(_plain(access))
                others = {unprimed(i) for i in _bounded(access)}
                pending += sorted(others - told - set(pending))
    return found


def _renamed(access: Access, names: Mapping[str, str]) -> Expression:
    """An access by new names; an index whose letter another of its indices gets takes a prime."""
    own = target_indices(access)
    given = {names[i] for i in own if i in names}
    taken = given.union(own)
    aside = {}
    for index in own:
        if index not in names and index in given:
            aside[index] = fresh_index(index, taken - (names.keys() - given))
            taken.add(aside[index])
    return rename_indices(access, {**names, **aside})


def _implies(known: Access, access: Access) -> bool:
    """Whether one access is inside wherever the other one is."""
    if known.name != access.name or len(known.subscripts) != len(access.subscripts):
        return False
    pairs = zip(known.subscripts, access.subscripts, strict=True)
    return all(_unprimed(a) == _unprimed(b) or _reaches_further(a, b) for a, b in pairs)


def _unprimed(subscript: Subscript) -> Subscript:
    match subscript:
        case Affine(terms):
            return replace(subscript, terms=tuple((factor, unprimed(i)) for factor, i in terms))
        case Group(indices):
            return replace(subscript, indices=tuple(map(unprimed, indices)))
        case _:
            return subscript


def _reaches_further(one: Subscript, other: Subscript) -> bool:
    match one, other:
        case Affine(terms, constant, 0), Affine(others, least, 0):
            upwards = all(factor > 0 for factor, _ in terms)
            return set(others) <= set(terms) and upwards and constant >= least >= 0
        case _:
            return False


def _plain(access: Access) -> set[str]:
    """The indices that range over a whole axis of a tensor, or of one in a subscript."""
    inner = {i for s in access.subscripts if isinstance(s, Access) for i in _plain(s)}
    return inner | {unprimed(s.name) for s in access.subscripts if isinstance(s, Index)}


def _bounded(access: Access) -> set[str]:
    """The indices that a tensor bounds by computed subscripts."""
    computed = (s for s in access.subscripts if isinstance(s, Affine | Group))
    return {unprimed(i) for s in computed for i in subscript_indices(s)}


def with_ranges(equation: Equation, ranges: Iterable[Range]) -> Equation:
    """The equation with those of the ranges that restrict an index of it, primed ones too."""
    given = {r.index: r for r in ranges}
    if not given:
        return equation
    kept = []
    for index in bounded_indices(equation):
        found = given.get(index) or given.get(unprimed(index))
        if found is not None:
            kept.append(replace(found, index=index))
    return replace(equation, ranges=tuple(kept))
