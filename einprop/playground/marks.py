"""Where an error stands in the text as it was typed: places know the normalised text alone."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from einprop.errors import EinpropError, Place

__all__ = ["Mark", "marks"]

Mark = tuple[int, int]
"""Start and end (exclusive), counted as JavaScript counts: in units of UTF-16."""


def marks(error: EinpropError, typed: str) -> list[Mark]:
    r"""The places of an error that lie in what was typed, in order.

    A place in another text, such as an equation that was derived, has none.

    Args:
        error: What was raised for the text.
        typed: The text; a line's end counts as one character, however it is written.

    Here y and its accent are two characters, and the last letter is two units.

    >>> typed = "y\u0302 = x + \U0001d4b3 )"
    >>> marks(EinpropError("", [Place("\u0177 = x + \U0001d4b3 )", 10, 11)]), typed)
    [(12, 13)]
    """
    lines = typed.replace("\r\n", "\n").replace("\r", "\n")
    found = [_found(place, lines) for place in error.places]
    return sorted({_units(lines, *stretch) for stretch in found if stretch is not None})


def _found(place: Place, typed: str) -> tuple[int, int] | None:
    """The stretch of characters that a place is; None if it is of another text."""
    if _is_shown(place.text, typed):
        return place.start, place.end
    if place.text != unicodedata.normalize("NFC", typed):
        return None
    # By character of the normalised text the first and the last typed one that it comes from.
    origins: list[tuple[int, int]] = []
    start = 0
    for chunk in _chunks(typed):
        composed, end = unicodedata.normalize("NFC", chunk), start + len(chunk)
        whole = [(start, end)] * len(composed)
        single = [(k, k + 1) for k in range(start, end)]
        origins += single if composed == chunk or len(chunk) == 1 else whole
        start = end
    origins.append((start, start))
    first = origins[place.start][0]
    return first, origins[place.end - 1][1] if place.end > place.start else first


def _is_shown(text: str, typed: str) -> bool:
    """Whether this is the typed text, with characters that cannot be shown replaced."""
    return len(text) == len(typed) and all(
        a in (b, "\ufffd") for a, b in zip(text, typed, strict=True)
    )


def _chunks(text: str) -> Iterator[str]:
    """The text in pieces that normalisation treats apart: letters with their accents."""
    chunk = ""
    for character in text:
        joined = unicodedata.normalize("NFC", chunk + character)
        apart = unicodedata.normalize("NFC", chunk) + unicodedata.normalize("NFC", character)
        if chunk and joined == apart and not unicodedata.combining(character):
            yield chunk
            chunk = ""
        chunk += character
    if chunk:
        yield chunk


def _units(text: str, start: int, end: int) -> Mark:
    def units(characters: str) -> int:
        return len(characters.encode("utf-16-le", "surrogatepass")) // 2

    first = units(text[:start])
    return first, first + units(text[start:end])
