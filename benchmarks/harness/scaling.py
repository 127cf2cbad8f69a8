"""Time as work grows in batch, width, depth, length or operands: einprop and numpy by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.harness.client import Candidate, Worker
from benchmarks.harness.disturbance import Reference
from benchmarks.harness.measure import Options, take_turns
from benchmarks.harness.workload import Sizes, Workload
from benchmarks.workloads.catalogue import WORKLOADS

__all__ = ["SERIES", "Curve", "Series", "exponent", "scaling", "to_markdown"]

CANDIDATES = (Candidate("einprop", "program"), Candidate("numpy", "by hand"))


@dataclass(frozen=True)
class Series:
    """One size that grows.

    Attributes:
        name: What grows.
        workload: In which workload.
        values: The sizes, each at least one and a half times the one before.
        sizes: From a value to the workload's sizes.
        expected: The exponent of the work for large values, and why.
    """

    name: str
    workload: str
    values: tuple[int, ...]
    sizes: Callable[[int], Sizes]
    expected: str


def _layers(batch: int, widths: Sequence[int]) -> dict[str, int]:
    return {"b": batch} | {f"i{k}": width for k, width in enumerate(widths)}


def _with(name: str, letter: str) -> Callable[[int], Sizes]:
    return lambda value: {**WORKLOADS[name].sizes, letter: value}


SERIES = (
    Series(
        "batch",
        "mlp_small",
        (8, 16, 32, 64, 128, 256, 512, 1024, 2048),
        lambda n: _layers(n, (784, 200, 10)),
        "1: all products grow with it; below 1 where the weights' traffic dominates",
    ),
    Series(
        "width",
        "mlp_wide",
        (32, 64, 128, 256, 512, 1024, 2048),
        lambda n: _layers(128, (n, n, n, 10)),
        "2: a weight for each pair of units",
    ),
    Series(
        "depth",
        "mlp_wide",
        (2, 4, 8, 16, 32, 64),
        lambda n: _layers(64, [256] * n + [10]),
        "1: one more layer, one more of everything",
    ),
    Series(
        "sequence length, RNN",
        "rnn",
        (8, 16, 32, 64, 128, 256, 512),
        _with("rnn", "t"),
        "1: one more step; products of all steps at once are below it",
    ),
    Series("sequence length, LSTM", "lstm", (8, 16, 32, 64, 128, 256), _with("lstm", "t"), "1"),
    Series(
        "sequence length, attention",
        "attention",
        (16, 32, 64, 128, 256, 512),
        _with("attention", "t"),
        "from 1 (projections) to 2 (all pairs of positions)",
    ),
    Series(
        "operands",
        "network_5",
        (4, 6, 9, 12, 18, 24),
        _with("network_5", "n"),
        "1: one more product each way",
    ),
)


@dataclass(frozen=True)
class Curve:
    """Figures of one candidate on one series."""

    series: str
    peer: str
    values: tuple[int, ...]
    seconds: tuple[float, ...]
    first: tuple[float, ...]
    expected: str


def exponent(values: Sequence[float], seconds: Sequence[float]) -> float:
    """The slope of the line through the points on log axes, by least squares.

    >>> round(exponent([1, 2, 4], [3.0, 12.0, 48.0]), 9)
    2.0
    """
    x, y = [math.log(v) for v in values], [math.log(s) for s in seconds]
    middle_x, middle_y = sum(x) / len(x), sum(y) / len(y)
    products = sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True))
    return products / sum((a - middle_x) ** 2 for a in x)


def _point(workload: Workload, options: Options, reference: Reference) -> list[tuple[float, float]]:
    """Median step and first call of each candidate, interleaved."""
    with ExitStack() as stack:
        workers = [
            stack.enter_context(Worker(workload, candidate, "float32", options.threads))
            for candidate in CANDIDATES
        ]
        first = [worker.prepare() for worker in workers]
        rounds, _, _ = take_turns(workers, options, reference)
    columns = zip(*rounds, strict=True)
    middle = [sorted(column)[len(column) // 2] for column in columns]
    return list(zip(middle, first, strict=True))


def measured(series: Series, options: Options, reference: Reference) -> list[Curve]:
    """A curve for each candidate."""
    points = [
        _point(WORKLOADS[series.workload].at(series.sizes(value)), options, reference)
        for value in series.values
    ]
    return [
        Curve(
            series.name,
            candidate.peer,
            series.values,
            tuple(point[number][0] for point in points),
            tuple(point[number][1] for point in points),
            series.expected,
        )
        for number, candidate in enumerate(CANDIDATES)
    ]


def to_markdown(curves: Sequence[Curve]) -> str:
    """Times, and exponents over all values and over the larger half, where overheads fade."""
    lines = [
        "| what grows | peer | values | ms | exponent | larger half | first call | expected |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for curve in curves:
        half = len(curve.values) // 2
        cells = [
            curve.series,
            curve.peer,
            f"{curve.values[0]} to {curve.values[-1]}",
            f"{curve.seconds[0] * 1e3:.3f} to {curve.seconds[-1] * 1e3:.1f}",
            f"{exponent(curve.values, curve.seconds):.2f}",
            f"{exponent(curve.values[half:], curve.seconds[half:]):.2f}",
            f"{exponent(curve.values, curve.first):.2f}",
            curve.expected,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def scaling(threads: int, rounds: int, output: Path | None, say: Callable[[str], None]) -> str:
    """Measure all series; the table, kept with the points as JSON if a folder is given."""
    options, reference = Options(threads=threads, rounds=rounds, block=0.03), Reference()
    curves: list[Curve] = []
    for series in SERIES:
        say(series.name)
        curves += measured(series, options, reference)
    text = to_markdown(curves)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        points = json.dumps([asdict(curve) for curve in curves], indent=1)
        (output / "scaling.json").write_text(points + "\n", encoding="utf-8")
        (output / "scaling.md").write_text(text, encoding="utf-8")
    return text
