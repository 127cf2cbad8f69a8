"""A table as Markdown: steps, forms, first calls, memory, packages, goals, and the machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.harness.goals import Check, checks, summary
from benchmarks.harness.peaks import Peaks
from benchmarks.harness.results import Entry, Row, Table

__all__ = ["milliseconds", "to_markdown"]

COLUMNS = {
    "einprop": "einprop",
    "numpy": "numpy by hand",
    "torch": "torch eager",
    "torch.compile": "torch.compile",
    "jax": "jax.jit",
    "autograd": "autograd",
}


def milliseconds(seconds: float) -> str:
    """Three digits, thousands of them spelled out.

    >>> milliseconds(0.0123456), milliseconds(1.2e-6), milliseconds(0.7371)
    ('12.3', '0.0012', '737')
    """
    value = seconds * 1e3
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.4f}" if value < 0.01 else f"{value:.3f}"


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows), ""]


def to_markdown(table: Table) -> str:
    """All parts."""
    found = checks(table)
    parts = [
        *_steps(table),
        *_first_calls(table),
        *_memory(table),
        *_packages(table),
        *_forms(table),
        *_goals(found),
        *_machine(table),
    ]
    return "\n".join(parts)


def _steps(table: Table) -> list[str]:
    """The main table."""
    rows = []
    for row in table.rows:
        ours = row.seconds("einprop")
        cells = [row.title + ("" if row.settled else " (disturbed)")]
        cells += [_step_cell(row, peer, ours) for peer in table.peers]
        above = f" ({ours / row.floor:.1f})" if ours else ""
        rows.append([*cells, milliseconds(row.floor) + above])
    return [
        "## A step",
        "",
        "Milliseconds of loss and all gradients (of the Hessian), float32; medians of interleaved rounds.",
        "In brackets the time relative to einprop's; at the floor, einprop's relative to it.",
        "",
        *_grid(["workload", *(COLUMNS[p] for p in table.peers), "floor"], rows),
        *_apart(table),
        f"Not installed, so left out: {', '.join(table.left_out)}.\n" if table.left_out else "",
    ]


def _step_cell(row: Row, peer: str, ours: float | None) -> str:
    seconds = row.seconds(peer)
    if seconds is None:
        return ""
    if peer == "einprop" or not ours:
        return milliseconds(seconds)
    ratio = seconds / ours
    return (
        f"{milliseconds(seconds)} ({ratio:,.2f})"
        if ratio < 100
        else (f"{milliseconds(seconds)} ({ratio:,.0f})")
    )


def _apart(table: Table) -> list[str]:
    """What some forms compute instead of the whole result."""
    return [
        f"{row.title}, {entry.form} ({entry.peer}): {milliseconds(entry.seconds)} ms.\n"
        for row in table.rows
        for entry in row.entries
        if entry.apart
    ]


def _by_peer(table: Table, title: str, says: str, cell: str) -> list[str]:
    rows = []
    for row in table.rows:
        best = [row.best(peer) for peer in table.peers]
        rows.append([row.title, *("" if e is None else _figure(e, cell) for e in best)])
    return [
        f"## {title}",
        "",
        says,
        "",
        *_grid(["workload", *(COLUMNS[p] for p in table.peers)], rows),
    ]


def _figure(entry: Entry, cell: str) -> str:
    if cell == "first":
        return f"{entry.first:.3f}" if entry.first < 1 else f"{entry.first:.1f}"
    return "" if entry.peak is None else f"{entry.peak / 1e6:.2f}"


def _first_calls(table: Table) -> list[str]:
    return _by_peer(
        table,
        "First call",
        "Seconds from text or function to the first results, in fresh processes, libraries loaded.",
        "first",
    )


def _memory(table: Table) -> list[str]:
    return _by_peer(
        table,
        "Peak memory",
        "Megabytes that a warmed step holds at its peak beyond libraries and inputs: activations,\n"
        "workspace, results, and what is kept for the next step. Some 0.1 MB of it are noise.",
        "peak",
    )


def _packages(table: Table) -> list[str]:
    if not table.imports:
        return []
    rows = [
        [
            peer,
            str(table.machine["versions"].get(peer, "")),
            f"{seconds:.2f}",
            f"{table.installed[peer]:.0f}" if peer in table.installed else "",
        ]
        for peer, seconds in table.imports.items()
    ]
    return ["## Packages", "", *_grid(["", "version", "import, s", "installed, MB"], rows)]


def _forms(table: Table) -> list[str]:
    """Every form; the one that won stands in the tables above."""
    rows = []
    for row in table.rows:
        for entry in row.entries:
            won = row.best(entry.peer) is entry
            low, high = entry.quartiles
            rows.append(
                [
                    row.name,
                    entry.peer,
                    f"**{entry.form}**" if won else entry.form,
                    milliseconds(entry.seconds),
                    f"{milliseconds(low)} to {milliseconds(high)}",
                    f"{entry.first:.3f}",
                    "" if entry.peak is None else f"{entry.peak / 1e6:.2f}",
                    ", ".join(f"{value:.0e}" for value in entry.differences.values()),
                ]
            )
    head = ["workload", "peer", "form", "ms", "quartiles", "first, s", "peak, MB", "difference"]
    return [
        "## Forms",
        "",
        "The form of each peer that won is bold. Differences are relative to numpy by hand, the largest",
        "of all results, in float64 and float32; of torch.compile in float32 only.",
        "",
        *_grid(head, rows),
    ]


def _goals(found: list[Check]) -> list[str]:
    missed = [[check.goal, check.workload, check.figures] for check in found if not check.met]
    met = [[name, f"{good} of {total}"] for name, (good, total) in summary(found).items()]
    lines = ["## Goals", "", *_grid(["goal", "met"], met)]
    return (
        [*lines, "Not met:", "", *_grid(["goal", "workload", "figures"], missed)]
        if missed
        else lines
    )


def _machine(table: Table) -> list[str]:
    facts = table.machine
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    rounds = sum(row.rounds for row in table.rows)
    disturbed = sum(row.disturbed for row in table.rows)
    memory, system = facts["memory_gigabytes"], facts["system"]
    peaks = table.peaks
    return [
        "## Machine",
        "",
        f"{facts['processor']}, {facts['cores']} cores, {memory} GB, {system}.",
        f"{facts['threads']} threads for every peer.",
        f"BLAS of numpy: {facts['blas']}; SIMD: {facts['simd']}.",
        f"Python {facts['python']}, {versions}. Measured on {facts['date']}.",
        f"Peaks measured: sgemm {peaks.flops / 1e9:.0f} GFLOP/s, copying {_bandwidths(peaks)}.",
        f"{rounds} rounds count, {disturbed} were disturbed and do not.",
        "",
    ]


def _bandwidths(peaks: Peaks) -> str:
    """By how much is copied."""
    return ", ".join(f"{size >> 10} kB {speed / 1e9:.0f} GB/s" for size, speed in peaks.copies)
