"""The tree of a program: frozen nodes that every pass reads and writes, each keeping its place in the text.

    Program   = tuple of statements
    statement = IndexDeclaration | TensorDeclaration | Definition | Equation | Backward
    Equation  = target: Access, operator, expression, ranges
    expression = Number | Access | IndexValue | Negate | Add | Multiply | Divide | Power | Call | Iverson
    subscript = Index | Affine | Access | Group | Boundary

Nodes compare by what they mean; their place in the text does not take part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from operator import is_
from typing import Any

from einprop.errors import Place

__all__ = [
    "Access",
    "Add",
    "Affine",
    "Backward",
    "Boundary",
    "Call",
    "Definition",
    "Divide",
    "Equation",
    "Expression",
    "Group",
    "Index",
    "IndexDeclaration",
    "IndexGroup",
    "IndexValue",
    "Iverson",
    "Multiply",
    "Negate",
    "Node",
    "Number",
    "Power",
    "Range",
    "Size",
    "Statement",
    "Subscript",
    "TensorDeclaration",
    "accesses",
    "children",
    "declared_groups",
    "equations_of",
    "expression_reads",
    "gathers",
    "map_children",
    "reads",
    "transform",
    "walk",
]

Size = tuple[int | str, ...]
"""A sum of integers and names of types: ``n+2`` is ``("n", 2)``."""


def _place() -> Place | None:
    return field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Index:
    """A subscript that is one index: ``i``."""

    name: str
    place: Place | None = _place()


@dataclass(frozen=True, slots=True)
class Affine:
    """A subscript that is an integer combination: ``2*i+p-1``, ``end-i``, ``7``.

    ``terms`` holds (coefficient, index) in order of first appearance, no coefficient 0 and no index
    twice; ``end`` counts the last position of the axis. A plain index is an `Index` and ranges over the
    whole axis; ``i+0`` is the `Affine` that stands at i and does not say so.
    """

    terms: tuple[tuple[int, str], ...]
    constant: int = 0
    end: int = 0
    place: Place | None = _place()


@dataclass(frozen=True, slots=True)
class Group:
    """A subscript that joins or splits an axis row-major: ``(h d)``."""

    indices: tuple[str, ...]
    place: Place | None = _place()


@dataclass(frozen=True, slots=True)
class Boundary:
    """A subscript with a rule for positions outside: ``pad(i+p-1)``, ``wrap(i+1)``, ``clamp(i)``."""

    mode: str
    subscript: Index | Affine
    place: Place | None = _place()


@dataclass(frozen=True, slots=True)
class Number:
    """A literal; in parsed text finite and not negative (``-2`` is ``Negate(Number(2))``)."""

    value: int | float
    place: Place | None = _place()


@dataclass(frozen=True, slots=True)
class Access:
    """A tensor read or written at subscripts: ``W[i,j]``; a scalar has none."""

    name: str
    subscripts: tuple[Subscript, ...] = ()
    place: Place | None = _place()


@dataclass(frozen=True, slots=True)
class IndexValue:
    """The position that an index stands at, as a number inside an Iverson bracket: ``[q >= k]``."""

    name: str
    place: Place | None = _place()


@dataclass(frozen=True, slots=True)
class Negate:
    """``-operand``; binds weaker than products: ``-a b`` is ``-(a b)``."""

    operand: Expression
    place: Place | None = _place()


@dataclass(frozen=True, slots=True)
class Add:
    """``a + b - c``: two or more terms, a subtracted one is a `Negate`."""

    terms: tuple[Expression, ...]
    place: Place | None = _place()


@dataclass(frozen=True, slots=True)
class Multiply:
    """``a b c``: two or more factors."""

    factors: tuple[Expression, ...]
    place: Place | None = _place()


@dataclass(frozen=True, slots=True)
class Divide:
    """``numerator / denominator``."""

    numerator: Expression
    denominator: Expression
    place: Place | None = _place()


@dataclass(frozen=True, slots=True)
class Power:
    """``base ^ exponent``."""

    base: Expression
    exponent: Expression
    place: Place | None = _place()


@dataclass(frozen=True, slots=True)
class Call:
    """A function or reduction: ``exp(x[i])``, ``sum[i,j](x[i,j])``, ``softmax[k](s[k])``."""

    function: str
    arguments: tuple[Expression, ...]
    indices: tuple[str, ...] = ()
    place: Place | None = _place()


@dataclass(frozen=True, slots=True)
class Iverson:
    """``[left operator right]``: 1 where the comparison holds, else 0."""

    left: Expression
    operator: str
    right: Expression
    place: Place | None = _place()


Expression = (
    Number | Access | IndexValue | Negate | Add | Multiply | Divide | Power | Call | Iverson
)
Subscript = Index | Affine | Access | Group | Boundary


@dataclass(frozen=True, slots=True)
class Range:
    """``where index in start:stop``."""

    index: str
    start: Size
    stop: Size
    place: Place | None = _place()


@dataclass(frozen=True)
class Equation:
    """``target operator expression``; the operator is one of ``= += max= min=``.

    Behind ``where`` stand ranges of indices, and accesses that must stay inside of their tensor.
    """

    target: Access
    operator: str
    expression: Expression
    ranges: tuple[Range, ...] = ()
    inside: tuple[Access, ...] = ()
    place: Place | None = _place()

    @cached_property
    def reads(self) -> tuple[Access, ...]:
        """Every access that it reads; see the function of that name, which every pass asks."""
        return (*expression_reads(self.expression), *gathers(self.target))


@dataclass(frozen=True, slots=True)
class IndexGroup:
    """One clause of an index declaration: ``q, k: position < 128``."""

    indices: tuple[str, ...]
    type: str
    size: Size | None = None
    place: Place | None = _place()


@dataclass(frozen=True, slots=True)
class IndexDeclaration:
    """``index b: batch, i: pixel``."""

    groups: tuple[IndexGroup, ...]
    place: Place | None = _place()


@dataclass(frozen=True, slots=True)
class TensorDeclaration:
    """``input x[b,i], t[b,k]``; the kind is ``input``, ``param``, ``output`` or ``local``."""

    kind: str
    tensors: tuple[Access, ...]
    place: Place | None = _place()


@dataclass(frozen=True, slots=True)
class Definition:
    """``def log_softmax[k](s) = s - logsumexp[k](s)``."""

    name: str
    indices: tuple[str, ...]
    parameters: tuple[str, ...]
    body: Expression
    place: Place | None = _place()


@dataclass(frozen=True, slots=True)
class Backward:
    """``backward x.grad[i] += y.grad[i] w[i]``: a line of the backward pass, written by hand.

    One that starts with ``override`` may differ from what would be derived.
    """

    equation: Equation
    override: bool = False
    place: Place | None = _place()


Statement = IndexDeclaration | TensorDeclaration | Definition | Equation | Backward
Node = Expression | Subscript | Statement


def equations_of(statements: Iterable[Statement]) -> tuple[Equation, ...]:
    """The equations among a program's statements."""
    return tuple([s for s in statements if isinstance(s, Equation)])


def declared_groups(statements: Iterable[Statement]) -> Iterator[IndexGroup]:
    """The clauses of a program's index declarations."""
    for statement in statements:
        if isinstance(statement, IndexDeclaration):
            yield from statement.groups


_CHILDREN: dict[type, Callable[[Any], tuple[Expression, ...]]] = {
    Negate: lambda node: (node.operand,),
    Add: lambda node: node.terms,
    Multiply: lambda node: node.factors,
    Divide: lambda node: (node.numerator, node.denominator),
    Power: lambda node: (node.base, node.exponent),
    Call: lambda node: node.arguments,
    Iverson: lambda node: (node.left, node.right),
}
"""The sub-expressions by kind of node: looked up, for every pass asks for them at every node."""


def _nothing(node: object) -> tuple[Expression, ...]:
    return ()


_REBUILT: dict[type, Callable[[Any, tuple[Any, ...]], Expression]] = {
    Negate: lambda node, below: Negate(below[0], node.place),
    Add: lambda node, below: Add(below, node.place),
    Multiply: lambda node, below: Multiply(below, node.place),
    Divide: lambda node, below: Divide(below[0], below[1], node.place),
    Power: lambda node, below: Power(below[0], below[1], node.place),
    Call: lambda node, below: Call(node.function, below, node.indices, node.place),
    Iverson: lambda node, below: Iverson(below[0], node.operator, below[1], node.place),
}
"""The same node with other children, by its kind."""


def children(expression: Expression) -> tuple[Expression, ...]:
    """The sub-expressions, in the order of the text (subscripts are not among them)."""
    return _CHILDREN.get(type(expression), _nothing)(expression)


def map_children(
    expression: Expression, function: Callable[[Expression], Expression]
) -> Expression:
    """The same node with ``function`` applied to each child; itself where that changes none."""
    below = _CHILDREN.get(type(expression), _nothing)(expression)
    if not below:
        return expression
    found = tuple([function(child) for child in below])
    if all(map(is_, found, below)):
        return expression
    return _REBUILT[type(expression)](expression, found)


def transform(expression: Expression, function: Callable[[Expression], Expression]) -> Expression:
    """The tree rebuilt from its leaves up, ``function`` applied to every node."""
    return function(map_children(expression, lambda child: transform(child, function)))


def walk(expression: Expression) -> Iterator[Expression]:
    """Every node of the tree, parents before children, in the order of the text."""
    stack = [expression]
    while stack:
        node = stack.pop()
        yield node
        below = _CHILDREN.get(type(node), _nothing)(node)
        if below:
            stack.extend(below[::-1])


def reads(equation: Equation) -> tuple[Access, ...]:
    """Every access that an equation reads, tensors that stand in subscripts too.

    Those of the right side come in the order of the text, then those in the target's subscripts.
    """
    return equation.reads


def expression_reads(expression: Expression) -> list[Access]:
    """Every access of an expression in the order of the text, tensors that stand in subscripts too."""
    found: list[Access] = []
    stack = [expression]
    while stack:
        node = stack.pop()
        if isinstance(node, Access):
            found.append(node)
            found += gathers(node)
        elif below := _CHILDREN.get(type(node), _nothing)(node):
            stack.extend(below[::-1])
    return found


def gathers(access: Access) -> list[Access]:
    """The integer tensors in the subscripts of an access, nested ones too."""
    found: list[Access] = []
    for subscript in access.subscripts:
        if isinstance(subscript, Access):
            found.append(subscript)
            found += gathers(subscript)
    return found


def accesses(equation: Equation) -> list[Access]:
    """Every access of an equation, the target first, those that only bound an index last."""
    return [equation.target, *reads(equation), *equation.inside]
