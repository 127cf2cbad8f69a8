"""The declared types of a chain: numbered, united, refused where their sizes differ."""

import pytest

from einprop.errors import ShapeError
from einprop.layers.types import ChainTypes
from einprop.notation.printer import to_text


def printed(types: ChainTypes) -> str:
    declaration = types.declaration()
    assert declaration is not None
    return to_text(declaration)


def test_nothing_declared_prints_nothing() -> None:
    assert ChainTypes().declaration() is None


def test_a_name_that_comes_once_has_no_number() -> None:
    types = ChainTypes()
    types.assign("i", types.new("row", None))
    types.assign("j", types.new("column", (3,)))
    assert printed(types) == "index i: row, j: column < 3"


def test_a_letter_that_is_declared_twice_has_the_type_of_the_first() -> None:
    types = ChainTypes()
    types.assign("i", types.new("row", None))
    types.assign("i", types.new("pixel", (28,)))
    assert printed(types) == "index i: row < 28"


def test_joined_letters_share_a_type() -> None:
    types = ChainTypes()
    types.assign("i", types.new("feature", (8,)))
    types.assign("j", types.new("feature", (8,)))
    types.join("i", "j")
    types.join("k", "j")
    types.join("l", "m")
    assert printed(types) == "index i, j, k: feature < 8"


def test_a_size_may_name_a_type() -> None:
    types = ChainTypes()
    time = types.new("time", None)
    types.assign("t", time)
    types.assign("u", types.new("time", (time, 1)))
    assert printed(types) == "index t: time1, u: time2 < time1+1"


def test_two_sizes_of_one_letter_are_refused() -> None:
    types = ChainTypes()
    types.assign("i", types.new("feature", (8,)))
    with pytest.raises(ShapeError, match=r"index i \(type feature\) has size 8 .* but size 9"):
        types.assign("i", types.new("model", (9,)))
