"""Computed subscripts, positions and cumulative sums as steps."""

from __future__ import annotations

import pytest

from einprop.execution.lower import lower
from einprop.execution.steps import Contraction, Cumulation, Gather, Operand, Reduction, Scatter
from einprop.notation.parser import parse
from einprop.notation.tree import Access, Affine, Call, Equation, Index

SIZES = {"i": 4, "j": 3, "s": 4, "t": 4}


def test_a_gather_keeps_its_subscripts() -> None:
    (step,) = lower(parse("y[i,j] = E[n[i],j+1]"), SIZES, ["y"], {"n": (4,), "E": (9, 5)}).steps
    n, j = Operand("n", ("i",)), Affine(((1, "j"),), 1)
    assert step.operation == Gather((n, j))
    assert step.operands == (Operand("E"), n)


def test_a_scatter_reads_value_and_positions() -> None:
    found = lower(parse("S[n[i]] max= x[i]"), SIZES, ["S"], {"n": (4,)}, {"S": ("j",)})
    fill, step = found.steps
    n = Operand("n", ("i",))
    assert step.operation == Scatter("maximum", (n,))
    assert step.operands == (Operand("x", ("i",)), n)
    assert found.integers == {"n"}
    assert found.shapes == {"S": (3,)}
    assert fill.target == Operand("S", ("j",))


def test_nested_gathers_are_not_flat() -> None:
    with pytest.raises(TypeError, match="not part of a flat program"):
        lower(parse("y[i] = x[n[m[i]]]"), SIZES, ["y"])


def test_axes_must_be_given() -> None:
    with pytest.raises(TypeError, match="axes of X"):
        lower(parse("X[i+1] += x[i]"), SIZES, ["X"])


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ("[s <= t]", (False, False)),
        ("[t >= s]", (False, False)),
        ("[s < t]", (False, True)),
        ("[s >= t]", (True, False)),
        ("[t < s]", (True, True)),
    ],
)
def test_cumulative_sums(mask: str, expected: tuple[bool, bool]) -> None:
    text = f"M[s,t] = {mask}; y[i,t] = sum[s](M[s,t] x[s,i])"
    (step,) = lower(parse(text), SIZES, ["y"]).steps
    assert step.operation == Cumulation("s", "t", *expected)


def test_other_comparisons_are_products() -> None:
    for text in ("M[s,t] = [s != t]", "M[s,t] = [s <= 2]"):
        steps = lower(parse(f"{text}; y[t] = sum[s](M[s,t] x[s])"), SIZES, ["y"]).steps
        assert any(isinstance(step.operation, Contraction) for step in steps)


def test_the_place_of_the_most() -> None:
    x = Access("x", (Index("i"), Index("j")))
    most = Equation(Access("y", (Index("i"),)), "=", Call("argmax", (x,), ("j",)))
    (step,) = lower([most], SIZES, ["y"]).steps
    assert step.operation == Reduction("argmax", ("j",))
