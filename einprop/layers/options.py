"""Options of layers: what each may be, checked once and said in one way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from einprop.errors import InputError

__all__ = ["integer", "number", "one_of", "padding_of", "per_axis", "positive", "within"]


def integer(name: str, given: object, least: int | None = 1) -> int:
    """An integer option, of any sign where there is no ``least``.

    Raises:
        InputError: It is no integer, or less than ``least``.

    >>> integer("groups", np.int64(2))
    2
    """
    whole = isinstance(given, int | np.integer) and not isinstance(given, bool)
    if not whole or (least is not None and given < least):  # type: ignore[operator]
        bound = "" if least is None else f", {least} or more"
        raise InputError(f"{name} is {given!r}", hint=f"it is an integer{bound}")
    return int(given)  # type: ignore[call-overload, no-any-return]


def number(name: str, given: object) -> float:
    """A finite number.

    Raises:
        InputError: It is none.
    """
    if not _is_number(given) or not np.isfinite(given):  # type: ignore[call-overload]
        raise InputError(f"{name} is {given!r}", hint="it is a finite number")
    return float(given)  # type: ignore[arg-type]


def per_axis(
    name: str, given: int | Sequence[int], axes: int, least: int = 1
) -> int | tuple[int, ...]:
    """An option with an integer for each axis: one integer where all are the same.

    Raises:
        InputError: It is neither an integer nor one for each axis, or one is less than ``least``.

    >>> per_axis("kernel", (3, 3), 2), per_axis("kernel", (3, 5), 2)
    (3, (3, 5))
    """
    if isinstance(given, tuple | list) and len(given) == axes:
        found = tuple(integer(name, each, least) for each in given)
        return found if len(set(found)) > 1 else found[0]
    try:
        return integer(name, given, least)
    except InputError:
        several = f", or {axes} of them" if axes > 1 else ""
        raise InputError(
            f"{name} is {given!r}", hint=f"it is an integer, {least} or more{several}"
        ) from None


def one_of(name: str, given: str | None, legal: Sequence[str | None]) -> str | None:
    """A word.

    Raises:
        InputError: It is none of those that are legal.
    """
    if given not in legal:
        *others, last = map(repr, legal)
        raise InputError(f"{name} is {given!r}", hint=f"it is {', '.join(others)} or {last}")
    return given


def padding_of(
    given: int | Sequence[int] | str, axes: int, words: Sequence[str] = ("valid", "same")
) -> int | tuple[int, ...] | str:
    """The option ``padding``: integers for the axes, or a word.

    Args:
        given: As the user gave it. ``valid`` is 0: a window lies inside.
        axes: How many integers are legal.
        words: Those that are.

    Raises:
        InputError: It is none of these, or one is less than 0.

    >>> padding_of("valid", 2), padding_of("same", 2), padding_of((1, 1), 2)
    (0, 'same', 1)
    """
    if not isinstance(given, str):
        return per_axis("padding", given, axes, 0)
    if given not in words:
        legal = " or ".join(["an integer, 0 or more,", *map(repr, words)])
        raise InputError(f"padding is {given!r}", hint=f"it is {legal}")
    return 0 if given == "valid" else given


def positive(name: str, given: object) -> float:
    """A number above 0.

    Raises:
        InputError: It is not.
    """
    if not _is_number(given) or not 0 < given < np.inf:  # type: ignore[operator]
        raise InputError(f"{name} is {given!r}", hint="it is a number above 0")
    return float(given)  # type: ignore[arg-type]


def within(name: str, given: object, low: float, high: float) -> float:
    """A number from ``low`` to ``high``.

    Raises:
        InputError: It is not.
    """
    if not _is_number(given) or not low <= given <= high:  # type: ignore[operator]
        raise InputError(f"{name} is {given!r}", hint=f"it is a number from {low:g} to {high:g}")
    return float(given)  # type: ignore[arg-type]


def _is_number(given: object) -> bool:
    return isinstance(given, int | float | np.integer | np.floating) and not isinstance(given, bool)
