"""What the machine can do: single-precision matrix products and memory traffic, by numpy, measured."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.harness.client import ROOT, environment
from benchmarks.harness.workload import Array, threads

__all__ = ["Peaks", "measured_peaks"]


# Bytes of one copied array: those of a core's cache, of the shared cache, of memory.
COPIED = (1 << 18, 1 << 20, 1 << 22, 1 << 24, 1 << 26)


@dataclass(frozen=True)
class Peaks:
    """The machine's best.

    Attributes:
        flops: Floating-point operations a second in a product of two float32 matrices.
        copies: By bytes that all threads read and write together, bytes a second in doing so again and
            again: what fits in a cache stays there.
    """

    flops: float
    copies: tuple[tuple[int, float], ...]

    def bandwidth(self, traffic: float) -> float:
        """Bytes a second where so many are read and written at each step.

        The best of all measured sizes that are as large, or nearly (copies that touch more are no
        better than those that touch less, but for noise).
        """
        fitting = [speed for size, speed in self.copies if size >= traffic]
        return max(fitting or [self.copies[-1][1]])

    def floor(self, flops: float, traffic: float) -> float:
        """Seconds below which nothing can be that computes and moves so much."""
        return max(flops / self.flops, traffic / self.bandwidth(traffic))


def measured_peaks(thread_count: int) -> Peaks:
    """Measured in a fresh process with so many threads."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.harness.peaks"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(thread_count, "float32"),
    )
    found = json.loads(done.stdout)
    return Peaks(found["flops"], tuple((size, speed) for size, speed in found["copies"]))


def _best(function: Callable[[], object], seconds: float) -> float:
    """The shortest time of a call; tried for so long."""
    function()
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - start)
    return best


def _product_flops(size: int) -> float:
    left = np.random.default_rng(0).normal(size=(size, size)).astype(np.float32)
    right, out = left.T.copy(), np.empty_like(left)
    return 2 * size**3 / _best(lambda: np.matmul(left, right, out=out), 0.5)


def _copy_bandwidth(count: int, size: int) -> tuple[int, float]:
    """Threads each copy an array of their own; numpy lets them run side by side."""
    arrays = np.ones((count, 2, size // 4), np.float32)
    repeats = max(1, (1 << 26) // size)

    def work(pair: Array) -> None:
        for _ in range(repeats):
            np.copyto(pair[0], pair[1])

    def copy() -> None:
        running = [threading.Thread(target=work, args=(pair,)) for pair in arrays]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()

    traffic = 2 * count * size
    return traffic, traffic * repeats / _best(copy, 0.5)


def main() -> None:
    """Print the peaks as JSON."""
    flops = max(_product_flops(size) for size in (512, 1024, 2048))
    print(json.dumps({"flops": flops, "copies": [_copy_bandwidth(threads(), n) for n in COPIED]}))


if __name__ == "__main__":
    main()
