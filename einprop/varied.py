"""Sizes that nobody gave, varied: one by one, together, and down to nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from einprop.analysis.indices import subscript_indices, target_indices
from einprop.analysis.sizes import Sizes, bind_sizes, longer_inputs, unknown_letters
from einprop.errors import ShapeError
from einprop.notation.printer import to_text
from einprop.notation.tree import Affine, Boundary, accesses

__all__ = ["Slack", "Varied"]

_SMALL = (0, 1, 2, 3, 5)
"""Sizes at which code may be another: nothing to fold, nothing to repeat, no room for a shift."""


@dataclass(frozen=True)
class Slack:
    """How much longer an axis of an input is than what is read of it."""

    tensor: str
    axis: int


class Varied:
    """A program's sizes as functions of those that nobody gave.

    Attributes:
        bound: The sizes that are given, and what follows.
        letters: The types without a size that the program's indices range over, with a letter each.
        variables: What is chosen freely: types, and how much longer an input may be.
    """

    def __init__(self, bound: Sizes, given: Collection[str]) -> None:
        self.bound = bound
        self.resolved = bound.resolved
        self.letters = unknown_letters(bound)
        types = self.resolved.types
        axes = [(n, k) for n in types.ranks for k in range(types.rank(n))]
        self.axes: dict[object, tuple[str, int]] = {
            types.axis(*axis): axis for axis in reversed(axes)
        }
        text = "\n".join(map(to_text, self.resolved.equations))
        constants = [int(n) for n in re.findall(r"(?<![\w.])\d{1,4}(?![\w.])", text)]
        self.constants = sorted({*constants})
        start = 11 + max(constants + [n for n in bound.known.values() if n < 10**4], default=0)
        self.variables: dict[object, int] = {}
        sizes = bound
        inner = {*self.inside()}
        # Loops go over what is smaller: over a kernel, not over an image.
        ranked = sorted(self.letters, key=lambda key: key not in inner)
        for key in (*ranked, *self.axes):
            if key not in sizes.known:
                self.variables[key] = start + 2 * len(self.variables)
                sizes = sizes.completed({key: self.variables[key]})
        told = {*given, *self.letters.values()}
        free = self.variables.keys()
        for axis, _ in longer_inputs(sizes, told):
            if types.axis(*axis) not in free:
                self.variables[Slack(*axis)] = start + 2 * len(self.variables)

    def inside(self) -> Iterator[object]:
        """The types of the letters that move windows and are summed, as a kernel's."""
        for number, equation in enumerate(self.resolved.equations):
            left = {*target_indices(equation.target)}
            for access in accesses(equation):
                for subscript in access.subscripts:
                    letters = {*subscript_indices(subscript)}
                    if isinstance(subscript, Affine | Boundary) and len(letters) > 1:
                        for letter in letters - left:
                            yield self.resolved.types.letter(number, letter)

    def at(self, values: Mapping[object, int]) -> Sizes:
        """The sizes of everything where the variables have these."""
        sizes, types = self.bound, self.resolved.types
        for key, size in values.items():
            if not isinstance(key, Slack) and sizes.known.get(key) != size:
                if key in sizes.known:
                    raise ShapeError("two sizes meet")
                sizes = sizes.completed({key: size})
        more: dict[object, int] = {
            types.axis(key.tensor, key.axis): size
            for key, size in values.items()
            if isinstance(key, Slack)
        }
        known = {**sizes.known, **{k: sizes.known[k] + n for k, n in more.items()}}
        return Sizes(self.resolved, known)

    def taken(self, values: Mapping[object, int]) -> bool:
        """Whether a call takes these sizes, all inputs being no longer than needed, for the same."""
        exact = {key: 0 if isinstance(key, Slack) else size for key, size in values.items()}
        sizes = self.at(exact)
        shapes = {name: sizes.shape(name) for name in self.resolved.names.inputs}
        found = bind_sizes(self.resolved, {n: s for n, s in shapes.items() if s is not None})
        return all(sizes.known.get(key, size) == size for key, size in found.known.items())

    def key(self, variable: object) -> object:
        """The type of a variable."""
        if isinstance(variable, Slack):
            return self.resolved.types.axis(variable.tensor, variable.axis)
        return variable

    def changed(self, more: Mapping[object, int]) -> dict[object, int]:
        """The variables with other values."""
        return {**self.variables, **more}

    def singly(self) -> Iterator[tuple[object, dict[object, int]]]:
        """The variables with one of them larger."""
        for key, size in self.variables.items():
            yield key, self.changed({key: size + 1})

    def together(self) -> Iterator[dict[object, int]]:
        """The variables with all of them larger, the first ones most and the last ones most."""
        keys = [key for key in self.variables if not isinstance(key, Slack)]
        slack: dict[object, int] = {
            key: size + 5 for key, size in self.variables.items() if isinstance(key, Slack)
        }
        start = 2 * max(self.variables.values(), default=0) + 3
        for order in (keys, keys[::-1]):
            yield {**{key: start + 3 * n * n for n, key in enumerate(order)}, **slack}

    def small(self, key: object, *, few: bool) -> list[int]:
        """The small sizes of a variable that are tried."""
        near = {n + d for n in self.constants for d in (-1, 0, 1)}
        found = {0, 1} if few else {*_SMALL, *near}
        return sorted(n for n in found if 0 <= n < self.variables[key])
