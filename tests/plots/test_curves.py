"""Learning curves: what is drawn is what was recorded, and where it is drawn."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from einprop.errors import InputError, UnsupportedError
from einprop.plots import learning_curves
from einprop.training import History, Record

pytest.importorskip("matplotlib", reason="matplotlib is not installed")


def recorded(count: int, **columns) -> History:
    """A history of so many epochs; ``columns`` give a number for each epoch."""
    rows = [{name: float(value(k)) for name, value in columns.items()} for k in range(count)]
    return History(tuple(Record(k + 1, row.pop("loss"), row) for k, row in enumerate(rows)))


FULL = recorded(
    6,
    loss=lambda k: 1 / (k + 1),
    training_loss=lambda k: 0.9 / (k + 1),
    training_accuracy=lambda k: 0.9 + k / 100,
    validation_loss=lambda k: 1.1 / (k + 1),
    accuracy=lambda k: 0.8 + k / 100,
)


def drawn(panel) -> dict[str, tuple[list[float], list[float]]]:
    """The lines of a panel that have a label."""
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata()))
        for line in panel.lines
        if not line.get_label().startswith("_")
    }


def test_every_column_is_drawn_over_its_epochs() -> None:
    loss, accuracy = learning_curves(FULL).axes
    epochs = [1, 2, 3, 4, 5, 6]
    assert drawn(loss) == {
        "training, before each step": (epochs, FULL.column("loss")),
        "training": (epochs, FULL.column("training_loss")),
        "validation": (epochs, FULL.column("validation_loss")),
    }
    assert drawn(accuracy) == {
        "training": (epochs, FULL.column("training_accuracy")),
        "validation": (epochs, FULL.column("accuracy")),
    }
    assert (loss.get_xlabel(), loss.get_ylabel()) == ("epoch", "loss")
    assert accuracy.get_ylabel() == "accuracy"
    assert [text.get_text() for text in accuracy.get_legend().get_texts()] == list(drawn(accuracy))


def test_training_and_validation_differ_without_colour() -> None:
    loss, _ = learning_curves(FULL).axes
    looks = {(line.get_linestyle(), line.get_marker()) for line in loss.lines}
    assert len(looks) == 3


def test_panels_stand_side_by_side() -> None:
    figure = learning_curves(FULL)
    left, right = (panel.get_position() for panel in figure.axes)
    assert left.x1 < right.x0
    assert left.y0 == right.y0


def test_many_metrics_take_more_rows_and_leave_no_empty_frame() -> None:
    columns = {name: (lambda k: k) for name in ("loss", "a_b", "c", "d")}
    figure = learning_curves(recorded(3, **columns))
    shown = [panel for panel in figure.axes if panel.axison]
    assert [panel.get_ylabel() for panel in shown] == ["loss", "a b", "c", "d"]


def noisy(k: int) -> float:
    return 0.9 + 0.02 * (k % 2) + 0.0001 * k


def test_noisy_curves_are_averaged_and_stay_visible() -> None:
    history = recorded(40, loss=lambda k: 1 / (k + 1), accuracy=noisy)
    loss, accuracy = learning_curves(history).axes
    assert list(drawn(loss)) == ["training"]
    ((label, (_, smooth)),) = drawn(accuracy).items()
    values = np.array(history.column("accuracy"))
    assert label == "validation, mean of 5 epochs"
    np.testing.assert_array_equal(accuracy.lines[0].get_ydata(), values)
    np.testing.assert_allclose(smooth[10], values[8:13].mean())
    np.testing.assert_allclose(smooth[1], values[:3].mean())
    assert smooth[0] == values[0]


def test_averaging_is_as_wide_as_wanted() -> None:
    history = recorded(40, loss=noisy)
    for smooth, label in ((1, "training"), (8, "training, mean of 9 epochs")):
        (panel,) = learning_curves(history, smooth=smooth).axes
        assert list(drawn(panel)) == [label]


def test_what_is_not_finite_leaves_a_gap() -> None:
    history = History((Record(1, 1.0), Record(2, float("nan")), Record(3, 0.5)))
    (panel,) = learning_curves(history).axes
    np.testing.assert_array_equal(panel.lines[0].get_ydata(), [1, np.nan, 0.5])


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no epoch"):
        learning_curves(History())
    with pytest.raises(InputError, match="1 or more"):
        learning_curves(FULL, smooth=0)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(UnsupportedError, match=r'pip install "einprop\[plot\]"'):
        learning_curves(FULL)


@pytest.mark.parametrize(
    ("suffix", "head"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")]
)
def test_the_suffix_names_the_format(tmp_path, suffix: str, head: bytes) -> None:
    path = tmp_path / f"curve.{suffix}"
    figure = learning_curves(FULL, path=path)
    assert path.read_bytes().startswith(head)
    figure.axes[0].set_yscale("log")  # It is the caller's.


def test_no_window_and_no_global_state() -> None:
    learning_curves(FULL)
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()
