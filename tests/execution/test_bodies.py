"""What moves out of a loop, and what moves into one."""

from __future__ import annotations

from einprop.execution.lower import lower
from einprop.execution.steps import Accumulate, Contraction, Loop
from einprop.notation.parser import parse

SIZES = {"b": 2, "i": 5, "p": 3, "q": 2, "f": 4, "c": 3, "u": 7, "t": 4, "T": 5}
TRANSPOSED = "d[b,i,p,c] = sum[f](g[b,i,f] K[p,c,f]); D[b,i+p,c] += d[b,i,p,c]"


def test_a_product_that_is_only_contributed_is_made_piece_by_piece() -> None:
    found = lower(parse(TRANSPOSED), SIZES, ["D"], axes={"D": ("b", "u", "c")})
    (loop,) = found.loops
    assert loop.size == 3
    inside = [step.operation for step in found.steps[loop.start : loop.stop]]
    assert isinstance(inside[0], Contraction)
    assert inside[1] == Accumulate("add")
    assert {step.fixed for step in found.steps[loop.start : loop.stop]} == {("p",)}


def test_a_product_with_other_readers_is_made_whole() -> None:
    text = TRANSPOSED + "; y[b,i,p,c] = exp(d[b,i,p,c])"
    found = lower(parse(text), SIZES, ["D", "y"], axes={"D": ("b", "u", "c")})
    assert found.loops == ()
    assert lower(parse(TRANSPOSED), SIZES, ["D", "d"], axes={"D": ("b", "u", "c")}).loops == ()


def test_many_small_products_are_made_at_once() -> None:
    sizes = dict(SIZES, p=65, i=100, u=164)
    assert lower(parse(TRANSPOSED), sizes, ["D"], axes={"D": ("b", "u", "c")}).loops == ()


RECURRENCE = """
    _1[t,b] = H[t+0,b]
    _2[t,b] = x[t,b] + a[b] + _1[t,b]
    h[t,b] = tanh(_2[t,b])
    H[t+1,b] += h[t,b]
    y[b] = H[4,b]
"""


def test_what_needs_nothing_of_the_loop_runs_before_it() -> None:
    found = lower(parse(RECURRENCE), SIZES, ["y"], axes={"H": ("T", "b")})
    (loop,) = found.loops
    before = [step.target.tensor for step in found.steps[: loop.start]]
    # Zeros, and the part of the sum that the loop does not change.
    assert set(before) == {"_2#1", "H"}
    inside = found.steps[loop.start : loop.stop]
    assert [step.target.tensor for step in inside] == ["_1", "_2", "h", "H#1", "H#1"]
    assert all(step.fixed == ("t",) for step in inside)
    assert isinstance(loop, Loop)
    assert not loop.descending
