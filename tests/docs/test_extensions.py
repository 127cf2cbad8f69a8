"""What the documentation's own extensions of Sphinx do."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from types import ModuleType

import pytest

from einprop import Program
from tests.docs.fences import ROOT, fences

Load = Callable[[str], ModuleType]


@pytest.fixture
def load(sphinx: None, monkeypatch: pytest.MonkeyPatch) -> Load:
    """A function from an extension's name to its module."""
    monkeypatch.syspath_prepend(ROOT / "docs" / "_extensions")
    return importlib.import_module


NAMES = ["einprop.Program", "einprop.layers.Affine", "einprop.components.Affine", "einprop.P.grad"]


@pytest.mark.parametrize(
    ("target", "context", "found"),
    [
        ("einprop.program.Program", "", "einprop.Program"),
        ("Program", "einprop.layers.network", "einprop.Program"),
        ("Affine", "einprop.layers.init", "einprop.layers.Affine"),
        ("layers.Affine", "einprop.components", "einprop.layers.Affine"),
        ("Affine", "einprop.training", None),
        ("Nowhere", "einprop", None),
        ("ffine", "einprop.layers", None),
    ],
)
def test_nearest_name(load: Load, target: str, context: str, found: str | None) -> None:
    assert load("names").nearest(target, context, NAMES) == found


@pytest.mark.parametrize(
    ("latex", "drawn"),
    [
        (r"\bar{W}_{i}", "<msub><mover><mi>W</mi><mo>¯</mo></mover><mi>i</mi></msub>"),
        (r"\bar{W}^2", "<msup><mover><mi>W</mi><mo>¯</mo></mover><mn>2</mn></msup>"),
        (r"\sum_i^n", "<munderover><mo>∑</mo><mi>i</mi><mi>n</mi></munderover>"),
        (r"a \mathrel{+}= b", "<mi>a</mi><mo>+=</mo><mi>b</mi>"),
    ],
)
def test_formulas(load: Load, latex: str, drawn: str) -> None:
    text = load("mathml").mathml(latex, block=False)
    bare = re.sub(r"\s+", "", re.sub(r"(<\w+) [^>]*", r"\1", text))
    assert bare == f"<math>{drawn}</math>"


def test_derivatives_are_formulas(load: Load) -> None:
    mathml = load("mathml").mathml
    for name in ("attention", "convolution", "losses", "recurrent"):
        for entry in importlib.import_module(f"tests.equations.{name}").EQUATIONS:
            text = mathml(Program(entry.program).backward().latex(), block=True)
            assert "<mtable" in text or "<mi>" in text
            assert "\\" not in text


def test_types_stand_in_the_docstring(load: Load) -> None:
    docstring = """Say it: twice.

    Args:
        x: What
            y: this goes on.
        **named: More.
        z: No type.

    Raises:
        x: Nothing.
    """
    lines = load("written_types").with_types(
        docstring.splitlines(), {"Args": {"x": "Names", "y": "int", "named": "int"}}
    )
    assert [line.strip() for line in lines if "(" in line] == [
        "x (Names): What",
        "**named (int): More.",
    ]


def test_types_are_those_of_the_source(load: Load) -> None:
    def function(x: Names, y: npt.ArrayLike) -> Option:  # noqa: F821
        """Annotated by text alone."""

    found = load("written_types").written(function)
    assert found == {"x": "Names", "y": "ArrayLike", "return": "int | tuple[int, ...]"}


def test_programs_have_colours(load: Load) -> None:
    lexer = load("program_lexer").ProgramLexer()
    tokens = [
        (str(kind), text)
        for kind, text in lexer.get_tokens("index k: label\ny = sum[k](x.grad[k'])")
    ]
    assert ("Token.Keyword", "index") in tokens
    assert ("Token.Name.Function", "sum") in tokens
    assert ("Token.Name", "x.grad") in tokens
    assert ("Token.Name", "k'") in tokens
    for fence in fences(ROOT / "docs" / "language.md"):
        if fence.language == "einprop":
            found = list(lexer.get_tokens(fence.text))
            assert "".join(text for _, text in found).strip() == fence.text.strip()
            assert not [text for kind, text in found if "Error" in str(kind)]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("Program.explain", "einprop/shown.py"),
        ("Program.from_statements", "einprop/program.py"),
        ("Layer", "einprop/layers/layer.py"),
        ("__version__", None),
    ],
)
def test_place_of_a_source(load: Load, name: str, file: str | None) -> None:
    found = load("source_links").place("einprop", name)
    if file is None:
        assert found is None
        return
    path, line = found
    assert path == ROOT / file
    assert name.rpartition(".")[2] in "".join(path.read_text().splitlines()[line - 1 : line + 2])
