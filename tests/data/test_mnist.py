from __future__ import annotations

import gzip
import hashlib

import numpy as np
import pytest

from einprop.data.mnist import load_mnist, read_labelled_images, read_mnist
from einprop.errors import InputError
from tests.data.idx import idx

# name, md5 of the file as published
PUBLISHED = {
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}


@pytest.fixture
def arrays(rng):
    """Five training examples and two test examples, by the name of their file."""
    return {
        "train-images-idx3-ubyte": rng.integers(256, size=(5, 28, 28), dtype=np.uint8),
        "train-labels-idx1-ubyte": rng.integers(10, size=5, dtype=np.uint8),
        "t10k-images-idx3-ubyte": rng.integers(256, size=(2, 28, 28), dtype=np.uint8),
        "t10k-labels-idx1-ubyte": rng.integers(10, size=2, dtype=np.uint8),
    }


@pytest.fixture
def folder(arrays, tmp_path):
    """A folder of the four files, unpacked."""
    for name, array in arrays.items():
        (tmp_path / name).write_bytes(idx(array))
    return tmp_path


IMAGES = "\nimages are unsigned bytes with three axes, or four with the channels last"


def spelled_with_dots(name: str) -> str:
    return name.replace("-idx", ".idx")


@pytest.mark.parametrize("spell", [str, spelled_with_dots])
@pytest.mark.parametrize("packed", [False, True])
def test_reads_every_spelling(tmp_path, arrays, spell, packed):
    for name, array in arrays.items():
        content = gzip.compress(idx(array)) if packed else idx(array)
        (tmp_path / f"{spell(name)}{'.gz' if packed else ''}").write_bytes(content)
    train, test = read_mnist(tmp_path)
    read = (train.images, train.labels, test.images, test.labels)
    for array, wanted in zip(read, arrays.values(), strict=True):
        assert array.dtype == np.uint8
        np.testing.assert_array_equal(array, wanted)


def test_packing_is_seen_in_the_content_not_in_the_name(folder, arrays):
    path = folder / "train-labels-idx1-ubyte"
    path.write_bytes(gzip.compress(path.read_bytes()))
    np.testing.assert_array_equal(read_mnist(folder).train.labels, arrays[path.name])


def test_load_mnist_is_ready_to_train_on(folder, arrays):
    train, test = load_mnist(str(folder), np.float64)
    assert train["x"].shape == (5, 784)
    np.testing.assert_array_equal(test["x"], arrays["t10k-images-idx3-ubyte"].reshape(2, 784) / 255)
    np.testing.assert_array_equal(train["t"].argmax(axis=1), arrays["train-labels-idx1-ubyte"])


def test_absent_file_is_named(tmp_path):
    with pytest.raises(InputError) as error:
        read_mnist(tmp_path)
    assert str(error.value) == (
        f"{tmp_path} holds no file train-images-idx3-ubyte\n"
        "also read: train-images.idx3-ubyte, train-images-idx3-ubyte.gz, "
        "train-images.idx3-ubyte.gz"
    )


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        (
            "train-images-idx3-ubyte",
            np.zeros((5, 8, 8), np.uint8),
            "PATH holds 5x8x8 values, not images of 28x28",
        ),
        (
            "train-images-idx3-ubyte",
            np.zeros((5, 28), np.uint8),
            f"PATH holds 5x28 values of type uint8, not images{IMAGES}",
        ),
        (
            "train-images-idx3-ubyte",
            np.zeros((5, 28, 28), np.int16),
            f"PATH holds 5x28x28 values of type int16, not images{IMAGES}",
        ),
        (
            "train-labels-idx1-ubyte",
            np.zeros(5, np.float32),
            "PATH holds 5 values of type float32, not a list of labels",
        ),
        (
            "train-labels-idx1-ubyte",
            np.zeros((5, 2), np.uint8),
            "PATH holds 5x2 values of type uint8, not a list of labels",
        ),
        (
            "train-labels-idx1-ubyte",
            np.full(5, 10, np.uint8),
            "PATH holds the label 10, not only 0 to 9",
        ),
        (
            "train-labels-idx1-ubyte",
            np.zeros(4, np.uint8),
            "FOLDER/train-images-idx3-ubyte has 5 images, but PATH 4 labels",
        ),
    ],
)
def test_refuses_files_that_are_not_what_they_say(folder, name, array, message):
    (folder / name).write_bytes(idx(array))
    with pytest.raises(InputError) as error:
        read_mnist(folder)
    wanted = message.replace("PATH", str(folder / name)).replace("FOLDER", str(folder))
    assert str(error.value) == wanted


@pytest.mark.parametrize("shape", [(4, 5, 6), (4, 5, 6, 3)])
def test_files_like_those_of_mnist(tmp_path, rng, shape):
    images = rng.integers(256, size=shape, dtype=np.uint8)
    labels = np.array([0, 300, 7, 2], np.int16)
    paths = [tmp_path / "images", tmp_path / "labels"]
    for path, array in zip(paths, (images, labels), strict=True):
        path.write_bytes(idx(array))
    data = read_labelled_images(*paths)
    np.testing.assert_array_equal(data.images, images)
    assert (data.labels.tolist(), data.classes, data.brightest) == (labels.tolist(), 301, 255)
    assert data.tensors()["t"].shape == (4, 301)
    assert read_labelled_images(*paths, classes=400).classes == 400


def test_published_files(data_folder):
    folder = data_folder("mnist")
    for name, digest in PUBLISHED.items():
        content = (folder / name).read_bytes()
        assert hashlib.md5(content).hexdigest() == digest  # noqa: S324
    train, test = read_mnist(folder)
    assert train.images.shape == (60_000, 28, 28)
    assert test.images.shape == (10_000, 28, 28)
    assert np.bincount(train.labels).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    assert np.bincount(test.labels).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert round(float(train.images.mean()), 4) == 33.3184
