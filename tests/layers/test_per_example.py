"""Losses before their mean: what is averaged becomes the output."""

from __future__ import annotations

import numpy as np
import pytest

from einprop import Program
from einprop.errors import InputError
from einprop.layers.per_example import per_example
from einprop.notation.parser import parse
from einprop.notation.printer import program_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("loss = mean[b](x[b] t[b])", "loss[b] = x[b] t[b]"),
        ("loss = -mean[n](x[n] t[n]) / 2", "loss[n] = -(x[n] t[n]) / 2"),
        ("loss = mean[b,t](x[b,t]^2)", "loss[b] = mean[t](x[b,t]^2)"),
        ("loss = 0.5 mean[b](x[b]) a", "loss[b] = 0.5 x[b] a"),
        ("loss = mean[b](x[b]) - mean[b](t[b])", "loss[b] = x[b] - t[b]"),
        ("e[b] = x[b]^2; loss = mean[b](e[b])", "e[b] = x[b]^2\nloss[b] = e[b]"),
    ],
)
def test_the_mean_goes(text: str, expected: str) -> None:
    assert Program(program_text(per_example(parse(text)))) == Program(expected)


@pytest.mark.parametrize(
    "text", ["loss = mean[b](x[b]^2)", "loss = 3 mean[b](sum[k](x[b,k] t[b,k])) / 2"]
)
def test_its_mean_is_the_loss(text: str, rng) -> None:
    program, alone = Program(text), Program.from_statements(per_example(parse(text)))
    tensors = {name: rng.normal(size=(5, 3)) for name in program.inputs}
    tensors = {n: a if program.resolved.types.rank(n) == 2 else a[:, 0] for n, a in tensors.items()}
    np.testing.assert_allclose(alone(tensors).mean(), program(tensors))


@pytest.mark.parametrize(
    "text",
    [
        "loss = sum[b](x[b])",
        "loss = mean[k](sum[b](x[b,k]))",
        "loss = exp(mean[b](x[b]))",
        "loss = mean[b](x[b]) + a",
        "loss = mean[b](x[b]) mean[b](t[b])",
        "loss = 2 / mean[b](x[b])",
        "loss = 2 x",
    ],
)
def test_what_is_no_mean_over_examples(text: str) -> None:
    with pytest.raises(InputError, match="loss is no mean over examples"):
        per_example(parse(text))
