"""A question of the page's: a program's text and what is wanted of it, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from einprop.errors import InputError

__all__ = ["Question"]


@dataclass(frozen=True)
class Question:
    """What the page asks.

    Attributes:
        text: The program, as typed.
        of: The tensors to differentiate, names with blanks between; all outputs if empty.
        wrt: The inputs to differentiate for; all if empty.
        sizes: Sizes of index letters; letters that the program does not have do no harm.
        panels: The names of the panels that are wanted.
        backward: Whether LaTeX, cost, source and graph are of forward and backward together.
        backend: The library that the source calls.
    """

    text: str
    of: str = ""
    wrt: str = ""
    sizes: Mapping[str, int] = field(default_factory=dict)
    panels: tuple[str, ...] = ()
    backward: bool = True
    backend: str = "numpy"

    @classmethod
    def from_json(cls, given: object) -> Question:
        """The question that parsed JSON holds.

        Raises:
            InputError: It is no question: a field is missing, unknown or of another kind.

        >>> Question.from_json({"text": "y = 2 x", "panels": ["backward"]}).panels
        ('backward',)
        """
        if not isinstance(given, dict):
            raise InputError("a question is a JSON object", (), 'as in {"text": "y = 2 x"}')
        known = [f.name for f in fields(cls)]
        unknown = [name for name in given if name not in known]
        if unknown:
            raise InputError(
                f"a question has no field {unknown[0]}", (), f"the fields are {', '.join(known)}"
            )
        if "text" not in given:
            raise InputError("a question has a text", (), 'as in {"text": "y = 2 x"}')
        for name, value in given.items():
            if not _KINDS[name](value):
                raise InputError(f"the field {name} holds something else", (), _HINTS[name])
        return cls(**{**given, "panels": tuple(given.get("panels", ()))})


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_sizes(value: Any) -> bool:
    return isinstance(value, dict) and all(type(size) is int for size in value.values())


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


_KINDS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("text", "of", "wrt", "backend"), _is_text),
    "sizes": _are_sizes,
    "panels": _are_texts,
    "backward": lambda value: isinstance(value, bool),
}
_HINTS = {
    **dict.fromkeys(("text", "of", "wrt", "backend"), "it is a string"),
    "sizes": 'it is an object of integers, as in {"b": 2}',
    "panels": 'it is a list of names, as in ["backward"]',
    "backward": "it is true or false",
}
