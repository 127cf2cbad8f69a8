"""A program as a graph in plain data: its tensors, its operations, and what reads what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from einprop.analysis.declare import declared_access
from einprop.analysis.definitions import collect_definitions
from einprop.analysis.drawing import draws_svg, to_dot, to_mermaid, to_svg
from einprop.analysis.operands import operands_of, recurrent_reads
from einprop.analysis.recurrence import loops
from einprop.analysis.resolve import Resolved
from einprop.errors import UnsupportedError
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
)
from einprop.tables import html_text

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
        kept: The indices of the operand that go on to what the equation defines. Between operations
            there are none: sums are nodes of their own.
        reduced: Its other indices, each with what takes it away: ``("i", "sum")``.
        recurrent: Whether another position is read than the one that is written, as a recurrence
            does.
    """

    source: str
    target: str
    operand: str
    equation: int
    kept: tuple[str, ...] = ()
    reduced: tuple[tuple[str, str], ...] = ()
    recurrent: bool = False


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
        """Dicts, sequences, strings, integers and booleans, as JSON takes them."""
        return asdict(self)

    def dot(self) -> str:
        """The text that Graphviz draws.

        Inputs are ellipses, parameters boxes, outputs have two outlines. An edge says which indices
        of what is read go on and which are summed; where a recurrence reads, it is dashed. The
        equations are the nodes' tooltips.

        >>> from einprop import Program
        >>> for line in Program("y[b] = x[b,i] w[i]").graph().dot().splitlines()[-3:]:
        ...     print(line)
          "x" -> "y" [label=" b · i→Σ "];
          "w" -> "y" [label=" i→Σ "];
        }
        """
        return to_dot(self)

    def mermaid(self) -> str:
        """The text that Mermaid draws, as in a fence ``mermaid`` of a Markdown page.

        >>> from einprop import Program
        >>> print(Program("y[b] = x[b,i] w[i]", params="w").graph().mermaid())
        flowchart TB
          n0["w[i]"]:::param
          n1(["x[b,i]"]):::input
          n2[["y[b]"]]:::output
          n1 -->|"b · i→Σ"| n2
          n0 -->|"i→Σ"| n2
          classDef param fill:#fdf1d6,stroke:#b37400,color:#000000
          classDef input fill:#e3f1fb,stroke:#0072b2,color:#000000
          classDef output fill:#ddf3ec,stroke:#00785a,color:#000000
        """
        return to_mermaid(self)

    def svg(self) -> str:
        """The picture that Graphviz draws, as SVG without references to anything outside.

        Raises:
            UnsupportedError: Graphviz is not installed, or fails.
        """
        return to_svg(self.dot())

    def _repr_svg_(self) -> str | None:
        try:
            return self.svg()
        except UnsupportedError:
            return None

    def _repr_html_(self) -> str | None:
        # Notebooks prefer HTML to pictures.
        return None if draws_svg() else html_text(str(self))

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
    definitions = collect_definitions(resolved.statements)
    early = recurrent_reads(written, loops(resolved.equations))
    edges = [
        Edge(
            operand.access.name,
            equation.target.name,
            to_text(operand.access),
            number,
            operand.kept,
            operand.reduced,
            recurrent=(number, operand.access) in early,
        )
        for number, equation in enumerate(written)
        for operand in operands_of(equation, definitions)
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
    builder = _Builder(recurrent_reads(resolved.equations, loops(resolved.equations)))
    for number, equation in enumerate(resolved.equations):
        builder.add(number, equation)
    nodes = (*_tensors(resolved), *builder.nodes)
    return Graph(nodes, tuple(builder.edges), tuple(map(to_text, resolved.equations)))


@dataclass
class _Builder:
    early: set[tuple[int, Access]]
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, number: int, equation: Equation) -> None:
        """The operations of an equation, without recursion: expressions may be deep."""
        target = equation.target.name
        for access in gathers(equation.target):
            self.edges.append(Edge(access.name, target, to_text(access), number))
        pending: list[tuple[Expression, str]] = [(equation.expression, target)]
        while pending:
            expression, reader = pending.pop()
            if isinstance(expression, Access):
                for access in (expression, *gathers(expression)):
                    recurs = (number, access) in self.early
                    text = to_text(access)
                    self.edges.append(Edge(access.name, reader, text, number, recurrent=recurs))
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
