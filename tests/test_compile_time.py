"""The work of the compiler, in calls: it grows as the program does, and a plan is made once."""

from __future__ import annotations

import random
import re
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import numpy as np
import pytest

import einprop
from einprop import Program
from einprop.layers import Affine, Tanh, losses
from einprop.training import SGD, Step

PACKAGE = str(Path(einprop.__file__).parent)
FEW = 100
"""Calls of one function that may be an accident."""

Tensors = dict[str, np.ndarray]
Function = tuple[str, str, int]


def calls(function: Callable[[], object]) -> Counter[Function]:
    """How often each function of the package is called, and those that it made up itself."""
    found: Counter[Function] = Counter()

    def count(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith((PACKAGE, "<")):
            found[code.co_filename.removeprefix(PACKAGE), code.co_name, code.co_firstlineno] += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(before)
    return found


# Programs of any number of equations.


def elementwise(count: int) -> tuple[str, Tensors]:
    """A chain of elementwise and affine equations."""
    steps = (
        "h{k}[b,i] = a{k} h{j}[b,i] + c[i]",
        "h{k}[b,i] = tanh(h{j}[b,i])",
        "h{k}[b,i] = h{j}[b,i]^2 - h{i}[b,i]",
        "h{k}[b,i] = sigmoid(h{j}[b,i]) h{j}[b,i]",
    )
    lines = ["h0[b,i] = tanh(x[b,i])"]
    lines += [steps[k % 4].format(k=k, j=k - 1, i=max(k - 3, 0)) for k in range(1, count - 1)]
    tensors = {"x": np.full((2, 3), 0.5), "c": np.ones(3)}
    tensors |= {f"a{k}": np.array(0.5) for k in range(4, count - 1, 4)}
    return "\n".join([*lines, f"loss = sum[b,i](h{count - 2}[b,i])"]), tensors


def network(count: int) -> tuple[str, Tensors]:
    """A multilayer perceptron, the letters of its layers the same or their own."""
    lines, tensors = [], {"h0": np.ones((4, 3))}
    for k in range(1, count):
        i, j = ("i", "j") if k % 2 else (f"i{k}", f"j{k}")
        lines.append(f"h{k}[b,{j}] = tanh(h{k - 1}[b,{i}] W{k}[{i},{j}] + B{k}[{j}])")
        tensors |= {f"W{k}": np.full((3, 3), 0.1), f"B{k}": np.zeros(3)}
    return "\n".join([*lines, f"loss = mean[b](sum[j](h{count - 1}[b,j]^2))"]), tensors


def softmaxes(count: int) -> tuple[str, Tensors]:
    lines = ["h0[b,i] = x[b,i]"]
    lines += [f"h{k}[b,i] = softmax[i](w{k} h{k - 1}[b,i])" for k in range(1, count - 1)]
    tensors = {f"w{k}": np.array(0.5) for k in range(1, count - 1)}
    last = f"loss = sum[b,i](h{count - 2}[b,i]^2)"
    return "\n".join([*lines, last]), {"x": np.ones((4, 3)), **tensors}


def branches(count: int) -> tuple[str, Tensors]:
    """Many tensors that one equation reads."""
    lines = [f"y{k}[i] = sin(a{k} x[i])" for k in range(count - 1)]
    terms = " + ".join(f"sum[i](y{k}[i])" for k in range(count - 1))
    tensors = {f"a{k}": np.array(0.5) for k in range(count - 1)}
    return "\n".join([*lines, f"loss = {terms}"]), {"x": np.ones(3), **tensors}


def contributions(count: int) -> tuple[str, Tensors]:
    """Many equations of one tensor."""
    lines = [f"loss += sum[i](a{k} x[i]^2)" for k in range(count)]
    return "\n".join(lines), {"x": np.ones(3), **{f"a{k}": np.array(0.5) for k in range(count)}}


def positions(count: int) -> tuple[str, Tensors]:
    """A recurrence that is written out: each equation defines one position of one tensor."""
    lines = ["h[0,i] = x[i]"]
    lines += [f"h[{k},i] = tanh(h[{k - 1},i])" for k in range(1, count - 1)]
    return "\n".join([*lines, f"loss = sum[i](h[{count - 2},i])"]), {"x": np.ones(3)}


def windows(count: int) -> tuple[str, Tensors]:
    """Contributions that meet their neighbours."""
    lines = [f"y[i+{k}] += a{k} x[i]" for k in range(count - 1)]
    tensors = {f"a{k}": np.array(0.5) for k in range(count - 1)}
    return "\n".join([*lines, "loss = sum[j](y[j]^2)"]), {"x": np.ones(3), **tensors}


def recurrences(count: int) -> tuple[str, Tensors]:
    lines = [f"h{k}[t,i] = tanh(h{k}[t-1,i] + h{k - 1}[t,i])" for k in range(1, count)]
    last = f"loss = sum[t,i](h{count - 1}[t,i])"
    return "\n".join([*lines, last]), {"h0": np.ones((4, 2))}


FAMILIES = (
    elementwise,
    network,
    softmaxes,
    branches,
    contributions,
    positions,
    windows,
    recurrences,
)


def gradients(text: str, tensors: Tensors) -> None:
    Program(text).value_and_grad()(tensors)


def tangents(text: str, tensors: Tensors) -> None:
    str(Program(text).jvp())


@pytest.mark.parametrize(
    ("family", "run"),
    [
        *((family, gradients) for family in FAMILIES),
        *((family, tangents) for family in (elementwise, branches, positions)),
    ],
)
def test_work_grows_as_the_program_does(family: Callable, run: Callable) -> None:
    run(*family(40))  # What is read once for all programs, and for each name, is not counted.
    counted = {n: calls(lambda n=n: run(*family(n))) for n in (10, 20, 40)}
    first, second = counted[20] - counted[10], counted[40] - counted[20]
    grows_as_the_program(first, second)


def grows_as_the_program(first: Counter[Function], second: Counter[Function]) -> None:
    """Twice as many equations more take at most 2.2 times the work, in every function."""
    grown = {name: (first[name], n) for name, n in second.items() if n > 2.2 * first[name] + FEW}
    assert not grown
    assert second.total() <= 2.2 * first.total()


def trained(count: int) -> None:
    """A first step of so many layers that are joined by ``>>``."""
    network = Affine(2)
    for _ in range(count):
        network = network >> Tanh() >> Affine(2)
    model, x = network >> losses.SquaredError(), np.ones((3, 2))
    parameters = model.init(np.random.default_rng(0), x=x)
    step = Step(model, SGD(0.1))
    step(parameters, step.start(parameters), {"x": x, "t": x})


def test_work_grows_as_the_layers_do() -> None:
    trained(16)
    counted = {n: calls(lambda n=n: trained(n)) for n in (4, 8, 16)}
    grows_as_the_program(counted[8] - counted[4], counted[16] - counted[8])


@pytest.mark.parametrize("factor", ["x{k}", "x{k}[i]", "x{k}[{i},{j}]", "tanh(x{k})"])
def test_work_of_one_product_grows_as_its_gradients_text_does(factor: str) -> None:
    """The gradient of n factors has n lines of n factors."""

    def derive(count: int) -> int:
        letters = "abcdefgh"
        parts = [factor.format(k=k, i=letters[k % 8], j=letters[(k + 1) % 8]) for k in range(count)]
        return len(str(Program(f"y = {' '.join(parts)}").backward()))

    derive(8)
    few, many = calls(lambda: derive(20)).total(), calls(lambda: derive(40)).total()
    assert many <= 1.1 * few * derive(40) / derive(20)


def test_work_of_nested_calls_grows_as_their_gradients_text_does() -> None:
    """The gradient of n calls has n factors of up to n calls."""

    def derive(count: int) -> int:
        return len(str(Program(f"y = {'tanh(' * count}x{')' * count}").backward()))

    derive(8)
    longer = derive(60) / derive(30)
    few, many = calls(lambda: derive(30)), calls(lambda: derive(60))
    grown = {name: (few[name], n) for name, n in many.items() if n > 1.1 * longer * few[name] + FEW}
    assert not grown


def test_a_search_that_is_quadratic_is_found() -> None:
    def search(count: int) -> None:
        names: list[str] = []
        for number in range(count):
            known = Program.__eq__  # Any function of the package.
            for name in names:
                known(None, name)  # type: ignore[arg-type]
            names.append(str(number))

    first, second = calls(lambda: search(100)), calls(lambda: search(200))
    assert any(n > 2.2 * first[name] + FEW for name, n in second.items())


def test_a_program_of_a_thousand_equations() -> None:
    text, tensors = elementwise(1000)
    a, h, states = 0.5, np.tanh(tensors["x"]), []
    for k in range(1, 999):
        states.append(h)
        h = (a * h + 1, np.tanh(h), h**2 - states[max(k - 3, 0)], h / (1 + np.exp(-h)))[k % 4]
    assert np.allclose(Program(text)(tensors), h.sum())


def test_a_gradient_through_a_hundred_layers() -> None:
    text, tensors = network(100)
    _, found = Program(text, params="W1").value_and_grad()(tensors)
    h, weights = tensors["h0"], [tensors[f"W{k}"] for k in range(1, 100)]
    states = [h, *(h := np.tanh(h @ weight) for weight in weights)]
    g = 2 * states[-1] / 4
    for weight, before, after in zip(weights[::-1], states[-2::-1], states[:0:-1], strict=True):
        g = g * (1 - after**2)
        last, g = before.T @ g, g @ weight.T
    np.testing.assert_allclose(found["W1"], last, rtol=1e-9)


# Products of many operands.


def tensor_network(count: int, loops: int, seed: int) -> tuple[str, Tensors]:
    """Small tensors on a random graph: a tree, and some edges more."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    indices: list[list[str]] = [[] for _ in range(count)]
    edges = [(n, draw.randrange(max(0, n - 4), n)) for n in range(1, count)]
    edges += [tuple(draw.sample(range(count), 2)) for _ in range(loops)]
    for number, edge in enumerate(edges):
        for node in edge:
            indices[node].append(f"e{number}")
    operands = " ".join(f"T{n}[{','.join(own)}]" for n, own in enumerate(indices))
    shapes = [(2,) * len(own) for own in indices]
    return f"y = {operands}", {f"T{n}": rng.uniform(0.5, 1, s) for n, s in enumerate(shapes)}


def outer(count: int) -> tuple[str, Tensors]:
    operands = " ".join(f"T{n}[i{n}]" for n in range(count))
    return f"y += {operands}", {f"T{n}": np.full(2, 0.5) for n in range(count)}


def entrywise(count: int) -> tuple[str, Tensors]:
    operands = " ".join(f"T{n}[i]" for n in range(count))
    return f"y += {operands}", {f"T{n}": np.full(2, 0.9) for n in range(count)}


@pytest.mark.parametrize(
    ("text", "tensors", "wanted"),
    [
        pytest.param(*tensor_network(60, 30, 1), 60, id="60 operands"),
        pytest.param(*tensor_network(105, 10, 2), 3, id="more than 100 operands"),
        pytest.param(*outer(60), 60, id="outer products"),
        pytest.param(*entrywise(60), 60, id="one index"),
    ],
)
def test_a_product_of_many_operands(text: str, tensors: Tensors, wanted: int) -> None:
    """An exhaustive search for a path would not end."""
    program, names = Program(text), list(tensors)[:wanted]
    value, found = program.value_and_grad(wrt=names)(tensors)
    np.testing.assert_allclose(value, program(tensors))
    # A product is linear in each operand, so that every gradient gives its value again.
    for name in names:
        np.testing.assert_allclose(np.sum(found[name] * tensors[name]), value, rtol=1e-9)


@pytest.mark.parametrize("operands", [outer, entrywise, lambda n: tensor_network(n, n // 2, 3)])
def test_all_gradients_of_a_product_are_a_few_products(operands: Callable) -> None:
    text, _ = operands(60)
    sizes = dict.fromkeys(re.findall(r"[\[,](\w+)", text), 2)
    forward = len(Program(text).explain(sizes).steps)
    assert len(Program(text).grad().explain(sizes).steps) <= 4 * forward


# One plan for each set of shapes.

CALLING = {
    "/arguments.py",
    "/backends/numpy.py",
    "/compiled.py",
    "/donation.py",
    "/notation/functions.py",
    "/program.py",
    "/value_and_grad.py",
}


def test_a_call_that_has_a_plan_works_nothing_out() -> None:
    text, tensors = network(4)
    shorter = {**tensors, "h0": np.ones((2, 3))}
    function = Program(text, params="W1 B1").value_and_grad()
    planning = {file for file, *_ in calls(lambda: function(tensors))}
    assert "/passes/lower.py" in planning
    assert "/execution/schedule.py" in planning
    again = calls(lambda: function(tensors))
    assert "/passes/lower.py" in {file for file, *_ in calls(lambda: function(shorter))}
    back = calls(lambda: function(tensors))
    for found in (again, back):
        files = {file for file, *_ in found if file.startswith("/")}
        assert files <= CALLING
