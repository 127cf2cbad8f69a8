"""Tables as text: cells in columns that line up, as explanations, histories and diagnoses print."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["aligned"]


def aligned(rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """A line for each row, its columns as wide as their widest cells and two blanks apart.

    Args:
        rows: Cells, as many in each row.
        left: How many columns, from the first on, stand at the left; the others, which hold
            numbers, stand at the right.

    >>> for line in aligned([("tensor", "norm"), ("h", "12.5"), ("", "3")]):
    ...     print(line)
    tensor  norm
    h       12.5
               3
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_cells(row, widths, left)).rstrip() for row in rows]


def _cells(row: Sequence[str], widths: Sequence[int], left: int) -> list[str]:
    cells = enumerate(zip(row, widths, strict=True))
    return [cell.ljust(w) if k < left else cell.rjust(w) for k, (cell, w) in cells]
