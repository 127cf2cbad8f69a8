"""Lines of code as a formatter leaves them: what is too long goes on between brackets."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from itertools import pairwise

__all__ = ["WIDTH", "comment", "fitted"]

WIDTH = 88
"""What formatters take for the width of a line."""

_OPENING, _CLOSING = "([{", ")]}"
_OPERATORS = ((" != ", " == ", " <= ", " >= ", " < ", " > "), (" + ", " - "), (" * ", " / ", " @ "))


def comment(text: str, depth: int) -> list[str]:
    """A comment, its long text on several lines."""
    mark = "    " * depth + "# "
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=mark,
        subsequent_indent=f"{mark}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def fitted(line: str, depth: int) -> list[str]:
    """A statement at some depth, on several lines where one is too short for it.

    >>> print(*fitted("y = window(" + ", ".join(["argument"] * 8) + ")", 0), sep=chr(10))
    y = window(
        argument, argument, argument, argument, argument, argument, argument, argument
    )
    """
    indent = "    " * depth
    if len(indent + line) <= WIDTH:
        return [indent + line]
    head, expression, tail = _statement(line)
    return [*_broken(indent, head, expression, tail)]


def _statement(line: str) -> tuple[str, str, str]:
    """What comes before the expression of a statement, the expression, and what comes behind."""
    if line.startswith("def "):
        return "", line[:-1], ":"
    if line.startswith("return "):
        return "return ", line.removeprefix("return "), ""
    for place in _outside(line):
        found = re.match(r" \+?= ", line[place:])
        if found:
            start = place + found.end()
            return line[:start], line[start:], ""
    return "", line, ""


def _broken(indent: str, head: str, expression: str, tail: str) -> Iterator[str]:
    """An expression that is too long for its line."""
    operators, inner = _operators(expression), f"{indent}    "
    closing = _first_closing(expression)
    if closing and not operators:
        yield f"{indent}{head}("
        yield from _chain(inner, expression[1:closing])
        yield f"{indent}{expression[closing:]}{tail}"
        return
    for opening, closing in reversed(_brackets(expression)):
        before, inside = expression[: opening + 1], expression[opening + 1 : closing]
        after = f"{expression[closing:]}{tail}"
        # One operator before a call: the call is broken, as it stands last anyway.
        last = not operators or (len(operators) == 1 and closing == len(expression) - 1)
        if last and inside and max(len(head + before), len(after)) <= WIDTH - len(indent):
            yield f"{indent}{head}{before}"
            yield from _inside(inner, inside, before[-2:] if before[-1] == "(" else before[-1])
            yield f"{indent}{after}"
            return
    yield f"{indent}{head}("
    yield from _chain(inner, expression)
    yield f"{indent}){tail}"


def _chain(indent: str, expression: str, room: int = 0) -> Iterator[str]:
    """An expression between brackets, broken at its operators if it has to be.

    Args:
        indent: What each line begins with.
        expression: The expression.
        room: How much is to be left at the end.
    """
    operators = _operators(expression)
    if len(indent + expression) + room <= WIDTH or not operators:
        yield f"{indent}{expression}"
        return
    starts = [0, *(place + 1 for place in operators)]
    for start, stop in zip(starts, [*operators, len(expression)], strict=True):
        part = expression[start:stop]
        if len(indent + part) <= WIDTH:
            yield indent + part
        else:
            sign = re.match(r"[-+*/@<>=!]+ ", part)
            lead = sign.group() if sign else ""
            yield from _broken(indent, lead, part[len(lead) :], "")


def _first_closing(text: str) -> int | None:
    """Where the bracket closes that a text begins with, if more comes behind."""
    if not text.startswith("("):
        return None
    closing = next(_outside(text))
    return closing if closing < len(text) - 1 else None


def _inside(indent: str, text: str, bracket: str) -> Iterator[str]:
    """What stands between two brackets: arguments on a line if one is enough, else each on its own."""
    if len(bracket) == 2 and len(indent + text) <= WIDTH:
        yield indent + text
        return
    parts = _parts(text)
    for part in parts:
        comma = "" if bracket == "[" and len(parts) == 1 else ","
        if len(indent + part + comma) <= WIDTH:
            yield f"{indent}{part}{comma}"
        elif _operators(part):
            *lines, last = _chain(indent, part, room=len(comma))
            yield from [*lines, f"{last}{comma}"]
        else:
            key = re.match(r'"[^"]*": |\w+=', part)
            lead = key.group() if key else ""
            yield from _broken(indent, lead, part[len(lead) :], comma)


def _outside(text: str) -> Iterator[int]:
    """The places in a text that no bracket and no string holds."""
    depth, quote = 0, False
    for place, sign in enumerate(text):
        quote ^= sign == '"'
        if not quote:
            depth += (sign in _OPENING) - (sign in _CLOSING)
            if depth == 0:
                yield place


def _brackets(text: str) -> list[tuple[int, int]]:
    """Where brackets open and close that stand in no other."""
    places = [-1, *_outside(text)]
    return [
        (a + 1, b) for a, b in pairwise(places) if text[b] in _CLOSING and text[a + 1] in _OPENING
    ]


def _parts(text: str) -> Sequence[str]:
    """The parts between the commas of a text."""
    commas = [place for place in _outside(text) if text[place] == ","]
    starts = [0, *(place + 1 for place in commas)]
    parts = [text[a:b].strip() for a, b in zip(starts, [*commas, len(text)], strict=True)]
    return [part for part in parts if part]


def _operators(text: str) -> list[int]:
    """Where the operators stand that bind most loosely, if any does outside of brackets."""
    places = [*_outside(text)]
    for signs in _OPERATORS:
        found = [n for n in places if any(text.startswith(sign, n) for sign in signs)]
        if found:
            return found
    return []
