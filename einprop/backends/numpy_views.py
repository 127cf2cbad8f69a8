"""Text that shows an array under other axes: transposed, merged, with new axes of size 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from einprop.execution.layout import mergeable
from einprop.execution.steps import Letters, elements

__all__ = ["View", "broadcast_axes", "permuted", "subscripts", "tuple_text", "view_of"]

Axes = Sequence[Letters]
"""The axes wanted, outermost first: each merges some letters; an empty one is new, of size 1."""


@dataclass(frozen=True, slots=True)
class View:
    """A way to look at an array: transpose it, then index with None or reshape it.

    Attributes:
        permutation: The axes in their new order, or empty where they keep theirs.
        shape: The shape to give it then, or None where no axes merge.
        inserted: For each axis then wanted, whether it is new.
        free: Whether no cell is copied if the array is dense.
    """

    permutation: tuple[int, ...]
    shape: tuple[int, ...] | None
    inserted: tuple[bool, ...]
    free: bool

    def text(self, base: str) -> str:
        """The expression, given that of the array.

        >>> view_of(("i", "b"), [("b",), (), ("i",)], {"b": 2, "i": 3}).text("x")
        'x.T[:, None, :]'
        """
        text = permuted(base, self.permutation)
        if self.shape is not None:
            return f"{text}.reshape({', '.join(map(str, self.shape))})"
        if any(self.inserted):
            return f"{text}[{', '.join('None' if new else ':' for new in self.inserted)}]"
        return text


def view_of(stored: Letters, axes: Axes, sizes: Mapping[str, int]) -> View:
    """How to see an array that lies as ``stored`` under the wanted axes."""
    wanted = [letter for axis in axes for letter in axis]
    permutation = tuple([stored.index(letter) for letter in wanted])
    merges = any(len(axis) > 1 for axis in axes)
    return View(
        () if permutation == tuple(range(len(stored))) else permutation,
        tuple([elements(sizes, axis) for axis in axes]) if merges else None,
        tuple([not axis for axis in axes]),
        not merges or mergeable(stored, axes, sizes),
    )


def permuted(base: str, permutation: tuple[int, ...]) -> str:
    """``base`` with its axes permuted; an empty permutation leaves them.

    >>> permuted("x", (1, 0)), permuted("x", (0, 2, 1)), permuted("x", ())
    ('x.T', 'x.transpose(0, 2, 1)', 'x')
    """
    if permutation == tuple(range(len(permutation))):
        return base
    if permutation == tuple(reversed(range(len(permutation)))):
        return f"{base}.T"
    return f"{base}.transpose({', '.join(map(str, permutation))})"


def broadcast_axes(indices: Letters, target: Letters) -> list[Letters]:
    """The axes under which an operand lines up with the target; leading new ones go without saying.

    >>> broadcast_axes(("i",), ("b", "i", "j"))
    [('i',), ()]
    """
    axes: list[Letters] = [(letter,) if letter in indices else () for letter in target]
    while axes and not axes[0]:
        axes.pop(0)
    return axes


def tuple_text(parts: Sequence[object]) -> str:
    """The text of a tuple.

    >>> tuple_text([1]), tuple_text(["a", "b"])
    ('(1,)', '(a, b)')
    """
    inner = ", ".join(map(str, parts))
    return f"({inner},)" if len(parts) == 1 else f"({inner})"


def subscripts(*groups: Letters) -> str:
    """The letters of operands and result as einsum reads them.

    >>> subscripts(("b", "k"), ("b", "k"), ("b",)), subscripts(("k'", "k"), ("k",))
    ('bk,bk->b', 'ab->b')
    """
    alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    letters = dict.fromkeys(letter for group in groups for letter in group)
    plain = all(letter in alphabet for letter in letters)
    short = dict(zip(letters, letters if plain else alphabet, strict=False))
    *operands, result = ("".join([short[letter] for letter in group]) for group in groups)
    return f"{','.join(operands)}->{result}"
