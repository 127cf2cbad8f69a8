"""Which tensors a loop may keep as lists of rows."""

from __future__ import annotations

from einprop.backends.source import source
from einprop.backends.source_rows import Rows, Use, rows_of
from einprop.execution.schedule import schedule
from einprop.notation.parser import parse

TEXT = """
    H[0,j] += h0[j]
    _2[t,k] = H[t+0,k]
    _3[t,j] = sum[k](_2[t,k] U[k,j])
    h[t,j] = tanh(_3[t,j])
    H[t+1,j] += h[t,j]
    y[j] = H[4,j]
"""
SIZES = {"t": 4, "T": 5, "j": 3, "k": 3}
SHAPES = {"U": (3, 3), "h0": (3,)}


def test_a_list_stays_one_where_rows_are_all_that_is_read() -> None:
    text = source(parse(TEXT), SIZES, SHAPES, ["y"], axes={"H": ("T", "j")}, backend="torch")
    assert [line for line in text.splitlines()[3:] if "#" not in line] == [
        "def run(U, h0):",
        "    H = [None] * 5",
        "    H[0] = h0",
        "    for t in range(4):",
        "        _3 = U.T @ H[t]",
        "        h = torch.tanh(_3)",
        "        H[t + 1] = h",
        "    y = H[4].clone()",
        "    return y",
    ]


def test_what_is_wanted_is_an_array_again() -> None:
    outputs = ["y", "H"]
    text = source(parse(TEXT), SIZES, SHAPES, outputs, axes={"H": ("T", "j")}, backend="jax")
    assert "    H = jnp.stack(H)\n" in text


def test_a_list_needs_whole_rows() -> None:
    plan = schedule(parse(TEXT), SIZES, SHAPES, ["y"], axes={"H": ("T", "j")}, as_written=True)
    (loop,) = plan.loops
    row, part = frozenset({0}), frozenset[int]()
    read = Use(loop.start, "H", row, written=False)
    write = Use(loop.start + 1, "H", row, written=True)
    assert list(rows_of(plan, [read, write])) == [Rows("H", 0, 0, before=True, after=True)]
    before, after = Use(0, "H", part, written=True), Use(loop.stop, "H", part, written=False)
    assert list(rows_of(plan, [before, read, write, after])) == [Rows("H", 0, 0, False, False)]
    assert not list(rows_of(plan, [read]))
    assert not list(rows_of(plan, [Use(loop.start, "H", part, written=False), write]))
