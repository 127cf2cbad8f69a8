"""Lifetimes, work in place, reuse."""

from __future__ import annotations

from einprop.execution.schedule import schedule
from einprop.notation.parser import parse

CHAIN = "a[i] = exp(x[i]); c[i] = sin(a[i]); d[i] = cos(c[i]); y[i] = exp(d[i])"


def test_a_chain_into_an_output_needs_no_arena() -> None:
    result = schedule(parse(CHAIN), {"i": 9}, {"x": (9,)}, ["y"])
    assert result.arena_bytes == 0
    (buffer,) = result.buffers
    assert buffer.kind == "output"
    assert buffer.tensors == ("a", "c", "d", "y")


def test_inputs_are_never_overwritten() -> None:
    result = schedule(parse(CHAIN), {"i": 9}, {"x": (9,)}, ["y"])
    assert result.tensors["x"].buffer is None


def test_an_output_that_is_read_later_keeps_its_memory() -> None:
    result = schedule(parse(CHAIN), {"i": 9}, {"x": (9,)}, ["a", "y"])
    assert result.tensors["a"].buffer != result.tensors["c"].buffer
    assert result.tensors["a"].last == len(result.steps)


def test_a_long_chain_of_products_lives_in_two_buffers() -> None:
    lines = ["a0[i,j] = sum[k](x[i,k] x[k,j])"]
    lines += [f"a{n + 1}[i,j] = sum[k](a{n}[i,k] x[k,j])" for n in range(10)]
    result = schedule(parse("\n".join(lines)), {"i": 8, "j": 8, "k": 8}, {"x": (8, 8)}, ["a10"])
    assert [buffer.kind for buffer in result.buffers].count("arena") == 2


def test_an_alias_keeps_its_root_alive() -> None:
    text = """
        a[i,j] = exp(x[i,j])
        r[j,i] = a[i,j]
        c[i,j] = sin(a[i,j])
        d[i,j] = exp(c[i,j])
        y[i,j] = sum[k](d[i,k] r[k,j])
    """
    sizes = {"i": 3, "j": 3, "k": 3}
    result = schedule(parse(text), sizes, {"x": (3, 3)}, ["y"])
    assert result.tensors["r"].root == "a"
    assert result.tensors["c"].buffer != result.tensors["a"].buffer
