from __future__ import annotations

import pickle

import numpy as np
import pytest

from einprop.data.cifar import CIFAR10_CLASSES, load_cifar10, read_cifar10
from einprop.errors import InputError
from tests.data.cifar import FOLDER, NAMES, batch, batches, write_archive, write_folder


@pytest.fixture
def parts():
    return batches(4)


@pytest.fixture
def contents(parts):
    return {name: batch(rows, labels) for name, (rows, labels) in parts.items()}


def check(split, parts):
    """That the data set has every batch's pixels at their place, in order."""
    rows = np.concatenate([parts[name][0] for name in NAMES])
    labels = [label for name in NAMES for label in parts[name][1]]
    read = np.concatenate([split.train.images, split.test.images])
    assert (len(split.train), len(split.test), read.dtype) == (20, 4, np.uint8)
    np.testing.assert_array_equal([*split.train.labels, *split.test.labels], labels)
    for row, image in zip(rows, read, strict=True):
        for channel in range(3):
            for i, j in ((0, 0), (0, 31), (5, 17), (31, 30)):
                assert image[i, j, channel] == row[1024 * channel + 32 * i + j]


@pytest.mark.parametrize("place", ["folder", "above the folder"])
def test_reads_the_folder(tmp_path, contents, parts, place):
    folder = write_folder(tmp_path, contents)
    check(read_cifar10(folder if place == "folder" else str(tmp_path)), parts)


@pytest.mark.parametrize("mode", ["w:gz", "w", "w:xz"])
def test_reads_the_archive_in_any_order_and_packing(tmp_path, contents, parts, mode):
    shuffled = {name: contents[name] for name in reversed(NAMES)}
    others = {"batches.meta": b"never read", "readme.html": b"<html>"}
    path = write_archive(tmp_path / "archive", others | shuffled, mode)
    check(read_cifar10(path), parts)


def test_finds_the_archive_in_its_folder(tmp_path, contents, parts):
    write_archive(tmp_path / "cifar-10-python.tar.gz", contents)
    check(read_cifar10(tmp_path), parts)


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("key", [str, str.encode])
def test_reads_batches_written_again_by_python_3(tmp_path, parts, protocol, key):
    written = {
        name: pickle.dumps({key("data"): rows, key("labels"): labels}, protocol)
        for name, (rows, labels) in parts.items()
    }
    check(read_cifar10(write_folder(tmp_path, written)), parts)


def test_is_ready_to_train_on(tmp_path, contents, parts):
    train, test = load_cifar10(write_folder(tmp_path, contents), np.float64)
    assert (train["x"].shape, train["t"].shape) == ((20, 3072), (20, 10))
    assert (test["x"].shape, test["x"].dtype) == ((4, 3072), np.float64)
    assert test["x"].max() <= 1.0
    assert test["t"].argmax(axis=1).tolist() == parts["test_batch"][1]
    assert len(CIFAR10_CLASSES) == train["t"].shape[1]


def damaged(name: str, contents: dict[str, bytes]) -> bytes:
    """The content of a batch, spoiled in one way."""
    rows, labels = np.zeros((2, 3072), np.uint8), [0, 9]
    return {
        "cut": contents["test_batch"][:-100],
        "other width": batch(np.zeros((2, 3000), np.uint8), labels),
        "label beyond": batch(rows, [0, 10]),
        "fewer labels": batch(rows, [1]),
        "no data": pickle.dumps({"labels": labels}, 2),
        "no labels": pickle.dumps({"data": rows, "labels": "0 9"}, 2),
        "no dict": pickle.dumps([rows, labels], 2),
    }[name]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cut", "is no whole pickle of data\nthe file is cut off or damaged"),
        ("other width", "holds values of shape 2x3000 as data, not rows of 3072 bytes"),
        ("label beyond", "holds no list of labels 0 to 9"),
        ("fewer labels", "has 2 images, but 1 labels"),
        ("no data", "holds nothing as data, not rows of 3072 bytes"),
        ("no labels", "holds no list of labels 0 to 9"),
        ("no dict", "holds nothing as data, not rows of 3072 bytes"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_names_the_batch_that_is_damaged(tmp_path, contents, name, message, packed):
    contents["data_batch_3"] = damaged(name, contents)
    if packed:
        path = write_archive(tmp_path / "archive.tar.gz", contents)
    else:
        path = write_folder(tmp_path, contents)
    with pytest.raises(InputError) as error:
        read_cifar10(path)
    assert str(error.value) == f"{path}: data_batch_3 {message}"


@pytest.mark.parametrize("packed", [False, True])
def test_names_the_batch_that_is_absent(tmp_path, contents, packed):
    del contents["data_batch_2"]
    if packed:
        path = write_archive(tmp_path / "archive.tar.gz", contents)
    else:
        path = write_folder(tmp_path, contents)
    with pytest.raises(InputError) as error:
        read_cifar10(path)
    assert str(error.value) == f"{path} holds no file data_batch_2"


def test_cut_archive_is_refused(tmp_path, contents):
    whole = write_archive(tmp_path / "archive.tar.gz", contents).read_bytes()
    path = tmp_path / "cut.tar.gz"
    for length in (0, 5, len(whole) // 2, len(whole) - 300):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"cut\.tar\.gz (cannot be read: |holds no file )"):
            read_cifar10(path)


def test_too_large_a_file_is_not_read(tmp_path, contents):
    folder = write_folder(tmp_path, contents)
    with (folder / "data_batch_1").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(InputError) as error:
        read_cifar10(folder)
    assert str(error.value) == (
        f"{folder}: data_batch_1 has {2**40} bytes, too many for a batch of CIFAR-10"
    )


def test_names_of_members_go_nowhere(tmp_path, contents):
    inside = tmp_path / "inside"
    inside.mkdir()
    path = write_archive(inside / "archive.tar.gz", {f"../../{n}": c for n, c in contents.items()})
    read_cifar10(path)
    assert [found.name for found in tmp_path.rglob("*")] == ["inside", "archive.tar.gz"]


def test_absence_says_what_would_do(tmp_path):
    with pytest.raises(InputError) as error:
        read_cifar10(tmp_path)
    assert str(error.value) == (
        f"{tmp_path} is neither the archive cifar-10-python.tar.gz nor the folder {FOLDER}\n"
        'einprop.data.download("cifar10") fetches the archive'
    )
