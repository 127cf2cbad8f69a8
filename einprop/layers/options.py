"""Options of layers: those of all arguments, and what stands for each axis of a window."""

from __future__ import annotations

from collections.abc import Sequence

from einprop.errors import InputError
from einprop.options import integer, number, one_of, positive, within

__all__ = ["integer", "number", "one_of", "padding_of", "per_axis", "positive", "within"]


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
