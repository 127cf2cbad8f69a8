"""What a network shows of itself in a notebook: its equations, and a table of what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from einprop.analysis.declare import declared_access
from einprop.analysis.indices import target_indices
from einprop.analysis.sizes import Sizes, bind_letters
from einprop.notation.printer import to_text
from einprop.tables import html_table, html_text

if TYPE_CHECKING:
    from einprop.layers.compose import Composition
    from einprop.layers.fans import Parameter
    from einprop.program import Program

__all__ = ["network_html"]


def network_html(title: str, program: Program, composition: Composition) -> str:
    """HTML: the layers, the program, and its parameters, state and noise.

    Args:
        title: The network as an expression.
        program: What it computes in training.
        composition: The same with its parameters.
    """
    sizes = bind_letters(program.resolved, {})
    rows = [("tensor", "shape", "kind", "starts as")]
    rows += [(*_tensor(sizes, p.name), "parameter", _text(p)) for p in composition.parameters]
    rows += [(*_tensor(sizes, p.name), "state", _text(p)) for p in composition.state]
    drawn = composition.noise.items()
    rows += [(*_tensor(sizes, name), "noise", f"{noise!r}, each step") for name, noise in drawn]
    table = html_table(rows, left=4) if len(rows) > 1 else ""
    return f"{html_text(title)}{html_text(str(program))}{table}"


def _text(parameter: Parameter) -> str:
    """The initialiser; one that is a plain function by its name."""
    return str(getattr(parameter.initialize, "__name__", repr(parameter.initialize)))


def _tensor(sizes: Sizes, name: str) -> tuple[str, str]:
    """A tensor with its axes; its sizes, letters standing for those that only data tell."""
    types, access = sizes.resolved.types, declared_access(sizes.resolved, name)
    parts = [
        str(sizes.known.get(types.axis(name, axis), letter))
        for axis, letter in enumerate(target_indices(access))
    ]
    return to_text(access), " × ".join(parts) or "scalar"
