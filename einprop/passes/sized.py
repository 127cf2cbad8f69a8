"""A program whose sizes are known: what the passes read and write.

Every letter has one type in the whole program, and so one size; a primed letter has that of its
unprimed one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from einprop.analysis.core import map_accesses
from einprop.analysis.indices import TypedLetters, equation_indices, fresh_index, unprimed
from einprop.analysis.ranges import Span
from einprop.analysis.recurrence import Loop, loops
from einprop.analysis.sizes import Sizes
from einprop.notation.functions import SINGLE_INDEX
from einprop.notation.tree import (
    Access,
    Add,
    Affine,
    Boundary,
    Call,
    Equation,
    Expression,
    Group,
    Index,
    IndexValue,
    Number,
    Subscript,
    accesses,
    transform,
)
from einprop.passes.decisions import ContractionPath, Decision

__all__ = ["SizedProgram", "attach_sizes", "distinct"]


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
        weights: Sizes by which forms are chosen where they are not those that letters have, so that
            code for all sizes is one.
        temporaries: The names that passes made up.
        decisions: What passes decided on the way.
        paths: The orders of products of many operands.
    """

    equations: tuple[Equation, ...]
    sizes: Mapping[str, int]
    outputs: tuple[str, ...]
    axes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    generic: bool = False
    weights: Mapping[str, int] = field(default_factory=dict)
    temporaries: frozenset[str] = frozenset()
    decisions: tuple[Decision, ...] = ()
    paths: tuple[ContractionPath, ...] = ()

    def size(self, indices: Iterable[str]) -> int:
        """The number of cells that the indices span together."""
        return math.prod(self.sizes[unprimed(index)] for index in indices)

    def size_of(self, index: str) -> int | None:
        """The size of a letter, where there is one."""
        return self.sizes.get(unprimed(index))

    @property
    def weighed(self) -> Mapping[str, int]:
        """By letter, the sizes by which forms are chosen."""
        return {**self.sizes, **self.weights}

    def loops(self) -> tuple[Loop, ...]:
        """The loops that cycles of equations become; sizes may decide about their order."""
        return loops(self.equations, self.size_of)

    def is_temporary(self, name: str) -> bool:
        """Whether a tensor, or the one that it is a derivative of, has a made-up name."""
        return name.partition(".")[0] in self.temporaries

    @property
    def names(self) -> set[str]:
        """Every tensor that the equations mention."""
        return {access.name for equation in self.equations for access in accesses(equation)}


class _Attached:
    """The letters that the program's indices get, with their sizes."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        self.resolved = sizes.resolved
        self.typed = TypedLetters()
        self.known: dict[str, int] = {}

    def letters(self, number: int) -> dict[str, str]:
        """The new name of each index of an equation."""
        names: dict[str, str] = {}
        written = equation_indices(self.resolved.equations[number])
        bases = dict.fromkeys(unprimed(index) for index in written)
        for index in (*bases, *written):
            if index in names:
                continue
            base, span = unprimed(index), self.sizes.span(number, index)
            if base in names and span == self.sizes.span(number, base):
                names[index] = names[base] + index[len(base) :]
                continue
            key = self.resolved.types.letter(number, index)
            # Two letters of one equation stay two, also where they have one type.
            taken = {*bases, *names.values()} - {base}
            names[index] = letter = self.typed.take(base, (key, span), taken)
            self.known[letter] = span.size
        return {index: names[index] for index in written}

    def equation(self, number: int) -> Equation:
        """An equation with its letters, every index running from 0."""
        names = self.letters(number)
        starts = {i: self.sizes.span(number, i).start for i in names}
        spelling = _Spelling(names, starts, self.known)

        def place(access: Access) -> Access:
            sizes = [self.sizes.axis(access.name, n) for n in range(len(access.subscripts))]
            pairs = zip(access.subscripts, sizes, strict=True)
            return replace(access, subscripts=tuple([spelling.position(*pair) for pair in pairs]))

        bare = replace(self.resolved.equations[number], ranges=(), inside=())
        placed = map_accesses(bare, place)
        return replace(placed, expression=transform(placed.expression, spelling.value))

    def axes(self, name: str) -> tuple[str, ...]:
        """Letters for the axes of a tensor, each with the axis's size."""
        found: list[str] = []
        for position in range(self.resolved.types.rank(name)):
            key = self.resolved.types.axis(name, position)
            span = Span(0, self.sizes.axis(name, position))
            letter = self.typed.first.get((key, span)) or self.typed.take("a", (key, span))
            self.known[letter] = span.size
            found.append(letter)
        return distinct(found)


@dataclass(frozen=True)
class _Spelling:
    """How an equation's indices are written once sizes are known.

    Attributes:
        names: The new name of each index.
        starts: Where each index starts.
        sizes: By letter.
    """

    names: Mapping[str, str]
    starts: Mapping[str, int]
    sizes: Mapping[str, int]

    def position(self, subscript: Subscript, size: int) -> Subscript:
        """A subscript of an axis of that size, its indices running from 0."""
        match subscript:
            case Affine(terms, constant, end):
                return self.affine(terms, constant + end * (size - 1), size)
            case Group(indices):
                spans = [self.sizes[unprimed(self.names[i])] for i in indices]
                strides = [math.prod(spans[n + 1 :]) for n in range(len(spans))]
                return self.affine(tuple(zip(strides, indices, strict=True)), 0, size)
            case Boundary(mode, inner):
                inside = self.position(inner, size)
                assert isinstance(inside, Index | Affine)
                return Boundary(mode, inside)
            case Index(name):
                # A range that is shorter than the axis leaves the cells behind it at zero.
                return self.affine(((1, name),), 0, size)
            case _:
                return subscript

    def affine(self, terms: tuple[tuple[int, str], ...], constant: int, size: int) -> Subscript:
        """An integer combination of indices."""
        constant += sum(factor * self.starts[index] for factor, index in terms)
        renamed = tuple((factor, self.names[index]) for factor, index in terms)
        return plain_position(Affine(renamed, constant), size, self.sizes)

    def value(self, node: Expression) -> Expression:
        """A node with the positions and the bound indices that it names."""
        match node:
            case IndexValue(name):
                shifted, start = IndexValue(self.names[name]), self.starts[name]
                return Add((shifted, Number(start))) if start else shifted
            case Call(function, _, indices) if indices:
                renamed = replace(node, indices=tuple(self.names[i] for i in indices))
                start = self.starts[indices[0]] if function in SINGLE_INDEX else 0
                return Add((renamed, Number(start))) if start else renamed
            case _:
                return node


def plain_position(subscript: Affine, size: int, sizes: Mapping[str, int]) -> Index | Affine:
    """The subscript as a plain index where it is one that runs over a whole axis."""
    match subscript:
        case Affine(((1, index),), 0) if sizes[unprimed(index)] == size:
            return Index(index)
        case _:
            return subscript


def attach_sizes(
    sizes: Sizes, *, generic: bool = False, weights: Mapping[str, int] | None = None
) -> SizedProgram:
    """The core equations with letters renamed so that one letter has one type everywhere.

    Every index runs from 0 then, ``end`` and grouped axes are numbers; what is read or written
    outside of an axis is left to `passes.boundaries`.

    Args:
        sizes: The sizes of a resolved program.
        generic: See `SizedProgram`.
        weights: See `SizedProgram`.

    >>> from einprop.analysis.resolve import resolve
    >>> from einprop.analysis.sizes import bind_sizes
    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> resolved = resolve(parse("h[i] = W[i,j] x[j]; y[j] = U[j,i] h[end-i]"))
    >>> program = attach_sizes(bind_sizes(resolved, {"W": (3, 4), "x": (4,), "U": (5, 3)}))
    >>> for equation in program.equations:
    ...     print(to_text(equation))
    h[i] = sum[j](W[i,j] x[j])
    y[j2] = sum[i2](U[j2,i2] h[-i2+2])
    """
    attached = _Attached(sizes)
    equations = tuple(attached.equation(n) for n in range(len(sizes.resolved.equations)))
    names = dict.fromkeys(a.name for e in equations for a in accesses(e))
    axes = {name: attached.axes(name) for name in names}
    outputs = sizes.resolved.names.outputs
    return SizedProgram(equations, attached.known, outputs, axes, generic, weights or {})


def distinct(indices: Iterable[str]) -> tuple[str, ...]:
    """The indices, a repeated one with a prime.

    >>> distinct("iji")
    ('i', 'j', "i'")
    """
    found: list[str] = []
    for index in indices:
        found.append(fresh_index(index, found) if index in found else index)
    return tuple(found)
