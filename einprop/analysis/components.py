"""Graphs taken apart: nodes that need each other together, what is needed before what needs it."""

from __future__ import annotations

import heapq
from collections.abc import Mapping

__all__ = ["components"]


def components(needs: Mapping[int, set[int]]) -> list[set[int]]:
    """The strongly connected nodes together, each component after those that it needs.

    Where the order is free, the component with the smallest number comes first.

    Args:
        needs: By node the nodes that it needs, all of them among the keys.

    >>> components({0: {2}, 1: set(), 2: {3}, 3: {2}})
    [{1}, {2, 3}, {0}]
    """
    groups = _strongly_connected(needs)
    of = {number: group for group, members in enumerate(groups) for number in members}
    waits = {
        group: {of[w] for n in members for w in needs[n]} - {group}
        for group, members in enumerate(groups)
    }
    readers: dict[int, list[int]] = {group: [] for group in waits}
    for group, others in waits.items():
        for other in others:
            readers[other].append(group)
    ready = [(min(groups[g]), g) for g, others in waits.items() if not others]
    heapq.heapify(ready)
    found = []
    while ready:
        _, group = heapq.heappop(ready)
        found.append(groups[group])
        for reader in readers[group]:
            waits[reader].discard(group)
            if not waits[reader]:
                heapq.heappush(ready, (min(groups[reader]), reader))
    return found


def _strongly_connected(needs: Mapping[int, set[int]]) -> list[set[int]]:
    """Tarjan's components, without recursion: a program may have thousands of equations."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    groups: list[set[int]] = []
    for start in needs:
        if start in index:
            continue
        work = [(start, iter(sorted(needs[start])))]
        index[start] = low[start] = len(index)
        stack.append(start)
        on_stack.add(start)
        while work:
            node, others = work[-1]
            other = next(others, None)
            if other is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    groups.append(_popped(stack, on_stack, node))
            elif other not in index:
                index[other] = low[other] = len(index)
                stack.append(other)
                on_stack.add(other)
                work.append((other, iter(sorted(needs[other]))))
            elif other in on_stack:
                low[node] = min(low[node], index[other])
    return groups


def _popped(stack: list[int], on_stack: set[int], last: int) -> set[int]:
    group: set[int] = set()
    while last not in group:
        node = stack.pop()
        on_stack.discard(node)
        group.add(node)
    return group
