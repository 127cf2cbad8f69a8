"""Reductions: by one call of numpy, or position by position where few positions lie apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from einprop.execution.cost import Machine, passed
from einprop.execution.layout import Stored, dense, long_letters, mergeable
from einprop.execution.steps import Letters, elements, index_size

__all__ = ["is_unrolled", "reduction_seconds", "ways"]

_MOST = 32
"""Positions that are worth a call each."""


def reduction_seconds(
    function: str, side: Stored, indices: Letters, sizes: Mapping[str, int], machine: Machine
) -> float:
    """Seconds of a reduction in the better of its ways."""
    return min(ways(function, side, indices, sizes, machine))


def is_unrolled(
    function: str, side: Stored, indices: Letters, sizes: Mapping[str, int], machine: Machine
) -> bool:
    """Whether a pass for each position takes less than one call for all.

    Numpy starts anew at each run of cells: over the windows of a pooling layer, or over short rows, that
    is most of what it does.

    Args:
        function: What folds the cells.
        side: How the operand lies in memory.
        indices: The letters that are folded.
        sizes: Size of each index.
        machine: What its parts of the work take.

    >>> sizes = {"b": 2000, "k": 4}
    >>> is_unrolled("max", dense(("b", "k"), sizes), ("k",), sizes, Machine())
    True
    >>> is_unrolled("max", dense(("k", "b"), sizes), ("k",), sizes, Machine())
    False
    """
    whole, *unrolled = ways(function, side, indices, sizes, machine)
    return bool(unrolled) and unrolled[0] < whole


def ways(
    function: str, side: Stored, indices: Letters, sizes: Mapping[str, int], machine: Machine
) -> list[float]:
    """Seconds by one call and, where that can be, by a pass for each position."""
    whole = _whole(function, side, indices, sizes, machine)
    few = 1 < elements(sizes, indices) <= _MOST and len(indices) < len(side)
    if function in ("argmax", "argmin") or not few:
        return [whole]
    return [whole, _unrolled(side, indices, sizes, machine)]


def _whole(
    function: str, side: Stored, indices: Letters, sizes: Mapping[str, int], machine: Machine
) -> float:
    letters = tuple(side)
    seconds = machine.call + passed(letters, [side], sizes, machine)
    long = long_letters(letters, sizes)
    places = [place for place, letter in enumerate(long) if letter in indices]
    if not places or (function == "sum" and _is_product(side, long, places, sizes)):
        return seconds
    run = 1
    for letter in reversed(long):
        if (letter in indices) is not (long[-1] in indices):
            break
        run *= index_size(sizes, letter)
    return seconds + elements(sizes, letters) / max(run, 1) * machine.fold


def _is_product(
    side: Stored, long: Letters, places: Sequence[int], sizes: Mapping[str, int]
) -> bool:
    """Whether a sum over the letters at some places is a product with ones."""
    first, last = places[0], places[-1] + 1
    groups = [long[:first], long[first:last], long[last:]]
    return last - first == len(places) and mergeable(side, groups, sizes)


def _unrolled(side: Stored, indices: Letters, sizes: Mapping[str, int], machine: Machine) -> float:
    kept = tuple([letter for letter in side if letter not in indices])
    sides = [dense(kept, sizes), {letter: side[letter] for letter in kept}]
    each = machine.call + passed(kept, sides, sizes, machine)
    return (elements(sizes, indices) - 1) * each
