"""Checks at the head of standalone code: the sizes of its arguments, by index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from einprop.backends.source_dialect import Dialect

__all__ = ["CHECK", "Size", "check_call", "check_helper"]

CHECK = "check_sizes"
"""The function that code brings along to check its arguments."""

Size = tuple[str, int | None]
"""The letter of an axis, and its size where the code is for that size alone."""

_HELPER = '''\
def check_sizes(tensors):
    """Refuse an array that lacks the sizes of its indices, as in {"x[b,i=4]": x}."""
    sizes = {}
    for tensor, array in tensors.items():
        shape = SHAPE
        indices = [i for i in tensor.partition("[")[2][:-1].split(",") if i]
        if len(shape) != len(indices):
            raise ValueError(f"{tensor} has rank {len(indices)}, not {len(shape)}")
        for axis, (index, size) in enumerate(zip(indices, shape)):
            index, _, fixed = index.partition("=")
            first = (int(fixed), "this code") if fixed else (size, tensor)
            wanted, where = sizes.setdefault(index, first)
            if size != wanted:
                raise ValueError(
                    f"index {index} has size {wanted} in {where}, "
                    f"but axis {axis} of {tensor} has size {size}"
                )'''


def check_helper(dialect: Dialect) -> str:
    """The text of the function that checks sizes."""
    return _HELPER.replace("SHAPE", dialect.shape_of("array"))


def check_call(arguments: Mapping[str, Sequence[Size]]) -> str:
    """The statement that checks the arguments, given as variables with the letters of their axes.

    >>> check_call({"x": [("b", None), ("i", 4)], "c": []})
    'check_sizes({"x[b,i=4]": x, "c": c})'
    """
    pairs = []
    for variable, axes in arguments.items():
        shown = [letter if size is None else f"{letter}={size}" for letter, size in axes]
        indices = f"[{','.join(shown)}]" if shown else ""
        pairs.append(f'"{variable}{indices}": {variable}')
    return f"{CHECK}({{{', '.join(pairs)}}})"
