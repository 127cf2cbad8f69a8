"""Products in blocks: which there are, what they save, and that they come to the same."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einprop import Program
from einprop.analysis.sizes import bind_sizes
from einprop.errors import DerivativeError, InputError
from einprop.execution.steps import Schedule
from tests.strategies.programs import Case, cases

LAST = """
index p, q: window < 3, i: row, j: column
input x[b,i,j,c]
h[b,i,j,f] = relu(x[b,pad(i+p-1),pad(j+q-1),c] K[p,q,c,f])
loss = sum[b,i,j,g]((h[b,pad(i+p-1),pad(j+q-1),f] L[p,q,f,g])^2)
"""
FIRST = """
index p, q: window < 3, i: row, j: column
input x[b,c,i,j]
h[b,f,i,j] = relu(x[b,c,pad(i+p-1),pad(j+q-1)] K[f,c,p,q])
loss = sum[b,g,i,j]((h[b,f,pad(i+p-1),pad(j+q-1)] L[g,f,p,q])^2)
"""
SIZES = {"b": 4, "i": 6, "j": 5, "c": 2, "f": 3, "g": 4, "p": 3, "q": 3}
AXES = {LAST: ("bijc", "pqcf", "pqfg"), FIRST: ("bcij", "fcpq", "gfpq")}


def tensors(text: str, rng: np.random.Generator, **sizes: int) -> dict[str, np.ndarray]:
    extents = SIZES | sizes
    shapes = [[extents[i] for i in axes] for axes in AXES[text]]
    return {name: rng.normal(size=shape) for name, shape in zip("xKL", shapes, strict=True)}


def schedule(program: Program, given: dict[str, np.ndarray], **choices: object) -> Schedule:
    sizes = bind_sizes(program.resolved, {name: array.shape for name, array in given.items()})
    return program.compile(**choices).schedule(sizes)  # type: ignore[arg-type]


@pytest.mark.parametrize("derive", [False, True])
@pytest.mark.parametrize("text", [LAST, FIRST])
def test_a_convolution_in_blocks_has_the_same_values(
    text: str, derive: bool, rng: np.random.Generator
) -> None:
    program = Program(text)
    if derive:
        program = program.value_and_grad(of="loss", wrt="x K L").program
    given = tensors(text, rng)
    kinds = {d.kind for d in schedule(program, given, in_blocks=True).decisions}
    assert kinds == {"blocked"}
    found, expected = (
        program.compile(in_blocks=True)(given),
        program.compile(in_blocks=False)(given),
    )
    for one, other in zip(_arrays(found), _arrays(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_forward_takes_memory_for_one_position(rng: np.random.Generator) -> None:
    program, given = Program(LAST), tensors(LAST, rng, b=8)
    whole, blocked = (schedule(program, given, in_blocks=choice) for choice in (False, True))
    windows = 8 * 6 * 5 * 3 * 3 * (2 + 3) * 8
    assert whole.arena_bytes - blocked.arena_bytes > windows // 2
    assert whole.flops - blocked.flops == 0
    text = str(program.compile(in_blocks=True).explain(_sizes(program, given)))
    assert "blocked: " in text
    assert " for one b at a time saves " in text


def _sizes(program: Program, given: dict[str, np.ndarray]):
    return bind_sizes(program.resolved, {name: array.shape for name, array in given.items()})


def test_blocks_by_default_where_copies_leave_the_cache(rng: np.random.Generator) -> None:
    program = Program(LAST)
    assert not schedule(program, tensors(LAST, rng)).decisions
    shapes = {"x": (64, 64, 64, 16), "K": (3, 3, 16, 16), "L": (3, 3, 16, 16)}
    large = program.compile().schedule(bind_sizes(program.resolved, shapes))
    assert [d.kind for d in large.decisions] == ["blocked", "blocked"]
    assert large.arena_bytes < 3 * 64 * 66 * 66 * 16 * 8


def test_a_limit_to_memory_takes_blocks_before_it_computes_again(rng: np.random.Generator) -> None:
    program, given = Program(LAST), tensors(LAST, rng, b=8)
    least = schedule(program, given, in_blocks=True).arena_bytes
    limited = program.compile(memory_limit=least)
    found = limited.schedule(_sizes(program, given))
    assert found.arena_bytes <= least
    assert {d.kind for d in limited.explain(_sizes(program, given)).decisions} == {"blocked"}
    np.testing.assert_allclose(limited(given), program(given))
    with pytest.raises(InputError, match="memory_limit is"):
        program.compile(memory_limit=least, in_blocks=False)(given)


@given(case=cases(scalar=True), derive=st.booleans())
def test_generated_programs_in_blocks(case: Case, derive: bool) -> None:
    program = Program(case.text)
    with suppress(DerivativeError):
        program = program.grad(of="loss") if derive else program
    found = program.compile(in_blocks=True)(case.tensors)
    for one, other in zip(_arrays(found), _arrays(program(case.tensors)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


def _arrays(result: object) -> list[object]:
    return list(result.values()) if isinstance(result, dict) else [result]
