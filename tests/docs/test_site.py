"""The documentation builds without a warning, its links hold, and no public name is missing."""

from __future__ import annotations

import importlib
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.docs.fences import ROOT
from tests.docs.links import broken_links, broken_markdown_links, slugs
from tests.docs.site import Site, build

MARKDOWN = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md"))]
PUBLIC = (
    "einprop",
    "einprop.components",
    "einprop.data",
    "einprop.layers",
    "einprop.layers.init",
    "einprop.layers.losses",
    "einprop.plots",
    "einprop.reference",
    "einprop.training",
    "einprop.trees",
)


def test_builds_without_a_warning(site: Site) -> None:
    assert site.complaints == ""


def test_links_lead_somewhere(pages: list[Path]) -> None:
    assert len(pages) > len(list(ROOT.glob("docs/**/*.md")))
    assert list(broken_links(pages)) == []


def test_a_file_outside_the_pages_has_a_page(site: Site) -> None:
    shown = site.html / "files" / "examples.html"
    assert "newton.py" in shown.read_text(encoding="utf-8")
    text = (shown.parent / "examples" / "newton.py.html").read_text(encoding="utf-8")
    assert '<div class="highlight">' in text


def test_formulas_are_mathml(formulas: Site) -> None:
    assert formulas.complaints == ""
    text = (formulas.html / "index.html").read_text(encoding="utf-8")
    assert text.count("<math") == 2
    assert "<mfrac>" in text
    assert list(broken_links([formulas.html / "index.html"])) == []


def test_builder_complains(sphinx: None, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    wrong = ["$$ \\nowhere_i $$", "[a](nowhere.md)", "[a](#nowhere)", "```einprop\ny[i] = 2\n```"]
    page = source / "index.md"
    page.write_text("\n\n".join(("# Page", *wrong)), encoding="utf-8")
    complaints = build(tmp_path, source).complaints
    assert f'{page}:3: WARNING: Unknown LaTeX command "\\nowhere"' in complaints
    assert f"{page}:5: WARNING: 'myst' cross-reference target not found: 'nowhere.md'" in complaints
    assert f"{page}:7: WARNING: 'myst' cross-reference target not found: 'nowhere'" in complaints
    assert complaints.count("WARNING") == 3


def documented(site: Site) -> set[str]:
    """The names of the Python objects that the site's inventory lists."""
    _, _, packed = (site.html / "objects.inv").read_bytes().partition(b"zlib.\n")
    lines = zlib.decompress(packed).decode().splitlines()
    return {line.split()[0] for line in lines if line.split()[1].startswith("py:")}


def found(name: str) -> Any:
    """The object of a dotted name, None if there is none that can be told from others."""
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute, None)
    except ImportError:
        return None


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_are_documented(site: Site, name: str) -> None:
    names = documented(site)
    known = {id(found(each)) for each in names}
    module = importlib.import_module(name)
    public = {each: getattr(module, each) for each in module.__all__}
    objects = {each: value for each, value in public.items() if not isinstance(value, ModuleType)}
    missing = [e for e, v in objects.items() if f"{name}.{e}" not in names and id(v) not in known]
    assert missing == []


def test_public_methods_of_programs_are_documented(site: Site) -> None:
    import einprop  # noqa: PLC0415  (a site can be looked at without the package)

    public = {f"einprop.Program.{name}" for name in dir(einprop.Program) if name[0] != "_"}
    assert public - documented(site) == set()


def test_links_between_markdown_pages_hold() -> None:
    assert list(broken_markdown_links(MARKDOWN)) == []


def test_broken_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        '<h1 id="a">a</h1><a href="#a"></a><a href="#b"></a><a href="page.html#a"></a>'
        '<a href="no.html"></a><a href="http://a.b"></a><a href="https://a.b"></a>'
        '<script src="https://a.b/c.js"></script><img src="no.png">'
    )
    wrong = [problem.removeprefix(f"{page}: ") for problem in broken_links([page])]
    assert wrong == [
        "fetches https://a.b/c.js",
        "#b leads nowhere",
        "no.html leads nowhere",
        "http://a.b is not https",
        "no.png leads nowhere",
    ]


def test_broken_markdown_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A `b[i]` & c\n## 1. Twice\n## 1. Twice\n`x[i](no.md)`\n```text\n# no\n[a](no)\n```\n"
        "[a](#a-bi--c) [a](page.md#1-twice-1) [a](#no) [a](no.md) [a](https://a.b) [a](.)\n"
    )
    assert slugs(page) == {"a-bi--c", "1-twice", "1-twice-1"}
    wrong = [problem.removeprefix(f"{page}: ") for problem in broken_markdown_links([page])]
    assert wrong == ["#no: there is no such heading", "no.md: there is no such file"]
