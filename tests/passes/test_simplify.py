"""Algebra on flat programs: less to do, stable where it was not, and the same values."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given

from einprop import reference
from einprop.analysis.resolve import resolve
from einprop.analysis.sizes import bind_letters, bind_sizes
from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.passes.binarise import binarise
from einprop.passes.simplify import simplify
from einprop.passes.sized import SizedProgram, attach_sizes
from tests.strategies.programs import Case, cases


def simplified(text: str, *, last: bool = True, **sizes: int) -> list[str]:
    resolved = resolve(parse(text))
    program = simplify(binarise(attach_sizes(bind_letters(resolved, sizes))), last=last)
    return [to_text(equation) for equation in program.equations]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("y[i] = 2 x[i] + 4 x[i] - x[i]", ["y[i] = 5 x[i]"]),
        ("y[i] = -(-(2 x[i])) 3", ["y[i] = 6 x[i]"]),
        ("y[i] = 1 / z[i] * e[i]", ["y[i] = e[i] / z[i]"]),
        ("y[i] = x[i] / 4 * 2", ["y[i] = 0.5 x[i]"]),
        ("y[i] = x[i]^1", ["y[i] = x[i]"]),
        # the same operation once, also under other letters
        (
            "y[i] = sin(x[i]) + 1; z[j] = sin(x[j])",
            ["z[i] = sin(x[i])", "y[i] = z[i] + 1"],
        ),
        # what no output needs is gone
        ("h[i] = exp(x[i]); y[i] = x[i]^2; output y[i]", ["y[i] = x[i]^2"]),
        ("y[i] = stop_gradient(x[i])", ["y[i] = x[i]"]),
        (
            "y = max[i](2 x[i])",
            ["_1 = max[i](x[i])", "y = 2 _1"],
        ),
        pytest.param(
            "y = prod[i](x[i])",
            ["y = prod[i](x[i])"],
        ),
    ],
)
def test_algebra(text: str, lines: list[str]) -> None:
    assert simplified(text, i=3) == lines


def shifted(lines: list[str]) -> list[str]:
    """What a program does with its one exponential, called e; the exponent must be shifted."""
    assert lines[0] == "_1[b] = max[k](s[b,k])"
    (number,) = (n for n, line in enumerate(lines) if " = exp(" in line)
    difference, exponential = (line.split(" = ") for line in lines[number - 1 : number + 1])
    assert re.fullmatch(r"s\[b,k\] - _\d+\[b\]", difference[1])
    assert exponential[1] == f"exp({difference[0]})"
    name = exponential[0].split("[")[0]
    return [re.sub(rf"{name}\b", "e", line) for line in lines[number + 1 :]]


def test_softmax_is_found_by_what_it_does() -> None:
    lines = simplified("p[b,k] = exp(s[b,k]) / sum[k'](exp(s[b,k']))", b=2, k=3)
    total, p = shifted(lines)
    name, sum_of = total.split(" = ")
    assert sum_of == "sum[k'](e[b,k'])"
    assert p == f"p[b,k] = e[b,k] / {name}"


def test_so_is_log_sum_exp() -> None:
    lines = simplified("y[b] = log(sum[k](exp(s[b,k])))", b=2, k=3)
    total, logarithm, y = (line.split(" = ") for line in shifted(lines))
    assert total[1] == "sum[k](e[b,k])"
    assert logarithm[1] == f"log({total[0]})"
    assert y[1].endswith(f" + {logarithm[0]}")


def test_and_a_weighted_mean() -> None:
    lines = simplified("z = v[k] exp(s[k]) / sum[k'](exp(s[k']))", k=3)
    assert sum("exp(" in line for line in lines) == 1
    assert any("max[k" in line for line in lines)


@pytest.mark.parametrize(
    "text", ["z = sum[k](exp(s[k]))", "z = sum[k](exp(s[k])); y = sqrt(z)", "e[k] = exp(s[k])"]
)
def test_where_a_shift_would_come_back_none_is_made(text: str) -> None:
    lines = simplified(text, k=3)
    assert not any("max[" in line for line in lines)


def test_before_the_last_derivation_nothing_is_shifted() -> None:
    lines = simplified("p[k] = softmax[k](s[k])", last=False, k=3)
    assert lines == ["_1[k] = exp(s[k])", "_2 = sum[k'](_1[k'])", "p[k] = _1[k] / _2"]
    assert "stop_gradient" in simplified("y = stop_gradient(x) x", last=False)[0]


@given(case=cases())
def test_simplified_programs_mean_the_same(case: Case) -> None:
    resolved = resolve(parse(case.text))
    shapes = {name: value.shape for name, value in case.tensors.items()}
    program = simplify(binarise(attach_sizes(bind_sizes(resolved, shapes))))
    expected = reference.evaluate(case.text, case.tensors)
    actual = run_flat(program, case.tensors)
    for name in program.outputs:
        if np.all(np.isfinite(expected[name])):
            np.testing.assert_allclose(actual[name], expected[name], rtol=1e-8, atol=1e-10)


def run_flat(program: SizedProgram, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The reference's values of a flat program, sizes of unread letters declared."""
    declared = ", ".join(f"{letter}: {letter}_ < {n}" for letter, n in program.sizes.items())
    lines = [to_text(equation) for equation in program.equations]
    text = "\n".join([*([f"index {declared}"] if declared else []), *lines])
    return reference.evaluate(text, {n: v for n, v in tensors.items() if n in program.names})
