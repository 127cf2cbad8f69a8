"""`check`: what a program means - types, sums, roles - with the gradients that it declares verified."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from einprop.analysis.resolve import Resolved
from einprop.commands.given import add_program, read_program
from einprop.notation.printer import to_text
from einprop.notation.tree import Access, Index
from einprop.tables import aligned

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    add_program(parser)


def run(arguments: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """What is printed, and the same as plain data; a wrong gradient is an error on the way here."""
    program = read_program(arguments.program)
    resolved = program.resolved
    found = {
        "tensors": list(_tensors(resolved)),
        "equations": [to_text(equation) for equation in resolved.equations],
        "declared": list(_declared(resolved)),
    }
    return "\n".join(_lines(found)), found


def _tensors(resolved: Resolved) -> Iterator[dict[str, Any]]:
    """The tensors in the order of the program, with roles and the types of their axes."""
    names, labels = resolved.names, _Labels(resolved)
    for name in dict.fromkeys((*names.inputs, *names.defined)):
        access = resolved.mentioned[resolved.types.base(name)][0]
        role = "param" if name in names.parameters else "input" if name in names.inputs else "local"
        yield {
            "tensor": f"{name}{to_text(access).removeprefix(access.name)}",
            "role": "output" if name in names.outputs else role,
            "types": [labels.of(name, axis, access) for axis in range(len(access.subscripts))],
        }


class _Labels:
    """Names for types: the declared one, or that of the first index that has it."""

    def __init__(self, resolved: Resolved) -> None:
        self.types = resolved.types
        self.known: dict[object, str] = {}

    def of(self, name: str, axis: int, access: Access) -> str:
        """The name of the type of an axis."""
        key = self.types.axis(name, axis)
        if key not in self.known:
            subscript = access.subscripts[axis]
            own = subscript.name if isinstance(subscript, Index) else f"axis {axis} of {name}"
            while own in self.known.values():
                own += "'"
            self.known[key] = self.types.name(key) or own
        return self.known[key]


def _declared(resolved: Resolved) -> Iterator[dict[str, Any]]:
    for line in resolved.lines:
        yield {"line": to_text(line.written), "verified": not line.override}


def _lines(found: dict[str, Any]) -> Iterator[str]:
    rows = [(t["tensor"], t["role"], ", ".join(t["types"])) for t in found["tensors"]]
    yield from aligned([("tensor", "role", "types of its axes"), *rows], left=3)
    yield from ("", "with all sums written:", *found["equations"])
    if not found["declared"]:
        return
    yield from ("", "gradients declared:")
    verdicts = {True: "verified", False: "taken as it stands (override)"}
    yield from aligned([(d["line"], verdicts[d["verified"]]) for d in found["declared"]], left=2)
