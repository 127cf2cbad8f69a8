"""The order in which equations run: cycles become loops along an index, or have no order and are refused.

An equation that reads a tensor needs every equation that defines it. Equations that need each other
run together, one position of a loop index after the other: upwards if what they read was written at
earlier positions, downwards if at later ones. What is left of the cycle within one position may be
a loop along another index.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from einprop.analysis.cells import SizeOf, unpadded, writers
from einprop.analysis.components import components
from einprop.analysis.indices import is_plain, target_indices
from einprop.errors import IndexScopeError
from einprop.notation.printer import to_text
from einprop.notation.tree import Access, Affine, Boundary, Equation, Index, Subscript, reads

__all__ = ["Loop", "in_order", "loops", "numbers", "order", "read_early"]


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
    written = writers(equations, size_of)
    edges = [
        _Edge(reader, writer, read)
        for reader, equation in enumerate(equations)
        for read in reads(equation)
        if read.name in written
        for writer in written[read.name].meeting(read, equation)
    ]
    return _Order(equations, size_of).arranged(range(len(equations)), edges, frozenset())


def in_order(
    equations: Sequence[Equation], size_of: SizeOf = lambda index: None
) -> tuple[Equation, ...]:
    """The equations in an order in which they can run; a loop's stand as in its body."""
    return tuple(equations[n] for step in order(equations, size_of) for n in numbers(step))


def numbers(step: int | Loop) -> Iterator[int]:
    """The numbers of a step's equations, as they run."""
    if isinstance(step, int):
        yield step
    else:
        for inner in step.body:
            yield from numbers(inner)


def loops(equations: Sequence[Equation], size_of: SizeOf = lambda index: None) -> tuple[Loop, ...]:
    """The loops that cycles of equations become, inner ones inside of them.

    Args:
        equations: Core or flat equations.
        size_of: As for `order`.

    Raises:
        IndexScopeError: A cycle has no order.
    """
    # Most programs have no cycle, and an order is dear to find.
    if not read_early(equations):
        return ()
    return tuple(step for step in order(equations, size_of) if isinstance(step, Loop))


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
        reads_of: dict[int, list[_Edge]] = {number: [] for number in numbers}
        for edge in edges:
            reads_of[edge.reader].append(edge)
        needs = {number: {edge.writer for edge in own} for number, own in reads_of.items()}
        for component in components(needs):
            own = [edge for number in sorted(component) for edge in reads_of[number]]
            inner = [edge for edge in own if edge.writer in component]
            steps.append(self.loop(sorted(component), inner, used) if inner else component.pop())
        return tuple(steps)

    def loop(
        self, numbers: list[int], edges: list[_Edge], used: frozenset[tuple[str, int]]
    ) -> Loop:
        """The loop that runs a cycle."""
        conflict: tuple[_Edge, _Edge] | None = None
        twice: _TwiceError | None = None
        first = self.equations[numbers[0]].target
        for axis in range(len(first.subscripts)):
            if (first.name, axis) in used:
                continue
            try:
                plan = _Alignment(self, numbers, edges, {first.name: axis})
            except _TwiceError as error:
                twice = twice or error
                continue
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
        raise self.refusal(edges, conflict, twice)

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
        self,
        edges: Sequence[_Edge],
        conflict: tuple[_Edge, _Edge] | None,
        twice: _TwiceError | None,
    ) -> IndexScopeError:
        if conflict is not None:
            later, earlier = conflict
            target = to_text(self.equations[earlier.reader].target)
            return IndexScopeError(
                f"{target} has no order in which it can be computed: it needs "
                f"{to_text(earlier.read)}, which comes before it, and {to_text(later.read)}, "
                "which comes after it",
                [earlier.read.place, later.read.place],
                "a recurrence reads in one direction: of the two reads, one has to be of another tensor",
            )
        if twice is not None:
            read, letter = to_text(twice.read), twice.letter
            other = f"{letter}'"
            return IndexScopeError(
                f"{read} moves along two axes with {letter}, along which {twice.read.name} is computed",
                [twice.read.place],
                f"of the two let one be a position of its own, summed where it is {letter}: "
                f"sum[{other}]([{other} == {letter}] {to_text(twice.apart(other))})",
            )
        shifted = [e for e in edges if not is_plain(e.read)]
        stuck = [e for e in shifted if not self.moves(e)]
        edge = next(iter((*stuck, *shifted, *edges)))
        written = self.equations[edge.reader].target
        if edge.read.name == written.name:
            return IndexScopeError(
                f"{to_text(edge.read)} is read while {written.name} is being defined",
                [edge.read.place],
                "a tensor cannot depend on itself; give the new value another name"
                if is_plain(edge.read)
                else f"a tensor cannot depend on itself{_recurrent(written)}",
            )
        names = dict.fromkeys(self.equations[e.reader].target.name for e in edges)
        return IndexScopeError(
            f"{' and '.join(names)} are defined in terms of each other: "
            f"{to_text(edge.read)} is read before it is complete",
            [edge.read.place, written.place],
            f"give one of them another name{_recurrent(edge.read)}",
        )


def _distance(subscript: Subscript, index: str) -> int | None:
    """How far a subscript is from an index, if that is a constant or one-sided."""
    match unpadded(subscript):
        case Index():
            return 0
        case Affine(terms, constant, 0) if (1, index) in terms:
            return constant
        case _:
            return None


class _NoLoopError(Exception):
    """A cycle does not run along the axis that was tried."""


class _TwiceError(_NoLoopError):
    """A read that has the loop's letter in two subscripts."""

    def __init__(self, read: Access, letter: str) -> None:
        super().__init__()
        self.read = read
        self.letter = letter

    def apart(self, other: str) -> Access:
        """The read with another letter where it has the loop's letter alone."""
        subscripts = [Index(other) if s == Index(self.letter) else s for s in self.read.subscripts]
        return replace(self.read, subscripts=tuple(subscripts))


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
        subscript = unpadded(target.subscripts[self.axes[target.name]])
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
            if len(places) > 1 and not is_plain(operand):
                raise _TwiceError(operand, letter)
            if len(places) != 1 or self.axes.setdefault(operand.name, places[0]) != places[0]:
                raise _NoLoopError
            if not any(operand.name == name for name in self.seen(number)):
                yield operand.name

    def seen(self, number: int) -> set[str]:
        """The tensors whose equations have a letter already."""
        return {self.order.equations[n].target.name for n in self.letters}

    def delays(self, edge: _Edge) -> tuple[float, float]:
        """How many positions earlier what is read was written, at least and at most."""
        subscript = unpadded(edge.read.subscripts[self.axes[edge.read.name]])
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


def _earlier(access: Access) -> str | None:
    """The tensor one position earlier along its first plain axis: ``h[t-1,b]``."""
    subscripts = list(access.subscripts)
    for axis, subscript in enumerate(subscripts):
        if isinstance(subscript, Index):
            subscripts[axis] = Affine(((1, subscript.name),), -1)
            return to_text(replace(access, subscripts=tuple(subscripts)))
    return None


def _recurrent(access: Access) -> str:
    earlier = _earlier(access)
    return f"; a recurrence reads an earlier position, as in {earlier}" if earlier else ""
