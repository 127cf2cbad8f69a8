"""Flat equations as pairs of operands."""

from __future__ import annotations

import pytest

from einprop.execution.lower import lower
from einprop.execution.steps import (
    Accumulate,
    Contraction,
    Copy,
    Elementwise,
    Operation,
    Reduction,
    Window,
)
from einprop.notation.parser import parse
from einprop.notation.tree import Access, Add, Affine, Equation, Index, Negate

SIZES = {"i": 4, "j": 3, "k": 2}


def operations(text: str) -> list[Operation]:
    return [step.operation for step in lower(parse(text), SIZES, ["y"]).steps]


def functions(text: str) -> list[str]:
    return [op.function for op in operations(text) if isinstance(op, Elementwise)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y[i] = a[i] + c[i] - d[i]", ["add", "subtract"]),
        ("y[i] = -a[i] + c[i]", ["subtract"]),
        ("y[i] = -a[i] - c[i]", ["add", "negative"]),
        ("y[i] = a[i] c[i] d[i]", ["multiply", "multiply"]),
        ("y[i] = 1 / a[i]", ["reciprocal"]),
        ("y[i] = a[i]^2", ["square"]),
        ("y[i] = a[i]^3", ["square", "multiply"]),
        ("y[i] = a[i]^0.5", ["sqrt"]),
        ("y[i] = a[i]^1.5", ["power"]),
        ("y[i] = a[i]^(-1)", ["reciprocal"]),
        ("y[i] = clip(a[i], 0, c[i])", ["maximum", "minimum"]),
        ("y[i] = [a[i] <= c[i]]", ["less_equal"]),
        ("y[i] = stop_gradient(a[i])", []),
    ],
)
def test_elementwise(text: str, expected: list[str]) -> None:
    assert functions(text) == expected


def test_structure() -> None:
    i = Affine(((1, "i"),))
    assert operations("y[i] = A[i,i]") == [Window((i, i)), Copy()]
    assert operations("y[i,i] = a[i]") == [Copy(), Window((i, i)), Accumulate("copy", (), True)]
    assert operations("y[i,j] = a[i]") == [Copy()]
    assert operations("y[i] = sum[j](A[i,j])") == [Reduction("sum", ("j",))]
    assert operations("y[i] = a[i] c[]") == [Elementwise("multiply")]
    assert operations("y = sum[i](a[i] c[i])") == [Contraction(contracted=("i",))]


def test_presums_leave_a_plain_product() -> None:
    assert operations("y[i] = sum[j,k](A[i,j] c[k])") == [
        Reduction("sum", ("j",)),
        Reduction("sum", ("k",)),
        Elementwise("multiply"),
    ]


def test_small_factors_meet_first() -> None:
    steps = lower(parse("y[i,j] = A[i,j] c[i] d[i]"), SIZES, ["y"]).steps
    assert [step.target.indices for step in steps] == [("i",), ("i", "j")]


def test_a_negated_first_term_moves_behind() -> None:
    a, b = Access("a"), Access("b")
    (step,) = lower([Equation(Access("y"), "=", Add((Negate(a), b)))], {}, ["y"]).steps
    assert step.operation == Elementwise("subtract")


def test_what_is_not_flat_is_refused() -> None:
    with pytest.raises(TypeError, match="not part of a flat program"):
        lower([Equation(Access("y"), "=", Index("i"))], SIZES, ["y"])  # type: ignore[arg-type]


def test_what_is_the_same_at_each_position_is_added_before_the_loop() -> None:
    text = (
        "h[0,j] += z[j]; q[t,j] = sum[k](h[t,k] U[k,j]); s[t,j] = q[t,j] + a[t,j] + B[j];"
        "e[t,j] = tanh(s[t,j]); h[t+1,j] += e[t,j]; y[i,j] = h[i,j]"
    )
    found = lower(parse(text), {"t": 3, "j": 2, "k": 2, "i": 4}, ["y"], {}, {"h": ("i", "j")})
    (loop,) = found.loops
    sums = [n for n, s in enumerate(found.steps) if s.operation == Elementwise("add")]
    assert [loop.start <= number < loop.stop for number in sums] == [False, True]
