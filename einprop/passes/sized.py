"""A program whose sizes are known: what the passes read and write.

Every letter has one type in the whole program, and so one size; a primed letter has that of its
unprimed one.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from einprop.analysis.indices import equation_indices, fresh_index, rename_indices, unprimed
from einprop.analysis.sizes import Sizes
from einprop.notation.tree import (
    Access,
    Call,
    Equation,
    Expression,
    Index,
    accesses,
    children,
    map_children,
)

__all__ = ["SizedProgram", "attach_sizes", "distinct", "plain_subscripts"]


@dataclass(frozen=True)
class SizedProgram:
    """Core equations with the size of each letter.

    Attributes:
        equations: In an order in which they can run.
        sizes: By letter without primes.
        outputs: The tensors that are wanted.
        axes: The letters at the axes of each tensor that users know by name, no letter twice.
        generic: Whether a size that enters a computation stays a scalar of its own, ``b.size``,
            instead of being worked out.
        temporaries: The names that passes made up.
    """

    equations: tuple[Equation, ...]
    sizes: Mapping[str, int]
    outputs: tuple[str, ...]
    axes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    generic: bool = False
    temporaries: frozenset[str] = frozenset()

    def size(self, indices: Iterable[str]) -> int:
        """The number of cells that the indices span together."""
        return math.prod(self.sizes[unprimed(index)] for index in indices)

    def is_temporary(self, name: str) -> bool:
        """Whether a tensor, or the one that it is a derivative of, has a made-up name."""
        return name.partition(".")[0] in self.temporaries

    @property
    def names(self) -> set[str]:
        """Every tensor that the equations mention."""
        return {access.name for equation in self.equations for access in accesses(equation)}


def _rename_all(expression: Expression, names: Mapping[str, str]) -> Expression:
    """Every index renamed, bound ones too: the new names are as distinct as the old ones were."""
    if isinstance(expression, Call) and expression.indices:
        body = _rename_all(expression.arguments[0], names)
        return replace(
            expression, indices=tuple(names[i] for i in expression.indices), arguments=(body,)
        )
    if not children(expression):
        return rename_indices(expression, names)
    return map_children(expression, lambda child: _rename_all(child, names))


def attach_sizes(sizes: Sizes, *, generic: bool = False) -> SizedProgram:
    """The core equations with letters renamed so that one letter has one type everywhere.

    Args:
        sizes: The sizes of a resolved program.
        generic: See `SizedProgram`.

    >>> from einprop.analysis.resolve import resolve
    >>> from einprop.analysis.sizes import bind_sizes
    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> resolved = resolve(parse("h[i] = W[i,j] x[j]; y[j] = U[j,i] h[i]"))
    >>> program = attach_sizes(bind_sizes(resolved, {"W": (3, 4), "x": (4,), "U": (5, 3)}))
    >>> for equation in program.equations:
    ...     print(to_text(equation))
    h[i] = sum[j](W[i,j] x[j])
    y[j2] = sum[i](U[j2,i] h[i])
    """
    resolved = sizes.resolved
    types: dict[str, object] = {}
    known: dict[str, int] = {}
    equations = []
    for number, equation in enumerate(resolved.equations):
        names: dict[str, str] = {}
        bases: dict[str, str] = {}
        written = dict.fromkeys(unprimed(index) for index in equation_indices(equation))
        for letter in written:
            key = resolved.types.letter(number, letter)
            # Two letters of one equation stay two, also where they have one type.
            taken = {*written, *bases.values()} - {letter}
            bases[letter] = base = _letter_for(letter, key, types, taken)
            types[base] = key
            known[base] = sizes.index(number, letter)
        for index in equation_indices(equation):
            letter = unprimed(index)
            names[index] = bases[letter] + index[len(letter) :]
        target = rename_indices(equation.target, names)
        assert isinstance(target, Access)
        renamed = _rename_all(equation.expression, names)
        equations.append(replace(equation, target=target, expression=renamed))
    axes = {a.name: distinct(plain_subscripts(a)) for e in equations for a in accesses(e)}
    return SizedProgram(tuple(equations), known, resolved.names.outputs, axes, generic)


def plain_subscripts(access: Access) -> tuple[str, ...]:
    """The subscripts of an access in order, repeated ones too."""
    return tuple(s.name for s in access.subscripts if isinstance(s, Index))


def distinct(indices: Iterable[str]) -> tuple[str, ...]:
    """The indices, a repeated one with a prime.

    >>> distinct("iji")
    ('i', 'j', "i'")
    """
    found: list[str] = []
    for index in indices:
        found.append(fresh_index(index, found) if index in found else index)
    return tuple(found)


def _letter_for(
    letter: str, key: object, types: Mapping[str, object], taken: Collection[str]
) -> str:
    """The letter itself, or with a number if another type or another letter has it already."""
    candidate, count = letter, 1
    while types.get(candidate, key) != key or candidate in taken:
        count += 1
        candidate = f"{letter}{count}"
    return candidate
