"""What a command line gives: a program's text, sizes of letters, arrays in files, numbers."""

from __future__ import annotations

import argparse
import re
import sys
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from einprop.errors import EinpropError, InputError
from einprop.files import written_whole
from einprop.program import Program

__all__ = [
    "add_program",
    "in_words_of_the_command_line",
    "read_arrays",
    "read_count",
    "read_program",
    "read_sizes",
    "write_arrays",
]

Array = npt.NDArray[Any]

_OPTIONS = (
    (
        re.compile(r"\b(?:source|explain|after|stages)\(([^()]*)\)"),
        lambda found: f"--sizes {found[1].replace(' ', '')}",
    ),
    (re.compile(r"\b(of|wrt)=(?:'([^']*)'|\[[^]]*\])"), r"--\1 \2"),
    (re.compile(r"^leave (of|wrt) out"), r"leave --\1 out"),
)


def add_program(parser: argparse.ArgumentParser) -> None:
    """The argument that every command on a program has."""
    parser.add_argument(
        "program", help="equations, a file that holds them, or - for standard input"
    )


def read_program(source: str) -> Program:
    """The program of an argument: its text, a file's, or that on standard input.

    Raises:
        InputError: It is none of them.
        EinpropError: The text is not a program.
    """
    return Program(_text(source))


def _text(source: str) -> str:
    if source == "-":
        return _standard_input()
    if "=" in source and not _is_file(source):
        return source
    try:
        return Path(source).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{source!r} is neither an equation nor a file that can be read: {error}"
        ) from None


def _standard_input() -> str:
    try:
        if sys.stdin is None:
            raise OSError("it is closed")
        return sys.stdin.read().removeprefix("\ufeff")
    except (OSError, ValueError) as error:
        raise InputError(f"the standard input cannot be read: {error}") from None


def _is_file(source: str) -> bool:
    """Whether a text that could be an equation is the name of a file, such as ``lr=0.1/net.txt``."""
    try:
        return Path(source).is_file()
    except (OSError, ValueError):
        return False


def in_words_of_the_command_line(error: EinpropError) -> EinpropError:
    """An error whose hint names options, not calls of python.

    >>> print(in_words_of_the_command_line(InputError("no size", (), "as in source(b=8, i=8)")))
    no size
    as in --sizes b=8,i=8
    """
    hint = error.hint
    for pattern, option in _OPTIONS:
        hint = hint and pattern.sub(option, hint)
    return error if hint == error.hint else type(error)(error.message, error.places, hint)


def read_sizes(text: str) -> dict[str, int]:
    """``b=32,i=784`` as a dict.

    >>> read_sizes("b=32,i=784")
    {'b': 32, 'i': 784}
    """
    try:
        pairs = [item.split("=") for item in text.replace(",", " ").split()]
        sizes = [(letter, int(size)) for letter, size in pairs]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form b=32,i=784") from None
    letters = [letter for letter, _ in sizes]
    twice = next((letter for letter in letters if letters.count(letter) > 1), None)
    if twice is not None:
        raise argparse.ArgumentTypeError(f"{text!r} gives {twice} twice")
    return dict(sizes)


def read_count(least: int, most: int | None = None) -> Callable[[str], int]:
    """What reads an integer of an option, and refuses those out of range.

    >>> read_count(1)("12")
    12
    """

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no integer") from None
        if number < least or (most is not None and number > most):
            bound = f"{least} or more" if most is None else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"it is {number}, and has to be {bound}")
        return number

    return read


def read_arrays(sources: Iterable[str]) -> dict[str, Array]:
    """Arrays by name, from ``.npz`` and ``.safetensors`` files, ``name=file.npy`` and ``name=0.5``.

    Raises:
        InputError: A file cannot be read or holds something else, or a name comes twice.
    """
    found: dict[str, Array] = {}
    for source in sources:
        arrays = _arrays(source)
        twice = sorted(found.keys() & arrays.keys())
        if twice:
            raise InputError(f"{twice[0]} is given twice, the second time by {source}")
        found |= arrays
    return found


def _arrays(source: str) -> dict[str, Array]:
    name, equals, value = source.partition("=")
    if equals:
        return {name.strip(): _value(name.strip(), value.strip())}
    if source.endswith(".safetensors"):
        # The readers of files come with training, which deriving an equation should not wait for.
        from einprop.training.safetensors import read_safetensors  # noqa: PLC0415

        return read_safetensors(source)[0]
    loaded = _loaded(source)
    if isinstance(loaded, np.ndarray):
        raise InputError(f"{source} holds one array without a name", (), f"write x={source}")
    return loaded


def _value(name: str, text: str) -> Array:
    try:
        return np.asarray(float(text))
    except ValueError:
        loaded = _loaded(text)
    if isinstance(loaded, dict):
        raise InputError(f"{text} holds several arrays", (), f"leave {name}= out: they have names")
    return loaded


def _loaded(path: str) -> Array | dict[str, Array]:
    """What an ``.npy`` or ``.npz`` file holds; nothing in it is run."""
    try:
        with Path(path).open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded
            return {name: loaded[name] for name in loaded.files}
    except Exception as error:  # a damaged file may bring numpy and zipfile to raise anything
        raise InputError(
            f"{path!r} cannot be read: {error}",
            (),
            "inputs are .npz or .safetensors files, name=file.npy, or name=0.5",
        ) from error


def write_arrays(path: str, arrays: dict[str, Array]) -> None:
    """Arrays into an ``.npz`` or a ``.safetensors`` file, whole or not at all.

    Raises:
        InputError: The file cannot be written.
    """
    if path.endswith(".safetensors"):
        from einprop.training.safetensors import write_safetensors  # noqa: PLC0415

        write_safetensors(path, arrays)
    elif path.endswith(".npz"):
        # Not numpy.savez, whose own arguments are names that tensors may have.
        with written_whole(path) as file, zipfile.ZipFile(file, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                    np.lib.format.write_array(entry, np.asanyarray(array), allow_pickle=False)
    else:
        raise InputError(f"{path!r} is no name for results", (), "end it in .npz or .safetensors")
