"""Tables as text and as HTML: cells in columns that line up, as explanations and histories show them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from html import escape

__all__ = ["aligned", "html_table", "html_text"]

# A notebook's own style aligns all cells alike; colours are left to it, since it may be dark.
_LEFT = "text-align:left;white-space:pre;font-family:monospace"
_RIGHT = "text-align:right;white-space:pre;font-variant-numeric:tabular-nums"


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


def html_table(rows: Sequence[Sequence[str]], left: int = 1, strong: Collection[int] = ()) -> str:
    """The same table for a notebook: HTML without scripts and colours, all text escaped.

    Args:
        rows: Cells, as many in each row; the first row is the header.
        left: How many columns, from the first on, stand at the left in one width, as names and
            equations do; the others, which hold numbers, stand at the right.
        strong: Numbers of the rows that stand out, as a total does; the header is 0, and negative
            ones count from the end.

    >>> html = html_table([("tensor", "norm"), ("h<", "12.5"), ("total", "12.5")], strong=[-1])
    >>> "<b>total</b>" in html, "<td" in html, "h&lt;" in html
    (True, True, True)
    """
    if not rows:
        return "<table></table>"
    chosen = {number % len(rows) for number in strong}
    head, *body = (
        "<tr>" + "".join(_html_cells(row, left, head=k == 0, strong=k in chosen)) + "</tr>"
        for k, row in enumerate(rows)
    )
    return f"<table><thead>{head}</thead><tbody>{''.join(body)}</tbody></table>"


def html_text(text: str) -> str:
    """Text for a notebook, in lines as it is, escaped.

    >>> html_text("[x < 2]")
    '<pre>[x &lt; 2]</pre>'
    """
    return f"<pre>{escape(text)}</pre>"


def _html_cells(row: Sequence[str], left: int, *, head: bool, strong: bool) -> list[str]:
    tag = "th" if head else "td"
    texts = [f"<b>{escape(cell)}</b>" if strong else escape(cell) for cell in row]
    return [
        f'<{tag} style="{_LEFT if column < left else _RIGHT}">{text}</{tag}>'
        for column, text in enumerate(texts)
    ]
