"""A schedule as straight-line Python that calls numpy on views, into buffers made beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from einprop.backends.numpy_steps import STEPS
from einprop.backends.numpy_writer import Writer
from einprop.execution.loops import around
from einprop.execution.steps import Schedule, Window

__all__ = ["Emission", "emit"]


@dataclass(frozen=True, slots=True)
class Emission:
    """What the compiler of a plan needs: the text, and the objects that it names.

    The text defines ``allocate() -> (buffers, views)`` and ``run(views, *arrays) -> results``.
    """

    text: str
    names: dict[str, Any]


def emit(schedule: Schedule) -> Emission:
    """Write a schedule as Python."""
    writer = Writer(schedule)
    enclosing = around(schedule.loops, len(schedule.steps))
    for step, loops in zip(schedule.steps, enclosing, strict=True):
        writer.enter(loops)
        writer.fixed = step.fixed
        if not isinstance(step.operation, Window):
            lines = STEPS[type(step.operation)](writer, step, step.operation)
            writer.add(step, lines, writer.condition(step.fixed) or writer.guarded(step.target))
    writer.enter(())
    results = [writer.result(position) for position in range(len(schedule.outputs))]
    return Emission(writer.text(results), writer.names)
