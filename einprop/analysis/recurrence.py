"""The order in which equations run: cycles become loops along an index, or have no order and are refused.

An equation that reads a tensor needs every equation that defines it. Equations that need each other
run together, one position of a loop index after the other: upwards if what they read was written at
earlier positions, downwards if at later ones. What is left of the cycle within one position may be
a loop along another index.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from einprop.analysis.indices import range_of, target_indices
from einprop.errors import IndexScopeError
from einprop.notation.printer import to_text
from einprop.notation.tree import Access, Affine, Boundary, Equation, Index, Subscript, reads

__all__ = ["Loop", "in_order", "order", "read_early"]

SizeOf = Callable[[str], int | None]
"""The size of an index letter, if it is known."""


@dataclass(frozen=True)
class Loop:
    """Equations that run together along an index.

    Attributes:
        letters: By the number of each equation, inner loops' ones too, its letter of the loop index.
        descending: Whether the last position comes first.
        body: What runs at each position, in order.
    """

    letters: Mapping[int, str]
    descending: bool
    body: tuple[int | Loop, ...]


@dataclass(frozen=True)
class _Edge:
    """One equation needs another: by which read, and how many positions earlier that was written."""

    reader: int
    writer: int
    read: Access
    delays: tuple[float, float] = (0, 0)


def order(
    equations: Sequence[Equation], size_of: SizeOf = lambda index: None
) -> tuple[int | Loop, ...]:
    """The equations' numbers in an order in which they can run, near to the written one.

    Args:
        equations: Core or flat equations.
        size_of: Gives sizes of letters, which decide about reads such as ``h[t+l-3]``.

    Raises:
        IndexScopeError: There is no such order.

    >>> from einprop.notation.parser import parse
    >>> order(parse("y[t] = 2 h[t]; h[t] = tanh(h[t-1] + x[t])"))
    (Loop(letters={1: 't'}, descending=False, body=(1,)), 0)
    """
    writers: dict[str, list[int]] = {}
    for number, equation in enumerate(equations):
        writers.setdefault(equation.target.name, []).append(number)
    edges = [
        _Edge(reader, writer, read)
        for reader, equation in enumerate(equations)
        for read in reads(equation)
        for writer in writers.get(read.name, ())
        if not _apart(read, equation, equations[writer].target, equations[writer], size_of)
    ]
    return _Order(equations, size_of).arranged(range(len(equations)), edges, frozenset())


def in_order(
    equations: Sequence[Equation], size_of: SizeOf = lambda index: None
) -> tuple[Equation, ...]:
    """The equations in an order in which they can run; a loop's stand as in its body."""

    def numbers(steps: Iterable[int | Loop]) -> Iterator[int]:
        for step in steps:
            yield from numbers(step.body) if isinstance(step, Loop) else (step,)

    return tuple(equations[n] for n in numbers(order(equations, size_of)))


def read_early(equations: Sequence[Equation]) -> set[str]:
    """The tensors that an equation reads before, or while, the last one defines them: cycles have some."""
    last = {equation.target.name: number for number, equation in enumerate(equations)}
    return {
        access.name
        for number, equation in enumerate(equations)
        for access in reads(equation)
        if last.get(access.name, -1) >= number
    }


class _Order:
    def __init__(self, equations: Sequence[Equation], size_of: SizeOf) -> None:
        self.equations = equations
        self.size_of = size_of

    def arranged(
        self, numbers: Iterable[int], edges: Sequence[_Edge], used: frozenset[tuple[str, int]]
    ) -> tuple[int | Loop, ...]:
        """The numbers so that every writer comes before its readers, cycles as loops.

        Args:
            numbers: The equations.
            edges: Their needs.
            used: The axes, by tensor, along which enclosing loops run.
        """
        steps: list[int | Loop] = []
        for component in _components(list(numbers), edges):
            inner = [e for e in edges if e.reader in component and e.writer in component]
            steps.append(self.loop(sorted(component), inner, used) if inner else component.pop())
        return tuple(steps)

    def loop(
        self, numbers: list[int], edges: list[_Edge], used: frozenset[tuple[str, int]]
    ) -> Loop:
        """The loop that runs a cycle."""
        conflict: tuple[_Edge, _Edge] | None = None
        first = self.equations[numbers[0]].target
        for axis in range(len(first.subscripts)):
            if (first.name, axis) in used:
                continue
            try:
                plan = _Alignment(self, numbers, edges, {first.name: axis})
            except _NoLoopError:
                continue
            signs = [edge for edge in plan.edges if edge.delays != (0, 0)]
            up = next((edge for edge in signs if edge.delays[0] < 0), None)
            down = next((edge for edge in signs if edge.delays[1] > 0), None)
            if not signs or (up and down):
                conflict = conflict or ((up, down) if up and down else None)
                continue
            here = [e for e in plan.edges if e.delays[0] <= 0 <= e.delays[1]]
            axes = used.union(plan.axes.items())
            return Loop(plan.letters, up is not None, self.arranged(numbers, here, axes))
        raise self.refusal(edges, conflict)

    def moves(self, edge: _Edge) -> bool:
        """Whether a read is at a fixed distance from the position that its equation writes."""
        pairs = zip(
            self.equations[edge.reader].target.subscripts, edge.read.subscripts, strict=False
        )
        return any(
            index in _letters(read) and _distance(read, index) is not None
            for written, read in pairs
            for index in _letters(written)
        )

    def refusal(
        self, edges: Sequence[_Edge], conflict: tuple[_Edge, _Edge] | None
    ) -> IndexScopeError:
        if conflict is not None:
            later, earlier = conflict
            target = to_text(self.equations[earlier.reader].target)
            return IndexScopeError(
                f"{target} has no order in which it can be computed: it needs "
                f"{to_text(earlier.read)}, which comes before it, and {to_text(later.read)}, "
                "which comes after it",
                [earlier.read.place, later.read.place],
                "a recurrence reads in one direction; give one of the two tensors another name",
            )
        shifted = [e for e in edges if not _is_plain(e.read)]
        stuck = [e for e in shifted if not self.moves(e)]
        edge = next(iter((*stuck, *shifted, *edges)))
        written = self.equations[edge.reader].target
        if edge.read.name == written.name:
            return IndexScopeError(
                f"{to_text(edge.read)} is read while {written.name} is being defined",
                [edge.read.place],
                "a tensor cannot depend on itself; give the new value another name"
                if _is_plain(edge.read)
                else "a recurrence reads the tensor at an earlier position, as in h[t-1]",
            )
        names = dict.fromkeys(self.equations[e.reader].target.name for e in edges)
        return IndexScopeError(
            f"{' and '.join(names)} are defined in terms of each other: "
            f"{to_text(edge.read)} is read before it is complete",
            [edge.read.place, written.place],
            "move this equation below the last one that defines what it reads, or read at an "
            "earlier position, as in h[t-1]",
        )


def _apart(
    read: Access, reader: Equation, target: Access, writer: Equation, size_of: SizeOf
) -> bool:
    """Whether a read meets none of the cells that an equation writes: at one axis, no position."""
    for seen, written in zip(read.subscripts, target.subscripts, strict=False):
        if not (isinstance(seen, Index) and isinstance(written, Index)):
            low, high = _reach(seen, reader, size_of)
            first, last = _reach(written, writer, size_of)
            if high < first or last < low:
                return True
    return False


def _reach(subscript: Subscript, equation: Equation, size_of: SizeOf) -> tuple[float, float]:
    """The least and the greatest position that a subscript names, as far as they are known."""
    subscript = _inner(subscript)
    match subscript:
        case Index(name):
            subscript = Affine(((1, name),))
        case Affine(_, _, 0):
            pass
        case _:
            return -math.inf, math.inf
    low = high = float(subscript.constant)
    for factor, index in subscript.terms:
        if range_of(equation, index) is not None:
            return -math.inf, math.inf
        size = size_of(index)
        last = factor * (math.inf if size is None else max(size - 1, 0))
        low, high = low + min(last, 0), high + max(last, 0)
    return low, high


def _distance(subscript: Subscript, index: str) -> int | None:
    """How far a subscript is from an index, if that is a constant or one-sided."""
    match _inner(subscript):
        case Index():
            return 0
        case Affine(terms, constant, 0) if (1, index) in terms:
            return constant
        case _:
            return None


class _NoLoopError(Exception):
    """A cycle does not run along the axis that was tried."""


class _Alignment:
    """The axes of all tensors of a cycle, and the letters of all equations, that one loop runs along.

    It starts from one axis of one tensor: the letter that stands there in an equation that defines
    the tensor is the equation's loop letter, and where an operand has the letter is its loop axis.
    """

    def __init__(
        self, order: _Order, numbers: list[int], edges: list[_Edge], axes: dict[str, int]
    ) -> None:
        self.order = order
        self.axes = axes
        self.letters: dict[int, str] = {}
        self.offsets: dict[int, tuple[float, float]] = {}
        pending = list(axes)
        while pending:
            name = pending.pop()
            for number in numbers:
                if order.equations[number].target.name == name:
                    pending += self.enter(number, [e.read for e in edges if e.reader == number])
        if len(self.letters) < len(numbers):
            raise _NoLoopError
        self.edges = [
            _Edge(edge.reader, edge.writer, edge.read, self.delays(edge)) for edge in edges
        ]

    def enter(self, number: int, operands: Iterable[Access]) -> Iterator[str]:
        """Find an equation's letter and its operands' axes; give the names of those that are new."""
        target = self.order.equations[number].target
        subscript = _inner(target.subscripts[self.axes[target.name]])
        operands = list(operands)
        shared = [set(target_indices(operand)) for operand in operands]
        fits = (i for i in _letters(subscript) if all(i in letters for letters in shared))
        letter = next(fits, None)
        if letter is None:
            raise _NoLoopError
        self.letters[number] = letter
        self.offsets[number] = self.interval(subscript, letter)
        for operand in operands:
            places = [n for n, s in enumerate(operand.subscripts) if letter in _letters(s)]
            if len(places) != 1 or self.axes.setdefault(operand.name, places[0]) != places[0]:
                raise _NoLoopError
            if not any(operand.name == name for name in self.seen(number)):
                yield operand.name

    def seen(self, number: int) -> set[str]:
        """The tensors whose equations have a letter already."""
        return {self.order.equations[n].target.name for n in self.letters}

    def delays(self, edge: _Edge) -> tuple[float, float]:
        """How many positions earlier what is read was written, at least and at most."""
        subscript = _inner(edge.read.subscripts[self.axes[edge.read.name]])
        written = self.offsets[edge.writer]
        read = self.interval(subscript, self.letters[edge.reader])
        return written[0] - read[1], written[1] - read[0]

    def interval(self, subscript: Subscript, letter: str) -> tuple[float, float]:
        """How far from the loop position a subscript is, at least and at most."""
        match subscript:
            case Index():
                return 0, 0
            case Affine(terms, constant, 0) if (1, letter) in terms:
                low = high = float(constant)
                for coefficient, name in terms:
                    if name != letter:
                        size = self.order.size_of(name)
                        last = coefficient * (math.inf if size is None else max(size - 1, 0))
                        low, high = low + min(last, 0), high + max(last, 0)
                return low, high
            case _:
                raise _NoLoopError


def _inner(subscript: Subscript) -> Subscript:
    """The position that a padded subscript computes."""
    return (
        subscript.subscript
        if isinstance(subscript, Boundary) and subscript.mode == "pad"
        else subscript
    )


def _letters(subscript: Subscript) -> tuple[str, ...]:
    match subscript:
        case Index(name):
            return (name,)
        case Affine(terms):
            return tuple(name for _, name in terms)
        case Boundary("pad", inner):
            return _letters(inner)
        case _:
            return ()


def _is_plain(access: Access) -> bool:
    return all(isinstance(s, Index) for s in access.subscripts)


def _components(numbers: list[int], edges: Iterable[_Edge]) -> list[set[int]]:
    """The strongly connected equations together, each component after those that it needs."""
    needs: dict[int, set[int]] = {number: set() for number in numbers}
    for edge in edges:
        needs[edge.reader].add(edge.writer)
    groups = _strongly_connected(needs)
    of = {number: group for group, members in enumerate(groups) for number in members}
    waits = {
        group: {of[w] for n in members for w in needs[n]} - {group}
        for group, members in enumerate(groups)
    }
    readers: dict[int, list[int]] = {group: [] for group in waits}
    for group, others in waits.items():
        for other in others:
            readers[other].append(group)
    ready = [(min(groups[g]), g) for g, others in waits.items() if not others]
    heapq.heapify(ready)
    found = []
    while ready:
        _, group = heapq.heappop(ready)
        found.append(groups[group])
        for reader in readers[group]:
            waits[reader].discard(group)
            if not waits[reader]:
                heapq.heappush(ready, (min(groups[reader]), reader))
    return found


def _strongly_connected(needs: Mapping[int, set[int]]) -> list[set[int]]:
    """Tarjan's components, without recursion: programs may have thousands of equations."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    groups: list[set[int]] = []
    for start in needs:
        if start in index:
            continue
        work = [(start, iter(sorted(needs[start])))]
        index[start] = low[start] = len(index)
        stack.append(start)
        on_stack.add(start)
        while work:
            node, others = work[-1]
            other = next(others, None)
            if other is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    groups.append(_popped(stack, on_stack, node))
            elif other not in index:
                index[other] = low[other] = len(index)
                stack.append(other)
                on_stack.add(other)
                work.append((other, iter(sorted(needs[other]))))
            elif other in on_stack:
                low[node] = min(low[node], index[other])
    return groups


def _popped(stack: list[int], on_stack: set[int], last: int) -> set[int]:
    group: set[int] = set()
    while last not in group:
        node = stack.pop()
        on_stack.discard(node)
        group.add(node)
    return group
