"""Derived equations as a person would write them, one change after the other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum

from einprop.analysis.canonical import fold_equations
from einprop.analysis.definitions import collect_definitions
from einprop.analysis.resolve import Resolved
from einprop.calculus.axes import Domains
from einprop.calculus.elide import elide_sums, separate
from einprop.calculus.refold import refold
from einprop.notation.tree import Definition, Equation, accesses, declared_groups

__all__ = ["Change", "Reading", "claimed", "readable", "readings"]


class Change(Enum):
    """What makes derived equations easier to read."""

    READ = "what a tensor of the program holds is read"
    NAMED = "the prelude's names are given back"
    ELIDED = "implied sums are left out"


@dataclass(frozen=True)
class Reading:
    """Derived equations on their way to the reader.

    Attributes:
        change: What was done last.
        equations: All of them, after it.
    """

    change: Change
    equations: list[Equation]


def readable(resolved: Resolved, equations: Iterable[Equation]) -> Iterable[Equation]:
    """Derived equations that read the program's own tensors, with implied sums left out."""
    *_, reading = readings(resolved, equations)
    return reading.equations


def readings(resolved: Resolved, equations: Iterable[Equation]) -> Iterator[Reading]:
    """What `readable` does, one change after the other."""
    equations = list(equations)
    definitions = collect_definitions(resolved.statements)
    sized = {
        i for g in declared_groups(resolved.statements) if g.size is not None for i in g.indices
    }
    taken = claimed(resolved)
    own = [_refolded(equation, taken) for equation in resolved.equations]
    read = fold_equations(equations, resolved.equations)
    yield Reading(Change.READ, read)
    named = [_refolded(equation, taken) for equation in read]
    yield Reading(Change.NAMED, named)
    read = fold_equations(named, own)
    yield Reading(Change.READ, read)
    # Folding takes indices out of an equation, and what told their ranges.
    told = [
        Domains.of(derived).told(equation, sized, definitions.kept)
        for derived, equation in zip(equations, read, strict=True)
    ]
    yield Reading(Change.ELIDED, [elide_sums(equation, definitions) for equation in told])


def claimed(resolved: Resolved) -> set[str]:
    """The names to which the program itself gives a meaning."""
    tensors = (a.name.partition(".")[0] for e in resolved.equations for a in accesses(e))
    return {*tensors, *(s.name for s in resolved.statements if isinstance(s, Definition))}


def _refolded(equation: Equation, taken: Collection[str]) -> Equation:
    """The equation in the prelude's words where it has any; else in the order in which it was made."""
    separated = separate(equation.expression)
    folded = refold(separated, taken)
    return equation if folded == separated else replace(equation, expression=folded)
