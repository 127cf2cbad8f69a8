"""One workload measured: all candidates agree, then take turns, and disturbed rounds are dropped."""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.adapters.peers import PEERS
from benchmarks.harness.client import Candidate, Worker
from benchmarks.harness.compare import check_agreement
from benchmarks.harness.disturbance import Load, Reference, others_share
from benchmarks.harness.workload import Array, Workload

__all__ = ["Measured", "Options", "Timing", "expected_results", "measure", "warm_up"]


# Seconds. The kernel counts busy time in hundredths; a shorter round could not be judged.
SHORTEST_ROUND = 0.6


@dataclass(frozen=True)
class Options:
    """How to measure.

    Attributes:
        threads: Of every peer.
        rounds: Undisturbed rounds wanted.
        block: Seconds of one peer's turn, about; longer where few take turns.
        attempts: Rounds tried at most, as a multiple of those wanted.
        first: Fresh processes for the time of the first call.
        slow: Seconds above which a first call is measured once only.
        others: Cores that other processes may keep busy in a round that counts.
        slowdown: How much slower the reference task may be in such a round.
    """

    threads: int = 2
    rounds: int = 15
    block: float = 0.05
    attempts: int = 4
    first: int = 3
    slow: float = 2.0
    others: float = 0.15
    slowdown: float = 1.15


@dataclass
class Timing:
    """What was found out about one candidate.

    Attributes:
        candidate: The form.
        first: Seconds of first calls, each in a fresh process, libraries loaded.
        rounds: Median seconds of a step in each round that counts.
        peak: Bytes at the peak of a step; None where nobody tells.
        differences: By number type the largest relative difference from numpy by hand.
    """

    candidate: Candidate
    first: list[float] = field(default_factory=list)
    rounds: list[float] = field(default_factory=list)
    peak: int | None = None
    differences: dict[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """The median over rounds."""
        return statistics.median(self.rounds)


@dataclass
class Measured:
    """One row: all candidates, how many rounds counted, how many were disturbed.

    Attributes:
        traffic: Bytes of float32 inputs and results: each is read or written once at least.
        disturbed: Rounds that were dropped.
        settled: Whether enough rounds were undisturbed; otherwise the calmest ones count.
    """

    workload: Workload
    timings: list[Timing]
    traffic: int
    disturbed: int = 0
    settled: bool = True


Say = Callable[[str], None]


def expected_results(workload: Workload, dtype: str, threads: int) -> Mapping[str, Array]:
    """What numpy by hand computes: the others are compared with it, and it with them."""
    candidate = Candidate("numpy", next(iter(workload.numpy)))
    with Worker(workload, candidate, dtype, threads) as worker:
        return worker.results()


def measure(
    workload: Workload,
    candidates: Sequence[Candidate],
    options: Options,
    reference: Reference,
    say: Say,
) -> Measured:
    """Compare, then time.

    Raises:
        DisagreementError: A candidate computes something else; nothing was timed then.
        WorkerError: A candidate fails.
    """
    expected = expected_results(workload, "float64", options.threads)
    timings = [Timing(candidate) for candidate in candidates]
    for timing in timings:
        if not PEERS[timing.candidate.peer].compiles_long:
            compare(workload, timing, "float64", expected, options)
    with ExitStack() as stack:
        workers = []
        for timing in timings:
            worker = stack.enter_context(
                Worker(workload, timing.candidate, "float32", options.threads)
            )
            timing.first.append(worker.prepare())
            timing.differences["float32"] = check_agreement(
                str(timing.candidate), worker.results(), expected, "float32"
            )
            workers.append(worker)
            say(f"  {timing.candidate}: first call {timing.first[0]:.3f} s")
        traffic = float32_bytes([*workload.example("float32").values(), *expected.values()])
        rounds, disturbed, settled = take_turns(workers, options, reference)
        for number, (timing, worker) in enumerate(zip(timings, workers, strict=True)):
            timing.rounds = [medians[number] for medians in rounds]
            timing.peak = worker.peak()
    for timing in timings:
        repeat_first_calls(workload, timing, options)
    return Measured(workload, timings, traffic, disturbed, settled)


def float32_bytes(arrays: Iterable[Array]) -> int:
    """The size of arrays whose floats take four bytes; integers repeat what floats say."""
    return sum(4 * array.size for array in arrays if array.dtype.kind == "f")


def warm_up(workload: Workload, peers: Iterable[str], threads: int) -> None:
    """Let compilers find out about the machine, once, on a small program: no program's own cost."""
    small = workload.at(workload.small)
    for peer in peers:
        if PEERS[peer].compiles_long:
            form = PEERS[peer].form_names(small)[0]
            with Worker(small, Candidate(peer, form), "float32", threads) as worker:
                worker.prepare()


def compare(
    workload: Workload, timing: Timing, dtype: str, expected: Mapping[str, Array], options: Options
) -> None:
    """Compare one candidate with what is expected."""
    with Worker(workload, timing.candidate, dtype, options.threads) as worker:
        timing.differences[dtype] = check_agreement(
            str(timing.candidate), worker.results(), expected, dtype
        )


def repeat_first_calls(workload: Workload, timing: Timing, options: Options) -> None:
    """First calls in further fresh processes, where they do not take too long."""
    while timing.first[0] < options.slow and len(timing.first) < options.first:
        with Worker(workload, timing.candidate, "float32", options.threads) as worker:
            timing.first.append(worker.prepare())


def calls_per_turn(worker: Worker, block: float) -> int:
    """So many that a turn takes about the wanted time."""
    once = min(worker.time(2))
    return max(1, min(2000, math.ceil(block / max(once, 1e-6))))


@dataclass(frozen=True)
class _Round:
    """Medians of one round, and how much it was disturbed."""

    medians: list[float]
    others: float
    reference: float


def take_turns(
    workers: Sequence[Worker], options: Options, reference: Reference
) -> tuple[list[list[float]], int, bool]:
    """Rounds until enough of them were calm, or too many were not.

    Returns:
        For each round that counts the median seconds of each worker; how many do not count; whether
        enough were calm. If not, the calmest count.
    """
    block = max(options.block, SHORTEST_ROUND / len(workers))
    calls = [calls_per_turn(worker, block) for worker in workers]
    rounds: list[_Round] = []
    calm: list[_Round] = []
    while len(calm) < options.rounds and len(rounds) < options.rounds * options.attempts:
        rounds.append(_one_round(workers, calls, reference, backwards=bool(len(rounds) % 2)))
        calm = [r for r in rounds if _is_calm(r, options, reference)]
    settled = len(calm) >= options.rounds
    if not settled:
        calm = sorted(rounds, key=lambda r: (r.others, r.reference))[: options.rounds]
    return [r.medians for r in calm], len(rounds) - len(calm), settled


def _one_round(
    workers: Sequence[Worker], calls: Sequence[int], reference: Reference, *, backwards: bool
) -> _Round:
    pids = [os.getpid(), *[worker.pid for worker in workers]]
    slowest, before = reference.measure(), Load.now(pids)
    medians = [0.0] * len(workers)
    for number in reversed(range(len(workers))) if backwards else range(len(workers)):
        medians[number] = statistics.median(workers[number].time(calls[number]))
        # Threads of the last peer may spin for a moment; they would disturb the next one.
        time.sleep(0.002)
    after = Load.now(pids)
    return _Round(medians, others_share(before, after), max(slowest, reference.measure()))


def _is_calm(found: _Round, options: Options, reference: Reference) -> bool:
    return (
        found.others <= options.others and reference.slowdown(found.reference) <= options.slowdown
    )
