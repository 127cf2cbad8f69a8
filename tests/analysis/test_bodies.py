"""Whose axis each index of a definition's body runs along."""

from __future__ import annotations

import pytest

from einprop.analysis.bodies import own_indices, with_subscripts
from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.notation.tree import Definition


def definition(text: str) -> Definition:
    (line,) = parse(text)
    assert isinstance(line, Definition)
    return line


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("def f(x) = exp(x)", {}),
        ("def f[i](x) = sum[i](x)", {}),
        ("def f[i](x) = sum[i'](x[i'])", {"i'": "i"}),
        # a prime tells it even where nothing is read
        ("def f[i,j](x) = sum[j''](1)", {"j''": "j"}),
        # a place in the subscripts tells it
        ("def f[i,j](x) = sum[p,q](x[p,q] - x)", {"p": "i", "q": "j"}),
        ("def f[i,j](x) = sum[q](x[i,q] sum[q'](x[q,q']))", {"q": "j", "q'": "j"}),
    ],
)
def test_own_indices(text: str, own: dict[str, str]) -> None:
    assert own_indices(definition(text)) == own


def test_parameters_get_the_index_parameters_as_subscripts() -> None:
    line = definition("def f[i,j](x, a) = a x + sum[i'](x[i',j])")
    assert to_text(with_subscripts(line)) == "a[i,j] x[i,j] + sum[i'](x[i',j])"
