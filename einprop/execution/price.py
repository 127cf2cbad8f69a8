"""What a step takes, given where its tensors lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from einprop.execution.contractions import contraction_seconds
from einprop.execution.cost import Machine, passed
from einprop.execution.layout import Stored
from einprop.execution.reductions import reduction_seconds
from einprop.execution.steps import (
    Accumulate,
    Contraction,
    Elementwise,
    Gather,
    Letters,
    Operand,
    Reduction,
    Scatter,
    Step,
    Window,
    elements,
    operand_letters,
)

__all__ = ["StoredAt", "price"]

StoredAt = Callable[[Operand, Letters], Stored]
"""How an operand lies in memory: its letters' strides, outermost first, some letters left out."""


def price(step: Step, stored: StoredAt, sizes: Mapping[str, int], machine: Machine) -> float:
    """Seconds that a step takes, all the positions of the loops around it together.

    >>> from einprop.execution.layout import dense
    >>> from einprop.notation.parser import parse
    >>> sizes = {"b": 100, "i": 50}
    >>> x, y = Operand("x", ("b", "i")), Operand("y", ("b", "i"))
    >>> step = Step(parse("y[b,i] = exp(x[b,i])")[0], Elementwise("exp"), y, (x,))
    >>> in_order = price(step, lambda operand, fixed: dense(("b", "i"), sizes), sizes, Machine())
    >>> turned = {"x": dense(("i", "b"), sizes), "y": dense(("b", "i"), sizes)}
    >>> in_order < price(step, lambda operand, fixed: turned[operand.tensor], sizes, Machine())
    True
    """
    times = elements(sizes, step.fixed)
    match step.operation:
        case Window():
            return 0.0
        case Contraction():
            left, right = (stored(operand, step.fixed) for operand in step.tensors)
            target = stored(step.target, step.fixed)
            return times * contraction_seconds(
                step.target.indices, target, left, right, sizes, machine
            )
        case Reduction(function, indices):
            (operand,) = step.tensors
            side = stored(operand, step.fixed)
            return times * reduction_seconds(function, side, indices, sizes, machine)
        case Gather() | Scatter():
            every = dict.fromkeys(
                i for o in (step.target, *step.tensors) for i in operand_letters(o)
            )
            return machine.call + elements(sizes, tuple(every)) * machine.strided
        case Accumulate(_, loops):
            times *= elements(sizes, loops)
            fixed = step.fixed + loops
        case _:
            fixed = step.fixed
    function = step.operation.function if isinstance(step.operation, Elementwise) else ""
    target = stored(step.target, fixed)
    sides = [target, *(stored(operand, fixed) for operand in step.tensors)]
    return times * (machine.call + passed(tuple(target), sides, sizes, machine, function))
