"""Progress: silent, plain lines, or tqdm's bar on a terminal."""

import sys
import types

import pytest

from einprop.training import Record
from einprop.training.progress import reporter


def report(*, shown: bool = True) -> None:
    progress = reporter(2, shown)
    progress.step(0.5)
    progress.epoch(Record(1, 0.5, {}, 0.25))
    progress.close()


def test_plain_lines_on_the_error_stream(capsys: pytest.CaptureFixture[str]) -> None:
    report()
    captured = capsys.readouterr()
    assert captured.err == "epoch 1  loss 0.5  0.25 s\n"
    assert captured.out == ""


def test_silence(capsys: pytest.CaptureFixture[str]) -> None:
    report(shown=False)
    assert capsys.readouterr().err == ""


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    class Bar:
        def __init__(self, total: int, unit: str) -> None:
            calls.append((total, unit))

        def update(self) -> None:
            calls.append("update")

        def set_postfix_str(self, text: str) -> None:
            calls.append(text)

        def close(self) -> None:
            calls.append("close")

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=Bar))
    report()
    assert calls == [(2, "batch"), "update", "epoch 1  loss 0.5  0.25 s", "close"]


def test_lines_on_a_terminal_without_tqdm(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    report()
    assert "epoch 1" in capsys.readouterr().err
