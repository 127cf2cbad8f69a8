"""MathML that is well formed, says what the LaTeX says, and reads as expected in small."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings

from einprop import Program
from einprop.notation.latex import to_latex
from einprop.notation.mathml import to_mathml
from einprop.notation.parser import parse
from einprop.notation.tree import Number, Statement
from tests.strategies.language.programs import Case, programs

SPACE = "{http://www.w3.org/1998/Math/MathML}"


def cells(text: str) -> list[str]:
    """What the cells of all rows read, element by element: letters, signs and brackets of layout."""
    return [shown(cell) for cell in tree(parse(text)).iter(f"{SPACE}mtd")]


def tree(statements: Iterable[Statement]) -> ET.Element:
    return ET.fromstring(to_mathml(statements))  # noqa: S314  our own text


BRACKETS = {
    "msub": "_",
    "msup": "^",
    "mfrac": "/",
    "mover": "over",
    "munder": "under",
    "msqrt": "√",
}


def shown(node: ET.Element) -> str:
    tag = node.tag.removeprefix(SPACE)
    if tag == "mspace":
        return " "
    inside = [shown(child) for child in node]
    if tag in BRACKETS:
        return f"{BRACKETS[tag]}{{{';'.join(inside)}}}"
    return (node.text or "").replace("\u2061", "") + "".join(inside)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y = x", ["y", "=x"]),
        ("y[b,j] = x[b,i] W[i,j]", ["_{y;b,j}", "=_{x;b,i} _{W;i,j}"]),
        ("beta[i] += x", ["_{β;i}", "+=x"]),
        ("x.grad[i'] = y.dot", ["_{over{x;‾};i′}", "=over{y;˙}"]),
        ("x.jacobian.y = x.seed.grad", ["x.jacobian.y", "=over{x.seed;‾}"]),
        ("y = a - b + -c", ["y", "=a−b−c"]),
        ("y = -(a + b)", ["y", "=−(a+b)"]),
        ("y = a * (b + c)", ["y", "=a (b+c)"]),
        ("y = 2 x 3", ["y", "=2 x⋅3"]),
        ("y = a / (b + c)", ["y", "=/{a;b+c}"]),
        ("y = (a + b)^2 c^(d e)", ["y", "=^{(a+b);2} ^{c;d e}"]),
        ("y = sqrt(x)^2 abs(z) floor(w)", ["y", "=^{√{x};2} |z| ⌊w⌋"]),
        ("y = sum[i](x[i]) z", ["y", "=(under{∑;i}_{x;i}) z"]),
        ("y = z sum[i](x[i] - 1)", ["y", "=z under{∑;i}(_{x;i}−1)"]),
        ("p = softmax[k](s[k])", ["p", "=_{softmax;k}(_{s;k})"]),
        ("y = maximum(a, b)", ["y", "=max(a,b)"]),
        ("y[i] = [i <= 3] [x[i] != 2]", ["_{y;i}", "=[i≤3] [_{x;i}≠2]"]),
        ("y[i] = x[pad(2*i+p-1)]", ["_{y;i}", "=_{x;pad(2i+p−1)}"]),
        ("y[i] = x[end-i]", ["_{y;i}", "=_{x;end−i}"]),
        ("y[(h d)] = E[t[h],d]", ["_{y;(h d)}", "=_{E;_{t;h},d}"]),
        ("y = 1e-30 x", ["y", "=1⋅^{10;−30} x"]),
        ("y[i] = x[i+1] where i in 0:4, x[i]", ["_{y;i}", "=_{x;i+1}, 0≤i<4,_{x;i} inside"]),
        ("index i, j: pixel < 5, k: n < pixel+2-1", ["i,j∈pixel,|pixel|=5;k∈n,|n|=|pixel|+2−1"]),
        ("param W[i,j], b", ["param _{W;i,j},b"]),
        ("def f[i](x) = x", ["_{f;i}(x)", "=x"]),
        ("y = x\noverride x.grad += y.grad", ["y", "=x", "override over{x;‾}", "+=over{y;‾}"]),
        ("y[k] max= x[k]", ["_{y;k}", "max=_{x;k}"]),
    ],
)
def test_small_programs(text: str, expected: list[str]) -> None:
    assert cells(text) == expected


def test_signs_of_markup_are_escaped() -> None:
    assert "<mo>&lt;</mo>" in to_mathml(parse("y[i] = [i < 3]"))


def test_numbers_that_only_passes_make() -> None:
    for value, expected in ((-2.0, "(−2.0)"), (float("inf"), "∞"), (float("nan"), "nan")):
        (equation,) = parse("y = x")
        changed = type(equation)(equation.target, "=", Number(value))
        found = tree([changed])
        assert shown(found) == f"y={expected}"


@pytest.mark.parametrize("opening", ["(", "exp(", "-(a + ", "sum[i](x[i] + ", "1 / (1 + ", "2^("])
def test_deep_trees(opening: str) -> None:
    depth = 60 if "sum" in opening else 90
    text = "y = " + opening * depth + "z" + ")" * depth
    assert to_mathml(parse(text)).count("<mi>z</mi>") == 1


@settings(max_examples=30)
@given(programs())
def test_it_says_what_the_latex_says(case: Case) -> None:
    program = Program(case.text)
    statements = (*program.statements, *program.resolved.equations)
    assert len(list(tree(statements).iter(f"{SPACE}mtr"))) == len(statements)
    mathml, latex = to_mathml(statements), to_latex(statements)
    assert mathml.count(">(<") == latex.count("(")
    assert mathml.count("<mfrac>") == latex.count(r"\frac")
    assert mathml.count("<msqrt>") == latex.count(r"\sqrt")
    assert mathml.count(">∑<") == latex.count(r"\sum")
