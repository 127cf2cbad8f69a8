"""Explanation: what a program does at given sizes, step by step, as a table that can be pasted."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from einprop.execution.steps import Contraction, Elementwise, Operation, Reduction, Schedule, Window
from einprop.notation.functions import OWN_PREFIX
from einprop.notation.printer import to_text
from einprop.passes.decisions import Decision
from einprop.tables import aligned

__all__ = ["ExplainedStep", "Explanation", "explain_schedule"]


@dataclass(frozen=True)
class ExplainedStep:
    """One step of a plan.

    Attributes:
        equation: What it computes, in index notation.
        call: The kind of operation that it becomes.
        multiply_adds: Those of a contraction, else 0.
        operations: Cells computed by anything but a contraction.
        bytes: Bytes read and written.
    """

    equation: str
    call: str
    multiply_adds: int
    operations: int
    bytes: int


@dataclass(frozen=True)
class Explanation:
    """The steps of a plan and their totals; ``print`` shows a table, a notebook the same as HTML.

    Attributes:
        steps: In the order in which they run.
        arena_bytes: Memory for the intermediates of one call.
        decisions: What was shared between products, taken out of sums or computed again, and what
            that saves.
    """

    steps: tuple[ExplainedStep, ...]
    arena_bytes: int
    decisions: tuple[Decision, ...] = ()

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of all contractions."""
        return sum(step.multiply_adds for step in self.steps)

    @property
    def bytes(self) -> int:
        """Bytes that all steps read and write."""
        return sum(step.bytes for step in self.steps)

    def _rows(self) -> list[tuple[str, ...]]:
        rows = [
            (s.equation, s.call, f"{s.multiply_adds:,}", f"{s.operations:,}", f"{s.bytes:,}")
            for s in self.steps
        ]
        operations = sum(step.operations for step in self.steps)
        totals = (f"{self.multiply_adds:,}", f"{operations:,}", f"{self.bytes:,}")
        return [*rows, ("total", f"{len(rows)} steps", *totals)]

    def __str__(self) -> str:
        lines = aligned([_HEADER, *self._rows()], left=2)
        rule = "-" * len(lines[0])
        arena = f"arena: {self.arena_bytes:,} bytes"
        decisions = [str(decision) for decision in self.decisions]
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], arena, *decisions])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(title)}</th>" for title in _HEADER)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self._rows()
        )
        items = "".join(f"<li>{escape(str(decision))}</li>" for decision in self.decisions)
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return table + (f"<ul>{items}</ul>" if items else "")


_HEADER = ("equation", "call", "multiply-adds", "other operations", "bytes")


def explain_schedule(schedule: Schedule, decisions: tuple[Decision, ...] = ()) -> Explanation:
    """The explanation of a schedule; steps that move nothing are left out."""
    steps = []
    for step in schedule.steps:
        if isinstance(step.operation, Window):
            continue
        contracts = isinstance(step.operation, Contraction)
        steps.append(
            ExplainedStep(
                equation=to_text(step.equation),
                call=_call(step.operation),
                multiply_adds=step.flops if contracts else 0,
                operations=0 if contracts else step.flops,
                bytes=step.bytes,
            )
        )
    return Explanation(tuple(steps), schedule.arena_bytes, decisions)


def _call(operation: Operation) -> str:
    match operation:
        case Contraction():
            return operation.kind
        case Elementwise(function):
            return function.removeprefix(OWN_PREFIX)
        case Reduction(function):
            return function
        case _:
            return type(operation).__name__.lower()
