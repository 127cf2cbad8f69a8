"""Small sizes that fit: given ones are kept, others differ, what cannot fit is refused."""

from __future__ import annotations

import pytest

from einprop.errors import ShapeError
from einprop.playground.sizes import small_sizes
from einprop.program import Program


def sizes(text: str, **given: int) -> dict[str, int]:
    return small_sizes(Program(text).resolved, given)


def test_sizes_differ_from_letter_to_letter() -> None:
    found = sizes("y[b,j] = x[b,i] W[i,j]")
    assert set(found) == set("bij")
    assert len(set(found.values())) == 3


def test_given_sizes_are_kept_and_others_left_out() -> None:
    assert sizes("y[b,j] = x[b,i] W[i,j]", i=2, z=9)["i"] == 2
    assert "z" not in sizes("y = x[i] x[i]", z=9)


def test_declared_and_derived_sizes_are_not_asked_for() -> None:
    assert sizes("index i: pixel < 5; y[i] = x[i]") == {}
    assert set(sizes("d[i,i'] = x[i] x[i']")) == {"i"}


def test_letters_of_one_type_have_one_size() -> None:
    found = sizes("y[i] = x[i] + z[i]; w[j] = y[j] v[j]")
    assert len(set(found.values())) == 1


def test_a_size_that_another_refuses_is_not_taken() -> None:
    text = "index i: pixel < 6; input x[i]; y[(a b)] = x[i] [i == 0] + z[a,b]; w[i] = x[i] + y[i]"
    found = sizes(text)
    assert Program(text).explain(found).steps
    assert found.get("a", 6) * found.get("b", 1) <= 6


def test_sizes_that_disagree_are_refused() -> None:
    with pytest.raises(ShapeError):
        sizes("index i: pixel < 5; y[i] = x[i]", i=4)
