"""Bindings told apart: where an index is bound twice and shifted, it becomes two indices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from einprop.analysis.indices import (
    bounded_indices,
    numbered,
    plain_subscripts,
    range_of,
    rename_everywhere,
    rename_indices,
    subscript_indices,
    target_indices,
    unprimed,
)
from einprop.notation.tree import (
    Access,
    Affine,
    Call,
    Equation,
    Expression,
    IndexValue,
    Range,
    Size,
    map_children,
    reads,
    walk,
)

__all__ = ["Kept", "separate_bindings", "separate_ranges", "shared_bindings"]

Kept = Callable[[Call], Collection[str]]
"""The indices of a call that its definition keeps instead of binding them."""


def separate_bindings(
    equation: Equation,
    fixed: Collection[str],
    kept: Kept = lambda call: (),
    declared: Collection[str] = (),
) -> Equation:
    """The equation with one name for each index that is bound and shifted.

    Two sums over i are two indices; where one of them is bounded by ``x[i+1]`` their ranges differ.
    A call of a definition binds its index once, however many sums it stands for, and an index of which
    ``where`` speaks has one range in all of them.

    Args:
        equation: An equation with explicit sums, definitions not expanded.
        fixed: Indices whose range is declared.
        kept: The indices of a call that its definition keeps instead of binding them.
        declared: Letters that mean something in the whole program.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> line = parse("y = sum[i](x[i]) + sum[i](x[i+1] - x[i])")[0]
    >>> print(to_text(separate_bindings(line, ())))
    y = sum[i](x[i]) + sum[i2](x[i2+1] - x[i2])
    >>> line = parse("y[i] = x[i+1] / sum[i](x[i])")[0]
    >>> print(to_text(separate_bindings(line, ())))
    y[i] = x[i+1] / sum[i2](x[i2])
    >>> line = parse("y = sum[i](x[i+1]) - sum[i](x[i+0]) where x[i+1]")[0]
    >>> print(to_text(separate_bindings(line, ())))
    y = sum[i](x[i+1]) - sum[i](x[i+0]) where x[i+1]
    """
    twice = _bound_twice(equation, fixed, kept)
    if not twice:
        return equation
    taken = {*bounded_indices(equation), *fixed, *declared}
    separation = _Separation(kept, twice, taken, set(target_indices(equation.target)))
    return replace(equation, expression=separation.separated(equation.expression))


def _bound_twice(equation: Equation, fixed: Collection[str], kept: Kept) -> set[str]:
    """The indices without a declared range that are shifted, and that more than one place binds."""
    shifted = {
        i
        for access in reads(equation)
        for s in access.subscripts
        if isinstance(s, Affine)
        for i in subscript_indices(s)
    }
    calls = (node for node in walk(equation.expression) if isinstance(node, Call))
    bound = (i for call in calls if not kept(call) for i in _held(call))
    bindings = Counter([*target_indices(equation.target), *bound])
    ranged = {unprimed(r.index) for r in equation.ranges}.union(fixed)
    # What `where` says of an index it says of all its bindings.
    ranged.update(unprimed(i) for access in equation.inside for i in target_indices(access))
    # A primed index has the range of the unprimed one, however often it is bound.
    return {i for i in shifted if bindings[i] > 1 and i not in ranged and i == unprimed(i)}


def shared_bindings(equation: Equation, kept: Kept = lambda call: ()) -> set[str]:
    """The indices that `separate_bindings` would tell apart, and that a binding does not give a range.

    >>> from einprop.notation.parser import parse
    >>> line = parse("y = sum[i](x[i+1]) - sum[i](x[i+0]) + sum[j](x[j+1] z[j]) + sum[j](z[j])")[0]
    >>> shared_bindings(line)
    {'i'}
    """
    twice = _bound_twice(equation, (), kept)
    calls = (node for node in walk(equation.expression) if isinstance(node, Call))
    binders = [call for call in calls if not kept(call)] if twice else []
    return {i for call in binders for i in _held(call) if i in twice and i not in _plain(call)}


def _plain(call: Call) -> set[str]:
    """The indices that range over whole axes of what is read inside a call."""
    return {i for a in walk(call) if isinstance(a, Access) for i in plain_subscripts(a)}


@dataclass
class _Separation:
    """Gives every binding of an index but the first a name of its own.

    Attributes:
        kept: As for `separate_bindings`.
        twice: The indices whose bindings are told apart.
        taken: Every index that there is.
        seen: The indices that have been bound so far.
    """

    kept: Kept
    twice: set[str]
    taken: set[str]
    seen: set[str]

    def separated(self, node: Expression) -> Expression:
        """The expression with its bindings told apart, in the order of the text."""
        if isinstance(node, Call) and node.indices and not self.kept(node):
            held = _held(node)
            names = {i: self.fresh(i) for i in held if i in self.twice and i in self.seen}
            self.seen.update(held)
            if names:
                own = tuple(names.get(i, i) for i in node.indices)
                node = self.within(replace(node, indices=own), names)
        return map_children(node, self.separated)

    def fresh(self, index: str) -> str:
        """An index that nothing is."""
        own = numbered(index, self.taken.__contains__)
        self.taken.add(own)
        return own

    def within(self, node: Expression, names: Mapping[str, str]) -> Expression:
        """The node with the free indices of what it consists of renamed."""
        return map_children(node, lambda child: self.renamed(child, names))

    def renamed(self, node: Expression, names: Mapping[str, str]) -> Expression:
        """The expression with its free indices renamed."""
        if not isinstance(node, Call):
            leaf = isinstance(node, Access | IndexValue)
            return rename_indices(node, names) if leaf else self.within(node, names)
        if not self.kept(node):
            names = {old: new for old, new in names.items() if old not in node.indices}
        indices = tuple(names.get(i, i) for i in node.indices)
        return self.within(replace(node, indices=indices), names)


def _held(binder: Call) -> tuple[str, ...]:
    """The bound indices that stand in a subscript: those that only count have no range of their own."""
    if not binder.indices:
        return ()
    nodes = (n for argument in binder.arguments for n in walk(argument))
    found = {i for n in nodes if isinstance(n, Access) for i in target_indices(n)}
    return tuple(i for i in binder.indices if i in found)


def separate_ranges(equation: Equation, declared: Collection[str] = ()) -> Equation:
    """The equation in which an index and its primed ones have one range.

    A primed index has the range of the unprimed one. One that is given another is another index: it
    gets a letter of its own, so that primes may come and go in what is derived.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> print(to_text(separate_ranges(parse("y[i] = sum[i'](x[i',i]) where i' in 1:2")[0])))
    y[i] = sum[i2](x[i2,i]) where i2 in 1:2
    """
    if all(r.index == unprimed(r.index) for r in equation.ranges):
        return equation
    names: dict[str, str] = {}
    ranges: dict[str, Range] = {}
    first: dict[str, Range | None] = {}
    taken = {*bounded_indices(equation), *(r.index for r in equation.ranges), *declared}
    # Those without a range of their own first: they keep the letter, and its type.
    own = {r.index for r in equation.ranges}
    for index in sorted(
        bounded_indices(equation), key=lambda i: (i != unprimed(i) and i in own, i)
    ):
        letter, given = unprimed(index), range_of(equation, index)
        if _span(given) != _span(first.setdefault(letter, given)):
            letter = names[index] = numbered(letter, taken.__contains__)
            taken.add(letter)
        elif given is not None and letter not in taken:
            names[index] = letter  # No index has the letter itself.
            taken.add(letter)
        if given is not None:
            ranges.setdefault(letter, replace(given, index=letter))
    return replace(rename_everywhere(equation, names), ranges=tuple(ranges.values()))


def _span(given: Range | None) -> tuple[Size, Size] | None:
    return None if given is None else (given.start, given.stop)
