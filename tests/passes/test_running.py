"""Products of all others and cumulative products take work and memory as their operands grow."""

from __future__ import annotations

import numpy as np
import pytest

from einprop import Program
from einprop.reference import evaluate

TORCH = {
    "y[b] = prod[i](x[b,i])": lambda x: x.prod(1),
    "y = prod[b,i](x[b,i])": lambda x: x.prod(),
    "y[i] = prod[b](x[b,i])": lambda x: x.prod(0),
    "y[b,i] = cumprod[i](x[b,i])": lambda x: x.cumprod(1),
    "y[b,i] = prod[i'](where([i >= i'], x[b,i'], 1))": lambda x: x.cumprod(1),
    "y[b,i] = prod[i'](where([i' >= i], x[b,i'], 1))": lambda x: x.flip(1).cumprod(1).flip(1),
    "y[b,i] = prod[j](where([j < i], x[b,j], 1)) x[b,i]": lambda x: x.cumprod(1),
    "y[b,i] = prod[j](where([j > i], x[b,j], 1)) x[b,i]": lambda x: x.flip(1).cumprod(1).flip(1),
}


def operands(rows: int, columns: int) -> np.ndarray:
    """Numbers of both signs: a row with no zero, rows with one, two and more."""
    x = np.random.default_rng(rows + 10 * columns).normal(size=(rows, columns))
    for row in range(1, rows):
        x[row, :row] = 0
    return x


@pytest.mark.parametrize("rows", [0, 1, 4])
@pytest.mark.parametrize("columns", [0, 1, 2, 5])
@pytest.mark.parametrize("text", TORCH)
def test_derivatives_are_those_of_torch(text: str, columns: int, rows: int) -> None:
    torch = pytest.importorskip("torch")
    x, program = operands(rows, columns), Program(text, outputs="y")
    given = torch.tensor(x, requires_grad=True)
    y = TORCH[text](given)
    seed = np.random.default_rng(1).normal(size=tuple(y.shape))
    y.backward(torch.tensor(seed))
    wanted = given.grad.numpy()
    np.testing.assert_allclose(program.vjp(wrt="x")({"x": x, "y.grad": seed}), wanted)
    tangent = np.random.default_rng(2).normal(size=x.shape)
    found = program.jvp(wrt="x")({"x": x, "x.dot": tangent})
    np.testing.assert_allclose(np.sum(found * seed), np.sum(wanted * tangent), atol=1e-12)


@pytest.mark.parametrize("text", TORCH)
def test_second_derivatives_are_those_of_torch(text: str) -> None:
    torch = pytest.importorskip("torch")
    x = operands(3, 4)

    def loss(x: object) -> object:
        return (TORCH[text](x) ** 2).sum()

    left = text.partition(" = ")[0]
    indices = left[1:].strip("[]")
    squares = f"sum[{indices}]({left}^2)" if indices else "y^2"
    program = Program(f"{text}; loss = {squares}")
    wanted = torch.autograd.functional.hessian(loss, torch.tensor(x)).numpy()
    np.testing.assert_allclose(program.hessian()(x=x), wanted, atol=1e-9)
    tangent = np.random.default_rng(2).normal(size=x.shape)
    product = program.hvp()({"x": x, "x.dot": tangent})
    np.testing.assert_allclose(product, np.einsum("abij,ij", wanted, tangent), atol=1e-9)


def test_infinities_are_multiplied_as_the_reference_does() -> None:
    x = np.array([[np.inf, 2.0, 3.0], [0.0, np.inf, 1.0], [-np.inf, 1.0, -1.0]])
    gradient = Program("y = sum[b](prod[i](x[b,i]))").grad()
    wanted = evaluate(Program(str(gradient)), {"x": x})["x.grad"]
    np.testing.assert_array_equal(gradient(x=x), wanted)


@pytest.mark.parametrize("derived", ["vjp", "jvp"])
@pytest.mark.parametrize("text", TORCH)
def test_work_and_memory_grow_as_the_operands_do(text: str, derived: str) -> None:
    program = getattr(Program(text, outputs="y"), derived)(wrt="x")

    def cost(length: int) -> tuple[int, int]:
        own = {i: length if i in "ij" else 3 for i in "bij" if f"{i}]" in text or i == "b"}
        if "prod[b]" in text:
            own = {"b": length, "i": 3}
        found = program.explain(own)
        return sum(step.operations + step.multiply_adds for step in found.steps), found.bytes

    for short, long in zip(cost(40), cost(80), strict=True):
        assert long <= 2.1 * short


def test_products_in_a_recurrence_stay_there() -> None:
    text = "h[t,i] = prod[j](h[t-1,j] + x[t,j]) x[t,i]"
    x = operands(3, 3)
    program = Program(text).vjp(wrt="x")
    assert any(step.call == "prod" for step in program.explain(t=3, i=3).steps)
    tensors = {"x": x, program.inputs[-1]: np.ones((3, 3))}
    wanted = evaluate(Program(str(program)), tensors)["x.grad"]
    np.testing.assert_allclose(program(tensors), wanted)
