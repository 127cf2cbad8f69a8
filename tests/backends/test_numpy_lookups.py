"""Gathers and scatters on numpy: against loops over cells, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, note, settings

from einprop.errors import InputError
from tests.backends.flat import check, compiled
from tests.strategies.subscripts import FlatCase, gatherings

RNG = np.random.default_rng(0)


@settings(max_examples=150)
@given(gatherings())
def test_generated_gatherings(case: FlatCase) -> None:
    if 0 in case.tensors["x"].shape:
        return
    note(repr(case))
    check(case.equations, case.sizes, case.tensors, *case.outputs)


EMBEDDING = "y[b,t,d] = E[tok[b,t],d]; E.grad[tok[b,t],d] += g[b,t,d]"
SIZES = {"b": 2, "t": 4, "d": 3, "v": 10}


def embedding() -> dict[str, np.ndarray]:
    return {
        "E": RNG.normal(size=(10, 3)),
        "tok": RNG.integers(0, 10, (2, 4)),
        "g": RNG.normal(size=(2, 4, 3)),
    }


def test_an_embedding_takes_rows_and_gives_them_back() -> None:
    axes = {"E.grad": ("v", "d")}
    plan = check(EMBEDDING, SIZES, embedding(), "y", "E.grad", axes=axes)
    assert plan.schedule.integers == ("tok",)
    assert ".take(" in plan.source
    # Both look up the same positions, which are checked once.
    assert plan.source.count("= g") == 1
    repeated = embedding() | {"tok": np.zeros((2, 4), int)}
    check(EMBEDDING, SIZES, repeated, "E.grad", axes=axes)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (17, "tok[1,2] is 17, outside of axis 0 of E: positions 0 to 9"),
        (10, "tok[1,2] is 10, outside of axis 0 of E: positions 0 to 9"),
        (
            -1,
            (
                "tok[1,2] is -1, outside of axis 0 of E: positions 0 to 9\n"
                "positions are counted from 0, never from the end"
            ),
        ),
    ],
)
def test_positions_outside_are_refused(value: int, message: str) -> None:
    tensors = embedding()
    plan = compiled("y[b,t,d] = E[tok[b,t],d]", SIZES, {k: tensors[k] for k in ("E", "tok")}, "y")
    tensors["tok"][1, 2] = value
    with pytest.raises(InputError) as error:
        plan(tensors["E"], tensors["tok"])
    assert str(error.value) == message
    tensors["tok"][1, 2] = 9
    plan(tensors["E"], tensors["tok"])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (2.5, "n[1] is 2.5, not a position of axis 1 of x\npositions are integers from 0"),
        (np.nan, "n[1] is nan, not a position of axis 1 of x\npositions are integers from 0"),
        (
            -1.0,
            (
                "n[1] is -1, outside of axis 1 of x: positions 0 to 2\n"
                "positions are counted from 0, never from the end"
            ),
        ),
        (1e30, "n[1] is 1000000000000000019884624838656, outside of axis 1 of x: positions 0 to 2"),
    ],
)
def test_computed_positions_must_be_integers(value: float, message: str) -> None:
    text = "n[i] = a[i] + 0; y[i] = x[i,n[i]]"
    sizes = {"i": 2, "j": 3}
    tensors = {"a": np.zeros(2), "x": RNG.normal(size=(2, 3))}
    plan = compiled(text, sizes, tensors, "y")
    np.testing.assert_array_equal(
        plan(np.array([1.0, 2.0]), tensors["x"])[0], tensors["x"][[0, 1], [1, 2]]
    )
    with pytest.raises(InputError) as error:
        plan(np.array([0.0, value]), tensors["x"])
    assert str(error.value) == message


def test_an_axis_without_positions() -> None:
    tensors = {"x": np.zeros((0, 2)), "n": np.zeros(1, int)}
    plan = compiled("y[i,j] = x[n[i],j]", {"i": 1, "j": 2}, tensors, "y")
    with pytest.raises(InputError, match="axis 0 of x: it has no positions"):
        plan(*tensors.values())


def test_positions_that_are_read_as_numbers_too_are_converted_once() -> None:
    text = "y[i] = x[n[i]]; a[i] = n[i] y[i]; c[i] = n[i] + a[i]; w[i] = n[2-i]"
    tensors = {"x": RNG.normal(size=4), "n": np.array([3, 0, 3])}
    plan = check(text, {"i": 3}, tensors, "y", "a", "c", "w")
    assert plan.source.count("x2)") + plan.source.count("x2,") <= 3
    assert plan.schedule.tensors["n"].dtype == "int64"


def test_a_registered_dtype_of_the_plan_is_kept() -> None:
    tensors = {"x": np.arange(4, dtype="float32"), "n": np.array([3, 0])}
    plan = compiled(
        "y[i] = x[n[i]]; S[n[i]] += y[i]",
        {"i": 2, "j": 4},
        tensors,
        "y",
        "S",
        axes={"S": ("j",)},
        dtype="float32",
    )
    y, s = plan(*tensors.values())
    assert y.dtype == s.dtype == np.float32
    np.testing.assert_array_equal(s, [0, 0, 0, 3])


@pytest.mark.parametrize(("operator", "empty"), [("max=", -np.inf), ("min=", np.inf)])
def test_the_most_by_group(operator: str, empty: float) -> None:
    tensors = {"n": np.array([0, 2, 0, 2]), "x": np.array([1.0, 5.0, 3.0, -2.0])}
    plan = check(f"S[n[i]] {operator} x[i]", {"i": 4, "k": 3}, tensors, "S", axes={"S": ("k",)})
    assert plan(*tensors.values())[0][1] == empty


def test_a_lookup_in_a_loop_names_the_place() -> None:
    """A walk from node to node, each step looked up at the last one."""
    text = """
        n[t] = P[t+0]
        m[t] = next[n[t]]
        P[t+1] += m[t]
        P[0] += 1
        y[s] = P[s]
    """
    sizes = {"t": 3, "s": 4, "k": 3}
    tensors = {"next": np.array([1.0, 2.0, 0.0])}
    axes = {"P": ("s",)}
    plan = check(text, sizes, tensors, "y", axes=axes)
    np.testing.assert_array_equal(plan(tensors["next"])[0], [1, 2, 0, 1])
    with pytest.raises(InputError) as error:
        plan(np.array([1.0, 2.0, 7.0]))
    assert str(error.value) == "n[2] is 7, outside of axis 0 of next: positions 0 to 2"
