from __future__ import annotations

import numpy as np
import pytest

from einprop.data.batches import minibatches
from einprop.errors import InputError


def test_one_pass_gives_every_example_once(rng):
    x = np.arange(20).reshape(10, 2)
    batches = list(minibatches({"x": x, "t": x[:, 0]}, 3, rng))
    assert [len(batch["t"]) for batch in batches] == [3, 3, 3, 1]
    rows = np.concatenate([batch["x"] for batch in batches])
    assert sorted(rows[:, 0]) == list(x[:, 0])
    assert (rows[:, 0] == np.concatenate([batch["t"] for batch in batches])).all()


def test_order_is_the_generators_and_new_at_each_call():
    x = np.arange(50)

    def order(rng):
        return [list(batch) for (batch,) in minibatches((x,), 50, rng)]

    rng = np.random.default_rng(3)
    first, second = order(rng), order(rng)
    assert first != second
    assert first == order(np.random.default_rng(3))
    assert first != [list(x)]


def test_passes_side_by_side_are_independent():
    x = np.arange(30)

    def passes(*, at_once):
        rng = np.random.default_rng(0)
        first, second = (minibatches([x], 10, rng) for _ in range(2))
        pairs = list(zip(first, second, strict=True)) if at_once else None
        return pairs or list(zip(list(first), list(second), strict=True))

    assert str(passes(at_once=True)) == str(passes(at_once=False))


def test_sequence_gives_tuples_and_drop_last_drops(rng):
    x, t = np.arange(7.0), np.arange(7)
    batches = list(minibatches((x, t), 3, rng, drop_last=True))
    assert [tuple(map(len, batch)) for batch in batches] == [(3, 3), (3, 3)]
    assert all(isinstance(batch, tuple) and (batch[0] == batch[1]).all() for batch in batches)


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        (
            {"x": np.ones(5), "t": np.ones(4)},
            {},
            "x has 5 examples, but t has 4",
        ),
        ((np.ones(5), np.ones(4)), {}, "array 0 has 5 examples, but array 1 has 4"),
        ({"x": np.float64(1)}, {}, "x is a single number: it has no axis of examples"),
        ({}, {}, "there are no arrays to take batches of"),
        ({"x": np.ones(5)}, {"batch_size": 0}, "batch_size is 0\nit is an integer, 1 or more"),
        (
            {"x": np.ones(5)},
            {"batch_size": 6, "drop_last": True},
            "with drop_last, 5 examples make no batch of 6",
        ),
        (
            {"x": np.ones(5)},
            {"rng": 0},
            "rng must be a numpy Generator, not int\nwrite numpy.random.default_rng(seed)",
        ),
    ],
)
def test_refuses(arrays, options, message, rng):
    with pytest.raises(InputError) as error:
        minibatches(arrays, **{"batch_size": 2, "rng": rng, **options})
    assert str(error.value) == message
