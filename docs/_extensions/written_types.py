"""Types as the source writes them: ``Mapping[str, Array]`` says more than what it stands for.

They go into the docstrings' lists of arguments and attributes, before napoleon reads those; what comes back
stands behind the signature, which is short without the other types.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_SECTION = re.compile(r"(?P<indent> *)(?P<title>\w+):$")
_ENTRY = re.compile(r"(?P<indent> *)(?P<stars>\*{0,2})(?P<name>\w+):(?=\s|$)")
_REPLACED = {
    r"\b(npt|abc)\.": "",
    r"\bArrays\b": "Mapping[str, Array]",
    r"\bOption\b": "int | tuple[int, ...]",
    r"\b_(Array|Path)\b": r"\1",
    r"\b_Scalars\b": "Mapping[str, float]",
}
_BEFORE_NAPOLEON = 450


def written(obj: object) -> Mapping[str, str]:
    """The annotations of a function, as text."""
    function = inspect.unwrap(getattr(obj, "__func__", obj))
    found = {n: str(each) for n, each in getattr(function, "__annotations__", {}).items()}
    for pattern, replacement in _REPLACED.items():
        found = {name: re.sub(pattern, replacement, each) for name, each in found.items()}
    return found


def _attributes(cls: type) -> dict[str, str]:
    """The annotations of a class and its bases."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        found |= written(base)
    return found


def with_types(lines: list[str], types: Mapping[str, Mapping[str, str]]) -> list[str]:
    """A docstring whose sections' entries have types: ``name (type): what it is``.

    Args:
        lines: The docstring.
        types: By title of a section, the types of its entries by name.
    """
    result, known, inside = [], {}, ""
    for line in lines:
        section, entry = _SECTION.match(line), _ENTRY.match(line)
        if section and section["title"] in types:
            known, inside = types[section["title"]], section["indent"] + "    "
        elif entry and entry["indent"] == inside and entry["name"] in known:
            head = f"{inside}{entry['stars']}{entry['name']} ({known[entry['name']]}):"
            result.append(head + line[entry.end() :])
            continue
        elif line.strip() and not line.startswith(inside):
            known = {}
        result.append(line)
    return result


def _add_types(_: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    if inspect.isclass(obj):
        types = {"Args": written(obj.__init__), "Attributes": _attributes(obj)}
    else:
        types = {"Args": written(obj)}
    lines[:] = with_types(lines, types)


def _add_result(
    _: Sphinx, what: str, name: str, obj: Any, options: Any, arguments: str, result: str
) -> tuple[str, str] | None:
    found = None if inspect.isclass(obj) else written(obj).get("return")
    return None if found in (None, "None") else (arguments, found)


def setup(app: Sphinx) -> dict[str, Any]:
    """Listen to autodoc."""
    app.connect("autodoc-process-docstring", _add_types, priority=_BEFORE_NAPOLEON)
    app.connect("autodoc-process-signature", _add_result)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
