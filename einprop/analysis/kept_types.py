"""Axis types that a rewritten program keeps: declared where its equations do not say them any more."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from einprop.analysis.declare import declared_access
from einprop.analysis.indices import (
    bounded_indices,
    fresh_index,
    numbered,
    plain_subscripts,
    unprimed,
)
from einprop.analysis.resolve import Resolved, resolve
from einprop.analysis.types import Axis, Declared, Letter
from einprop.notation.tree import (
    Access,
    Index,
    IndexDeclaration,
    IndexGroup,
    Statement,
    TensorDeclaration,
    accesses,
    declared_groups,
)

__all__ = ["with_types_of"]

_Type = Axis | Letter | Declared
"""What stands for a type."""


def with_types_of(
    statements: Sequence[Statement],
    source: Resolved,
    axis_in: Callable[[str, int], int],
    outputs: Collection[str],
) -> list[Statement]:
    """A rewritten program whose axes have the types that they had, by declarations where need be.

    Args:
        statements: The rewritten program; declarations are added to it or get other letters.
        source: What it was made from.
        axis_in: By tensor and axis of the source, the axis in the rewritten program.
        outputs: The tensors that a call returns.
    """
    names = dict.fromkeys(a.name for e in source.equations for a in accesses(e))
    places = {
        Axis(name, axis): Axis(name, axis_in(name, axis))
        for name in names
        for axis in range(source.types.rank(name))
    }
    wanted: dict[_Type, list[Axis]] = {}
    for old, new in places.items():
        wanted.setdefault(source.types.axis(old.tensor, old.position), []).append(new)
    told = _Told(list(statements), source, outputs)
    # What is declared joins axes or keeps them apart, which may leave others to be told.
    while more := list(_untold(resolve(told.statements), wanted, told)):
        for key, axis in more:
            told.declare(key, axis, wanted[key])
    return told.statements


@dataclass
class _Told:
    """The rewritten program, and what is declared in it.

    Attributes:
        statements: The program.
        source: What it was made from.
        outputs: The tensors that a call returns.
        letters: By type of the source, the letter that is declared for it.
        names: By type of the source, its declared name.
        axes: The axes that declarations give such a letter.
    """

    statements: list[Statement]
    source: Resolved
    outputs: Collection[str]
    letters: dict[_Type, str] = field(default_factory=dict)
    names: dict[_Type, str | None] = field(default_factory=dict)
    axes: set[Axis] = field(default_factory=set)

    def name(self, key: _Type) -> str | None:
        """The declared name of a type of the source, here."""
        return self.names.setdefault(key, self.source.types.name(key))

    def declare(self, key: _Type, axis: Axis, others: Collection[Axis]) -> None:
        """Give an axis a letter of a declared type.

        Args:
            key: The type in the source.
            axis: The axis.
            others: All axes of the type.
        """
        letter = self.letter(key, others)
        self.axes.add(axis)
        for number, statement in enumerate(self.statements):
            if isinstance(statement, TensorDeclaration):
                tensors = [_at(a, axis, letter) for a in statement.tensors]
                if any(a.name == axis.tensor for a in tensors):
                    self.statements[number] = replace(statement, tensors=tuple(tensors))
                    return
        resolved = resolve(self.statements)
        access = _at(declared_access(resolved, axis.tensor), axis, letter)
        given = axis.tensor in resolved.names.inputs
        kind = "input" if given else "output" if axis.tensor in self.outputs else "local"
        self.insert(TensorDeclaration(kind, (access,)), first=given)

    def letter(self, key: _Type, others: Collection[Axis]) -> str:
        """A letter of the type, declared if none is."""
        groups = list(declared_groups(self.statements))
        if key not in self.letters and (known := self.name(key)) is not None:
            self.letters[key] = next(i for g in groups for i in g.indices if g.type == known)
        if key not in self.letters:
            taken = {i for group in groups for i in group.indices} | self.used(key)
            declared = [s for s in self.statements if isinstance(s, TensorDeclaration)]
            shown: list[str] = []
            for access in (a for s in declared for a in s.tensors):
                for position, letter in enumerate(plain_subscripts(access)):
                    own = Axis(access.name, position) in others
                    shown += [unprimed(letter)] if own else []
                    taken |= set() if own else {unprimed(letter)}
            self.letters[key] = numbered(next(iter(shown), "cell"), taken.__contains__)
            self.names[key] = numbered("cell", {g.type for g in groups}.__contains__)
            group = IndexGroup((self.letters[key],), self.names[key] or "")
            self.insert(IndexDeclaration((group,)), first=True)
        return self.letters[key]

    def used(self, key: _Type) -> set[str]:
        """The letters that equations use for other types."""
        types = self.source.types
        lines = {unprimed(i) for line in self.source.lines for i in bounded_indices(line.core)}
        return lines | {
            unprimed(index)
            for number, equation in enumerate(self.source.equations)
            for index in bounded_indices(equation)
            if types.letter(number, index) != key
        }

    def insert(self, statement: Statement, *, first: bool) -> None:
        """Add a declaration, behind the first lines that declare indices or behind everything."""
        leading = takewhile(lambda s: isinstance(s, IndexDeclaration), self.statements)
        number = sum(1 for _ in leading) if first else len(self.statements)
        self.statements.insert(number, statement)


def _at(access: Access, axis: Axis, letter: str) -> Access:
    """A declared tensor with a letter at an axis, primed if it has it elsewhere too."""
    if access.name != axis.tensor:
        return access
    kept = [s for n, s in enumerate(access.subscripts) if n != axis.position]
    others = [s.name for s in kept if isinstance(s, Index)]
    index = Index(fresh_index(letter, others))
    subscripts = list(access.subscripts)
    subscripts[axis.position] = index
    return replace(access, subscripts=tuple(subscripts))


def _untold(
    resolved: Resolved, wanted: Mapping[_Type, Sequence[Axis]], told: _Told
) -> Iterator[tuple[_Type, Axis]]:
    """Of each type that has come apart, or met another one, an axis of each part; by type."""
    types = resolved.types
    parts: dict[_Type, dict[_Type, list[Axis]]] = {}
    holders: dict[_Type, set[_Type]] = {}
    for key, axes in wanted.items():
        for axis in axes:
            part = types.axis(axis.tensor, axis.position)
            parts.setdefault(key, {}).setdefault(part, []).append(axis)
            holders.setdefault(part, set()).add(key)
    for key, found in parts.items():
        met = any(len(holders[p]) > 1 or types.name(p) != told.name(key) for p in found)
        for axes in found.values() if met or len(found) > 1 else ():
            yield from ((key, axis) for axis in [a for a in axes if a not in told.axes][:1])
