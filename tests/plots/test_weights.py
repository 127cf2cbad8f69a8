"""Weights as images: every entry is where it belongs, on a scale symmetric around 0."""

from __future__ import annotations

import numpy as np
import pytest

from einprop.errors import InputError, ShapeError
from einprop.plots import weight_images

pytest.importorskip("matplotlib", reason="matplotlib is not installed")


def mosaic(figure) -> np.ndarray:
    return np.ma.filled(figure.axes[0].images[0].get_array(), np.nan)


@pytest.mark.parametrize(
    ("units", "shape"), [(1, (3, 4)), (10, (8, 8)), (32, (28, 28)), (7, (2, 9))]
)
def test_each_column_is_an_image_in_the_order_of_reading(rng, units, shape) -> None:
    weights = rng.normal(size=(shape[0] * shape[1], units))
    drawn = mosaic(weight_images(weights, shape))
    rows = [row for row in drawn if np.isfinite(row).any()]
    assert len(rows) % shape[0] == 0
    found = []
    for start in range(0, len(rows), shape[0]):
        band = np.array(rows[start : start + shape[0]])
        filled = np.flatnonzero(np.isfinite(band).all(axis=0))
        for left in range(0, len(filled), shape[1]):
            columns = filled[left : left + shape[1]]
            assert np.array_equal(columns, np.arange(columns[0], columns[0] + shape[1]))
            found.append(band[:, columns])
    np.testing.assert_array_equal(found, weights.T.reshape(-1, *shape))


def test_the_scale_is_symmetric_and_shared(rng) -> None:
    weights = rng.normal(size=(6, 4))
    weights[2, 1] = -7
    figure = weight_images(weights, (2, 3))
    assert figure.axes[0].images[0].get_clim() == (-7, 7)
    assert figure.axes[1].get_ylabel() == "weight"
    assert weight_images(weights, (2, 3), limit=0.5).axes[0].images[0].get_clim() == (-0.5, 0.5)
    assert weight_images(np.zeros((6, 4)), (2, 3)).axes[0].images[0].get_clim() == (-1, 1)
    weights[0, 0] = np.inf
    assert weight_images(weights, (2, 3)).axes[0].images[0].get_clim() == (-7, 7)


def test_titles_stand_above_their_images(rng) -> None:
    weights = rng.normal(size=(64, 10))
    figure = weight_images(weights, (8, 8), titles=[f"class {k}" for k in range(10)])
    drawn = mosaic(figure)
    for unit, text in enumerate(figure.axes[0].texts):
        assert text.get_text() == f"class {unit}"
        x, y = text.get_position()
        image = weights[:, unit].reshape(8, 8)
        assert np.isnan(drawn[int(y), int(x)])
        first = int(y) + 1
        while np.isnan(drawn[first, int(x)]):
            first += 1
        np.testing.assert_array_equal(drawn[first : first + 8, int(x)], image[:, int(x) % 9])


def test_images_in_a_row() -> None:
    weights = np.ones((4, 6))
    assert mosaic(weight_images(weights, (2, 2), across=6)).shape == (3, 17)
    assert mosaic(weight_images(weights, (2, 2), across=2)).shape == (9, 5)


def test_refusals() -> None:
    with pytest.raises(ShapeError, match="no matrix"):
        weight_images(np.ones(4), (2, 2))
    with pytest.raises(ShapeError, match=r"64 weights is no image of shape \(28, 28\)"):
        weight_images(np.ones((64, 3)), (28, 28))
    with pytest.raises(InputError, match="2 titles for 3 units"):
        weight_images(np.ones((4, 3)), (2, 2), titles=["a", "b"])
    for wrong in ({"across": 0}, {"limit": 0.0}, {"limit": -1.0}):
        with pytest.raises(InputError, match="positive"):
            weight_images(np.ones((4, 3)), (2, 2), **wrong)
