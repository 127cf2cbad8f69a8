"""What docs/comparison.md says of einprop, cell by cell, and the functions that show it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ANSWERS", "CASES", "Case", "Cell", "cells", "shows"]

ANSWERS = ("yes", "no", "partly")
OURS = "einprop"

_LINK = re.compile(r"\[(?P<text>[^\]]*)\](\[[^\]]*\]|\([^)]*\))")


@dataclass(frozen=True)
class Cell:
    """What the page says of one feature: the answer's first word, and the line it stands on."""

    feature: str
    answer: str
    line: int


@dataclass(frozen=True)
class Case:
    """A demonstration that the answer is right: it raises if it is not."""

    feature: str
    answer: str
    show: Callable[[], None]


CASES: list[Case] = []


def shows(feature: str, answer: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Register a function as the demonstration of one cell."""

    def register(function: Callable[[], None]) -> Callable[[], None]:
        CASES.append(Case(feature, answer, function))
        return function

    return register


def cells(page: Path) -> Iterator[Cell]:
    """Our cell of each row of each table that has a column for us."""
    column = None
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        row = [_LINK.sub(r"\g<text>", part).strip() for part in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            column = None
        elif OURS in row:
            column = row.index(OURS)
        elif column is not None and set(line) - set("|-: "):
            yield Cell(row[0], re.split(r"[\s,:]", row[column])[0], number)
