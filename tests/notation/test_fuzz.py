"""No text does anything but parse or be refused by an `EinpropError`, in bounded time."""

from __future__ import annotations

import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einprop.errors import EinpropError
from einprop.notation.parser import parse, parse_expression
from einprop.notation.printer import program_text
from einprop.notation.tree import Statement
from tests.strategies import trees

PIECES = [
    *(
        "y",
        "x",
        "i",
        "j",
        "W",
        "loss",
        "x.grad",
        "end",
        "index",
        "input",
        "def",
        "in",
        "i'",
        "Σ",
        "ŷ",
    ),
    *("sum", "max", "exp", "softmax", "where", "pad", "clip", "__import__", "lambda", "eval"),
    *(
        "0",
        "1",
        "2.5",
        "1e9",
        "1e999",
        "[",
        "]",
        "(",
        ")",
        ",",
        ":",
        ";",
        "\n",
        " ",
        "#",
        "=",
        "+=",
    ),
    *("+", "-", "*", "/", "^", "**", "==", "<", "≤", "y[i] = ", "sum[i](", "x[b,i]", "[i == j]"),
]

HOSTILE = [
    "y = __import__('os').system('true')",
    "y = __import__[i](os)",
    "__class__.__mro__[1] = 2",
    "y = eval(x)",
    "y = " + "9" * 5000,
    "y = x[" + "9" * 5000 + "]",
    "y = x where i in 0:" + "9" * 400,
    "y = 2^9999999999^9999999999",
    "y = " + "(" * 100_000,
    "y = " + "-" * 100_000 + "a",
    "y = " + "(-" * 150 + "a" + ")" * 150,
    "y = " + "x[" * 150 + "i" + "]" * 150,
    "y = " + "exp(a / (b + c^(d e " * 60 + "a" + ")))" * 60,
    "y = a" + "/a" * 100_000,
    "y = a" + "^a" * 100_000,
    "y = a" + " + a" * 20_000,
    "a" + "\u0300\u0323" * 100_000,
    "\x00",
    "\ud800",
    "y = '\\''",
    "🙂" * 1000,
    "y = " + " ".join(f"sig{n} (a)" for n in range(3000)),
]


def _check_message(error: EinpropError) -> None:
    """It can be printed on any terminal, and says what would be legal."""
    assert str(error).encode().startswith(error.message.encode())
    assert error.hint


def _survives(text: str) -> None:
    try:
        result = parse(text)
    except EinpropError as error:
        _check_message(error)
        return
    assert isinstance(result, tuple)
    assert parse(program_text(result)) == result


@settings(max_examples=400, deadline=2000)
@given(st.text())
def test_any_text(text: str) -> None:
    _survives(text)


@settings(max_examples=400, deadline=2000)
@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_words_of_the_language_in_any_order(words: list[str]) -> None:
    _survives("".join(words))
    _survives(" ".join(words))


@settings(max_examples=200, deadline=2000)
@given(st.binary())
def test_decoded_bytes(data: bytes) -> None:
    _survives(data.decode("utf-8", "surrogateescape"))
    _survives(data.decode("latin-1"))


@settings(max_examples=200, deadline=2000)
@given(trees.programs, st.integers(0, 10**6), st.integers(0, 10**6))
def test_programs_cut_to_pieces(program: tuple[Statement, ...], first: int, second: int) -> None:
    text = program_text(program)
    start, end = sorted((first % (len(text) + 1), second % (len(text) + 1)))
    _survives(text[:end])
    _survives(text[start:])
    _survives(text[:start] + text[end:])


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text(text: str) -> None:
    began = time.monotonic()
    _survives(text)
    assert time.monotonic() - began < 20


def test_a_nearly_full_stack_has_room_for_a_deep_nest() -> None:
    limit = sys.getrecursionlimit()

    def deeper(levels: int) -> None:
        if levels:
            deeper(levels - 1)
        else:
            assert parse_expression("(" * 190 + "a" + ")" * 190) == parse_expression("a")
            assert sys.getrecursionlimit() == limit

    frame, depth = sys._getframe(), 0
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    deeper(sys.getrecursionlimit() - depth - 200)
