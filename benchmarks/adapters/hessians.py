"""Hessians of several tensors as blocks by the names of both sides, ``U,V``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Flat", "blocks"]


def blocks(
    nested: Mapping[str, Mapping[str, Any]], to_numpy: Callable[[Any], Any]
) -> dict[str, Any]:
    """The blocks of a mapping of mappings."""
    return {
        f"{first},{second}": to_numpy(block)
        for first, row in nested.items()
        for second, block in row.items()
    }


@dataclass(frozen=True)
class Flat:
    """Several tensors as parts of one vector.

    Attributes:
        shapes: Their shapes, in the order in which they follow each other.
    """

    shapes: Mapping[str, tuple[int, ...]]

    def parts(self) -> dict[str, slice]:
        """Where each lies."""
        found, start = {}, 0
        for name, shape in self.shapes.items():
            found[name] = slice(start, start + math.prod(shape))
            start = found[name].stop
        return found

    def split(self, vector: Any) -> dict[str, Any]:
        """The tensors."""
        return {
            name: vector[part].reshape(self.shapes[name]) for name, part in self.parts().items()
        }

    def blocks(self, matrix: Any) -> dict[str, Any]:
        """The blocks of a matrix whose rows and columns are such vectors."""
        return {
            f"{first},{second}": matrix[rows, columns].reshape(
                self.shapes[first] + self.shapes[second]
            )
            for first, rows in self.parts().items()
            for second, columns in self.parts().items()
        }
