"""An index that is bound twice and shifted is two indices."""

from __future__ import annotations

import pytest

from einprop.analysis.bindings import separate_bindings
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
