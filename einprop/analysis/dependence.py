"""Which tensors depend on which: the equations of each, who reads whom, and what that reaches."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from einprop.analysis.indices import is_distinct
from einprop.notation.tree import Equation, reads

__all__ = [
    "assembled_tensors",
    "by_target",
    "is_contribution",
    "live",
    "numbers_by_target",
    "operands",
    "reached",
    "readers",
]


_Node = TypeVar("_Node", bound=Hashable)


def by_target(equations: Iterable[Equation]) -> dict[str, list[Equation]]:
    """The equations of each tensor, the tensors in the order in which they are first written."""
    groups: dict[str, list[Equation]] = {}
    for equation in equations:
        groups.setdefault(equation.target.name, []).append(equation)
    return groups


def numbers_by_target(equations: Iterable[Equation]) -> dict[str, list[int]]:
    """The numbers of the equations of each tensor, counted from 0."""
    groups: dict[str, list[int]] = {}
    for number, equation in enumerate(equations):
        groups.setdefault(equation.target.name, []).append(number)
    return groups


def is_contribution(equation: Equation) -> bool:
    """Whether an equation is one of those that a tensor is assembled from."""
    return equation.operator != "=" or not is_distinct(equation.target)


def assembled_tensors(equations: Iterable[Equation]) -> dict[str, str]:
    """The tensors that are put together by contributions, with the operator that does it."""
    return {e.target.name: e.operator for e in equations if is_contribution(e)}


def operands(equations: Iterable[Equation]) -> dict[str, set[str]]:
    """By defined tensor, the tensors that its equations read."""
    found: dict[str, set[str]] = {}
    for equation in equations:
        own = found.setdefault(equation.target.name, set())
        own.update(access.name for access in reads(equation))
    return found


def readers(equations: Iterable[Equation]) -> dict[str, set[str]]:
    """By tensor that is read, the tensors whose equations read it."""
    found: dict[str, set[str]] = {}
    for equation in equations:
        for access in reads(equation):
            found.setdefault(access.name, set()).add(equation.target.name)
    return found


def reached(edges: Mapping[_Node, set[_Node]], start: Iterable[_Node]) -> set[_Node]:
    """What some tensors (or steps) lead to, in one step or in many, those themselves included.

    >>> from einprop.notation.parser import parse
    >>> lines = parse("h = x; y = h; z = w")
    >>> sorted(reached(readers(lines), ["x"])), sorted(reached(operands(lines), ["y"]))
    (['h', 'x', 'y'], ['h', 'x', 'y'])
    """
    found = set(start)
    pending = list(found)
    while pending:
        new = edges.get(pending.pop(), set()) - found
        found |= new
        pending += new
    return found


def live(equations: Sequence[Equation], wanted: Iterable[str]) -> list[Equation]:
    """The equations that the wanted tensors need, in order, also where they need each other.

    >>> from einprop.notation.parser import parse
    >>> [e.target.name for e in live(parse("h = x; z = w; y = h"), ["y"])]
    ['h', 'y']
    """
    needed = reached(operands(equations), wanted)
    return [equation for equation in equations if equation.target.name in needed]
