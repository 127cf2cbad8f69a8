"""The types of a program's axes as text: by tensor, then each type with its letters and its size."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from einprop.analysis.indices import equation_indices, unprimed
from einprop.analysis.resolve import Resolved
from einprop.analysis.sizes import Sizes
from einprop.analysis.types import Declared
from einprop.notation.tree import declared_groups
from einprop.program import Program
from einprop.tables import aligned

__all__ = ["types_text"]


def types_text(program: Program, sizes: Sizes) -> str:
    """Two tables: the tensors with types and shape, and the types.

    Args:
        program: The program.
        sizes: Sizes of its types; one that is not known is a question mark.

    >>> from einprop.analysis.sizes import bind_letters
    >>> program = Program("index b: batch; y[b] = x[b,i] w[i]")
    >>> print(types_text(program, bind_letters(program.resolved, {"b": 2, "i": 3})))
    tensor  kind    types of its axes  shape
    x[b,i]  input   batch, i           2 x 3
    w[i]    input   i                  3
    y[b]    output  batch              2
    <BLANKLINE>
    type   letters  size
    batch  b           2
    i      i           3
    """
    types, nodes = program.resolved.types, program.graph().nodes
    letters = _letters(program.resolved)
    axes = {n.name: [types.axis(n.name, k) for k in range(types.rank(n.name))] for n in nodes}
    names = _names(program.resolved, axes, letters)
    known = {key: str(sizes.known.get(key, "?")) for key in names}
    tensors = [("tensor", "kind", "types of its axes", "shape")]
    for node in nodes:
        keys = axes[node.name]
        shape = " x ".join(known[key] for key in keys) or "scalar"
        tensors.append((node.label, node.kind, ", ".join(names[key] for key in keys), shape))
    table = [("type", "letters", "size")]
    table += [(name, ", ".join(letters.get(key, ())), known[key]) for key, name in names.items()]
    return "\n".join([*aligned(tensors, left=4), "", *aligned(table, left=2)])


def _letters(resolved: Resolved) -> dict[object, list[str]]:
    """The letters that range over each type."""
    types = resolved.types
    found: dict[object, dict[str, None]] = {}
    for number, equation in enumerate(resolved.equations):
        for index in equation_indices(equation):
            found.setdefault(types.letter(number, index), {})[unprimed(index)] = None
    for group in declared_groups(resolved.statements):
        key = types.find(Declared(group.type))
        found.setdefault(key, {}).update(dict.fromkeys(group.indices))
    return {key: list(letters) for key, letters in found.items()}


def _names(
    resolved: Resolved,
    axes: Mapping[str, Collection[object]],
    letters: Mapping[object, list[str]],
) -> dict[object, str]:
    """What each type is called: as declared, else by its first letter, else by an axis that has it."""
    first: dict[object, str] = {}
    for name, keys in axes.items():
        for position, key in enumerate(keys):
            first.setdefault(key, f"axis {position} of {name}")
    first |= {key: found[0] for key, found in letters.items()}
    types = resolved.types
    declared: dict[object, str] = {
        types.find(Declared(g.type)): g.type for g in declared_groups(resolved.statements)
    }
    names: dict[object, str] = {}
    taken = list(declared.values())
    for key, name in first.items():
        # Letters are local to their equation: another type may have the same.
        times = sum(other.partition(" #")[0] == name for other in taken)
        names[key] = declared.get(key) or (f"{name} #{times + 1}" if times else name)
        if key not in declared:
            taken.append(names[key])
    return names
