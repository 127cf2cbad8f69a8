"""The LaTeX of each construct, made of commands that KaTeX and amsmath have."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given, settings

from einprop.notation.latex import to_latex
from einprop.notation.latex_names import ACCENTS, GREEK
from einprop.notation.parser import parse
from einprop.notation.tree import Access, Equation, Number, Statement
from tests.strategies import trees

# fmt: off
COMMANDS = {
    *GREEK, *ACCENTS.values(), "begin", "end", "bar", "mathit", "mathrm", "mathrel", "text",
    "operatorname", "left", "right", "frac", "sqrt", "sum", "prod", "exp", "log", "sin", "cos",
    "tan", "sinh", "cosh", "tanh", "max", "min", "cdot", "quad", "in", "le", "ge", "ne", "lfloor", "rfloor",
}
# fmt: on


def _row(text: str) -> str:
    lines = to_latex(parse(text)).split("\n")
    assert (lines[0], lines[-1]) == (r"\begin{aligned}", r"\end{aligned}")
    return "\n".join(lines[1:-1])


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("y[b,j] = x[b,i] W[i,j] + B[j]", r"y_{b,j} &= x_{b,i} \, W_{i,j} + B_{j}"),
        (
            "W.grad[i,j] += y.grad[b,j] x[b,i]",
            r"\bar{W}_{i,j} &\mathrel{+}= \bar{y}_{b,j} \, x_{b,i}",
        ),
        ("loss.grad.dot = 1", r"\dot{\overline{\mathit{loss}}} &= 1"),
        ("h.cell[i] max= x.dot[i]", r"\mathit{h.cell}_{i} &\mathrel{\max}= \dot{x}_{i}"),
        (
            "y = beta β Δx log_p W0",
            r"y &= \beta \, \beta \, \mathit{\Delta x} \, \mathit{log\_p} \, \mathit{W0}",
        ),
        ("ŷ[i'] = a[i']", r"\hat{y}_{i'} &= a_{i'}"),
        ("y = sum[i,j](a[i] b[j]) c", r"y &= \left(\sum_{i,j} a_{i} \, b_{j}\right) \, c"),
        ("y = c sum[i](a[i] + b[i])", r"y &= c \, \sum_{i} \left(a_{i} + b_{i}\right)"),
        ("y = a b / c * d", r"y &= \frac{a \, b}{c} \, d"),
        ("y = -(a + b) - (-c)", r"y &= -\left(a + b\right) - \left(-c\right)"),
        ("y = exp(a)^2 a^-b", r"y &= {\left(\exp\left(a\right)\right)}^{2} \, {a}^{-b}"),
        (
            "y = relu(a) sqrt(b) abs(c)",
            r"y &= \operatorname{relu}\left(a\right) \, \sqrt{b} \, \left|c\right|",
        ),
        (
            "p[k] = log_softmax[k](s[k])",
            r"p_{k} &= \operatorname{log\_softmax}_{k}\left(s_{k}\right)",
        ),
        ("y[q] = 2 * 1e-5 [q >= 3]", r"y_{q} &= 2 \cdot 1 \cdot 10^{-5} \, \left[q \ge 3\right]"),
        (
            "y[i] = x[2*i+p-1,end-i,tok[i],pad(i),(h d)]",
            r"y_{i} &= x_{2i+p-1,\mathrm{end}-i,\mathit{tok}_{i},\operatorname{pad}(i),(h\,d)}",
        ),
        (
            "y[i] = 2 where i in 0:pixel+1",
            r"y_{i} &= 2, \quad 0 \le i < \left|\mathrm{pixel}\right|+1",
        ),
        (
            "index q, k: key < 8, b: batch",
            r"&q, k \in \mathrm{key},\ \left|\mathrm{key}\right| = 8; \quad b \in \mathrm{batch}",
        ),
        ("param W[i,j], B[j]", r"&\text{param } W_{i,j},\; B_{j}"),
        ("def f[k](s) = s^2", r"\operatorname{f}_{k}\left(s\right) &= {s}^{2}"),
        ("y = ж 猫2", r"y &= \text{ж} \, \mathit{\text{猫}2}"),
    ],
)
def test_rows(text: str, latex: str) -> None:
    assert _row(text) == latex


@pytest.mark.parametrize(
    ("value", "latex"),
    [(-2, r"\left(-2\right)"), (-math.inf, r"\left(-\infty\right)"), (math.nan, r"\mathrm{nan}")],
)
def test_constants_that_passes_work_out(value: float, latex: str) -> None:
    assert f"y &= {latex}" in to_latex([Equation(Access("y"), "=", Number(value))])


def test_rows_end_with_a_double_backslash() -> None:
    assert _row("h = a; y = h").split("\n") == [r"h &= a \\", "y &= h"]


@settings(max_examples=150, deadline=None)
@given(trees.programs)
def test_every_program_is_balanced_and_uses_known_commands(program: tuple[Statement, ...]) -> None:
    latex = to_latex(program)
    assert set(re.findall(r"\\([A-Za-z]+)", latex)) <= COMMANDS
    assert latex.count(r"\left") == latex.count(r"\right")
    plain = re.sub(r"\\.", "", latex)
    assert plain.count("{") == plain.count("}")
    assert not re.search(r"[#$%~]", plain)
    assert all(line.count("&") == 1 for line in latex.split("\n")[1:-1] if line)
