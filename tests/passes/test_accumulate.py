"""Accumulations as recurrences: their values, derivatives and cost, by loops, by PyTorch and in counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from einprop import Program
from einprop.passes import accumulate
from einprop.reference import evaluate
from tests.strategies.programs import Case, cases
from tests.test_generated import check

Arrays = dict[str, np.ndarray]


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loops however few positions there are."""
    monkeypatch.setattr(accumulate, "_CELLS", dict.fromkeys(accumulate._CELLS, 0))
    monkeypatch.setattr(accumulate, "_WITHOUT_COMPARISON", 0)


PROGRAMS = [
    "y[b,k] = cumsum[k](x[b,k])",
    "y[b,k] = cumprod[k](x[b,k])",
    "y[b,k] = cummax[k](x[b,k])",
    "y[b,k] = cummin[k](x[b,k])",
    "y[b] = prod[k](x[b,k])",
    "y[b,k] = prod[k'](where([k' == k], 1, x[b,k']))",
    "y[b,k] = sum[k']([k' > k] x[b,k'])",
    "y[b,k] = sum[k']([k < k'] x[b,k']^2 z[k'])",
    "y[b,k] = sum[k']([k' >= k] x[b,k'])",
    "y[b,k] = sum[k']([k >= k'] x[b,k']) cumsum[k](x[b,k])",
    "y[k] = max[k'](where([k' < k], z[k'], -1 / 0)) z[k] where k in 1:3",
    "y[b,k] = cumsum[k](cumprod[k](x[b,k]))",
    "y[k] = cumprod[k](sum[b](x[b,k])) / z[k]",
    "y[k] = cumsum[k](x[b',k]) w[b']",
    "y[i] = sum[j]([i == j] z[j])",
    "y[i] += [j == i] x[i,j] / (1 + z[j]^2)",
    "y[i,k] = sum[j,j']([i == j] [j' == k] x[j,j'])",
    "y = sum[i,j](z[i] + w[j])",
    "y = sum[i,j](z[i] - w[j] + 2)",
    "h[b,k] = h[b-1,k] + cumprod[k](x[b,k])",
]


def derived(
    program: Program, given: Arrays, rng: np.random.Generator
) -> Iterator[tuple[Program, Arrays]]:
    """The program, its gradients, theirs, and its tangent, with inputs for each."""
    yield program, given
    for derive in (Program.vjp, Program.jvp, lambda p: p.vjp().vjp()):
        found = derive(program)
        known = dict(given)
        for name in found.inputs:
            if name not in known:
                base = name.partition(".")[0]
                like = given[base] if base in given else program(given)
                known[name] = rng.normal(size=np.shape(like))
        yield found, {name: known[name] for name in found.inputs}


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("size", [0, 1, 2, 5])
@pytest.mark.parametrize("text", PROGRAMS)
def test_values_and_derivatives_are_those_of_the_loops(text: str, size: int) -> None:
    rng, program = np.random.default_rng(size), Program(text)
    if "1:3" in text and size < 3:
        pytest.skip("a range beyond so few positions")
    x = rng.normal(size=(size, size) if "[i" in text else (3, size))
    if size == 5:
        x[0, 2] = x[1, 1] = x[1, 3] = 0
    known = {"x": x, "z": rng.normal(size=size), "w": rng.normal(size=3)}
    for found, given_ in derived(program, {name: known[name] for name in program.inputs}, rng):
        values, wanted = found(given_), evaluate(found, given_)
        values = values if isinstance(values, dict) else {found.outputs[0]: values}
        for name, value in values.items():
            np.testing.assert_allclose(value, wanted[name], rtol=1e-9, atol=1e-12, err_msg=name)


TORCH: dict[str, Any] = {
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


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("rows", [0, 1, 4])
@pytest.mark.parametrize("columns", [0, 1, 2, 5])
@pytest.mark.parametrize("text", TORCH)
def test_products_have_the_derivatives_of_torch(text: str, columns: int, rows: int) -> None:
    torch: Any = pytest.importorskip("torch", reason="PyTorch gives the values")
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


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("text", TORCH)
def test_second_derivatives_are_those_of_torch(text: str) -> None:
    torch: Any = pytest.importorskip("torch", reason="PyTorch gives the values")
    x = operands(3, 4)

    def loss(x: Any) -> Any:
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


@pytest.mark.usefixtures("always")
def test_infinities_are_multiplied_as_the_reference_does() -> None:
    x = np.array([[np.inf, 2.0, 3.0], [0.0, np.inf, 1.0], [-np.inf, 1.0, -1.0]])
    gradient = Program("y = sum[b](prod[i](x[b,i]))").grad()
    wanted = evaluate(Program(str(gradient)), {"x": x})["x.grad"]
    np.testing.assert_array_equal(gradient(x=x), wanted)


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("y[b,k] = cumprod[k](x[b,k])", "k"),
        ("y[b] = prod[k](x[b,k])", "k"),
        ("y[b,k] = cumsum[k](x[b,k])", "k"),
        ("y[i] = sum[j]([i == j] x[j])", "ij"),
        ("y = sum[i,j](a[i] + b[j])", "ij"),
    ],
)
def test_cost_and_memory_grow_with_the_positions(text: str, letters: str) -> None:
    for program in (Program(text), Program(text).vjp()):
        few, many = (
            program.explain({**({"b": 4} if "x[b" in text else {}), **dict.fromkeys(letters, n)})
            for n in (6000, 12000)
        )
        assert many.flops <= 2.1 * few.flops + 10
        assert many.arena_bytes <= 2.1 * few.arena_bytes + 100


def test_maxima_so_far_are_linear_where_none_is_differentiated() -> None:
    few, many = (Program("y[b,k] = cummax[k](x[b,k])").explain(b=4, k=n) for n in (200, 400))
    assert many.flops <= 2.1 * few.flops
    (told,) = [d for d in few.decisions if d.kind == "accumulated"]
    assert str(told) == (
        "accumulated: max[k'](where([k' <= k], x[b,k'], -1 / 0)) saves 39,800 cells"
    )


@pytest.mark.usefixtures("always")
@given(case=cases(scalar=True))
def test_generated_programs_are_what_they_were(case: Case) -> None:
    check(case)


@pytest.mark.usefixtures("always")
def test_products_in_a_recurrence_stay_there() -> None:
    text = "h[t,i] = prod[j](h[t-1,j] + x[t,j]) x[t,i]"
    x = operands(3, 3)
    program = Program(text).vjp(wrt="x")
    assert any(step.call == "prod" for step in program.explain(t=3, i=3).steps)
    tensors = {"x": x, program.inputs[-1]: np.ones((3, 3))}
    wanted = evaluate(Program(str(program)), tensors)["x.grad"]
    np.testing.assert_allclose(program(tensors), wanted)
