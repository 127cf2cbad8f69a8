"""Junk and the deepest nests: a program, or an `EinpropError` that can be read; never another error."""

from __future__ import annotations

import random
import sys
import threading

import numpy as np
import pytest

from einprop import Program
from einprop.errors import EinpropError
from einprop.notation.depth import deep
from einprop.notation.lexer import DEPTH_LIMIT
from einprop.reference import evaluate

WORDS = (
    *("x", "y", "W", "i", "j", "i'", "σ", "x.grad", "x.T", "pi", "end", "foo", "exp", "sum", "max"),
    *(
        "softmax",
        "where",
        "index",
        "param",
        "def",
        "backward",
        "=",
        "+=",
        "max=",
        "+",
        "-",
        "*",
        "/",
    ),
    *(
        "^",
        "(",
        ")",
        "[",
        "]",
        ",",
        ":",
        ";",
        "\n",
        "<",
        "==",
        "0",
        "3",
        "0x1",
        "1e9",
        ".5",
        "wrap",
    ),
    *("in", "#", "\ufeff", "\x00", "é", "e\u0301", "²", "…", "'", "\u202e", "𝐱", "0:3", "|", '"'),  # noqa: RUF001
)
OPENING = ("(", "[", "exp(", "sum[i](", "x[", "2 (", "-(", "x^(", "[x > ", "silu(", "softmax[i](")


def junk(source: random.Random) -> str:
    """Words in any order, brackets closed or not, sometimes behind the start of an equation."""
    words = source.choices(WORDS, k=source.randint(1, 30))
    if source.random() < 0.3:
        opened = source.choices(OPENING, k=source.randint(1, 12))
        words += opened + ["x"] + [")" if "(" in o else "]" for o in reversed(opened)]
    if source.random() < 0.7:
        words = ["y", "=", *words]
    return source.choice(("", " ")).join(words)


def said(text: str) -> str:
    """What comes of a text: a program that prints and differentiates, or a message."""
    try:
        program = Program(text)
        assert Program(str(program)) == program
        program.backward()
    except EinpropError as error:
        refusal = error
    else:
        return "ran"
    assert str(refusal).encode()
    assert refusal.hint or refusal.places
    return "refused"


@pytest.mark.parametrize("block", range(4))
def test_junk_is_refused_or_runs(block: int) -> None:
    source = random.Random(block)
    found = [said(junk(source)) for _ in range(1000)]
    assert found.count("refused") > 500
    assert found.count("ran") > 5


NESTS = {
    "calls": ("exp(", "x", ")"),
    "parentheses": ("(", "x", ")"),
    "sums": ("(1 + ", "x", ")"),
    "signs": ("-(", "x", ")"),
    "brackets": ("[", "x > 0", "] > 0"),
    "reductions": ("sum[i](", "x", ")"),
    "subscripts": ("a[", "0", "]"),
}


def nest(kind: str, depth: int) -> str:
    before, inner, after = NESTS[kind]
    if kind == "brackets":
        return f"y = {before * depth}{inner}{after * (depth - 1)}]"
    if kind == "reductions":
        return "y = " + "".join(f"sum[i{n}](" for n in range(depth)) + "1" + after * depth
    return f"y = {before * depth}{inner}{after * depth}"


@pytest.mark.parametrize("kind", NESTS)
def test_the_deepest_nests_parse_print_and_run(kind: str) -> None:
    program = Program(nest(kind, DEPTH_LIMIT - 1))
    assert Program(str(program)) == program
    assert program._repr_latex_()
    with pytest.raises(EinpropError, match="nested too deeply"):
        Program(nest(kind, DEPTH_LIMIT + 1))
    if kind in ("subscripts", "reductions"):
        return
    value = evaluate(program, {"x": 0.5})["y"]
    np.testing.assert_array_equal(program(x=0.5), value)
    if kind in ("parentheses", "sums", "signs"):
        derived = program.backward()
        assert Program(str(derived)) == derived
        assert abs(program.grad()(x=0.5)) == 1


def test_a_nest_of_calls_is_derived() -> None:
    program = Program("y = " + "tanh(" * 40 + "x" + ")" * 40)
    derived = program.backward()
    assert Program(str(derived)) == derived
    step = 1e-6
    slope = (program(x=0.5 + step) - program(x=0.5 - step)) / (2 * step)
    np.testing.assert_allclose(program.grad()(x=0.5), slope, rtol=1e-5)


@pytest.mark.slow
def test_the_deepest_nest_of_calls_is_derived() -> None:
    program = Program(nest("calls", DEPTH_LIMIT - 1))
    assert str(program.backward()).count("\n") == 0
    assert program.grad()(x=0.5) > 0


def test_the_recursion_limit_is_set_back() -> None:
    before = sys.getrecursionlimit()
    depths = []

    @deep
    def look() -> None:
        depths.append(sys.getrecursionlimit())

    workers = [threading.Thread(target=look) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with pytest.raises(EinpropError):
        Program("y = (")
    assert min(depths) > before
    assert sys.getrecursionlimit() == before
