"""The whole way down: derive on pairs, and the backward pass costs twice the forward pass."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from einprop import Program
from einprop.analysis.sizes import bind_letters
from einprop.notation.printer import to_text
from einprop.notation.tree import Access, Call, Multiply, walk
from einprop.passes.lower import lower
from einprop.passes.sized import SizedProgram


def flat(program: Program, **sizes: int) -> SizedProgram:
    return program.compile().flat(bind_letters(program.resolved, sizes))


def work(program: SizedProgram) -> int:
    """Multiply-adds of contractions, and cells computed by anything else but copies."""
    total = 0
    for equation in program.equations:
        nodes = [equation.target, *walk(equation.expression)]
        read = [n for n in nodes if isinstance(n, Access)]
        indices = {s.name for a in read for s in a.subscripts}  # type: ignore[union-attr]
        if not isinstance(equation.expression, Access):
            total += math.prod(program.sizes[i.rstrip("'")] for i in indices)
    return total


def test_a_derived_program_continues_the_forward_one() -> None:
    program = Program("y[b,j] = tanh(x[b,i] W[i,j] + B[j])").vjp()
    assert [to_text(e) for e in flat(program, b=2, i=3, j=4).equations] == [
        "_1[b,j] = sum[i](x[b,i] W[i,j])",
        "_2[b,j] = _1[b,j] + B[j]",
        "y[b,j] = tanh(_2[b,j])",
        "_4[b,j] = y[b,j]^2",
        "_5[b,j] = 1 - _4[b,j]",
        "_6[b,j] = y.grad[b,j] _5[b,j]",
        "B.grad[j] = sum[b](_6[b,j])",
        "x.grad[b,i] = sum[j](_6[b,j] W[i,j])",
        "W.grad[i,j] = sum[b](_6[b,j] x[b,i])",
    ]


def test_without_derivations_lowering_is_binarising_and_simplifying() -> None:
    program = Program("y[b] = 2 (x[b] + x[b])")
    sizes = bind_letters(program.resolved, {"b": 3})
    found = lower(sizes, (), ("y",))
    assert [to_text(e) for e in found.equations] == ["y[b] = 4 x[b]"]


def chain(length: int) -> str:
    factors = " ".join(f"M{k}[a{k},a{k + 1}]" for k in range(length))
    return f"y[a0,a{length}] = {factors}"


@pytest.mark.parametrize("length", [2, 3, 5, 12])
def test_twelve_matrices_cost_twice_the_forward_work(length: int) -> None:
    sizes = {f"a{k}": 8 for k in range(length + 1)}
    forward = (length - 1) * 8**3
    assert work(flat(Program(chain(length)), **sizes)) == forward
    text = f"{chain(length)}; loss = T[a0,a{length}] y[a0,a{length}]"
    wrt = [f"M{k}" for k in range(length)]
    both = Program(text).value_and_grad(wrt=wrt).program
    assert work(flat(both, **sizes)) == 3 * forward + 8**2


def test_unequal_matrices_are_multiplied_in_the_best_order() -> None:
    sizes = dict(zip([f"a{k}" for k in range(6)], [30, 35, 15, 5, 10, 20], strict=True))
    forward = work(flat(Program(chain(5)), **sizes))
    assert forward == 11_875
    loss = Program(f"{chain(5)}; loss = T[a0,a5] y[a0,a5]")
    both = loss.value_and_grad(wrt=[f"M{k}" for k in range(5)]).program
    assert work(flat(both, **sizes)) == 3 * forward + 30 * 20


def products() -> list[tuple[str, dict[str, int]]]:
    """Products of 3 to 8 random operands over 7 letters."""
    rng = np.random.default_rng(7)
    found = []
    for count in [3, 4, 5, 6, 7, 8] * 10:
        sizes = {letter: int(rng.integers(3, 9)) for letter in "abcdefg"}
        drawn = [
            "".join(rng.permutation(list("abcdefg"))[: rng.integers(1, 4)]) for _ in range(count)
        ]
        occurs = {i: sum(i in letters for letters in drawn) for i in "abcdefg"}
        kept = [i for i in "abcdefg" if occurs[i] == 1]
        twice = [i for i in "abcdefg" if occurs[i] > 1]
        kept += twice[: rng.integers(0, 2)]
        factors = " ".join(f"M{k}[{','.join(letters)}]" for k, letters in enumerate(drawn))
        used = {i: n for i, n in sizes.items() if occurs[i]}
        found.append((f"y[{','.join(kept)}] = {factors}", used))
    return found


@pytest.mark.parametrize(("text", "sizes"), products())
def test_products_of_many_operands_cost_at_most_twice_the_forward_work(
    text: str, sizes: dict[str, int]
) -> None:
    program = Program(text)
    forward = flat(program, **sizes)
    target = to_text(program.resolved.equations[0].target)
    loss = Program(f"{text}; loss = {target.replace('y', 'T', 1)} {target}")
    weights = work(flat(loss, **sizes)) - work(forward)
    wrt: Sequence[str] = program.inputs
    both = flat(loss.value_and_grad(wrt=wrt).program, **sizes)
    assert work(both) <= 3 * work(forward) + weights


@pytest.mark.parametrize("function", ["exp", "tanh", "sigmoid", "softplus", "erf", "sqrt"])
def test_forward_and_backward_share_what_they_compute(function: str) -> None:
    program = Program(f"h[b,j] = {function}(x[b,i] W[i,j]); y[b] = h[b,j] v[j] h[b,j]").vjp()
    calls = [
        equation.expression
        for equation in flat(program, b=2, i=3, j=4).equations
        if isinstance(equation.expression, Call) and not equation.expression.indices
    ]
    assert sum(call.function == function for call in calls) == 1
    products = [
        equation
        for equation in flat(program, b=2, i=3, j=4).equations
        if isinstance(equation.expression, Call)
        and equation.expression.indices == ("i",)
        and isinstance(equation.expression.arguments[0], Multiply)
    ]
    assert len(products) == 1
