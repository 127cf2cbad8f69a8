"""Which indices an expression has: free, bound and fresh ones, and renaming without capture."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Collection, Mapping
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
    walk,
)

__all__ = [
    "TypedLetters",
    "at_index",
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
    "rename_everywhere",
    "rename_indices",
    "subscript_indices",
    "target_indices",
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
    found: dict[str, None] = {}
    for subscript in access.subscripts:
        if isinstance(subscript, Index):
            found[subscript.name] = None
        else:
            found.update(dict.fromkeys(subscript_indices(subscript)))
    return tuple(found)


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
    found: dict[str, None] = {}
    _add_free(expression, (), found)
    return tuple(found)


def _add_free(expression: Expression, bound: tuple[str, ...], found: dict[str, None]) -> None:
    match expression:
        case Access():
            for index in target_indices(expression):
                if index not in bound:
                    found[index] = None
        case IndexValue(name):
            if name not in bound:
                found[name] = None
        case Call(function, (body,), indices) if function in REDUCTIONS:
            _add_free(body, bound + indices, found)
        case _:
            for child in children(expression):
                _add_free(child, bound, found)


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
    for node in walk(expression):
        match node:
            case Access():
                found.update(dict.fromkeys(target_indices(node)))
            case IndexValue(name):
                found[name] = None
            case Call(_, _, indices) if indices:
                found.update(dict.fromkeys(indices))


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


class TypedLetters:
    """Letters with one type each: where a letter has another type already, it gets a number.

    >>> letters = TypedLetters()
    >>> letters.take("i", "row"), letters.take("i", "column"), letters.take("i", "row")
    ('i', 'i2', 'i')
    """

    def __init__(self) -> None:
        self.types: dict[str, object] = {}
        self.first: dict[object, str] = {}
        # By name and type: the numbers behind the name that give letters of the type.
        self._numbers: dict[tuple[str, object], list[int]] = {}
        self._unused: dict[str, int] = {}

    def take(self, name: str, key: object, taken: Collection[str] = ()) -> str:
        """The name itself, or with the least number that makes it a letter of the type.

        Args:
            name: The letter.
            key: What letters of its type share.
            taken: Letters that are in use, whatever their types.
        """
        known = (n for n in self._numbers.get((name, key), ()) if _number(name, n) not in taken)
        number = self._unused.get(name, 1)
        while _number(name, number) in self.types:
            number += 1
        self._unused[name] = number
        while (letter := _number(name, number)) in self.types or letter in taken:
            number += 1
        letter = _number(name, min(next(known, number), number))
        if letter not in self.types:
            self._add(letter, key)
        return letter

    def _add(self, letter: str, key: object) -> None:
        self.types[letter] = key
        self.first.setdefault(key, letter)
        insort(self._numbers.setdefault((letter, key), []), 1)
        stem = letter.rstrip("0123456789")
        for end in range(max(len(stem), 1), len(letter)):
            number = int(letter[end:])
            if number > 1 and letter[end] != "0":
                insort(self._numbers.setdefault((letter[:end], key), []), number)


def _number(name: str, number: int) -> str:
    return name if number == 1 else f"{name}{number}"


def _rename_subscript(subscript: Subscript, names: Mapping[str, str]) -> Subscript:
    match subscript:
        case Index(name, place):
            return Index(names[name], place) if name in names else subscript
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
    subscripts = tuple([_rename_subscript(s, names) for s in access.subscripts])
    return Access(access.name, subscripts, access.place)


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


def rename_everywhere(equation: Equation, names: Mapping[str, str]) -> Equation:
    """The equation with every index renamed, bound ones too: the new names must be as distinct.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> line = parse("y[i] = sum[j](x[i,j]) where j in 0:2")[0]
    >>> print(to_text(rename_everywhere(line, {"i": "j", "j": "i"})))
    y[j] = sum[i](x[j,i]) where i in 0:2
    """
    return replace(
        equation,
        target=_rename_access(equation.target, names),
        expression=_rename_all(equation.expression, names),
        ranges=tuple([replace(r, index=names.get(r.index, r.index)) for r in equation.ranges]),
        inside=tuple([_rename_access(access, names) for access in equation.inside]),
    )


def _rename_all(expression: Expression, names: Mapping[str, str]) -> Expression:
    if isinstance(expression, Call) and expression.indices:
        (body,) = expression.arguments
        indices = tuple([names.get(i, i) for i in expression.indices])
        return replace(expression, indices=indices, arguments=(_rename_all(body, names),))
    if not children(expression):
        return rename_indices(expression, names)
    return map_children(expression, lambda child: _rename_all(child, names))


def at_index(access: Access, index: str, taken: Collection[str]) -> Access:
    """A declared tensor at an index of an equation, its other indices out of the way."""
    names: dict[str, str] = {}
    for other in target_indices(access):
        used = {*taken, *names.values()}
        names[other] = index if other == unprimed(index) else numbered(other, used.__contains__)
    return replace(_rename_access(access, names), place=None)
