from __future__ import annotations

import numpy as np
import pytest

from einprop.data.arrays import from_arrays, split
from einprop.data.dataset import Dataset
from einprop.errors import InputError


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lists_and_arrays_become_tensors(dtype):
    tensors = from_arrays([[1, 2.5]], np.array([[3.0]]), dtype=dtype)
    assert {name: array.dtype for name, array in tensors.items()} == {"x": dtype, "t": dtype}
    assert tensors["x"].tolist() == [[1.0, 2.5]]


def test_nothing_is_copied_that_fits():
    x, t = np.ones((3, 2), np.float32), np.arange(3)
    tensors = from_arrays(x, t)
    assert tensors["x"] is x
    assert tensors["t"] is t


def test_integers_stay_and_truths_become_numbers():
    tensors = from_arrays(np.array([[4, 2]]), [True])
    assert tensors["x"].dtype.kind == "i"
    assert tensors["t"].tolist() == [1.0]


def test_labels_become_one_hot():
    tensors = from_arrays(np.zeros((2, 1)), [1, 0], classes=2, dtype=np.float64)
    assert tensors["t"].tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert tensors["t"].dtype == np.float64


@pytest.mark.parametrize(
    ("x", "t", "options", "message"),
    [
        (np.zeros((3, 1)), [0, 1], {}, "x has 3 examples, but t has 2"),
        (1.0, [0], {}, "x is a single number: it has no axis of examples"),
        (["a"], [0], {}, "x is <U1, not made of real numbers"),
        ([1j], [0], {}, "x is complex128, not made of real numbers"),
        ([[1], [1, 2]], [0, 1], {}, "x is no array: its rows differ in length"),
        ([0.0], [2], {"classes": 2}, "label 2 names none of 2 classes, 0 to 1"),
        ([0.0], [0.5], {"classes": 2}, "labels must be integers, not float32"),
    ],
)
def test_refuses(x, t, options, message):
    with pytest.raises(InputError) as error:
        from_arrays(x, t, **options)
    assert str(error.value) == message


@pytest.mark.parametrize("parts", [(0.25, 0.1), (10, 4), (0, 0.1), (0.0, 0), (0.5, 10)])
def test_every_example_goes_to_one_part(parts, rng):
    data = {"x": np.arange(80).reshape(40, 2), "t": 2 * np.arange(40)}
    pieces = split(data, rng=rng, development=parts[0], test=parts[1])
    held_out = [part if isinstance(part, int) else round(40 * part) for part in parts]
    assert [len(piece["t"]) for piece in pieces] == [40 - sum(held_out), *held_out]
    for piece in pieces:
        np.testing.assert_array_equal(piece["x"][:, 0], piece["t"])
    assert sorted(t for piece in pieces for t in piece["t"]) == data["t"].tolist()


def test_a_seed_is_a_split():
    data = {"x": np.arange(50)}

    def rows(seed):
        return [list(part["x"]) for part in split(data, rng=np.random.default_rng(seed))]

    assert rows(1) == rows(1)
    assert rows(1) != rows(2)
    assert rows(1)[0] != sorted(rows(1)[0])


def test_parts_are_copies(rng):
    x = np.zeros(10)
    split({"x": x}, rng=rng, development=0, test=0).train["x"][:] = 1.0
    assert not x.any()


def test_images_are_split_with_their_labels(rng):
    images = np.arange(20, dtype=np.uint8).reshape(20, 1, 1)
    parts = split(Dataset(images, np.arange(20), 20, classes=20), rng=rng, test=5)
    assert [len(part) for part in parts] == [13, 2, 5]
    assert (parts.development.classes, parts.test.brightest) == (20, 20)
    for part in parts:
        np.testing.assert_array_equal(part.images[:, 0, 0], part.labels)


PART = "\nit is a number of examples, or a part below 1 of them"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"test": 1.0}, f"test is 1.0{PART}"),
        ({"development": -1}, f"development is -1{PART}"),
        ({"development": float("nan")}, f"development is nan{PART}"),
        ({"test": 10}, "development 1 and test 10 of 10 examples leave none to learn from"),
        (
            {"rng": 3},
            "rng must be a numpy Generator, not int\nwrite numpy.random.default_rng(seed)",
        ),
    ],
)
def test_refuses_such_parts(options, message, rng):
    with pytest.raises(InputError) as error:
        split({"x": np.zeros(10)}, **{"rng": rng, **options})
    assert str(error.value) == message
