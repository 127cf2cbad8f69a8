"""The sides of a contraction, and the order of its letters."""

from __future__ import annotations

from einprop.execution.contractions import classify
from einprop.execution.cost import Machine
from einprop.execution.layout import dense

SIZES = {"a": 2, "b": 3, "c": 4, "d": 5, "u": 1}


def test_the_contracted_order_is_that_of_the_operand_that_would_be_copied() -> None:
    # right is [b,a] in memory: the columns' operand decides, the small left is copied.
    contraction, swapped = classify(
        ("c",), dense(("a", "b"), SIZES), dense(("b", "a", "c"), SIZES), SIZES, Machine()
    )
    assert swapped
    assert contraction.rows == ("c",)
    assert contraction.contracted == ("b", "a")


def test_the_last_index_of_the_target_is_a_column() -> None:
    left, right = dense(("a", "b"), SIZES), dense(("b", "c"), SIZES)
    for target in [("a", "c"), ("c", "a")]:
        contraction, _ = classify(target, left, right, SIZES, Machine())
        assert (*contraction.rows, *contraction.columns) == target
