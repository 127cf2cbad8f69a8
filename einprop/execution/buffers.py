"""Who lies in which memory, and from when to when: aliases, lifetimes, work in place, reuse."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from einprop.execution.layout import Layout
from einprop.execution.steps import Buffer, Copy, Elementwise, Loop, Operand, Step

__all__ = ["Lifetime", "Memory", "assign", "in_place", "lifetimes"]


@dataclass(frozen=True, slots=True)
class Lifetime:
    """The step that writes a tensor first and the last one that reads or writes it."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Memory:
    """What `lifetimes`, `in_place` and `assign` need to know of the tensors."""

    layouts: Mapping[str, Layout]
    dtypes: Mapping[str, str]
    bytes: Mapping[str, int]
    """Of each root's memory."""
    fixed: frozenset[str]
    """Roots that no step may overwrite: inputs and constants."""
    outputs: frozenset[str]
    loops: Sequence[Loop] = ()
    enclosing: Sequence[tuple[int, ...]] = ()
    """The loops around each step."""
    transient: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """The loops along which a tensor's memory holds one position only."""

    def root(self, tensor: str) -> str:
        """The tensor whose memory this one is."""
        return self.layouts[tensor].root

    def lasts(self, root: str, number: int) -> list[Loop]:
        """The loops around a step in which what a root holds at one position is there at all."""
        brief = self.transient.get(root, frozenset())
        return [self.loops[n] for n in self.enclosing[number] if n not in brief]


def lifetimes(
    steps: Sequence[Step], memory: Memory, inputs: Iterable[str], outputs: Iterable[str]
) -> dict[str, Lifetime]:
    """When each root is alive: an output until after the last step, all that a loop reads to its end."""
    first: dict[str, int] = dict.fromkeys(inputs, -1)
    last: dict[str, int] = dict.fromkeys(inputs, -1)
    for number, step in enumerate(steps):
        for operand in (step.target, *step.tensors):
            root = memory.root(operand.tensor)
            start, end = number, number
            for loop in memory.lasts(root, number):
                start, end = min(start, loop.start), max(end, loop.stop - 1)
            first[root] = min(first.get(root, start), start)
            last[root] = max(last.get(root, end), end)
    for name in outputs:
        last[memory.root(name)] = len(steps)
    return {root: Lifetime(first[root], last[root]) for root in first}


def in_place(number: int, step: Step, memory: Memory, lives: Mapping[str, Lifetime]) -> str | None:
    """The root that the step may overwrite cell for cell: that of an operand that dies here."""
    target = step.target.tensor
    if not isinstance(step.operation, Elementwise | Copy) or memory.root(target) != target:
        return None
    cells, read = _cells(step.target, memory), step.tensors
    for operand in read:
        root = memory.root(operand.tensor)
        if (
            root not in memory.fixed
            and root not in memory.outputs
            and lives[root].last == number
            and not memory.lasts(root, number)
            and memory.dtypes[root] == memory.dtypes[target]
            and memory.bytes[root] == memory.bytes[target]
            and all(_cells(o, memory) == cells for o in read if memory.root(o.tensor) == root)
        ):
            return root
    return None


def _cells(operand: Operand, memory: Memory) -> tuple[int, list[tuple[str, int]]]:
    """Where in its memory an operand has the cell at each position of its letters."""
    layout = memory.layouts[operand.tensor]
    return layout.offset, list(layout.stored(operand.indices).items())


def _chains(
    steps: Sequence[Step], memory: Memory, lives: Mapping[str, Lifetime]
) -> list[list[str]]:
    """The roots in groups: each member is overwritten by the next."""
    groups: dict[str, list[str]] = {}
    for number, step in enumerate(steps):
        target = memory.root(step.target.tensor)
        # A window on an input has memory, but none to be found for it; a second write is no start.
        if target in groups or lives[target].first < 0:
            continue
        root = None if target in memory.fixed else in_place(number, step, memory, lives)
        groups[target] = groups[root] if root else []
        groups[target].append(target)
    return [group for name, group in groups.items() if group[0] == name]


@dataclass(slots=True)
class _Shared:
    """Memory that tensors take turns in, and from when to when each has it, in order of time."""

    bytes: int
    members: list[str] = field(default_factory=list)
    taken: list[tuple[int, int]] = field(default_factory=list)

    def is_free(self, start: int, end: int) -> bool:
        """Whether nothing lies there from one step to another."""
        place = bisect_left(self.taken, (start, -1))
        return (not place or self.taken[place - 1][1] < start) and (
            place == len(self.taken) or self.taken[place][0] > end
        )


def assign(
    steps: Sequence[Step], memory: Memory, lives: Mapping[str, Lifetime]
) -> tuple[list[Buffer], dict[str, int]]:
    """A buffer for each root; tensors take turns, the largest choose first.

    Returns:
        The buffers, and the number of the buffer of each root.
    """
    chains = sorted(_chains(steps, memory, lives), key=lambda chain: lives[chain[0]].first)
    buffers = [
        Buffer(kind, memory.bytes[chain[0]], tuple(chain))
        for chain in chains
        if (kind := _kind(chain, memory)) != "arena"
    ]
    by_size: dict[int, list[list[str]]] = {}
    for chain in chains:
        if _kind(chain, memory) == "arena":
            by_size.setdefault(memory.bytes[chain[0]], []).append(chain)
    larger: list[_Shared] = []
    for size in sorted(by_size, reverse=True):
        larger += _taking_turns(size, by_size[size], larger[-_ROOMS:], lives)
    buffers += [Buffer("arena", shared.bytes, tuple(shared.members)) for shared in larger]
    return buffers, {name: n for n, buffer in enumerate(buffers) for name in buffer.tensors}


_ROOMS = 8
"""How many larger buffers, those of the nearest sizes, are looked at for room: planning stays linear."""


def _taking_turns(
    size: int,
    chains: Iterable[Sequence[str]],
    larger: Sequence[_Shared],
    lives: Mapping[str, Lifetime],
) -> list[_Shared]:
    """The buffers that chains of one size need besides larger ones that have room for them.

    Args:
        size: In bytes.
        chains: In the order in which they begin.
        larger: Buffers that there are already; what finds room there is added to them.
        lives: By root.
    """
    own: list[_Shared] = []
    idle: list[int] = []
    ending: list[tuple[int, int]] = []
    for chain in chains:
        start, end = lives[chain[0]].first, lives[chain[-1]].last
        while ending and ending[0][0] < start:
            idle.append(heappop(ending)[1])
        shared = next((one for one in larger if one.is_free(start, end)), None)
        if shared is None:
            number = idle.pop() if idle else len(own)
            own += [_Shared(size)] if number == len(own) else []
            shared = own[number]
            heappush(ending, (end, number))
        insort(shared.taken, (start, end))
        shared.members += chain
    return own


def _kind(chain: Sequence[str], memory: Memory) -> str:
    if chain[-1] in memory.outputs:
        return "output"
    return "constant" if chain[0] in memory.fixed else "arena"
