"""Letters with one meaning: each index letter has one domain in all equations of a program."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from einprop.analysis.indices import (
    TypedLetters,
    equation_indices,
    fresh_index,
    range_of,
    rename_everywhere,
    unprimed,
)
from einprop.analysis.resolve import Resolved
from einprop.calculus.axes import Domains
from einprop.notation.tree import (
    Equation,
    Index,
    declared_groups,
)

__all__ = ["Lettered", "with_one_meaning"]


@dataclass(frozen=True)
class Lettered:
    """Core equations in which a letter has one type, and one ``where`` range, everywhere.

    Attributes:
        equations: The equations; primed letters have the types of the unprimed ones.
        types: By letter, a key that letters of one type share.
        resolved: The program that they are the equations of.
    """

    equations: tuple[Equation, ...]
    types: dict[str, object]
    resolved: Resolved

    @cached_property
    def domains(self) -> Domains:
        """The domains of the letters."""
        return Domains.of(*self.equations)

    @cached_property
    def by_type(self) -> dict[object, str]:
        """The first letter of each type."""
        return {key: letter for letter, key in reversed(self.types.items())}

    def axes(self, tensor: str) -> tuple[str, ...]:
        """Distinct letters for the axes of a tensor."""
        types = self.resolved.types
        found: list[str] = []
        for position in range(types.rank(tensor)):
            letter = self.by_type.get(types.axis(tensor, position), "cell")
            found.append(fresh_index(letter, found))
        return tuple(found)


def with_one_meaning(resolved: Resolved) -> Lettered:
    """The core equations of a program with letters renamed where one has two types.

    >>> from einprop.analysis.resolve import resolve
    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> resolved = resolve(parse("h[i] = W[i,j] x[j]; y[j] = U[j,i] h[i]"))
    >>> for equation in with_one_meaning(resolved).equations:
    ...     print(to_text(equation))
    h[i] = sum[j](W[i,j] x[j])
    y[j2] = sum[i](U[j2,i] h[i])
    """
    declared = {i for group in declared_groups(resolved.statements) for i in group.indices}
    letters = TypedLetters()
    equations = []
    for number, equation in enumerate(resolved.equations):
        bases: dict[str, str] = {}
        written = dict.fromkeys(unprimed(index) for index in equation_indices(equation))
        for letter in written:
            given = range_of(equation, letter)
            kind = resolved.types.letter(number, letter)
            key = kind if given is None else (kind, given.start, given.stop)
            # Two letters of one equation stay two, also where they have one type.
            taken = {*written, *bases.values(), *declared} - {letter}
            bases[letter] = letters.take(letter, key, taken)
        names = {i: bases[unprimed(i)] + i[len(unprimed(i)) :] for i in equation_indices(equation)}
        equations.append(rename_everywhere(equation, names))
    _name_axes(resolved, letters, declared)
    return Lettered(tuple(equations), letters.types, resolved)


def _name_axes(resolved: Resolved, letters: TypedLetters, declared: Collection[str]) -> None:
    """Letters for the axes that no equation gives one: declared ones, else made up."""
    written = (access for d in resolved.declarations for access in d.tensors)
    plain = [
        (access.name, position, s.name)
        for access in written
        for position, s in enumerate(access.subscripts)
        if isinstance(s, Index)
    ]
    ranks = resolved.types.ranks.items()
    unnamed = [(name, position, "cell") for name, rank in ranks for position in range(rank)]
    for name, position, letter in (*plain, *unnamed):
        key = resolved.types.axis(name, position)
        if key not in letters.first:
            letters.take(unprimed(letter), key, set(declared) - {letter})
