"""Flat program + sizes -> schedule: each step, its layout, memory and cost, as plain data."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from einprop.execution.buffers import Memory, aliases, assign, lifetimes
from einprop.execution.layout import arrange
from einprop.execution.lower import COMPARISONS, lower
from einprop.execution.steps import (
    Contraction,
    Copy,
    Diagonal,
    Elementwise,
    Embed,
    Operand,
    Position,
    Reduction,
    Schedule,
    Source,
    Step,
    Tensor,
    elements,
    index_size,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from einprop.notation.tree import Equation

__all__ = ["ITEM_BYTES", "schedule"]

ITEM_BYTES = {"bool": 1, "float16": 2, "float32": 4, "float64": 8, "float96": 12, "float128": 16}

_BOOLEAN = frozenset(COMPARISONS.values())


def schedule(
    equations: Sequence[Equation],
    sizes: Mapping[str, int],
    inputs: Mapping[str, tuple[int, ...]],
    outputs: Sequence[str],
    dtype: str = "float64",
    axes: Mapping[str, tuple[str, ...]] | None = None,
    *,
    as_written: bool = False,
) -> Schedule:
    """Plan a flat program.

    Args:
        equations: One operation each, every tensor defined once.
        sizes: Size of each index.
        inputs: Shape of each input, in the order of the arguments.
        outputs: The tensors wanted; steps that none of them needs are left out.
        dtype: Name of the number type of inputs, intermediates and outputs.
        axes: The letters at the axes of tensors that are put together by contributions.
        as_written: Keep every tensor's axes in the order of its subscripts (for source that people
            read) instead of the order that is fastest.

    >>> from einprop.notation.tree import Access, Call, Equation, Index, Multiply
    >>> b, i, j = Index("b"), Index("i"), Index("j")
    >>> product = Multiply((Access("x", (b, i)), Access("W", (i, j))))
    >>> affine = Equation(Access("y", (b, j)), "=", Call("sum", (product,), ("i",)))
    >>> plan = schedule([affine], {"b": 2, "i": 3, "j": 4}, {"x": (2, 3), "W": (3, 4)}, ["y"])
    >>> plan.steps[0].operation.kind, plan.flops
    ('matmul', 24)
    """
    steps, orders = arrange(
        lower(equations, sizes, outputs), inputs, outputs, sizes, as_written=as_written
    )
    steps = _mark_constants(steps, outputs)
    roots = aliases(steps, inputs)
    dtypes = _dtypes(steps, inputs, outputs, dtype)
    steps = [_priced(step, sizes, dtypes) for step in steps]
    shapes = _shapes(steps, inputs, sizes)
    constants = {step.target.tensor for step in steps if step.constant}
    memory = Memory(
        roots,
        lifetimes(steps, roots, outputs),
        orders,
        dtypes,
        {name: math.prod(shape) * ITEM_BYTES[dtypes[name]] for name, shape in shapes.items()},
        frozenset(inputs) | frozenset(constants),
        frozenset(outputs),
    )
    buffers, places = assign(steps, memory)
    tensors = {
        name: Tensor(
            name,
            shape,
            orders[name],
            dtypes[name],
            roots[name],
            places.get(roots[name]),
            memory.lives[roots[name]].first,
            memory.lives[roots[name]].last,
        )
        for name, shape in shapes.items()
    }
    return Schedule(
        dtype, dict(sizes), tuple(inputs), tuple(outputs), tensors, tuple(steps), tuple(buffers)
    )


def _shapes(
    steps: Sequence[Step], inputs: Mapping[str, tuple[int, ...]], sizes: Mapping[str, int]
) -> dict[str, tuple[int, ...]]:
    shapes = {name: tuple(shape) for name, shape in inputs.items()}
    for step in steps:
        indices = step.target.indices
        shapes[step.target.tensor] = tuple([index_size(sizes, i) for i in indices])
    return shapes


def _mark_constants(steps: Sequence[Step], outputs: Sequence[str]) -> list[Step]:
    """Mark the steps that depend on no input; an output is computed afresh each time."""
    constants: set[str] = set()
    marked = []
    for step in steps:
        reads = {operand.tensor for operand in step.operands if isinstance(operand, Operand)}
        constant = reads <= constants and step.target.tensor not in outputs
        if constant:
            constants.add(step.target.tensor)
        marked.append(replace(step, constant=constant))
    return marked


def _dtypes(
    steps: Sequence[Step], inputs: Mapping[str, object], outputs: Sequence[str], dtype: str
) -> dict[str, str]:
    """One byte a cell for a comparison that only multiplies or selects numbers.

    True + True would be True and -True an error: whatever else reads a comparison gets numbers.
    """
    dtypes = dict.fromkeys(inputs, dtype) | {step.target.tensor: dtype for step in steps}
    numeric = set(outputs)
    truths = {
        step.target.tensor
        for step in steps
        if isinstance(step.operation, Elementwise) and step.operation.function in _BOOLEAN
    }
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


def _priced(step: Step, sizes: Mapping[str, int], dtypes: Mapping[str, str]) -> Step:
    """The step with its work and its traffic."""
    if step.operation == Copy(alias=True):
        return step
    touched = (step.target, *step.operands)
    traffic = sum(
        elements(sizes, tuple(dict.fromkeys(o.indices)) if o is not step.target else o.indices)
        * ITEM_BYTES[dtypes[o.tensor]]
        for o in touched
        if isinstance(o, Operand)
    )
    return replace(step, flops=_work(step, sizes), bytes=traffic)


def _work(step: Step, sizes: Mapping[str, int]) -> int:
    match step.operation:
        case Copy() | Diagonal() | Embed():
            return 0
        case Contraction() | Reduction() | Elementwise():
            letters = {i for source in step.operands for i in _letters(source)}
            return elements(sizes, sorted(letters))


def _letters(source: Source) -> tuple[str, ...]:
    match source:
        case Operand(_, indices):
            return indices
        case Position(index):
            return (index,)
        case _:
            return ()
