"""Sizes of installed packages, the machine's description, and the command line."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.harness.machine import describe
from benchmarks.harness.packages import import_seconds, installed_bytes, own_bytes

RUN = Path(__file__).parents[2] / "benchmarks" / "run.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(RUN), *arguments], capture_output=True, text=True, check=False
    )


def test_sizes_are_those_of_the_files() -> None:
    assert own_bytes("numpy") > 1_000_000
    assert installed_bytes("einprop") > own_bytes("numpy")


def test_imports_take_time() -> None:
    assert import_seconds(["numpy"], 1)["numpy"] > 0


def test_the_machine_is_described() -> None:
    found = describe(2, ["numpy", "einprop"])
    assert found["threads"] == 2
    assert found["blas"]
    assert set(found["versions"]) == {"numpy", "einprop", "opt_einsum"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--workloads", "mlp"), "there is no workload mlp, but mlp_small, mlp_wide"),
        (("--only", "tensorflow"), "there is no peer tensorflow, but einprop, numpy, torch"),
    ],
)
def test_unknown_names_are_refused(arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 1
    assert message in done.stderr


def test_the_command_measures_prints_and_keeps(tmp_path: Path) -> None:
    done = run(
        "--only=einprop,numpy",
        "--workloads=mlp_tiny",
        "--rounds=1",
        "--first=1",
        "--threads=1",
        f"--output={tmp_path}",
    )
    assert done.returncode == 0, done.stderr
    assert "| MLP 8-16-4, batch 8" in done.stdout
    assert (tmp_path / "table.md").read_text() == done.stdout
    assert '"name": "mlp_tiny"' in (tmp_path / "table.json").read_text()
