"""Axis orders and the sides of a contraction."""

from __future__ import annotations

import pytest

from einprop.execution.layout import dense, mergeable

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
