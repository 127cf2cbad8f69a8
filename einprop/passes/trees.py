"""Contraction trees chosen together: products that share operands share what they contract from them.

Alone, each product takes its cheapest tree. Together, a dearer tree may cost less, because what it
contracts exists already. The choice is what two starts and a descent find: trees for each alone, and
trees in which a value that several products could use costs each of them its share; then product
after product is given the cheapest tree beside the others'. The count of the union decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import combinations

from einprop.passes.networks import Key, Network, Splits, Tree, intervals, parts

__all__ = ["Choice", "choose_trees", "related", "work_of"]

EXACT = 8
"""So many operands have all their trees compared: 3,025 ways to halve a part."""

ORDERED = 64
"""Up to so many, all trees over two orders of the operands: 43,680 ways each."""

_PATIENCE = 40_000
"""About so many halves are looked at again and again; where there are more, each only once more."""

_ROUNDS = 4


@dataclass(frozen=True)
class Choice:
    """The trees of some products, by their numbers, and what they cost together.

    Attributes:
        trees: By product.
        work: Multiply-adds of all values that the trees need, each once.
    """

    trees: Mapping[int, Tree]
    work: int


def choose_trees(networks: Mapping[int, Network]) -> Choice:
    """A tree for each product: never dearer together than the best of each alone."""
    alone = {number: _Offers.of(network) for number, network in networks.items()}
    trees = {number: offers.cheapest for number, offers in alone.items()}
    choice = Choice(trees, work_of(networks, trees))
    if len(networks) == 1 and not any(_repeats(n) for n in networks.values()):
        return choice
    size = sum(offers.size for offers in alone.values())
    if size > _PATIENCE:
        return min(choice, _in_turn(alone), key=lambda c: c.work)
    readers = _readers(alone)
    shared = {number: offers.best(readers=readers) for number, offers in alone.items()}
    starts = sorted((choice, Choice(shared, work_of(networks, shared))), key=lambda c: c.work)
    rounds = min(1 + _PATIENCE // (1 + size), _ROUNDS)
    found = [_descended(alone, start, rounds) for start in starts]
    return min(found, key=lambda choice: choice.work)


def related(networks: Mapping[int, Network]) -> list[dict[int, Network]]:
    """The products in groups, those together that have a pair of operands in common."""
    groups = {number: [number] for number in networks}
    seen: dict[tuple[str, str], int] = {}
    for number, network in networks.items():
        names = sorted(a.name for a in network.operands)
        for pair in set(combinations(names, 2)) if len(names) <= ORDERED else ():
            other = groups[seen.setdefault(pair, number)]
            if other is not groups[number]:
                for member in groups[number]:
                    other.append(member)
                    groups[member] = other
    return [
        {number: networks[number] for number in sorted(group)}
        for first, group in groups.items()
        if first == min(group)
    ]


def _repeats(network: Network) -> bool:
    return len({a.name for a in network.operands}) < len(network.operands)


@dataclass(frozen=True)
class _Offers:
    """The trees of a product that there is time to look at.

    Attributes:
        network: The product.
        cheapest: The cheapest of them if nothing is shared.
        orders: The orders of the operands whose intervals are looked at; none means all parts.
    """

    network: Network
    cheapest: Tree
    orders: tuple[tuple[int, ...], ...] = ()

    @staticmethod
    def of(network: Network) -> _Offers:
        """What is offered, and the cheapest of it."""
        count = len(network.operands)
        if count <= EXACT:
            return _Offers(network, network.search(parts(count)))
        greedy = network.greedy()
        if count > ORDERED:
            return _Offers(network, greedy)
        written = tuple(range(count))
        tree = network.search(intervals(written))
        if work_of({0: network}, {0: tree}) <= work_of({0: network}, {0: greedy}):
            return _Offers(network, tree, (written,))
        found = tuple(network.order(greedy))
        return _Offers(network, network.search(intervals(found)), (found,))

    @property
    def splits(self) -> list[Splits]:
        """What to search; nothing where there is no time for it."""
        count = len(self.network.operands)
        if count <= EXACT:
            return [parts(count)]
        return [intervals(order) for order in self.orders]

    @property
    def size(self) -> int:
        """How many halves a search looks at, roughly."""
        count = len(self.network.operands)
        return 3**count // 2 if count <= EXACT else count**3 // 6 * len(self.orders)

    def best(self, free: Collection[Key] = (), readers: Mapping[Key, int] | None = None) -> Tree:
        """The cheapest tree beside what exists already, or what others pay a share of."""
        if not self.splits or len(self.network.operands) < 3:
            return self.cheapest
        found = [self.network.search(splits, free, readers) for splits in self.splits]
        return min(found, key=lambda tree: _discounted(self.network, tree, free, readers))


def _discounted(
    network: Network,
    tree: Tree,
    free: Collection[Key],
    readers: Mapping[Key, int] | None,
) -> float:
    """What a tree costs where some values are there already, and others are shared."""
    total, pending = 0.0, [network.whole]
    while pending:
        part = pending.pop()
        if not part & (part - 1):
            continue
        key = network.key(part) if free or readers else None
        if key is None or key not in free:
            half = tree[part]
            share = readers.get(key, 1) if readers and key else 1
            total += network.work(half, part ^ half) / share
            pending += [half, part ^ half]
    return total


def _readers(alone: Mapping[int, _Offers]) -> Mapping[Key, int]:
    """How often each value occurs as a part that a tree may have, in parts that do not overlap."""
    found: Counter[Key] = Counter()
    for offers in alone.values():
        taken: dict[Key, int] = {}
        for part in dict.fromkeys(part for splits in offers.splits for part, _ in splits):
            key = offers.network.key(part)
            if not taken.get(key, 0) & part:
                taken[key] = taken.get(key, 0) | part
                found[key] += 1
    return found


def work_of(
    networks: Mapping[int, Network], trees: Mapping[int, Tree], seen: set[Key] | None = None
) -> int:
    """Multiply-adds of all values that some trees need, each once.

    Args:
        networks: The products in the order in which they run.
        trees: A tree for each of them.
        seen: What exists already; what the trees need is added to it.
    """
    seen = set() if seen is None else seen
    total = 0
    for number, network in networks.items():
        tree, pending = trees[number], [network.whole]
        while pending:
            part = pending.pop()
            if not part & (part - 1) or (key := network.key(part)) in seen:
                continue
            seen.add(key)
            half = tree[part]
            total += network.work(half, part ^ half)
            pending += [half, part ^ half]
    return total


def _in_turn(alone: Mapping[int, _Offers]) -> Choice:
    """The cheapest tree for each product beside those of the products before it."""
    seen: set[Key] = set()
    trees, total = {}, 0
    for number, offers in alone.items():
        candidates = [offers.cheapest, offers.best(seen)]
        works = [work_of({0: offers.network}, {0: tree}, set(seen)) for tree in candidates]
        trees[number] = candidates[works.index(min(works))]
        total += work_of({0: offers.network}, {0: trees[number]}, seen)
    return Choice(trees, total)


def _descended(alone: Mapping[int, _Offers], start: Choice, rounds: int) -> Choice:
    """The trees after each product, in turn, took the cheapest one beside those of the others."""
    networks = {number: offers.network for number, offers in alone.items()}
    trees, best = dict(start.trees), start.work
    for _ in range(rounds):
        before = best
        for number in [n for n, offers in alone.items() if offers.splits]:
            if len(networks[number].operands) < 3:
                continue
            others: set[Key] = set()
            work_of({n: network for n, network in networks.items() if n != number}, trees, others)
            tree = alone[number].best(others)
            total = work_of(networks, {**trees, number: tree})
            if total < best:
                trees[number], best = tree, total
        if best == before:
            break
    return Choice(trees, best)
