"""A graph as text that Graphviz and Mermaid draw: a style for each kind of node, a label for each edge."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from einprop.errors import UnsupportedError

if TYPE_CHECKING:
    from einprop.analysis.graph import Edge, Graph

__all__ = ["draws_svg", "to_dot", "to_mermaid", "to_svg"]

_SECONDS = 60


@dataclass(frozen=True, slots=True)
class _Style:
    """How a kind of node looks: told apart by shape and outline alone, colour comes on top.

    Attributes:
        dot: Attributes for Graphviz.
        mermaid: What stands before and after a label.
        colours: Fill and outline, from the palette of Okabe and Ito, which the colour-blind tell
            apart; the fills are light tints, so that they print as near white.
    """

    dot: str
    mermaid: tuple[str, str]
    colours: tuple[str, str]


_STYLES = {
    "input": _Style("shape=ellipse", ("([", "])"), ("#e3f1fb", "#0072b2")),
    "param": _Style("shape=box", ("[", "]"), ("#fdf1d6", "#b37400")),
    "local": _Style('shape=box, style="filled,rounded"', ("(", ")"), ("#ffffff", "#555555")),
    "output": _Style(
        'shape=box, style="filled,rounded", peripheries=2', ("[[", "]]"), ("#ddf3ec", "#00785a")
    ),
    "operation": _Style(
        "shape=circle, margin=0.03, width=0.3", ("((", "))"), ("#f2f2f2", "#555555")
    ),
    "number": _Style("shape=plaintext, width=0, height=0", ("[", "]"), ("#ffffff", "#ffffff")),
}

_RECURRENT = "#a63603"

_SYMBOLS = {"sum": "Σ", "prod": "Π"}


def _lines(edge: Edge, read: str) -> tuple[str, ...]:
    """What an edge says: how a tensor is read where that is not as its node says, and its indices."""
    groups: dict[str, list[str]] = {}
    for letter, function in edge.reduced:
        groups.setdefault(_SYMBOLS.get(function, function), []).append(letter)
    parts = [",".join(edge.kept)] if edge.kept else []
    parts += [f"{','.join(letters)}→{symbol}" for symbol, letters in groups.items()]
    operand = edge.operand if edge.operand != read else ""
    return tuple(line for line in (operand, " · ".join(parts)) if line)


def _edges(graph: Graph) -> Iterator[tuple[Edge, tuple[str, ...]]]:
    """The edges that differ in what is drawn of them, with their labels."""
    nodes = {node.name: node for node in graph.nodes}
    seen = set()
    for edge in graph.edges:
        lines = _lines(edge, nodes[edge.source].label)
        key = (edge.source, edge.target, lines, edge.recurrent)
        # An operation has as many arrows as operands: x * x has two.
        if key not in seen or nodes[edge.target].kind == "operation":
            seen.add(key)
            yield edge, lines


def to_dot(graph: Graph) -> str:
    """The graph for Graphviz."""
    # Edges between operations have no labels to make room for.
    apart = 0.25 if any(node.kind == "operation" for node in graph.nodes) else 0.55
    rows = [
        f'bgcolor="white"; nodesep=0.35; ranksep={apart};',
        'node [fontname="Helvetica,Arial,sans-serif", fontsize=13, height=0.4, style=filled];',
        'edge [fontname="Helvetica,Arial,sans-serif", fontsize=11, color="#555555", arrowsize=0.7];',
    ]
    told: dict[str, dict[str, None]] = {node.name: {} for node in graph.nodes}
    for edge in graph.edges:
        told[edge.target][graph.equations[edge.equation]] = None
    for node in graph.nodes:
        style = _STYLES[node.kind]
        fill, line = style.colours
        tooltip = _quoted([*told[node.name]] or [node.label])
        rows.append(
            f"{_quoted([node.name])} [label={_quoted([node.label])}, {style.dot}, "
            f'fillcolor="{fill}", color="{line}", tooltip={tooltip}];'
        )
    for edge, lines in _edges(graph):
        given = [f"label={_quoted([f' {line} ' for line in lines])}"] if lines else []
        if edge.recurrent:
            given += [f'style=dashed, constraint=false, color="{_RECURRENT}"']
        ends = f"{_quoted([edge.source])} -> {_quoted([edge.target])}"
        rows.append(f"{ends} [{', '.join(given)}];" if given else f"{ends};")
    return "\n".join(["digraph {", *(f"  {row}" for row in rows), "}"])


def _quoted(lines: Sequence[str]) -> str:
    """Lines as a string of Graphviz, which reads character references of HTML in it."""
    texts = [s.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') for s in lines]
    return '"' + "\\n".join(texts) + '"'


def to_mermaid(graph: Graph) -> str:
    """The graph as a flowchart of Mermaid."""
    ids = {node.name: f"n{number}" for number, node in enumerate(graph.nodes)}
    rows = []
    for node in graph.nodes:
        opening, closing = _STYLES[node.kind].mermaid
        rows.append(f"{ids[node.name]}{opening}{_text([node.label])}{closing}:::{node.kind}")
    for edge, lines in _edges(graph):
        arrow = "-.->" if edge.recurrent else "-->"
        label = f"|{_text(lines)}|" if lines else ""
        rows.append(f"{ids[edge.source]} {arrow}{label} {ids[edge.target]}")
    for kind in dict.fromkeys(node.kind for node in graph.nodes):
        fill, line = _STYLES[kind].colours
        rows.append(f"classDef {kind} fill:{fill},stroke:{line},color:#000000")
    return "\n".join(["flowchart TB", *(f"  {row}" for row in rows)])


def _text(lines: Sequence[str]) -> str:
    """Lines as a quoted label of Mermaid, nothing in it Markdown, HTML or the end of the quotes."""
    return '"' + "<br>".join(map(_escaped, lines)) + '"'


def _escaped(line: str) -> str:
    """Characters that could mean something as Mermaid's entities, ``#35;`` for a hash."""
    # A sign or a dot alone would begin a list, so signs stay where something stands before them.
    return "".join(
        c if c.isalnum() or c in " ,[]()·→Σ" or (c in ".+-" and k) else f"#{ord(c)};"
        for k, c in enumerate(line)
    )


def draws_svg() -> bool:
    """Whether Graphviz is installed."""
    return shutil.which("dot") is not None


def to_svg(text: str) -> str:
    """What Graphviz draws of its text.

    Raises:
        UnsupportedError: Graphviz is not installed, or does not draw this graph within a minute.
    """
    program = shutil.which("dot")
    if program is None:
        raise UnsupportedError(
            "drawing a graph as SVG needs Graphviz, and there is no program `dot`",
            hint="install it, as in apt-get install graphviz, brew install graphviz or "
            "conda install graphviz; dot() and mermaid() need nothing",
        )
    try:
        done = subprocess.run(  # noqa: S603  (a program found by name, the graph on its input)
            [program, "-Tsvg"],
            input=text.encode(),
            capture_output=True,
            check=True,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise UnsupportedError(
            f"Graphviz did not draw the graph within {_SECONDS} seconds",
            hint="draw fewer nodes: leave operations=True out, or write dot() to a file",
        ) from None
    except (subprocess.CalledProcessError, OSError) as error:
        said = getattr(error, "stderr", b"") or str(error).encode()
        message = f"Graphviz failed: {said.decode(errors='replace').strip()}"
        raise UnsupportedError(message) from None
    # The lines before name a document type that a reader might fetch.
    svg = done.stdout.decode()
    return svg[svg.index("<svg") :]
