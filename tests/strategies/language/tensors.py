"""Tensors of known shape, letters of known range, and subscripts that stay inside of an axis."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from einprop.notation.tree import Access, Affine, Boundary, Group, Index, Subscript

BOUNDARIES = ("pad", "wrap", "clamp")


class Draw:
    """Choices, all of them made by one source of randomness."""

    def __init__(self, source: random.Random) -> None:
        self.source = source

    def choose(self, options: Iterable[Any]) -> Any:
        options = tuple(options)
        return options[self.source.randrange(len(options))]

    def chance(self, percent: int) -> bool:
        return self.source.randrange(100) < percent

    def number(self, low: int, high: int) -> int:
        return self.source.randrange(low, high + 1)

    def permuted(self, items: Iterable[Any]) -> tuple[Any, ...]:
        items = list(items)
        return tuple(self.source.sample(items, len(items)))


@dataclass(frozen=True)
class Letter:
    """An index with its positions; the type is there if it is declared."""

    name: str
    start: int
    stop: int
    type: str | None = None
    known: bool = False

    @property
    def last(self) -> int:
        return self.stop - 1

    @property
    def size(self) -> int:
        return self.stop - self.start

    @property
    def whole(self) -> bool:
        """Whether the index starts at the first position."""
        return self.start == 0


@dataclass
class Tensor:
    """A tensor of the program.

    Attributes:
        name: What it is called.
        shape: The sizes of its axes.
        types: The declared types of its axes.
        late: The axes whose size follows only from what is written to them.
        bound: If it holds positions, the size of the axes that they are for.
        defined: Whether an equation defines it.
    """

    name: str
    shape: tuple[int, ...]
    types: tuple[str | None, ...]
    late: frozenset[int] = frozenset()
    bound: int | None = None
    defined: bool = False


@dataclass
class Store:
    """The tensors that there are so far.

    Attributes:
        draw: Makes the choices.
        tensors: By name.
        hidden: Those that may not be read.
        nested: How many tensors of positions the subscript that is drawn stands in.
    """

    draw: Draw
    tensors: dict[str, Tensor] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    nested: int = 0

    def add(self, tensor: Tensor) -> Tensor:
        self.tensors[tensor.name] = tensor
        return tensor

    def inputs(self) -> list[Tensor]:
        return [t for t in self.tensors.values() if not t.defined]

    def readable(self) -> list[Tensor]:
        """The tensors of real numbers, those that hold infinities or are being defined left out."""
        return [t for t in self.tensors.values() if t.bound is None and t.name not in self.hidden]

    # Subscripts

    def subscript(self, letters: Sequence[Letter], size: int, type_: str | None) -> Subscript:
        """A subscript made of all of the letters for an axis of a size."""
        draw = self.draw
        if letters and self.nested < 2 and draw.chance(20 if self.nested else 7):
            return self.gather(letters, size)
        if draw.chance(12):
            return Boundary(draw.choose(BOUNDARIES), self.anywhere(letters))
        if len(letters) == 1 and is_plain(letters[0], size, type_) and draw.chance(70):
            return Index(letters[0].name)
        if len(letters) > 1 and joins(letters, size) and draw.chance(70):
            return Group(tuple(letter.name for letter in letters))
        return self.inside(letters, size) or self.outside(letters, size, type_)

    def outside(self, letters: Sequence[Letter], size: int, type_: str | None) -> Subscript:
        """A subscript where no affine one stays inside."""
        if len(letters) == 1 and is_plain(letters[0], size, type_):
            return Index(letters[0].name)
        return Boundary(self.draw.choose(BOUNDARIES), self.anywhere(letters))

    def factors(self, letters: Sequence[Letter]) -> tuple[int, ...]:
        weights = (1, 1, 1, 2, -1, -2) if len(letters) == 1 else (1, 1, 1, 2, -1)
        return tuple(self.draw.choose(weights) for _ in letters)

    def inside(self, letters: Sequence[Letter], size: int) -> Affine | None:
        """An integer combination whose positions are all inside, if the one that is tried fits."""
        draw = self.draw
        for factors in (self.factors(letters), self.factors(letters), (1,) * len(letters)):
            low = sum(min(f * x.start, f * x.last) for f, x in zip(factors, letters, strict=True))
            high = sum(max(f * x.start, f * x.last) for f, x in zip(factors, letters, strict=True))
            if high - low < size:
                constant = draw.number(-low, size - 1 - high)
                terms = tuple((f, x.name) for f, x in zip(factors, letters, strict=True))
                if draw.chance(20):
                    return Affine(terms, constant - size + 1, 1)
                return Affine(terms, constant)
        return None

    def anywhere(self, letters: Sequence[Letter]) -> Index | Affine:
        """A position that need not be on the axis."""
        terms = tuple((f, x.name) for f, x in zip(self.factors(letters), letters, strict=True))
        constant, end = self.draw.number(-2, 2), int(self.draw.chance(8))
        plain = not constant and not end and len(terms) == 1 and terms[0][0] == 1
        return Index(terms[0][1]) if plain else Affine(terms, constant, end)

    def gather(self, letters: Sequence[Letter], size: int) -> Access:
        """A tensor of positions of an axis, read at the letters."""
        held = [t for t in self.tensors.values() if t.bound is not None and t.bound <= size]
        fitting = [t for t in held if len(t.shape) == len(letters)]
        if fitting and self.draw.chance(70):
            return self.read(self.draw.choose(fitting), letters)
        name = f"k{len(self.tensors)}"
        shape = tuple(letter.stop for letter in letters)
        types = tuple(letter.type if letter.whole else None for letter in letters)
        return self.read(self.add(Tensor(name, shape, types, bound=size)), letters)

    def read(self, tensor: Tensor, letters: Sequence[Letter]) -> Access:
        """A tensor with one letter at each axis."""
        self.nested += 1
        places = zip(letters, tensor.shape, tensor.types, strict=True)
        found = [self.subscript([letter], size, type_) for letter, size, type_ in places]
        self.nested -= 1
        return Access(tensor.name, tuple(found))

    def size_for(self, letters: Sequence[Letter]) -> int:
        """The size of a new axis that these letters are for, often just large enough."""
        draw = self.draw
        if not letters:
            return draw.number(1, 3)
        if len(letters) == 1:
            (letter,) = letters
            sizes = (*[letter.stop] * 6, letter.stop + 1, letter.stop + 2, 2 * letter.last + 1)
            return max(draw.choose(sizes), 1)
        one, two = letters
        return draw.choose(
            (one.last + two.last + 1, one.size * two.size, 2 * one.last + two.last + 1, 3)
        )


def is_plain(letter: Letter, size: int, type_: str | None) -> bool:
    """Whether a letter may stand alone at an axis."""
    return letter.whole and letter.stop == size and letter.type == type_


def joins(letters: Sequence[Letter], size: int) -> bool:
    """Whether letters may stand as a group at an axis."""
    total = 1
    for letter in letters:
        total *= letter.stop
    names = {letter.name for letter in letters}
    return total == size and all(x.whole for x in letters) and len(names) == len(letters)
