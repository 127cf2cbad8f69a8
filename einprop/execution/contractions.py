"""Products of matrices: which index plays which part, in what order, and what copies that takes."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter

from einprop.execution.cost import Machine, copied, distant, passed
from einprop.execution.layout import Stored, dense, long_letters, mergeable
from einprop.execution.steps import Contraction, Letters, elements

__all__ = ["classify", "contraction_order", "contraction_seconds", "merged"]


def contraction_order(
    contraction: Contraction, target: Letters, sizes: Mapping[str, int]
) -> Letters:
    """The order as written where a product can write it in place, else batch, rows, columns.

    BLAS writes into strided rows as fast as into dense ones; only the innermost axis must be dense.
    """
    groups = (contraction.rows, contraction.columns)
    innermost = long_letters(target, sizes)[-1:]
    ends = any(innermost == long_letters(group, sizes)[-1:] for group in groups)
    if ends and mergeable(dense(target, sizes), groups, sizes):
        return target
    return contraction.batch + contraction.rows + contraction.columns


def classify(
    target: Letters, left: Stored, right: Stored, sizes: Mapping[str, int], machine: Machine
) -> tuple[Contraction, bool]:
    """Sort the indices of a contraction into groups, and say whether the operands change sides.

    The sides are chosen so that the target's last index is a column; the order inside each group so
    that copies to merge its axes take least time, and else as the target has it.

    Args:
        target: Letters of the target, as written.
        left: How the left operand lies in memory.
        right: How the right operand does.
        sizes: Size of each index.
        machine: What its parts of the work take.

    >>> sizes = {"b": 8, "i": 4, "j": 3}
    >>> x, w = dense(("b", "i"), sizes), dense(("i", "j"), sizes)
    >>> classify(("b", "j"), x, w, sizes, Machine())
    (Contraction(batch=(), rows=('b',), columns=('j',), contracted=('i',)), False)
    >>> classify(("b", "j"), w, x, sizes, Machine())
    (Contraction(batch=(), rows=('b',), columns=('j',), contracted=('i',)), True)
    """
    free_left = [i for i in target if i not in right]
    free_right = [i for i in target if i not in left]
    free = [i for i in target if i in free_left or i in free_right]
    last = (long_letters(tuple(free), sizes) or free or ("",))[-1]
    swapped = bool(free_right and (not free_left or last in free_left))
    if swapped:
        left, right = right, left
    batch = tuple([i for i in target if i in left and i in right])

    def ordered(side: Stored, other: Stored, contracted: Letters) -> tuple[float, Letters]:
        """The order in which one side's own indices merge best, and the seconds that this takes."""
        groups = Contraction(batch, (), (), contracted)
        return min(
            (
                (0.0, free)
                if mergeable(side, [free, contracted], sizes)
                else (merged(groups, free, side, sizes, machine)[0], free)
                for free in _orders(target, side, other)
            ),
            key=itemgetter(0),
        )

    found = []
    for contracted in dict.fromkeys(_contracted(target, left, right)):
        (seconds, rows), (more, columns) = (
            ordered(left, right, contracted),
            ordered(right, left, contracted),
        )
        found.append((seconds + more, Contraction(batch, rows, columns, contracted)))
    return min(found, key=itemgetter(0))[1], swapped


def _orders(target: Letters, side: Stored, other: Stored) -> dict[Letters, None]:
    """The orders worth trying for the indices that only one side has."""
    written = tuple([i for i in target if i not in other])
    return dict.fromkeys((written, tuple([i for i in side if i in written])))


def _contracted(target: Letters, left: Stored, right: Stored) -> list[Letters]:
    return [tuple([i for i in side if i not in target]) for side in (left, right)]


def merged(
    groups: Contraction, free: Letters, side: Stored, sizes: Mapping[str, int], machine: Machine
) -> tuple[float, Letters]:
    """The seconds of a copy that a product can read as matrices, and the order of its letters."""
    return min(
        (copied(letters, side, sizes, machine), letters)
        for letters in (
            groups.batch + free + groups.contracted,
            groups.batch + groups.contracted + free,
        )
    )


def contraction_seconds(
    letters: Letters,
    target: Stored,
    left: Stored,
    right: Stored,
    sizes: Mapping[str, int],
    machine: Machine,
) -> float:
    """Seconds of a contraction, with the copies of operands that do not lie as it needs them."""
    groups, swapped = classify(
        tuple(i for i in letters if i in target), left, right, sizes, machine
    )
    if swapped:
        left, right = right, left
    seconds = machine.call
    for side, free in ((left, groups.rows), (right, groups.columns)):
        if not _usable(side, (free, groups.contracted), sizes):
            seconds += merged(groups, free, side, sizes, machine)[0]
    if not _usable(target, (groups.rows, groups.columns), sizes):
        order = groups.batch + groups.rows + groups.columns
        seconds += copied(order, target, sizes, machine)
    every = tuple(dict.fromkeys((*left, *right)))
    matrices = elements(sizes, groups.batch)
    if groups.batch and not (groups.rows and groups.columns):
        seconds += passed(tuple(left), [left, right], sizes, machine)
    seconds += distant([elements(sizes, tuple(side)) for side in (left, right, target)], machine)
    return seconds + matrices * machine.matrix + elements(sizes, every) * machine.multiply_add


def _usable(side: Stored, groups: tuple[Letters, Letters], sizes: Mapping[str, int]) -> bool:
    """Whether a product reads or writes a tensor where it lies, as matrices."""
    long = [side[i] for i in long_letters(groups[0] + groups[1], sizes)]
    return mergeable(side, groups, sizes) and (not long or 1 in long)
