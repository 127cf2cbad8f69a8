"""The vocabulary of a schedule: tensors, steps and what a step does, as plain data."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from einprop.notation.tree import Affine, Equation
    from einprop.passes.decisions import Decision

__all__ = [
    "Accumulate",
    "Buffer",
    "Contraction",
    "Copy",
    "Cumulation",
    "Elementwise",
    "Gather",
    "Letters",
    "Literal",
    "Loop",
    "Operand",
    "Operation",
    "Position",
    "Reduction",
    "Scatter",
    "Schedule",
    "Source",
    "Step",
    "Tensor",
    "Window",
    "elements",
    "index_size",
    "operand_letters",
]

Letters = tuple[str, ...]
"""Index letters in an order that means something: of subscripts, or of axes in memory."""


@dataclass(frozen=True, slots=True)
class Operand:
    """A tensor at its subscripts, in the order in which they are written.

    Where an operation has subscripts of its own, the tensor is meant whole: no indices.
    """

    tensor: str
    indices: Letters = ()


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
    """The same cells under other subscripts; an index that only the target has repeats them."""


@dataclass(frozen=True, slots=True)
class Window:
    """Another way to look at a tensor: ``w[i,p] = x[2*i+p]``, ``d[i] = A[i,i]``, ``t[j,i] = x[i,j]``.

    Nothing moves: the target is the source's memory with other strides. A contribution to an
    assembled tensor is written through a window too.
    """

    subscripts: tuple[Affine, ...]


@dataclass(frozen=True, slots=True)
class Gather:
    """Cells at positions that tensors hold: ``y[b,d] = E[tok[b],d]``.

    The operands are the source and then the tensors of positions.
    """

    subscripts: tuple[Affine | Operand, ...]


@dataclass(frozen=True, slots=True)
class Accumulate:
    """A contribution to cells of an assembled tensor; the target is a window on it.

    Attributes:
        function: ``add``, ``maximum``, ``minimum``, or ``copy`` where nothing was written before.
        loops: Letters to run over one after the other: with them fixed no cell is named twice.
        alone: Whether no other contribution writes these cells.
    """

    function: str
    loops: Letters = ()
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Scatter:
    """A contribution to cells at positions that tensors hold: ``E.grad[tok[b],d] += g[b,d]``.

    The operands are the value and then the tensors of positions.
    """

    function: str
    subscripts: tuple[Affine | Operand, ...]


@dataclass(frozen=True, slots=True)
class Cumulation:
    """Sums of all cells up to a position: ``y[t] = sum[s]([s <= t] x[s])``.

    Attributes:
        source: The letter of the operand's axis.
        target: The letter of that axis in the target.
        descending: Whether the sum runs from the position to the end.
        exclusive: Whether the position itself is left out.
    """

    source: str
    target: str
    descending: bool = False
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class Elementwise:
    """A function of one, two or three operands, cell by cell; operands broadcast by letter."""

    function: str


@dataclass(frozen=True, slots=True)
class Reduction:
    """``sum``, ``prod``, ``max`` or ``min`` over some indices; ``argmax`` or ``argmin`` over one.

    Attributes:
        function: Which of them.
        indices: The letters that are folded.
        unrolled: Whether their positions are folded one after the other, all other cells at once.
    """

    function: str
    indices: Letters
    unrolled: bool = False


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


Operation = (
    Copy
    | Window
    | Gather
    | Accumulate
    | Scatter
    | Cumulation
    | Elementwise
    | Reduction
    | Contraction
)


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
        fixed: The loop letter of each enclosing loop, the outermost first.
    """

    equation: Equation
    operation: Operation
    target: Operand
    operands: tuple[Source, ...]
    flops: int = 0
    bytes: int = 0
    constant: bool = False
    fixed: Letters = ()

    @property
    def tensors(self) -> list[Operand]:
        """The operands that are tensors, in order."""
        return [operand for operand in self.operands if isinstance(operand, Operand)]


@dataclass(frozen=True, slots=True)
class Loop:
    """Steps that run together, one position after the other; loops nest.

    Attributes:
        start: Number of the first step.
        stop: Number of the step after the last.
        size: How many positions; a step whose own letter has fewer runs at those only.
        descending: Whether the last position comes first.
    """

    start: int
    stop: int
    size: int
    descending: bool


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor as it lies in memory.

    Attributes:
        name: The name in the program; a temporary's has a ``#``.
        shape: Sizes in the order of the subscripts.
        order: The axes from outermost to innermost in memory; ``(1, 0)`` is a transposed matrix.
        offset: Where it begins in its memory, in cells.
        strides: How many cells a step along each axis is; 0 along a loop that it does not outlive.
        dtype: The schedule's dtype, ``bool``, or ``int64`` for an input that holds positions.
        root: The tensor whose memory it is: itself, unless it is a window on another.
        buffer: Number of its buffer in the schedule, or None for an input.
        first: The step that writes it (-1 for an input).
        last: The last step that reads it (the number of steps for an output).
    """

    name: str
    shape: tuple[int, ...]
    order: tuple[int, ...]
    offset: int
    strides: tuple[int, ...]
    dtype: str
    root: str
    buffer: int | None
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Buffer:
    """Memory for the tensors that take turns in it.

    The kind is ``arena`` (kept by the plan, dead between calls), ``output`` (fresh for each
    call), ``result`` (an output's, kept by the plan) or ``constant`` (written once).
    """

    kind: str
    bytes: int
    tensors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Everything that a backend needs to know to write code.

    Attributes:
        donated: The outputs that are written into an input's memory, with the input.
        guard: The scalar that must be finite for that; None if nothing must be.
        decisions: What was decided about how the steps run.
        weights: Sizes by which forms are chosen where they are not those of the letters.
    """

    dtype: str
    sizes: Mapping[str, int]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    tensors: Mapping[str, Tensor]
    steps: tuple[Step, ...]
    buffers: tuple[Buffer, ...]
    loops: tuple[Loop, ...] = ()
    donated: Mapping[str, str] = field(default_factory=dict)
    guard: str | None = None
    decisions: tuple[Decision, ...] = ()
    weights: Mapping[str, int] = field(default_factory=dict)

    @property
    def integers(self) -> tuple[str, ...]:
        """The inputs that hold positions: they are passed as arrays of int64."""
        return tuple([name for name in self.inputs if self.tensors[name].dtype == "int64"])

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

    def strides(self, operand: Operand) -> dict[str, int]:
        """How many cells a step of each of the operand's letters is."""
        return dict(zip(operand.indices, self.tensors[operand.tensor].strides, strict=True))


def index_size(sizes: Mapping[str, int], index: str) -> int:
    """The size of an index; a primed one has the size of the unprimed unless it has its own.

    >>> index_size({"i": 3}, "i'")
    3
    """
    while index not in sizes and index.endswith("'"):
        index = index[:-1]
    return sizes[index]


def elements(sizes: Mapping[str, int], indices: Iterable[str]) -> int:
    """How many cells the indices span."""
    return math.prod([index_size(sizes, index) for index in indices])


def operand_letters(source: Source) -> Letters:
    """The index letters that an operand depends on."""
    match source:
        case Operand(_, indices):
            return indices
        case Position(index):
            return (index,)
        case _:
            return ()
