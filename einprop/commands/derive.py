"""`derive`: the backward equations of a program, or its Hessian, as text, LaTeX, code or steps."""

from __future__ import annotations

import argparse
from typing import Any

from einprop.commands.given import add_program, read_program, read_sizes
from einprop.program import Program

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    add_program(parser)
    parser.add_argument("--wrt", metavar="NAMES", help="inputs to differentiate for (default: all)")
    parser.add_argument("--of", metavar="NAMES", help="tensors to differentiate (default: outputs)")
    parser.add_argument(
        "--hessian", action="store_true", help="the second derivatives of a scalar instead"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--latex", action="store_true", help="print LaTeX")
    form.add_argument(
        "--source",
        choices=["numpy", "torch", "jax"],
        help="print code of forward and backward, to paste where einprop is not installed",
    )
    form.add_argument(
        "--explain",
        metavar="SIZES",
        type=read_sizes,
        help="print the steps of forward and backward with their cost, as in b=32,i=784,j=10",
    )
    parser.add_argument(
        "--steps", action="store_true", help="how each line comes about, also with --latex"
    )
    parser.add_argument(
        "--sizes",
        metavar="SIZES",
        type=read_sizes,
        default={},
        help="for --source, where the code depends on them, as in b=32,i=784",
    )


def run(arguments: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """What is printed, and the same as plain data."""
    program = read_program(arguments.program)
    of, wrt = arguments.of, arguments.wrt
    if arguments.steps:
        steps = program.derive_steps(of, wrt)
        return (steps.latex() if arguments.latex else str(steps)), steps.as_dict()
    if arguments.hessian:
        shown = whole = program.hessian(of, wrt)
    else:
        shown, whole = program.backward(of, wrt), program.vjp(of, wrt)
    if arguments.source:
        text = whole.source(arguments.source, arguments.sizes)
        return text.rstrip("\n"), {"source": text}
    if arguments.explain is not None:
        explanation = whole.explain(arguments.explain)
        return str(explanation), explanation.as_dict()
    return (shown.latex() if arguments.latex else str(shown)), _plain(program, shown)


def _plain(program: Program, derived: Program) -> dict[str, Any]:
    return {
        "program": str(program),
        "inputs": list(program.inputs),
        "outputs": list(program.outputs),
        "derived": str(derived),
        "reads": list(derived.inputs),
        "gives": list(derived.outputs),
        "latex": derived.latex(),
    }
