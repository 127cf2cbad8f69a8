"""The graph of a program: every tensor a node, every operand an edge, in plain data."""

from __future__ import annotations

import json

import pytest

from einprop import Program
from einprop.notation.tree import Access, Equation, walk

LSTM_LIKE = """
param W[i,j], U[k,j]
h[t,b,j] = tanh(x[t,b,i] W[i,j] + h[t-1,b,k] U[k,j])
h[-1,b,j] = h0[b,j]
y[b,d] = h[end,b,j] E[tok[b],j,d] / 2
"""


def test_tensors_are_nodes_with_their_roles() -> None:
    graph = Program(LSTM_LIKE).graph()
    assert [(node.name, node.kind) for node in graph.nodes] == [
        ("W", "param"),
        ("U", "param"),
        ("x", "input"),
        ("h0", "input"),
        ("E", "input"),
        ("tok", "input"),
        ("h", "local"),
        ("y", "output"),
    ]
    assert graph.reads("h") == ("x", "W", "h", "U", "h0")
    assert graph.reads("y") == ("h", "E", "tok")
    assert graph.readers("h") == ("h", "y")
    assert {edge.operand for edge in graph.edges if edge.source == "h"} == {
        "h[t-1,b,k]",
        "h[end,b,j]",
    }
    assert graph.equations[1] == "h[-1,b,j] = h0[b,j]"
    assert [edge.source for edge in graph.edges if edge.equation == 1] == ["h0"]


def test_operations_are_nodes_where_they_are_wanted() -> None:
    program = Program("y = log(x1) + x1 x2 - sin(x2)")
    graph = program.graph(operations=True)
    assert [(n.name, n.label) for n in graph.nodes if n.kind == "operation"] == [
        ("y:1", "+"),
        ("y:2", "log"),
        ("y:3", "*"),
        ("y:4", "-"),
        ("y:5", "sin"),
    ]
    assert graph.reads("y") == ("y:1",)
    assert graph.reads("y:1") == ("y:2", "y:3", "y:4")
    assert graph.readers("x2") == ("y:3", "y:5")
    assert "y:1  +  <- y:2, y:3, y:4" in str(graph)


@pytest.mark.parametrize(
    "text",
    [LSTM_LIKE, "p[b,k] = softmax[k](s[b,k]) + 2", "y[q,k] = x[q,k] [q >= k] ^ 2", "y = 3"],
)
def test_every_node_of_every_tree_is_there(text: str) -> None:
    program = Program(text)
    graph = program.graph(operations=True)
    equations = program.resolved.equations
    written = [n for e in equations if isinstance(e, Equation) for n in walk(e.expression)]
    inner = [node for node in graph.nodes if node.kind in ("operation", "number")]
    assert len(inner) == sum(not isinstance(node, Access) for node in written)
    names = {node.name for node in graph.nodes}
    assert len(names) == len(graph.nodes)
    assert {end for edge in graph.edges for end in (edge.source, edge.target)} <= names


def test_data_is_plain() -> None:
    graph = Program(LSTM_LIKE).graph(operations=True)
    assert json.loads(json.dumps(graph.as_dict()))["nodes"][0] == {
        "name": "W",
        "kind": "param",
        "label": "W[i,j]",
    }


def test_edges_tell_indices_and_recurrences() -> None:
    edges = {(e.source, e.operand): e for e in Program(LSTM_LIKE).graph().edges}
    assert edges["x", "x[t,b,i]"].kept == ("t", "b")
    assert edges["x", "x[t,b,i]"].reduced == (("i", "sum"),)
    assert edges["tok", "tok[b]"].kept == ("b",)
    assert [key for key, edge in edges.items() if edge.recurrent] == [("h", "h[t-1,b,k]")]
    inner = Program(LSTM_LIKE).graph(operations=True).edges
    assert {e.operand for e in inner if e.recurrent} == {"h[t-1,b,k]"}


def test_positions_that_a_target_stands_at_are_read_by_it() -> None:
    program = Program("local y[c]; y[tok[b]] += x[b]; z = sum[c](y[c]^2)")
    for operations in (False, True):
        assert "tok" in program.graph(operations=operations).reads("y")


def test_gradients_have_graphs_too() -> None:
    graph = Program("y = tanh(x w)").grad().graph()
    assert graph.reads("x.grad") == ("y.grad", "y", "w")
