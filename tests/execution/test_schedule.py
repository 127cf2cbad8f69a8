"""Schedules: what a step is, what it costs, who lies where."""

from __future__ import annotations

import subprocess
import sys

import pytest

from einprop.execution.schedule import schedule
from einprop.execution.steps import Contraction, Elementwise, Schedule, Window
from einprop.notation.parser import parse

SIZES = {"b": 5, "i": 4, "j": 3, "k": 2, "h": 6, "d": 7, "q": 8, "t": 9}

MLP = """
    _1[b,j] = sum[i](x[b,i] W[i,j])
    _2[b,j] = _1[b,j] + B[j]
    h[b,j] = relu(_2[b,j])
    _3[b,j] = [_2[b,j] > 0]
    _4[b,j] = g[b,j] _3[b,j]
    W.grad[i,j] = sum[b](x[b,i] _4[b,j])
    B.grad[j] = sum[b](_4[b,j])
"""
MLP_INPUTS = {"x": "bi", "W": "ij", "B": "j", "g": "bj"}


def plan(text: str, inputs: dict[str, str], *outputs: str, dtype: str = "float64") -> Schedule:
    shapes = {name: tuple(SIZES[i] for i in letters) for name, letters in inputs.items()}
    return schedule(parse(text), SIZES, shapes, outputs, dtype)


def test_execution_imports_no_array_library() -> None:
    code = (
        "import sys, types; p = types.ModuleType('einprop'); import importlib.util as u;"
        "p.__path__ = list(u.find_spec('einprop').submodule_search_locations);"
        "sys.modules['einprop'] = p; import einprop.execution.schedule;"
        "assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("text", "groups", "kind"),
    [
        ("c[b,j] = sum[i](x[b,i] y[i,j])", ("", "b", "j", "i"), "matmul"),
        ("c[j,b] = sum[i](x[b,i] y[i,j])", ("", "j", "b", "i"), "matmul"),
        ("c[h,q,t] = sum[d](x[h,q,d] y[h,t,d])", ("h", "q", "t", "d"), "batched matmul"),
        ("c[b,q,h,t] = sum[i](x[b,q,i] y[i,h,t])", ("", "bq", "ht", "i"), "matmul"),
        ("c[b] = sum[i](x[b,i] y[i])", ("", "b", "", "i"), "matvec"),
        ("c[b] = sum[i](x[i] y[i,b])", ("", "b", "", "i"), "matvec"),
        ("c[h,q] = sum[d](x[h,q,d] y[h,d])", ("h", "q", "", "d"), "batched matvec"),
        ("c[b] = sum[i](x[b,i] y[b,i])", ("b", "", "", "i"), "batched dot"),
        ("c = sum[i,j](x[i,j] y[i,j])", ("", "", "", "ij"), "dot"),
    ],
)
def test_indices_are_classified(text: str, groups: tuple[str, ...], kind: str) -> None:
    (equation,) = parse(text)
    x, y = equation.expression.arguments[0].factors  # type: ignore[union-attr]
    inputs = {a.name: "".join(s.name for s in a.subscripts) for a in (x, y)}
    (step,) = plan(text, inputs, "c").steps
    assert step.operation == Contraction(*(tuple(group) for group in groups))
    assert step.operation.kind == kind  # type: ignore[union-attr]


def test_flops_of_a_contraction_are_its_multiply_adds() -> None:
    (step,) = plan("c[h,q,t] = sum[d](x[h,q,d] y[h,t,d])", {"x": "hqd", "y": "htd"}, "c").steps
    assert step.flops == 6 * 8 * 9 * 7
    assert step.bytes == 8 * (6 * 8 * 7 + 6 * 9 * 7 + 6 * 8 * 9)


def test_an_index_of_one_operand_alone_is_summed_first() -> None:
    steps = plan("c[b,j] = sum[i,k](x[b,i,k] y[i,j])", {"x": "bik", "y": "ij"}, "c").steps
    assert [step.flops for step in steps] == [5 * 4 * 2, 5 * 4 * 3]


def test_buffers_are_reused_and_worked_in_place() -> None:
    result = plan(MLP, MLP_INPUTS, "W.grad", "B.grad", dtype="float32")
    kinds = [buffer.kind for buffer in result.buffers]
    assert kinds.count("output") == 2
    arena = [buffer for buffer in result.buffers if buffer.kind == "arena"]
    assert sorted(buffer.bytes for buffer in arena) == [5 * 3, 5 * 3 * 4]
    assert result.tensors["_1"].buffer == result.tensors["_2"].buffer


def test_a_tensor_that_is_read_again_is_not_overwritten() -> None:
    text = "a[i] = exp(x[i]); c[i] = sin(a[i]); y[i] = a[i] c[i]"
    result = plan(text, {"x": "i"}, "y")
    assert result.tensors["a"].buffer != result.tensors["c"].buffer


def test_a_transposed_operand_of_the_same_tensor_forbids_work_in_place() -> None:
    result = schedule(
        parse("a[i,j] = exp(x[i,j]); y[i,j] = a[i,j] + a[j,i]; z[i,j] = exp(y[i,j])"),
        {"i": 3, "j": 3},
        {"x": (3, 3)},
        ["z"],
    )
    assert result.tensors["a"].buffer != result.tensors["y"].buffer


def test_a_comparison_is_a_byte_only_where_it_multiplies() -> None:
    assert plan(MLP, MLP_INPUTS, "B.grad").tensors["_3"].dtype == "bool"
    assert plan("y[i] = [x[i] > 0]", {"x": "i"}, "y").tensors["y"].dtype == "float64"
    counted = plan("m[i] = [x[i] > 0]; n = sum[i](m[i])", {"x": "i"}, "n")
    assert counted.tensors["m"].dtype == "float64"


def test_a_comparison_in_the_memory_of_an_assembled_tensor_is_a_number() -> None:
    text = "m[i] = [x[i] > 0]; n[0] += 1; n[i+1] += m[i]; y[i] = x[i] m[i]; z[i] = n[i+0]"
    axes = {"n": ("u",)}
    result = schedule(parse(text), {"i": 4, "u": 5}, {"x": (4,)}, ("y", "z"), "float64", axes=axes)
    assert result.tensors["m"].root == "n"
    assert result.tensors["m"].dtype == "float64"


def test_dead_equations_are_dropped() -> None:
    assert len(plan(MLP, MLP_INPUTS, "h").steps) == 3


def test_a_permuted_copy_is_an_alias() -> None:
    result = plan("a[j,i] = x[i,j]; y[j,i] = exp(a[j,i])", {"x": "ij"}, "y")
    assert isinstance(result.steps[0].operation, Window)
    assert result.tensors["a"].root == "x"
    assert result.tensors["a"].order == (1, 0)
    assert result.tensors["y"].order == (1, 0)


def test_what_reads_no_input_is_constant() -> None:
    steps = plan("m[q,t] = [q >= t]; y[q,t] = m[q,t] x[q,t]", {"x": "qt"}, "y").steps
    assert [step.constant for step in steps] == [True, False]


def test_scalar_literals_are_propagated() -> None:
    steps = plan("c = -2; y[i] = x[i]^c", {"x": "i"}, "y").steps
    assert [step.operation for step in steps] == [Elementwise("reciprocal"), Elementwise("square")]


def test_products_write_in_the_order_of_the_subscripts_where_they_can() -> None:
    text = "o[b,q,h,d] = sum[t](p[b,h,q,t] v[b,t,h,d]); y[b,q,h,d] = exp(o[b,q,h,d])"
    result = plan(text, {"p": "bhqt", "v": "bthd"}, "y")
    assert result.tensors["o"].order == (0, 1, 2, 3)
    # h, a batch index, stands last here: batch, rows, columns is cheaper.
    text = "o[q,d,h] = sum[t](p[h,q,t] v[t,h,d]); y[q,d,h] = exp(o[q,d,h])"
    assert plan(text, {"p": "hqt", "v": "thd"}, "y").tensors["o"].order == (2, 0, 1)


def test_as_written_keeps_the_axes() -> None:
    equations = parse("a[j,i] = x[i,j]; y[j,i] = exp(a[j,i])")
    result = schedule(equations, SIZES, {"x": (4, 3)}, ["y"], as_written=True)
    assert {tensor.order for tensor in result.tensors.values()} == {(0, 1)}


def test_a_loop_counts_every_position() -> None:
    text = """
        _1[t,k] = H[t+0,k]
        _2[t,j] = sum[k](_1[t,k] U[k,j])
        _3[t,j] = x[t,j] + _2[t,j]
        h[t,j] = tanh(_3[t,j])
        H[t+1,j] += h[t,j]
        H[0,j] += c[j]
        y[j] = H[9,j]
    """
    sizes = {"t": 9, "T": 10, "j": 3, "k": 3}
    shapes = {"U": (3, 3), "x": (9, 3), "c": (3,)}
    result = schedule(parse(text), sizes, shapes, ["y"], axes={"H": ("T", "j")})
    assert [step.flops for step in result.steps if step.flops] == [81, 27, 27]
    assert result.flops == 135
    assert result.arena_bytes == 8 * (10 * 3 + 3)


def test_contributions_and_scatters_are_counted() -> None:
    text = "X[i] += a[i]; X[i] += c[i]; S[n[i]] += X[i]"
    sizes, shapes = {"i": 4, "k": 2}, {"a": (4,), "c": (4,), "n": (4,)}
    axes = {"X": ("i",), "S": ("k",)}
    result = schedule(parse(text), sizes, shapes, ["S"], axes=axes)
    kinds = {type(s.operation).__name__: (s.flops, s.bytes) for s in result.steps if s.bytes}
    assert kinds["Accumulate"] == (4, 8 * (4 + 2 * 4))
    assert kinds["Scatter"] == (4, 8 * (4 + 4 + 2 * 4))
