"""Options: what an argument that is no tensor may be, checked once and refused in one way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from reprlib import repr as shortened
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from einprop.errors import InputError

__all__ = [
    "check_generator",
    "dtype_of",
    "file_name",
    "flag",
    "instance",
    "integer",
    "mapping",
    "number",
    "one_of",
    "plain",
    "positive",
    "text",
    "within",
]

_MOST = 2**63


def integer(name: str, given: object, least: int | None = 1) -> int:
    """An integer option below 2**63, of any sign where there is no ``least``.

    Raises:
        InputError: It is no integer, or less than ``least``.

    >>> integer("groups", np.int64(2))
    2
    """
    whole = isinstance(given, int | np.integer) and not isinstance(given, bool)
    low = -_MOST if least is None else least
    if not whole or not low <= given < _MOST:  # type: ignore[operator]
        bound = "" if least is None else f", {least} or more"
        raise InputError(f"{name} is {shortened(given)}", hint=f"it is an integer{bound}")
    return int(given)  # type: ignore[call-overload, no-any-return]


def number(name: str, given: object) -> float:
    """A finite number.

    Raises:
        InputError: It is none.

    >>> number("x", np.float32(0.5))
    0.5
    """
    return within(name, given, -np.inf, np.inf, "a finite number", open_ends=True)


def positive(name: str, given: object) -> float:
    """A number above 0.

    Raises:
        InputError: It is not.
    """
    return within(name, given, 0, np.inf, "a number above 0", open_ends=True)


def within(
    name: str,
    given: object,
    low: float,
    high: float = np.inf,
    said: str | None = None,
    *,
    open_ends: bool = False,
) -> float:
    """A number from ``low`` to ``high``, or strictly between them.

    Args:
        name: Of the option.
        given: As the user gave it.
        low: The least that is legal.
        high: The largest.
        said: What is legal, in words.
        open_ends: Whether neither end is legal.

    Raises:
        InputError: It is not.

    >>> within("share", 0.5, 0, 1)
    0.5
    """
    legal = said or (f"{low:g} or more" if high == np.inf else f"a number from {low:g} to {high:g}")
    value = plain(given)
    try:
        found = float(value) if isinstance(value, int | float) else np.nan
    except OverflowError:
        found = np.nan
    inside = low < found < high if open_ends else low <= found <= high
    if isinstance(value, bool) or not inside:
        raise InputError(f"{name} is {shortened(given)}", hint=f"it is {legal}")
    return found


def plain(given: object) -> object:
    """A number of numpy's as python's; anything else as it is.

    >>> plain(np.int64(1)), plain("a")
    (1, 'a')
    """
    return given.item() if isinstance(given, np.generic) else given


def one_of(name: str, given: str | None, legal: Sequence[str | None]) -> str | None:
    """A word.

    Raises:
        InputError: It is none of those that are legal.
    """
    if not isinstance(given, str | None) or given not in legal:
        *others, last = map(repr, legal)
        raise InputError(
            f"{name} is {shortened(given)}", hint=f"it is {', '.join(others)} or {last}"
        )
    return given


def text(name: str, given: object) -> str:
    """Text.

    Raises:
        InputError: It is none.
    """
    if not isinstance(given, str):
        raise InputError(f"{name} is {shortened(given)}", hint="it is text")
    return given


def dtype_of(given: DTypeLike) -> np.dtype[Any]:
    """A dtype of numbers.

    Raises:
        InputError: It is none.
    """
    try:
        found = None if given is None else np.dtype(given)
    except (TypeError, ValueError, SyntaxError, AttributeError, OverflowError):
        found = None
    if found is None or found.kind not in "fiub":
        raise InputError(f"dtype is {shortened(given)}", hint="as in numpy.float32")
    return found


def file_name(given: object) -> str:
    """The name of a file, as text.

    Raises:
        InputError: It is none.
    """
    if not isinstance(given, str | PathLike) or "\0" in (name := str(fspath(given))):
        raise InputError(f"{shortened(given)} is no name of a file", hint="as in 'folder/name'")
    return name


def flag(name: str, given: object) -> bool:
    """A truth value; 0 and 1 are such too.

    Raises:
        InputError: It is none.
    """
    if not isinstance(given, int | np.bool_ | np.integer) or given not in (0, 1):
        raise InputError(f"{name} is {shortened(given)}", hint="it is True or False")
    return bool(given)


def mapping(name: str, given: object, hint: str) -> Mapping[str, Any]:
    """A mapping from names.

    Raises:
        InputError: It is none, or has other keys than names.
    """
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise InputError(f"{name} are by name, not {shortened(given)}", hint=hint)
    return given


def instance(name: str, given: object, kind: type | tuple[type, ...], hint: str) -> None:
    """Make sure that an argument is of a class.

    Raises:
        InputError: It is not.
    """
    if not isinstance(given, kind):
        raise InputError(f"{name} is {shortened(given)}", hint=hint)


def check_generator(rng: object) -> None:
    """Make sure that draws come from a generator that was passed in.

    Raises:
        InputError: They do not.
    """
    if not isinstance(rng, np.random.Generator):
        raise InputError(
            f"rng must be a numpy Generator, not {type(rng).__name__}",
            hint="write numpy.random.default_rng(seed)",
        )
