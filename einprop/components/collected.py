"""A graph of components written as one program, its tensors named and its letters joined."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from einprop.analysis.indices import unprimed
from einprop.errors import InputError, ShapeError
from einprop.layers.chain import fresh_letter, fresh_name
from einprop.layers.lift import at_subscripts
from einprop.layers.rename import Renaming, letters_of
from einprop.notation.printer import to_text
from einprop.notation.tree import (
    Access,
    Definition,
    Equation,
    Index,
    IndexDeclaration,
    IndexGroup,
    Statement,
    accesses,
    declared_groups,
    equations_of,
)
from einprop.program import Program
from einprop.propagation import Propagation

if TYPE_CHECKING:
    from einprop.components.component import Component

__all__ = ["Collected", "collect"]

HIDDEN = "h"
_ALPHABET = "bijkcdefghlmnopqrstuvwxyza"


@dataclass
class Collected:
    """The program of a component, and which tensor each component is.

    Attributes:
        program: Its one output is the component.
        names: By component its tensor, operands first.
        leaves: By name the components that nothing computes.
        ranks: How many axes the leaves had.
    """

    program: Program
    names: dict[Component, str]
    leaves: dict[str, Component]
    ranks: dict[str, int]

    def is_stale(self) -> bool:
        """Whether an input has another number of axes than the program was written for."""
        return any(np.ndim(leaf.value) != self.ranks[n] for n, leaf in self.leaves.items())

    @cached_property
    def propagation(self) -> Propagation:
        """Gives every value, then every gradient on the way to the parameters."""
        return Propagation(self.program, self.program.params, inner=True)


def collect(top: Component) -> Collected:
    """The program that computes a component.

    Raises:
        InputError: An input has no value, so that nobody knows its number of axes; or two
            components have one name.
        ShapeError: What applies to entries is given tensors of different numbers of axes.
    """
    order = list(_operands_first(top))
    if not top.operands:
        raise InputError(
            f"{top.name or 'a leaf'} is computed from nothing", hint="apply something to it"
        )
    axes = _axes_of_leaves(order)
    pieces = _pieces(order, axes)
    names = _names(order, top, pieces[top].output)
    writer = _Writer(names, axes)
    for component, piece in pieces.items():
        writer.add(component, piece)
    leaves = {names[c]: c for c in order if not c.operands}
    parameters = [name for name, leaf in leaves.items() if leaf.kind == "param"]
    program = Program.from_statements(writer.statements(), outputs=[names[top]], params=parameters)
    return Collected(program, names, leaves, {name: axes[leaf] for name, leaf in leaves.items()})


def _operands_first(top: Component) -> Iterator[Component]:
    """Everything that a component is computed from, each once, without recursion."""
    seen: set[Component] = set()
    stack = [(top, False)]
    while stack:
        component, ready = stack.pop()
        if ready:
            yield component
        elif component not in seen:
            seen.add(component)
            stack.append((component, True))
            stack += [(c, False) for c in reversed(tuple(component.operands.values()))]


def _axes_of_leaves(order: Sequence[Component]) -> dict[Component, int]:
    """How many axes there are where nothing is computed."""
    for component in order:
        for local, operand in component.operands.items():
            if not operand.operands and operand.value is None:
                raise InputError(
                    f"input {operand.name or local} has no value",
                    hint="set its value: nobody knows yet how many axes it has",
                )
    return {c: np.ndim(c.value) for c in order if not c.operands}


@dataclass(frozen=True)
class _Piece:
    """The equations of one component, in its own names."""

    statements: tuple[Statement, ...]

    @cached_property
    def equations(self) -> tuple[Equation, ...]:
        return equations_of(self.statements)

    @cached_property
    def output(self) -> str:
        """What leaves: ``y`` or ``loss`` where there is one, else what is defined last."""
        targets = [equation.target.name for equation in self.equations]
        return next((name for name in ("y", "loss") if name in targets), targets[-1])

    @cached_property
    def is_pointwise(self) -> bool:
        """Whether it applies to the entries of its operands: no subscript is written."""
        return not any(a.subscripts for e in self.equations for a in accesses(e))

    @property
    def axes(self) -> int:
        """How many axes leave, unless it is pointwise."""
        return max(len(e.target.subscripts) for e in self.equations if e.target.name == self.output)


def _pieces(order: Sequence[Component], axes: dict[Component, int]) -> dict[Component, _Piece]:
    """What each component computes; adds to ``axes`` how many axes that has."""
    found = {}
    for component in order:
        if component.operands:
            known = {local: axes[operand] for local, operand in component.operands.items()}
            found[component] = piece = _Piece(component.statements(known))
            axes[component] = max(known.values()) if piece.is_pointwise else piece.axes
    return found


def _names(order: Sequence[Component], top: Component, output: str) -> dict[Component, str]:
    """A tensor for each component: its own name, or the one that its first reader gives it."""
    wanted: dict[Component, str] = {}
    for component in order:
        for local, operand in component.operands.items():
            wanted.setdefault(operand, HIDDEN if operand.operands else local)
    wanted[top] = output
    own = {c: c.name for c in order if c.name is not None}
    twice = next((name for name, times in Counter(own.values()).items() if times > 1), None)
    if twice is not None:
        raise InputError(f"two components are called {twice}", hint="give each a name of its own")
    others = {c: wanted[c] for c in order if c not in own}
    times = Counter([*others.values(), *own.values(), HIDDEN, HIDDEN])
    names: dict[Component, str] = {}
    for component in order:
        if component in own:
            names[component] = own[component]
        else:
            base = others[component]
            alone = times[base] == 1
            names[component] = base if alone else fresh_name(base, {*names.values(), *times})
    return names


class _Writer:
    """The equations so far, and the letters at which each component stands."""

    def __init__(self, names: Mapping[Component, str], axes: Mapping[Component, int]) -> None:
        self.names = names
        self.axes = axes
        self.letters: dict[Component, tuple[str, ...]] = {}
        self.groups: list[IndexGroup] = []
        self.definitions: list[Definition] = []
        self.equations: list[Equation] = []

    def statements(self) -> list[Statement]:
        """The program."""
        declared = [IndexDeclaration(tuple(self.groups))] if self.groups else []
        return [*dict.fromkeys(self.definitions), *declared, *self.equations]

    def add(self, component: Component, piece: _Piece) -> None:
        """Write the equations of a component behind those of its operands."""
        tensors = self._tensors(component, piece)
        operands = {self.names[c]: c for c in component.operands.values()}
        letters = self._letters(piece.equations, component.operands)
        renaming = Renaming(tensors, letters)
        written = [renaming.equation(equation) for equation in piece.equations]
        if piece.is_pointwise:
            written = self._at_entries(written, operands)
        self._note(component, written, operands)
        self._declare(piece.statements, letters)
        self.definitions += [s for s in piece.statements if isinstance(s, Definition)]
        self.equations += written

    def _tensors(self, component: Component, piece: _Piece) -> dict[str, str]:
        """Program-wide names: the operands', the component's, fresh ones for what is between."""
        new = {local: self.names[operand] for local, operand in component.operands.items()}
        new[piece.output] = self.names[component]
        taken = {*self.names.values(), *(e.target.name for e in self.equations)}
        for name in dict.fromkeys(equation.target.name for equation in piece.equations):
            if name not in new:
                new[name] = fresh_name(name, taken)
                taken.add(new[name])
        return new

    def _letters(
        self, equations: Sequence[Equation], operands: Mapping[str, Component]
    ) -> dict[str, str]:
        """New letters: those of the operands where they are read, else unused ones."""
        new: dict[str, str] = {}
        for access in (a for e in equations for a in accesses(e) if a.name in operands):
            given = self.letters.get(operands[access.name], ())
            for old, letter in zip(access.subscripts, given, strict=False):
                if isinstance(old, Index) and letter not in new.values():
                    new.setdefault(unprimed(old.name), letter)
        for letter in (i for equation in equations for i in letters_of(equation)):
            if letter not in new:
                taken = {*self._used(), *new.values()}
                new[letter] = fresh_letter(letter, taken, (), _ALPHABET)
        return new

    def _used(self) -> set[str]:
        tensors = set(self.names.values())
        return tensors.union(*self.letters.values(), *(map(letters_of, self.equations)))

    def _at_entries(
        self, equations: Sequence[Equation], operands: Mapping[str, Component]
    ) -> list[Equation]:
        """Equations without subscripts, at those of the operands: entry by entry."""
        ranks = {name: self.axes[operand] for name, operand in operands.items()}
        rank = max(ranks.values())
        if not set(ranks.values()) <= {0, rank}:
            axes = ", ".join(f"{name} has {count}" for name, count in ranks.items())
            raise ShapeError(
                f"{to_text(equations[-1])} applies to entries, but of axes {axes}",
                hint="write the subscripts, as in y[b,j] = a[b,j] + b[j]",
            )
        widest = next(c for name, c in operands.items() if ranks[name] == rank)
        letters = self.letters.get(widest) or tuple(
            islice((i for i in _ALPHABET if i not in self.names.values()), rank)
        )
        whole = Access(self.names[widest], tuple(map(Index, letters)))
        written, _ = at_subscripts(
            equations, (), whole, [name for name, count in ranks.items() if count]
        )
        return written

    def _note(
        self, component: Component, written: Sequence[Equation], operands: Mapping[str, Component]
    ) -> None:
        """Remember the letters at which the component and its operands stand."""
        known = {**operands, self.names[component]: component}
        for access in (a for e in written for a in accesses(e) if a.name in known):
            plain = [s.name for s in access.subscripts if isinstance(s, Index)]
            if len(plain) == len(access.subscripts):
                self.letters.setdefault(known[access.name], tuple(plain))

    def _declare(self, statements: Sequence[Statement], letters: Mapping[str, str]) -> None:
        """The sizes that a layer fixes, under types of its own; a letter is declared once."""
        taken = {group.type for group in self.groups}
        declared = {index for group in self.groups for index in group.indices}
        groups = list(declared_groups(statements))
        types = {group.type: fresh_name(group.type, taken) for group in groups}
        renaming = Renaming({}, {}, types)
        for group in groups:
            indices = tuple(letters.get(i, i) for i in group.indices)
            size = group.size and renaming.size(group.size)
            new = tuple(i for i in indices if i not in declared)
            if new:
                self.groups.append(IndexGroup(new, types[group.type], size))
