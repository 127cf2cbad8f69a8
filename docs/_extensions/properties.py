"""Reads the docstrings of properties as those of methods: a colon in the first line tells no type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sphinx.ext.napoleon import GoogleDocstring

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_KINDS = ("attribute", "data", "property")
_BEFORE_NAPOLEON, _AFTER_NAPOLEON = 400, 600


def setup(app: Sphinx) -> dict[str, Any]:
    """Keep what is written before napoleon reads it, and put in its place what a method's would be."""
    written: dict[str, list[str]] = {}

    def keep(_: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
        if what in _KINDS:
            written[name] = list(lines)

    def read(_: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
        if what in _KINDS:
            docstring = GoogleDocstring(written.pop(name), app.config, app, "method", name, obj)
            lines[:] = docstring.lines()

    app.connect("autodoc-process-docstring", keep, priority=_BEFORE_NAPOLEON)
    app.connect("autodoc-process-docstring", read, priority=_AFTER_NAPOLEON)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
