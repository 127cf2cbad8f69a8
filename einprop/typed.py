"""The types of a program's axes, named: by tensor, then each type with its letters and its size."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from einprop.analysis.indices import equation_indices, unprimed
from einprop.analysis.resolve import Resolved
from einprop.analysis.sizes import Sizes
from einprop.analysis.types import Declared
from einprop.notation.tree import declared_groups
from einprop.program import Program
from einprop.tables import aligned

__all__ = ["Typed", "types_text"]


@dataclass(frozen=True)
class Typed:
    """The types of a program.

    Attributes:
        tensors: By label, such as ``x[b,i]``, the kind of the tensor and the types of its axes.
        names: The name of each type: as declared, else by its first letter, else by an axis.
        letters: The letters that range over each type.
    """

    tensors: Mapping[str, tuple[str, tuple[object, ...]]]
    names: Mapping[object, str]
    letters: Mapping[object, list[str]]

    @classmethod
    def of(cls, program: Program) -> Typed:
        """The types of a program.

        >>> typed = Typed.of(Program("index b: batch; y[b] = x[b,i] w[i]"))
        >>> {label: typed.named(label) for label in typed.tensors}
        {'x[b,i]': ['batch', 'i'], 'w[i]': ['i'], 'y[b]': ['batch']}
        """
        types, nodes = program.resolved.types, program.graph().nodes
        letters = _letters(program.resolved)
        axes = {n.name: [types.axis(n.name, k) for k in range(types.rank(n.name))] for n in nodes}
        tensors = {node.label: (node.kind, tuple(axes[node.name])) for node in nodes}
        return cls(tensors, _names(program.resolved, axes, letters), letters)

    def named(self, label: str) -> list[str]:
        """The names of the types of a tensor's axes."""
        return [self.names[key] for key in self.tensors[label][1]]


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
    typed = Typed.of(program)
    known = {key: str(sizes.known.get(key, "?")) for key in typed.names}
    tensors = [("tensor", "kind", "types of its axes", "shape")]
    for label, (kind, keys) in typed.tensors.items():
        shape = " x ".join(known[key] for key in keys) or "scalar"
        tensors.append((label, kind, ", ".join(typed.named(label)), shape))
    table = [("type", "letters", "size")]
    for key, name in typed.names.items():
        table.append((name, ", ".join(typed.letters.get(key, ())), known[key]))
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
