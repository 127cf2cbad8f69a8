"""Numbered tensors take the names that users have for them."""

from __future__ import annotations

import pytest

from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.passes.naming import adopt_names


@pytest.mark.parametrize(
    ("equations", "copies", "outputs", "named"),
    [
        ("_1[b] = tanh(x[b])", "y[b] = _1[b]", "y", "y[b] = tanh(x[b])"),
        # axes in the order of the name
        (
            "_1[j,b] = tanh(x[b,j]); _2[b] = sum[j](_1[j,b])",
            "y[b,j] = _1[j,b]; z[b] = _2[b]",
            "y z",
            "y[b,j] = tanh(x[b,j]); z[b] = sum[j](y[b,j])",
        ),
        # letters are local to an equation
        (
            "_1[p] = tanh(x[p]); _2[q] = 2 _1[q]",
            "h[b] = _1[b]; y[b] = _2[b]",
            "y",
            "h[p] = tanh(x[p]); y[q] = 2 h[q]",
        ),
        # an output goes before an inner name, and the other copy goes away
        ("_1 = exp(x)", "h = _1; y = _1", "y", "y = exp(x)"),
        # two outputs of one tensor: one is a copy
        ("_1 = exp(x)", "y = _1; z = _1", "y z", "y = exp(x); z = y"),
        # what is no copy of a defined tensor stays an equation
        ("_1 = exp(x)", "y = x; z = 2", "y z", "_1 = exp(x); y = x; z = 2"),
        ("_1[i] = exp(x[i])", "y[i,j] = _1[i]", "y", "_1[i] = exp(x[i]); y[i,j] = _1[i]"),
        # an output that is put together keeps its name
        ("y[i,i] += x[i]", "z[i,j] = y[i,j]", "y z", "y[i,i] += x[i]; z[i,j] = y[i,j]"),
        ("y[i,i] += x[i]", "z[i,j] = y[i,j]", "z", "z[i,i] += x[i]"),
        # a tensor put together by contributions takes another name, but not another order of axes
        ("_1[i,i] += x[i]", "y[i,j] = _1[i,j]", "y", "y[i,i] += x[i]"),
        ("_1[i,i] += x[i]", "y[j,i] = _1[i,j]", "y", "_1[i,i] += x[i]; y[j,i] = _1[i,j]"),
    ],
)
def test_names_are_adopted(equations: str, copies: str, outputs: str, named: str) -> None:
    found = adopt_names(parse(equations), parse(copies), outputs.split())  # type: ignore[arg-type]
    assert "; ".join(map(to_text, found)) == named
