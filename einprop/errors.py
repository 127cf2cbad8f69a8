"""The one family of errors: each says what is wrong, shows where, and says what would be legal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = [
    "DerivativeError",
    "EinpropError",
    "EquationSyntaxError",
    "IndexScopeError",
    "IndexTypeError",
    "InputError",
    "Place",
    "ShapeError",
    "UnsupportedError",
]


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of program text: characters ``start`` to ``end`` (exclusive) of ``text``."""

    text: str
    start: int
    end: int

    @property
    def snippet(self) -> str:
        """The characters at this place."""
        return self.text[self.start : self.end]

    def to(self, other: Place) -> Place:
        """The place that reaches from the start of this one to the end of ``other``."""
        return Place(self.text, self.start, other.end)

    @property
    def line(self) -> tuple[int, int]:
        """Start and end of the line of text in which the place begins."""
        start = self.text.rfind("\n", 0, self.start) + 1
        end = self.text.find("\n", start)
        return start, len(self.text) if end < 0 else end


def _columns(text: str) -> int:
    """Terminal columns that ``text`` takes: combining marks take none, wide characters two."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _underline(places: Sequence[Place]) -> Iterable[str]:
    """Each line of text that holds a place, followed by its carets."""
    for start, end in dict.fromkeys(place.line for place in places):
        text = places[0].text
        carets = ""
        for place in sorted(places, key=lambda p: p.start):
            if place.line == (start, end):
                width = max(_columns(text[place.start : min(place.end, end)]), 1)
                carets = carets.ljust(_columns(text[start : place.start])) + "^" * width
        indent = len(text[start:end]) - len(text[start:end].lstrip())
        yield "    " + text[start + indent : end].replace("\t", " ").rstrip()
        yield "    " + carets[indent:]


class EinpropError(ValueError):
    """Base of every error that einprop raises for what a user wrote or passed.

    Args:
        message: What is wrong, naming index, tensor, sizes or types.
        places: Where it is; each is marked by carets under its line of text.
        hint: What would be legal.

    >>> text = "y[b] = x[b,i]"
    >>> print(EinpropError("index i is stray", [Place(text, 11, 12)], "write sum[i](x[b,i])"))
    index i is stray
        y[b] = x[b,i]
                   ^
    write sum[i](x[b,i])
    """

    def __init__(
        self, message: str, places: Sequence[Place | None] = (), hint: str | None = None
    ) -> None:
        self.message = message
        self.places = tuple(place for place in places if place is not None)
        self.hint = hint
        lines = [message]
        for text in dict.fromkeys(place.text for place in self.places):
            lines += _underline([place for place in self.places if place.text == text])
        if hint:
            lines.append(hint)
        super().__init__("\n".join(lines))

    def as_dict(self) -> dict[str, Any]:
        """The error as plain data, for programs: places are characters of the text, from 0.

        >>> EinpropError("stray", [Place("y = x", 4, 5)], "write 2 x").as_dict()["places"]
        [{'text': 'y = x', 'start': 4, 'end': 5}]
        """
        return {
            "type": type(self).__name__,
            "message": self.message,
            "places": [asdict(place) for place in self.places],
            "hint": self.hint,
        }


class EquationSyntaxError(EinpropError):
    """The text is not a program: a character, a bracket or a word stands where none may."""


class IndexScopeError(EinpropError):
    """An index is neither on the left, nor summed by a rule, nor bound; or a name has no meaning."""


class IndexTypeError(EinpropError):
    """An index or axis is used as two different types, or a tensor with two numbers of axes."""


class ShapeError(EinpropError):
    """Arrays disagree with the program or with each other about a number of axes or a size."""


class InputError(EinpropError):
    """A tensor is missing, unknown, or not made of real numbers."""


class DerivativeError(EinpropError):
    """A derivative was asked for that does not exist, or a declared one is wrong."""


class UnsupportedError(EinpropError):
    """A function is not registered or has no text, a layer holds what it cannot yet, a tool is missing."""
