"""The figures of a run as plain data: what is written as JSON, and read back for tables and goals."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness.measure import Measured
from benchmarks.harness.peaks import Peaks

__all__ = ["Row", "Table", "load", "row_of", "save"]


@dataclass(frozen=True)
class Entry:
    """One form of one peer on one workload.

    Attributes:
        seconds: Median of a step over the rounds that count.
        quartiles: Of the rounds' medians.
        first: Median of first calls; several where ``first_calls`` says so.
        peak: Bytes at the peak of a step, None if nobody tells.
        differences: By number type, the largest relative difference from numpy by hand.
        apart: Whether its results are not those of the others as they stand.
    """

    peer: str
    form: str
    seconds: float
    quartiles: tuple[float, float]
    first: float
    first_calls: int
    peak: int | None
    differences: Mapping[str, float]
    apart: bool


@dataclass(frozen=True)
class Row:
    """One workload."""

    name: str
    title: str
    sizes: Mapping[str, int]
    flops: float
    traffic: int
    floor: float
    rounds: int
    disturbed: int
    settled: bool
    entries: tuple[Entry, ...]

    def best(self, peer: str) -> Entry | None:
        """The fastest form of a peer."""
        found = [entry for entry in self.entries if entry.peer == peer and not entry.apart]
        return min(found, key=lambda entry: entry.seconds, default=None)

    def seconds(self, peer: str) -> float | None:
        """Of the fastest form."""
        found = self.best(peer)
        return None if found is None else found.seconds

    def seconds_of(self, peer: str, form: str) -> float | None:
        """Of one form."""
        named = (e.seconds for e in self.entries if (e.peer, e.form) == (peer, form))
        return next(named, None)

    def first(self, peer: str) -> float | None:
        """First call of the fastest form."""
        found = self.best(peer)
        return None if found is None else found.first

    def peak(self, peer: str) -> int | None:
        """Peak memory of the fastest form."""
        found = self.best(peer)
        return None if found is None else found.peak


@dataclass(frozen=True)
class Table:
    """A run.

    Attributes:
        machine: What it was measured on.
        peaks: What that machine can do.
        left_out: Peers that were not installed.
        imports: By peer the seconds of its import.
        installed: By peer the megabytes of all that it needs.
    """

    machine: Mapping[str, Any]
    peaks: Peaks
    left_out: Sequence[str]
    rows: tuple[Row, ...]
    imports: Mapping[str, float]
    installed: Mapping[str, float]

    @property
    def peers(self) -> list[str]:
        """Those that occur, in the order of the columns."""
        return list(dict.fromkeys(entry.peer for row in self.rows for entry in row.entries))


def row_of(measured: Measured, peaks: Peaks) -> Row:
    """A row from what was measured."""
    workload = measured.workload
    flops = float(workload.flops(workload.sizes))
    entries = []
    for timing in measured.timings:
        low, _, high = _quartiles(timing.rounds)
        entries.append(
            Entry(
                peer=timing.candidate.peer,
                form=timing.candidate.form,
                seconds=timing.seconds,
                quartiles=(low, high),
                first=statistics.median(timing.first),
                first_calls=len(timing.first),
                peak=timing.peak,
                differences=dict(timing.differences),
                apart=timing.candidate.form in workload.apart,
            )
        )
    return Row(
        name=workload.name,
        title=workload.title,
        sizes=dict(workload.sizes),
        flops=flops,
        traffic=measured.traffic,
        floor=peaks.floor(flops, measured.traffic),
        rounds=len(measured.timings[0].rounds),
        disturbed=measured.disturbed,
        settled=measured.settled,
        entries=tuple(entries),
    )


def _quartiles(values: list[float]) -> list[float]:
    return statistics.quantiles(values, n=4) if len(values) > 1 else values * 3


def save(table: Table, path: Path) -> None:
    """Write as JSON."""
    path.write_text(json.dumps(dataclasses.asdict(table), indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> Table:
    """Read what `save` wrote."""
    found = json.loads(path.read_text(encoding="utf-8"))
    rows = tuple(
        Row(**{**row, "entries": tuple(map(_entry, row["entries"]))}) for row in found["rows"]
    )
    copies = tuple((size, speed) for size, speed in found["peaks"]["copies"])
    peaks = Peaks(found["peaks"]["flops"], copies)
    return Table(**{**found, "peaks": peaks, "rows": rows})


def _entry(found: dict[str, Any]) -> Entry:
    low, high = found["quartiles"]
    return Entry(**{**found, "quartiles": (low, high)})
