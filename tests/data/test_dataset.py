from __future__ import annotations

import numpy as np
import pytest

from einprop.data.dataset import Dataset, Split
from einprop.errors import InputError


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tensors(dtype, rng):
    images = rng.integers(256, size=(3, 4, 5), dtype=np.uint8)
    data = Dataset(images, np.array([7, 0, 9], np.uint8), brightest=255)
    tensors = data.tensors(dtype)
    assert len(data) == 3
    assert {name: tensor.dtype for name, tensor in tensors.items()} == {"x": dtype, "t": dtype}
    np.testing.assert_allclose(tensors["x"], images.reshape(3, 20) / 255, rtol=1e-7)
    assert tensors["t"].argmax(axis=1).tolist() == [7, 0, 9]


def test_empty_data_set_has_empty_tensors():
    data = Dataset(np.zeros((0, 2, 2), np.uint8), np.zeros(0, np.uint8), brightest=1)
    assert {name: tensor.shape for name, tensor in data.tensors().items()} == {
        "x": (0, 4),
        "t": (0, 10),
    }


def test_split_unpacks():
    data = Dataset(np.zeros((1, 2, 2), np.uint8), np.zeros(1, np.uint8), brightest=1)
    train, test = Split(data, data)
    assert train is test is data


def test_every_image_needs_a_label():
    with pytest.raises(InputError, match=r"^2 images have 1 labels$"):
        Dataset(np.zeros((2, 2, 2), np.uint8), np.zeros(1, np.uint8), brightest=1)
