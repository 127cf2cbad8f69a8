"""Axis orders and the sides of a contraction."""

from __future__ import annotations

import pytest

from einprop.execution.layout import classify, dense, mergeable

SIZES = {"a": 2, "b": 3, "c": 4, "d": 5, "u": 1}


@pytest.mark.parametrize(
    ("stored", "groups", "expected"),
    [
        ("abcd", ["ab", "cd"], True),
        ("abcd", ["ba", "cd"], False),
        ("abcd", ["ac", "bd"], False),
        ("abcd", ["bc", "a", "d"], True),
        ("aubc", ["ab", "c"], True),
        ("abc", ["uab", "c"], True),
        ("", [""], True),
    ],
)
def test_mergeable(stored: str, groups: list[str], expected: bool) -> None:
    lies = dense(tuple(stored), SIZES)
    assert mergeable(lies, [tuple(group) for group in groups], SIZES) is expected


def test_the_contracted_order_is_that_of_the_operand_that_would_be_copied() -> None:
    # right is [b,a] in memory: the columns' operand decides, the small left is copied.
    contraction, swapped = classify(
        ("c",), dense(("a", "b"), SIZES), dense(("b", "a", "c"), SIZES), SIZES
    )
    assert swapped
    assert contraction.rows == ("c",)
    assert contraction.contracted == ("b", "a")


def test_the_last_index_of_the_target_is_a_column() -> None:
    left, right = dense(("a", "b"), SIZES), dense(("b", "c"), SIZES)
    for target in [("a", "c"), ("c", "a")]:
        contraction, _ = classify(target, left, right, SIZES)
        assert (*contraction.rows, *contraction.columns) == target
