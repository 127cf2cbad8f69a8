"""The models of characters, in short on a text that repeats; on the real one where slow tests run."""

from __future__ import annotations

import re

import pytest

from tests.examples.process import run

SHORT = ("--steps", 60, "--every", 30, "--width", 16, "--length", 12, "--sample", 40)


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
    options = ("--text", text, "--steps", steps, "--every", steps)
    told = run(name, *options, cwd=tmp_path, timeout=2400)
    assert held_out(told)[-1] < 2.0
