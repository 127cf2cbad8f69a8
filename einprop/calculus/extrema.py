"""Accumulated extrema: which of the values that ``max=`` was given are the ones that stayed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from einprop.analysis.dependence import by_target
from einprop.analysis.indices import is_distinct
from einprop.calculus.partials import Partial
from einprop.notation.functions import keeps_extremum
from einprop.notation.tree import (
    Access,
    Boundary,
    Call,
    Equation,
    Expression,
    Iverson,
    Number,
)

__all__ = ["chosen", "counts_ties", "holds_value", "ties"]

_TIES = ".ties"


def holds_value(group: Sequence[Equation]) -> bool:
    """Whether each right side is the value of the cells that it is written to.

    So it is where ``=`` writes, and where ``max=`` is the only equation and names each cell once.
    """
    alone = len(group) == 1 and is_distinct(group[0].target)
    return all(e.operator == "=" or (alone and keeps_extremum(e.operator)) for e in group)


def chosen(equation: Equation) -> Partial | None:
    """What a change of the right side of ``max=`` counts for; None for other operators.

    Ties share evenly: ``[E == y[s]] / y.ties[s]``.
    """
    if not keeps_extremum(equation.operator):
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
    holding = {name: holds_value(group) for name, group in by_target(equations).items()}
    for equation in equations:
        choice, name = chosen(equation), equation.target.name
        if choice is None or name not in wanted or holding[name]:
            continue
        count = _count(equation.target)
        if count.name not in holding:
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
