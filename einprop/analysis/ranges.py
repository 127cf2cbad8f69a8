"""Sizes that subscripts compute: the largest range in which every read is inside, found in rounds."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from einprop.analysis.cells import lies_outside
from einprop.analysis.derivative_names import has_axes_of_others
from einprop.analysis.indices import bounded_indices, range_of, subscript_indices
from einprop.analysis.outside import (
    Computed,
    refuse_empty,
    refuse_group,
    refuse_no_position,
    refuse_outside,
)
from einprop.analysis.types import Declared
from einprop.notation.tree import (
    Access,
    Affine,
    Boundary,
    Equation,
    Group,
    Index,
    Size,
    accesses,
)

if TYPE_CHECKING:
    from einprop.analysis.resolve import Resolved

__all__ = ["Solver", "Span"]


@dataclass(frozen=True)
class Span:
    """The positions that an index takes: ``start`` up to and without ``stop``."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        """How many they are."""
        return max(self.stop - self.start, 0)


class Solver:
    """Finds sizes of axes and indices from those that arrays, declarations and ranges give.

    Attributes:
        known: Sizes by type, as far as they are known; `solve` adds to them.
    """

    def __init__(self, resolved: Resolved, known: dict[object, int]) -> None:
        self.resolved = resolved
        self.types = resolved.types
        self.known = known
        self.computed = list(_computed(resolved.equations))

    # What is known of an index or an axis

    def size(self, size: Size) -> int | None:
        """A declared size as a number, if the types that it names have one."""
        total = 0
        for part in size:
            found = part if isinstance(part, int) else self.of_type(part)
            if found is None:
                return None
            total += found
        return max(total, 0)

    def of_type(self, name: str) -> int | None:
        """The size of a declared type."""
        return self.known.get(self.types.find(Declared(name)))

    def span(self, number: int, index: str) -> Span | None:
        """The positions of an index in the equation of that number, if they are known."""
        given = range_of(self.resolved.equations[number], index)
        if given is not None:
            start, stop = self.size(given.start), self.size(given.stop)
            return None if start is None or stop is None else Span(start, stop)
        size = self.known.get(self.types.letter(number, index))
        return None if size is None else Span(0, size)

    def axis(self, access: Access, axis: int) -> int | None:
        """The size of an axis."""
        return self.known.get(self.types.axis(access.name, axis))

    def outside(self, access: Access, axis: int) -> tuple[int, int]:
        """How many cells an axis has before its first and after its last position."""
        return self.resolved.extents.get((access.name, axis), (0, 0))

    # Rounds

    def solve(self, *, inputs: bool = False) -> None:
        """Add every size that follows.

        Args:
            inputs: Whether axes of inputs follow from what is read of them, as where a user gives
                sizes of indices instead of arrays.
        """
        nothing = frozenset[object]()
        while True:
            waiting = self.waiting()
            if not (
                self.declared()
                or self.bounded(waiting)
                or self.joined()
                or self.written(inputs, waiting)
                # What waits for each other is settled by what is known.
                or self.bounded(nothing)
                or self.written(inputs, nothing)
            ):
                return

    def waiting(self) -> frozenset[object]:
        """The types of indices that a tensor is going to bound whose own size is still to follow."""
        found: set[object] = set()
        for at in self.computed:
            axis = self.types.axis(at.access.name, at.axis)
            grows = at.writes and not has_axes_of_others(at.access.name)
            if isinstance(at.subscript, Affine) and axis not in self.known and not grows:
                found.update(self.types.letter(at.number, i) for _, i in at.subscript.terms)
                # A recurrence reads the axis that it writes.
                found.discard(axis)
        return frozenset(found - self.known.keys())

    def learn(self, key: object, size: int) -> bool:
        """Note a size, and say whether it is news."""
        if key in self.known:
            return False
        self.known[key] = size
        return True

    def declared(self) -> bool:
        """Sizes of types that are declared in terms of other types, and of ranges that name a size."""
        found = False
        for key, declared in self.types.sizes.items():
            size = self.size(declared)
            found |= size is not None and self.learn(self.types.find(key), size)
        for number, equation in enumerate(self.resolved.equations):
            for index in bounded_indices(equation) if equation.ranges else ():
                span = self.span(number, index)
                if range_of(equation, index) is not None and span is not None:
                    found |= self.learn(self.types.letter(number, index), span.stop)
        return found

    def bounded(self, waiting: Collection[object]) -> bool:
        """A round: each index that is the only unknown one of an access, by the tightest of those.

        Args:
            waiting: The types that another access may bound more tightly in a later round.
        """
        bounds: dict[object, int] = {}
        for at in self.computed:
            match at.subscript:
                case Affine():
                    unknown = [i for _, i in at.subscript.terms if self.span(at.number, i) is None]
                    size = self.axis(at.access, at.axis)
                    if len(unknown) == 1 and size is not None:
                        key = self.types.letter(at.number, unknown[0])
                        bound = self.bound(at, at.subscript, unknown[0], size)
                        bounds[key] = min(bound, bounds.get(key, bound))
        settled = {key: bound for key, bound in bounds.items() if key not in waiting}
        return sum(self.learn(key, bound) for key, bound in settled.items()) > 0

    def bound(self, at: Computed, subscript: Affine, index: str, size: int) -> int:
        """How many positions, from 0 on, an index can take with every read inside."""
        low, high = self.reach(at.number, subscript, size)
        before, after = self.outside(at.access, at.axis)
        factor = next(c for c, i in subscript.terms if i == index)
        room = size - 1 + after - high if factor > 0 else low + before
        if room < -abs(factor):
            raise refuse_no_position(self, at, subscript, index, size)
        return room // abs(factor) + 1

    def reach(self, number: int, subscript: Affine, size: int) -> tuple[int, int]:
        """The least and the greatest position, unknown indices at 0."""
        low = high = subscript.constant + subscript.end * (size - 1)
        for factor, index in subscript.terms:
            span = self.span(number, index)
            if span is not None and span.size:
                ends = factor * span.start, factor * (span.stop - 1)
                low, high = low + min(ends), high + max(ends)
        return low, high

    def joined(self) -> bool:
        """Grouped axes: the size of the axis, or of the one index that is unknown."""
        found = False
        for at in self.computed:
            if isinstance(at.subscript, Group):
                spans = {i: self.span(at.number, i) for i in at.subscript.indices}
                product = math.prod(span.size for span in spans.values() if span is not None)
                unknown = [index for index, span in spans.items() if span is None]
                size = self.axis(at.access, at.axis)
                if not unknown and size is None:
                    found |= self.learn(self.types.axis(at.access.name, at.axis), product)
                elif len(unknown) == 1 and size is not None and product:
                    if size % product:
                        raise refuse_group(self, at, size)
                    found |= self.learn(self.types.letter(at.number, unknown[0]), size // product)
        return found

    def written(self, inputs: bool, waiting: Collection[object]) -> bool:
        """Axes of which nothing tells the size but what is written to them: the smallest that holds it.

        A derivative has the size of its tensor, and what may be written anywhere tells a size only
        where nothing else does.
        """
        names = self.resolved.names.defined
        grown: dict[object, dict[tuple[bool, bool], list[Computed]]] = {}
        for at in self.computed:
            key = self.types.axis(at.access.name, at.axis)
            # A base lies outside: it says nothing about what is inside.
            writes = at.writes and not lies_outside(at.subscript)
            grows = writes or (inputs and at.access.name not in names)
            if key not in self.known and key not in waiting and grows:
                derived = self.types.base(at.access.name) != at.access.name
                rank = (derived, isinstance(at.subscript, Boundary))
                grown.setdefault(key, {}).setdefault(rank, []).append(at)
        needs: dict[object, int | None] = {}
        for axis, ranks in grown.items():
            each = [self.need(at) for at in ranks[min(ranks)]]
            needs[axis] = None if None in each else max(n for n in each if n is not None)
        found = [(key, need) for key, need in needs.items() if need is not None]
        # One at a time: what follows from it may say more about the others.
        return any(self.learn(key, need) for key, need in found[:1])

    def need(self, at: Computed) -> int | None:
        """The smallest size of an axis in which all positions of a subscript are inside."""
        subscript = at.subscript
        if isinstance(subscript, Boundary):
            subscript = subscript.subscript
        if isinstance(subscript, Index):
            subscript = Affine(((1, subscript.name),))
        if not isinstance(subscript, Affine):
            return None
        spans = [self.span(at.number, index) for _, index in subscript.terms]
        if any(span is None for span in spans):
            return None
        if any(span is not None and not span.size for span in spans):
            return 0
        low, high = self.reach(at.number, replace(subscript, end=0), 0)
        before, after = self.outside(at.access, at.axis)
        if subscript.end:
            return max(1 - low - before, 0)
        return max(high + 1 - after, 0)

    # Checks

    def check(self) -> None:
        """Refuse what is read or written outside of its axis.

        Raises:
            ShapeError: A position is outside.
        """
        for at in self.computed:
            size = self.axis(at.access, at.axis)
            spans = [self.span(at.number, i) for i in subscript_indices(at.subscript)]
            if size is None or any(span is None or not span.size for span in spans):
                continue
            match at.subscript:
                case Affine():
                    self.check_inside(at, at.subscript, size)
                case Group():
                    product = math.prod(span.size for span in spans if span is not None)
                    if product != size:
                        raise refuse_group(self, at, size)
                case Boundary(mode) if mode != "pad" and size == 0:
                    raise refuse_empty(at, mode)

    def check_inside(self, at: Computed, subscript: Affine, size: int) -> None:
        """Refuse a subscript that leaves its axis, and say where."""
        low, high = self.reach(at.number, subscript, size)
        before, after = self.outside(at.access, at.axis)
        if -before <= low and high < size + after:
            return
        raise refuse_outside(self, at, subscript, low if low < -before else high)


def _computed(equations: tuple[Equation, ...]) -> Iterator[Computed]:
    for number, equation in enumerate(equations):
        for position, access in enumerate(accesses(equation)):
            for axis, subscript in enumerate(access.subscripts):
                if not isinstance(subscript, Index | Access):
                    yield Computed(number, access, axis, subscript, position == 0)
