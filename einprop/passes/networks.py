"""A product of many operands as a network: which letters a part of it leaves, what a tree over it costs.

Parts are sets of operands, kept as integers with a bit for each operand. What a part is worth does not
depend on the order in which it is contracted: two parts with equal keys have one value, whichever
products they belong to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import opt_einsum

from einprop.analysis.indices import unprimed
from einprop.notation.tree import Access
from einprop.passes.builder import letters

__all__ = ["Key", "Network", "Tree", "intervals", "members", "parts"]

Tree = Mapping[int, int]
"""By part one of the two parts that it is contracted from; the other one is the rest."""

Key = tuple[tuple[tuple[str, tuple[int, ...]], ...], tuple[int, ...]]
"""Operands with numbers for letters, and the numbers of the letters that are left."""

_Signature = tuple[str, list[tuple[bool, list[tuple[str, int]]]]]

Splits = Iterable[tuple[int, Iterable[int]]]
"""Parts, each after its own parts, and the halves that it may be contracted from."""


def members(part: int) -> Iterator[int]:
    """The numbers of a part's operands."""
    while part:
        low = part & -part
        yield low.bit_length() - 1
        part ^= low


def parts(count: int) -> Splits:
    """Every part of so many operands, every way to halve it."""
    for part in range(3, 1 << count):
        rest = part & (part - 1)
        if rest:
            yield part, _halves(part, rest)


def _halves(part: int, rest: int) -> Iterator[int]:
    """The halves of a part that have its first operand."""
    half = rest
    while half:
        half = (half - 1) & rest
        yield part ^ rest | half


def intervals(order: Sequence[int]) -> Splits:
    """The parts that lie side by side in an order of the operands, halved in between."""
    before = [0]
    for operand in order:
        before.append(before[-1] | 1 << operand)
    for length in range(2, len(order) + 1):
        for start in range(len(order) - length + 1):
            stop = start + length
            cuts = range(start + 1, stop)
            yield before[stop] ^ before[start], [before[cut] ^ before[start] for cut in cuts]


@dataclass(frozen=True)
class Network:
    """A product, summed over all letters that are not kept.

    Attributes:
        operands: Tensors at distinct letters.
        kept: The letters of the result, in its order.
        sizes: By letter without primes.
        active: The part of the operands that a derivative is taken by: a product of two parts is
            computed once, and once more for each active half when the derivative goes through it.
    """

    operands: tuple[Access, ...]
    kept: tuple[str, ...]
    sizes: Mapping[str, int]
    active: int = 0

    @property
    def whole(self) -> int:
        """The part that has every operand."""
        return (1 << len(self.operands)) - 1

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The letters, each the bit of its place here in sets of letters."""
        return tuple(dict.fromkeys(i for a in self.operands for i in letters(a)))

    @cached_property
    def _bits(self) -> dict[str, int]:
        return {letter: 1 << n for n, letter in enumerate(self.names)}

    @cached_property
    def _own(self) -> list[int]:
        return [sum(self._bits[i] for i in letters(a)) for a in self.operands]

    @cached_property
    def _kept(self) -> int:
        return sum(self._bits[i] for i in self.kept)

    @cached_property
    def _holders(self) -> list[int]:
        """By letter, the operands that have it."""
        found = [0] * len(self.names)
        for operand, own in enumerate(self._own):
            for letter in members(own):
                found[letter] |= 1 << operand
        return found

    @cached_property
    def _left(self) -> dict[int, int]:
        return {}

    @cached_property
    def _cells(self) -> dict[int, int]:
        return {}

    @cached_property
    def _keys(self) -> dict[int, tuple[Key, tuple[str, ...]]]:
        return {}

    def left(self, part: int, among: int | None = None) -> int:
        """The set of letters of a part that the rest or the result still needs.

        Args:
            part: The operands.
            among: A set of letters that has them all; by default all of the operands' letters.
        """
        found = self._left.get(part)
        if found is None:
            if among is None:
                among = 0
                for operand in members(part):
                    among |= self._own[operand]
            found = among & self._kept
            for letter in members(among & ~self._kept):
                if self._holders[letter] & ~part:
                    found |= 1 << letter
            self._left[part] = found
        return found

    def letters_left(self, part: int) -> tuple[str, ...]:
        """The same letters: those of the result first, in its order, then those in between."""
        left = self.left(part)
        held = [i for i in self.kept if self._bits[i] & left]
        return (*held, *(i for i in self.names if self._bits[i] & left & ~self._kept))

    def cells(self, letters: int) -> int:
        """How many cells a set of letters spans."""
        found = self._cells.get(letters)
        if found is None:
            spans = [self.sizes[unprimed(self.names[n])] for n in members(letters)]
            found = self._cells[letters] = math.prod(spans)
        return found

    def work(self, first: int, second: int) -> int:
        """Multiply-adds of contracting two parts, and of taking its derivatives."""
        times = 1 + bool(first & self.active) + bool(second & self.active)
        return times * self.cells_of(first, second)

    def cells_of(self, first: int, second: int) -> int:
        """Multiply-adds of contracting two parts."""
        ours, theirs = self.left(first), self.left(second)
        common = self.cells(ours & theirs)
        return self.cells(ours) * self.cells(theirs) // common if common else 0

    def key(self, part: int) -> Key:
        """What all parts have in common that have the value of this one."""
        return self._known_key(part)[0]

    def key_letters(self, part: int) -> tuple[str, ...]:
        """The letters that a part leaves, in the order in which its key numbers them."""
        return self._known_key(part)[1]

    def _known_key(self, part: int) -> tuple[Key, tuple[str, ...]]:
        found = self._keys.get(part)
        if found is None:
            found = self._keys[part] = self._found_key(part)
        return found

    def _found_key(self, part: int) -> tuple[Key, tuple[str, ...]]:
        chosen = sorted((self.operands[n] for n in members(part)), key=lambda a: a.name)
        if len({a.name for a in chosen}) < len(chosen):
            chosen.sort(key=self._signature(part, chosen))
        numbers: dict[str, int] = {}
        form = []
        for access in chosen:
            own = [numbers.setdefault(i, len(numbers)) for i in letters(access)]
            form.append((access.name, tuple(own)))
        left = self.left(part)
        held = [i for i in numbers if self._bits[i] & left]
        return (tuple(form), tuple([numbers[i] for i in held])), tuple(held)

    def _signature(self, part: int, chosen: Sequence[Access]) -> Callable[[Access], _Signature]:
        """Where each letter of an operand occurs: it tells most operands of one name apart."""
        left = self.left(part)
        places: dict[str, list[tuple[str, int]]] = {}
        for access in chosen:
            for axis, letter in enumerate(letters(access)):
                places.setdefault(letter, []).append((access.name, axis))
        known = {i: (bool(self._bits[i] & left), sorted(found)) for i, found in places.items()}
        return lambda access: (access.name, [known[i] for i in letters(access)])

    def search(
        self,
        splits: Splits,
        free: Collection[Key] = (),
        readers: Mapping[Key, int] | None = None,
    ) -> dict[int, int]:
        """The cheapest tree among those that the splits offer; the smaller intermediates at equal cost.

        Args:
            splits: See `parts` and `intervals`.
            free: What exists already, and costs nothing more.
            readers: How many products share the cost of each value.
        """
        scale = 1 + sum(self.cells(own) for own in self._own) << 40
        cost = {1 << n: 0 for n in self._numbers}
        left = {part: self.left(part) for part in cost}
        for letters_left in left.values():
            self.cells(letters_left)
        cells, active = self._cells, self.active
        tree: dict[int, int] = {}
        for part, halves in splits:
            least, cheapest = -1, -1
            for half in halves:
                other = part ^ half
                ours, theirs = left[half], left[other]
                common = cells[shared] if (shared := ours & theirs) in cells else self.cells(shared)
                work = cells[ours] * cells[theirs] // common if common else 0
                if active:
                    work *= 1 + bool(half & active) + bool(other & active)
                found = cost[half] + cost[other] + work * scale
                if found < least or least < 0:
                    least, cheapest = found, half
            tree[part] = cheapest
            left[part] = self.left(part, left[cheapest] | left[part ^ cheapest])
            cost[part] = least + self.cells(left[part])
            if readers is not None:
                own = self.work(cheapest, part ^ cheapest) * scale
                cost[part] -= own - own // readers.get(self.key(part), 1)
            if free and self.key(part) in free:
                cost[part] = 0
        return self.reached(tree)

    def reached(self, tree: Tree, start: int | None = None) -> dict[int, int]:
        """The splits of a tree that lead to a part, by default to the whole."""
        found: dict[int, int] = {}
        pending = [self.whole if start is None else start]
        while pending:
            part = pending.pop()
            if part & (part - 1):
                found[part] = half = tree[part]
                pending += [half, part ^ half]
        return found

    def greedy(self) -> dict[int, int]:
        """The tree that opt_einsum finds."""
        symbols = [opt_einsum.get_symbol(n) for n in range(len(self.names))]
        terms = ["".join(symbols[n] for n in members(self.left(1 << k))) for k in self._numbers]
        output = "".join(symbols[n] for n in members(self._kept))
        spans = [self.sizes[unprimed(name)] for name in self.names]
        shapes = [tuple([spans[n] for n in members(self.left(1 << k))]) for k in self._numbers]
        path, _ = opt_einsum.contract_path(f"{','.join(terms)}->{output}", *shapes, shapes=True)
        stack, tree = [1 << k for k in self._numbers], {}
        for step in path:
            chosen = [stack[k] for k in step]
            stack = [part for k, part in enumerate(stack) if k not in step]
            part = chosen[0]
            for other in chosen[1:]:
                tree[part | other] = part
                part |= other
            stack.append(part)
        return tree

    @property
    def _numbers(self) -> range:
        return range(len(self.operands))

    def order(self, tree: Tree) -> list[int]:
        """The operands so that the parts of a tree lie side by side."""
        found, pending = [], [self.whole]
        while pending:
            part = pending.pop()
            if part & (part - 1):
                pending += [part ^ tree[part], tree[part]]
            else:
                found.append(part.bit_length() - 1)
        return found
