"""Random generators as plain values: what a checkpoint holds of one, and how it goes on from there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from einprop.errors import InputError

__all__ = ["describe_generator", "rebuild_generator", "restore_generator", "state_of"]

# By name: numpy loads its generators when they are first asked for.
_KINDS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
# numpy takes these on trust, and reads outside its memory where they are larger.
_LARGEST = {"pos": 624, "buffer_pos": 4, "has_uint32": 1, "uinteger": 2**32 - 1}


def describe_generator(
    rng: np.random.Generator, state: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The kind and the state of a generator, as values of JSON.

    Args:
        rng: The generator.
        state: Another state that it had; by default the one that it has.

    Raises:
        InputError: It is no generator, or one of a kind that numpy does not ship.

    >>> describe_generator(np.random.default_rng(0))["bit_generator"]
    'PCG64'
    """
    if not isinstance(rng, np.random.Generator):
        raise InputError(
            f"rng must be a numpy Generator, not {type(rng).__name__}",
            hint="write numpy.random.default_rng(seed)",
        )
    kind = type(rng.bit_generator).__name__
    if kind not in _KINDS or type(rng.bit_generator) is not getattr(np.random, kind):
        raise InputError(
            f"a file cannot hold a random generator of the kind {kind}",
            hint=f"kinds are {', '.join(_KINDS)}",
        )
    described: dict[str, Any] = _plain(rng.bit_generator.state if state is None else state)
    return described


def restore_generator(rng: np.random.Generator, description: Mapping[str, Any]) -> None:
    """Bring a generator into the state that was described.

    Raises:
        InputError: It is of another kind, or the description is of no state.

    >>> rng = np.random.default_rng(0)
    >>> before = describe_generator(rng)
    >>> first = rng.random()
    >>> restore_generator(rng, before)
    >>> rng.random() == first
    True
    """
    rng.bit_generator.state = state_of(rng, description)


def state_of(rng: np.random.Generator, description: Mapping[str, Any]) -> Mapping[str, Any]:
    """The state that was described, as ``rng.bit_generator.state`` takes it.

    Raises:
        InputError: The generator is of another kind, or the description is of no state.

    >>> rng = np.random.default_rng(0)
    >>> state_of(rng, describe_generator(rng)) == rng.bit_generator.state
    True
    """
    own = describe_generator(rng)
    kind = description.get("bit_generator")
    if kind != own["bit_generator"]:
        raise InputError(
            f"the random generator is a {own['bit_generator']}, but its state is of {kind!r}",
            hint="make it as where the state comes from: numpy.random.default_rng gives a PCG64",
        )
    _check_like(own, description, "generator")
    try:
        state: Mapping[str, Any] = _arrays(rng.bit_generator.state, description)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"the state of the random generator is damaged: {error}") from None
    return state


def rebuild_generator(description: Mapping[str, Any]) -> np.random.Generator:
    """A new generator in the state that was described.

    Raises:
        InputError: The description is of no state of a generator.

    >>> rng = np.random.default_rng(0)
    >>> rebuild_generator(describe_generator(rng)).random() == rng.random()
    True
    """
    kind = description.get("bit_generator")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise InputError(
            f"there is no random generator of the kind {kind!r}",
            hint=f"kinds are {', '.join(_KINDS)}",
        )
    rng = np.random.Generator(getattr(np.random, kind)(0))
    restore_generator(rng, description)
    return rng


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _arrays(like: Any, value: Any) -> Any:
    """A plain value with arrays where ``like`` has some."""
    if isinstance(like, Mapping):
        return {name: _arrays(inner, value[name]) for name, inner in like.items()}
    return np.array(value, like.dtype) if isinstance(like, np.ndarray) else value


def _check_like(own: Any, given: Any, name: str) -> None:
    """Refuse a state of another form than the generator's own one."""
    if isinstance(own, dict) and isinstance(given, dict) and set(own) == set(given):
        for inner in own:
            _check_like(own[inner], given[inner], inner)
    elif isinstance(own, list) and isinstance(given, list) and len(own) == len(given):
        for before, after in zip(own, given, strict=True):
            _check_like(before, after, name)
    elif type(own) is not type(given) or isinstance(own, dict | list):
        raise InputError(f"the state of the random generator is damaged: its {name} is no state")
    elif isinstance(given, int) and not 0 <= given <= _LARGEST.get(name, 2**128 - 1):
        raise InputError(f"the state of the random generator is damaged: its {name} is {given}")
