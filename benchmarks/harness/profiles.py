"""Where a step of einprop spends its time: products, elementwise work, copies, and Python around them.

A plan is Python that einprop writes: one line, one call. A trace function reads the clock between the
lines; what reading costs is measured on empty lines and taken off.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from benchmarks.adapters.einprop_adapter import recorded_sources, steps
from benchmarks.harness.client import ROOT, environment
from benchmarks.harness.workload import Workload
from benchmarks.workloads.catalogue import WORKLOADS

__all__ = ["KINDS", "Profile", "kind_of", "profiles"]

KINDS = ("BLAS", "elementwise", "copies", "python")
PLAN = "<einprop plan>"
_PATTERNS = (
    ("BLAS", re.compile(r"\.dot\(|\b(matmul|einsum|tensordot|vecdot|matvec|vecmat|s?d?gemm)\(")),
    (
        "copies",
        re.compile(r"\bcopyto\(|\.fill\(|\.copy\(|\btake\(|\.at\(|transpose\(.*\)\.reshape\("),
    ),
    (
        "python",
        re.compile(r"^(for|if|return|\w+ = (empty|\w+\.(reshape|transpose|T\b)))|, \w+ = views"),
    ),
    ("python", re.compile(r"^\w+ = (\w+\[|slices\()")),
)


def kind_of(line: str) -> str:
    """What a line of a plan does.

    >>> kind_of("x1.dot(x2, v2)"), kind_of("copyto(v3, x1)"), kind_of("y8 = empty((3,), float32)")
    ('BLAS', 'copies', 'python')
    >>> kind_of("maximum(v11, c13, out=v11)")
    'elementwise'

    An array whose axes were exchanged has to be copied to be reshaped.

    >>> kind_of("t9 = v4.transpose(1, 0, 2).reshape(8, 6)")
    'copies'
    """
    text = line.strip()
    return next((kind for kind, pattern in _PATTERNS if pattern.search(text)), "elementwise")


@dataclass
class Profile:
    """Seconds of a step.

    Attributes:
        total: Of the whole call, untraced.
        lines: By line of the plan, traced.
    """

    total: float
    lines: dict[str, float]

    def seconds(self) -> dict[str, float]:
        """By kind; what no line accounts for is Python around the plan."""
        found = dict.fromkeys(KINDS, 0.0)
        for line, seconds in self.lines.items():
            found[kind_of(line)] += seconds
        found["python"] += max(self.total - sum(found.values()), 0.0)
        return found

    def shares(self) -> dict[str, float]:
        """By kind, of one."""
        found = self.seconds()
        whole = sum(found.values())
        return {kind: seconds / whole for kind, seconds in found.items()}

    def costliest(self) -> tuple[str, float]:
        """The line that takes longest, and its share."""
        line = max(self.lines, key=lambda text: self.lines[text])
        return line.strip(), self.lines[line] / sum(self.seconds().values())


@dataclass
class _Clock:
    """A trace function that adds up the time between the lines of one code object."""

    file: str
    seconds: dict[tuple[CodeType, int], float] = field(default_factory=dict)
    counts: dict[tuple[CodeType, int], int] = field(default_factory=dict)
    line: tuple[CodeType, int] | None = None
    since: float = 0.0

    def __call__(self, frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:
        if frame.f_code.co_filename != self.file:
            return None
        now = time.perf_counter()
        if self.line is not None and event in ("line", "return"):
            self.seconds[self.line] = self.seconds.get(self.line, 0.0) + now - self.since
            self.counts[self.line] = self.counts.get(self.line, 0) + 1
        self.line = (frame.f_code, frame.f_lineno) if event == "line" else None
        self.since = time.perf_counter()
        return self

    @contextmanager
    def running(self) -> Iterator[None]:
        """Trace what is called inside."""
        former = sys.gettrace()
        sys.settrace(self)
        try:
            yield
        finally:
            sys.settrace(former)


def _cost_of_reading() -> float:
    """Seconds that an empty line seems to take."""
    names: dict[str, Any] = {}
    lines = "\n".join(["    a = None"] * 200)
    exec(compile(f"def run():\n{lines}\n", "<empty lines>", "exec"), names)  # noqa: S102
    found = []
    for _ in range(20):
        clock = _Clock("<empty lines>")
        with clock.running():
            names["run"]()
        found.append(statistics.median(clock.seconds.values()))
    return statistics.median(found)


def profile(run: Callable[[], object], sources: Iterable[str], repeats: int) -> Profile:
    """Profile a step.

    Args:
        run: The step, warmed.
        sources: The texts of the plans that it may run.
        repeats: Steps, each once with and once without the trace function.
    """
    cost, clock, totals = _cost_of_reading(), _Clock(PLAN), []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        totals.append(time.perf_counter() - start)
        with clock.running():
            run()
    texts = [source.splitlines() for source in sources]
    lines: dict[str, float] = {}
    for (code, number), seconds in clock.seconds.items():
        net = max(seconds - cost * clock.counts[code, number], 0.0) / repeats
        text = _text(texts, code, number)
        lines[text] = lines.get(text, 0.0) + net
    return Profile(statistics.median(totals), lines)


def _text(sources: list[list[str]], code: CodeType, number: int) -> str:
    """The line, in the plan whose function starts where the code does."""
    for source in sources:
        if len(source) >= number and f"def {code.co_name}" in "\n".join(
            source[code.co_firstlineno - 1 : code.co_firstlineno + 1]
        ):
            return source[number - 1]
    return "?"


def profiles(workloads: Iterable[Workload], threads: int, output: Path | None) -> str:
    """A table as Markdown, kept if a folder is given: each workload in a fresh process."""
    lines = [
        "| workload | ms | BLAS | elementwise | copies | python | costliest line |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for workload in workloads:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.harness.profiles", workload.name],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment(threads, "float32"),
        )
        found = Profile(**json.loads(done.stdout))
        shares = [f"{share:.0%}" for share in found.shares().values()]
        line, share = found.costliest()
        cells = [workload.title, f"{found.total * 1e3:.3f}", *shares, f"`{line}` {share:.0%}"]
        lines.append(f"| {' | '.join(cells)} |")
    text = "\n".join(lines) + "\n"
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        (output / "profile.md").write_text(text, encoding="utf-8")
    return text


def main() -> None:
    """Profile one workload in this process and print the figures as JSON."""
    workload = WORKLOADS[sys.argv[1]]
    with recorded_sources() as sources:
        step = next(iter(steps(workload, "float32").values()))
        step.run()
    start = time.perf_counter()
    step.run()
    once = time.perf_counter() - start
    found = profile(step.run, sources, max(5, min(200, round(1 / once))))
    print(json.dumps({"total": found.total, "lines": found.lines}))


if __name__ == "__main__":
    main()
