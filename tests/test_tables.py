"""Cells in columns that line up."""

import pytest

from einprop.tables import aligned

ROWS = [("a", "bb", "c"), ("aaa", "b", "10"), ("", "", "")]


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (0, ["  a  bb   c", "aaa   b  10", ""]),
        (1, ["a    bb   c", "aaa   b  10", ""]),
        (2, ["a    bb   c", "aaa  b   10", ""]),
        (3, ["a    bb  c", "aaa  b   10", ""]),
    ],
)
def test_the_first_columns_stand_left_and_the_others_right(left, expected) -> None:
    assert aligned(ROWS, left) == expected


def test_no_rows_are_no_lines() -> None:
    assert aligned([]) == []
