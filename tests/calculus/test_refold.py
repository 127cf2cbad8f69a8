"""The prelude's names given back where all of a definition stands, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given

from einprop.analysis.canonical import canonical
from einprop.analysis.definitions import collect_definitions
from einprop.analysis.resolve import resolve
from einprop.calculus.refold import refold
from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.notation.tree import Equation
from tests.strategies.programs import Case, cases

PRELUDE = collect_definitions(())


def refolded(line: str) -> str:
    (equation,) = parse(line)
    assert isinstance(equation, Equation)
    return to_text(refold(equation.expression))


@pytest.mark.parametrize(
    ("line", "short"),
    [
        ("p[k] = exp(s[k]) / sum[k'](exp(s[k']))", "softmax[k](s[k])"),
        ("p[b,k] = exp(s[b,k]) / sum[k'](exp(s[b,k']))", "softmax[k](s[b,k])"),
        ("y[b] = log(sum[k](exp(s[b,k])))", "logsumexp[k](s[b,k])"),
        ("y[k] = s[k] - log(sum[k'](exp(s[k'])))", "log_softmax[k](s[k])"),
        ("y = sum[i](x[i]) / sum[i](1)", "mean[i](x[i])"),
        ("y[k] = g exp(s[k]) / sum[k'](exp(s[k']))", "g softmax[k](s[k])"),
        ("y[k] = exp(a s[k]) / sum[k'](exp(a s[k']))", "softmax[k](a s[k])"),
        # inside of something else
        ("y[k] = tanh(exp(s[k]) / sum[k'](exp(s[k'])))", "tanh(softmax[k](s[k]))"),
        ("y[k] = exp(s[k]) / sum[k'](exp(s[k'])) - t[k]", "softmax[k](s[k]) - t[k]"),
    ],
)
def test_names_are_given_back(line: str, short: str) -> None:
    assert refolded(line) == short


@pytest.mark.parametrize(
    "line",
    [
        # another tensor, another sum, another index
        "p[k] = exp(s[k]) / sum[k'](exp(t[k']))",
        "p[b,k] = exp(s[b,k]) / sum[k'](exp(s[b',k']) w[b'])",
        "p[b,k] = exp(s[b,k]) / sum[b',k'](exp(s[b,k'] + x[b']))",
        "y = sum[b](x[b]) / sum[k](1)",
        "y = sum[i](x[i]) / 3",
        "y[b] = log(sum[k](exp(s[b,k]) w[k]))",
        "y = exp(x)",
    ],
)
def test_what_is_something_else_stays(line: str) -> None:
    (equation,) = parse(line)
    assert isinstance(equation, Equation)
    assert refold(equation.expression) == equation.expression


@given(case=cases())
def test_names_mean_what_they_stand_for(case: Case) -> None:
    """Expanded again, an expression is what it was, up to the order of its factors and terms."""
    for equation in resolve(parse(case.text)).equations:
        again = PRELUDE.expand(refold(equation.expression))
        assert refold(again) == refold(equation.expression)
        letters = [canonical(e).indices for e in (again, equation.expression)]
        assert set(letters[0]) == set(letters[1])
