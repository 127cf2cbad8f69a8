"""Which exponentials are shifted, and along what: those that are summed later."""

from __future__ import annotations

import pytest

from einprop.notation.parser import parse
from einprop.passes.shifts import plan_shifts
from einprop.passes.sized import SizedProgram

SIZES = {"b": 2, "k": 3, "j": 3, "n": 0}


@pytest.mark.parametrize(
    ("text", "shifts"),
    [
        ("e[b,k] = exp(s[b,k]); z[b] = sum[k](e[b,k])", {"e": ("k",)}),
        ("e[b,k] = exp(s[b,k]); z = sum[b,k](e[b,k])", {"e": ("b", "k")}),
        # under another letter
        ("e[b,k] = exp(s[b,k]); z[b] = sum[j](e[b,j])", {"e": ("k",)}),
        # never summed
        ("e[k] = exp(s[k]); y[k] = 2 e[k]", {}),
        ("e[k] = exp(s[k]); y = max[k](e[k])", {}),
        ("e[k] = tanh(s[k]); z = sum[k](e[k])", {}),
        # through what is linear in it
        ("e[k] = exp(s[k]); f[k] = 2 e[k]; z = sum[k](f[k])", {"e": ("k",)}),
        ("e[k] = exp(s[k]); f[k] = -e[k]; z = sum[k](f[k])", {"e": ("k",)}),
        ("e[k] = exp(s[k]); f[k] = e[k] / v[k]; z = sum[k](f[k])", {"e": ("k",)}),
        ("e[k] = exp(s[k]); z = sum[k](e[k] v[k])", {"e": ("k",)}),
        ("e[k] = exp(s[k]); z = sum[k](v[k] e[k])", {"e": ("k",)}),
        # not through what is not
        ("e[k] = exp(s[k]); f[k] = 1 / e[k]; z = sum[k](f[k])", {}),
        ("e[k] = exp(s[k]); f[k] = log(e[k]); z = sum[k](f[k])", {}),
        # the first sum decides
        (
            "e[b,k] = exp(s[b,k]); z[b] = sum[k](e[b,k]); w[k] = sum[b](e[b,k])",
            {"e": ("k",)},
        ),
        # nothing to shift by
        ("e[n] = exp(s[n]); z = sum[n](e[n])", {}),
        ("e[k] = exp(s[k]); z[k] = sum[b](e[k])", {}),
    ],
)
def test_shifts(text: str, shifts: dict[str, tuple[str, ...]]) -> None:
    assert plan_shifts(SizedProgram(parse(text), SIZES, ())) == shifts  # type: ignore[arg-type]
