"""The parent's side of a worker: starts it, sends commands, waits for answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from benchmarks.harness.workload import Array, Workload

__all__ = ["Candidate", "Worker", "WorkerError", "empty_caches", "environment"]

ROOT = Path(__file__).resolve().parents[2]


class WorkerError(Exception):
    """A worker said that a command failed, or went away."""


@dataclass(frozen=True)
class Candidate:
    """One form of one peer."""

    peer: str
    form: str

    def __str__(self) -> str:
        return f"{self.peer}: {self.form}"


def environment(threads: int, dtype: str) -> dict[str, str]:
    """Variables for a worker: as many threads for each library, double precision where JAX needs it.

    They are read when a library loads, so they are set before the process starts.
    """
    count = str(threads)
    names = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB")
    found = {**os.environ, **{f"{name}_NUM_THREADS": count for name in names}}
    eigen = "true" if threads > 1 else "false"
    flags = f"--xla_cpu_multi_thread_eigen={eigen} intra_op_parallelism_threads={threads}"
    found |= {"XLA_FLAGS": flags, "NPROC": count, "JAX_PLATFORMS": "cpu"}
    found["JAX_ENABLE_X64"] = "1" if dtype == "float64" else "0"
    found["BENCHMARK_THREADS"] = count
    # Graphs that former processes compiled would make a first call look like a second one.
    found |= {"TORCHINDUCTOR_FX_GRAPH_CACHE": "0", "TORCHINDUCTOR_AUTOGRAD_CACHE": "0"}
    found["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), found.get("PYTHONPATH")]))
    return found


@contextmanager
def empty_caches() -> Iterator[None]:
    """A folder for what compilers keep, empty at first and gone at the end."""
    name = "TORCHINDUCTOR_CACHE_DIR"
    former = os.environ.get(name)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        os.environ[name] = folder
        try:
            yield
        finally:
            del os.environ[name]
            if former is not None:
                os.environ[name] = former


class Worker(AbstractContextManager["Worker"]):
    """A process that holds one form of one workload.

    Raises:
        WorkerError: It does not start.
    """

    def __init__(
        self,
        workload: Workload,
        candidate: Candidate,
        dtype: str,
        threads: int = 1,
    ) -> None:
        self.candidate = candidate
        self.folder = tempfile.TemporaryDirectory(prefix="benchmark-")
        names = [workload.name, candidate.peer, candidate.form, dtype]
        sizes = json.dumps(dict(workload.sizes))
        self.errors = (Path(self.folder.name) / "stderr").open("w+b")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.harness.worker", *names, "--sizes", sizes],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            cwd=ROOT,
            env=environment(threads, dtype),
            text=True,
        )
        try:
            self._answer()
        except WorkerError:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The process."""
        return self.process.pid

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            said = self.errors.read().decode(errors="replace")[-2000:]
            raise WorkerError(f"the worker of {self.candidate} is gone\n{said}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WorkerError(f"{self.candidate}\n{answer['error']}")
        return answer

    def ask(self, **command: Any) -> dict[str, Any]:
        """Send a command and wait for its answer.

        Raises:
            WorkerError: The command failed there, or the process is gone.
        """
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # its end shows where the answer should be
            self.process.stdin.write(json.dumps(command) + "\n")
            self.process.stdin.flush()
        return self._answer()

    def prepare(self) -> float:
        """Seconds from text or function to the first results."""
        return float(self.ask(do="prepare")["seconds"])

    def results(self) -> Mapping[str, Array]:
        """Loss and gradients, or the Hessian, by name."""
        path = Path(self.folder.name) / "results.npz"
        self.ask(do="results", path=str(path))
        with np.load(path, allow_pickle=False) as found:
            return dict(found)

    def time(self, calls: int) -> list[float]:
        """Seconds of each of so many calls."""
        return list(self.ask(do="time", calls=calls)["seconds"])

    def peak(self) -> int | None:
        """Bytes that a warmed step holds at its peak; the step is gone afterwards."""
        found = self.ask(do="peak")["bytes"]
        return None if found is None else int(found)

    def close(self) -> None:
        """End the process."""
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            # Its input's end is its end; what was not written to one that is gone does not matter.
            with suppress(BrokenPipeError):
                stream.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.close()
        self.folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
