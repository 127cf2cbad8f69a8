"""Which indices an expression has: free, bound and fresh ones, and renaming without capture."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from itertools import chain, count

from einprop.notation.functions import REDUCTIONS
from einprop.notation.tree import (
    Access,
    Affine,
    Boundary,
    Call,
    Equation,
    Expression,
    Group,
    Index,
    IndexValue,
    Range,
    Subscript,
    children,
    map_children,
)

__all__ = [
    "bounded_indices",
    "equation_indices",
    "expression_indices",
    "free_indices",
    "fresh_index",
    "is_distinct",
    "is_plain",
    "numbered",
    "plain_subscripts",
    "range_of",
    "rename_apart",
    "rename_indices",
    "subscript_indices",
    "target_indices",
    "typed_letter",
    "unprimed",
]


def unprimed(index: str) -> str:
    """The index without its primes: ``i''`` has the type of ``i``."""
    return index.rstrip("'")


def subscript_indices(subscript: Subscript) -> tuple[str, ...]:
    """Every index in a subscript, once for each time that it occurs."""
    match subscript:
        case Index(name):
            return (name,)
        case Affine(terms):
            return tuple(name for _, name in terms)
        case Group(indices):
            return indices
        case Boundary(_, inner):
            return subscript_indices(inner)
        case Access(_, subscripts):
            return tuple(name for inner in subscripts for name in subscript_indices(inner))


def target_indices(access: Access) -> tuple[str, ...]:
    """The indices of an access in order, each once."""
    return tuple(dict.fromkeys(i for s in access.subscripts for i in subscript_indices(s)))


def plain_subscripts(access: Access) -> tuple[str, ...]:
    """The plain subscripts of an access in order, repeated ones too."""
    return tuple([s.name for s in access.subscripts if isinstance(s, Index)])


def is_plain(access: Access) -> bool:
    """Whether each subscript is an index: what is read or written runs over whole axes."""
    return all(isinstance(s, Index) for s in access.subscripts)


def is_distinct(access: Access) -> bool:
    """Whether each subscript is an index that no other one is: each cell is named once.

    >>> from einprop.notation.parser import parse
    >>> [is_distinct(e.target) for e in parse("y[i,j] = x; y[i,i] = x; y[2*i] = x")]
    [True, False, False]
    """
    return is_plain(access) and len(set(plain_subscripts(access))) == len(access.subscripts)


def free_indices(expression: Expression) -> tuple[str, ...]:
    """The indices of a core expression that no reduction in it binds, in order, each once.

    >>> from einprop.notation.parser import parse
    >>> free_indices(parse("y[b,j] = sum[i](x[b,i] W[i,j]) + B[j]")[0].expression)
    ('b', 'j')
    """
    return tuple(dict.fromkeys(_free(expression, ())))


def _free(expression: Expression, bound: tuple[str, ...]) -> Iterator[str]:
    match expression:
        case Access():
            found = target_indices(expression)
            yield from [i for i in found if i not in bound] if bound else found
        case IndexValue(name):
            if name not in bound:
                yield name
        case Call(function, (body,), indices) if function in REDUCTIONS:
            yield from _free(body, bound + indices)
        case _:
            for child in children(expression):
                yield from _free(child, bound)


def equation_indices(equation: Equation) -> tuple[str, ...]:
    """Every index that an equation writes down, bound ones too."""
    found = dict.fromkeys(target_indices(equation.target))
    _collect(equation.expression, found)
    return tuple(found)


def bounded_indices(equation: Equation) -> tuple[str, ...]:
    """Every index of an equation, those of the accesses behind its ``where`` too."""
    bounding = (i for access in equation.inside for i in target_indices(access))
    return tuple(dict.fromkeys((*equation_indices(equation), *bounding)))


def expression_indices(expression: Expression) -> tuple[str, ...]:
    """Every index that an expression writes down, bound ones too."""
    found: dict[str, None] = {}
    _collect(expression, found)
    return tuple(found)


def _collect(expression: Expression, found: dict[str, None]) -> None:
    match expression:
        case Access():
            found.update(dict.fromkeys(target_indices(expression)))
        case IndexValue(name):
            found[name] = None
        case Call(_, _, indices):
            found.update(dict.fromkeys(indices))
    for child in children(expression):
        _collect(child, found)


def range_of(equation: Equation, index: str) -> Range | None:
    """The ``where`` range of an index; a primed index has that of the unprimed one."""
    ranges = {r.index: r for r in equation.ranges}
    return ranges.get(index, ranges.get(unprimed(index)))


def fresh_index(index: str, taken: Collection[str]) -> str:
    """``index`` with as few primes as make it differ from all of ``taken``.

    >>> fresh_index("k", {"k", "k'"})
    "k''"
    """
    index = unprimed(index)
    while index in taken:
        index += "'"
    return index


def numbered(name: str, is_taken: Callable[[str], bool], start: int = 2) -> str:
    """A name, or with the least number from 2 (or another ``start``) on that makes it free.

    A number gives a letter a type of its own, where a prime would give it that of another.

    >>> numbered("i", {"i", "i2"}.__contains__)
    'i3'
    """
    candidates = chain((name,), (f"{name}{number}" for number in count(start)))
    return next(candidate for candidate in candidates if not is_taken(candidate))


def typed_letter(
    letter: str, key: object, types: Mapping[str, object], taken: Collection[str]
) -> str:
    """The letter itself, or with a number if another type or another letter has it already.

    Args:
        letter: The letter.
        key: What letters of its type share.
        types: The keys of the letters that have one.
        taken: Letters that are in use, whatever their types.
    """
    return numbered(letter, lambda own: types.get(own, key) != key or own in taken)


def _rename_subscript(subscript: Subscript, names: Mapping[str, str]) -> Subscript:
    match subscript:
        case Index(name):
            return replace(subscript, name=names.get(name, name))
        case Affine(terms):
            return replace(subscript, terms=tuple((c, names.get(i, i)) for c, i in terms))
        case Group(indices):
            return replace(subscript, indices=tuple(names.get(i, i) for i in indices))
        case Boundary(_, inner):
            renamed = _rename_subscript(inner, names)
            assert isinstance(renamed, Index | Affine)
            return replace(subscript, subscript=renamed)
        case Access():
            return _rename_access(subscript, names)


def _rename_access(access: Access, names: Mapping[str, str]) -> Access:
    return replace(
        access, subscripts=tuple([_rename_subscript(s, names) for s in access.subscripts])
    )


def rename_indices(expression: Expression, names: Mapping[str, str]) -> Expression:
    """The expression with its free indices renamed; bound ones step aside with a prime.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> expression = parse("y[b] = sum[k](s[b,k])")[0].expression
    >>> to_text(rename_indices(expression, {"b": "k"}))
    "sum[k'](s[k,k'])"
    """
    if not names:
        return expression
    match expression:
        case Access():
            return _rename_access(expression, names)
        case IndexValue(name):
            return replace(expression, name=names.get(name, name))
        case Call(_, (body,), indices) if indices:
            return _rename_binder(expression, body, names)
        case _:
            return map_children(expression, lambda child: rename_indices(child, names))


def _rename_binder(call: Call, body: Expression, names: Mapping[str, str]) -> Call:
    inside = {i for i in free_indices(body) if i not in call.indices}
    names = {old: new for old, new in names.items() if old in inside}
    taken = {names.get(i, i) for i in inside}
    own = {}
    for index in call.indices:
        own[index] = fresh_index(index, taken) if index in taken else index
        taken.add(own[index])
    changed = {old: new for old, new in own.items() if old != new}
    return replace(
        call,
        indices=tuple(own.values()),
        arguments=(rename_indices(body, names | changed),),
    )


def rename_apart(expression: Expression, taken: frozenset[str]) -> Expression:
    """The expression with every bound index renamed that ``taken`` or an enclosing reduction uses.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> equation = parse("p[k] = exp(s[k]) / sum[k](exp(s[k]))")[0]
    >>> to_text(rename_apart(equation.expression, frozenset("k")))
    "exp(s[k]) / sum[k'](exp(s[k']))"
    """
    match expression:
        case Call(function, (body,), indices) if indices:
            assert function in REDUCTIONS
            names: dict[str, str] = {}
            for index in indices:
                used = taken.union(names.values())
                names[index] = fresh_index(index, used) if index in used else index
            body = rename_indices(body, {old: new for old, new in names.items() if old != new})
            inner = rename_apart(body, taken.union(names.values()))
            return replace(expression, indices=tuple(names.values()), arguments=(inner,))
        case _:
            return map_children(expression, lambda child: rename_apart(child, taken))
