"""Outputs in the memory of inputs: the step that writes one runs when nothing reads the input any more."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from heapq import heapify, heappop, heappush

from einprop.analysis.dependence import reached
from einprop.execution.bodies import Body, Node, flat, read, written
from einprop.execution.steps import Copy, Elementwise, Letters, Operand, Source, Step, Window

__all__ = ["VALUE", "settled"]

VALUE = "#value"
"""Ends the name of an output that is computed elsewhere before it is copied where it belongs."""


def settled(
    nodes: Sequence[Node],
    donated: Mapping[str, str],
    guard: str | None,
    axes: Mapping[str, Letters],
) -> tuple[list[Node], frozenset[str]]:
    """The nodes in an order in which each donated input is overwritten last.

    An output goes straight into the input's memory where one step writes it cell for cell; else it is
    computed elsewhere and copied at the end.

    Args:
        nodes: In an order in which they can run.
        donated: Inputs by output.
        guard: The scalar that must be known before anything is overwritten.
        axes: The letters of the outputs that are put together from contributions.

    Returns:
        The nodes, and the outputs that are copied: what they were called before ends in `VALUE` now.

    >>> from einprop.execution.lower import lower
    >>> from einprop.notation.parser import parse
    >>> equations = parse("w.new[i] = w[i] - g[i]; y[i] = w[i] + g[i]")
    >>> for step in lower(equations, {"i": 3}, ["w.new", "y"], donated={"w.new": "w"}).steps:
    ...     print(step.target.tensor)
    y
    w.new
    """
    copied = set(donated) - _direct(nodes, donated)
    while True:
        found = _with_copies(nodes, copied, axes)
        ordered, stuck = _ordered(found, donated, guard)
        if not stuck:
            return ordered, frozenset(copied)
        copied.add(stuck[0])


def _direct(nodes: Sequence[Node], donated: Mapping[str, str]) -> set[str]:
    """The outputs that one step computes, each cell from the input's same cell at most."""
    windows = _windows(nodes)
    steps = Counter(step.target.tensor for node in nodes for step in flat(node))
    return {
        node.target.tensor
        for node in nodes
        if isinstance(node, Step)
        and isinstance(node.operation, Elementwise | Copy)
        and node.target.tensor in donated
        and steps[node.target.tensor] == 1
        and node.target.tensor not in windows.values()
        and _stays(node, donated[node.target.tensor], windows)
    }


def _stays(step: Step, given: str, windows: Mapping[str, str]) -> bool:
    """Whether all that a step reads of an input is the cell that it writes."""
    return all(
        operand == Operand(given, step.target.indices)
        for operand in step.operands
        if isinstance(operand, Operand) and windows.get(operand.tensor, operand.tensor) == given
    )


def _windows(nodes: Sequence[Node]) -> dict[str, str]:
    """By window the tensor whose memory it shows."""
    roots: dict[str, str] = {}
    for node in nodes:
        for step in flat(node):
            if isinstance(step.operation, Window):
                (source,) = read(step)
                roots[step.target.tensor] = roots.get(source, source)
    return roots


def _with_copies(
    nodes: Sequence[Node], copied: set[str], axes: Mapping[str, Letters]
) -> list[Node]:
    """The nodes with some outputs under other names, and what copies them at the end."""
    if not copied:
        return list(nodes)
    makers = {s.target.tensor: s for node in nodes for s in flat(node)}
    windows = _windows(nodes)
    # An output that is put together is written through windows alone.
    makers |= {root: makers[name] for name, root in windows.items() if root not in makers}
    copies: list[Node] = []
    for name in sorted(copied):
        maker = makers[name]
        letters = axes.get(name, maker.target.indices)
        value = Operand(f"{name}{VALUE}", letters)
        copies.append(Step(maker.equation, Copy(), Operand(name, letters), (value,)))
    return [*(_renamed(node, copied) for node in nodes), *copies]


def _renamed(node: Node, copied: set[str]) -> Node:
    if isinstance(node, Body):
        return replace(node, nodes=[_renamed(inner, copied) for inner in node.nodes])

    def named(source: Source) -> Source:
        if isinstance(source, Operand) and source.tensor in copied:
            return replace(source, tensor=f"{source.tensor}{VALUE}")
        return source

    target = named(node.target)
    assert isinstance(target, Operand)
    return replace(node, target=target, operands=tuple(map(named, node.operands)))


def _ordered(
    nodes: Sequence[Node], donated: Mapping[str, str], guard: str | None
) -> tuple[list[Node], list[str]]:
    """The nodes in order, and the outputs whose writing would have to come before and after another."""
    waits = _dependencies(nodes, donated, guard)
    followers: dict[int, list[int]] = defaultdict(list)
    for number, others in enumerate(waits):
        for other in others:
            followers[other].append(number)
    # What everything waits for comes first: what an update computes is not kept waiting in memory.
    guards = [number for number, node in enumerate(nodes) if written(node) == guard]
    first = reached(dict(enumerate(waits)), guards)
    left = [len(others) for others in waits]
    ready = [(number not in first, number) for number, count in enumerate(left) if not count]
    heapify(ready)
    ordered = []
    while ready:
        _, number = heappop(ready)
        ordered.append(number)
        for follower in followers[number]:
            left[follower] -= 1
            if not left[follower]:
                heappush(ready, (follower not in first, follower))
    stuck = [written(nodes[n]) for n, count in enumerate(left) if count]
    return [nodes[n] for n in ordered], [name for name in stuck if name in donated and name]


def _dependencies(
    nodes: Sequence[Node], donated: Mapping[str, str], guard: str | None
) -> list[set[int]]:
    """For each node those that come before it."""
    roots = _windows(nodes)
    writers: dict[str, list[int]] = defaultdict(list)
    readers: dict[str, list[int]] = defaultdict(list)
    waits: list[set[int]] = []
    for number, node in enumerate(nodes):
        found: set[int] = set()
        for step in flat(node):
            target = step.target.tensor
            for name in read(step):
                found.update(writers[name], writers[roots.get(name, name)])
                if not isinstance(step.operation, Window):
                    readers[roots.get(name, name)].append(number)
            for name in {target, roots.get(target, target)}:
                if not isinstance(step.operation, Window):
                    found.update(writers[name], readers[name])
                if name == target or not isinstance(step.operation, Window):
                    writers[name].append(number)
        waits.append(found - {number})
    for number, node in enumerate(nodes):
        given = donated.get(written(node) or "")
        if given is not None:
            waits[number].update(readers[given], writers[guard or ""])
            waits[number].discard(number)
    return waits
