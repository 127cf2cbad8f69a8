"""Which characters make which tokens, and where a line ends."""

from __future__ import annotations

import pytest

from einprop.errors import EquationSyntaxError
from einprop.notation.lexer import DEPTH_LIMIT, TEXT_LIMIT, normalise, tokenise


def _texts(text: str) -> list[str]:
    return [token.text for token in tokenise(normalise(text))][:-1]


def _kinds(text: str) -> list[str]:
    return [token.kind for token in tokenise(normalise(text))][:-1]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("2x", ["2", "x"]),
        ("2 e3 2e3 2e", ["2", "e3", "2e3", "2", "e"]),
        (".5 1.5e-3 2.", [".5", "1.5e-3", "2."]),
        ("x**2 a·b c⋅d −e", ["x", "^", "2", "a", "*", "b", "c", "*", "d", "-", "e"]),
        ("a≤b≥c≠d", ["a", "<=", "b", ">=", "c", "!=", "d"]),
        ("Σ[i] ∑[i] Π ∏ Σx", ["sum", "[", "i", "]", "sum", "[", "i", "]", "prod", "prod", "Σx"]),
        ("i' i′ i''", ["i'", "i'", "i''"]),
        ("h.grad x.value.dot", ["h.grad", "x.value.dot"]),
        ("y\u0302 ŷ x\u0302", ["ŷ", "ŷ", "x\u0302"]),
        ("a\u00a0b\tc\r\nd", ["a", "b", "c", "\n", "d"]),
        ("a+=b", ["a", "+=", "b"]),
        ("# only a comment ∞ 😀", []),
    ],
)
def test_tokens(text: str, tokens: list[str]) -> None:
    assert _texts(text) == tokens


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a\nb", 1),
        ("a;b", 1),
        ("\n\n;a;\n;\nb", 1),
        ("a +\n\n b", 0),
        ("a + # more\n b", 0),
        ("(a\nb)", 0),
        ("x[i,\n j]", 0),
        ("a =\n b\n# comment\n", 1),
    ],
)
def test_a_line_goes_on_inside_brackets_and_after_signs(text: str, lines: int) -> None:
    assert _kinds(text).count("line") == lines


def test_a_bracket_that_compares_is_told_from_one_that_subscribes() -> None:
    assert _kinds("x[i] [i == j] [(i == j)]").count("[?") == 1


def test_places_refer_to_the_normalised_text() -> None:
    text = normalise("y\u0302 = z")
    assert [text[token.start : token.end] for token in tokenise(text)] == ["ŷ", "=", "z", ""]


UNPRINTABLE = "remove it; a program is printable text"


@pytest.mark.parametrize(
    ("text", "message", "shown", "carets", "hint"),
    [
        (
            "y = a $ b",
            "the character $ (U+0024 DOLLAR SIGN) has no meaning here",
            "y = a $ b",
            "      ^",
            "names are made of letters, digits and _; signs are + - * / ^ = += == != < <= > >=",
        ),
        (
            "y = x²",
            "the character ² (U+00B2 SUPERSCRIPT TWO) has no meaning here",
            "y = x²",
            "     ^",
            "write ^2",
        ),
        (
            "y = 1_000",
            "the number 1_ is malformed",
            "y = 1_000",
            "    ^^",
            "write a number like 2, 0.5 or 1e-3, and a space before a name that it multiplies",
        ),
        (
            "y = (a]",
            "( is closed by ]",
            "y = (a]",
            "    ^ ^",
            "close every bracket by its own kind: ( ) and [ ]",
        ),
        ("y = a)", ") closes nothing", "y = a)", "     ^", "remove it, or open it before with ("),
        ("y = x[i; z = 2", "[ is never closed", "y = x[i; z = 2", "     ^", "close it with ]"),
        *(
            (
                f"y[b,j] = x[{dots}, i] W[i,j]",
                "there is no ellipsis: every index of a tensor has a name",
                f"y[b,j] = x[{dots}, i] W[i,j]",
                "           " + "^" * len(dots),
                'write them all, as in x[b,i]; for a batch write one example and lift it by batched("b")',
            )
            for dots in ("...", "…")
        ),
        (
            "y = \x1b[31m",
            "the character U+001B cannot stand in a program",
            "y = \ufffd[31m",
            "    ^",
            UNPRINTABLE,
        ),
        (
            "y = \ud800",
            "the character U+D800 cannot stand in a program",
            "y = \ufffd",
            "    ^",
            UNPRINTABLE,
        ),
        (
            "# \u202e",
            "the character U+202E RIGHT-TO-LEFT OVERRIDE cannot stand in a program",
            "# \ufffd",
            "  ^",
            UNPRINTABLE,
        ),
    ],
)
def test_refused_text(text: str, message: str, shown: str, carets: str, hint: str) -> None:
    with pytest.raises(EquationSyntaxError) as caught:
        tokenise(normalise(text))
    assert str(caught.value) == f"{message}\n    {shown}\n    {carets}\n{hint}"
    assert str(caught.value).encode()


@pytest.mark.parametrize("text", ["1.2.3", "2.x", "a..b", "a.", "{", "@", "\u200b", "'", "😀", "٣"])
def test_characters_out_of_place(text: str) -> None:
    with pytest.raises(EquationSyntaxError):
        tokenise(normalise(text))


@pytest.mark.parametrize("text", [None, b"y = 2", 3, ["y = 2"]])
def test_a_program_is_text(text: object) -> None:
    with pytest.raises(EquationSyntaxError, match="a program is text, not"):
        normalise(text)  # type: ignore[arg-type]


def test_limits() -> None:
    normalise("#" * TEXT_LIMIT)
    with pytest.raises(EquationSyntaxError, match="characters, more than"):
        normalise("#" * (TEXT_LIMIT + 1))
    with pytest.raises(EquationSyntaxError, match="accents"):
        normalise("a" + "\u0300\u0323" * 1000)
    tokenise("(" * DEPTH_LIMIT + ")" * DEPTH_LIMIT)
    with pytest.raises(EquationSyntaxError, match="nested too deeply"):
        tokenise("(" * (DEPTH_LIMIT + 1) + ")" * (DEPTH_LIMIT + 1))
