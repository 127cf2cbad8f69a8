"""Scalars that multiply a product move to its smaller operand."""

from __future__ import annotations

import pytest

from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.passes.scaled import scale_operands
from einprop.passes.sized import SizedProgram

SIZES = {"b": 2, "i": 50, "j": 30}


def scaled(text: str, *outputs: str) -> list[str]:
    program = scale_operands(SizedProgram(parse(text), SIZES, outputs))
    return [to_text(equation) for equation in program.equations]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "G[i,j] = sum[b](x[b,i] g[b,j]); u[i,j] = G[i,j] a; W.new[i,j] = W[i,j] - u[i,j]",
            [
                "_1[b,j] = a g[b,j]",
                "u[i,j] = sum[b](x[b,i] _1[b,j])",
                "W.new[i,j] = W[i,j] - u[i,j]",
            ],
        ),
        (
            "G[i,j] = sum[b](x[b,i] g[b,j]); W.new[j,i] = G[j,i] / a",
            ["_1[b,j] = g[b,j] / a", "W.new[i,j] = sum[b](x[b,i] _1[b,j])"],
        ),
        (
            "G[i,j] = sum[b](g[b,i] g[b,j]); W.new[i,j] = a G[i,j]",
            ["_1[b,j] = a g[b,j]", "W.new[i,j] = sum[b](g[b,i] _1[b,j])"],
        ),
    ],
)
def test_the_smaller_operand_is_scaled(text: str, lines: list[str]) -> None:
    assert scaled(text, "W.new") == lines


@pytest.mark.parametrize(
    ("text", "outputs"),
    [
        # wanted as it is
        ("G[i,j] = sum[b](x[b,i] g[b,j]); u[i,j] = a G[i,j]", "G u"),
        ("G[i,j] = sum[b](x[b,i] g[b,j]); u[i,j] = a G[i,j]; v[i,j] = sin(G[i,j])", "u v"),
        # no operand is smaller
        ("y[b,i] = sum[j](x[b,j] W[j,i]); z[b] = a y[b,1]", "z"),
        ("s[b] = sum[i](x[b,i] g[b,i]); z[b] = a s[b]", "z"),
        # no scalar
        ("G[i,j] = sum[b](x[b,i] g[b,j]); u[i,j] = c[i] G[i,j]", "u"),
        # a scalar over a product
        ("G[i,j] = sum[b](x[b,i] g[b,j]); u[i,j] = a / G[i,j]", "u"),
    ],
)
def test_other_programs_stay(text: str, outputs: str) -> None:
    assert scaled(text, *outputs.split()) == [to_text(equation) for equation in parse(text)]
