from __future__ import annotations

import hashlib

import numpy as np

from einprop.data.digits import load_digits, read_digits


def in_published_order() -> tuple[np.ndarray, np.ndarray]:
    """All images and labels, the two parts put together again."""
    train, test = read_digits()
    held_out = np.arange(1797) % 7 == 0
    images, labels = np.empty((1797, 64), np.uint8), np.empty(1797, np.uint8)
    for part, rows in ((test, held_out), (train, ~held_out)):
        images[rows], labels[rows] = part.images.reshape(-1, 64), part.labels
    return images, labels


def test_digits_are_the_published_ones():
    images, labels = in_published_order()
    # of scikit-learn 1.9's load_digits(), as unsigned bytes
    digests = [hashlib.md5(array.tobytes()).hexdigest() for array in (images, labels)]  # noqa: S324
    assert digests == ["fa70cba135d4cdd4cde65da70dbffde2", "96ecbac7ce6c9c7e9f9f82160cffba40"]
    # the counts that the UCI repository states for its test set
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (images.min(), images.max()) == (0, 16)


def test_every_class_is_held_out_about_alike():
    held_out = np.bincount(read_digits().test.labels)
    assert held_out.min() >= 22
    assert held_out.max() <= 32


def test_load_digits_is_ready_to_train_on():
    train, test = load_digits(np.float64)
    for tensors, examples in ((train, 1540), (test, 257)):
        assert tensors["x"].shape == (examples, 64)
        assert tensors["t"].shape == (examples, 10)
        assert (tensors["x"].min(), tensors["x"].max()) == (0.0, 1.0)
        assert tensors["x"].dtype == tensors["t"].dtype == np.float64
    assert load_digits()[0]["x"].dtype == np.float32
