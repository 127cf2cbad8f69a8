"""Subscripts put in the place of indices: ``h[i]`` at ``2*i+p`` is ``h[2*i+p]``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from einprop.analysis.indices import free_indices, rename_apart, rename_indices, target_indices
from einprop.notation.tree import (
    Access,
    Affine,
    Boundary,
    Call,
    Expression,
    Group,
    Index,
    IndexValue,
    Subscript,
    map_children,
)

__all__ = ["InexpressibleError", "place_in", "substitute_subscripts"]


class InexpressibleError(Exception):
    """The language has no subscript for what a substitution would mean."""


def substitute_subscripts(expression: Expression, places: Mapping[str, Subscript]) -> Expression:
    """The expression with subscripts in the place of its free indices.

    Raises:
        InexpressibleError: An index stands where only an index can stand.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> line = parse("y[a] = x[2*a] K[a]")[0]
    >>> to_text(substitute_subscripts(line.expression, {"a": Affine(((1, "i"),), 1)}))
    'x[2*i+2] K[i+1]'
    """
    names = {old: new.name for old, new in places.items() if isinstance(new, Index)}
    if len(names) == len(places):
        return rename_indices(expression, {o: n for o, n in names.items() if o != n})
    used = target_indices(Access("", tuple(places.values())))
    return _placed(rename_apart(expression, frozenset(used)), places)


def _placed(expression: Expression, places: Mapping[str, Subscript]) -> Expression:
    match expression:
        case Access(_, subscripts):
            found = tuple([place_in(s, places) for s in subscripts])
            return replace(expression, subscripts=found)
        case IndexValue(name):
            return replace(expression, name=_name(places.get(name, Index(name))))
        case Call(_, (body,), indices) if indices:
            inside = {i: p for i, p in places.items() if i in free_indices(expression)}
            return replace(expression, arguments=(_placed(body, inside),))
        case _:
            return map_children(expression, lambda child: _placed(child, places))


def place_in(subscript: Subscript, places: Mapping[str, Subscript]) -> Subscript:
    """The subscript with others in the place of its indices.

    Raises:
        InexpressibleError: There is no such subscript.
    """
    match subscript:
        case Index(name):
            return places.get(name, subscript)
        case Affine():
            return _place_in_affine(subscript, places)
        case Group(indices):
            found = [places.get(i, Index(i)) for i in indices]
            return replace(subscript, indices=tuple(_name(s) for s in found))
        case Boundary(_, inner):
            placed = place_in(inner, places)
            if not isinstance(placed, Index | Affine):
                raise InexpressibleError(inner)
            return replace(subscript, subscript=placed)
        case Access(_, subscripts):
            return replace(subscript, subscripts=tuple([place_in(s, places) for s in subscripts]))


def _name(subscript: Subscript) -> str:
    if isinstance(subscript, Index):
        return subscript.name
    raise InexpressibleError(subscript)


def _place_in_affine(subscript: Affine, places: Mapping[str, Subscript]) -> Affine:
    constant = subscript.constant
    terms: dict[str, int] = {}
    for coefficient, index in subscript.terms:
        match places.get(index, Index(index)):
            case Index(name):
                terms[name] = terms.get(name, 0) + coefficient
            case Affine(inner, offset, 0):
                constant += coefficient * offset
                for factor, name in inner:
                    terms[name] = terms.get(name, 0) + coefficient * factor
            case other:
                raise InexpressibleError(other)
    kept = tuple((coefficient, name) for name, coefficient in terms.items() if coefficient)
    return replace(subscript, terms=kept, constant=constant)
