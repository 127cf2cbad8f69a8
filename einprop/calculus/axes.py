"""Domains: where the indices of equations run, carried over to the equations that are derived from them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from einprop.analysis.bindings import Kept, shared_bindings
from einprop.analysis.derivative_names import derivative_sides, has_axes_of_others, tensor_base
from einprop.analysis.indices import (
    bounded_indices,
    equation_indices,
    fresh_index,
    numbered,
    range_of,
    subscript_indices,
    unprimed,
)
from einprop.notation.tree import (
    Access,
    Affine,
    Equation,
    Group,
    Index,
    Range,
    Subscript,
    accesses,
    reads,
)

__all__ = ["Domains", "axis_letters", "with_ranges"]


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
class Domains:
    """Where index letters run: an index and its primed ones have one domain.

    Attributes:
        ranges: By letter, its ``where`` range.
        telling: By letter without a range, the accesses of which one has it plain, or all that bound it.
    """

    ranges: Mapping[str, Range]
    telling: Mapping[str, tuple[Access, ...]]

    @classmethod
    def of(cls, *equations: Equation) -> Domains:
        """The domains of the letters of core equations, in all of which a letter has one meaning."""
        ranges: dict[str, Range] = {}
        plain: dict[str, Access] = {}
        bounding: dict[str, list[Access]] = {}
        for equation in equations:
            for index in bounded_indices(equation) if equation.ranges else ():
                if (given := range_of(equation, index)) is not None:
                    ranges[unprimed(index)] = replace(given, index=unprimed(index))
        read = [a for e in equations for a in (*reads(e), *e.inside)]
        for access in map(_unprimed_access, sorted(read, key=lambda a: len(a.subscripts))):
            for letter in _plain(access):
                plain.setdefault(letter, access)
            for letter in _bounded(access):
                bounding.setdefault(letter, []).append(access)
        for equation in equations:
            target = _unprimed_access(equation.target)
            for letter in _plain(target):
                plain.setdefault(letter, target)
            for letter in _bounded(target) if has_axes_of_others(target.name) else ():
                bounding.setdefault(letter, []).append(target)
        telling = {letter: tuple(found) for letter, found in bounding.items()}
        return cls(ranges, telling | {letter: (access,) for letter, access in plain.items()})

    def told(
        self,
        equation: Equation,
        fixed: Collection[str] = (),
        kept: Kept = lambda call: (),
        name: Callable[[str], str] = lambda name: name,
    ) -> Equation:
        """An equation in these letters that says itself where its indices run.

        Args:
            equation: Its own ``where`` is not looked at.
            fixed: Letters whose sizes are declared.
            kept: The indices of a call that its definition keeps instead of binding them.
            name: What a tensor is read as behind ``where``.

        >>> from einprop.notation.parser import parse
        >>> from einprop.notation.printer import to_text
        >>> source, derived = parse("s = sum[i](x[i+1] - x[i+0]); x.grad[i+0] += -s.grad")
        >>> print(to_text(Domains.of(source).told(derived)))
        x.grad[i+0] += -s.grad where x[i+1]
        """
        bare = with_ranges(replace(equation, inside=()), self.ranges.values())
        # A new tensor is as long as its equation says: it tells nothing.
        new = () if has_axes_of_others(bare.target.name) else (bare.target.name,)
        shared = shared_bindings(bare, kept) if self.telling else set()
        there = [a for access in accesses(bare) if access.name not in new for a in _sides(access)]
        told = {i for access in there for i in _plain(access)}.union(fixed, self.ranges) - shared
        pending = [i for i in dict.fromkeys(map(unprimed, equation_indices(bare))) if i not in told]
        found: list[Access] = []
        for letter in pending:
            for access in self.telling.get(letter, ()) if letter not in told else ():
                if access.name in new:
                    continue
                bound = replace(access, name=tensor_base(access.name))
                if letter in shared or not any(_implies(other, bound) for other in there):
                    there.append(bound)
                    found.append(replace(access, name=name(access.name), place=None))
                    told.update(_plain(access))
                    pending += sorted(_bounded(access) - told - set(pending))
        # What bounds an index may have others, which have ranges too.
        return with_ranges(replace(bare, inside=tuple(found)), self.ranges.values())


def _sides(access: Access) -> Iterator[Access]:
    """An access as one to the tensor whose axes it has, or one to each of the two."""
    base = tensor_base(access.name)
    yield access if base == access.name else replace(access, name=base)
    for sides in derivative_sides(base):
        for split in range(len(access.subscripts) + 1):
            parts = access.subscripts[:split], access.subscripts[split:]
            for side, subscripts in zip(sides, parts, strict=True):
                yield Access(tensor_base(side), subscripts)


def _implies(known: Access, access: Access) -> bool:
    """Whether one access is inside wherever the other one is."""
    if known.name != access.name or len(known.subscripts) != len(access.subscripts):
        return False
    pairs = zip(known.subscripts, access.subscripts, strict=True)
    return all(_unprimed(a) == _unprimed(b) or _reaches_further(a, b) for a, b in pairs)


def _unprimed_access(access: Access) -> Access:
    return replace(access, subscripts=tuple([_unprimed(s) for s in access.subscripts]))


def _unprimed(subscript: Subscript) -> Subscript:
    match subscript:
        case Index(name):
            return replace(subscript, name=unprimed(name))
        case Affine(terms) if len({unprimed(i) for _, i in terms}) == len(terms):
            return replace(subscript, terms=tuple([(factor, unprimed(i)) for factor, i in terms]))
        case Group(indices):
            return replace(subscript, indices=tuple(map(unprimed, indices)))
        case Access():
            return _unprimed_access(subscript)
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
