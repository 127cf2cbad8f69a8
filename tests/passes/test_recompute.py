"""Less memory by computing tensors again: the limit is kept, or the message says what cannot be had."""

from __future__ import annotations

import copy
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings

from einprop import Program
from einprop.analysis.sizes import bind_letters, bind_sizes
from einprop.errors import DerivativeError, InputError
from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.notation.tree import accesses
from einprop.passes.recompute import recompute
from einprop.passes.sized import SizedProgram
from tests.strategies.programs import Case, cases

LAYERS = 8
SIZES = {"b": 64, **{f"i{k}": 16 for k in range(LAYERS + 1)}}


def network() -> Program:
    """A deep perceptron, its loss and the gradients of its parameters."""
    lines = []
    for k in range(LAYERS):
        read = f"h{k}[b,i{k}]" if k else "x[b,i0]"
        lines.append(f"h{k + 1}[b,i{k + 1}] = tanh({read} W{k}[i{k},i{k + 1}] + B{k}[i{k + 1}])")
    lines.append(f"loss = mean[b](sum[i{LAYERS}](h{LAYERS}[b,i{LAYERS}]^2))")
    params = [f"{name}{k}" for name in "WB" for k in range(LAYERS)]
    return Program("\n".join(lines), params=params).value_and_grad().program


def planned(program: Program, memory_limit: int | None = None):
    sizes = bind_letters(program.resolved, SIZES)
    return program.compile(memory_limit=memory_limit).schedule(sizes)


@pytest.mark.parametrize("share", [0.9, 0.7, 0.5])
def test_a_limit_is_kept_and_the_values_are_the_same(share: float) -> None:
    program = network()
    free = planned(program)
    limit = int(share * free.arena_bytes)
    bound = planned(program, limit)
    assert bound.arena_bytes <= limit
    assert free.flops < bound.flops < 1.6 * free.flops
    rng = np.random.default_rng(0)
    sizes = bind_letters(program.resolved, SIZES)
    tensors = {name: rng.standard_normal(sizes.shape(name)) for name in program.inputs}
    limited = program.compile(memory_limit=limit)
    expected, found = program(tensors), limited(tensors)
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
    again = copy.copy(limited)(tensors)
    assert all(np.array_equal(again[name], expected[name]) for name in expected)


def test_float32_takes_half_and_needs_nothing_computed_again() -> None:
    program = network()
    limit = planned(program).arena_bytes // 2 + 64
    sizes = bind_letters(program.resolved, SIZES)
    tensors = {name: np.ones(sizes.shape(name), np.float32) for name in program.inputs}
    found = program.compile(memory_limit=limit)(tensors)
    assert all(np.array_equal(found[name], value) for name, value in program(tensors).items())


def test_without_a_need_nothing_changes() -> None:
    program = network()
    assert planned(program, 10**9) == planned(program)


def test_what_is_computed_again_is_said() -> None:
    program = network()
    limit = planned(program).arena_bytes * 3 // 4
    sizes = bind_letters(program.resolved, SIZES)
    found = program.compile(memory_limit=limit).explain(sizes)
    assert found.arena_bytes <= limit
    assert {decision.kind for decision in found.decisions} - {"simplified"} == {"recomputed"}
    assert "recomputed: h1[b,i1] saves 8,192 bytes" in map(str, found.decisions)


def test_what_cannot_be_had_is_said_with_the_least_that_can() -> None:
    program = network()
    with pytest.raises(InputError, match=r"memory_limit is 1,000 bytes.* at least") as caught:
        planned(program, 1000)
    least = int(str(caught.value).split("at least ")[1].split(" ")[0].replace(",", ""))
    assert planned(program, least).arena_bytes <= least < planned(program).arena_bytes


def peak(program: SizedProgram) -> int:
    """The most cells that wait at once, from the first write to the last read."""
    equations = program.equations
    last = {a.name: n for n, equation in enumerate(equations) for a in accesses(equation)}
    counts = [
        sum(n <= number <= last[e.target.name] for n, e in enumerate(equations[:-1]))
        for number in range(len(equations))
    ]
    return 3 * max(counts)


TEXT = """
_1[i] = exp(x[i])
_2[i] = sin(x[i])
_3[i] = _2[i] z[i]
_4[i] = tanh(_3[i])
_5[i] = _4[i] _3[i]
y[i] = _5[i] _1[i]
"""


def test_the_equation_is_repeated_before_its_late_reader_under_a_name_of_its_own() -> None:
    program = SizedProgram(parse(TEXT), {"i": 3}, ("y",), temporaries=frozenset({"_1", "_2"}))
    assert peak(program) == 12
    found = recompute(program, 9, 1, peak)
    assert peak(found) == 9
    assert [to_text(e) for e in found.equations][-3:] == [
        "_5[i] = _4[i] _3[i]",
        "_6[i] = exp(x[i])",
        "y[i] = _5[i] _6[i]",
    ]
    assert found.is_temporary("_6")
    assert "_1[i] = exp(x[i])" not in [to_text(e) for e in found.equations]


@settings(max_examples=40, deadline=None)
@given(cases(scalar=True))
def test_programs_within_a_limit_have_the_values_that_they_have_without(case: Case) -> None:
    program = Program(case.text)
    with suppress(DerivativeError):
        program = program.grad(of="loss")
    sizes = bind_sizes(program.resolved, {n: v.shape for n, v in case.tensors.items()})
    limit = program.compile().schedule(sizes).arena_bytes * 2 // 3
    try:
        found = program.compile(memory_limit=limit)(case.tensors)
    except InputError:
        return
    np.testing.assert_equal(found, program(case.tensors))
