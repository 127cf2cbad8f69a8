"""Signals and gradients: the figures hold what a diagnosis and an inspection measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from einprop import Program, inspect
from einprop.errors import InputError
from einprop.layers import Affine, ReLU, losses
from einprop.plots import gradient_norms, histograms, signals
from einprop.training import Diagnosis, diagnose

pytest.importorskip("matplotlib", reason="matplotlib is not installed")


@pytest.fixture
def dying(rng):
    """A network whose second ReLU nothing passes: model, parameters and a batch."""
    model = Affine(6) >> ReLU() >> Affine(5) >> ReLU() >> Affine(3) >> losses.CrossEntropy()
    x, t = rng.normal(size=(8, 4)), np.eye(3)[rng.integers(3, size=8)]
    parameters = model.init(rng, x=x)
    parameters["B2"][:] = -100
    return model, parameters, {"x": x, "t": t}


def test_norms_and_zeros_are_those_of_the_diagnosis(dying) -> None:
    found = diagnose(*dying)
    left, right = signals(found).axes
    names = [signal.name for signal in found.signals]
    assert [label.get_text() for label in left.get_yticklabels()] == names
    points = {line.get_label(): line for line in left.lines}
    for label, field in (("norm", "norm"), ("norm of the gradient", "gradient")):
        values = np.array([getattr(s, field) for s in found.signals])
        line = points[label]
        np.testing.assert_array_equal(line.get_xdata(), np.where(values > 0, values, np.nan))
        np.testing.assert_array_equal(line.get_ydata(), range(len(names)))
    crosses = [list(line.get_ydata()) for line in left.lines if line.get_marker() == "x"]
    assert crosses == [
        [k for k, s in enumerate(found.signals) if s.norm == 0],
        [k for k, s in enumerate(found.signals) if s.gradient == 0],
    ]
    assert crosses[1]
    np.testing.assert_allclose(
        [bar.get_width() for bar in right.patches], [100 * s.zeros for s in found.signals]
    )
    hatched = [k for k, bar in enumerate(right.patches) if bar.get_hatch()]
    assert hatched == [k for k, s in enumerate(found.signals) if s.zeros == 1]


def test_layers_at_which_something_dies_are_bold(dying) -> None:
    found = diagnose(*dying)
    left, _ = signals(found).axes
    bold = [
        label.get_text() for label in left.get_yticklabels() if label.get_fontweight() == "bold"
    ]
    assert bold == [s.name for s in found.signals if s.layer in found.layers]
    assert "loss" not in bold
    assert left.get_ylim()[0] > left.get_ylim()[1]  # The first tensor stands at the top.


def test_gradients_over_steps(dying) -> None:
    model, parameters, data = dying
    parameters["B2"][:] = 0
    one = diagnose(model, parameters, data)
    dead = {**parameters, "B2": np.full(5, -100.0)}
    two = diagnose(model, dead, data)
    figure = gradient_norms([one, two], [10, 20])
    (panel,) = figure.axes
    lines = {line.get_label(): line for line in panel.lines}
    assert list(lines) == ["W1", "B1", "W2", "B2", "W3", "B3"]
    for name, line in lines.items():
        before, after = ({s.name: s.gradient for s in d.signals}[name] for d in (one, two))
        assert list(line.get_xdata()) == [10, 20]
        np.testing.assert_array_equal(line.get_ydata(), [before, after or np.nan])
    assert np.isnan(lines["W1"].get_ydata()[1])
    assert panel.get_yscale() == "log"
    (panel,) = gradient_norms([one, two], names=["h1"]).axes
    assert [line.get_label() for line in panel.lines] == ["h1"]
    assert list(panel.lines[0].get_xdata()) == [0, 1]


def test_lines_differ_without_colour(dying) -> None:
    (panel,) = gradient_norms([diagnose(*dying)]).axes
    looks = [(line.get_marker()) for line in panel.lines]
    assert len(set(looks)) == len(looks)


def test_histograms_count_every_entry(dying) -> None:
    model, parameters, data = dying
    found = inspect(model, parameters, **data)
    figure = histograms(found, ["W1", "h2"])
    above = {panel.get_title().split("\n")[0]: panel for panel in figure.axes[:2]}
    assert list(above) == ["W1[i,j]", "h2[b,k]"]
    for panel, name in zip(figure.axes, ("W1", "h2", "W1", "h2"), strict=True):
        array = found[name].value if panel in above.values() else found[name].gradient
        assert sum(bar.get_height() for bar in panel.patches) == array.size
        assert f"{np.mean(array == 0):.0%} are 0" in panel.get_title()
    assert figure.axes[1].get_title().endswith("100% are 0,\n5 of 5 units always")


def test_dead_units_are_counted(dying) -> None:
    model, parameters, data = dying
    parameters["B2"][:] = 0
    parameters["B1"][:] = [-100, 100, -100, 100, 100, 100]
    found = inspect(model, parameters, **data)
    above, below = histograms(found, ["h1"]).axes
    assert above.get_title().endswith("33% are 0,\n2 of 6 units always")
    alive, _ = histograms(found, ["y"]).axes
    assert "units" not in alive.get_title()
    still = int((found["h1"].gradient == 0).all(axis=0).sum())
    assert ("units" in below.get_title()) == (still > 0)


def test_histograms_show_what_has_a_gradient(dying) -> None:
    model, parameters, data = dying
    figure = histograms(inspect(model, parameters, **data))
    shown = [panel for panel in figure.axes if panel.axison]
    assert len(shown) == 2 * len(["x", "t", "W1", "B1", "W2", "B2", "W3", "B3", "h1", "h2", "y"])
    positions = inspect(Program("y = E[tok[t]]^2 u[t]"), E=[1.0, 2.0], tok=[1, 1], u=[1.0, 1.0])
    figure = histograms(positions, ["tok"])
    assert [panel.axison for panel in figure.axes] == [True, False]


def test_refusals(dying) -> None:
    found = diagnose(*dying)
    with pytest.raises(InputError, match="no signal"):
        signals(Diagnosis((), (), ()))
    with pytest.raises(InputError, match="2 diagnoses and 1 steps"):
        gradient_norms([found, found], [1])
    with pytest.raises(InputError, match="no gradient of V"):
        gradient_norms([found], names=["V"])
    with pytest.raises(InputError, match="0 diagnoses"):
        gradient_norms([])
    model, parameters, data = dying
    inspection = inspect(model, parameters, **data)
    with pytest.raises(InputError, match=r"no tensor V(.|\n)*W1"):
        histograms(inspection, ["V"])
    with pytest.raises(InputError, match="no tensor to show"):
        histograms(inspection, [])


def test_gradients_that_are_all_zero_have_a_figure(dying) -> None:
    found = diagnose(*dying)
    still = replace(found, signals=tuple(replace(s, gradient=0.0) for s in found.signals))
    signals(still).canvas.draw()
    gradient_norms([still, still]).canvas.draw()
