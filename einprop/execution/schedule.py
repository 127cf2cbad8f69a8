"""Flat program + sizes -> schedule: each step, its layout, memory and cost, as plain data."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from einprop.analysis.dependence import reached
from einprop.execution.alternatives import arrange
from einprop.execution.arrange import Arranged
from einprop.execution.buffers import Lifetime, Memory, assign, lifetimes
from einprop.execution.cost import Machine
from einprop.execution.expressions import COMPARISONS
from einprop.execution.layout import Layout
from einprop.execution.loops import around
from einprop.execution.lower import lower
from einprop.execution.steps import (
    Accumulate,
    Copy,
    Elementwise,
    Gather,
    Operand,
    Scatter,
    Schedule,
    Step,
    Tensor,
    Window,
    elements,
    operand_letters,
)
from einprop.notation.tree import Affine, Equation

__all__ = ["ITEM_BYTES", "schedule"]

ITEM_BYTES = {
    "bool": 1,
    "float16": 2,
    "float32": 4,
    "float64": 8,
    "float96": 12,
    "float128": 16,
    "int64": 8,
}

_BOOLEAN = frozenset(COMPARISONS.values())


def schedule(
    equations: Sequence[Equation],
    sizes: Mapping[str, int],
    inputs: Mapping[str, tuple[int, ...]],
    outputs: Sequence[str],
    dtype: str = "float64",
    axes: Mapping[str, tuple[str, ...]] | None = None,
    *,
    donated: Mapping[str, str] | None = None,
    guard: str | None = None,
    as_written: bool = False,
    reuse_results: bool = False,
    in_blocks: bool | None = None,
    machine: Machine | None = None,
    weights: Mapping[str, int] | None = None,
) -> Schedule:
    """Plan a flat program.

    Args:
        equations: One operation each; every tensor is defined once or put together by ``+=``,
            ``max=`` or ``min=``.
        sizes: Size of each index.
        inputs: Shape of each input, in the order of the arguments.
        outputs: The tensors wanted; steps that none of them needs are left out.
        dtype: Name of the number type of inputs, intermediates and outputs.
        axes: The letters at the axes of the tensors that are put together.
        donated: Inputs by output: whose memory the output is written into.
        guard: The scalar output without whose being finite no donated memory is written.
        as_written: Keep every tensor's axes in the order of its subscripts (for source that people
            read) instead of the order that is fastest.
        in_blocks: Whether products whose operands have to be copied go position by position of an
            outer index; where it takes less time by default.
        reuse_results: Keep the outputs' memory for the next call too.
        machine: What the parts of the work take there; built-in figures by default.
        weights: Sizes by which forms are chosen where they are not those of the letters.

    >>> from einprop.notation.tree import Access, Call, Equation, Index, Multiply
    >>> b, i, j = Index("b"), Index("i"), Index("j")
    >>> product = Multiply((Access("x", (b, i)), Access("W", (i, j))))
    >>> affine = Equation(Access("y", (b, j)), "=", Call("sum", (product,), ("i",)))
    >>> plan = schedule([affine], {"b": 2, "i": 3, "j": 4}, {"x": (2, 3), "W": (3, 4)}, ["y"])
    >>> plan.steps[0].operation.kind, plan.flops
    ('matmul', 24)
    """
    lowered = lower(equations, sizes, outputs, inputs, axes, donated, guard, weights)
    arranged, decisions = arrange(
        lowered,
        inputs,
        outputs,
        donated,
        as_written=as_written,
        in_blocks=in_blocks,
        machine=machine or Machine(),
    )
    dtypes = _dtypes(arranged.steps, arranged.layouts, lowered.integers, outputs, dtype)
    changing = _changing(arranged, inputs, outputs)
    steps = _priced(arranged, lowered.sizes, dtypes, changing)
    memory = _memory(arranged, dtypes, frozenset(inputs), frozenset(outputs), changing)
    lives = lifetimes(steps, memory, inputs, outputs)
    buffers, places = assign(steps, memory, lives)
    if reuse_results:
        buffers = [replace(b, kind="result") if b.kind == "output" else b for b in buffers]
    return Schedule(
        dtype,
        lowered.sizes,
        tuple(inputs),
        tuple(outputs),
        {tensor.name: tensor for tensor in _tensors(arranged, dtypes, places, lives)},
        tuple(steps),
        tuple(buffers),
        arranged.loops,
        donated or {},
        guard,
        decisions,
        weights or {},
    )


def _priced(
    arranged: Arranged,
    sizes: Mapping[str, int],
    dtypes: Mapping[str, str],
    changing: Collection[str],
) -> list[Step]:
    """The steps with what they cost, and with whether one run of them is enough."""
    steps = []
    for step in arranged.steps:
        flops, traffic = _price(step, sizes, dtypes)
        constant = arranged.layouts[step.target.tensor].root not in changing
        steps.append(replace(step, flops=flops, bytes=traffic, constant=constant))
    return steps


def _memory(
    arranged: Arranged,
    dtypes: Mapping[str, str],
    inputs: frozenset[str],
    outputs: frozenset[str],
    changing: set[str],
) -> Memory:
    """What the assignment of buffers has to know."""
    roots = {layout.root for layout in arranged.layouts.values()}
    return Memory(
        arranged.layouts,
        dtypes,
        {root: _cells(root, arranged) * ITEM_BYTES[dtypes[root]] for root in roots},
        inputs | (roots - changing),
        outputs,
        arranged.loops,
        around(arranged.loops, len(arranged.steps)),
        arranged.transient,
    )


def _tensors(
    arranged: Arranged,
    dtypes: Mapping[str, str],
    places: Mapping[str, int],
    lives: Mapping[str, Lifetime],
) -> Iterator[Tensor]:
    """The tensors whose memory is written or read at all, each with its place there."""
    for name, shape in arranged.shapes.items():
        layout = arranged.layouts[name]
        if layout.root in lives:
            yield Tensor(
                name,
                shape,
                layout.order,
                layout.offset,
                layout.strides,
                dtypes[name],
                layout.root,
                places.get(layout.root),
                lives[layout.root].first,
                lives[layout.root].last,
            )


def _cells(root: str, arranged: Arranged) -> int:
    """How many cells a root's memory has: none twice, however often a loop goes over them."""
    pairs = zip(arranged.shapes[root], arranged.layouts[root].strides, strict=True)
    return math.prod([size for size, stride in pairs if stride or not size])


def _changing(arranged: Arranged, inputs: Mapping[str, object], outputs: Sequence[str]) -> set[str]:
    """The roots that depend on inputs, or are made at each call for another reason.

    An output is computed afresh each time.
    """
    layouts = arranged.layouts
    changing = {layouts[name].root for name in (*inputs, *outputs)}
    # Positions are checked at each call, whatever they depend on.
    changing |= {
        layouts[step.target.tensor].root
        for step in arranged.steps
        if isinstance(step.operation, Gather | Scatter)
    }
    for loop in arranged.loops:
        changing |= {layouts[s.target.tensor].root for s in arranged.steps[loop.start : loop.stop]}
    # What was read before a contribution that depends on inputs may have to go too.
    edges: dict[str, set[str]] = {}
    for step in arranged.steps:
        for operand in step.operands:
            if isinstance(operand, Operand):
                read = edges.setdefault(layouts[operand.tensor].root, set())
                read.add(layouts[step.target.tensor].root)
    return reached(edges, changing)


def _dtypes(
    steps: Sequence[Step],
    layouts: Mapping[str, Layout],
    integers: Collection[str],
    outputs: Sequence[str],
    dtype: str,
) -> dict[str, str]:
    """One byte a cell for a comparison that only multiplies or selects numbers.

    True + True would be True and -True an error: whatever else reads a comparison gets numbers, and so
    does an assembled tensor in whose memory it lies.
    """
    dtypes = dict.fromkeys(layouts, dtype) | dict.fromkeys(integers, "int64")
    numeric = set(outputs)
    truths = {
        step.target.tensor
        for step in steps
        if isinstance(step.operation, Elementwise) and step.operation.function in _BOOLEAN
    }
    # What is computed in the memory of a tensor of numbers is numbers.
    numeric.update(name for name in truths if layouts[name].root != name)
    for step in steps:
        for position, operand in enumerate(step.operands):
            if isinstance(operand, Operand) and not _takes_truth(step, position, truths):
                numeric.add(operand.tensor)
    return dtypes | dict.fromkeys(truths - numeric, "bool")


def _takes_truth(step: Step, position: int, truths: set[str]) -> bool:
    match step.operation:
        case Elementwise("where"):
            return position == 0
        case Elementwise("multiply"):
            others = [o for n, o in enumerate(step.operands) if n != position]
            return any(isinstance(o, Operand) and o.tensor not in truths for o in others)
        case _:
            return False


def _price(step: Step, sizes: Mapping[str, int], dtypes: Mapping[str, str]) -> tuple[int, int]:
    """The work of a step and its traffic in bytes."""
    if isinstance(step.operation, Window):
        return 0, 0
    every = _letters(step)
    work, traffic = elements(sizes, every), 0
    for operand in (step.target, *step.operands):
        if isinstance(operand, Operand):
            whole = isinstance(step.operation, Gather | Scatter) and not operand.indices
            letters = every if whole else operand.indices
            cells = elements(sizes, dict.fromkeys((*letters, *step.fixed)))
            traffic += cells * ITEM_BYTES[dtypes[operand.tensor]]
    match step.operation:
        case Copy() | Gather() | Accumulate("copy"):
            work = 0
        case Accumulate() | Scatter():  # What is written is read before.
            traffic += work * ITEM_BYTES[dtypes[step.target.tensor]]
    return work, traffic


def _letters(step: Step) -> tuple[str, ...]:
    """The letters that a step runs over."""
    found = dict.fromkeys(letter for o in step.operands for letter in operand_letters(o))
    match step.operation:
        case Gather() | Accumulate():
            found = dict.fromkeys(step.target.indices)
        case Scatter(_, subscripts):
            terms = [s.terms for s in subscripts if isinstance(s, Affine)]
            found |= dict.fromkeys(letter for inner in terms for _, letter in inner)
    return tuple(found)
