"""Who lies in which memory, and from when to when: aliases, lifetimes, work in place, reuse."""

from __future__ import annotations

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


def assign(
    steps: Sequence[Step], memory: Memory, lives: Mapping[str, Lifetime]
) -> tuple[list[Buffer], dict[str, int]]:
    """A buffer for each root: dead ones of the same size are used again.

    Returns:
        The buffers, and the number of the buffer of each root.
    """
    kinds: list[str] = []
    members: list[list[str]] = []
    idle: dict[int, list[int]] = {}
    ending: list[tuple[int, int, int]] = []
    chains = sorted(_chains(steps, memory, lives), key=lambda chain: lives[chain[0]].first)
    for place, chain in enumerate(chains):
        start, end = lives[chain[0]].first, lives[chain[-1]].last
        while ending and ending[0][0] < start:
            *_, buffer = heappop(ending)
            idle.setdefault(memory.bytes[members[buffer][0]], []).append(buffer)
        kind = _kind(chain, memory)
        free = idle.get(memory.bytes[chain[0]], []) if kind == "arena" else []
        number = free.pop() if free else len(kinds)
        if number == len(kinds):
            kinds.append(kind)
            members.append([])
        members[number] += chain
        if kind == "arena":
            heappush(ending, (end, place, number))
    buffers = [
        Buffer(kind, memory.bytes[names[0]], tuple(names))
        for kind, names in zip(kinds, members, strict=True)
    ]
    return buffers, {name: n for n, names in enumerate(members) for name in names}


def _kind(chain: Sequence[str], memory: Memory) -> str:
    if chain[-1] in memory.outputs:
        return "output"
    return "constant" if chain[0] in memory.fixed else "arena"
