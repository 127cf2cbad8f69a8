"""A program as a graph in plain data: its tensors, its operations, and what reads what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from einprop.analysis.declare import declared_access
from einprop.analysis.resolve import Resolved
from einprop.notation.printer import to_text
from einprop.notation.tree import (
    Access,
    Add,
    Call,
    Divide,
    Equation,
    Expression,
    IndexValue,
    Iverson,
    Multiply,
    Negate,
    Number,
    Power,
    children,
    equations_of,
    gathers,
    reads,
)

__all__ = ["Edge", "Graph", "Node", "expression_graph", "tensor_graph"]

_SYMBOLS = {Add: "+", Multiply: "*", Divide: "/", Power: "^", Negate: "-"}


@dataclass(frozen=True, slots=True)
class Node:
    """A tensor, an operation or a number.

    Attributes:
        name: Unique in the graph; of a tensor its name.
        kind: ``input``, ``param``, ``local``, ``output``, ``operation`` or ``number``.
        label: The tensor with its axes, ``W[i,j]``; the operation, ``tanh`` or ``sum[i]``.
    """

    name: str
    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class Edge:
    """That something is read.

    Attributes:
        source: The node that is read.
        target: The node that reads it.
        operand: How it is read, ``h[t-1,b,k]``; empty for what an operation gives.
        equation: The number of the equation that does so, from 0.
    """

    source: str
    target: str
    operand: str
    equation: int


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes and edges, in the order of the program; prints as a list, a node a line.

    Attributes:
        nodes: What there is.
        edges: What reads what; one for each operand.
        equations: The equations that edges number, as text.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    equations: tuple[str, ...]

    def reads(self, name: str) -> tuple[str, ...]:
        """The nodes that a node reads, in order, each once."""
        return tuple(dict.fromkeys(e.source for e in self.edges if e.target == name))

    def readers(self, name: str) -> tuple[str, ...]:
        """The nodes that read a node."""
        return tuple(dict.fromkeys(e.target for e in self.edges if e.source == name))

    def as_dict(self) -> dict[str, Any]:
        """Dicts, lists, strings and integers, as JSON takes them."""
        return asdict(self)

    def dot(self) -> str:
        """The text that Graphviz draws.

        >>> from einprop import Program
        >>> print(Program("y = tanh(x)").graph().dot())
        digraph {
          "x" [label="x", shape=ellipse];
          "y" [label="y", shape=ellipse];
          "x" -> "y" [label="x"];
        }
        """
        lines = ["digraph {"]
        for node in self.nodes:
            shape = "box" if node.kind == "operation" else "ellipse"
            name, label = json.dumps(node.name), json.dumps(node.label)
            lines.append(f"  {name} [label={label}, shape={shape}];")
        for edge in self.edges:
            ends = f"{json.dumps(edge.source)} -> {json.dumps(edge.target)}"
            lines.append(f"  {ends} [label={json.dumps(edge.operand)}];")
        return "\n".join([*lines, "}"])

    def __str__(self) -> str:
        numbers = {node.name: node.label for node in self.nodes if node.kind == "number"}
        lines = []
        for node in self.nodes:
            if node.name in numbers:
                continue
            operands = [
                edge.operand or numbers.get(edge.source, edge.source)
                for edge in self.edges
                if edge.target == node.name
            ]
            shown = (node.name, node.label) if node.kind == "operation" else (node.label, node.kind)
            lines.append("  ".join([*shown, f"<- {', '.join(operands)}"] if operands else shown))
        return "\n".join(lines)


def tensor_graph(resolved: Resolved) -> Graph:
    """The tensors as nodes; an edge for each operand of each equation, as it is written."""
    written = equations_of(resolved.statements)
    edges = [
        Edge(access.name, equation.target.name, to_text(access), number)
        for number, equation in enumerate(written)
        for access in reads(equation)
    ]
    return Graph(tuple(_tensors(resolved)), tuple(edges), tuple(map(to_text, written)))


def expression_graph(resolved: Resolved) -> Graph:
    """Every operation of every equation as a node too; definitions are expanded, sums explicit.

    >>> from einprop import Program
    >>> print(Program("y[b,j] = tanh(x[b,i] W[i,j])").graph(operations=True))
    x[b,i]  input
    W[i,j]  input
    y[b,j]  output  <- y:1
    y:1  tanh  <- y:2
    y:2  sum[i]  <- y:3
    y:3  *  <- x[b,i], W[i,j]
    """
    builder = _Builder()
    for number, equation in enumerate(resolved.equations):
        builder.add(number, equation)
    nodes = (*_tensors(resolved), *builder.nodes)
    return Graph(nodes, tuple(builder.edges), tuple(map(to_text, resolved.equations)))


@dataclass
class _Builder:
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, number: int, equation: Equation) -> None:
        """The operations of an equation, without recursion: expressions may be deep."""
        target = equation.target.name
        pending: list[tuple[Expression, str]] = [(equation.expression, target)]
        while pending:
            expression, reader = pending.pop()
            if isinstance(expression, Access):
                self.edges.append(Edge(expression.name, reader, to_text(expression), number))
                for access in gathers(expression):
                    self.edges.append(Edge(access.name, reader, to_text(access), number))
                continue
            self.counts[target] = self.counts.get(target, 0) + 1
            name = f"{target}:{self.counts[target]}"
            leaf = isinstance(expression, Number | IndexValue)
            self.nodes.append(Node(name, "number" if leaf else "operation", _label(expression)))
            self.edges.append(Edge(name, reader, "", number))
            pending += [(child, name) for child in reversed(children(expression))]


def _label(expression: Expression) -> str:
    match expression:
        case Call(function, _, indices):
            return f"{function}[{','.join(indices)}]" if indices else function
        case Iverson(_, operator, _):
            return f"[{operator}]"
        case Number() | IndexValue():
            return expression.name if isinstance(expression, IndexValue) else to_text(expression)
        case _:
            return _SYMBOLS[type(expression)]


def _tensors(resolved: Resolved) -> Iterator[Node]:
    """A node for each tensor, inputs first."""
    names = resolved.names
    for name in dict.fromkeys((*names.inputs, *names.defined)):
        kind = "local"
        if name in names.parameters:
            kind = "param"
        elif name in names.inputs:
            kind = "input"
        elif name in names.outputs:
            kind = "output"
        yield Node(name, kind, to_text(declared_access(resolved, name)))
