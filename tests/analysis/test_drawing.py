"""Graphs as text for Graphviz and Mermaid: read back by both programs where they are installed."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path

import pytest

from einprop import Program
from einprop.analysis import drawing
from einprop.analysis.graph import Graph
from einprop.errors import UnsupportedError
from tests.strategies.language.programs import program as drawn_program

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")

RNN = "param W[i,j], U[k,j]\nh[t,b,j] = tanh(x[t,b,i] W[i,j] + h[t-1,b,k] U[k,j])"

# Characters that Graphviz, Mermaid, Markdown or HTML could take for something else.
ODD = Program("ŷ_1[i'] = a_b[2*i',2*i'+1] β[i'] + 猫[end-i']^2 [i' >= 3] / 1e-5")


@cache
def drawn_graphs() -> tuple[Graph, ...]:
    """The graphs of programs over the whole language, of their gradients and of odd names."""
    programs = [ODD, Program(RNN), Program(RNN).backward()]
    programs += [Program(drawn_program(random.Random(seed)).text) for seed in range(60)]
    return tuple(p.graph(operations=o) for p in programs for o in (False, True))


def test_an_edge_says_what_goes_on_and_what_is_summed() -> None:
    program = Program("h[b,j] = relu(x[b,i] W[i,j] + B[j]); m[j] = max[b](h[b,j])", params="W B")
    dot = program.graph().dot()
    assert '"x" -> "h" [label=" b · i→Σ "];' in dot
    assert '"W" -> "h" [label=" j · i→Σ "];' in dot
    assert '"B" -> "h" [label=" j "];' in dot
    assert '"h" -> "m" [label=" j · b→max "];' in dot


def test_an_edge_says_how_a_tensor_is_read_where_its_node_does_not() -> None:
    dot = Program("y[i] = x[i+p] K[p] x[i]").graph().dot()
    assert '"x" -> "y" [label=" x[i+p] \\n i · p→Σ "];' in dot
    assert '"x" -> "y" [label=" i "];' in dot


def test_equal_operands_are_one_arrow_and_two_between_operations() -> None:
    program = Program("y = x x")
    assert program.graph().dot().count('"x" -> "y"') == 1
    assert program.graph(operations=True).dot().count('"x" -> "y:1"') == 2
    assert program.graph(operations=True).mermaid().count("n0 -->") == 2


def test_kinds_differ_in_shape_and_recurrences_are_dashed() -> None:
    graph = Program(
        "param W[i,j]\nh[t,j] = x[t,i] W[i,j] + h[t-1,j]; y[t] = sum[j](h[t,j]^2)"
    ).graph()
    rows = {r.split()[0]: r for r in graph.dot().splitlines() if "label=" in r and "->" not in r}
    looks = {
        (m["shape"], "rounded" in row, "peripheries" in row)
        for row in rows.values()
        if (m := re.search(r"shape=(?P<shape>\w+)", row))
    }
    assert len(looks) == len({node.kind for node in graph.nodes}) == 4
    dashed = [row for row in graph.dot().splitlines() if "dashed" in row]
    assert len(dashed) == 1
    assert dashed[0].startswith('  "h" -> "h" [label=" h[t-1,j] \\n t,j "')
    assert graph.mermaid().count("-.->") == 1


def test_the_equations_are_tooltips() -> None:
    dot = Program("h[-1] = a; h[t] = [x[t] < 1] h[t-1]").graph().dot()
    assert 'tooltip="h[-1] = a\\nh[t] = [x[t] < 1] h[t-1]"' in dot


def test_names_are_text_for_graphviz() -> None:
    assert drawing._quoted(['a"b\\c', "&lt; β"]) == '"a\\"b\\\\c\\n&amp;lt; β"'


@needs_dot
def test_graphviz_draws_every_program_with_its_labels() -> None:
    for (
        graph
    ) in drawn_graphs():  # A process each: old versions corrupt their memory on the second graph.
        nodes, edges = _drawn(graph.svg())
        assert nodes == {node.name: [node.label] for node in graph.nodes}
        wanted = [(f"{e.source}->{e.target}", list(lines)) for e, lines in drawing._edges(graph)]
        assert sorted(edges) == sorted(wanted)


def _drawn(svg: str) -> tuple[dict[str, list[str]], list[tuple[str, list[str]]]]:
    """The nodes and edges of a picture with the lines of their labels."""
    nodes, edges = {}, []
    for group in ET.fromstring(svg).iter():  # noqa: S314  (our own)
        kind = group.get("class")
        if kind in ("node", "edge"):
            title = next(e.text for e in group.iter() if e.tag.endswith("title"))
            lines = [(e.text or "").strip() for e in group.iter() if e.tag.endswith("text")]
            if kind == "node":
                nodes[title] = lines
            else:
                edges.append((title, lines))
    return nodes, edges


@needs_dot
def test_svg_is_a_picture_without_references() -> None:
    graph = Program(RNN).graph()
    svg = graph.svg()
    assert svg.startswith("<svg")
    nodes, _ = _drawn(svg)
    assert nodes["h"] == ["h[t,b,j]"]
    assert set(re.findall(r'https?://[^"\s]+', svg)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert graph._repr_svg_() == svg
    assert graph._repr_html_() is None


def test_without_graphviz_a_notebook_shows_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    graph = Program("y = [x < 2]").graph(operations=True)
    with pytest.raises(UnsupportedError, match=r"needs Graphviz(.|\n)*apt-get install graphviz"):
        graph.svg()
    assert graph._repr_svg_() is None
    assert graph._repr_html_() == (
        "<pre>x  input\ny  output  &lt;- y:1\ny:1  [&lt;]  &lt;- x, 2</pre>"
    )


def test_what_graphviz_complains_of_is_said(monkeypatch, tmp_path: Path) -> None:
    broken = tmp_path / "dot"
    broken.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('no fonts')\n", encoding="utf-8")
    broken.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _name: str(broken))
    with pytest.raises(UnsupportedError, match="no fonts"):
        Program("y = x").graph().svg()


def unescaped(text: str) -> str:
    """What Mermaid shows for a label."""
    return re.sub(r"#(\d+);", lambda m: chr(int(m[1])), text)


NODE = re.compile(
    r'  (?P<id>n\d+)(?P<open>\(\[|\[\[|\(\(|\[|\()"(?P<text>[^"]+)"(?P<close>\]\)|\]\]|\)\)|\]|\))'
    r":::(?P<kind>\w+)"
)
EDGE = re.compile(r'  (?P<a>n\d+) (?P<arrow>-->|-\.->)(\|"(?P<text>[^"]+)"\|)? (?P<b>n\d+)')
CLASS = re.compile(r"  classDef \w+ fill:#\w{6},stroke:#\w{6},color:#\w{6}")


def test_mermaid_keeps_to_the_part_of_its_grammar_that_is_used() -> None:
    """Every line is one of three forms, and no label holds what Mermaid or Markdown would read."""
    for graph in drawn_graphs():
        head, *lines = graph.mermaid().splitlines()
        assert head == "flowchart TB"
        nodes = [m for line in lines if (m := NODE.fullmatch(line))]
        edges = [m for line in lines if (m := EDGE.fullmatch(line))]
        classes = [line for line in lines if CLASS.fullmatch(line)]
        assert len(nodes) + len(edges) + len(classes) == len(lines)
        assert [unescaped(m["text"]) for m in nodes] == [node.label for node in graph.nodes]
        for match in (*nodes, *edges):
            text = re.sub(r"#\d+;|<br>", "", match["text"] or "")
            assert not re.search(r"[\"`*_<>&~$\\|{}#;]", text)
        assert not [
            m for m in nodes if re.match(r"([-+] ?|\d+[.)] )", m["text"]) and "#" not in m["text"]
        ]


@cache
def mermaid_reads(texts: tuple[str, ...]) -> list[dict]:
    """What Mermaid's own parser finds in flowcharts."""
    folder = os.environ.get("EINPROP_MERMAID")
    if not folder:
        pytest.skip(
            "needs Mermaid and jsdom: EINPROP_MERMAID, the folder with node_modules, is unset"
        )
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Mermaid: node is not installed")
    done = subprocess.run(
        [node, str(Path(__file__).with_name("mermaid_reader.mjs")), folder],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_mermaid_reads_what_is_there() -> None:
    graphs = drawn_graphs()
    found = mermaid_reads(tuple(graph.mermaid() for graph in graphs))
    for graph, read in zip(graphs, found, strict=True):
        assert read["type"].startswith("flowchart")
        shown = {v["id"]: v for v in read["vertices"]}
        assert len(shown) == len(graph.nodes)
        for number, node in enumerate(graph.nodes):
            vertex = shown[f"n{number}"]
            assert _shown(vertex["text"]) == node.label
            assert vertex["classes"] == [node.kind]
        numbers = {node.name: f"n{k}" for k, node in enumerate(graph.nodes)}
        wanted = [
            (numbers[e.source], numbers[e.target], "<br>".join(lines), e.recurrent)
            for e, lines in drawing._edges(graph)
        ]
        edges = [
            (e["start"], e["end"], _shown(e["text"]), e["stroke"] == "dotted")
            for e in read["edges"]
        ]
        assert edges == wanted


def _shown(text: str) -> str:
    """A label of Mermaid's, which keeps entities in a spelling of its own until it draws them."""
    return re.sub(r"ﬂ°°(\d+)¶ß", lambda m: chr(int(m[1])), text)
