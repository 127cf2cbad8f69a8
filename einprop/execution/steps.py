"""The vocabulary of a schedule: tensors, steps and what a step does, as plain data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from einprop.notation.tree import Equation

__all__ = [
    "Buffer",
    "Contraction",
    "Copy",
    "Diagonal",
    "Elementwise",
    "Embed",
    "Letters",
    "Literal",
    "Operand",
    "Operation",
    "Position",
    "Reduction",
    "Schedule",
    "Source",
    "Step",
    "Tensor",
    "elements",
    "index_size",
]

Letters = tuple[str, ...]
"""Index letters in an order that means something: of subscripts, or of axes in memory."""


@dataclass(frozen=True, slots=True)
class Operand:
    """A tensor at its subscripts, in the order in which they are written."""

    tensor: str
    indices: Letters


@dataclass(frozen=True, slots=True)
class Literal:
    """A number."""

    value: float


@dataclass(frozen=True, slots=True)
class Position:
    """The position that an index stands at: 0, 1, 2, … along its axis."""

    index: str


Source = Operand | Literal | Position


@dataclass(frozen=True, slots=True)
class Copy:
    """The same cells under other subscripts; an index that only the target has repeats them.

    An ``alias`` moves nothing: the target is the source's memory under another name.
    """

    alias: bool = False


@dataclass(frozen=True, slots=True)
class Diagonal:
    """Read along repeated subscripts: ``d[i] = A[i,i]``."""


@dataclass(frozen=True, slots=True)
class Embed:
    """Write along repeated subscripts, zeros elsewhere: ``C[i,i] = d[i]``."""


@dataclass(frozen=True, slots=True)
class Elementwise:
    """A function of one, two or three operands, cell by cell; operands broadcast by letter."""

    function: str


@dataclass(frozen=True, slots=True)
class Reduction:
    """``sum``, ``prod``, ``max`` or ``min`` over some of the operand's indices."""

    function: str
    indices: Letters


@dataclass(frozen=True, slots=True)
class Contraction:
    """A pairwise product, summed: ``target[batch, rows, columns]`` from two operands.

    Each index is classified by who has it: ``batch`` all three, ``rows`` left and target,
    ``columns`` right and target, ``contracted`` left and right. The order of the letters inside
    a group is the order in which its axes are best merged into one.
    """

    batch: Letters = ()
    rows: Letters = ()
    columns: Letters = ()
    contracted: Letters = ()

    @property
    def kind(self) -> str:
        """Which product of linear algebra this is.

        >>> Contraction(rows=("b",), columns=("j",), contracted=("i",)).kind
        'matmul'
        """
        free = bool(self.rows) + bool(self.columns)
        return ("batched " if self.batch else "") + ("dot", "matvec", "matmul")[free]


Operation = Copy | Diagonal | Embed | Elementwise | Reduction | Contraction


@dataclass(frozen=True, slots=True)
class Step:
    """One operation: a target, what it is computed from, and what that costs.

    Attributes:
        equation: The equation that the step comes from; several steps may share one.
        operation: What is done.
        target: The tensor written.
        operands: What is read.
        flops: Multiply-adds of a contraction, else one for each cell computed.
        bytes: Bytes read and written.
        constant: Whether the step reads no input, so that one run of it is enough.
    """

    equation: Equation
    operation: Operation
    target: Operand
    operands: tuple[Source, ...]
    flops: int = 0
    bytes: int = 0
    constant: bool = False


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor as it lies in memory.

    Attributes:
        name: The name in the program; a temporary's has a ``#``.
        shape: Sizes in the order of the subscripts.
        order: The axes from outermost to innermost in memory; ``(1, 0)`` is a transposed matrix.
        dtype: The schedule's dtype, or ``bool``.
        root: The tensor whose memory it is: itself, unless it is an alias.
        buffer: Number of its buffer in the schedule, or None for an input.
        first: The step that writes it (-1 for an input).
        last: The last step that reads it (the number of steps for an output).
    """

    name: str
    shape: tuple[int, ...]
    order: tuple[int, ...]
    dtype: str
    root: str
    buffer: int | None
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Buffer:
    """Memory for the tensors that take turns in it.

    The kind is ``arena`` (kept by the plan, dead between calls), ``output`` (fresh for each
    call) or ``constant`` (written once).
    """

    kind: str
    bytes: int
    tensors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Everything that a backend needs to know to write code."""

    dtype: str
    sizes: Mapping[str, int]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    tensors: Mapping[str, Tensor]
    steps: tuple[Step, ...]
    buffers: tuple[Buffer, ...]

    @property
    def flops(self) -> int:
        """Work of all steps that run at every call."""
        return sum(step.flops for step in self.steps if not step.constant)

    @property
    def arena_bytes(self) -> int:
        """Memory that the intermediates of one call take."""
        return sum(buffer.bytes for buffer in self.buffers if buffer.kind == "arena")

    def stored(self, operand: Operand) -> Letters:
        """The operand's letters in the order of its memory, outermost first."""
        return tuple([operand.indices[axis] for axis in self.tensors[operand.tensor].order])


def index_size(sizes: Mapping[str, int], index: str) -> int:
    """The size of an index; a primed one has the size of the unprimed unless it has its own.

    >>> index_size({"i": 3}, "i'")
    3
    """
    while index not in sizes and index.endswith("'"):
        index = index[:-1]
    return sizes[index]


def elements(sizes: Mapping[str, int], indices: Sequence[str]) -> int:
    """How many cells the indices span."""
    return math.prod([index_size(sizes, index) for index in indices])
