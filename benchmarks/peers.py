"""The lecture's MLP five times: what einprop, numpy, autograd, JAX and PyTorch ask for and show.

    pip install ".[dev,oracles]"
    python benchmarks/peers.py

First all gradients are compared; then come lines of code, import time and installed size. The
table is printed and kept, with the figures as JSON, under benchmarks/results/. Peers that are not
installed are left out and named.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import os
import platform
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.harness.machine import version_of
from benchmarks.harness.packages import PACKAGES as PEERS
from benchmarks.harness.packages import import_seconds, installed_bytes

HERE = Path(__file__).resolve().parent
NOT_COUNTED = "shown_gradient"


def load(peer: str) -> ModuleType:
    """The peer's version of the MLP, from its file."""
    spec = importlib.util.spec_from_file_location(f"{peer}_mlp", HERE / "peers" / f"{peer}_mlp.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"there is no version of the MLP for {peer}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def is_installed(peer: str) -> bool:
    """Whether the peer can be imported here."""
    return importlib.util.find_spec(PEERS[peer][0].partition(".")[0]) is not None


def example(rng: np.random.Generator) -> dict[str, np.ndarray[Any, Any]]:
    """A batch of 100 and parameters for 784-200-10, in float64."""
    return {
        "x": rng.normal(size=(100, 784)),
        "t": np.eye(10)[rng.integers(0, 10, 100)],
        "W1": rng.normal(0, (2 / 984) ** 0.5, (784, 200)),
        "B1": rng.normal(0, 0.1, 200),
        "W2": rng.normal(0, (2 / 210) ** 0.5, (200, 10)),
        "B2": rng.normal(0, 0.1, 10),
    }


def largest_difference(versions: dict[str, ModuleType]) -> float:
    """The largest relative difference of any loss or gradient from the hand-derived ones."""
    tensors = example(np.random.default_rng(0))
    expected_loss, expected = versions["numpy"].loss_and_gradients(**tensors)
    worst = 0.0
    for version in versions.values():
        loss, gradients = version.loss_and_gradients(**tensors)
        worst = max(worst, abs(float(loss) - expected_loss) / abs(expected_loss))
        for name, gradient in expected.items():
            difference = np.abs(np.asarray(gradients[name]) - gradient).max()
            worst = max(worst, float(difference / np.abs(gradient).max()))
    return worst


def count_lines(path: Path) -> int:
    """Lines of code: no blank lines, comments or docstrings, and not the function that shows."""
    text = path.read_text(encoding="utf-8")
    skipped: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if docstring or (isinstance(node, ast.FunctionDef) and node.name == NOT_COUNTED):
            skipped.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return sum(
        bool(line.strip()) and not line.lstrip().startswith("#")
        for number, line in enumerate(text.splitlines(), start=1)
        if number not in skipped
    )


def what_is_shown(peer: str, version: ModuleType) -> str:
    """A few words on what the peer shows of its gradient."""
    lines = version.shown_gradient().splitlines()
    equations = [line for line in lines if "=" in line]
    words = {
        "einprop": f"{len(equations)} equations, such as `{equations[-1] if equations else ''}`",
        "numpy": "nothing: a person derives and writes it",
        "autograd": "nothing: a tape of numpy calls inside a closure",
        "jax": f"a jaxpr, {len(lines)} lines of primitives",
        "torch": f"names of {len(lines)} nodes, such as `{lines[1] if len(lines) > 1 else ''}`",
    }
    return words[peer]


def measure(rounds: int) -> dict[str, Any]:
    """All figures."""
    os.environ["JAX_ENABLE_X64"] = "1"
    peers = [peer for peer in PEERS if is_installed(peer)]
    versions = {peer: load(peer) for peer in peers}
    difference = largest_difference(versions)
    if difference > 1e-9:
        raise SystemExit(f"the gradients differ by {difference:.1e}: nothing was measured")
    seconds = import_seconds(peers, rounds)
    rows = {
        peer: {
            "version": version_of(PEERS[peer][1]),
            "lines": count_lines(HERE / "peers" / f"{peer}_mlp.py"),
            "shows": what_is_shown(peer, versions[peer]),
            "import_seconds": seconds[peer],
            "installed_megabytes": installed_bytes(PEERS[peer][1]) / 1e6,
        }
        for peer in peers
    }
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "largest_relative_difference": difference,
        "left_out": [peer for peer in PEERS if peer not in peers],
        "peers": rows,
    }


def to_markdown(figures: dict[str, Any]) -> str:
    """The table."""
    lines = [
        "| | lines of code | what it shows of its gradient | import, s | installed, MB |",
        "| --- | --- | --- | --- | --- |",
    ]
    for peer, row in figures["peers"].items():
        cells = [
            f"{peer} {row['version']}",
            str(row["lines"]),
            row["shows"],
            f"{row['import_seconds']:.2f}",
            f"{row['installed_megabytes']:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    if figures["left_out"]:
        lines.append(f"\nNot installed, so left out: {', '.join(figures['left_out'])}.")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="imports timed for each peer")
    parser.add_argument("--output", type=Path, default=HERE / "results", help="folder to write to")
    options = parser.parse_args()
    figures = measure(options.rounds)
    table = to_markdown(figures)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "peers.md").write_text(table, encoding="utf-8")
    (options.output / "peers.json").write_text(
        json.dumps(figures, indent=2) + "\n", encoding="utf-8"
    )
    print(table, end="")


if __name__ == "__main__":
    main()
