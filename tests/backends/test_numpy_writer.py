"""Loops in plans, against loops over cells, and what runs outside of them."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given, note, settings

from tests.backends.flat import check, compiled
from tests.strategies.recurrences import recurrences
from tests.strategies.subscripts import FlatCase

RNG = np.random.default_rng(0)


@settings(max_examples=150)
@given(recurrences())
def test_generated_recurrences(case: FlatCase) -> None:
    note(repr(case))
    check(case.equations, case.sizes, case.tensors, *case.outputs, axes=case.axes)


FORWARD = """
    _1[t,b,j] = sum[i](x[t,b,i] W[i,j])
    H[0,b,j] += h0[b,j]
    _2[t,b,k] = H[t+0,b,k]
    _3[t,b,j] = sum[k](_2[t,b,k] U[k,j])
    _4[t,b,j] = _1[t,b,j] + _3[t,b,j]
    h[t,b,j] = tanh(_4[t,b,j])
    H[t+1,b,j] += h[t,b,j]
    y[b,t,j] = h[t,b,j]
"""
BACKWARD = """
    _9[t,b,j] = h[t,b,j] h[t,b,j]
    _10[t,b,j] = 1 - _9[t,b,j]
    _11[t,b,j] = H.grad[t+1,b,j]
    _12[t,b,j] = _11[t,b,j] + g[t,b,j]
    _13[t,b,j] = _12[t,b,j] _10[t,b,j]
    _14[t,b,k] = sum[j](_13[t,b,j] U[k,j])
    H.grad[t+0,b,k] += _14[t,b,k]
    U.grad[k,j] = sum[t,b](_2[t,b,k] _13[t,b,j])
    W.grad[i,j] = sum[t,b](x[t,b,i] _13[t,b,j])
    h0.grad[b,k] = H.grad[0,b,k]
"""
SIZES = {"t": 4, "T": 5, "b": 2, "i": 3, "j": 5, "k": 5}
AXES = {"H": ("T", "b", "j"), "H.grad": ("T", "b", "j")}
SHAPES = {"x": "tbi", "W": "ij", "h0": "bj", "U": "kj", "g": "tbj"}


def inputs(names: str) -> dict[str, np.ndarray]:
    return {name: RNG.normal(size=[SIZES[i] for i in SHAPES[name]]) for name in names.split()}


def loop_lines(text: str) -> list[str]:
    """What runs at each position of the loops."""
    return [
        line.strip() for line in text.partition("def run")[2].splitlines() if line[:8] == " " * 8
    ]


def test_a_network_runs_its_loop_on_views() -> None:
    plan = check(FORWARD, SIZES, inputs("x W h0 U"), "y", axes=AXES)
    lines = loop_lines(plan.source)
    # The state is computed where the next step reads it.
    assert [re.sub(r"\(.*", "", line.partition(".dot")[1] or line) for line in lines] == [
        ".dot",
        "add",
        "tanh",
    ]
    assert plan.schedule.tensors["h"].root == "H"
    # What lives for one position has memory for one: two products and sums in one buffer.
    assert plan.schedule.tensors["_3"].strides[0] == 0
    assert plan.schedule.tensors["_3"].buffer == plan.schedule.tensors["_4"].buffer


def test_what_needs_nothing_of_the_loop_runs_before_or_after_it() -> None:
    outputs = ("U.grad", "W.grad", "h0.grad")
    plan = check(FORWARD + BACKWARD, SIZES, inputs("x W h0 U g"), *outputs, axes=AXES)
    lines = loop_lines(plan.source)
    assert len(lines) == 3 + 3
    assert len([line for line in lines if ".dot(" in line]) == 2
    first, second = plan.schedule.loops
    assert (first.descending, second.descending) == (False, True)


def test_a_network_without_a_base_starts_from_zeros() -> None:
    text = FORWARD.replace("H[0,b,j] += h0[b,j]", "")
    check(text, SIZES, inputs("x W U"), "y", axes=AXES)


def test_the_whole_sequence_may_be_wanted() -> None:
    plan = check(FORWARD, SIZES, inputs("x W h0 U"), "H", "h", "y", axes=AXES)
    results = plan(*inputs("x W h0 U").values())
    assert not any(np.shares_memory(a, b) for a in results for b in results if a is not b)


def test_no_positions() -> None:
    sizes = dict(SIZES, t=0, T=1)
    tensors = inputs("W h0 U") | {"x": np.zeros((0, 2, 3))}
    check(FORWARD, sizes, tensors, "H", "y", axes=AXES)


GRID = """
    _1[s,t] = A[s+0,t+1] + A[s+1,t+0]
    _2[s,t] = tanh(_1[s,t])
    _3[s,t] = _2[s,t] c[s]
    A[s+1,t+1] += _3[s,t]
    A[0,u] += a[u]
    A[v+1,0] += d[v]
    y[s,t] = _3[s,t]
"""


def test_loops_nest() -> None:
    sizes = {"s": 3, "t": 4, "u": 5, "v": 3, "w": 4}
    tensors = {"a": RNG.normal(size=5), "d": RNG.normal(size=3), "c": RNG.normal(size=3)}
    plan = check(GRID, sizes, tensors, "A", "y", axes={"A": ("w", "u")})
    assert len(plan.schedule.loops) == 2
    assert plan.schedule.flops >= 3 * 4 * 3
    turned = GRID.replace("A[s+1,t+1]", "A[t+1,s+1]").replace("A[s+0,t+1]", "A[t+1,s+0]")
    turned = turned.replace("A[s+1,t+0]", "A[t+0,s+1]")
    turned = turned.replace("A[0,u]", "A[u,0]").replace("A[v+1,0]", "A[0,v+1]")
    check(turned, sizes, tensors, "A", "y", axes={"A": ("u", "w")})


def test_a_loop_inside_a_loop_reads_what_the_outer_one_made() -> None:
    """A recurrence over s whose state is a whole recurrence over t."""
    text = """
        _1[s] = Z[s+0]
        _2[s,t] = _1[s] x[t]
        _3[s,t] = Q[s,t+0]
        _4[s,t] = _2[s,t] + _3[s,t]
        q[s,t] = tanh(_4[s,t])
        Q[s,t+1] += q[s,t]
        _5[s] = Q[s,3]
        Z[s+1] += _5[s]
        Z[0] += 1
        y[r] = Z[r]
    """
    sizes = {"s": 4, "t": 3, "r": 5, "u": 4}
    axes = {"Z": ("r",), "Q": ("s", "u")}
    plan = check(text, sizes, {"x": RNG.normal(size=3)}, "y", axes=axes)
    assert len(plan.schedule.loops) == 2


def test_letters_of_one_loop_may_have_different_sizes() -> None:
    """What depends on the recurrence for its first positions only."""
    text = """
        _1[t,b] = H[t+0,b]
        _2[t,b] = tanh(_1[t,b])
        H[t+1,b] += _2[t,b]
        _3[s,b] = H[s+0,b]
        _4[s,b] = exp(_3[s,b])
        H[s+1,b] += _4[s,b]
        H[0,b] += h0[b]
    """
    # An exponential of an exponential: a draw that others shift may overflow.
    h0 = np.array([0.3, -0.7])
    for s in (2, 4):
        sizes = {"t": 4, "s": s, "T": 5, "b": 2}
        check(text, sizes, {"h0": h0}, "H", axes={"H": ("T", "b")})
    turned = text.replace("H[t+0", "H[t+1").replace("H[s+0", "H[s+1")
    turned = turned.replace("H[t+1,b] +=", "H[t+0,b] +=").replace("H[s+1,b] +=", "H[s+0,b] +=")
    turned = turned.replace("H[0,b]", "H[4,b]")
    sizes = {"t": 4, "s": 2, "T": 5, "b": 2}
    check(turned, sizes, {"h0": h0}, "H", axes={"H": ("T", "b")})


def test_a_copy_in_a_loop_is_made_at_each_position() -> None:
    """Products whose operands have to be merged, of what the loop itself computes."""
    text = """
        _1[t,i,j,c] = H[t+0,i,j,c]
        _3[t,c,d] = sum[i,j](_1[t,i,j,c] V[j,i,d])
        _4[t,i,j,c] = sum[d](_3[t,c,d] V[i,j,d])
        H[t+1,i,j,c] += _4[t,i,j,c]
        H[0,i,j,c] += h0[i,j,c]
        y[t,c,d] = _3[t,c,d]
    """
    sizes = {"t": 3, "T": 4, "i": 2, "j": 2, "c": 3, "d": 2}
    tensors = {"V": RNG.normal(size=(2, 2, 2)) / 2, "h0": RNG.normal(size=(2, 2, 3))}
    check(text, sizes, tensors, "y", "H", axes={"H": ("T", "i", "j", "c")})


def test_cumulative_work_in_a_loop_overlaps_nothing() -> None:
    """A window over the last three positions, and contributions to several later ones."""
    text = """
        w[t,l] = H[t+l]
        _1[t] = sum[l](w[t,l] a[l])
        _2[t] = tanh(_1[t])
        H[t+3] += _2[t]
        H[l] += h0[l]
        S[t+l] += _2[t]
    """
    sizes = {"t": 5, "l": 3, "T": 8, "S": 7}
    tensors = {"a": RNG.normal(size=3), "h0": RNG.normal(size=3)}
    check(text, sizes, tensors, "H", "S", axes={"H": ("T",), "S": ("S",)})


def test_calls_from_one_plan_do_not_disturb_each_other() -> None:
    given = inputs("x W h0 U")
    plan = compiled(FORWARD, SIZES, given, "y", "H", axes=AXES)
    first = [result.copy() for result in plan(*given.values())]
    again = plan(*given.values())
    plan(*(2 * array for array in given.values()))
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
