"""Trees of parameters: any nesting goes to names and back, gradients and optimisers follow it."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einprop import Program, trees
from einprop.errors import InputError, ShapeError
from einprop.training import SGD


class Pair(NamedTuple):
    weight: float
    bias: float


KEYS = st.text(alphabet="abcdefgh", min_size=1, max_size=3)
TREES = st.recursive(
    st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner, max_size=3)
        | st.builds(Pair, inner, inner)
    ),
    max_leaves=12,
)


@given(TREES)
def test_any_nesting_comes_back(tree: object) -> None:
    flat = trees.flatten(tree)
    assert all(name.isidentifier() for name in flat)
    again = trees.unflatten(flat, tree)
    assert again == tree
    assert repr(again) == repr(tree)  # a tuple is no list
    assert trees.flatten(trees.names(tree)) == {name: name for name in flat}
    assert trees.map_leaves(lambda a, b: a - b, tree, tree) == trees.map_leaves(lambda _: 0, tree)


def test_leaves_are_the_callers_arrays() -> None:
    array = np.ones(2)
    assert trees.flatten([{"w": array}])["p0_w"] is array


def mlp(depth: int) -> tuple[Program, list[tuple[np.ndarray, np.ndarray]]]:
    """A network that a loop wrote, and its list of pairs."""
    rng = np.random.default_rng(0)
    sizes = [3, *[4] * depth, 1]
    pairs = [(rng.normal(size=(m, n)), rng.normal(size=n)) for m, n in pairwise(sizes)]
    lines, below = [], "x"
    for k, (weight, bias) in enumerate(trees.names(pairs)):
        lines.append(
            f"h{k}[b,i{k + 1}] = tanh({below}[b,i{k}] {weight}[i{k},i{k + 1}] + {bias}[i{k + 1}])"
        )
        below = f"h{k}"
    lines.append(f"loss = mean[b](sum[k](({below}[b,k] - t[b,k])^2))")
    return Program("\n".join(lines)), pairs


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_gradients_are_nested_as_the_parameters(depth: int, rng) -> None:
    program, pairs = mlp(depth)
    data = {"x": rng.normal(size=(5, 3)), "t": rng.normal(size=(5, 1))}
    value, gradient = trees.value_and_grad(program)(pairs, data)
    flat = trees.flatten(pairs)
    expected, gradients = program.value_and_grad(wrt=tuple(flat))(flat, **data)
    assert value == expected
    assert [type(pair) for pair in gradient] == [tuple] * (depth + 1)
    for name, found in trees.flatten(gradient).items():
        np.testing.assert_array_equal(found, gradients[name])


def test_an_optimiser_steps_on_a_tree(rng) -> None:
    program, pairs = mlp(2)
    data = {"x": rng.normal(size=(8, 3)), "t": np.full((8, 1), 0.3)}
    loss, optimizer = trees.value_and_grad(program), SGD(0.1, momentum=0.9)
    state = optimizer.start(trees.flatten(pairs))
    first, _ = loss(pairs, data)
    for epoch in range(60):
        _, gradient = loss(pairs, data)
        optimizer.step(trees.flatten(pairs), trees.flatten(gradient), state, epoch)
    assert loss(pairs, data)[0] < 0.05 * first


def test_what_is_not_read_has_no_gradient() -> None:
    loss = trees.value_and_grad("loss = a_w^2")
    value, gradient = loss({"a": {"w": 3.0, "unused": np.ones(2)}})
    assert value == 9
    assert gradient["a"]["unused"].tolist() == [0, 0]
    assert gradient["a"]["w"] == 6


def test_one_of_several_outputs_and_another_prefix() -> None:
    loss = trees.value_and_grad("a = q0^2; b = q1^3", of="b", prefix="q")
    assert loss((5.0, 2.0))[0] == 8
    assert loss((5.0, 2.0))[1] == (0, 12)


def test_derivatives_of_any_order() -> None:
    program = Program("y = tanh(x)")
    for _ in range(3):
        program = program.grad(wrt="x")
    t = np.tanh(0.3)
    assert float(program(x=0.3)) == pytest.approx((1 - t**2) * (6 * t**2 - 2))


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: trees.flatten({"a": [1], "a_0": 2}), "two leaves of the tree have the name a_0"),
        (lambda: trees.flatten({"a b": 1}), "'a b' is no name of a tensor"),
        (lambda: trees.flatten({"": 1}), "'' is no name"),
        (lambda: trees.unflatten({"p0": 1}, (1, 2)), "no leaf is called p1"),
        (lambda: trees.map_leaves(max, [1, 2], [1]), "nested in different ways"),
        (lambda: trees.value_and_grad("y = p0 x")([1.0]), "x"),
    ],
)
def test_what_is_refused(call, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        call()


def test_shapes_are_checked() -> None:
    with pytest.raises(ShapeError):
        trees.value_and_grad("y = p0[i] p1[i]")([np.ones(2), np.ones(3)])
