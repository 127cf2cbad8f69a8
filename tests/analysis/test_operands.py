"""The fate of each index of what an equation reads, and which reads recur."""

from __future__ import annotations

import pytest
from hypothesis import given

from einprop import Program
from einprop.analysis.definitions import collect_definitions
from einprop.analysis.indices import target_indices
from einprop.analysis.operands import operands_of, recurrent_reads
from einprop.analysis.recurrence import loops
from einprop.notation.printer import to_text
from einprop.notation.tree import equations_of, reads
from tests.strategies.language.programs import Case, programs


def _fates(text: str) -> list[tuple[str, str, str]]:
    program = Program(text)
    definitions = collect_definitions(program.statements)
    return [
        (to_text(o.access), ",".join(o.kept), " ".join(f"{i}:{f}" for i, f in o.reduced))
        for equation in equations_of(program.statements)
        for o in operands_of(equation, definitions)
    ]


@pytest.mark.parametrize(
    ("text", "fates"),
    [
        (
            "y[b,j] = relu(x[b,i] W[i,j] + B[j])",
            [("x[b,i]", "b", "i:sum"), ("W[i,j]", "j", "i:sum"), ("B[j]", "j", "")],
        ),
        (
            "loss = -mean[b](sum[k](t[b,k] log_softmax[k](s[b,k])))",
            [("t[b,k]", "", "b:mean k:sum"), ("s[b,k]", "", "b:mean k:sum")],
        ),
        ("p[b,k] = softmax[k](s[b,k])", [("s[b,k]", "b,k", "")]),
        (
            "y[k] = s[k] - logsumexp[k](s[k])",
            [("s[k]", "k", ""), ("s[k]", "", "k:logsumexp")],
        ),
        ("y = max[i](sum[j](A[i,j]) c[i])", [("A[i,j]", "", "i:max j:sum"), ("c[i]", "", "i:max")]),
        ("m[b] max= x[b,i] - c[b]", [("x[b,i]", "b", "i:max"), ("c[b]", "b", "")]),
        ("g[i] += x[b,i]", [("x[b,i]", "i", "b:sum")]),
        ("y[i] = x[2*i+p] K[p]", [("x[2*i+p]", "i", "p:sum"), ("K[p]", "", "p:sum")]),
        ("y = A[i,i]", [("A[i,i]", "", "i:sum")]),
        (
            "d[b,j] = E[tok[b],j] / n; g[tok[b],j] += d[b,j]",
            [
                ("E[tok[b],j]", "b,j", ""),
                ("tok[b]", "b", ""),
                ("n", "", ""),
                ("d[b,j]", "b,j", ""),
                ("tok[b]", "b", ""),
            ],
        ),
        (
            "def spread[i](x) = max[i](x) - min[i](x)\ny[b] = spread[c](x[b,c])",
            [("x[b,c]", "b", "c:spread")],
        ),
    ],
)
def test_each_index_goes_on_or_is_reduced(text, fates) -> None:
    assert _fates(text) == fates


@given(programs())
def test_operands_are_the_reads_and_what_is_kept_stands_on_the_left(case: Case) -> None:
    program = Program(case.text)
    definitions = collect_definitions(program.statements)
    for equation in equations_of(program.statements):
        operands = operands_of(equation, definitions)
        assert tuple(o.access for o in operands) == reads(equation)
        left = target_indices(equation.target)
        for operand in operands:
            reduced = [letter for letter, _ in operand.reduced]
            assert set(operand.kept) <= set(left)
            assert sorted((*operand.kept, *reduced)) == sorted(target_indices(operand.access))


@pytest.mark.parametrize(
    ("text", "recurrent"),
    [
        ("h[t,j] = tanh(x[t,i] W[i,j] + h[t-1,k] U[k,j]); y[t,j] = h[t,j]", ["h[t-1,k]"]),
        ("y[i] = x[i+p] K[p]; z[i] = y[i-1]", []),
        ("c[t] = 2 h[t-1]; h[t] = tanh(c[t] + x[t])", ["h[t-1]"]),
        ("h[t] = x[t] + h[t+1]", ["h[t+1]"]),
        (
            "d[i,j] = x[i,j] + d[i-1,j] + d[i,j-1]",
            ["d[i,j-1]", "d[i-1,j]"],
        ),
        ("h[t,i] = a[t,i+1] + x[t,i]; a[t,i] = h[t-1,i+1] K", ["h[t-1,i+1]"]),
    ],
)
def test_reads_of_another_position_recur(text, recurrent) -> None:
    resolved = Program(text).resolved
    written = equations_of(resolved.statements)
    found = recurrent_reads(written, loops(resolved.equations))
    assert sorted(to_text(read) for _, read in found) == recurrent


def test_a_backward_recurs_where_its_forward_did() -> None:
    program = Program("h[t,j] = tanh(x[t,j] + h[t-1,k] U[k,j])").backward(wrt="x")
    graph = program.graph()
    assert [(e.source, e.target) for e in graph.edges if e.recurrent] == [("h.grad", "h.grad")]
