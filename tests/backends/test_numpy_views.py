"""Windows on arguments as slices, and on memory as strides."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from einprop.backends.numpy_views import cells_text, sliced_text
from einprop.execution.schedule import schedule
from einprop.notation.tree import Access, Call, Equation, Index
from tests.strategies.subscripts import LETTERS, access, subscripts, used


@given(st.data())
def test_slices_and_strides_show_the_same(data: st.DataObject) -> None:
    sizes = {letter: data.draw(st.integers(1, 4)) for letter in LETTERS}
    places, shape = data.draw(subscripts(sizes, data.draw(st.integers(1, 3))))
    letters = tuple(data.draw(st.permutations(used(places))))
    equations = [
        Equation(access("w", letters), "=", Access("x", places)),
        Equation(access("y", letters), "=", Call("exp", (access("w", letters),))),
    ]
    tensors = schedule(equations, sizes, {"x": shape}, ["y"]).tensors
    x = np.arange(float(np.prod(shape))).reshape(shape)
    names = {"x": x, "ndarray": np.ndarray, "float64": np.float64}
    if "w" not in tensors:
        return
    strided = eval(cells_text(tensors["w"], "x", 8), names)  # noqa: S307
    assert strided.shape == tuple(tensors["w"].shape[axis] for axis in tensors["w"].order)
    text = sliced_text("x", tensors["w"], tensors["x"])
    if text is not None:
        np.testing.assert_array_equal(eval(text, names), strided)  # noqa: S307


def test_a_repeated_index_takes_strides() -> None:
    i = Index("i")
    equations = [
        Equation(Access("d", (i,)), "=", Access("x", (i, i))),
        Equation(Access("y", (i,)), "=", Call("exp", (Access("d", (i,)),))),
    ]
    tensors = schedule(equations, {"i": 3}, {"x": (3, 3)}, ["y"]).tensors
    assert sliced_text("x", tensors["d"], tensors["x"]) is None
    assert cells_text(tensors["d"], "b", 8) == "ndarray((3,), float64, b, 0, (32,))"
