"""Steps in loops before they have numbers: what moves out of a loop, and what moves into one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from einprop.execution.steps import (
    Accumulate,
    Contraction,
    Letters,
    Loop,
    Operand,
    Scatter,
    Step,
    elements,
    index_size,
)

__all__ = ["Body", "Node", "contributed", "flat", "hoisted", "numbered", "read", "written"]

_FEW = 64
"""Positions of a loop over products: more of them would make the products too small."""


@dataclass(frozen=True)
class Body:
    """A loop whose steps have no numbers yet."""

    size: int
    descending: bool
    nodes: Sequence[Step | Body]


Node = Step | Body


def hoisted(nodes: Sequence[Node], assembled: Iterable[str]) -> tuple[list[Node], list[Node]]:
    """What of a loop's body needs nothing of the loop and can run before it, and the rest."""
    inside, outside, rest = set(assembled), list[Node](), list[Node]()
    for node in nodes:
        contributes = isinstance(node, Step) and isinstance(node.operation, Accumulate | Scatter)
        if isinstance(node, Body) or contributes or not inside.isdisjoint(read(node)):
            rest.append(node)
            inside.update(step.target.tensor for step in flat(node))
        else:
            outside.append(replace(node, fixed=node.fixed[:-1]))
    return outside, rest


def numbered(nodes: Iterable[Node], steps: list[Step], loops: list[Loop]) -> None:
    """Lay the steps out in a row."""
    for node in nodes:
        if isinstance(node, Step):
            steps.append(node)
        else:
            place = len(loops)
            loops.append(Loop(len(steps), 0, node.size, node.descending))
            numbered(node.nodes, steps, loops)
            loops[place] = replace(loops[place], stop=len(steps))


def flat(node: Node) -> Iterator[Step]:
    """The steps of a node in order."""
    if isinstance(node, Step):
        yield node
    else:
        for inner in node.nodes:
            yield from flat(inner)


def read(step: Step) -> Iterator[str]:
    """The tensors that a step reads."""
    return (operand.tensor for operand in step.tensors)


def written(node: Node) -> str | None:
    """The tensor that a node writes, if it is one step."""
    return node.target.tensor if isinstance(node, Step) else None


def contributed(
    nodes: Sequence[Node],
    sizes: Mapping[str, int],
    outputs: Collection[str],
    weights: Mapping[str, int] | None = None,
) -> list[Node]:
    """The nodes with each product that is only contributed somewhere made piece by piece.

    A contribution that names cells twice runs over some of its letters. A product that nothing else
    reads is then made in that loop: its pieces are small enough to stay in the cache.
    """
    uses = Counter(name for node in nodes for step in flat(node) for name in read(step))
    makers = {
        node.target.tensor: node
        for node in nodes
        if isinstance(node, Step) and isinstance(node.operation, Contraction)
    }
    found: list[Node] = []
    taken: set[str] = set()
    for node in reversed(nodes):
        match node:
            case Body():
                found.append(replace(node, nodes=contributed(node.nodes, sizes, outputs, weights)))
            case Step(_, Accumulate(_, loops), _, (Operand(name, indices),)) if (
                name in makers
                and uses[name] == 1
                and name not in outputs
                and loops
                and set(loops) <= set(indices)
                and elements(weights or sizes, loops) <= _FEW
            ):
                taken.add(name)
                found.append(_piecewise(makers[name], node, loops, indices, sizes))
            case Step(_, _, Operand(name)) if name not in taken:
                found.append(node)
    return found[::-1]


def _piecewise(
    maker: Step, contribution: Step, loops: Letters, indices: Letters, sizes: Mapping[str, int]
) -> Body:
    """A product and its contribution, one position of the letters after the other."""
    own = tuple([maker.target.indices[indices.index(letter)] for letter in loops])
    operation = contribution.operation
    assert isinstance(operation, Accumulate)
    nodes: list[Node] = [
        replace(maker, fixed=maker.fixed + own),
        replace(
            contribution,
            operation=replace(operation, loops=()),
            fixed=contribution.fixed + loops,
        ),
    ]
    for letter in reversed(loops):
        nodes = [Body(index_size(sizes, letter), descending=False, nodes=nodes)]
    (body,) = nodes
    assert isinstance(body, Body)
    return body
