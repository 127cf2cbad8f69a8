"""`run`: a program on arrays from files, its results printed or written to a file."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from einprop.commands.given import add_program, read_arrays, read_program, write_arrays

__all__ = ["add", "run"]

_MOST_SHOWN = 8


def add(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    add_program(parser)
    parser.add_argument(
        "inputs",
        nargs="*",
        metavar="INPUTS",
        help=".npz or .safetensors files, name=file.npy, or name=0.5; tensors that the program does "
        "not read are left alone",
    )
    parser.add_argument(
        "--grad", action="store_true", help="the gradients of the outputs, scalars seeded with 1"
    )
    parser.add_argument(
        "--output", metavar="FILE", help="write the results here: .npz or .safetensors"
    )


def run(arguments: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """What is printed, and the same as plain data."""
    program = read_program(arguments.program)
    if arguments.grad:
        program = program.grad()
    given = read_arrays(arguments.inputs)
    results = program({name: given[name] for name in program.inputs if name in given})
    named = results if isinstance(results, dict) else {program.outputs[0]: results}
    arrays = {name: np.asarray(value) for name, value in named.items()}
    if arguments.output:
        write_arrays(arguments.output, arrays)
    text = "\n".join(_line(name, array) for name, array in arrays.items())
    plain = {
        name: {"shape": list(a.shape), "dtype": str(a.dtype), "value": _plain(a)}
        for name, a in arrays.items()
    }
    return text, plain


def _plain(array: np.ndarray[Any, Any]) -> Any:
    """Nested lists of numbers; what JSON has no number for is text: ``nan``, ``inf``, ``-inf``."""
    if np.isfinite(array).all():
        return array.tolist()
    return np.where(np.isfinite(array), array.astype(object), array.astype(str)).tolist()


def _line(name: str, array: np.ndarray[Any, Any]) -> str:
    """A result: its value where it is small, else its shape and range."""
    if array.size <= _MOST_SHOWN:
        return f"{name} = {np.array2string(array, separator=', ', prefix=f'{name} = ')}"
    low, high = float(array.min()), float(array.max())
    return f"{name}: {array.dtype} of shape {array.shape}, {low:.6g} to {high:.6g}"
