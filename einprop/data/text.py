"""Texts for models of characters: a vocabulary, its codes, and windows of them to learn from."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from reprlib import repr as shortened
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from einprop.data.batches import rows_of
from einprop.errors import InputError
from einprop.options import file_name, integer, within
from einprop.options import text as as_text

__all__ = ["Characters", "Vocabulary", "load_text", "read_text", "windows"]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The characters of a text; the code of one is its place among them.

    Args:
        characters: Each once, in the order of their codes.

    Raises:
        InputError: A character comes twice.

    >>> vocabulary = Vocabulary.of("hello")
    >>> vocabulary, len(vocabulary)
    (Vocabulary(characters='ehlo'), 4)
    >>> vocabulary.encode("hole").tolist()
    [1, 3, 2, 0]
    >>> vocabulary.decode([1, 0, 2, 2, 3])
    'hello'
    """

    characters: str
    _codes: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        as_text("a vocabulary", self.characters)
        codes = {character: code for code, character in enumerate(self.characters)}
        if len(codes) < len(self.characters):
            twice = next(c for c in self.characters if self.characters.count(c) > 1)
            raise InputError(f"the vocabulary holds {twice!r} twice")
        object.__setattr__(self, "_codes", codes)

    @classmethod
    def of(cls, text: str) -> Vocabulary:
        """The vocabulary of a text, in the order of Unicode."""
        return cls("".join(sorted(set(as_text("a text", text)))))

    def __len__(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> NDArray[np.intp]:
        """The codes of a text, of shape (characters,).

        Raises:
            InputError: A character is not in the vocabulary; the message says which, and where.
        """
        as_text("a text", text)
        codes = np.fromiter((self._codes.get(c, -1) for c in text), np.intp, len(text))
        strays = np.flatnonzero(codes < 0)
        if strays.size:
            place = int(strays[0])
            raise InputError(
                f"character {text[place]!r} at place {place} is not in the vocabulary",
                hint=f"which holds {self.characters!r}",
            )
        return codes

    def decode(self, codes: Iterable[int]) -> str:
        """The text that has these codes.

        Raises:
            InputError: A code stands for no character.
        """
        numbers = [int(code) for code in _integers(codes)]
        for number in numbers:
            if not 0 <= number < len(self):
                raise InputError(
                    f"code {number} stands for none of {len(self)} characters",
                    hint=f"codes go from 0 to {len(self) - 1}",
                )
        return "".join(self.characters[number] for number in numbers)


class Characters(NamedTuple):
    """A text as codes: what to learn from, what to judge by, and what the codes stand for."""

    train: NDArray[np.intp]
    held_out: NDArray[np.intp]
    vocabulary: Vocabulary


def read_text(path: str | PathLike[str], encoding: str = "utf-8") -> str:
    """A file's text; a line ends in a single newline character, whatever ends it in the file.

    Raises:
        InputError: The file cannot be read, or is no text of this encoding.
    """
    file_name(path)
    as_text("encoding", encoding)
    try:
        # Some editors begin a file with a mark of its encoding.
        marked = codecs.lookup(encoding).name == "utf-8"
        return Path(path).read_text("utf-8-sig" if marked else encoding)
    except (OSError, UnicodeError, LookupError) as error:
        raise InputError(f"{path} cannot be read as text: {error}") from error


def load_text(
    path: str | PathLike[str], held_out: float = 0.1, encoding: str = "utf-8"
) -> Characters:
    """A text file for a model of characters.

    Args:
        path: The file.
        held_out: Which part of the text is kept to judge by: its end, below 1.
        encoding: Of the file.

    Returns:
        Codes of the beginning and of the end, and the vocabulary of the whole text.

    Raises:
        InputError: The file cannot be read, or ``held_out`` is no part.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"to be or not to be")
    ...     file.flush()
    ...     train, held_out, vocabulary = load_text(file.name, held_out=1 / 3)
    >>> vocabulary.decode(train), vocabulary.decode(held_out)
    ('to be or not', ' to be')
    """
    if within("held_out", held_out, 0, 1) == 1:
        raise InputError(f"held_out is {held_out}", hint="it is a part of the text: 0 to below 1")
    text = read_text(path, encoding)
    vocabulary = Vocabulary.of(text)
    codes = vocabulary.encode(text)
    border = len(codes) - round(held_out * len(codes))
    return Characters(codes[:border], codes[border:], vocabulary)


def _integers(codes: Iterable[int]) -> NDArray[Any]:
    array = rows_of("codes", list(codes) if isinstance(codes, Iterable) else codes)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise InputError(f"codes are integers in a row, not {shortened(codes)}")
    return array


def windows(codes: NDArray[Any], length: int, stride: int | None = None) -> dict[str, NDArray[Any]]:
    """Stretches of a text, and for each place in them the character that comes next.

    ``t[b,s] = x[b,s+1]``, and at the end of a window the character behind it.

    Args:
        codes: Of shape (characters,).
        length: Places in a window.
        stride: Places from the start of one window to the start of the next; by default
            ``length``, so that each place is learned from once. With 1 the windows are as many as
            there are places; `minibatches` draws some of them in each batch.

    Returns:
        ``x`` and ``t`` of shape (windows, length): read-only views of ``codes``, which take no
        memory. What is left at the end and fills no window is left out.

    Raises:
        InputError: The text is too short for a window, or the numbers are below 1.

    >>> pairs = windows(np.arange(8), 3)
    >>> pairs["x"].tolist(), pairs["t"].tolist()
    ([[0, 1, 2], [3, 4, 5]], [[1, 2, 3], [4, 5, 6]])
    """
    length = integer("length", length)
    step = length if stride is None else integer("stride", stride)
    codes = rows_of("codes", codes)
    if np.ndim(codes) != 1 or len(codes) <= length:
        raise InputError(
            f"codes of shape {np.shape(codes)} hold no window of {length} characters and the next",
            hint="codes have one axis, and more entries than a window",
        )
    stretches = np.lib.stride_tricks.sliding_window_view(codes, length + 1)[::step]
    return {"x": stretches[:, :-1], "t": stretches[:, 1:]}
