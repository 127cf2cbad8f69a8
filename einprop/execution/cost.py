"""What numpy's calls cost on a machine, in seconds: the one estimate that every choice of the plan asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from einprop.execution.layout import Stored, dense, long_letters
from einprop.execution.steps import Letters, elements, index_size

__all__ = ["CELL", "Machine", "copied", "distant", "passed"]

CELL = 4
"""Bytes of a cell of float32."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Seconds that the parts of numpy's work take on one machine, for float32.

    Attributes:
        call: One call of numpy on a view.
        multiply_add: One multiply-add of a large product of matrices.
        matrix: Each further matrix of a stack of products.
        cell: One cell of an elementwise pass over memory that lies in order.
        run: Each run of cells after which an elementwise pass has to start anew.
        strided: One cell that does not lie beside the one before.
        fold: Each run of cells after which a reduction has to start anew.
        cache: Bytes that stay at hand.
        far: One cell of memory that does not, beyond what it takes otherwise.
        functions: One cell of a function that takes longer than an addition.
    """

    call: float = 5e-7
    multiply_add: float = 1.6e-11
    matrix: float = 4e-7
    cell: float = 2.5e-10
    run: float = 1.5e-8
    strided: float = 1.2e-9
    fold: float = 4e-8
    cache: float = 1.6e7
    far: float = 3e-10
    functions: Mapping[str, float] = field(
        default_factory=lambda: {
            "exp": 8e-10,
            "log": 9e-10,
            "tanh": 1.2e-9,
            "sigmoid": 1.6e-9,
            "divide": 4e-10,
            "power": 8e-9,
            "sqrt": 5e-10,
        }
    )


def passed(
    letters: Letters,
    sides: Sequence[Stored],
    sizes: Mapping[str, int],
    machine: Machine,
    function: str = "",
) -> float:
    """Seconds of one pass over cells, in the order of the letters, of tensors that lie as given."""
    run, inner = 1, None
    for letter in reversed(long_letters(letters, sizes)):
        size = index_size(sizes, letter)
        if inner is not None and any(
            side.get(letter, 0) != side.get(inner, 0) * index_size(sizes, inner) for side in sides
        ):
            break
        run *= size
        inner = letter
    cells = elements(sizes, letters)
    last = ("", *long_letters(letters, sizes))[-1]
    strided = sum(abs(side.get(last, 1)) > 1 for side in sides)
    return (
        cells * (machine.functions.get(function, machine.cell) + strided * machine.strided)
        + cells / max(run, 1) * machine.run
        + distant([cells] * len(sides), machine)
    )


def distant(cells: Sequence[int], machine: Machine) -> float:
    """Seconds that tensors of so many cells take because they do not stay in the cache together."""
    total = sum(cells)
    return total * machine.far if total * CELL > machine.cache else 0.0


def copied(letters: Letters, side: Stored, sizes: Mapping[str, int], machine: Machine) -> float:
    """Seconds of a copy into memory that is filled in the order of the letters."""
    return machine.call + passed(letters, [dense(letters, sizes), side], sizes, machine)
