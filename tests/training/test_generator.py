"""States of random generators: they go on as they were, and a made-up one is refused."""

from typing import Any

import numpy as np
import pytest

from einprop.errors import InputError
from einprop.training.generator import (
    describe_generator,
    rebuild_generator,
    restore_generator,
)
from einprop.training.strict_json import parse_object, print_object

KINDS = [
    np.random.PCG64,
    np.random.PCG64DXSM,
    np.random.MT19937,
    np.random.Philox,
    np.random.SFC64,
]


def draws(rng: np.random.Generator) -> list[float]:
    """Draws of every width: some generators keep half a word for the next call."""
    return [
        rng.random(),
        float(rng.integers(0, 9, dtype=np.int32)),
        float(rng.standard_normal(dtype=np.float32)),
        *rng.permutation(7).tolist(),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_it_goes_on_as_it_was(kind: type[np.random.BitGenerator]) -> None:
    rng = np.random.Generator(kind(7))
    for _ in range(5):
        draws(rng)
        described = parse_object(print_object(describe_generator(rng)))
        other = np.random.Generator(kind(0))
        restore_generator(other, described)
        assert draws(rebuild_generator(described)) == draws(other) == draws(rng)


def test_another_kind_is_refused() -> None:
    state = describe_generator(np.random.default_rng(0))
    with pytest.raises(InputError) as caught:
        restore_generator(np.random.Generator(np.random.Philox(0)), state)
    assert str(caught.value) == (
        "the random generator is a Philox, but its state is of 'PCG64'\n"
        "make it as where the state comes from: numpy.random.default_rng gives a PCG64"
    )


def test_what_is_no_generator_is_refused() -> None:
    with pytest.raises(InputError, match="rng must be a numpy Generator, not int"):
        describe_generator(3)  # type: ignore[arg-type]

    class Own(np.random.PCG64):
        pass

    with pytest.raises(InputError, match="a file cannot hold a random generator of the kind Own"):
        describe_generator(np.random.Generator(Own(0)))
    with pytest.raises(InputError, match="there is no random generator of the kind 'os'"):
        rebuild_generator({"bit_generator": "os"})


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        (np.random.MT19937, ("state", "pos"), 625),
        (np.random.MT19937, ("state", "pos"), -1),
        (np.random.MT19937, ("state", "key"), [1, 2]),
        (np.random.MT19937, ("state", "key"), [-1] * 624),
        (np.random.MT19937, ("state", "key"), [2**32] * 624),
        (np.random.MT19937, ("state", "key"), ["x"] * 624),
        (np.random.Philox, ("buffer_pos",), 5),
        (np.random.Philox, ("buffer",), [2**64] * 4),
        (np.random.PCG64, ("state",), 3),
        (np.random.PCG64, ("state", "state"), 2**128),
        (np.random.PCG64, ("state", "inc"), 1.5),
        (np.random.PCG64, ("has_uint32",), 2),
        (np.random.PCG64, ("has_uint32",), True),
        (np.random.PCG64, ("uinteger",), 2**32),
        (np.random.PCG64, ("uinteger",), None),
        (np.random.SFC64, ("state",), {}),
    ],
)
def test_a_state_that_cannot_be_is_refused(
    kind: type[np.random.BitGenerator], path: tuple[str, ...], value: Any
) -> None:
    described = describe_generator(np.random.Generator(kind(0)))
    inner = described
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    with pytest.raises(InputError, match="the state of the random generator is damaged"):
        rebuild_generator(described)
