"""What users write, as Pyright and editors see it: no errors in the classes that the pages show."""

from __future__ import annotations

import importlib.util
import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

OWN = Path(__file__).parent / "layers" / "own.py"


def pyright(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pyright", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_classes_of_ones_own_run() -> None:
    assert runpy.run_path(str(OWN))["y"].shape == (2, 3)


def test_classes_of_ones_own_have_no_errors() -> None:
    if importlib.util.find_spec("pyright") is None:
        pytest.skip("needs pyright")
    if pyright("--version").returncode:
        pytest.skip("pyright cannot fetch the checker that it runs")
    found = pyright("--outputjson", "--pythonpath", sys.executable, str(OWN))
    reported = json.loads(found.stdout)["generalDiagnostics"]
    assert [(each["range"]["start"]["line"] + 1, each["message"]) for each in reported] == []


def test_a_wrong_class_is_seen(tmp_path: Path) -> None:
    if importlib.util.find_spec("pyright") is None or pyright("--version").returncode:
        pytest.skip("needs pyright")
    file = tmp_path / "wrong.py"
    text = "import einprop as ep\nprogram = ep.Program('y = x')\nprogram({}, 1)\nprogram.grd()\n"
    file.write_text(text)
    found = pyright("--outputjson", "--pythonpath", sys.executable, str(file))
    lines = [
        each["range"]["start"]["line"] for each in json.loads(found.stdout)["generalDiagnostics"]
    ]
    assert lines == [2, 3]
