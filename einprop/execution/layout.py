"""Which axis of each tensor runs fastest in memory, so that products read and write plain views."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

from einprop.execution.steps import (
    Contraction,
    Copy,
    Elementwise,
    Letters,
    Operand,
    Reduction,
    Step,
    elements,
    index_size,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["arrange", "classify", "mergeable"]

Orders = dict[str, tuple[int, ...]]


def arrange(
    steps: Sequence[Step],
    inputs: Mapping[str, tuple[int, ...]],
    outputs: Sequence[str],
    sizes: Mapping[str, int],
    *,
    as_written: bool = False,
) -> tuple[list[Step], Orders]:
    """The steps with aliases marked and contractions classified, and each tensor's axis order.

    Args:
        steps: What `lower` gives.
        inputs: Shapes of the inputs, whose axes lie as they are written.
        outputs: Tensors that need memory of their own.
        sizes: Size of each index.
        as_written: Keep every tensor's axes in the order of its subscripts.
    """
    orders: Orders = {name: tuple(range(len(shape))) for name, shape in inputs.items()}
    arranged = []
    for step in steps:
        stored = [_stored(o, orders) for o in step.operands if isinstance(o, Operand)]
        arranged.append(_settle(step, stored, outputs, sizes))
        order = _target_order(arranged[-1], stored, sizes)
        letters = step.target.indices
        repeated = len(set(letters)) < len(letters)
        axes = range(len(letters)) if as_written or repeated else map(letters.index, order)
        orders[step.target.tensor] = tuple(axes)
    return arranged, orders


def _stored(operand: Operand, orders: Orders) -> Letters:
    return tuple([operand.indices[axis] for axis in orders[operand.tensor]])


def _settle(
    step: Step,
    stored: Sequence[Letters],
    outputs: Sequence[str],
    sizes: Mapping[str, int],
) -> Step:
    """The step with what the layout of its operands decides."""
    match step.operation:
        case Contraction():
            contraction, swapped = classify(step.target.indices, stored[0], stored[1], sizes)
            operands = step.operands[::-1] if swapped else step.operands
            return replace(step, operation=contraction, operands=operands)
        case Copy() if step.target.tensor not in outputs and stored:
            same = len(stored[0]) == len(step.target.indices)
            return replace(step, operation=Copy(alias=same))
        case _:
            return step


def _target_order(step: Step, stored: Sequence[Letters], sizes: Mapping[str, int]) -> Letters:
    """The order in which the step writes its target most cheaply."""
    target = step.target.indices
    match step.operation:
        case Contraction() as contraction:
            return _contraction_order(contraction, target, sizes)
        case Reduction():
            return tuple([letter for letter in stored[0] if letter in target])
        case Elementwise() | Copy():
            votes = Counter(letters for letters in stored if len(letters) == len(target))
            ranked = sorted(votes, key=lambda letters: (-votes[letters], letters != target))
            return ranked[0] if ranked else target
        case _:
            return target


def _contraction_order(
    contraction: Contraction, target: Letters, sizes: Mapping[str, int]
) -> Letters:
    """The order as written where a product can write it in place, else batch, rows, columns.

    BLAS writes into strided rows as fast as into dense ones; only the innermost axis must be dense.
    """
    groups = (contraction.rows, contraction.columns)
    innermost = _long(target, sizes)[-1:]
    dense = any(innermost == _long(group, sizes)[-1:] for group in groups)
    if dense and mergeable(target, groups, sizes):
        return target
    return contraction.batch + contraction.rows + contraction.columns


def mergeable(stored: Letters, groups: Sequence[Letters], sizes: Mapping[str, int]) -> bool:
    """Whether each group of axes lies in memory as one axis, so that merging it copies nothing.

    >>> sizes = {"b": 2, "h": 3, "d": 4}
    >>> mergeable(("b", "h", "d"), [("b",), ("h", "d")], sizes)
    True
    >>> mergeable(("b", "h", "d"), [("h",), ("b", "d")], sizes)
    False
    """
    long = _long(stored, sizes)
    for group in groups:
        run = tuple([letter for letter in group if letter in long])
        start = long.index(run[0]) if run else 0
        if run != long[start : start + len(run)]:
            return False
    return True


def _long(letters: Letters, sizes: Mapping[str, int]) -> Letters:
    """The letters whose place in memory matters: an axis of size 1 lies anywhere."""
    return tuple([letter for letter in letters if index_size(sizes, letter) != 1])


def classify(
    target: Letters, left: Letters, right: Letters, sizes: Mapping[str, int]
) -> tuple[Contraction, bool]:
    """Sort the indices of a contraction into groups, and say whether the operands change sides.

    The sides are chosen so that the target's last index is a column; the order inside each group so
    that the fewest cells are copied to merge its axes, and else as the target has it.

    Args:
        target: Letters of the target, as written.
        left: Letters of the left operand in the order of its memory.
        right: Letters of the right operand in the order of its memory.
        sizes: Size of each index.

    >>> sizes = {"b": 8, "i": 4, "j": 3}
    >>> classify(("b", "j"), ("b", "i"), ("i", "j"), sizes)
    (Contraction(batch=(), rows=('b',), columns=('j',), contracted=('i',)), False)
    >>> classify(("b", "j"), ("i", "j"), ("b", "i"), sizes)
    (Contraction(batch=(), rows=('b',), columns=('j',), contracted=('i',)), True)
    """
    free_left = [i for i in target if i not in right]
    free_right = [i for i in target if i not in left]
    free = [i for i in target if i in free_left or i in free_right]
    last = (_long(tuple(free), sizes) or free or ("",))[-1]
    swapped = bool(free_right and (not free_left or last in free_left))
    if swapped:
        left, right = right, left
    batch = tuple([i for i in target if i in left and i in right])
    choices = product(
        _orders(target, left, right), _orders(target, right, left), _contracted(target, left, right)
    )

    def cost(choice: tuple[Letters, Letters, Letters]) -> int:
        rows, columns, contracted = choice
        return sum(
            0 if mergeable(side, [group, contracted], sizes) else elements(sizes, side)
            for side, group in ((left, rows), (right, columns))
        )

    rows, columns, contracted = min(choices, key=cost)
    return Contraction(batch, rows, columns, contracted), swapped


def _orders(target: Letters, side: Letters, other: Letters) -> list[Letters]:
    """The orders worth trying for the indices that only one side has."""
    written = tuple([i for i in target if i not in other])
    return [written, tuple([i for i in side if i in written])]


def _contracted(target: Letters, left: Letters, right: Letters) -> list[Letters]:
    return [tuple([i for i in side if i not in target]) for side in (left, right)]
