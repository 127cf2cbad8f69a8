"""Lists of rows: how a loop keeps what it makes where arrays are not to be written in place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from einprop.execution.steps import Schedule

__all__ = ["Rows", "Use", "rows_of"]


@dataclass(frozen=True, slots=True)
class Use:
    """A tensor read or written by a step.

    Attributes:
        step: The number of the step.
        name: The tensor.
        axes: The axes along which it was at one position; of what is written, the whole row there.
        written: Whether it was written.
    """

    step: int
    name: str
    axes: frozenset[int]
    written: bool


@dataclass(frozen=True, slots=True)
class Rows:
    """A tensor that is a list of rows while a loop runs.

    Attributes:
        name: The tensor.
        axis: The axis along which the rows are.
        loop: Number of the loop.
        before: Whether it can be a list from its beginning.
        after: Whether it can stay a list to the end.
    """

    name: str
    axis: int
    loop: int
    before: bool
    after: bool


def rows_of(plan: Schedule, uses: Sequence[Use]) -> Iterator[Rows]:
    """The tensors that loops write row by row and read row by row.

    Args:
        plan: The schedule.
        uses: Every use of every tensor.
    """
    end = 0
    for number, loop in enumerate(plan.loops):
        if loop.start < end:
            continue  # It is inside of another.
        end = loop.stop
        inside = [use for use in uses if loop.start <= use.step < loop.stop]
        for name in dict.fromkeys(use.name for use in inside if use.written):
            axes = frozenset.intersection(*[use.axes for use in inside if use.name == name])
            axes = frozenset(axis for axis in axes if plan.tensors[name].shape[axis])
            if axes and name not in plan.inputs:
                axis = min(axes)
                mine = [use for use in uses if use.name == name]
                later = [use for use in mine if use.step >= loop.stop]
                after = name not in plan.outputs and _by_rows(axis, later)
                # A list becomes an array when no row is missing.
                filled = after or not any(use.written for use in later)
                earlier = [use for use in mine if use.step < loop.start]
                yield Rows(name, axis, number, filled and _by_rows(axis, earlier), after)


def _by_rows(axis: int, uses: Collection[Use]) -> bool:
    return all(axis in use.axes for use in uses)
