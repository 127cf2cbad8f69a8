"""Lines of emitted Python in blocks: a function's own, and those of the loops inside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from einprop.execution.steps import Loop

__all__ = ["Block", "indented", "slices"]


@dataclass
class Block:
    """Lines that run together, the variables that they define, and what a loop runs over.

    Attributes:
        loop: The loop, or None for the function itself.
        lines: What runs at each position.
        memo: The variable for each value that was asked for here.
        items: The loop variable for each list that the loop runs over.
    """

    loop: Loop | None = None
    lines: list[str] = field(default_factory=list)
    memo: dict[tuple[str, ...], str] = field(default_factory=dict)
    items: dict[str, str] = field(default_factory=dict)

    def text(self) -> list[str]:
        """The loop as lines of the block around it."""
        if not self.lines:
            return []
        names, lists = list(self.items.values()), list(self.items)
        source = lists[0] if len(lists) == 1 else f"zip({', '.join(lists)})"
        head = f"for {', '.join(names)} in {source}:"
        return [head, *(f"    {line}" for line in self.lines)]


def slices(array: NDArray[Any], *loops: tuple[int, int]) -> Any:
    """An array as nested lists of views, one list for each of its first axes, in a loop's order.

    Args:
        array: Its first axes are those of the loops.
        *loops: For each the step, 1 or -1, and how many positions the loop has; at positions
            beyond the array's there is None.

    >>> import numpy as np
    >>> slices(np.arange(3), (-1, 4))
    [None, array(2), array(1), array(0)]
    """
    if not loops:
        return array
    (step, size), *inner = loops
    found = [slices(array[position, ...], *inner) for position in range(len(array))]
    found += [None] * (size - len(array))
    return found[::step]


def indented(lines: Sequence[str], condition: str) -> list[str]:
    """The lines under a condition, or as they are where there is none."""
    return [f"if {condition}:", *(f"    {line}" for line in lines)] if condition else list(lines)
