"""One operation an equation: the numbering of lectures, and the same meaning as before."""

from __future__ import annotations

import pytest

from einprop import Program
from einprop.calculus.elementary import elementary
from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.notation.tree import Access, Add, Negate, Number, walk


def lines(text: str, taken: str = "") -> list[str]:
    return [to_text(equation) for equation in elementary(parse(text), taken.split())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y = x", ["y = x"]),
        ("y = 2 x", ["v1 = 2 x", "y = v1"]),
        ("y = a b c", ["v1 = a b", "v2 = v1 c", "y = v2"]),
        ("y = -a + b", ["v1 = -a", "v2 = v1 + b", "y = v2"]),
        ("y = a - b c - 1", ["v1 = b c", "v2 = a - v1", "v3 = v2 - 1", "y = v3"]),
        ("y = (a / b)^2", ["v1 = a / b", "v2 = v1^2", "y = v2"]),
        ("y = maximum(a, exp(b))", ["v1 = exp(b)", "v2 = maximum(a, v1)", "y = v2"]),
        ("h = exp(x); y = h h", ["v1 = exp(x)", "h = v1", "v2 = h h", "y = v2"]),
        ("y += 2 x", ["v1 = 2 x", "y += v1"]),
    ],
)
def test_operations_in_order(text: str, expected: list[str]) -> None:
    assert lines(text) == expected


def test_names_that_are_taken() -> None:
    assert lines("y = 2 v1", "y v1") == ["vv1 = 2 v1", "y = vv1"]
    assert lines("y = 2 v", "y v value") == ["v1 = 2 v", "y = v1"]


@pytest.mark.parametrize(
    "text",
    ["y = log(a) + a b - sin(b)", "y = silu(a) / (1 + b^2)", "y = [a > b] (a - b)^3 - -a"],
)
def test_meaning_stays(text: str) -> None:
    program = Program(text)
    equations = elementary(program.resolved.equations, {*program.inputs, "y"})
    for equation in equations:
        kinds = [type(node) for node in walk(equation.expression)]
        operations = [kind for kind in kinds if kind not in (Access, Number)]
        assert len(operations) <= 1 or operations == [Add, Negate]
    again = Program.from_statements(equations)
    assert again(a=1.5, b=-0.5) == pytest.approx(program(a=1.5, b=-0.5), nan_ok=True)
