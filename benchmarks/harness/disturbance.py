"""Whether something else had the machine while a round was timed."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Load", "Reference", "others_share"]

_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True)
class Load:
    """Busy seconds since the start: of the whole machine, and of some processes.

    Attributes:
        machine: User, system, interrupt and stolen time over all cores.
        own: User and system time of the processes.
        at: When it was read.
    """

    machine: float
    own: float
    at: float

    @classmethod
    def now(cls, pids: Iterable[int]) -> Load:
        """The present account; zeros where the kernel keeps none."""
        stat = Path("/proc/stat")
        if not stat.exists():
            return cls(0.0, 0.0, time.perf_counter())
        fields = [int(n) for n in stat.read_text(encoding="ascii").splitlines()[0].split()[1:9]]
        user, nice, system, _, _, hard, soft, stolen = fields
        own = sum(_busy(pid) for pid in pids)
        machine = (user + nice + system + hard + soft + stolen) / _TICKS
        return cls(machine, own, time.perf_counter())


def _busy(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def others_share(before: Load, after: Load) -> float:
    """Cores that other processes kept busy in between: 0.5 is half of one core."""
    elapsed = max(after.at - before.at, 1e-9)
    others = (after.machine - before.machine) - (after.own - before.own)
    return max(others / elapsed, 0.0)


class Reference:
    """A fixed task of pure Python, some milliseconds: slower than usual means disturbed."""

    COUNT = 60_000

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def measure(self) -> float:
        """Time it once more."""
        start = time.perf_counter()
        total = 0
        for number in range(self.COUNT):
            total += number * number
        self.seconds.append(time.perf_counter() - start)
        return self.seconds[-1]

    def slowdown(self, seconds: float) -> float:
        """Relative to the quartile of all measurements: a quarter of them may be undisturbed."""
        usual = statistics.quantiles(self.seconds, n=4)[0] if len(self.seconds) > 1 else seconds
        return seconds / usual
