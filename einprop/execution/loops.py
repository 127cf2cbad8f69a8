"""Steps that run many times: which loops are around a step, and which tensors last one position only."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from einprop.execution.steps import Accumulate, Loop, Operand, Scatter, Step, Window
from einprop.notation.tree import Affine

__all__ = ["around", "transient"]


def around(loops: Sequence[Loop], count: int) -> list[tuple[int, ...]]:
    """The numbers of the loops around each of ``count`` steps, outer ones first.

    >>> around([Loop(1, 4, 9, False), Loop(2, 3, 5, True)], 5)
    [(), (0,), (0, 1), (0,), ()]
    """
    if not loops:
        return [()] * count
    entered: dict[int, list[int]] = {}
    for n, loop in enumerate(loops):
        entered.setdefault(loop.start, []).append(n)
    found: list[tuple[int, ...]] = []
    inside: tuple[int, ...] = ()
    for number in range(count):
        inside = tuple([n for n in inside if number < loops[n].stop])
        new = [n for n in entered.get(number, ()) if number < loops[n].stop]
        inside = tuple(sorted((*inside, *new))) if new else inside
        found.append(inside)
    return found


def transient(
    steps: Sequence[Step], enclosing: Sequence[tuple[int, ...]], kept: Collection[str]
) -> dict[str, frozenset[int]]:
    """For each tensor that a loop makes, the loops in which only the position at hand is read.

    Along such a loop the tensor needs memory for one position.

    Args:
        steps: The steps.
        enclosing: The loops around each.
        kept: Tensors that are wanted whole.
    """
    root: dict[str, str] = {}
    axes: dict[tuple[str, int], int] = {}
    found: dict[str, frozenset[int]] = {}
    for step, loops in zip(steps, enclosing, strict=True):
        letters = dict(zip(loops, step.fixed, strict=True))
        target = step.target.tensor
        for operand in step.tensors:
            name = root.get(operand.tensor)
            if name is not None:
                same = [n for n in found[name] if _follows(step, operand, axes, n, letters)]
                found[name] = frozenset(same)
        made = not isinstance(step.operation, Window | Accumulate | Scatter)
        if isinstance(step.operation, Window):
            (source,) = step.tensors
            if source.tensor in root:
                root[target] = root[source.tensor]
        elif made and target not in kept:
            root[target] = target
            found[target] = frozenset(loops)
        for loop, letter in letters.items():
            if letter in step.target.indices:
                axes[target, loop] = step.target.indices.index(letter)
    return found


def _follows(
    step: Step,
    operand: Operand,
    axes: dict[tuple[str, int], int],
    loop: int,
    letters: dict[int, str],
) -> bool:
    """Whether a step reads an operand at the loop's own position alone."""
    letter, axis = letters.get(loop), axes.get((operand.tensor, loop))
    if letter is None:
        return False
    if axis is None:
        return True
    if isinstance(step.operation, Window):
        places = step.operation.subscripts
        others = [term for n, p in enumerate(places) if n != axis for term in p.terms]
        return places[axis] == Affine(((1, letter),)) and letter not in [i for _, i in others]
    return axis < len(operand.indices) and operand.indices[axis] == letter
