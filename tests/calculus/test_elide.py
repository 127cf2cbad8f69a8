"""Sums left out wherever the rules would put them back, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given

from einprop.analysis.canonical import canonical
from einprop.analysis.definitions import collect_definitions
from einprop.analysis.resolve import resolve
from einprop.calculus.elide import elide_sums, sum_over
from einprop.notation.parser import parse
from einprop.notation.printer import program_text, to_text
from tests.strategies.programs import Case, cases

PRELUDE = collect_definitions(())


def elided(line: str) -> str:
    return to_text(elide_sums(parse(line)[0], PRELUDE))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "short"),
    [
        ("y[b,j] = sum[i](x[b,i] W[i,j]) + B[j]", "y[b,j] = x[b,i] W[i,j] + B[j]"),
        ("loss = -sum[b,k](t[b,k] log(p[b,k]))", "loss = -t[b,k] log(p[b,k])"),
        ("y[j] = relu(sum[i](x[i] W[i,j]))", "y[j] = relu(x[i] W[i,j])"),
        ("B.grad[j] += sum[b](y.grad[b,j])", "B.grad[j] += y.grad[b,j]"),
        ("y += sum[b](x[b] / n)", "y += x[b] / n"),
        ("y += sum[i](-x[i])", "y += -x[i]"),
        ("t = sum[i](A[i,i])", "t = A[i,i]"),
        ("y = sum[i,j](x[i] A[i,j] x[j])", "y = x[i] A[i,j] x[j]"),
        (
            "y[h] = relu(sum[k](x[k] W[k,h])) sum[k](x[k] V[k,h])",
            "y[h] = relu(x[k] W[k,h]) (x[k] V[k,h])",
        ),
        ("y[k] = sum[i](relu(a[i] b[i] + c[i]) V[i,k])", "y[k] = relu(a[i] b[i] + c[i]) V[i,k]"),
        ("y[j] = sum[i](A[i,j] r[i] / d[i])", "y[j] = A[i,j] r[i] / d[i]"),
    ],
)
def test_implied_sums_are_not_written(line: str, short: str) -> None:
    assert elided(line) == short


@pytest.mark.parametrize(
    "line",
    [
        "y[b] = sum[i](x[b,i])",
        "Z[b] = sum[k](exp(s[b,k]))",
        "y = sum[i](a[i]^2)",
        "y = sum[i](a[i]) sum[i](b[i])",
        "y[j] = sum[i](a[i] + b[i]) + c[j]",
        "y += exp(sum[i](x[i]))",
        "y = max[i](x[i])",
        # has two readings without
        "y = sum[i](a[i] b[i]) sum[i](c[i] d[i])",
        "y = sum[i](a[i] b[i] / (c[i] d[i]))",
        "y = sum[i](a[i] b[i]) / sum[i](c[i] d[i])",
        "y[r] = sum[i](W[i,r] v[i] / sum[s](W[i,s] h[s]))",
        "y[b] max= sum[i](x[b,i] w[i])",
        # would be summed further inside
        "y = sum[i](2) A[j,j]",
    ],
)
def test_other_sums_stay(line: str) -> None:
    kept = elided(line)
    assert "sum[" in kept or "max[" in kept
    assert to_text(resolve(parse(kept)).equations[0]) == to_text(resolve(parse(line)).equations[0])


@pytest.mark.parametrize(
    ("indices", "body", "summed"),
    [
        ("", "x[i]", "x[i]"),
        ("i", "-x[i]", "-sum[i](x[i])"),
        ("i", "x[i] / n", "sum[i](x[i]) / n"),
        ("i", "x[i] / y[i]", "sum[i](x[i] / y[i])"),
        ("ij", "x[i,j] / y[i]", "sum[i](sum[j](x[i,j]) / y[i])"),
        ("i", "sum[j](x[i,j])", "sum[i,j](x[i,j])"),
        ("i", "-sum[j](x[i,j]) / n", "-sum[i,j](x[i,j]) / n"),
    ],
)
def test_sums_go_inside_signs_sums_and_divisors(indices: str, body: str, summed: str) -> None:
    expression = parse(f"y += {body}")[0].expression  # type: ignore[union-attr]
    assert to_text(sum_over(tuple(indices), expression)) == summed


@given(case=cases())
def test_what_is_left_means_the_same(case: Case) -> None:
    """Leaving sums out of core equations and reading them again gives equations that say the same."""
    resolved = resolve(parse(case.text))
    short = [elide_sums(equation, PRELUDE) for equation in resolved.equations]
    declarations = [s for s in resolved.statements if s in resolved.declarations]
    again = resolve(parse(program_text((*declarations, *short))))
    for first, second in zip(resolved.equations, again.equations, strict=True):
        assert first.target == second.target
        forms = [canonical(elide_sums(e, PRELUDE).expression).form for e in (first, second)]
        assert forms[0] == forms[1]
