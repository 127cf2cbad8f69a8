from __future__ import annotations

import gzip
import hashlib
import struct

import numpy as np
import pytest

from einprop.data.mnist import load_mnist, read_idx, read_mnist
from einprop.errors import InputError

# name, md5 of the file as published
PUBLISHED = {
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}


def idx(array: np.ndarray) -> bytes:
    """The bytes of an idx file that holds ``array``."""
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


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


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3, 4, 5)])
def test_read_idx_of_any_shape(tmp_path, shape):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    (tmp_path / "file").write_bytes(idx(array))
    np.testing.assert_array_equal(read_idx(tmp_path / "file"), array)


HUGE = 2**32 - 1
HEAD = "is no idx file of unsigned bytes: it begins with"
LEGAL = "\nsuch a file begins with 00 00 08 and its number of axes"
CUT_OFF = "Compressed file ended before the end-of-stream marker was reached"
AGAIN = "\nthe file is cut off or damaged: fetch it again"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", f"PATH {HEAD} nothing{LEGAL}"),
        (b"\0\0\x08", f"PATH {HEAD} 00 00 08{LEGAL}"),
        (b"<html>", f"PATH {HEAD} 3c 68 74 6d{LEGAL}"),
        (b"\0\0\x0d\1\0\0\0\0", f"PATH {HEAD} 00 00 0d 01{LEGAL}"),
        (b"\0\0\x08\2\0\0\0\1", "PATH is cut off: it ends within the sizes of its 2 axes"),
        (
            b"\0\0\x08\1\0\0\0\2\7",
            f"PATH states 2 values, which is 2 bytes, but holds 1{AGAIN}",
        ),
        (
            b"\0\0\x08\2\0\0\0\1\0\0\0\1\7\7\7",
            f"PATH states 1x1 values, which is 1 bytes, but holds 3{AGAIN}",
        ),
        (
            b"\0\0\x08\2" + b"\xff" * 8,
            f"PATH states {HUGE}x{HUGE} values, which is {HUGE**2} bytes, but holds 0{AGAIN}",
        ),
        (
            gzip.compress(b"\0" * 99, mtime=0)[:-9],
            f"PATH cannot be read: {CUT_OFF}",
        ),
    ],
)
def test_refuses_damaged_files(tmp_path, content, message):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_idx(path)
    assert str(error.value) == message.replace("PATH", str(path))


@pytest.mark.parametrize("cut", range(0, 60, 3))
def test_cut_and_garbled_packed_files_are_refused(tmp_path, cut):
    whole = gzip.compress(idx(np.arange(50, dtype=np.uint8)), mtime=0)
    garbled = whole[:cut] + bytes([whole[cut] ^ 0x55]) + whole[cut + 1 :]
    for content in (whole[:cut], garbled):
        (tmp_path / "file").write_bytes(content)
        try:
            array = read_idx(tmp_path / "file")
        except InputError:
            continue
        np.testing.assert_array_equal(array, np.arange(50))  # a header byte that carries nothing


def test_absent_file_is_named(tmp_path):
    with pytest.raises(InputError) as error:
        read_mnist(tmp_path)
    assert str(error.value) == (
        f"{tmp_path} holds no file train-images-idx3-ubyte\n"
        "also read: train-images.idx3-ubyte, train-images-idx3-ubyte.gz, "
        "train-images.idx3-ubyte.gz"
    )


def test_unreadable_path_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere cannot be read: .*No such file"):
        read_idx(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        (
            "train-images-idx3-ubyte",
            np.zeros((5, 8, 8), np.uint8),
            "PATH holds 5x8x8 values, not images of 28x28",
        ),
        (
            "train-labels-idx1-ubyte",
            np.zeros((5, 2), np.uint8),
            "PATH holds 5x2 values, not a list of labels 0 to 9",
        ),
        (
            "train-labels-idx1-ubyte",
            np.full(5, 10, np.uint8),
            "PATH holds 5 values, not a list of labels 0 to 9",
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
