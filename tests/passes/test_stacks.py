"""Products of a recurrence that share an operand: which are merged, and that it changes no value."""

from __future__ import annotations

from collections import Counter
from unittest import mock

import numpy as np
import pytest

from einprop import Program
from einprop.analysis.sizes import bind_sizes
from einprop.errors import InputError
from einprop.execution.steps import Contraction
from einprop.passes import lower

LSTM = """
h[b,-1,j] = 0
c[b,-1,j] = 0
i[b,t,j] = sigmoid(x[b,t,m] P[m,j] + h[b,t-1,k] U[k,j])
f[b,t,j] = sigmoid(x[b,t,m] Q[m,j] + h[b,t-1,k] V[k,j])
g[b,t,j] = tanh(x[b,t,m] R[m,j] + h[b,t-1,k] W[k,j])
c[b,t,j] = f[b,t,j] c[b,t-1,j] + i[b,t,j] g[b,t,j]
h[b,t,j] = tanh(c[b,t,j])
loss = sum[b,t,j](h[b,t,j]^2)
"""
SHAPES = {"x": (3, 5, 4), **dict.fromkeys("PQR", (4, 6)), **dict.fromkeys("UVW", (6, 6))}
TURNED = """
h[-1,j] = 0
h[t,j] = tanh(U[k,j] h[t-1,k] + x[t,j] sum[k](V[j,k] h[t-1,k]))
loss = sum[t,j](h[t,j]^2)
"""
TWICE = """
h[-1,j] = 0
h[t,j] = x[t,j] + tanh(sum[k](U[k,j] h[t-1,k])) sin(sum[i](U[i,j] h[t-1,i]))
loss = sum[t,j](h[t,j])
"""
SIZED = """
h[-1,j] = 0
u[t,i] = h[t-1,k] U[k,i]
h[t,j] = x[t,j] + h[t-1,k] V[k,j] + sum[i](u[t,i])
loss = sum[t,j](h[t,j])
"""


def tensors(shapes: dict[str, tuple[int, ...]], rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {name: rng.normal(0, 0.5, size=shape) for name, shape in shapes.items()}


def planned(program: Program, shapes: dict[str, tuple[int, ...]]):
    return program.compile().explain(bind_sizes(program.resolved, shapes))


def contractions(program: Program, shapes: dict[str, tuple[int, ...]]) -> Counter[int]:
    """How many products there are inside of how many loops."""
    schedule = program.compile().schedule(bind_sizes(program.resolved, shapes))
    return Counter(len(s.fixed) for s in schedule.steps if isinstance(s.operation, Contraction))


def test_gates_take_one_product_a_step() -> None:
    program = Program(LSTM)
    assert contractions(program, SHAPES) == {1: 1, 0: 3}
    gradients = program.value_and_grad(wrt="U V W P Q R").program
    # Backward one more in the loop, and after it one for all the weights of the state.
    assert contractions(gradients, SHAPES) == {1: 2, 0: 3 + 1 + 3}
    (decision,) = [d for d in planned(program, SHAPES).decisions if d.kind == "merged"]
    assert decision.saved == 2
    assert "U, V, W" in str(decision)


@pytest.mark.parametrize("text", [LSTM, TURNED, TWICE])
def test_values_and_gradients_are_those_of_the_products(
    text: str, rng: np.random.Generator
) -> None:
    program = Program(text)
    shapes = SHAPES if text == LSTM else {"x": (5, 6), "U": (6, 6), "V": (6, 6)}
    given = tensors({name: shapes[name] for name in program.inputs}, rng)
    gradients = program.value_and_grad(wrt=list(given)).program
    with mock.patch.object(lower, "stack_operands", lambda program: program):
        expected = program.value_and_grad(wrt=list(given)).program(given)
    for name, value in gradients(given).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        # No recurrence: what is put together is read once.
        ("u[b,j] = x[b,i] U[i,j]; v[b,j] = x[b,i] V[i,j]", {"x": (2, 3), "U": (3, 4), "V": (3, 4)}),
        # Other sizes.
        (SIZED, {"x": (4, 3), "U": (3, 2), "V": (3, 3)}),
        (TWICE, {"x": (5, 6), "U": (6, 6)}),
    ],
)
def test_not_merged(text: str, shapes: dict[str, tuple[int, ...]]) -> None:
    assert "merged" not in {d.kind for d in planned(Program(text), shapes).decisions}


def test_operands_are_lined_up_by_their_letters(rng: np.random.Generator) -> None:
    """``U[k,j]`` and ``V[j,k]`` are not alike; two that are turned alike are."""
    shapes = {"x": (5, 6), "U": (6, 6), "V": (6, 6)}
    assert "merged" not in {d.kind for d in planned(Program(TURNED), shapes).decisions}
    alike = TURNED.replace("V[j,k]", "V[k,j]")
    assert "merged" in {d.kind for d in planned(Program(alike), shapes).decisions}


def test_source_stays_as_it_is_written() -> None:
    assert "h[" in (source := Program(LSTM).source(sizes={"b": 3, "t": 5, "j": 6, "m": 4}))
    assert source.count("@") + source.count("einsum") + source.count("matmul") >= 6


def test_an_order_that_sizes_decide(rng: np.random.Generator) -> None:
    """Which cells of the padded state a step reads is only known where its sizes are."""
    program = Program(
        "h[t,s] = tanh(x[t,s] + h[t+1,clamp(s+1)]); h[end+1,s] = z[s]; loss = sum[t,s](h[t,s])"
    )
    given = tensors({"x": (1, 1), "z": (1,)}, rng)
    expected = np.tanh(given["x"][0, 0] + given["z"][0])
    np.testing.assert_allclose(program(given), expected)
    with pytest.raises(InputError, match="memory_limit is 1 bytes"):
        program.compile(memory_limit=1)(given)
