"""Where an error stands in what was typed: accents, line ends, letters of two units, other texts."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einprop.errors import EinpropError, Place
from einprop.notation.lexer import normalise
from einprop.playground.marks import marks
from einprop.program import Program


def refused(text: str) -> EinpropError:
    with pytest.raises(EinpropError) as found:
        Program(text)
    return found.value


def marked(text: str) -> list[str]:
    """The marked stretches, cut out of the typed text as JavaScript cuts."""
    units = text.encode("utf-16-le", "surrogatepass")
    found = marks(refused(text), text)
    return [units[2 * start : 2 * end].decode("utf-16-le", "surrogatepass") for start, end in found]


@pytest.mark.parametrize(
    ("text", "stretches"),
    [
        ("y[b] = x[b,i]", ["i"]),
        ("\ty[b]\t= x[b,\ti]", ["i"]),
        ("y\u0302[b] = x[b,i]", ["i"]),
        ("y[b] = w\u0302[b]; z = w\u0302", ["w\u0302[b]", "w\u0302"]),
        ("\U0001d4b3[b] = x[b,i]", ["i"]),
        ("\u1112\u1161\u11ab = x[b,b] y[i]", ["i"]),
        ("\u212b[b] = x[b,i]", ["i"]),
        ("y[b,j] = x[b,i] W[i,jj]", ["j", "jj"]),
        ("y = x # \u0007", ["\u0007"]),
        ("y\u0302 = \u202e x", ["\u202e"]),
        ("y = (x", ["("]),
        ("y =", [""]),
    ],
)
def test_the_marked_text(text: str, stretches: list[str]) -> None:
    assert marked(text) == stretches


def test_an_accent_too_many_is_marked() -> None:
    text = "y = x" + "\u0301" * 40
    assert marked(text) == ["\u0301"]
    assert marks(refused(text), text)[0][0] > 30


def test_a_place_of_another_text_is_not_marked() -> None:
    assert marks(EinpropError("", [Place("z = 2", 0, 1)]), "y = 2") == []


def test_a_mark_counts_a_line_end_once() -> None:
    assert marks(refused("y = 1\r\nz = ("), "y = 1\r\nz = (") == [(10, 11)]


LETTERS = st.sampled_from("yx =[]\n\u0302\u0301\u0323a\u1112\u1161\u11ab\u212b\U0001d4b3é")


@given(st.text(LETTERS, max_size=20), st.data())
def test_a_place_in_the_normalised_text_is_found_in_the_typed_one(text: str, data) -> None:
    normal = normalise(text)
    start = data.draw(st.integers(0, len(normal)))
    end = data.draw(st.integers(start, len(normal)))
    ((first, last),) = marks(EinpropError("", [Place(normal, start, end)]), text)
    units = text.encode("utf-16-le")
    before, inside = (
        part.decode("utf-16-le") for part in (units[: 2 * first], units[2 * first : 2 * last])
    )
    # Chunks are whole: what is marked holds at least the place, and begins no later.
    assert len(unicodedata.normalize("NFC", before)) <= start
    if end > start:
        assert unicodedata.normalize("NFC", before + inside).startswith(normal[:end])
