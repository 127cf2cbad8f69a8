"""Windows in words: text that shows the right cells, and reads well."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from einprop.backends.source_author import Author
from einprop.backends.source_dialect import Dialect, Expression, Like
from einprop.backends.source_jax import Jax
from einprop.backends.source_phrases import positions, sums_before, window
from einprop.backends.source_torch import Torch
from einprop.execution.assembled import positions as affine
from einprop.execution.assembled import subscript_letters
from einprop.execution.schedule import schedule
from einprop.notation.parser import parse
from tests.strategies.subscripts import LETTERS, subscripts

SIZES = {"b": 2, "i": 4, "j": 3, "p": 3, "h": 2, "d": 3}


def author(dialect: type[Dialect]) -> Author:
    plan = schedule(parse("y = z"), SIZES, {"z": ()}, ["y"])
    return Author(plan, {"z": "z"}, {}, {}, dialect("float64", Like("x")))


@pytest.mark.parametrize(
    ("read", "shape", "target", "numpy", "torch", "jax"),
    [
        ("x[b,i]", (2, 4), "bi", "x", "x", "x"),
        ("x[b,i]", (2, 4), "ib", "x.T", "x.T", "x.T"),
        ("x[i+1]", (6,), "i", "x[1:5]", "x[1:5]", "x[1:5]"),
        ("x[b,2*i]", (2, 9), "bi", "x[:, :7:2]", "x[:, :7:2]", "x[:, :7:2]"),
        ("x[3-i]", (4,), "i", "x[3::-1]", "x.flip(0)", "x[3::-1]"),
        ("x[5-i]", (7,), "i", "x[5:1:-1]", "x[2:6].flip(0)", "x[5:1:-1]"),
        ("x[2,b]", (3, 2), "b", "x[2]", "x[2]", "x[2]"),
        ("x[b,7]", (2, 9), "b", "x[:, 7]", "x[:, 7]", "x[:, 7]"),
        (
            "x[b,3*h+d]",
            (2, 6),
            "hbd",
            "x.reshape(2, 2, 3).transpose(1, 0, 2)",
            "x.reshape(2, 2, 3).permute(1, 0, 2)",
            "x.reshape(2, 2, 3).transpose(1, 0, 2)",
        ),
        (
            "x[i,i]",
            (4, 4),
            "i",
            "window(x, (0, 0), (4,), ((1, 1),))",
            "x[torch.arange(4, device=x.device), torch.arange(4, device=x.device)]",
            "x[jnp.arange(4), jnp.arange(4)]",
        ),
        (
            "x[b,2*i+p]",
            (2, 9),
            "bip",
            "sliding_window_view(x, 3, axis=1)[:, ::2]",
            "x.unfold(1, 3, 2)",
            "windows(x, 3, axis=1, step=2)",
        ),
        (
            "x[b,2*i+p+1]",
            (2, 11),
            "bpi",
            "sliding_window_view(x[:, 1:10], 3, axis=1)[:, ::2].transpose(0, 2, 1)",
            "x[:, 1:10].unfold(1, 3, 2).mT",
            "windows(x[:, 1:10], 3, axis=1, step=2).transpose(0, 2, 1)",
        ),
        ("x[i+0]", (9,), "i", "x[:4]", "x[:4]", "x[:4]"),
    ],
)
def test_words(
    read: str, shape: tuple[int, ...], target: str, numpy: str, torch: str, jax: str
) -> None:
    (equation,) = parse(f"y = {read}")
    places = [affine(s) for s in equation.expression.subscripts]  # type: ignore[union-attr]
    for dialect, expected in ((Dialect, numpy), (Torch, torch), (Jax, jax)):
        text = author(dialect).at(Expression("x"), places, shape, tuple(target)).text
        assert text == expected


@given(st.data())
def test_words_show_the_cells_that_subscripts_name(data: st.DataObject) -> None:
    sizes = {letter: data.draw(st.integers(0, 4)) for letter in LETTERS}
    drawn, shape = data.draw(subscripts(sizes, data.draw(st.integers(1, 3))))
    places = [place for place in map(affine, drawn) if place is not None]
    letters = subscript_letters(drawn)
    writer = author(Dialect)
    writer.sizes = sizes
    writer.here = {i: i for i in letters if sizes[i] and data.draw(st.booleans())}
    wanted = tuple(data.draw(st.permutations([i for i in letters if i not in writer.here])))
    at = {i: data.draw(st.integers(0, sizes[i] - 1)) for i in writer.here}
    text = writer.at(Expression("x"), places, shape, wanted).text
    x = np.arange(np.prod(shape)).reshape(shape)
    helpers = {"window": window, "sliding_window_view": sliding_window_view}
    found = np.asarray(eval(text, {"x": x, **helpers, **at}))  # noqa: S307
    assert found.shape == tuple(sizes[i] for i in wanted)
    for cell in np.ndindex(found.shape):
        now = at | dict(zip(wanted, cell, strict=True))
        named = tuple(p.constant + sum(c * now[i] for c, i in p.terms) for p in places)
        assert found[cell] == x[named]


def test_helpers_stand_alone() -> None:
    x = np.arange(9)
    np.testing.assert_array_equal(window(x, (1,), (3, 2), ((2,), (1,))), [[1, 2], [3, 4], [5, 6]])
    np.testing.assert_array_equal(sums_before(np.array([[1, 2, 3]]), 1), [[0, 1, 3]])
    np.testing.assert_array_equal(positions(np.array([0.0, 2.0]), 3), [0, 2])
    for wrong in (-1, 3, 0.5):
        with pytest.raises(IndexError, match="is not a position from 0 to 2"):
            positions(np.array([0, wrong]), 3)
