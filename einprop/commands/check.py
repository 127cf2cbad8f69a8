"""`check`: what a program means, its types and its sums, with the gradients that it declares verified."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from einprop.analysis.resolve import Resolved
from einprop.commands.given import add_program, read_program
from einprop.notation.printer import to_text
from einprop.tables import aligned
from einprop.typed import Typed

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    add_program(parser)


def run(arguments: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """What is printed, and the same as plain data; a wrong gradient is an error on the way here."""
    program = read_program(arguments.program)
    resolved, typed = program.resolved, Typed.of(program)
    found = {
        "tensors": [
            {"tensor": label, "kind": kind, "types": typed.named(label)}
            for label, (kind, _) in typed.tensors.items()
        ],
        "equations": [to_text(equation) for equation in resolved.equations],
        "declared": list(_declared(resolved)),
    }
    return "\n".join(_lines(found)), found


def _declared(resolved: Resolved) -> Iterator[dict[str, Any]]:
    for line in resolved.lines:
        yield {"line": to_text(line.written), "verified": not line.override}


def _lines(found: dict[str, Any]) -> Iterator[str]:
    rows = [(t["tensor"], t["kind"], ", ".join(t["types"])) for t in found["tensors"]]
    yield from aligned([("tensor", "kind", "types of its axes"), *rows], left=3)
    yield from ("", "with all sums written:", *found["equations"])
    if not found["declared"]:
        return
    yield from ("", "gradients declared:")
    verdicts = {True: "verified", False: "taken as it stands (override)"}
    yield from aligned([(d["line"], verdicts[d["verified"]]) for d in found["declared"]], left=2)
