"""Products, quotients and powers as a person would write them, and worth what they were worth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einprop.calculus.algebra import constant, negate, number, power, product, quotient, total
from einprop.notation.parser import parse_expression
from einprop.notation.printer import to_text
from einprop.notation.tree import Expression, Negate, Number
from einprop.reference import evaluate


def read(text: str) -> Expression:
    return parse_expression(text)


@pytest.mark.parametrize(
    ("factors", "text"),
    [
        (("a", "b"), "a b"),
        (("a",), "a"),
        ((), "1"),
        (("1", "a"), "a"),
        (("0", "a"), "0"),
        (("a", "2", "b", "3"), "6 a b"),
        (("-a", "b"), "-a b"),
        (("-a", "-b"), "a b"),
        (("a b", "c d"), "a b c d"),
        (("-a / c", "2 b"), "-2 a b / c"),
        (("a / b", "c / d"), "a c / (b d)"),
        (("6 a", "b / 3"), "2 a b"),
        (("a / 3", "b"), "a b / 3"),
        (("a / 0", "0"), "0 a / 0"),
        (("a + b", "c"), "(a + b) c"),
        (("0.5", "2", "a"), "a"),
    ],
)
def test_products(factors: tuple[str, ...], text: str) -> None:
    assert to_text(product(*map(read, factors))) == text


@pytest.mark.parametrize(
    ("above", "below", "text"),
    [
        ("a", "b", "a / b"),
        ("a", "1", "a"),
        ("a", "-b", "-a / b"),
        ("-a", "-b", "a / b"),
        ("a / b", "c", "a / (b c)"),
        ("a", "b c", "a / (b c)"),
        ("4 a", "2", "2 a"),
        ("3", "2", "3 / 2"),
        ("0", "a", "0"),
        ("1", "a", "1 / a"),
    ],
)
def test_quotients(above: str, below: str, text: str) -> None:
    assert to_text(quotient(read(above), read(below))) == text


@pytest.mark.parametrize(
    ("base", "exponent", "text"),
    [("a", "1", "a"), ("a", "0", "1"), ("a", "2", "a^2"), ("a", "-1", "a^-1"), ("a", "b", "a^b")],
)
def test_powers(base: str, exponent: str, text: str) -> None:
    assert to_text(power(read(base), read(exponent))) == text


def test_signs_cancel() -> None:
    assert negate(negate(read("a"))) == read("a")
    assert negate(Number(0)) == Number(0)
    assert number(-2) == Negate(Number(2))
    assert [constant(read(t)) for t in ("2", "-2", "a", "1 + 1")] == [2, -2, None, None]


def test_zeros_leave_a_sum() -> None:
    assert to_text(total([read("a"), Number(0), read("-b")])) == "a - b"
    assert total([Number(0)]) == total([]) == Number(0)
    assert total([Number(0), read("a")]) == read("a")


_LEAVES = st.sampled_from(["a", "b", "c", "2", "3", "0.5", "-a", "-2"]).map(read)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: product(*parts)),
        st.tuples(inner, inner).map(lambda pair: quotient(*pair)),
        inner.map(negate),
        st.lists(inner, max_size=3).map(total),
    ),
    max_leaves=6,
)


def value(text: str) -> float:
    names = [name for name in "abc" if name in text]
    point = {"a": 1.3, "b": -0.7, "c": 2.1}
    return float(evaluate(f"y = {text}", {name: point[name] for name in names})["y"])


@given(left=_TREES, right=_TREES)
def test_the_value_is_that_of_the_plain_product_and_quotient(
    left: Expression, right: Expression
) -> None:
    texts = [f"({to_text(side)})" for side in (left, right)]
    assert value(to_text(product(left, right))) == pytest.approx(value(" * ".join(texts)))
    if abs(value(texts[1])) > 1e-6:
        assert value(to_text(quotient(left, right))) == pytest.approx(value(" / ".join(texts)))
