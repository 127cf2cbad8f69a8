"""Bindings told apart: where an index is bound twice and shifted, it becomes two indices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from einprop.analysis.indices import (
    equation_indices,
    numbered,
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
    map_children,
    reads,
    walk,
)

__all__ = ["separate_bindings"]

Kept = Callable[[Call], Collection[str]]
"""The indices of a call that its definition keeps instead of binding them."""


def separate_bindings(
    equation: Equation,
    fixed: Collection[str],
    kept: Kept = lambda call: (),
) -> Equation:
    """The equation with one name for each index that is bound and shifted.

    Two sums over i are two indices; where one of them is bounded by ``x[i+1]`` their ranges differ.
    A call of a definition binds its index once, however many sums it stands for.

    Args:
        equation: An equation with explicit sums, definitions not expanded.
        fixed: Indices whose range is declared.
        kept: The indices of a call that its definition keeps instead of binding them.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> line = parse("y = sum[i](x[i]) + sum[i](x[i+1] - x[i])")[0]
    >>> print(to_text(separate_bindings(line, ())))
    y = sum[i](x[i]) + sum[i2](x[i2+1] - x[i2])
    >>> line = parse("y[i] = x[i+1] / sum[i](x[i])")[0]
    >>> print(to_text(separate_bindings(line, ())))
    y[i] = x[i+1] / sum[i2](x[i2])
    """
    twice = _bound_twice(equation, fixed, kept)
    if not twice:
        return equation
    taken = {*equation_indices(equation), *fixed}
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
    # A primed index has the range of the unprimed one, however often it is bound.
    return {i for i in shifted if bindings[i] > 1 and i not in ranged and i == unprimed(i)}


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
        if isinstance(node, Call) and not self.kept(node):
            held = _held(node)
            names = {i: self.fresh(i) for i in held if i in self.twice and i in self.seen}
            self.seen.update(held)
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
    nodes = (n for argument in binder.arguments for n in walk(argument))
    found = {i for n in nodes if isinstance(n, Access) for i in target_indices(n)}
    return tuple(i for i in binder.indices if i in found)
