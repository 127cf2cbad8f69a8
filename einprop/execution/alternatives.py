"""The arrangement that takes least time: axes as they come or chosen, products whole or in blocks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from einprop.execution.arrange import Arranged, Arranger
from einprop.execution.blocks import BLOCK, Block, blocked, blocks
from einprop.execution.cost import CELL, Machine
from einprop.execution.lower import Lowered
from einprop.execution.orders import choose
from einprop.execution.price import price
from einprop.execution.steps import Letters, Operand, index_size
from einprop.notation.printer import to_text
from einprop.passes.decisions import Decision

__all__ = ["arrange"]


def arrange(
    lowered: Lowered,
    inputs: Mapping[str, tuple[int, ...]],
    outputs: Sequence[str],
    donated: Mapping[str, str] | None = None,
    *,
    as_written: bool = False,
    in_blocks: bool | None = None,
    machine: Machine,
) -> tuple[Arranged, tuple[Decision, ...]]:
    """Give every tensor a place in memory.

    Args:
        lowered: What `lower` gives.
        inputs: Shapes of the inputs, whose axes lie as they are written.
        outputs: Tensors that need memory of their own.
        donated: Those of them that have an input's memory instead, with the input.
        as_written: Keep every tensor's axes in the order of its subscripts.
        in_blocks: Whether products whose operands have to be copied go position by position; where it
            takes less time by default.
        machine: What the parts of the work take there.

    Returns:
        The arrangement, and what was decided on the way.
    """

    def arranger(lowered: Lowered, orders: Mapping[str, tuple[int, ...]]) -> Arranger:
        return Arranger(
            lowered, inputs, outputs, donated or {}, orders, machine, as_written=as_written
        )

    first = arranger(lowered, {})
    best, orders = first.arranged(), dict[str, tuple[int, ...]]()
    long = (sum(size > 1 for size in shape) for shape in best.shapes.values())
    if as_written or max(long, default=0) < 3:
        return best, ()
    chosen = choose(
        lowered.steps,
        lowered.sizes,
        best.shapes,
        inputs,
        best.layouts,
        {n: (s.tensor, s.subscripts, s.indices) for n, s in first.straight.items()},
        machine,
    )
    other = arranger(lowered, chosen).arranged()
    seconds, least = (_seconds(a, lowered.sizes, machine) for a in (other, best))
    if seconds < least:
        best, orders, least = other, chosen, seconds
    decisions = []
    for block in _worth_a_try(lowered, best, in_blocks, machine):
        # The copies of the block lie as the product wants to read them.
        copies = {o.tensor: o.indices for s in block.steps for o in s.tensors if BLOCK in o.tensor}
        laid = {**orders, **{name: tuple(range(len(i))) for name, i in copies.items()}}
        inside = blocked(lowered, block)
        found = arranger(inside, laid).arranged()
        seconds = _seconds(found, lowered.sizes, machine)
        if in_blocks or seconds < least:
            decisions.append(_decision(lowered, block))
            lowered, orders, best, least = inside, laid, found, seconds
    return best, tuple(decisions[::-1])


def _worth_a_try(
    lowered: Lowered, arranged: Arranged, in_blocks: bool | None, machine: Machine
) -> list[Block]:
    """The blocks to try, the last steps first: the numbers of those before stay what they are."""
    least = 0.0 if in_blocks else machine.cache
    if in_blocks is False or max(map(math.prod, arranged.shapes.values())) * CELL < least:
        return []
    found = [block for block in blocks(lowered, arranged) if block.cells * CELL >= least]
    return sorted(found, key=lambda block: -block.start)


def _decision(lowered: Lowered, block: Block) -> Decision:
    """What the explanation says of a block."""
    text = f"{to_text(lowered.steps[block.start].equation)} for one {block.letter} at a time"
    size = index_size(lowered.sizes, block.letter)
    return Decision("blocked", text, block.cells - block.cells // size, "cells of memory")


def _seconds(arranged: Arranged, sizes: Mapping[str, int], machine: Machine) -> float:
    """What all steps take by the cost model."""

    def stored(operand: Operand, fixed: Letters) -> dict[str, int]:
        return arranged.layouts[operand.tensor].stored(operand.indices, fixed)

    return sum(price(step, stored, sizes, machine) for step in arranged.steps)
