"""Which cells accesses name: whether two of them can meet, as far as it is known without arrays."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from einprop.analysis.indices import range_of
from einprop.notation.tree import Access, Affine, Boundary, Equation, Index, Size, Subscript

__all__ = [
    "Runs",
    "SizeOf",
    "Writers",
    "apart",
    "cells_outside",
    "is_base",
    "lies_outside",
    "unpadded",
    "writers",
]

SizeOf = Callable[[str], int | None]
"""The size of an index letter, if it is known."""


def apart(
    one: tuple[Access, Equation],
    other: tuple[Access, Equation],
    size_of: SizeOf = lambda index: None,
) -> bool:
    """Whether two accesses of a tensor meet in no cell: at one axis, in no position.

    Args:
        one: An access and its equation, for the ranges of its indices.
        other: Another one.
        size_of: Gives sizes of letters where they are known.

    >>> from einprop.notation.parser import parse
    >>> base, step, tail = parse("h[-1] = a; h[t] = b; h[t] = c where t in 3:5")
    >>> apart((base.target, base), (step.target, step)), apart((step.target, step), (tail.target, tail))
    (True, False)
    """
    pairs = zip(one[0].subscripts, other[0].subscripts, strict=False)
    return any(
        _Run.of(a, one[1], frame, size_of).misses(_Run.of(b, other[1], frame, size_of))
        for a, b in pairs
        if not (isinstance(a, Index) and isinstance(b, Index)) or one[1].ranges or other[1].ranges
        for frame in (0, 1)
    )


class Runs:
    """Runs of positions, found by what they share with another run.

    >>> list(Runs([(0, 3), (5, 5), (2, 7)]).meeting(4, 5)), list(Runs([(0, 3)]).meeting(-2, -1))
    ([1, 2], [])
    """

    def __init__(self, runs: Sequence[tuple[float, float]]) -> None:
        self.order = sorted(range(len(runs)), key=lambda number: runs[number][0])
        self.first = [runs[number][0] for number in self.order]
        self.last = [runs[number][1] for number in self.order]
        self.furthest = list(accumulate(self.last, max))

    def meeting(self, first: float, last: float) -> list[int]:
        """The numbers of the runs that share a position with this one."""
        found = []
        for place in range(bisect_right(self.first, last) - 1, -1, -1):
            if self.furthest[place] < first:
                break
            if self.last[place] >= first:
                found.append(self.order[place])
        return sorted(found)


class Writers:
    """The equations of one tensor, found by the cells that they may write."""

    def __init__(
        self, equations: Mapping[int, Equation], size_of: SizeOf = lambda index: None
    ) -> None:
        self.equations = equations
        self.numbers = list(equations)
        self.size_of = size_of

    @cached_property
    def _along(self) -> tuple[int, Runs]:
        """The axis along which the equations are apart most often, and where each is there."""
        rank = min(len(e.target.subscripts) for e in self.equations.values())
        runs = [
            [
                _Run.of(e.target.subscripts[axis], e, 0, self.size_of)
                for e in self.equations.values()
            ]
            for axis in range(rank)
        ]
        axis = max(range(rank), key=lambda axis: len({run.first for run in runs[axis]}))
        return axis, Runs([(run.first, run.last) for run in runs[axis]])

    def meeting(self, access: Access, equation: Equation) -> Iterator[int]:
        """The numbers of the equations that may write a cell of an access of another equation."""
        for number in self._near(access, equation):
            writer = self.equations[number]
            if not apart((access, equation), (writer.target, writer), self.size_of):
                yield number
        yield from self._of_few_steps(access, equation)

    def _of_few_steps(self, access: Access, equation: Equation) -> Iterator[int]:
        """The equation itself, if it is a recurrence that stops before it reads what it wrote."""
        if not equation.ranges or not _shifts(equation.target, access):
            return
        for number, writer in self.equations.items():
            ends = (access, equation), (writer.target, writer)
            if writer is equation and apart(*ends, self.size_of):
                yield number

    def _near(self, access: Access, equation: Equation) -> list[int]:
        if len(self.numbers) == 1 or not access.subscripts:
            return self.numbers
        axis, runs = self._along
        run = _Run.of(access.subscripts[axis], equation, 0, self.size_of)
        return [self.numbers[place] for place in runs.meeting(run.first, run.last)]


def _shifts(target: Access, read: Access) -> bool:
    """Whether a read goes along with the target at a distance: ``h[t-2]`` beside ``h[t]``."""

    def shifted(place: Subscript, at: Subscript) -> bool:
        own, other = (Affine(((1, s.name),)) if isinstance(s, Index) else s for s in (place, at))
        return (
            isinstance(own, Affine)
            and isinstance(other, Affine)
            and bool(own.terms)
            and (own.terms, own.end) == (other.terms, other.end)
            and own.constant != other.constant
        )

    return any(
        shifted(s, unpadded(r)) for s, r in zip(target.subscripts, read.subscripts, strict=False)
    )


def writers(
    equations: Sequence[Equation], size_of: SizeOf = lambda index: None
) -> dict[str, Writers]:
    """By tensor the equations that write it, numbered from 0."""
    numbered: dict[str, dict[int, Equation]] = {}
    for number, equation in enumerate(equations):
        numbered.setdefault(equation.target.name, {})[number] = equation
    return {name: Writers(own, size_of) for name, own in numbered.items()}


@dataclass(frozen=True)
class _Run:
    """The first and the last position that a subscript takes, as far as they are known."""

    first: float = -math.inf
    last: float = math.inf

    def misses(self, other: _Run) -> bool:
        return self.last < other.first or other.last < self.first

    @classmethod
    def of(cls, subscript: Subscript, equation: Equation, frame: int, size_of: SizeOf) -> _Run:
        """Positions counted from the first one (frame 0) or from the last one (frame 1)."""
        match unpadded(subscript):
            case Index() if frame:
                return cls(last=0)
            case Index(name):
                return cls._affine(Affine(((1, name),)), equation, size_of)
            case Affine(_, _, end) as affine if end == frame:
                return cls._affine(affine, equation, size_of)
            case _:
                return cls()

    @classmethod
    def _affine(cls, subscript: Affine, equation: Equation, size_of: SizeOf) -> _Run:
        low = high = float(subscript.constant)
        for factor, index in subscript.terms:
            start, stop = _range(equation, index, size_of)
            ends = sorted((factor * start, factor * (stop - 1)))
            low, high = low + ends[0], high + ends[1]
        return cls(low, high)


def _range(equation: Equation, index: str, size_of: SizeOf) -> tuple[float, float]:
    """The positions of an index: from the first up to and without the second."""
    given = range_of(equation, index)
    if given is not None:
        start, stop = _number(given.start), _number(given.stop)
        return -math.inf if start is None else start, math.inf if stop is None else stop
    size = size_of(index)
    return 0, math.inf if size is None else max(size, 1)


def _number(size: Size) -> int | None:
    """The size, unless it names a type."""
    parts = [part for part in size if isinstance(part, int)]
    return sum(parts) if len(parts) == len(size) else None


def unpadded(subscript: Subscript) -> Subscript:
    """The position that a padded subscript computes."""
    match subscript:
        case Boundary("pad", inner):
            return inner
        case _:
            return subscript


def lies_outside(subscript: Subscript) -> bool:
    """Whether a subscript is a constant that is outside of any axis: -1, ``end+1``."""
    match subscript:
        case Affine((), constant, end):
            return constant > 0 if end else constant < 0
        case _:
            return False


def cells_outside(subscript: Subscript) -> tuple[int, int]:
    """How many cells before the first and after the last position a constant reaches.

    >>> from einprop.notation.parser import parse
    >>> [cells_outside(e.target.subscripts[0]) for e in parse("h[-2] = a; h[end+1] = b; h[1] = c")]
    [(2, 0), (0, 1), (0, 0)]
    """
    match subscript:
        case Affine((), constant, 0):
            return max(-constant, 0), 0
        case Affine((), constant, 1):
            return 0, max(constant, 0)
        case _:
            return 0, 0


def is_base(target: Access) -> bool:
    """Whether a target lies outside of its tensor's axes: ``h[-1]`` or ``h[end+1]``."""
    return any(lies_outside(subscript) for subscript in target.subscripts)
