from __future__ import annotations

import numpy as np
import pytest

from einprop.data.labels import one_hot
from einprop.errors import InputError


@pytest.mark.parametrize("shape", [(0,), (6,), (2, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
def test_one_at_the_label(shape, dtype, rng):
    labels = rng.integers(4, size=shape, dtype=np.uint8)
    rows = one_hot(labels, 4, dtype)
    assert rows.dtype == dtype
    assert rows.shape == (*shape, 4)
    assert (rows.sum(axis=-1) == 1).all()
    assert (rows.argmax(axis=-1) == labels).all()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 3, 4], "label 3 names none of 3 classes, 0 to 2"),
        ([-1], "label -1 names none of 3 classes, 0 to 2"),
        ([0.0], "labels must be integers, not float64"),
        ([True], "labels must be integers, not bool"),
    ],
)
def test_refuses(labels, message):
    with pytest.raises(InputError) as error:
        one_hot(labels, 3)
    assert str(error.value) == message
