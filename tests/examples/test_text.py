"""The models of characters, in short on a text that repeats; on the real one where slow tests run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHORT = ("--steps", 60, "--every", 30, "--width", 16, "--length", 12, "--sample", 40)


def run(name: str, *arguments: object, cwd: Path) -> str:
    """What an example prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=2400,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def held_out(told: str) -> list[float]:
    """Nats per character on the held-out text."""
    return [float(found) for found in re.findall(r"^step .*held out (\S+)", told, re.MULTILINE)]


@pytest.mark.parametrize(
    ("name", "others", "bound", "equation"),
    [
        ("text_lstm.py", (), 2.4, "c[b,u,j] = sigmoid(a[b,u,1,j]) c[b,u-1,j] + "),
        ("text_gpt.py", ("--blocks", 1), 1.6, "softmax[w](where([w <= u], Q[b,u,h,d] K[b,w,h,d]"),
    ],
)
def test_learns_a_text_that_repeats(name, others, bound, equation, tmp_path):
    (tmp_path / "text").write_text("to be or not to be, that is the question: " * 60)
    told = run(name, "--text", "text", *SHORT, *others, cwd=tmp_path)
    assert equation in told
    first, last = held_out(told)
    assert last < first
    assert last < bound  # 15 kinds of characters: drawn evenly they take 2.71
    sample = told.partition("a sample:\n")[2]
    assert len(sample.rstrip("\n")) <= 41
    assert set(sample) <= set("to be or not to be, that is the question: \n")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["text_lstm.py", "text_gpt.py"])
def test_below_two_nats_on_tinyshakespeare(name, data_folder, tmp_path):
    text = data_folder("tinyshakespeare") / "input.txt"
    steps = {"text_lstm.py": 1500, "text_gpt.py": 750}[name]
    told = run(name, "--text", text, "--steps", steps, "--every", steps, cwd=tmp_path)
    assert held_out(told)[-1] < 2.0
