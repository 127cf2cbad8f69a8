"""History as a table, a text curve and an image."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from einprop.errors import InputError
from einprop.training import History, Record

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
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    written = HISTORY.plot(tmp_path / "curve.png")
    assert written == tmp_path / "curve.txt"
    assert "epoch" in written.read_text()


@pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed"
)
def test_plot_with_matplotlib_is_an_image(tmp_path: Path) -> None:
    written = HISTORY.plot(tmp_path / "curve.png")
    assert written.read_bytes().startswith(b"\x89PNG")


def test_an_empty_history_is_written_as_text(tmp_path: Path) -> None:
    assert History().plot(tmp_path / "curve.png") == tmp_path / "curve.txt"


def judged(*numbers: tuple[float, float, float]) -> History:
    """Loss, validation loss and accuracy of each epoch."""
    return History(
        tuple(
            Record(k, loss, {"validation_loss": judged, "accuracy": right}, 0.25)
            for k, (loss, judged, right) in enumerate(numbers, 1)
        )
    )


def test_best_epoch() -> None:
    history = judged((0.9, 0.8, 0.5), (0.5, 0.4, 0.8), (0.3, 0.6, 0.9), (0.4, 0.4, 0.9))
    assert history.best().epoch == 2
    assert history.best("loss").epoch == 3
    assert history.best("accuracy").epoch == 3
    assert HISTORY.best().epoch == 3
    with pytest.raises(InputError, match="no error_rate was recorded"):
        history.best("error_rate")
    with pytest.raises(InputError, match="finite"):
        History((Record(1, float("nan")),)).best()
    with pytest.raises(InputError, match="finite"):
        History().best()


def rows_of(html: str) -> list[list[str]]:
    cells = (re.findall("<td.*?</td>", row) for row in re.findall("<tr>.*?</tr>", html)[1:])
    return [[re.sub("<.*?>", "", cell) for cell in row] for row in cells]


def test_html_marks_the_best_and_the_last_epoch() -> None:
    history = judged((0.9, 0.8, 0.5), (0.5, 0.4, 0.8), (0.3, 0.6, 0.9))
    html = history._repr_html_()
    assert rows_of(html) == [
        ["1", "0.9", "0.8", "0.5", "0.25", ""],
        ["2", "0.5", "0.4", "0.8", "0.25", "best"],
        ["3", "0.3", "0.6", "0.9", "0.25", "last"],
    ]
    assert re.findall("<b>([^<]*)</b></td></tr>", html) == ["best", "last"]
    assert rows_of(HISTORY._repr_html_())[-1][-1] == "best, last"
    assert rows_of(History()._repr_html_()) == []


def test_html_draws_a_line_for_each_number() -> None:
    html = judged((0.9, 0.8, 0.5), (0.5, float("nan"), 0.8), (0.1, 0.6, 0.9))._repr_html_()
    lines = [
        [tuple(map(float, point.split(","))) for point in points.split()]
        for points in re.findall('points="([^"]*)"', html)
    ]
    assert len(lines) == 3
    loss, validated, accuracy = lines
    assert [x for x, _ in loss] == [3.0, 60.0, 117.0]
    assert [x for x, _ in validated] == [3.0, 117.0]  # What is no number leaves no point.
    assert loss[0][1] == 3.0
    assert loss[1][1] == 12.0
    assert loss[2][1] == 21.0
    assert accuracy[0][1] > accuracy[1][1] > accuracy[2][1]
    assert "script" not in html
    assert "http" not in html


def test_html_of_many_epochs_is_thinned() -> None:
    long = History(tuple(Record(n + 1, abs(n - 333) + 1.0) for n in range(1000)))
    shown = rows_of(long._repr_html_())
    assert len(shown) <= 42
    assert [row[0] for row in shown if row[-1]] == ["334", "1000"]


def test_html_is_escaped() -> None:
    history = History((Record(1, 1.0, {"<b>": 1.0}), Record(2, 0.5, {"<b>": 0.5})))
    assert "&lt;b&gt;" in history._repr_html_()
    assert "<b><b>" not in history._repr_html_()
