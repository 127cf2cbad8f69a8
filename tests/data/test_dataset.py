from __future__ import annotations

import numpy as np
import pytest

from einprop.data.dataset import Dataset, Split
from einprop.errors import InputError, ShapeError


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


@pytest.fixture
def coloured(rng):
    images = rng.integers(256, size=(6, 4, 5, 3), dtype=np.uint8)
    return Dataset(images, np.arange(6), brightest=255, classes=6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_colours(coloured, dtype):
    flat, image = coloured.tensors(dtype), coloured.tensors(dtype, flat=False)
    assert (flat["x"].shape, image["x"].shape) == ((6, 60), (6, 4, 5, 3))
    assert flat["x"].dtype == image["x"].dtype == dtype
    np.testing.assert_array_equal(flat["x"].reshape(6, 4, 5, 3), image["x"])
    np.testing.assert_allclose(image["x"], coloured.images / 255, rtol=1e-7)
    assert flat["t"].shape == (6, 6)


def test_raw_pixels_minus_their_mean(coloured):
    mean = coloured.mean_image()
    assert (mean.shape, mean.dtype) == ((4, 5, 3), np.float64)
    raw = coloured.tensors(np.float64, raw=True, mean=mean, flat=False)["x"]
    np.testing.assert_allclose(raw, coloured.images - mean, rtol=1e-12)
    np.testing.assert_allclose(raw.sum(axis=0), 0.0, atol=1e-10)
    scaled = coloured.tensors(np.float64, mean=mean, flat=False)["x"]
    np.testing.assert_allclose(scaled, raw / 255, rtol=1e-12)
    lifted = coloured.tensors(np.float64, raw=True, mean=128, flat=False)["x"]
    np.testing.assert_allclose(lifted, coloured.images - 128.0)


def test_images_without_colours_have_one_channel(rng):
    images = rng.integers(256, size=(2, 4, 5), dtype=np.uint8)
    tensors = Dataset(images, np.array([1, 0]), brightest=255).tensors(flat=False, raw=True)
    assert tensors["x"].shape == (2, 4, 5, 1)
    np.testing.assert_array_equal(tensors["x"][..., 0], images)


def test_integer_labels(coloured):
    labels = coloured.tensors(integer_labels=True)["t"]
    assert labels.dtype == np.intp
    assert labels.tolist() == list(range(6))


@pytest.mark.parametrize("integer_labels", [False, True])
def test_a_label_beyond_the_classes_is_refused(integer_labels):
    data = Dataset(np.zeros((1, 2, 2), np.uint8), np.array([3]), brightest=1, classes=3)
    with pytest.raises(InputError, match=r"^label 3 names none of 3 classes, 0 to 2$"):
        data.tensors(integer_labels=integer_labels)


def test_take_keeps_images_and_labels_together(coloured):
    taken = coloured.take(np.array([4, 1]))
    np.testing.assert_array_equal(taken.images, coloured.images[[4, 1]])
    assert (taken.labels.tolist(), taken.classes, len(coloured.take(slice(2)))) == ([4, 1], 6, 2)


def test_a_mean_has_the_shape_of_an_image(coloured):
    with pytest.raises(ShapeError) as error:
        coloured.tensors(mean=np.zeros(60))
    assert str(error.value) == (
        "a mean of shape (60,) does not fit images of shape (4, 5, 3)\n"
        "it has the shape of one image: train.mean_image()"
    )


def test_nothing_has_no_mean(coloured):
    with pytest.raises(InputError, match=r"^no images have no mean$"):
        coloured.take(slice(0)).mean_image()


@pytest.mark.parametrize("shape", [(2,), (2, 3), (2, 3, 3, 3, 3)])
def test_images_have_three_or_four_axes(shape):
    with pytest.raises(InputError) as error:
        Dataset(np.zeros(shape, np.uint8), np.zeros(2, np.uint8), brightest=1)
    assert str(error.value) == (
        f"images of shape {shape} are no images\n"
        "the axes are examples, height, width and, for colours, channels"
    )
