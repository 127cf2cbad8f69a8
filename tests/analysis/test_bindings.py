"""An index that is bound twice and shifted is two indices."""

from __future__ import annotations

import pytest

from einprop.analysis.bindings import separate_bindings, separate_ranges
from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.notation.tree import Equation, equations_of


def equations(text: str) -> tuple[Equation, ...]:
    return equations_of(parse(text))


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("y = sum[i](x[i]) + sum[i](x[i+1])", "y = sum[i](x[i]) + sum[i2](x[i2+1])"),
        ("y[i] = x[i] + sum[j](x[j])", "y[i] = x[i] + sum[j](x[j])"),
        ("y = sum[i](x[i]) + sum[i](z[i])", "y = sum[i](x[i]) + sum[i](z[i])"),
        (
            "y[i2] = z[i2] sum[i](x[i+1]) sum[i](x[i])",
            "y[i2] = z[i2] sum[i](x[i+1]) sum[i3](x[i3])",
        ),
        (
            "y = sum[i](x[i+1]) + sum[i](x[i] sum[i'](x[i']))",
            "y = sum[i](x[i+1]) + sum[i2](x[i2] sum[i'](x[i']))",
        ),
    ],
)
def test_two_sums_over_a_shifted_index_are_two_indices(line: str, meaning: str) -> None:
    (equation,) = equations(line)
    assert to_text(separate_bindings(equation, ())) == meaning


@pytest.mark.parametrize(
    ("line", "fixed"),
    [
        ("y = sum[i](x[i]) + sum[i](x[i+1])", ("i",)),
        ("y = sum[i](x[i]) + sum[i](x[i+1]) where i in 0:3", ()),
    ],
)
def test_an_index_whose_range_is_given_stays_one(line: str, fixed: tuple[str, ...]) -> None:
    (equation,) = equations(line)
    assert separate_bindings(equation, fixed) == equation


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("y = sum[i](x[i+1]) + sum[i](x[i])", "y = sum[i](x[i+1]) + sum[i3](x[i3])"),
        ("y[i] = x[i+1] / sum[i](x[i])", "y[i] = x[i+1] / sum[i3](x[i3])"),
    ],
)
def test_a_declared_letter_is_no_name_for_another_index(line: str, meaning: str) -> None:
    (equation,) = equations(line)
    assert to_text(separate_bindings(equation, (), declared=("i", "i2"))) == meaning


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        # what steps aside with primes has the range of its letter
        (
            "y = sum[i'](a[i'] sum[i'](b[i'])) where i' in 1:2",
            "y = sum[i](a[i] sum[i](b[i])) where i in 1:2",
        ),
        (
            "y[i] = sum[i](a[i]) b[i] + sum[i'](c[i']) where i' in 0:2",
            "y[i] = sum[i](a[i]) b[i] + sum[i2](c[i2]) where i2 in 0:2",
        ),
        (
            "y[i'] = cumsum[i'](a[i']) sum[i](b[i]) where i' in 1:3, i in 0:1, b[i'+1]",
            "y[i2] = cumsum[i2](a[i2]) sum[i](b[i]) where i in 0:1, i2 in 1:3, b[i2+1]",
        ),
        ("y[i'] = a[i'] where i' in 1:2", "y[i] = a[i] where i in 1:2"),
        ("y[i] = sum[i'](a[i']) b[i] where i in 1:2", "y[i] = sum[i'](a[i']) b[i] where i in 1:2"),
    ],
)
def test_a_range_belongs_to_a_letter(line: str, meaning: str) -> None:
    (equation,) = equations(line)
    assert to_text(separate_ranges(equation)) == meaning
