"""One process for one form of one peer: commands come in as lines of JSON, answers go out likewise.

    prepare         build the step and run it once -> seconds, from text or function to first results
    results PATH    loss and gradients, or the Hessian, into an npz file
    time CALLS      that many calls after one that is not timed -> seconds of each
    peak            bytes that a warmed step holds at its peak beyond its inputs

Where its input ends, so does it. What a library prints goes to standard error, so that it cannot be taken
for an answer.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.adapters.peers import PEERS
from benchmarks.harness.memory import peak_bytes
from benchmarks.harness.workload import Form, Step, Workload
from benchmarks.workloads.catalogue import WORKLOADS

__all__ = ["Session", "main"]


class Session:
    """What a worker holds between commands."""

    def __init__(self, workload: Workload, peer: str, form: str, dtype: str) -> None:
        self.workload = workload
        self.form_name = form
        self.form: Form = PEERS[peer].forms(workload, workload.sizes)[form]
        self.tensors = workload.example(dtype)
        self.step: Step | None = None

    def prepared(self) -> Step:
        """The step."""
        if self.step is None:
            self.step = self.form(self.tensors)
        return self.step

    def prepare(self) -> dict[str, float]:
        """Build the step and run it once."""
        start = time.perf_counter()
        self.prepared().run()
        return {"seconds": time.perf_counter() - start}

    def results(self, path: str) -> dict[str, Any]:
        """Write what the step gives, in the names and shapes that all peers share."""
        found = self.prepared().results()
        expand = self.workload.expand.get(self.form_name)
        if expand is not None:
            found = expand(found, self.tensors)
        with Path(path).open("wb") as file:
            np.savez(file, allow_pickle=False, **{n: np.asarray(a) for n, a in found.items()})
        return {}

    def time(self, calls: int) -> dict[str, list[float]]:
        """Seconds of each call."""
        run, clock, seconds = self.prepared().run, time.perf_counter, []
        run()
        for _ in range(calls):
            start = clock()
            run()
            seconds.append(clock() - start)
        return {"seconds": seconds}

    def peak(self) -> dict[str, int | None]:
        """Bytes beyond the inputs; the step is gone afterwards."""
        self.prepared()

        def drop() -> None:
            self.step = None

        return {"bytes": peak_bytes(lambda: self.prepared().run(), drop)}

    def answer(self, command: dict[str, Any]) -> dict[str, Any]:
        """Do what a command says."""
        match command:
            case {"do": "prepare"}:
                return self.prepare()
            case {"do": "results", "path": str(path)}:
                return self.results(path)
            case {"do": "time", "calls": int(calls)}:
                return self.time(calls)
            case {"do": "peak"}:
                return self.peak()
            case _:
                raise ValueError(f"no such command: {command}")


def serve(session: Session, read: Callable[[], str], write: Callable[[str], object]) -> None:
    """Answer until the other side is gone."""
    while line := read():
        command = json.loads(line)
        try:
            answer = session.answer(command)
        # What an error of a peer means, the other side decides.
        except Exception:  # noqa: BLE001
            answer = {"error": traceback.format_exc()}
        write(json.dumps(answer) + "\n")


def main() -> None:
    """Serve one form on the pipes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name in ("workload", "peer", "form", "dtype"):
        parser.add_argument(name)
    parser.add_argument("--sizes", type=json.loads, help="as JSON, in place of the usual ones")
    options = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    PEERS[options.peer].load()
    workload = WORKLOADS[options.workload]
    if options.sizes is not None:
        workload = workload.at(options.sizes)
    session = Session(workload, options.peer, options.form, options.dtype)
    answers.write("{}\n")
    serve(session, sys.stdin.readline, answers.write)


if __name__ == "__main__":
    main()
