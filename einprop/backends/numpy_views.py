"""Text that shows an array under other axes: transposed, merged, with new axes of size 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from einprop.execution.layout import Stored, dense, mergeable
from einprop.execution.steps import Letters, Tensor, elements

__all__ = [
    "View",
    "broadcast_axes",
    "cells_text",
    "permuted",
    "sliced_text",
    "subscripts",
    "tuple_text",
    "view_of",
]

Axes = Sequence[Letters]
"""The axes wanted, outermost first: each merges some letters; an empty one is new, of size 1."""


@dataclass(frozen=True, slots=True)
class View:
    """A way to look at an array: transpose it, then index with None or reshape it.

    Attributes:
        permutation: The axes in their new order, or empty where they keep theirs.
        shape: The shape to give it then, or None where no axes merge.
        inserted: For each axis then wanted, whether it is new.
        free: Whether no cell is copied.
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


def view_of(
    stored: Letters, axes: Axes, sizes: Mapping[str, int], strides: Stored | None = None
) -> View:
    """How to see an array under the wanted axes.

    Args:
        stored: The letters of its axes.
        axes: The axes wanted.
        sizes: Size of each index.
        strides: How many cells a step of each letter is, where the array is not dense.
    """
    wanted = [letter for axis in axes for letter in axis]
    permutation = tuple([stored.index(letter) for letter in wanted])
    merges = any(len(axis) > 1 for axis in axes)
    return View(
        () if permutation == tuple(range(len(stored))) else permutation,
        tuple([elements(sizes, axis) for axis in axes]) if merges else None,
        tuple([not axis for axis in axes]),
        not merges or mergeable(strides or dense(stored, sizes), axes, sizes),
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


def cells_text(tensor: Tensor, memory: str, item: int) -> str:
    """A tensor as it lies in dense memory, outermost axis first.

    Args:
        tensor: The tensor.
        memory: The variable that holds the memory.
        item: Bytes a cell.
    """
    shape = [tensor.shape[axis] for axis in tensor.order]
    strides = [tensor.strides[axis] for axis in tensor.order]
    parts = [tuple_text(shape), tensor.dtype, memory]
    cells, is_dense = 1, tensor.offset == 0
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        is_dense &= size == 1 or stride == cells
        cells *= size
    if not is_dense and cells:
        parts += [str(tensor.offset * item), tuple_text([stride * item for stride in strides])]
    return f"ndarray({', '.join(parts)})"


def sliced_text(base: str, tensor: Tensor, root: Tensor) -> str | None:
    """A window on an array with plain axes, if slices can show it.

    Args:
        base: The variable that holds the array.
        tensor: The window.
        root: The array; its axes lie as they are written.
    """
    starts, rest = [], tensor.offset
    for stride in root.strides:
        starts.append(rest // stride)
        rest %= stride
    parts, axes = [str(start) for start in starts], dict[int, int]()
    for letter, (size, stride) in enumerate(zip(tensor.shape, tensor.strides, strict=True)):
        axis = next(
            (n for n, s in enumerate(root.strides) if n not in axes and s <= abs(stride)), -1
        )
        if size == 1:
            continue
        if axis < 0 or stride % root.strides[axis]:
            return None
        step = stride // root.strides[axis]
        last = starts[axis] + step * (size - 1)
        if not 0 <= last < root.shape[axis]:
            return None
        stop = last + (1 if step > 0 else -1)
        axes[axis] = letter
        parts[axis] = slice_text(starts[axis], stop, step, root.shape[axis])
    return _placed(base, parts, axes, tensor)


def slice_text(start: int, stop: int, step: int, size: int) -> str:
    """A slice as it is written.

    >>> slice_text(0, 4, 1, 4), slice_text(1, 4, 2, 5), slice_text(3, -1, -1, 4)
    (':', '1:4:2', '3::-1')
    """
    if (start, stop, step) == (0, size, 1):
        return ":"
    first = str(start) if start or step < 0 else ""
    end = str(stop) if 0 <= stop < size else ""
    return f"{first}:{end}" + (f":{step}" if step != 1 else "")


def _placed(base: str, parts: list[str], axes: dict[int, int], tensor: Tensor) -> str:
    """Slices of an array with their axes in the order in which the tensor is stored."""
    index = parts if axes else [*parts, "..."]
    single = [axis for axis in tensor.order if axis not in axes.values()]
    text = base if all(part == ":" for part in parts) else f"{base}[{', '.join(index)}]"
    found = [axes[axis] for axis in sorted(axes)]
    kept = [axis for axis in tensor.order if axis not in single]
    text = permuted(text, tuple([found.index(axis) for axis in kept]))
    if single:
        text += f"[{', '.join('None' if axis in single else ':' for axis in tensor.order)}]"
    return text
