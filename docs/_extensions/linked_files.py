"""Files and folders that a page links to and that are no pages get pages that show them.

On GitHub ``[examples](../examples)`` leads to the folder. Here it leads to a list of its files, and each of
those to its text, so that the site is whole by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "files/"
LEXERS = {".py": "python", ".md": "markdown", ".json": "json", ".ein": "einprop", ".toml": "toml"}
HIDDEN = ("__pycache__", "__init__.py")

_LINES = "line"
_Page = tuple[str, dict[str, Any], str]


class LinkFiles(SphinxTransform):
    """Turns links to what is no page into links to the pages that show it."""

    default_priority = 400

    def apply(self, **_: Any) -> None:
        """Change the links of one page."""
        for kind in (addnodes.download_reference, addnodes.pending_xref):
            for node in list(self.document.findall(kind)):
                path = self._linked(node)
                if path is not None:
                    self._replace(node, path)

    def _linked(self, node: nodes.Element) -> Path | None:
        """What a link leads to, if it is a file to show or a folder."""
        target = unquote(node.get("reftarget") or "").partition("#")[0]
        if not target or node.get("reftype") not in (None, "myst"):
            return None
        if node.get("refdomain") == "doc":  # A Markdown file: a page, or one from elsewhere.
            if target in self.env.found_docs:
                return None
            target = f"{target}.md"
        here = Path(self.env.doc2path(self.env.docname)).parent
        path = (here / target).resolve()
        shown = path.is_dir() or (path.is_file() and _text(path) is not None)
        return path if shown and path.is_relative_to(ROOT) and path != ROOT else None

    def _replace(self, node: nodes.Element, path: Path) -> None:
        uri = link_to(self.app, path)
        node.replace_self(nodes.reference("", "", *node.children, refuri=uri, internal=True))


def link_to(app: Sphinx, path: Path) -> str:
    """The address of the page for a file or a folder, from the page that is being read."""
    _linked_files(app.env).add(path)
    return app.builder.get_relative_uri(app.env.docname, _page(path))


def line_anchor(line: int) -> str:
    """What stands behind the # in the address of a line of a file."""
    return f"{_LINES}-{line}"


def _linked_files(env: BuildEnvironment) -> set[Path]:
    if not hasattr(env, "linked_files"):
        env.linked_files = set()
    return env.linked_files


def _page(path: Path) -> str:
    return PREFIX + path.relative_to(ROOT).as_posix()


def _text(path: Path) -> str | None:
    """What a file says; None if it is no text, or a page of the web."""
    if path.suffix == ".html":
        return None
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def _pages(app: Sphinx) -> Iterator[_Page]:
    """A page for every file and folder that is linked, and for what the folders hold."""
    waiting, done = sorted(_linked_files(app.env)), set()
    while waiting:
        path = waiting.pop(0)
        if path in done or not path.exists():
            continue
        done.add(path)
        inside = _inside(path) if path.is_dir() else []
        waiting += inside
        body = _folder(app, path, inside) if path.is_dir() else _file(app, path)
        title = path.relative_to(ROOT).as_posix()
        heading = f"<h1>{escape(title)}</h1>"
        context = {"title": title, "body": f"{heading}{body}", "parents": []}
        yield _page(path), context, "page.html"


def _inside(folder: Path) -> list[Path]:
    """The folders and texts in a folder."""
    found = [p for p in sorted(folder.iterdir()) if p.name not in HIDDEN and p.name[0] != "."]
    return [path for path in found if path.is_dir() or _text(path) is not None]


def _folder(app: Sphinx, folder: Path, inside: list[Path]) -> str:
    items = []
    for path in inside:
        uri = escape(app.builder.get_relative_uri(_page(folder), _page(path)))
        items.append(f'<li><a href="{uri}">{escape(path.name)}</a>{escape(_summary(path))}</li>')
    return f"<ul>{''.join(items)}</ul>"


def _summary(path: Path) -> str:
    """What a module says of itself in its first line."""
    if path.suffix != ".py":
        return ""
    first = (_text(path) or "").partition("\n")[0]
    return f": {first.strip(chr(34))}" if first.startswith('"""') else ""


def _file(app: Sphinx, path: Path) -> str:
    lexer = LEXERS.get(path.suffix, "text")
    highlighter = app.builder.highlighter
    return highlighter.highlight_block(_text(path) or "", lexer, force=True, lineanchors=_LINES)


def setup(app: Sphinx) -> dict[str, Any]:
    """Change links as pages are read, and write the pages that they lead to."""
    app.add_transform(LinkFiles)
    app.connect("html-collect-pages", _pages)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
