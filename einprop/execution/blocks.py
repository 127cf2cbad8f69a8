"""Products that go position by position along an outer index, so that what they copy stays small."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from einprop.execution.arrange import MERGED, Arranged
from einprop.execution.layout import long_letters
from einprop.execution.lower import Lowered
from einprop.execution.steps import (
    Accumulate,
    Contraction,
    Copy,
    Letters,
    Loop,
    Operand,
    Step,
    elements,
    index_size,
)

__all__ = ["BLOCK", "Block", "blocked", "blocks"]

BLOCK = "#block"
"""How the name of a copy ends that is made for one position at a time."""


@dataclass(frozen=True)
class Block:
    """Steps that may run position by position of a letter.

    Attributes:
        start: Number of the first of the lowered steps.
        stop: Number of the step after the last.
        letter: The letter.
        steps: What runs then instead of them.
        cells: How many cells lie between, all positions together.
    """

    start: int
    stop: int
    letter: str
    steps: tuple[Step, ...]
    cells: int


def blocks(lowered: Lowered, arranged: Arranged) -> Iterator[Block]:
    """The steps that may run in blocks, given how they are arranged.

    These are products for which windows are copied, and loops in which pieces of a product are added up:
    a convolution forward, and backward to its input.
    """
    copies = {
        step.target.tensor: step
        for step in arranged.steps
        if isinstance(step.operation, Copy) and MERGED in step.target.tensor
    }
    products = {
        step.target.tensor: step
        for step in arranged.steps
        if isinstance(step.operation, Contraction) and not step.fixed
    }
    for number, step in enumerate(lowered.steps):
        product = products.get(step.target.tensor)
        if isinstance(step.operation, Contraction) and product is not None:
            found = _copying(number, step, product, copies, lowered, arranged)
            if found is not None:
                yield found
    for loop in lowered.loops:
        found = _adding(loop, lowered, arranged)
        if found is not None:
            yield found


def _copying(
    number: int,
    step: Step,
    product: Step,
    copies: Mapping[str, Step],
    lowered: Lowered,
    arranged: Arranged,
) -> Block | None:
    """A product with the copy of one of its operands."""
    target = tuple(arranged.layouts[step.target.tensor].stored(step.target.indices))
    for operand in product.tensors:
        letters = operand.indices
        # Another product may have asked for the copy, under its own letters.
        sources = [o for o in step.tensors if sorted(o.indices) == sorted(letters)]
        letter = _outermost(target, letters, lowered.sizes)
        if operand.tensor in copies and len(sources) == 1 and letter is not None:
            copied = Operand(f"{step.target.tensor}{BLOCK}", letters)
            operands = tuple([copied if o == sources[0] else o for o in step.operands])
            making = Step(step.equation, Copy(), copied, (sources[0],))
            steps = (making, replace(step, operands=operands))
            return Block(number, number + 1, letter, steps, elements(lowered.sizes, letters))
    return None


def _adding(loop: Loop, lowered: Lowered, arranged: Arranged) -> Block | None:
    """A loop in which the pieces of a product are added to an assembled tensor."""
    nest = [n for n in lowered.loops if n.start <= loop.start and loop.stop <= n.stop]
    inside = lowered.steps[loop.start : loop.stop]
    if nest[0] is not loop or len(inside) != 2 or any(n.stop != loop.stop for n in nest):
        return None
    match inside:
        case (
            Step(_, Contraction(), Operand(name, indices)),
            Step(_, Accumulate(_, ()), cells, (Operand(read, again),)),
        ) if (name, indices) == (read, again) and inside[0].fixed == inside[1].fixed:
            rest = tuple(arranged.layouts[name].stored(indices, inside[0].fixed))
            letter = _outermost(rest, cells.indices, lowered.sizes)
            if letter is not None:
                count = elements(lowered.sizes, rest)
                return Block(loop.start, loop.stop, letter, inside, count)
    return None


def _outermost(stored: Letters, others: Letters, sizes: Mapping[str, int]) -> str | None:
    """The first letter in memory that others have too, if there is more than that."""
    long = long_letters(stored, sizes)
    return next((letter for letter in long if letter in others), None) if len(long) > 1 else None


def blocked(lowered: Lowered, block: Block) -> Lowered:
    """The same steps, those of the block position by position."""
    start, stop = block.start, block.stop
    inner = [replace(step, fixed=(block.letter, *step.fixed)) for step in block.steps]
    added = len(inner) - (stop - start)
    size = index_size(lowered.sizes, block.letter)
    loops = [_moved(loop, stop, added) for loop in lowered.loops]
    place = next((n for n, loop in enumerate(loops) if loop.start >= start), len(loops))
    loops.insert(place, Loop(start, stop + added, size, descending=False))
    steps = (*lowered.steps[:start], *inner, *lowered.steps[stop:])
    return replace(lowered, steps=steps, loops=tuple(loops))


def _moved(loop: Loop, stop: int, added: int) -> Loop:
    """A loop where steps before its end became more."""
    shift = [added if place >= stop else 0 for place in (loop.start, loop.stop)]
    return replace(loop, start=loop.start + shift[0], stop=loop.stop + shift[1])
