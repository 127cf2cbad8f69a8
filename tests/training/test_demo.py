"""The demonstration does what it says: equations, backward, 96 % in seconds, a curve on disk."""

import io
from pathlib import Path

import pytest

from einprop.training.demo import run


def test_demo(tmp_path: Path) -> None:
    out = io.StringIO()
    history = run(tmp_path / "curve.txt", verbose=False, stream=out)
    text = out.getvalue()
    assert "h1[b,j] = tanh(x[b,i] W1[i,j] + B1[j])" in text
    assert "W1.grad[i,j] +=" in text
    assert history.last.metrics["accuracy"] >= 0.96
    assert f"Learning curve written to {tmp_path / 'curve.txt'}" in text
    assert (tmp_path / "curve.txt").read_text().startswith("epoch")


def test_progress_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path / "curve.txt", epochs=2)
    captured = capsys.readouterr()
    assert "epoch 2" in captured.err
    assert "Held-out accuracy" in captured.out
