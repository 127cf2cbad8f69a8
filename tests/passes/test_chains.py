"""Factors that leave a loop as one: which do, how many calls that saves, and that values stay."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest

from einprop import Program
from einprop.analysis.sizes import bind_sizes
from einprop.execution.steps import Elementwise, Schedule
from einprop.passes import lower
from tests.passes.test_stacks import LSTM, SHAPES, tensors

GRU = """
h[b,-1,j] = 0
z[b,t,j] = sigmoid(x[b,t,m] P[m,j] + h[b,t-1,k] U[k,j])
r[b,t,j] = sigmoid(x[b,t,m] Q[m,j] + h[b,t-1,k] V[k,j])
n[b,t,j] = tanh(x[b,t,m] R[m,j] + r[b,t,j] sum[k](h[b,t-1,k] W[k,j]))
h[b,t,j] = z[b,t,j] h[b,t-1,j] + (1 - z[b,t,j]) n[b,t,j]
loss = sum[b,t,j](h[b,t,j]^2)
"""
SCALED = """
d[-1,j] = 0
d[t,j] = x[t,j] + a[t,j] b[t,j] c[j] d[t-1,j]
loss = sum[t,j](sin(d[t,j]))
"""


def schedule(program: Program, shapes: dict[str, tuple[int, ...]]) -> Schedule:
    return program.compile().schedule(bind_sizes(program.resolved, shapes))


def multiplications(found: Schedule) -> int:
    return sum(s.operation == Elementwise("multiply") and bool(s.fixed) for s in found.steps)


def without_gathering():
    return mock.patch.object(lower, "gather_factors", lambda program: program)


def test_each_gate_takes_one_product_backward() -> None:
    gradients = Program(LSTM).value_and_grad(wrt="U").program
    found = schedule(gradients, SHAPES)
    with without_gathering():
        before = schedule(gradients, SHAPES)
    # Forward f c and i g; backward the cell's slope, three gates and what the cell hands on.
    assert multiplications(found) == 2 + 5
    assert multiplications(before) > multiplications(found) + 4
    assert found.arena_bytes <= before.arena_bytes
    decisions = gradients.compile().explain(bind_sizes(gradients.resolved, SHAPES)).decisions
    assert {d.saved for d in decisions if d.kind == "gathered"} == {SHAPES["x"][1] - 1}


@pytest.mark.parametrize("text", [LSTM, GRU, SCALED])
def test_values_and_gradients_stay(text: str, rng: np.random.Generator) -> None:
    program = Program(text)
    shapes = {"x": (5, 6), "a": (5, 6), "b": (5, 6), "c": (6,)} if text == SCALED else SHAPES
    given = tensors({name: shapes[name] for name in program.inputs}, rng)
    gradients = program.value_and_grad(wrt=list(given)).program
    with without_gathering():
        expected = program.value_and_grad(wrt=list(given)).program(given)
    for name, value in gradients(given).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-12, atol=1e-14)


def test_a_product_that_something_else_reads_stays(rng: np.random.Generator) -> None:
    text = SCALED.replace("a[t,j] b[t,j] c[j] d[t-1,j]", "u[t,j] c[j]\nu[t,j] = a[t,j] d[t-1,j]")
    shapes = {"x": (5, 6), "a": (5, 6), "c": (6,)}
    assert multiplications(schedule(Program(text), shapes)) == 1
    kept = Program(text.replace("sin(d[t,j])", "sin(d[t,j]) u[t,j]"))
    assert multiplications(schedule(kept, shapes)) == 2
