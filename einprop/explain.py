"""Explanation: what a program does at given sizes, step by step, as a table that can be pasted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from einprop.analysis.dependence import live
from einprop.execution.steps import (
    Contraction,
    Elementwise,
    Operation,
    Reduction,
    Schedule,
    Step,
    Window,
)
from einprop.notation.functions import OWN_PREFIX
from einprop.notation.printer import to_text
from einprop.passes.decisions import ContractionPath, Decision
from einprop.passes.sized import SizedProgram
from einprop.tables import aligned, html_table

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
        phase: ``forward`` for what the program's own tensors need, ``backward`` for what only its
            derivatives need; empty where nothing was derived.
        in_place: Whether it writes over one of its operands, behind the step that made it.
    """

    equation: str
    call: str
    multiply_adds: int
    operations: int
    bytes: int
    phase: str = ""
    in_place: bool = False

    @property
    def flops(self) -> int:
        """Floating-point operations: a multiply-add is two, any other cell computed one."""
        return 2 * self.multiply_adds + self.operations

    @property
    def intensity(self) -> float:
        """Floating-point operations for each byte read or written."""
        return self.flops / self.bytes if self.bytes else 0.0


@dataclass(frozen=True)
class Explanation:
    """The steps of a plan and their totals; ``print`` shows a table, a notebook the same as HTML.

    Attributes:
        steps: In the order in which they run.
        arena_bytes: Memory for the intermediates of one call.
        decisions: What was shared between products, taken out of sums, computed again, simplified or
            put in a stable form, and what that saves.
        paths: The orders of products of three or more operands, before and after.
        result_bytes: Memory for what a call returns.
    """

    steps: tuple[ExplainedStep, ...]
    arena_bytes: int
    decisions: tuple[Decision, ...] = ()
    paths: tuple[ContractionPath, ...] = ()
    result_bytes: int = 0

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of all contractions."""
        return sum(step.multiply_adds for step in self.steps)

    @property
    def flops(self) -> int:
        """Floating-point operations of all steps."""
        return sum(step.flops for step in self.steps)

    @property
    def bytes(self) -> int:
        """Bytes that all steps read and write."""
        return sum(step.bytes for step in self.steps)

    @property
    def peak_bytes(self) -> int:
        """Memory that a call takes besides its inputs."""
        return self.arena_bytes + self.result_bytes

    def phase(self, name: str) -> Explanation:
        """The steps of one phase alone, ``forward`` or ``backward``, for their totals."""
        return Explanation(tuple(s for s in self.steps if s.phase == name), 0)

    @property
    def ratio(self) -> float | None:
        """Floating-point operations backward for each one forward; None if nothing was derived."""
        forward, backward = (self.phase(name).flops for name in PHASES)
        return backward / forward if forward and backward else None

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain data, for programs and for JSON.

        >>> from einprop import Program
        >>> found = Program("y[b,j] = x[b,i] W[i,j]").explain(b=2, i=3, j=4).as_dict()
        >>> found["steps"][0]["flops"], found["total"]["peak_bytes"], found["ratio"]
        (48, 64, None)
        """
        parts = {name: self.phase(name) for name in PHASES if self.phase(name).steps}
        return {
            "steps": [
                {**asdict(s), "flops": s.flops, "intensity": s.intensity} for s in self.steps
            ],
            **{name: part._totals() for name, part in parts.items()},
            "total": {
                **self._totals(),
                "arena_bytes": self.arena_bytes,
                "result_bytes": self.result_bytes,
                "peak_bytes": self.peak_bytes,
            },
            "ratio": self.ratio,
            "paths": [asdict(path) for path in self.paths],
            "decisions": [asdict(decision) for decision in self.decisions],
        }

    def _totals(self) -> dict[str, int]:
        return {
            "steps": len(self.steps),
            "multiply_adds": self.multiply_adds,
            "operations": sum(step.operations for step in self.steps),
            "flops": self.flops,
            "bytes": self.bytes,
        }

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (
                s.equation,
                s.call + " in place" * s.in_place,
                f"{s.multiply_adds:,}",
                f"{s.operations:,}",
                f"{s.bytes:,}",
                f"{s.intensity:.2f}",
            )
            for s in self.steps
        ]

    def _sums(self) -> list[tuple[str, ...]]:
        """A row for each phase that there is, and one for all."""
        phases = [(name, self.phase(name)) for name in PHASES] if self.ratio else []
        return [(name, *part._sum()) for name, part in (*phases, ("total", self))]

    def _sum(self) -> tuple[str, ...]:
        sums = self._totals()
        intensity = self.flops / self.bytes if self.bytes else 0.0
        counts = [f"{sums[name]:,}" for name in ("multiply_adds", "operations", "bytes")]
        return (f"{len(self.steps)} steps", *counts, f"{intensity:.2f}")

    def _notes(self) -> list[str]:
        """What stands below the table."""
        ratio = [f"backward: {self.ratio:.2f} times the forward FLOPs"] if self.ratio else []
        memory = f"arena: {self.arena_bytes:,} bytes, results: {self.result_bytes:,} bytes"
        return [*ratio, memory, *map(str, self.paths), *map(str, self.decisions)]

    def __str__(self) -> str:
        lines = aligned([_HEADER, *self._rows(), *self._sums()], left=2)
        rule, last = "-" * max(map(len, lines)), len(self.steps) + 1
        return "\n".join([lines[0], rule, *lines[1:last], rule, *lines[last:], *self._notes()])

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{escape(note)}</li>" for note in self._notes())
        sums = self._sums()
        rows = [_HEADER, *self._rows(), *sums]
        table = html_table(rows, left=2, strong=range(-len(sums), 0))
        return f"{table}<ul>{items}</ul>"


PHASES = ("forward", "backward")
_HEADER = ("equation", "call", "multiply-adds", "other operations", "bytes", "FLOPs/byte")


def explain_schedule(
    schedule: Schedule,
    program: SizedProgram | None = None,
    forward: Collection[str] = (),
) -> Explanation:
    """The explanation of a schedule; steps that move nothing are left out.

    Args:
        schedule: The steps.
        program: What they come from, for what passes decided.
        forward: The tensors of the program that was differentiated; empty if nothing was derived.
    """
    needed = live([step.equation for step in schedule.steps], forward)
    ahead = {equation.target.name for equation in needed}
    steps = []
    for number, step in enumerate(schedule.steps):
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
                phase=PHASES[step.equation.target.name not in ahead] if forward else "",
                in_place=_in_place(schedule, number, step),
            )
        )
    return Explanation(
        tuple(steps),
        schedule.arena_bytes,
        (*(program.decisions if program else ()), *schedule.decisions),
        program.paths if program else (),
        sum(buffer.bytes for buffer in schedule.buffers if buffer.kind in ("output", "result")),
    )


def _in_place(schedule: Schedule, number: int, step: Step) -> bool:
    """Whether an elementwise step writes over one of its operands."""
    if not isinstance(step.operation, Elementwise):
        return False
    target = schedule.tensors[step.target.tensor]
    read = [schedule.tensors[operand.tensor] for operand in step.tensors]
    return any(
        t.root != target.root
        and t.buffer is not None
        and (t.buffer, t.offset) == (target.buffer, target.offset)
        and schedule.tensors[t.root].last == number
        for t in read
    )


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
