"""Programs as plain data: what the drawing makes, what the text says and PyTorch computes.

Nothing here comes from the package: an index carries its positions with it, every sum is a node, and a
clause says only what the text does not leave to its reader.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass


@dataclass(frozen=True)
class Letter:
    """An index of an equation: its name, positions from ``start`` to below ``stop``, declared type."""

    name: str
    start: int
    stop: int
    type: str | None = None

    @property
    def size(self) -> int:
        return max(self.stop - self.start, 0)

    @property
    def root(self) -> str:
        return self.name.rstrip("'")


# Subscripts


@dataclass(frozen=True)
class Affine:
    """``2*i + p - 1`` or ``end-i``, perhaps inside ``pad``, ``wrap`` or ``clamp``; ``i`` alone is plain."""

    terms: tuple[tuple[int, Letter], ...] = ()
    constant: int = 0
    end: int = 0
    mode: str = ""

    @property
    def plain(self) -> Letter | None:
        if len(self.terms) == 1 and self.terms[0][0] == 1 and not self.constant and not self.end:
            return None if self.mode else self.terms[0][1]
        return None


@dataclass(frozen=True)
class Joined:
    """``(h d)``: the last letter is the fastest."""

    letters: tuple[Letter, ...]


@dataclass(frozen=True)
class Read:
    """A tensor at subscripts, which may be reads of tensors of positions."""

    name: str
    subscripts: tuple[Affine | Joined | Read, ...] = ()


# Expressions


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Apply:
    """An operation or function of cells: ``+ * / ^ -``, a leaf, or a definition without indices."""

    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Over:
    """A reduction or definition with index parameters; ``silent`` sums are those that are implied."""

    function: str
    letters: tuple[Letter, ...]
    body: Expression
    silent: bool = False


@dataclass(frozen=True)
class Compare:
    """An Iverson bracket between combinations of positions, or of values."""

    left: Affine | Expression
    operator: str
    right: Affine | Expression


Expression = Number | Read | Apply | Over | Compare
Node = Expression | Affine | Joined


# Programs


@dataclass(frozen=True)
class Equation:
    """One line.

    Attributes:
        clauses: The indices whose ranges the text says.
    """

    target: Read
    operator: str
    expression: Expression
    clauses: tuple[Letter, ...] = ()


@dataclass(frozen=True)
class Loop:
    """Equations that depend on each other, one position of ``letter`` after the other.

    Attributes:
        before: Equations of cells before the first position (behind the last where it runs down).
        letter: By name, in each of the equations.
    """

    before: tuple[Equation, ...]
    body: tuple[Equation, ...]
    letter: Letter
    descending: bool = False


@dataclass(frozen=True)
class Tensor:
    """A tensor: the sizes and declared types of its axes, and which values it holds.

    Attributes:
        positions: If it holds positions, below which number.
        margin: Cells before the first and behind the last position of the first axis.
        infinite: Whether a cell may hold an infinity.
        late: Whether an axis is only as long as what is written needs, which another read may say first.
    """

    name: str
    shape: tuple[int, ...]
    types: tuple[str | None, ...]
    positions: int | None = None
    margin: tuple[int, int] = (0, 0)
    infinite: bool = False
    late: bool = False


@dataclass(frozen=True)
class Program:
    """Declarations, definitions and equations.

    Attributes:
        indices: Declared letters with their type and, where it is declared, its size.
        tensors: All of them, by name.
        declared: What ``input``, ``param``, ``output`` and ``local`` lines say: kind, tensor, letters.
        definitions: The names of the definitions that stand in it.
        parts: Equations and loops in order.
    """

    indices: tuple[tuple[str, str, int | None], ...]
    tensors: dict[str, Tensor]
    declared: tuple[tuple[str, str, tuple[str, ...]], ...]
    definitions: tuple[str, ...]
    parts: tuple[Equation | Loop, ...]

    @property
    def equations(self) -> Iterator[Equation]:
        for part in self.parts:
            yield from equations(part)

    @property
    def defined(self) -> list[str]:
        return list(dict.fromkeys(e.target.name for e in self.equations))

    @property
    def inputs(self) -> list[str]:
        found = {node.name for e in self.equations for node in walk(e) if isinstance(node, Read)}
        found |= {name for kind, name, _ in self.declared if kind in ("input", "param")}
        return [name for name in self.tensors if name in found.difference(self.defined)]


def equations(part: Equation | Loop) -> tuple[Equation, ...]:
    """The lines of a part of a program."""
    return (*part.before, *part.body) if isinstance(part, Loop) else (part,)


def at(name: str, along: Sequence[Letter]) -> Read:
    """A tensor at plain letters."""
    return Read(name, tuple(Affine(((1, x),)) for x in along))


def walk(node: object) -> Iterator[object]:
    """A node and all below it."""
    yield node
    if is_dataclass(node):
        for field in fields(node):
            yield from walk(getattr(node, field.name))
    elif isinstance(node, tuple):
        for child in node:
            yield from walk(child)


def letters(node: object) -> dict[Letter, None]:
    """Every letter in a node, in order."""
    return dict.fromkeys(n for n in walk(node) if isinstance(n, Letter))


def free(node: object) -> dict[Letter, None]:
    """The letters of a node that no reduction in it binds."""
    if isinstance(node, Over) and node.function not in KEPT:
        return {x: None for x in free(node.body) if x not in node.letters}
    if isinstance(node, Letter):
        return {node: None}
    found: dict[Letter, None] = {}
    if is_dataclass(node):
        for field in fields(node):
            found |= free(getattr(node, field.name))
    elif isinstance(node, tuple):
        for child in node:
            found |= free(child)
    return found


def spoken(node: Expression) -> Expression:
    """The expression with every sum written."""
    match node:
        case Over(function, along, body):
            return Over(function, along, spoken(body))
        case Apply(function, arguments):
            return Apply(function, tuple(map(spoken, arguments)))
        case Compare(left, operator, right):
            sides = (s if isinstance(s, Affine) else spoken(s) for s in (left, right))
            return Compare(next(sides), operator, next(sides))
        case _:
            return node


BINDING = ("mean", "var", "rms", "norm", "logsumexp", "spread")
KEPT = ("softmax", "log_softmax", "cumsum", "cumprod", "later")
"""Definitions whose indices stay."""

DEFINITIONS = {
    "swirl": "def swirl(x) = x tanh(x) + 0.3 x",
    "blend": "def blend(x, y) = sin(x) + 0.5 y x",
    "spread": "def spread[i](x) = sum[i](x^2) + sum[i,i'](x x[i']) / 4",
    "later": "def later[t](x) = sum[t']([t' > t] sin(x[t'])) + x",
}
