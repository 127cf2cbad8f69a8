"""Progress: silent, plain lines, or a bar on a terminal."""

import sys

import numpy as np
import pytest

from einprop.layers import Model
from einprop.program import Program
from einprop.training import SGD, Record, StopAfter, fit
from einprop.training.progress import Bar, Lines, bar, reporter
from einprop.training.training import Training

LOSS = Program("loss = mean[b]((w - x[b])^2)", params="w")


def training(**values: object) -> Training:
    made = Training(
        Model.of(LOSS), {}, SGD(0.1), {}, np.random.default_rng(0),
        {"x": ((1000, 2), "float64")}, batch_size=64, epochs=30,
    )  # fmt: skip
    for name, value in values.items():
        setattr(made, name, value)
    return made


def run(verbose: int) -> None:
    fit(
        LOSS, {"w": np.array(1.0)}, {"x": np.ones(8)}, SGD(0.1), epochs=2, batch_size=2,
        rng=np.random.default_rng(0), callbacks=[StopAfter(7)], verbose=verbose,
    )  # fmt: skip


def test_a_bar_says_how_far_the_epoch_is() -> None:
    assert bar(training(batch=4, seen=256, total=128.0, weight=256), 12345.6) == (
        "epoch 1/30  [#####...............] 4/16  loss 0.5  12,346 examples/s"
    )


def test_a_bar_shows_the_metrics_of_the_epoch_before() -> None:
    records = [Record(1, 0.5, {"validation_loss": 0.25, "error_rate": 0.0123})]
    made = training(epoch=1, batch=16, seen=1000, total=100.0, weight=1000, records=records)
    assert bar(made, 0.0) == (
        "epoch 2/30  [####################] 16/16  loss 0.1  validation_loss 0.25  error_rate 0.0123"
    )


def test_lines_go_to_the_error_stream(capsys: pytest.CaptureFixture[str]) -> None:
    run(2)
    captured = capsys.readouterr()
    first, second, last = captured.err.splitlines()
    assert first.startswith("epoch 1  loss 0  ")
    assert first.endswith(" examples/s")
    assert second.startswith("epoch 2  ")
    assert last == "stopped: 7 steps are taken"
    assert captured.out == ""


def test_silence(capsys: pytest.CaptureFixture[str]) -> None:
    run(0)
    assert capsys.readouterr().err == ""


def test_a_bar_on_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert type(reporter(1)) is Lines
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert type(reporter(1)) is Bar
    assert type(reporter(2)) is Lines
    run(1)
    written = capsys.readouterr().err
    assert "\repoch 1/2  [#####...............] 1/4  loss 0\x1b[K" in written
    # What stays is the lines: each begins where the bar was taken away.
    lines = [line.rpartition("\x1b[K")[2] for line in written.split("\n")[:-1]]
    assert [line.split("  ")[0] for line in lines] == [
        "epoch 1", "epoch 2", "stopped: 7 steps are taken"]  # fmt: skip


def test_a_bar_fits_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    Bar().after_step(training(batch=4, seen=256, total=128.0, weight=256), {})
    assert capsys.readouterr().err == "\repoch 1/30  [#####.\x1b[K"


def test_a_bar_is_taken_away_where_training_breaks_off(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="the loss is inf"):
        fit(
            LOSS, {"w": np.array(1.0)}, {"x": np.zeros(8)}, SGD(1e200), epochs=9, batch_size=2,
            rng=np.random.default_rng(0),
        )  # fmt: skip
    assert capsys.readouterr().err.endswith("\r\x1b[K")
