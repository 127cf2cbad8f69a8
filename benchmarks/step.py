"""One gradient of the lecture's MLP: einprop's time over that of numpy written by hand.

    python benchmarks/step.py

Both compute loss and all parameter gradients of the 784-200-10 network of benchmarks/peers, float32,
batch 100. They take turns, so that what else the machine does falls on both; medians are compared.
The first call of einprop (parsing, deriving, planning, compiling) is timed apart, in fresh programs.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from types import ModuleType

import numpy as np
from peers import example, load


def timed(function: Callable[[], object]) -> float:
    """Seconds that one call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def first_call(module: ModuleType, tensors: dict[str, np.ndarray]) -> float:
    """Seconds from the text to the first gradients."""
    text = str(module.mlp)
    program = type(module.mlp)
    return timed(lambda: program(text).value_and_grad()(**tensors))


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=400)
    rounds = parser.parse_args().rounds
    tensors = {n: a.astype(np.float32) for n, a in example(np.random.default_rng(0)).items()}
    ours, theirs = load("einprop"), load("numpy")
    calls = {
        "einprop": lambda: ours.loss_and_gradients(**tensors),
        "numpy by hand": lambda: theirs.loss_and_gradients(**tensors),
    }
    for call in calls.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            times[name].append(timed(call))
    medians = {name: statistics.median(found) for name, found in times.items()}
    for name, median in medians.items():
        print(f"{name:14} {median * 1e3:.3f} ms a step (median of {rounds})")
    print(f"ratio          {medians['einprop'] / medians['numpy by hand']:.2f}")
    first = statistics.median(first_call(ours, tensors) for _ in range(5))
    print(f"first call     {first * 1e3:.0f} ms (median of 5)")


if __name__ == "__main__":
    main()
