"""Small sizes for the index letters of a program, so that what depends on sizes can be shown at once."""

from __future__ import annotations

from collections.abc import Mapping

from einprop.analysis.indices import equation_indices
from einprop.analysis.resolve import Resolved
from einprop.analysis.sizes import Sizes, bind_letters, unknown_letters
from einprop.errors import ShapeError

__all__ = ["small_sizes"]

_SMALLEST, _LARGEST = 2, 12


def small_sizes(resolved: Resolved, given: Mapping[str, int]) -> dict[str, int]:
    """Sizes by letter: those that are given, and small different ones for what they leave open.

    Args:
        resolved: The program.
        given: Sizes by letter; letters that the program does not have are left out.

    Raises:
        ShapeError: The sizes disagree with the program or with each other, or no small size fits.

    >>> from einprop.notation.parser import parse
    >>> from einprop.analysis.resolve import resolve
    >>> small_sizes(resolve(parse("y[b,j] = x[b,i] W[i,j] + B[j]")), {"i": 7, "z": 3})
    {'i': 7, 'b': 2, 'j': 3}
    """
    written = {index for equation in resolved.equations for index in equation_indices(equation)}
    sizes = {letter: size for letter, size in given.items() if letter in written}
    bound = bind_letters(resolved, sizes)
    while missing := [
        x for x in unknown_letters(bound).values() if x in written and x not in sizes
    ]:
        sizes[missing[0]], bound = _smallest(resolved, sizes, missing[0])
    return sizes


def _smallest(resolved: Resolved, sizes: Mapping[str, int], letter: str) -> tuple[int, Sizes]:
    """The first size that fits, one that no other letter has if there is one."""
    taken = set(sizes.values())
    candidates = sorted(range(_SMALLEST, _LARGEST + 1), key=lambda size: size in taken)
    for size in candidates:
        try:
            return size, bind_letters(resolved, {**sizes, letter: size})
        except ShapeError as error:
            refused = error
    raise refused
