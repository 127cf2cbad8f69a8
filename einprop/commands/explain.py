"""`explain`: what a call does at given sizes, step by step, or the program after a pass."""

from __future__ import annotations

import argparse
from typing import Any

from einprop.commands.given import add_program, read_program, read_sizes

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    add_program(parser)
    parser.add_argument(
        "--sizes",
        metavar="SIZES",
        type=read_sizes,
        default={},
        help="sizes of index letters, as in b=32,i=784; declared ones may be left out",
    )
    parser.add_argument(
        "--grad", action="store_true", help="the gradients with it: forward and backward in one"
    )
    parser.add_argument(
        "--after", metavar="PASS", help="print the program after this pass of the compiler instead"
    )


def run(arguments: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """What is printed, and the same as plain data."""
    program = read_program(arguments.program)
    if arguments.grad:
        program = program.grad()
    if arguments.after:
        after = program.after(arguments.after, arguments.sizes)
        return str(after), {"program": str(after)}
    explanation = program.explain(arguments.sizes)
    return str(explanation), explanation.as_dict()
