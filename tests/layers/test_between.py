"""Layers for any number of axes between the first and the last."""

import pytest

from einprop.layers import Flatten, GlobalPool, GroupNorm, init


@pytest.mark.parametrize(
    "layer",
    [Flatten(), GlobalPool("max"), GroupNorm(2, epsilon=0.1, gamma=init.zeros)],
    ids=repr,
)
@pytest.mark.parametrize(("axes", "places"), [(3, "i"), (4, "ij"), (6, "ijkl")])
def test_fitting_changes_the_axes_alone(layer, axes, places) -> None:
    fitted = layer.fitted(axes)
    assert fitted.places == places
    assert repr(fitted) == repr(layer)
    assert fitted == layer
    assert layer.places == "ij"


def test_there_may_be_none_between() -> None:
    assert Flatten().fitted(2).places == Flatten().fitted(1).places == ""
