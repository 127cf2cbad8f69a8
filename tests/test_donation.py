"""Outputs written into the arrays of inputs: the same numbers as without, in the user's memory."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from einprop import Program
from einprop.analysis.sizes import bind_sizes
from einprop.errors import InputError, ShapeError

Arrays = dict[str, Any]

RULES = [
    "{x}[i,j] - 0.5 {y}[i,j]",
    "{x}[j,i] + {y}[i,j]",
    "{x}[i,k] {y}[k,j]",
    "{x}[wrap(i+1),j] {y}[i,j]",
    "tanh({x}[i,j]) + sum[k](exp({x}[i,k]))",
    "{y}[i,j]",
    "{x}[i,j]",
    "[i == j] + 0 {x}[i,j]",
    "where([{y}[i,j] > 0], {x}[i,j], max[k]({y}[i,k]))",
]


def check(program: Program, donate: dict[str, str], tensors: Arrays) -> None:
    """Run with and without donation on the same arrays."""
    expected = program({name: np.copy(value) for name, value in tensors.items()})
    expected = expected if len(program.outputs) > 1 else {program.outputs[0]: expected}
    results = program.compile(donate=donate)(tensors)
    results = results if len(program.outputs) > 1 else {program.outputs[0]: results}
    for output, name in donate.items():
        assert results[output] is tensors[name]
    for output, array in expected.items():
        np.testing.assert_array_equal(results[output], array, err_msg=f"{output}\n{program}")


@pytest.mark.parametrize(("one", "other"), list(product(RULES, RULES)))
def test_any_two_outputs(one: str, other: str, rng: np.random.Generator) -> None:
    program = Program(
        f"""
        z[i] = V[i,j] W[j,i] + c[i]
        V.new[i,j] = {one.format(x="V", y="W")}
        W.new[i,j] = {other.format(x="W", y="V")} + c[i]
        y[i] = W.new[i,j] V.new[j,i] + W[i,j] V[j,i]
        """,
        outputs="V.new W.new y z",
    )
    tensors = {"V": rng.normal(size=(4, 4)), "W": rng.normal(size=(4, 4)), "c": rng.normal(size=4)}
    check(program, {"V.new": "V", "W.new": "W"}, tensors)


def test_a_copy_of_what_was_is_not_read_for_what_is(rng: np.random.Generator) -> None:
    program = Program(
        """
        y[k] = A[j,i,k] W[i,j]
        W.new[i,j] = W[i,j] + y[0]
        z[k] = A[j,i,k] W.new[i,j]
        """,
        outputs="y z W.new",
    )
    tensors = {"A": rng.normal(size=(3, 2, 4)), "W": rng.normal(size=(2, 3))}
    check(program, {"W.new": "W"}, tensors)


@pytest.mark.parametrize(
    "text",
    [
        "w.new[i] += w[i]; w.new[p[b]] += v[b] + w[b]",
        "w.new[i+1] += 2 w[i] where i in 0:4; w.new[i] += w[i]",
        "w.new[i] = tanh(w.new[i-1] + w[i])",
        "w.new[i] = w[i] + w[i-1] where i in 1:5; w.new[i] += 1",
        "h[i] = 2 h[i-1] + w[i]; w.new[i] = h[i] - w[i]",
        "w.new[i] = sum[j]([j <= i] w[j])",
        "w.new[i] = max[j](w[j]) - w[i]",
        "w.new[i] = 3 + 0 v[i]",
    ],
)
def test_outputs_that_are_put_together(text: str, rng: np.random.Generator) -> None:
    program = Program(f"index i, b, j: place < 5\n{text}", outputs="w.new")
    tensors = {"w": rng.normal(size=5), "v": rng.normal(size=5), "p": np.array([4, 1, 1, 0, 3])}
    tensors = {name: tensors[name] for name in (*program.inputs, "w")}
    if "w" in program.inputs:
        check(program, {"w.new": "w"}, tensors)
    else:
        with pytest.raises(InputError, match="w is not an input"):
            program.compile(donate={"w.new": "w"})


def test_memory_of_any_kind_is_written(rng: np.random.Generator) -> None:
    program = Program(
        "W.new[i,j] = W[i,j] + 1; c.new = c + sum[i,j](W[i,j])", outputs="W.new c.new"
    )
    whole = rng.normal(size=(6, 8))
    for given in (np.asfortranarray(whole), whole.T, whole[::2, ::-1], whole[:, :0]):
        check(program, {"W.new": "W", "c.new": "c"}, {"W": given, "c": np.array(1.0)})


def test_an_array_of_another_dtype_keeps_it() -> None:
    run = Program("a.new[i] = a[i] + b[i]").compile(donate={"a.new": "a"})
    single, double = np.ones(2, np.float32), np.full(2, 0.5)
    assert run(a=single, b=double) is single
    assert single.dtype == np.float32
    assert single.tolist() == [1.5, 1.5]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_guard_keeps_what_was(value: float) -> None:
    program = Program(
        "loss = sum[i](w[i] x[i]); w.new[i] = w[i] - x[i]; v.new[i,j] = v[j,i]",
        outputs="loss w.new v.new",
    )
    run = program.compile(donate={"w.new": "w", "v.new": "v"}, guard="loss")
    w, v = np.ones(2), np.arange(4.0).reshape(2, 2)
    results = run(w=w, v=v, x=np.array([1.0, value]))
    assert not np.isfinite(results["loss"])
    assert results["w.new"] is w
    assert (w.tolist(), v.tolist()) == ([1, 1], [[0, 1], [2, 3]])
    assert run(w=w, v=v, x=np.array([1.0, 2.0]))["loss"] == 3
    assert (w.tolist(), v.tolist()) == ([0, -1], [[0, 2], [1, 3]])


def test_an_update_allocates_and_copies_nothing() -> None:
    program = Program(
        "m.new[i] = 0.9 m[i] + g[i]; w.new[i] = w[i] - 0.1 m.new[i]", outputs="m.new w.new"
    )
    schedule = program.compile(donate={"m.new": "m", "w.new": "w"}).schedule
    found = schedule(bind_sizes(program.resolved, {"m": (7,), "g": (7,), "w": (7,)}))
    assert {buffer.kind for buffer in found.buffers} == {"arena"}
    assert not [step for step in found.steps if type(step.operation).__name__ == "Copy"]


def test_what_cannot_be_donated_is_refused() -> None:
    program = Program("w.new[i] = w[i] + x[i]; y = x[i] v[p[i]]", outputs="w.new y")
    for donate, guard, words in [
        ({"w": "w"}, None, "w is not an output"),
        ({"w.new": "z"}, None, "z is not an input"),
        ({"w.new": "x", "y": "x"}, None, "x is donated to two outputs"),
        ({"w.new": "p"}, None, "p holds positions"),
        ({"w.new": "w"}, "w.new", "w.new is not an output"),
        ({"y": "w"}, "w.new", "w.new is no scalar"),
    ]:
        with pytest.raises(InputError, match=words):
            program.compile(donate=donate, guard=guard)
    tensors = {"w": np.ones(2), "x": np.ones(2), "v": np.ones(2), "p": [0, 1]}
    with pytest.raises(ShapeError, match=r"y has shape \(\), and w, in whose memory"):
        program.compile(donate={"y": "w"})(tensors)
    run = program.compile(donate={"w.new": "w"})
    with pytest.raises(InputError, match="w is list; it cannot be changed in place"):
        run({**tensors, "w": [1.0, 2.0]})
    with pytest.raises(InputError, match="w is int64; it cannot"):
        run({**tensors, "w": np.ones(2, int)})
    with pytest.raises(InputError, match="w and x are one array; it cannot be changed in place"):
        run({**tensors, "w": tensors["x"]})
    fixed = np.ones(2)
    fixed.flags.writeable = False
    with pytest.raises(InputError, match="w is read-only"):
        run({**tensors, "w": fixed})


def _shared() -> Arrays:
    base, wide = np.arange(9.0).reshape(3, 3), np.arange(18.0).reshape(3, 6)
    strided = np.lib.stride_tricks.as_strided
    one, two = "w and v are one array", "w and v share memory"
    return {
        "one array": (base, base, one),
        "its transpose": (base, base.T, two),
        "it backwards": (base, base[::-1], two),
        "views that overlap": (wide[:, :3], wide[:, 2:5], two),
        "a buffer": (base, np.frombuffer(base.data).reshape(3, 3), two),
        "cells that are one": (strided(base, (3, 3), (0, 8)), base.copy(), "cells of w share"),
        "views side by side": (wide[:, :3], wide[:, 3:], ""),
        "columns in turn": (wide[:, ::2], wide[:, 1::2], ""),
    }


@pytest.mark.parametrize("case", _shared())
@pytest.mark.parametrize("donate", ["w v", "w"])
def test_memory_that_would_change_twice(case: str, donate: str) -> None:
    w, v, words = _shared()[case]
    program = Program("w.new[i,j] = w[i,j] + v[j,i]; v.new[i,j] = v[i,j] - w[j,i]")
    run = program.compile(donate={f"{name}.new": name for name in donate.split()})
    before = w.copy(), v.copy()
    if not words:
        run(w=w, v=v)
        np.testing.assert_array_equal(w, before[0] + before[1].T)
        return
    for _ in range(2):  # The second call of a kind has a way of its own.
        with pytest.raises(InputError, match=words):
            run(w=w, v=v)
    assert (w.tolist(), v.tolist()) == (before[0].tolist(), before[1].tolist())
    apart = run(w=np.zeros((3, 3)), v=np.ones((3, 3)))
    assert apart["w.new"].tolist() == np.ones((3, 3)).tolist()
    with pytest.raises(InputError, match=words):
        run(w=w, v=v)
