"""Who lies in which memory, and from when to when: aliases, lifetimes, work in place, reuse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from einprop.execution.steps import Buffer, Copy, Elementwise, Letters, Operand, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from einprop.execution.layout import Orders

__all__ = ["Lifetime", "aliases", "assign", "in_place", "lifetimes"]


@dataclass(frozen=True, slots=True)
class Lifetime:
    """The step that writes a tensor and the last one that reads it."""

    first: int
    last: int


def aliases(steps: Sequence[Step], inputs: Iterable[str]) -> dict[str, str]:
    """The tensor whose memory each tensor is."""
    roots = {name: name for name in inputs}
    for step in steps:
        source, target = step.operands[0], step.target.tensor
        shared = step.operation == Copy(alias=True) and isinstance(source, Operand)
        roots[target] = roots[source.tensor] if shared and isinstance(source, Operand) else target
    return roots


def lifetimes(
    steps: Sequence[Step], roots: Mapping[str, str], outputs: Iterable[str]
) -> dict[str, Lifetime]:
    """When each root is alive; an output is read after the last step."""
    first = dict.fromkeys(roots.values(), -1)
    last = dict.fromkeys(roots.values(), -1)
    for number, step in enumerate(steps):
        root = roots[step.target.tensor]
        if root == step.target.tensor:
            first[root] = number
        last[root] = max(last[root], number)
        for operand in _tensors(step):
            last[roots[operand.tensor]] = number
    for name in outputs:
        last[roots[name]] = len(steps)
    return {root: Lifetime(first[root], last[root]) for root in first}


def _tensors(step: Step) -> list[Operand]:
    return [operand for operand in step.operands if isinstance(operand, Operand)]


@dataclass(frozen=True, slots=True)
class Memory:
    """What `in_place` and `assign` need to know of the tensors."""

    roots: Mapping[str, str]
    lives: Mapping[str, Lifetime]
    orders: Orders
    dtypes: Mapping[str, str]
    bytes: Mapping[str, int]
    fixed: frozenset[str]
    """Roots that no step may overwrite: inputs and constants."""
    outputs: frozenset[str]

    def stored(self, operand: Operand) -> Letters:
        """The operand's letters in the order of its memory."""
        return tuple([operand.indices[axis] for axis in self.orders[operand.tensor]])


def in_place(number: int, step: Step, memory: Memory) -> str | None:
    """The root that the step may overwrite cell for cell: that of an operand that dies here."""
    target = step.target.tensor
    if not isinstance(step.operation, Elementwise | Copy) or memory.roots[target] != target:
        return None
    letters, read = memory.stored(step.target), _tensors(step)
    for operand in read:
        root = memory.roots[operand.tensor]
        same_root = [o for o in read if memory.roots[o.tensor] == root]
        if (
            root not in memory.fixed
            and root not in memory.outputs
            and memory.lives[root].last == number
            and memory.dtypes[root] == memory.dtypes[target]
            and all(memory.stored(o) == letters for o in same_root)
        ):
            return root
    return None


def _chains(steps: Sequence[Step], memory: Memory) -> list[list[str]]:
    """The roots in groups: each member is overwritten by the next."""
    groups: dict[str, list[str]] = {}
    for number, step in enumerate(steps):
        target = step.target.tensor
        if memory.roots[target] != target:
            continue
        root = None if target in memory.fixed else in_place(number, step, memory)
        groups[target] = groups[root] if root else []
        groups[target].append(target)
    return [group for name, group in groups.items() if group[0] == name]


def assign(steps: Sequence[Step], memory: Memory) -> tuple[list[Buffer], dict[str, int]]:
    """A buffer for each root: dead ones of the same size are used again.

    Returns:
        The buffers, and the number of the buffer of each root.
    """
    kinds: list[str] = []
    members: list[list[str]] = []
    idle: dict[int, list[int]] = {}
    ending: dict[int, list[int]] = {}
    chains = sorted(_chains(steps, memory), key=lambda chain: memory.lives[chain[0]].first)
    for chain in chains:
        start, end = memory.lives[chain[0]].first, memory.lives[chain[-1]].last
        for step in sorted(step for step in ending if step < start):
            for buffer in ending.pop(step):
                idle.setdefault(memory.bytes[members[buffer][0]], []).append(buffer)
        kind = _kind(chain, memory)
        free = idle.get(memory.bytes[chain[0]], []) if kind == "arena" else []
        number = free.pop() if free else len(kinds)
        if number == len(kinds):
            kinds.append(kind)
            members.append([])
        members[number] += chain
        if kind == "arena":
            ending.setdefault(end, []).append(number)
    buffers = [
        Buffer(kind, memory.bytes[names[0]], tuple(names))
        for kind, names in zip(kinds, members, strict=True)
    ]
    return buffers, {name: n for n, names in enumerate(members) for name in names}


def _kind(chain: Sequence[str], memory: Memory) -> str:
    if chain[-1] in memory.outputs:
        return "output"
    return "constant" if chain[0] in memory.fixed else "arena"
