"""A link beside every documented object to the lines of the page that shows its source."""

from __future__ import annotations

import importlib
import inspect
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from linked_files import ROOT, line_anchor, link_to
from sphinx import addnodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def place(module: str, name: str) -> tuple[Path, int] | None:
    """The file and the line in which an object is defined; None for what is no class or function."""
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        read = inspect.getattr_static if inspect.isclass(found) else getattr
        found = read(found, part, None)
    if isinstance(found, property):
        found = found.fget
    elif isinstance(found, cached_property):
        found = found.func
    found = inspect.unwrap(getattr(found, "__func__", found))
    if not inspect.isclass(found) and not inspect.isfunction(found):
        return None
    file = Path(inspect.getsourcefile(found) or "").resolve()
    code = getattr(found, "__code__", None)
    line = code.co_firstlineno if code else inspect.getsourcelines(found)[1]
    return (file, line) if file.is_relative_to(ROOT) else None


def _add_links(app: Sphinx, document: nodes.document) -> None:
    for signature in list(document.findall(addnodes.desc_signature)):
        if not signature.get("module") or not signature.get("fullname"):
            continue
        found = place(signature["module"], signature["fullname"])
        if found:
            file, line = found
            uri = f"{link_to(app, file)}#{line_anchor(line)}"
            label = nodes.inline("", "[source]", classes=["viewcode-link"])
            signature.append(nodes.reference("", "", label, refuri=uri, internal=True))


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the links to pages as they are read."""
    app.setup_extension("linked_files")
    app.connect("doctree-read", _add_links)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
