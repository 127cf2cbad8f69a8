"""The functions that code brings along, as text."""

from __future__ import annotations

import ast
import builtins
import dis
import inspect
import re
import textwrap
from collections.abc import Iterator
from types import CodeType

import numpy as np

from einprop.backends.numpy_functions import ArrayFunction
from einprop.errors import UnsupportedError
from einprop.notation.functions import OWN_PREFIX

__all__ = ["written_out"]


def written_out(name: str, function: ArrayFunction) -> str:
    """The text of a helper function."""
    function = getattr(function, "__wrapped__", function)
    own_name = getattr(function, "__name__", "")
    if getattr(np, own_name, None) is function:
        return f"{name} = np.{own_name}"
    _refuse_names_from_outside(name, function)
    try:
        text = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        text = ""
    if not text.startswith("def "):
        raise UnsupportedError(
            f"the text of the function behind {name.removeprefix(OWN_PREFIX)} is not at hand",
            (),
            "register a function that is defined by def in a file",
        )
    if not name.startswith(OWN_PREFIX):
        text = re.sub(r": (Array|Any|int)\b| -> Array", "", text)
    text = _without_annotations(text)
    documented = re.sub(r'"""(.*?)\n.*?"""', r'"""\1"""', text, count=1, flags=re.DOTALL)
    return re.sub(r"^def \w+", f"def {name}", documented).rstrip()


def _refuse_names_from_outside(name: str, function: ArrayFunction) -> None:
    """A user's function is all in its text if it reads nothing but its arguments and numpy."""
    if not name.startswith(OWN_PREFIX) or not inspect.isfunction(function):
        return
    outside = set(function.__code__.co_freevars)
    for outer in _globals(function.__code__):
        found = function.__globals__.get(outer)
        if not hasattr(builtins, outer) and (outer, found) != ("np", np):
            outside.add(outer)
    if outside:
        raise UnsupportedError(
            f"the function behind {name.removeprefix(OWN_PREFIX)} uses "
            f"{', '.join(sorted(outside))}, which its text lacks",
            (),
            "write or import inside the function what it needs besides np",
        )


def _globals(code: CodeType) -> Iterator[str]:
    """The global names that code reads, also in the functions inside it."""
    for instruction in dis.get_instructions(code):
        if instruction.opname == "LOAD_GLOBAL":
            yield str(instruction.argval)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _globals(inner)


def _without_annotations(text: str) -> str:
    """The text of a function, without types whose names it does not bring along."""
    tree = ast.parse(text)
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.arg)]
    head = tree.body[0]
    if not isinstance(head, ast.FunctionDef) or not (
        head.returns or any(n.annotation for n in nodes)
    ):
        return text
    head.returns = None
    for node in nodes:
        node.annotation = None
    return ast.unparse(tree)
