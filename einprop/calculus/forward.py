"""Forward mode: every equation once more, for how its tensor changes when the inputs do.

For an equation ``y[s] = E`` the tangent is

    y.dot[s] = sum over the reads x[r] in E of dE/dx[r] · x.dot[r]

with the same left side and operator; each read's tangent stands where the read stood.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from einprop.analysis.dependence import by_target
from einprop.analysis.indices import rename_apart, target_indices
from einprop.calculus.algebra import negate, total
from einprop.calculus.axes import Domains
from einprop.calculus.elide import sum_over
from einprop.calculus.extrema import chosen, holds_value, ties
from einprop.calculus.partials import Linearisation, partials, reduction_partial
from einprop.notation.functions import SINGLE_INDEX
from einprop.notation.tree import (
    Access,
    Add,
    Call,
    Equation,
    Expression,
    Negate,
)

__all__ = ["Tangent", "active_tensors", "forward"]


@dataclass(frozen=True)
class Tangent:
    """The tangent of a program.

    Attributes:
        equations: The tangents' equations, in an order in which they can run.
        tangents: By tensor that changes with the inputs, the name of its tangent.
    """

    equations: tuple[Equation, ...]
    tangents: dict[str, str]


def forward(equations: Sequence[Equation], wrt: Sequence[str], suffix: str = "dot") -> Tangent:
    """The tangent equations of core equations.

    Args:
        equations: The program.
        wrt: The inputs that change; their tangents come from outside.
        suffix: What the names of tangents end in.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> core = parse("y[b,j] = sum[i](x[b,i] W[i,j])")
    >>> for equation in forward(core, ["x", "W"]).equations:
    ...     print(to_text(equation))
    y.dot[b,j] = sum[i](x.dot[b,i] W[i,j]) + sum[i](x[b,i] W.dot[i,j])
    """
    active = dict.fromkeys(active_tensors(equations, wrt))
    single = {name: holds_value(group) for name, group in by_target(equations).items()}
    found: list[Equation] = []
    for equation in equations:
        name = equation.target.name
        if name in active:
            found += _tangent_equation(equation, active, suffix, single[name])
    counted = {e.target.name for e in equations if e.target.name in active}
    return Tangent(
        (*ties(equations, counted), *found), {name: f"{name}.{suffix}" for name in active}
    )


def active_tensors(equations: Sequence[Equation], wrt: Iterable[str]) -> tuple[str, ...]:
    """The tensors with a derivative for ``wrt``, themselves included: read on a path that none cuts."""
    active = dict.fromkeys(wrt)
    growing = True
    while growing:  # A recurrence may make an earlier tensor depend on a later one.
        growing = False
        for equation in equations:
            if equation.target.name not in active and any(_terms(equation, active, "dot", False)):
                active[equation.target.name] = None
                growing = True
    return tuple(active)


def _tangent_equation(
    equation: Equation, active: Collection[str], suffix: str, single: bool
) -> Iterator[Equation]:
    terms = tuple(_terms(equation, active, suffix, single))
    if not terms:
        return
    target = equation.target
    letters = frozenset(target_indices(target))
    operator = "=" if equation.operator == "=" or single else "+="
    left = replace(target, name=f"{target.name}.{suffix}")
    tangent = Equation(left, operator, rename_apart(total(terms), letters), place=equation.place)
    yield Domains.of(equation).told(tangent)


def _terms(
    equation: Equation, active: Collection[str], suffix: str, single: bool
) -> Iterator[Expression]:
    walker = Linearisation.of(equation, active, single=single)
    terms = _Forward(walker, suffix).terms(equation.expression)
    choice = None if single else chosen(equation)
    if choice is None:
        yield from terms
    elif terms:
        yield choice.forward(total(terms))


@dataclass(frozen=True)
class _Forward:
    """Takes tangents of expressions, as terms to be added."""

    walker: Linearisation
    suffix: str

    def terms(self, node: Expression) -> tuple[Expression, ...]:
        if not self.walker.depends(node):
            return ()
        match node:
            case Access(name):
                return (replace(node, name=f"{name}.{self.suffix}"),)
            case Add(parts):
                return tuple(term for part in parts for term in self.terms(part))
            case Negate(operand):
                return tuple(negate(term) for term in self.terms(operand))
            case Call("sum", (body,), indices) if indices:
                return tuple(sum_over(indices, term) for term in self.terms(body))
            case Call(function) if function in SINGLE_INDEX:
                return ()  # A position does not change by a little.
            case Call(_, (body,), indices) if indices:
                partial = reduction_partial(node, body, indices, self.walker.value)
                inner = self.terms(body)
                return (sum_over(indices, partial.forward(total(inner))),) if inner else ()
            case _:
                return tuple(self.operation(node))

    def operation(self, node: Expression) -> Iterator[Expression]:
        for partial in partials(node, self.walker.value):
            inner = self.terms(partial.operand)
            term = partial.forward(total(inner)) if inner else total(())
            if term != total(()):
                yield term
