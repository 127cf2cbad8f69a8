"""Options of layers: what is taken, and what is said of what is not."""

from collections.abc import Callable

import numpy as np
import pytest

from einprop.errors import InputError
from einprop.layers.options import integer, per_axis, positive, within


def test_what_is_taken() -> None:
    assert integer("groups", np.int64(3)) == 3
    assert (
        per_axis("kernel", 3, 2) == per_axis("kernel", (3, 3), 2) == per_axis("k", [3, 3], 2) == 3
    )
    assert per_axis("padding", (0, 1), 2, 0) == (0, 1)
    assert positive("epsilon", 1) == 1.0
    assert within("rate", np.float32(0.5), 0, 1) == 0.5


REFUSED = {
    "zero": (lambda: integer("stride", 0), "stride is 0\nit is an integer, 1 or more"),
    "a truth value": (
        lambda: integer("groups", True),
        "groups is True\nit is an integer, 1 or more",
    ),
    "text": (lambda: per_axis("kernel", "a", 1), "kernel is 'a'\nit is an integer, 1 or more"),
    "one of two": (
        lambda: per_axis("stride", (1, 0), 2),
        "stride is 0\nit is an integer, 1 or more",
    ),
    "three for two": (
        lambda: per_axis("kernel", (1, 2, 3), 2),
        "kernel is (1, 2, 3)\nit is an integer, 1 or more, or 2 of them",
    ),
    "negative": (
        lambda: per_axis("padding", -1, 2, 0),
        "padding is -1\nit is an integer, 0 or more, or 2 of them",
    ),
    "nothing": (lambda: positive("epsilon", 0), "epsilon is 0\nit is a number above 0"),
    "no number": (
        lambda: positive("epsilon", float("nan")),
        "epsilon is nan\nit is a number above 0",
    ),
    "infinite": (
        lambda: positive("epsilon", float("inf")),
        "epsilon is inf\nit is a number above 0",
    ),
    "beyond": (lambda: within("rate", 1.5, 0, 1), "rate is 1.5\nit is a number from 0 to 1"),
    "a list": (lambda: within("rate", [0], 0, 1), "rate is [0]\nit is a number from 0 to 1"),
}


@pytest.mark.parametrize(("build", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        build()
    assert str(caught.value) == message
