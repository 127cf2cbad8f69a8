"""What becomes of what an equation reads: which of its indices go on, which are reduced, what recurs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from einprop.analysis.cells import unpadded
from einprop.analysis.definitions import Definitions
from einprop.analysis.indices import subscript_indices, target_indices
from einprop.analysis.recurrence import Loop
from einprop.analysis.scope import implied
from einprop.notation.tree import (
    Access,
    Affine,
    Call,
    Equation,
    Expression,
    Subscript,
    children,
    gathers,
    reads,
)

__all__ = ["Operand", "operands_of", "recurrent_reads"]


@dataclass(frozen=True, slots=True)
class Operand:
    """One read of an equation.

    Attributes:
        access: As it is written.
        kept: Its indices that reach the left side.
        reduced: The others, each with the function that takes it away: ``sum``, ``max``, ``mean``.
    """

    access: Access
    kept: tuple[str, ...]
    reduced: tuple[tuple[str, str], ...]


def operands_of(equation: Equation, definitions: Definitions) -> tuple[Operand, ...]:
    """What an equation reads, in the order of `reads`, with the fate of each index.

    Args:
        equation: As parsed.
        definitions: Tell which calls keep their indices.

    >>> from einprop.analysis.definitions import collect_definitions
    >>> from einprop.notation.parser import parse
    >>> line = parse("y[b] = max[j](relu(x[b,i] W[i,j]))")[0]
    >>> for operand in operands_of(line, collect_definitions(())):
    ...     print(operand.access.name, operand.kept, operand.reduced)
    x ('b',) (('i', 'sum'),)
    W () (('i', 'sum'), ('j', 'max'))
    """
    explicit = implied(equation, definitions) or equation.expression
    found = [_operand(access, calls) for access, calls in _reads(explicit, definitions)]
    return (*found, *(_operand(access, {}) for access in gathers(equation.target)))


def _operand(access: Access, reducers: dict[str, str]) -> Operand:
    letters = target_indices(access)
    return Operand(
        access,
        tuple(letter for letter in letters if letter not in reducers),
        tuple((letter, reducers[letter]) for letter in letters if letter in reducers),
    )


def _reads(
    expression: Expression, definitions: Definitions
) -> Iterator[tuple[Access, dict[str, str]]]:
    """Every access with the calls around it that take an index away, by index, innermost ones."""
    stack: list[tuple[Expression, dict[str, str]]] = [(expression, {})]
    while stack:
        node, reducers = stack.pop()
        if isinstance(node, Access):
            yield node, reducers
            yield from ((access, reducers) for access in gathers(node))
            continue
        if isinstance(node, Call) and node.indices:
            kept = definitions.kept(node)
            reducers = reducers | {i: node.function for i in node.indices if i not in kept}
        stack += [(child, reducers) for child in reversed(children(node))]


def recurrent_reads(
    equations: Sequence[Equation], found: Iterable[Loop]
) -> set[tuple[int, Access]]:
    """The reads that look at another position of a loop than the one that is written.

    Args:
        equations: Core equations, or the written ones that they come from.
        found: The loops of the core equations.

    Returns:
        Each read after the number of its equation.

    >>> from einprop.analysis.recurrence import loops
    >>> from einprop.notation.parser import parse
    >>> equations = parse("h[t] = tanh(x[t] + h[t-1] u)")
    >>> [read.subscripts for _, read in recurrent_reads(equations, loops(equations))]
    [(Affine(terms=((1, 't'),), constant=-1, end=0),)]
    """
    return {
        (number, read)
        for loop in _nested(found)
        for number, letter in loop.letters.items()
        for read in reads(equations[number])
        if read.name in {equations[other].target.name for other in loop.letters}
        and _positions(read, letter) != _positions(equations[number].target, letter)
    }


def _nested(found: Iterable[Loop]) -> Iterator[Loop]:
    """Loops and those inside of them."""
    for loop in found:
        yield loop
        yield from _nested(step for step in loop.body if isinstance(step, Loop))


def _positions(access: Access, letter: str) -> list[Affine | Subscript]:
    """Where an access stands along a letter, ``t`` and ``t+0`` being one."""
    at = (unpadded(s) for s in access.subscripts if letter in subscript_indices(s))
    return [s if isinstance(s, Affine) else Affine(((1, letter),)) for s in at]
