"""The declared index types of a chain of layers: each layer brings its own, and joining unites some."""

from __future__ import annotations

from collections import Counter

from einprop.errors import ShapeError
from einprop.layers.rename import Renaming
from einprop.notation.tree import IndexDeclaration, IndexGroup, Size

__all__ = ["ChainTypes"]


class ChainTypes:
    """Types by letter. A type is known by a key until all are there and its name can be chosen.

    >>> types = ChainTypes()
    >>> types.assign("i", types.new("feature", (3,)))
    >>> types.assign("j", types.new("feature", (5,)))
    >>> types.assign("k", types.new("row", None))
    >>> from einprop.notation.printer import to_text
    >>> to_text(types.declaration())
    'index i: feature1 < 3, j: feature2 < 5, k: row'
    """

    def __init__(self) -> None:
        self.letters: dict[str, str] = {}
        self._bases: dict[str, str] = {}
        self._sizes: dict[str, Size | None] = {}
        self._united: dict[str, str] = {}

    def new(self, name: str, size: Size | None) -> str:
        """A type of a layer; the key under which it is known here."""
        # No name in a program has a space, so that keys and names cannot meet.
        key = f"{name} {len(self._bases)}"
        self._bases[key] = name
        self._sizes[key] = size
        return key

    def find(self, key: str) -> str:
        """The key of the type that another one has become."""
        while key in self._united:
            key = self._united[key]
        return key

    def assign(self, letter: str, key: str) -> None:
        """Say that a letter ranges over a type; the one that it had before is the same.

        Raises:
            ShapeError: They have two sizes.
        """
        earlier = self.letters.setdefault(letter, key)
        self._unite(self.find(earlier), self.find(key), letter)

    def join(self, letter: str, other: str) -> None:
        """Say that two letters range over one type, where one is declared.

        Raises:
            ShapeError: They have two sizes.
        """
        for one, two in ((letter, other), (other, letter)):
            if two in self.letters:
                self.assign(one, self.letters[two])

    def _unite(self, earlier: str, later: str, letter: str) -> None:
        if earlier == later:
            return
        sizes = [size for key in (earlier, later) if (size := self._sizes[key]) is not None]
        if len(sizes) == 2 and sizes[0] != sizes[1]:
            one, two = ("+".join(map(str, size)) for size in sizes)
            raise ShapeError(
                f"index {letter} (type {self._bases[earlier]}) has size {one} in the layer that it "
                f"leaves but size {two} in the one that it enters",
                (),
                "give both layers one size",
            )
        self._sizes[earlier] = sizes[0] if sizes else None
        self._united[later] = earlier

    def names(self) -> dict[str, str]:
        """The printed name of every key: numbered where several types have one name."""
        used = dict.fromkeys(map(self.find, self.letters.values()))
        times = Counter(self._bases[key] for key in used)
        count: Counter[str] = Counter()
        chosen: dict[str, str] = {}
        for key in used:
            name = self._bases[key]
            count[name] += 1
            chosen[key] = f"{name}{count[name]}" if times[name] > 1 else name
        return {key: chosen.get(self.find(key), self._bases[key]) for key in self._bases}

    def declaration(self) -> IndexDeclaration | None:
        """``index j: feature1 < 200, k: feature2 < 10``; None if nothing is declared."""
        names = self.names()
        members: dict[str, list[str]] = {}
        for letter, key in self.letters.items():
            members.setdefault(self.find(key), []).append(letter)
        renaming = Renaming({}, {}, names)
        groups = tuple(
            IndexGroup(
                tuple(letters), names[key], (size := self._sizes[key]) and renaming.size(size)
            )
            for key, letters in members.items()
        )
        return IndexDeclaration(groups) if groups else None
