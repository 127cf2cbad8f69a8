"""Text into tokens: one table says what each kind looks like."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from einprop.errors import EquationSyntaxError, Place

__all__ = ["COMPARISONS", "DEPTH_LIMIT", "TEXT_LIMIT", "Token", "normalise", "tokenise"]

TEXT_LIMIT = 1_000_000
"""The most characters that a program may have."""

DEPTH_LIMIT = 200
"""The most brackets that may stand open at once, and the deepest tree."""

_MARKS_LIMIT = 30

COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})

SPELLINGS = {
    "**": "^",
    "·": "*",
    "⋅": "*",
    "−": "-",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "∑": "sum",
    "Σ": "sum",
    "∏": "prod",
    "Π": "prod",
}
"""Other ways to write a token; the tree and the printer know only the right-hand ones."""

# Every character outside ASCII that is no sign of the language may belong to a name here, so that a
# wrong one is reported by `_check_name` as part of the word in which it stands.
_WORD = r"(?:[A-Za-z0-9_]|[^\x00-\x7f\s·⋅−≤≥≠∑∏′])"

TOKENS = (
    ("blank", r"(?:[^\S\n]|#[^\n]*)+"),
    ("line", r"[\n;]"),
    ("number", r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"),
    ("name", rf"{_WORD}+(?:\.(?![0-9]){_WORD}+)*['′]*|[∑∏]"),
    ("sign", r"\*\*|\+=|[=!<>]=|[-+*/^=<>,:()\[\]·⋅−≤≥≠]"),
)
"""Kinds of token with their patterns, tried in this order; a sign's own text is its kind."""

_PATTERN = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in TOKENS))

_OTHER_BASE = re.compile(rf"0[xXbBoO]{_WORD}+")

_CLOSING = {")": "(", "]": "["}
_CONTINUING = COMPARISONS | set("+-*/^=,:") | {"+="}

_CHARACTER_HINTS = {
    "{": "write ( ) to group and [ ] for subscripts",
    "}": "write ( ) to group and [ ] for subscripts",
    "@": "write a product with its indices, x[b,i] W[i,j]",
    "!": "to compare write !=",
    "'": "a prime belongs to the index before it: i'",
    "′": "a prime belongs to the index before it: i'",
    "²": "write ^2",
    "³": "write ^3",
    "×": "write * or nothing between factors",
    "\u2019": "a prime is written i'",
    "\u2018": "a prime is written i'",
    "%": "a position that goes round is written x[wrap(i+1)]",
    "&": "for both of two comparisons write a product, [a < b] [b < c]",
    "|": "for |x| write abs(x), for the larger of two numbers maximum(a, b)",
    "√": "write sqrt(x)",
    "→": "an equation is written y[b,j] = x[b,i] W[i,j]",
    ".": "a dot joins a name and its suffix, as in x.grad",
}
_CHARACTER_HINT = (
    "names are made of letters, digits and _; signs are + - * / ^ = += == != < <= > >="
)


class Token(NamedTuple):
    """A word of the text: its kind, its text in the usual spelling, and where it stands.

    The kind is ``name``, ``number``, ``line`` (a line's end), ``end`` (of the text), ``[?`` (a
    bracket that holds a comparison), or the text itself.
    """

    kind: str
    text: str
    start: int
    end: int


def _is_odd(character: str) -> bool:
    """Whether a character may stand nowhere, not even in a comment."""
    return (
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(character) in ("LRE", "RLE", "LRO", "RLO", "PDF")
        or unicodedata.bidirectional(character) in ("LRI", "RLI", "FSI", "PDI")
    ) and character not in "\n\t"


def _character_name(character: str) -> str:
    """``U+0024 DOLLAR SIGN``."""
    return f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()


def _refuse_odd_characters(text: str) -> None:
    """No control characters, and no pile of accents that would take long to normalise."""
    odd = {character for character in set(text) if _is_odd(character)}
    if odd:
        start = next(i for i, character in enumerate(text) if character in odd)
        # The message must be printable on any terminal, so it shows a text without them.
        shown = text.translate({ord(character): "\ufffd" for character in odd})
        raise EquationSyntaxError(
            f"the character {_character_name(text[start])} cannot stand in a program",
            [Place(shown, start, start + 1)],
            "remove it; a program is printable text",
        )
    if not text.isascii():
        marks = 0
        for start, character in enumerate(text):
            marks = marks + 1 if unicodedata.combining(character) else 0
            if marks > _MARKS_LIMIT:
                raise EquationSyntaxError(
                    f"more than {_MARKS_LIMIT} accents on one letter",
                    [Place(text, start, start + 1)],
                    "remove them",
                )


def normalise(text: str) -> str:
    r"""The text to which every place refers: composed characters, lines that end in ``\n``.

    Raises:
        EquationSyntaxError: The text is no text, is too long, or holds control characters.

    >>> normalise("y\u0302 = 1\r\n") == "\u0177 = 1\n"
    True
    """
    if not isinstance(text, str):
        raise EquationSyntaxError(
            f"a program is text, not {type(text).__name__}",
            (),
            "pass a str such as 'y[i] = 2 x[i]'",
        )
    if len(text) > TEXT_LIMIT:
        raise EquationSyntaxError(
            f"the text has {len(text)} characters, more than {TEXT_LIMIT}", (), "split the program"
        )
    # The mark of byte order with which some editors begin a file is no part of the text.
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    _refuse_odd_characters(text)
    return unicodedata.normalize("NFC", text)


def _unexpected(text: str, start: int) -> EquationSyntaxError:
    character = text[start]
    dots = 3 if text.startswith("...", start) else character == "…"
    if dots:
        return EquationSyntaxError(
            "there is no ellipsis: every index of a tensor has a name",
            [Place(text, start, start + dots)],
            'write them all, as in x[b,i]; for a batch write one example and lift it by batched("b")',
        )
    return EquationSyntaxError(
        f"the character {character} ({_character_name(character)}) has no meaning here",
        [Place(text, start, start + 1)],
        _CHARACTER_HINTS.get(character, _CHARACTER_HINT),
    )


def _check_name(text: str, token: Token) -> None:
    """Each part between dots must be an identifier."""
    start = token.start
    for part in token.text.rstrip("'").split("."):
        if not part.isidentifier():
            for i, character in enumerate(part):
                if not (character.isidentifier() or (i and f"a{character}".isidentifier())):
                    raise _unexpected(text, start + i)
        start += len(part) + 1


def _check_number(text: str, token: Token) -> None:
    """``1.2.3``, ``1_000`` and ``0x10`` are no products."""
    following = text[token.end : token.end + 1]
    other_base = _OTHER_BASE.match(text, token.start) if token.text == "0" else None
    if other_base:
        raise EquationSyntaxError(
            f"the number {other_base.group()} is malformed",
            [Place(text, token.start, other_base.end())],
            "numbers are decimal: 16, not 0x10",
        )
    if following in ("_", ".") or (token.text[-1] == "." and following.isidentifier()):
        raise EquationSyntaxError(
            f"the number {token.text}{following} is malformed",
            [Place(text, token.start, token.end + 1)],
            "write a number like 2, 0.5 or 1e-3, and a space before a name that it multiplies",
        )


_CHECKS = {"name": _check_name, "number": _check_number}


def _scan(text: str) -> Iterator[Token]:
    """The words of the text, without blanks and comments."""
    position = 0
    while position < len(text):
        match = _PATTERN.match(text, position)
        if match is None:
            raise _unexpected(text, position)
        start, position = match.span()
        kind = str(match.lastgroup)
        if kind == "blank":
            continue
        word = match.group().replace("′", "'")
        word = SPELLINGS.get(word, word)
        token = Token(word if kind == "sign" else kind, word, start, position)
        if kind in _CHECKS and word not in ("sum", "prod"):
            _CHECKS[kind](text, token)
        yield token


def _open(text: str, token: Token, opened: list[int]) -> None:
    if len(opened) >= DEPTH_LIMIT:
        raise EquationSyntaxError(
            f"nested too deeply: more than {DEPTH_LIMIT} brackets stand open here",
            [Place(text, token.start, token.end)],
            "give an inner part a name in an equation of its own",
        )


def _close(text: str, token: Token, opened: list[int], tokens: list[Token]) -> None:
    """The bracket that a closing one closes must be its partner."""
    here = Place(text, token.start, token.end)
    if not opened:
        raise EquationSyntaxError(
            f"{token.text} closes nothing",
            [here],
            f"remove it, or open it before with {_CLOSING[token.text]}",
        )
    opening = tokens[opened.pop()]
    if opening.text != _CLOSING[token.text]:
        raise EquationSyntaxError(
            f"{opening.text} is closed by {token.text}",
            [Place(text, opening.start, opening.end), here],
            "close every bracket by its own kind: ( ) and [ ]",
        )


def _unclosed(text: str, opening: Token) -> EquationSyntaxError:
    return EquationSyntaxError(
        f"{opening.text} is never closed",
        [Place(text, opening.start, opening.end)],
        f"close it with {')' if opening.text == '(' else ']'}",
    )


def tokenise(text: str) -> list[Token]:
    """The tokens of a normalised text, brackets matched, the last one of kind ``end``.

    A line's end is a token only where it ends a statement: not inside brackets, not after a sign.

    >>> [token.text for token in tokenise("y[i] = 2 x[i]")]
    ['y', '[', 'i', ']', '=', '2', 'x', '[', 'i', ']', '']
    """
    tokens: list[Token] = []
    opened: list[int] = []
    for token in _scan(text):
        if token.kind == "line":
            if opened and token.text == ";":
                raise _unclosed(text, tokens[opened[-1]])
            goes_on = not tokens or tokens[-1].kind == "line"
            goes_on |= token.text == "\n" and bool(tokens) and tokens[-1].kind in _CONTINUING
            if opened or goes_on:
                continue
        elif token.kind in ("(", "["):
            _open(text, token, opened)
            opened.append(len(tokens))
        elif token.kind in _CLOSING:
            _close(text, token, opened, tokens)
        elif token.kind in COMPARISONS and opened and tokens[opened[-1]].kind == "[":
            tokens[opened[-1]] = tokens[opened[-1]]._replace(kind="[?")
        tokens.append(token)
    if opened:
        raise _unclosed(text, tokens[opened[-1]])
    return [*tokens, Token("end", "", len(text), len(text))]
