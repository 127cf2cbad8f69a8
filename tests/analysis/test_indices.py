"""Free, bound and fresh indices, and renaming that captures nothing."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einprop.analysis.indices import (
    TypedLetters,
    equation_indices,
    free_indices,
    fresh_index,
    is_distinct,
    is_plain,
    numbered,
    plain_subscripts,
    rename_apart,
    rename_indices,
    subscript_indices,
    target_indices,
    unprimed,
)
from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.notation.tree import Access, Equation, Expression


def equation(text: str) -> Equation:
    (statement,) = parse(text)
    assert isinstance(statement, Equation)
    return statement


def expression(text: str) -> Expression:
    return equation(f"y = {text}").expression


@pytest.mark.parametrize(("index", "bare"), [("i", "i"), ("i'", "i"), ("jj''", "jj")])
def test_primes_come_off(index: str, bare: str) -> None:
    assert unprimed(index) == bare


@pytest.mark.parametrize(
    ("text", "letters", "plain", "distinct"),
    [
        ("A", (), True, True),
        ("A[i,j]", ("i", "j"), True, True),
        ("A[i,j,i]", ("i", "j", "i"), True, False),
        ("A[i,i+1]", ("i",), False, False),
        ("A[i,p[j]]", ("i",), False, False),
        ("A[pad(i)]", (), False, False),
        ("A[i,(j k)]", ("i",), False, False),
    ],
)
def test_plain_subscripts(text: str, letters: tuple[str, ...], plain: bool, distinct: bool) -> None:
    access = expression(text)
    assert isinstance(access, Access)
    assert plain_subscripts(access) == letters
    assert (is_plain(access), is_distinct(access)) == (plain, distinct)


@pytest.mark.parametrize(
    ("text", "free"),
    [
        ("x[b,i] W[i,j] + B[j]", ("b", "i", "j")),
        ("sum[i](x[b,i] W[i,j]) + B[j]", ("b", "j")),
        ("A[i,i]", ("i",)),
        ("2", ()),
        ("[i == j] x[j,i]", ("i", "j")),
        ("sum[i]([i == j] x[j])", ("j",)),
        # bound in one place and free in another
        ("exp(s[k]) / sum[k](exp(s[k]))", ("k",)),
        ("sum[k](s[k]) + s[k]", ("k",)),
        ("max[i](sum[j](x[i,j]) y[j])", ("j",)),
    ],
)
def test_free_indices_in_order_of_appearance(text: str, free: tuple[str, ...]) -> None:
    assert free_indices(expression(text)) == free


def test_an_equation_lists_bound_indices_too() -> None:
    line = equation("y[b] = sum[i](x[b,i]) + sum[q]([b > q]) prod[r](2)")
    assert equation_indices(line) == ("b", "i", "q", "r")


def test_subscripts_that_compute_name_each_occurrence() -> None:
    read = equation("y = x[2*i+p, E[tok[b],d], (h k), pad(j-1), j]").expression
    found = [subscript_indices(s) for s in read.subscripts]  # type: ignore[union-attr]
    assert found == [("i", "p"), ("b", "d"), ("h", "k"), ("j",), ("j",)]
    assert target_indices(read) == ("i", "p", "b", "d", "h", "k", "j")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("index", "taken", "fresh"),
    [("k", {}, "k"), ("k", {"k"}, "k'"), ("k'", {"k", "k'"}, "k''"), ("k'", {"k'"}, "k")],
)
def test_a_fresh_index_has_as_few_primes_as_will_do(index: str, taken, fresh: str) -> None:
    assert fresh_index(index, taken) == fresh


@pytest.mark.parametrize(
    ("text", "names", "renamed"),
    [
        ("x[i] W[i,j]", {"i": "k"}, "x[k] W[k,j]"),
        # at the same time, not one after the other
        ("W[i,j]", {"i": "j", "j": "i"}, "W[j,i]"),
        ("[i == j] x[i,j]", {"i": "k"}, "[k == j] x[k,j]"),
        # a bound index stays, and steps aside for a new free one
        ("sum[i](x[i]) + x[i]", {"i": "k"}, "sum[i](x[i]) + x[k]"),
        ("sum[k](s[b,k])", {"b": "k"}, "sum[k'](s[k,k'])"),
        ("sum[k](s[b,k] sum[b](t[b,k]))", {"b": "k"}, "sum[k'](s[k,k'] sum[b](t[b,k']))"),
        ("sum[i,j](x[i,j,k])", {"k": "i"}, "sum[i',j](x[i',j,i])"),
        ("sum[i](x[i,j,k])", {"j": "i", "k": "i'"}, "sum[i''](x[i'',i,i'])"),
        ("x[2*i+p, (h k), pad(i-1)]", {"i": "j", "h": "g"}, "x[2*j+p,(g k),pad(j-1)]"),
        ("x[i]", {}, "x[i]"),
    ],
)
def test_renaming_captures_nothing(text: str, names: dict[str, str], renamed: str) -> None:
    assert to_text(rename_indices(expression(text), names)) == renamed


@pytest.mark.parametrize(
    ("text", "taken", "apart"),
    [
        ("sum[k](s[k])", "b", "sum[k](s[k])"),
        ("sum[k](s[k])", "k", "sum[k'](s[k'])"),
        ("sum[i](x[i] sum[i](y[i]))", "", "sum[i](x[i] sum[i'](y[i']))"),
        # side by side they may share a name
        ("sum[i](x[i]) + sum[i](y[i])", "", "sum[i](x[i]) + sum[i](y[i])"),
        ("exp(s[k]) / sum[k](exp(s[k]))", "k", "exp(s[k]) / sum[k'](exp(s[k']))"),
    ],
)
def test_bound_indices_are_renamed_apart(text: str, taken: str, apart: str) -> None:
    assert to_text(rename_apart(expression(text), frozenset(taken))) == apart


def test_a_number_makes_a_name_free() -> None:
    assert numbered("cell", lambda name: False) == "cell"
    assert numbered("cell", {"cell", "cell2", "cell4"}.__contains__) == "cell3"


def test_a_letter_is_shared_by_one_type_alone() -> None:
    letters = TypedLetters()
    assert letters.take("i", "pixel") == "i"
    assert letters.take("i", "class") == "i2"
    assert letters.take("i", "class", ("i2",)) == "i3"
    assert letters.take("i", "class") == "i2"
    assert letters.take("j", "pixel") == "j"
    assert letters.first == {"pixel": "i", "class": "i2"}


def naive_letter(letter: str, key: object, types: dict[str, object], taken: set[str]) -> str:
    return numbered(letter, lambda own: types.get(own, key) != key or own in taken)


@given(st.randoms(use_true_random=False))
def test_letters_are_those_that_a_search_from_the_start_finds(draw: random.Random) -> None:
    letters, types = TypedLetters(), dict[str, object]()
    names = ("i", "i1", "i2", "i12", "i02", "j", "j2")
    for _ in range(60):
        name, key = draw.choice(names), draw.randrange(4)
        taken = set(draw.sample((*names, "i3", "j3", "i13"), draw.randrange(4)))
        expected = naive_letter(name, key, types, taken)
        types[expected] = key
        assert letters.take(name, key, taken) == expected
    assert letters.types == types
