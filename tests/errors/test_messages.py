"""Wrong programs and the whole messages that they get, a text file each.

A file holds a program, then perhaps ``--- call`` and what is done with it in Python (where ``program`` is
the program, ``text`` its text and ``ones(2, 3)`` an array; without this part the program itself is
wrong), then ``---`` with the name of the error and its message.

To add a case write a file that ends in ``---``; to bring all files up to date run

    python -m tests.errors.test_messages

and read what ``git diff`` shows as a student would: is it plain what is wrong, and what would be legal?
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import einprop as ep
from einprop import errors
from einprop.errors import EinpropError

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*.txt"))

_CALL = "--- call\n"
_ERROR = re.compile(r"^---(?: \w+)?$", re.MULTILINE)


class _Names(dict[str, Any]):
    """What a call may use; the program is made when it is asked for."""

    def __init__(self, text: str) -> None:
        super().__init__(text=text, ep=ep, np=np, ones=lambda *shape: np.ones(shape))
        self |= {name: getattr(ep, name) for name in ("Program", "register_function")}

    def __missing__(self, name: str) -> Any:
        if name != "program":
            raise KeyError(name)
        self[name] = ep.Program(self["text"])
        return self[name]


@dataclass(frozen=True)
class Case:
    """A wrong program, what is done with it, and what is expected to be said."""

    text: str
    call: str
    error: str
    message: str

    @classmethod
    def read(cls, file: Path) -> Case:
        content = file.read_text(encoding="utf-8")
        (separator,) = _ERROR.finditer(content.replace(_CALL, "-" * len(_CALL)))
        before, message = content[: separator.start()], content[separator.end() :]
        text, _, call = before.partition(_CALL)
        return cls(text.removesuffix("\n"), call, separator.group()[4:], message.strip("\n"))

    def run(self, text: str | None = None) -> None:
        """Make the program, or another one in its place, and do with it what the file says."""
        exec(self.call or "program", {}, _Names(self.text if text is None else text))  # noqa: S102

    def said(self) -> EinpropError:
        with pytest.raises(EinpropError) as error:
            self.run()
        return error.value

    def content(self) -> str:
        """The file with the error as it is now."""
        error = self.said()
        call = _CALL + self.call if self.call else ""
        return f"{self.text}\n{call}--- {type(error).__name__}\n{error}\n"


CASES = {file.stem: Case.read(file) for file in FILES}


@pytest.mark.parametrize("name", CASES)
def test_message(name: str) -> None:
    case = CASES[name]
    error = case.said()
    assert (type(error).__name__, str(error)) == (case.error, case.message)


def test_there_are_many_and_every_class_of_error_occurs() -> None:
    assert len(CASES) >= 80
    family = {name for name in errors.__all__ if name.endswith("Error")} - {"EinpropError"}
    assert {case.error for case in CASES.values()} == family


@pytest.mark.parametrize("name", CASES)
def test_a_message_is_fit_to_be_read(name: str) -> None:
    """It points at the text that is wrong, or says what would be legal; lines fit on a screen."""
    case = CASES[name]
    error = case.said()
    assert error.hint or error.places or "positions 0 to" in error.message
    assert error.message[0] != " "
    assert not error.message.endswith(".")
    assert max(map(len, str(error).splitlines())) <= 200
    if not case.call:
        assert error.places


# What is offered must be legal: where a hint holds a whole rewriting, it is tried.


_OPERATOR = r"(?:=|\+=|max=|min=)"


def _with_range(text: str, ranges: str) -> str:
    """The first line that has the ranges' indices, with them in place of its own."""
    lines = text.replace("; ", "\n").split("\n")
    index = ranges.split(" ", maxsplit=1)[0]
    number = next(
        n
        for n, line in enumerate(lines)
        if re.search(rf"(?<!\w){index}(?!\w)", line) and not line.startswith(("index", "input"))
    )
    lines[number] = f"{lines[number].partition(' where ')[0]} where {ranges}"
    return "\n".join(lines)


def _rewritings(case: Case) -> list[str]:
    hint = case.message.rpartition("\n")[2]
    found = []
    ranges = re.search(r"where (\w+'* in \w+:\w+(?:, \w+'* in \w+:\w+)*)", hint)
    if ranges and case.error == "ShapeError":
        text = case.text
        if "pad(" in hint and "then needs" in hint:
            text = text.replace(
                re.findall(r"(?<=pad\()[^)]*", hint)[0], re.findall(r"pad\([^)]*\)", hint)[0]
            )
        found.append(_with_range(text, ranges[1]))
    declared = re.search(r"(index [\w, ]+: \w+ < \d+(?:; (?:output|local) [\w.]+\[.*?\])?)$", hint)
    if declared and case.error in ("ShapeError", "IndexTypeError"):
        found.append(f"{declared[1]}\n{case.text}")
    for old, new in re.findall(r"or write (\S+\+0\]) for (\S+),", hint):
        found.append(case.text.replace(new, old))
    spelt_out = case.error == "IndexScopeError" and not re.search(
        "…|def |backward ", hint + case.text
    )
    if hint.startswith("write ") and spelt_out:
        target, operator, _ = re.split(rf" ({_OPERATOR}) ", case.text, maxsplit=1)
        for rewriting in re.split(" or ", hint.removeprefix("write ")):
            whole = re.search(rf" {_OPERATOR} ", rewriting) is not None
            line = rewriting.split(" to add")[0]
            found.append(line if whole else f"{target} {operator} {rewriting}")
    return found


REWRITTEN = {name: _rewritings(case) for name, case in CASES.items() if _rewritings(case)}


@pytest.mark.parametrize("name", REWRITTEN)
def test_what_is_offered_is_legal(name: str) -> None:
    for text in REWRITTEN[name]:
        CASES[name].run(text)


if __name__ == "__main__":
    for file in FILES:
        file.write_text(Case.read(file).content(), encoding="utf-8")
    print(f"{len(FILES)} messages written; read them with git diff")
