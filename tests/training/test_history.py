"""History as a table, a text curve and an image."""

import importlib.util
from pathlib import Path

import pytest

from einprop.training import History, Record
from einprop.training import history as module

HISTORY = History(
    tuple(Record(n, 1 / n, {"error_rate": 0.1 / n}, seconds=0.5) for n in range(1, 4))
)


def test_table() -> None:
    assert str(HISTORY) == (
        "epoch    loss  error_rate  seconds\n"
        "    1       1         0.1     0.50\n"
        "    2     0.5        0.05     0.50\n"
        "    3  0.3333     0.03333     0.50"
    )


def test_columns() -> None:
    assert HISTORY.columns == ("loss", "error_rate")
    assert HISTORY.column("loss") == [1.0, 0.5, 1 / 3]
    assert HISTORY.last.epoch == 3


def test_an_empty_history_prints() -> None:
    assert str(History()) == "epoch  loss  seconds"
    assert History().curve() == "loss"


def test_record_is_one_line() -> None:
    assert str(Record(3, 0.12345, {"error_rate": 0.05}, 0.2)) == (
        "epoch 3  loss 0.1235  error_rate 0.05  0.20 s"
    )


def test_curve_has_a_bar_for_each_epoch() -> None:
    assert HISTORY.curve("error_rate").splitlines() == [
        "error_rate",
        "epoch 1  " + "#" * 40 + " 0.1",
        "epoch 2  " + "#" * 20 + " 0.05",
        "epoch 3  " + "#" * 13 + " 0.03333",
    ]


def test_long_curves_are_thinned() -> None:
    long = History(tuple(Record(n + 1, 1.0) for n in range(1000)))
    assert len(long.curve().splitlines()) == 41


def test_plot_as_text_by_suffix(tmp_path: Path) -> None:
    written = HISTORY.plot(tmp_path / "curve.txt")
    assert written == tmp_path / "curve.txt"
    assert written.read_text() == f"{HISTORY}\n\n{HISTORY.curve()}\n"


def test_plot_without_matplotlib_is_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_import", lambda _name: None)
    written = HISTORY.plot(tmp_path / "curve.png")
    assert written == tmp_path / "curve.txt"
    assert "epoch" in written.read_text()


@pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed"
)
def test_plot_with_matplotlib_is_an_image(tmp_path: Path) -> None:
    written = HISTORY.plot(tmp_path / "curve.png")
    assert written.read_bytes().startswith(b"\x89PNG")
