"""The benchmark: einprop, numpy by hand, PyTorch, JAX and autograd on the same workloads.

    pip install ".[dev,oracles]"
    python benchmarks/run.py
    python benchmarks/run.py --only einprop,numpy --workloads mlp_small,cnn --rounds 5
    python benchmarks/run.py --profile
    python benchmarks/run.py --scaling

All results are compared before anything is timed; a peer that differs ends the command. Peers that are not
installed are left out and named. A run of all peers and workloads is kept, as a table and as JSON, under
benchmarks/results/; a part of it is only printed, unless --output names a folder.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.adapters.peers import PEERS, Peer
from benchmarks.harness.client import Candidate, WorkerError, empty_caches
from benchmarks.harness.compare import DisagreementError
from benchmarks.harness.disturbance import Reference
from benchmarks.harness.machine import describe
from benchmarks.harness.measure import Options, measure, warm_up
from benchmarks.harness.packages import PACKAGES, can_count, import_seconds, installed_bytes
from benchmarks.harness.peaks import measured_peaks
from benchmarks.harness.profiles import profiles
from benchmarks.harness.results import Row, Table, row_of, save
from benchmarks.harness.scaling import scaling
from benchmarks.harness.table import milliseconds, to_markdown
from benchmarks.harness.workload import Workload
from benchmarks.workloads.catalogue import WORKLOADS

Item = TypeVar("Item")
RESULTS = Path(__file__).resolve().parent / "results"


def main() -> None:
    """Measure, print and keep."""
    options = parsed()
    workloads = named(options.workloads, WORKLOADS, "workload")
    output = options.output
    if output is None and not (options.only or options.workloads):
        output = RESULTS
    if options.profile:
        print(profiles(workloads.values(), options.threads, output), end="")
        return
    if options.scaling:
        print(scaling(options.threads, options.rounds, output, say), end="")
        return
    peers = named(options.only, PEERS, "peer")
    with empty_caches():
        table = measured(workloads, peers, options)
    print(to_markdown(table), end="")
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        save(table, output / "table.json")
        (output / "table.md").write_text(to_markdown(table), encoding="utf-8")


def measured(
    workloads: Mapping[str, Workload], peers: Mapping[str, Peer], options: argparse.Namespace
) -> Table:
    """All rows, and what stands apart from them."""
    present = {name: peer for name, peer in peers.items() if peer.is_installed()}
    packages = [name for name in PACKAGES if name in {peer.package for peer in present.values()}]
    how = Options(threads=options.threads, rounds=options.rounds, first=options.first)
    peaks, reference = measured_peaks(options.threads), Reference()
    warm_up(WORKLOADS["mlp_tiny"], present, options.threads)
    rows: list[Row] = []
    for workload in workloads.values():
        say(workload.title)
        candidates = [
            Candidate(name, form)
            for name, peer in present.items()
            for form in peer.form_names(workload)
        ]
        try:
            rows.append(row_of(measure(workload, candidates, how, reference, say), peaks))
        except (DisagreementError, WorkerError) as error:
            raise SystemExit(f"{workload.title}: {error}") from None
        show(rows[-1])
    return Table(
        machine=describe(options.threads, packages),
        peaks=peaks,
        left_out=[name for name in peers if name not in present],
        rows=tuple(rows),
        imports=import_seconds(packages, options.first),
        installed={name: installed_bytes(PACKAGES[name][1]) / 1e6 for name in packages}
        if can_count()
        else {},
    )


def say(line: str) -> None:
    """Tell how far it is, apart from the table."""
    print(line, file=sys.stderr, flush=True)


def show(row: Row) -> None:
    """The medians of a row as soon as they are there."""
    for entry in row.entries:
        say(f"  {entry.peer:14} {entry.form:30} {milliseconds(entry.seconds):>9} ms")
    if row.disturbed:
        say(f"  {row.disturbed} rounds were disturbed")


def named(text: str | None, known: Mapping[str, Item], what: str) -> dict[str, Item]:
    """Those of the known things that were asked for; all by default."""
    names = list(known) if text is None else text.split(",")
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"there is no {what} {unknown[0]}, but {', '.join(known)}")
    return {name: known[name] for name in names}


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", help=f"peers, with commas between: {', '.join(PEERS)}")
    parser.add_argument("--workloads", help=f"with commas between: {', '.join(WORKLOADS)}")
    parser.add_argument("--rounds", type=int, default=15, help="undisturbed rounds for each row")
    parser.add_argument("--threads", type=int, default=2, help="threads of every peer")
    parser.add_argument(
        "--first", type=int, default=3, help="fresh processes for first calls and imports"
    )
    parser.add_argument("--output", type=Path, help="folder for table.md and table.json")
    parser.add_argument("--profile", action="store_true", help="where a step of einprop spends")
    parser.add_argument("--scaling", action="store_true", help="time against sizes, exponents")
    return parser.parse_args()


if __name__ == "__main__":
    main()
