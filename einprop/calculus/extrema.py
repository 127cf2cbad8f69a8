"""Accumulated extrema: which of the values that ``max=`` was given are the ones that stayed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from einprop.analysis.indices import target_indices
from einprop.calculus.partials import Partial
from einprop.notation.tree import (
    Access,
    Boundary,
    Call,
    Equation,
    Expression,
    Index,
    Iverson,
    Number,
)

__all__ = ["chosen", "counts_ties", "holds_value", "ties"]

_EXTREMA = ("max=", "min=")
_TIES = ".ties"


def holds_value(group: Sequence[Equation]) -> bool:
    """Whether each right side is the value of the cells that it is written to.

    So it is where ``=`` writes, and where ``max=`` is the only equation and names each cell once.
    """
    target = group[0].target
    plain = all(isinstance(s, Index) for s in target.subscripts)
    alone = len(group) == 1 and plain and len(target_indices(target)) == len(target.subscripts)
    return all(e.operator == "=" or (alone and e.operator in _EXTREMA) for e in group)


def chosen(equation: Equation) -> Partial | None:
    """What a change of the right side of ``max=`` counts for; None for other operators.

    Ties share evenly: ``[E == y[s]] / y.ties[s]``.
    """
    if equation.operator not in _EXTREMA:
        return None
    target = equation.target
    count: Expression = _count(target)
    if any(isinstance(s, Boundary) and s.mode == "pad" for s in target.subscripts):
        # Outside, where nothing is written, no value is counted.
        count = Call("maximum", (count, Number(1)))
    return Partial(
        equation.expression, (Iverson(equation.expression, "==", target),), below=(count,)
    )


def _count(target: Access) -> Access:
    return Access(f"{target.name}{_TIES}", target.subscripts)


def ties(equations: Sequence[Equation], wanted: Collection[str]) -> Iterator[Equation]:
    """For each cell of the wanted tensors that ``max=`` fills, how many values reach its own."""
    groups: dict[str, list[Equation]] = {}
    for equation in equations:
        groups.setdefault(equation.target.name, []).append(equation)
    for equation in equations:
        choice, name = chosen(equation), equation.target.name
        if choice is None or name not in wanted or holds_value(groups[name]):
            continue
        count = _count(equation.target)
        if count.name not in groups:
            yield Equation(
                count,
                "+=",
                choice.before[0],
                ranges=equation.ranges,
                inside=equation.inside,
                place=equation.place,
            )


def counts_ties(equation: Equation) -> bool:
    """Whether an equation is one that `ties` gives."""
    return equation.target.name.endswith(_TIES)
