"""Reverse mode: for every read of a tensor an equation that adds to its cotangent.

For an equation ``y[s] = E`` and a read ``x[r]`` in E the rule is

    x.grad[r] += y.grad[s] · dE/dx[r]

summed over every index that is not in r, because it is not on the left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from einprop.analysis.indices import (
    equation_indices,
    expression_indices,
    free_indices,
    fresh_index,
    rename_apart,
    rename_indices,
    target_indices,
)
from einprop.analysis.recurrence import Loop, order
from einprop.calculus.algebra import constant, negate, number, power, product, quotient
from einprop.calculus.elide import sum_over
from einprop.calculus.rules import leaf_derivative
from einprop.notation.functions import SINGLE_INDEX
from einprop.notation.tree import (
    Access,
    Add,
    Call,
    Divide,
    Equation,
    Expression,
    Index,
    IndexValue,
    Iverson,
    Multiply,
    Negate,
    Number,
    Power,
    accesses,
    reads,
    transform,
    walk,
)

__all__ = ["Adjoint", "cotangent_suffix", "reverse"]

_ONE = Number(1)
_Contribution = tuple[Access, Expression]


@dataclass(frozen=True)
class Adjoint:
    """The adjoint of a program.

    Attributes:
        equations: The cotangents' equations, in an order in which they can run.
        seeds: By differentiated tensor, the cotangent that must be given from outside.
        gradients: By input, the tensor that holds its gradient; inputs that nothing differentiated
            depends on are absent.
    """

    equations: tuple[Equation, ...]
    seeds: dict[str, str]
    gradients: dict[str, str]


def cotangent_suffix(equations: Iterable[Equation]) -> str:
    """``grad``, or ``grad2``, … if the equations hold cotangents of an earlier derivation."""
    names = {a.name for equation in equations for a in accesses(equation)}
    used = [int(m[1] or 1) for name in names for m in re.finditer(r"\.grad(\d*)(?=\.|$)", name)]
    return f"grad{max(used) + 1}" if used else "grad"


def reverse(
    equations: Sequence[Equation], of: Sequence[str], wrt: Sequence[str], suffix: str = "grad"
) -> Adjoint:
    """The adjoint equations of core equations.

    Args:
        equations: The forward program.
        of: The tensors that are differentiated; each is seeded with a cotangent of its shape.
        wrt: The inputs whose gradients are wanted.
        suffix: What the names of cotangents end in.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> for equation in reverse(parse("y[b,j] = sum[i](x[b,i] W[i,j])"), ["y"], ["W"]).equations:
    ...     print(to_text(equation))
    W.grad[i,j] += sum[b](y.grad[b,j] x[b,i])
    """
    active = _active(equations, wrt)
    seeds: dict[str, str] = {}
    adjoint: list[Equation] = []
    cyclic = _read_before_complete(equations)
    reached = (set(of) | (_ancestors(equations, of) & cyclic)) & active
    accumulated: set[str] = set()
    for name, group in _by_target_backwards(equations):
        if name not in reached:
            continue
        if name in of:
            shared = f"{name}.{suffix}" in accumulated or name in cyclic
            seeds[name] = f"{name}.seed" if shared else f"{name}.{suffix}"
            if shared:
                adjoint.append(_seed_equation(group, seeds[name], suffix))
        for equation in group:
            single = all(e.operator == "=" for e in group)
            if equation.operator in _EXTREMA and not _is_reduction(group):
                adjoint.append(_count_ties(equation))
            for target, expression in _contributions(equation, group, active, suffix, single):
                reached.add(target.name)
                adjoint.append(_adjoint_equation(equation, target, expression, suffix))
                accumulated.add(adjoint[-1].target.name)
    # A cycle may turn out to carry nothing.
    dead = [n for n in cyclic & reached if f"{n}.{suffix}" not in accumulated and n not in of]
    for name in dead:
        target = next(e.target for e in equations if e.target.name == name)
        adjoint.append(Equation(replace(target, name=f"{name}.{suffix}"), "+=", Number(0)))
    gradients = {name: f"{name}.{suffix}" for name in wrt if name in reached}
    return Adjoint(tuple(_in_order(adjoint) if cyclic else adjoint), seeds, gradients)


def _active(equations: Sequence[Equation], wrt: Sequence[str]) -> set[str]:
    """The tensors that depend on what is differentiated for, themselves included."""
    readers: dict[str, set[str]] = {}
    for equation in equations:
        for access in reads(equation):
            readers.setdefault(access.name, set()).add(equation.target.name)
    return _closure(readers, wrt)


def _ancestors(equations: Sequence[Equation], of: Iterable[str]) -> set[str]:
    """The tensors that others depend on, those included."""
    needs: dict[str, set[str]] = {}
    for equation in equations:
        found = needs.setdefault(equation.target.name, set())
        found.update(access.name for access in reads(equation))
    return _closure(needs, of)


def _closure(edges: Mapping[str, set[str]], start: Iterable[str]) -> set[str]:
    found = set(start)
    pending = list(found)
    while pending:
        new = edges.get(pending.pop(), set()) - found
        found |= new
        pending += new
    return found


def _read_before_complete(equations: Sequence[Equation]) -> set[str]:
    """The tensors that an equation reads before, or while, the last one defines them: cycles have some."""
    last = {equation.target.name: number for number, equation in enumerate(equations)}
    return {
        access.name
        for number, equation in enumerate(equations)
        for access in reads(equation)
        if last.get(access.name, -1) >= number
    }


def _in_order(equations: Sequence[Equation]) -> list[Equation]:
    """Equations with every cycle before what reads its result."""

    def numbers(steps: Iterable[int | Loop]) -> Iterator[int]:
        for step in steps:
            yield from sorted(step.letters) if isinstance(step, Loop) else (step,)

    return [equations[n] for n in numbers(order(equations))]


def _by_target_backwards(
    equations: Sequence[Equation],
) -> Iterator[tuple[str, list[Equation]]]:
    """The equations of each tensor together, the tensor that is complete last first."""
    groups: dict[str, list[Equation]] = {}
    for equation in equations:
        group = groups.pop(equation.target.name, [])
        groups[equation.target.name] = [*group, equation]
    yield from reversed(groups.items())


def _seed_equation(group: Sequence[Equation], seed: str, suffix: str) -> Equation:
    """The cotangent that is given from outside, over all of the tensor."""
    plain = (e.target for e in group if all(isinstance(s, Index) for s in e.target.subscripts))
    target = next(plain, group[-1].target)
    letters: list[str] = []
    for axis, subscript in enumerate(target.subscripts):
        index = subscript.name if isinstance(subscript, Index) else f"a{axis}"
        letters.append(fresh_index(index, letters))
    every = tuple(Index(index) for index in letters)
    return Equation(
        Access(f"{target.name}.{suffix}", every), "+=", Access(seed, every), place=target.place
    )


def _adjoint_equation(
    equation: Equation, target: Access, expression: Expression, suffix: str
) -> Equation:
    """The equation, primes taken off the indices on the left where the inner ones can take them."""
    plain: dict[str, str] = {}
    for index in target_indices(target):
        plain[index] = fresh_index(index, plain.values())
    left = rename_indices(Access(f"{target.name}.{suffix}", target.subscripts), plain)
    assert isinstance(left, Access)
    right = rename_indices(expression, {old: new for old, new in plain.items() if old != new})
    right = rename_apart(right, frozenset(plain.values()))
    written = {*target_indices(left), *expression_indices(right)}
    names = {index: plain.get(index, index) for index in equation_indices(equation)}
    ranges = tuple(
        replace(r, index=names.get(r.index, r.index))
        for r in equation.ranges
        if names.get(r.index, r.index) in written
    )
    return Equation(left, "+=", right, ranges, place=target.place)


_EXTREMA = ("max=", "min=")


def _is_reduction(group: Sequence[Equation]) -> bool:
    """Whether one equation gives every cell, so that the operator adds nothing to its right side."""
    target = group[0].target
    plain = all(isinstance(s, Index) for s in target.subscripts)
    return len(group) == 1 and plain and len(target_indices(target)) == len(target.subscripts)


def _ties(equation: Equation) -> tuple[Access, Expression]:
    """How many values meet at the extremum of each cell, and whether this equation's is one of them."""
    target = equation.target
    ties = replace(target, name=f"{target.name}.ties")
    return ties, Iverson(equation.expression, "==", target)


def _count_ties(equation: Equation) -> Equation:
    ties, attained = _ties(equation)
    return Equation(ties, "+=", attained, equation.ranges)


def _contributions(
    equation: Equation, group: Sequence[Equation], active: set[str], suffix: str, single: bool
) -> Iterator[_Contribution]:
    """For each read of an active tensor, the read and what is added to its cotangent there."""
    letters = target_indices(equation.target)
    # Where the whole right side is one tensor's value, a rule may read that instead of computing it.
    plain = single and len(letters) == len(equation.target.subscripts)
    values = {equation.expression: equation.target} if plain else {}
    walker = _Walker(active, values)
    seed: Expression = Access(f"{equation.target.name}.{suffix}", equation.target.subscripts)
    if equation.operator in _EXTREMA and not _is_reduction(group):
        # Ties share the cotangent evenly, whichever equations they come from.
        ties, attained = _ties(equation)
        seed = quotient(product(seed, attained), ties)
    yield from walker.pull(equation.expression, seed, letters)


@dataclass(frozen=True)
class _Walker:
    """Carries a cotangent down an expression to the reads of active tensors."""

    active: set[str]
    values: dict[Expression, Access]

    def depends(self, expression: Expression) -> bool:
        return any(isinstance(n, Access) and n.name in self.active for n in walk(expression))

    def value(self, expression: Expression) -> Expression:
        return self.values.get(expression, expression)

    def pull(
        self, node: Expression, cotangent: Expression, context: tuple[str, ...]
    ) -> Iterator[_Contribution]:
        """Yield the contributions of ``node``, whose cotangent lives at the indices of ``context``."""
        if constant(cotangent) == 0 or not self.depends(node):
            return
        if isinstance(node, Access):
            kept = target_indices(node)
            yield node, sum_over(tuple(i for i in context if i not in kept), cotangent)
            return
        if isinstance(node, Call) and node.function in SINGLE_INDEX:
            return  # A position does not change by a little.
        if isinstance(node, Call) and node.indices:
            yield from self.pull_reduction(node, cotangent, context)
            return
        for child, partial in _RULES[type(node)](node, cotangent, self.value):
            yield from self.pull(child, partial, context)

    def pull_reduction(
        self, node: Call, cotangent: Expression, context: tuple[str, ...]
    ) -> Iterator[_Contribution]:
        taken = {*context, *free_indices(cotangent), *free_indices(node)}
        names: dict[str, str] = {}
        for index in node.indices:
            names[index] = fresh_index(index, taken) if index in taken else index
            taken.add(names[index])
        body = rename_indices(node.arguments[0], names)
        partial = _REDUCTION_RULES[node.function](
            node, body, tuple(names.values()), cotangent, self.value
        )
        yield from self.pull(body, partial, (*context, *names.values()))


_Value = Callable[[Expression], Expression]
_Partials = Iterator[tuple[Expression, Expression]]


def _negate(node: Negate, cotangent: Expression, _: _Value) -> _Partials:
    yield node.operand, negate(cotangent)


def _add(node: Add, cotangent: Expression, _: _Value) -> _Partials:
    for term in node.terms:
        yield term, cotangent


def _multiply(node: Multiply, cotangent: Expression, _: _Value) -> _Partials:
    for k, factor in enumerate(node.factors):
        yield factor, product(cotangent, *node.factors[:k], *node.factors[k + 1 :])


def _divide(node: Divide, cotangent: Expression, value: _Value) -> _Partials:
    yield node.numerator, quotient(cotangent, node.denominator)
    result = value(node)
    if result is not node:
        yield node.denominator, negate(quotient(product(cotangent, result), node.denominator))
    else:
        square = power(node.denominator, Number(2))
        yield node.denominator, negate(quotient(product(cotangent, node.numerator), square))


def _power(node: Power, cotangent: Expression, value: _Value) -> _Partials:
    base, exponent = node.base, node.exponent
    fixed = constant(exponent)
    less = Add((exponent, Negate(_ONE))) if fixed is None else number(fixed - 1)
    if fixed is not None:
        yield base, product(cotangent, exponent, power(base, less))
        return
    # The limits where the formulas would give 0 · inf: at exponent 0, and at base 0.
    flat, slope = Iverson(exponent, "==", Number(0)), product(exponent, power(base, less))
    yield base, product(cotangent, Call("where", (flat, Number(0), slope)))
    at_zero, growth = Iverson(base, "==", Number(0)), product(value(node), Call("log", (base,)))
    yield exponent, product(cotangent, Call("where", (at_zero, Number(0), growth)))


def _call(node: Call, cotangent: Expression, value: _Value) -> _Partials:
    for position, argument in enumerate(node.arguments):
        derivative = _with_values(leaf_derivative(node, position), node, value)
        yield argument, product(cotangent, derivative)


def _with_values(expression: Expression, node: Expression, value: _Value) -> Expression:
    """The derivative with the node itself replaced by the tensor that holds it."""
    return transform(expression, lambda inner: value(node) if inner == node else inner)


def _nothing(node: Expression, cotangent: Expression, _: _Value) -> _Partials:
    return iter(())


_RULES: dict[type, Callable[..., _Partials]] = {
    Negate: _negate,
    Add: _add,
    Multiply: _multiply,
    Divide: _divide,
    Power: _power,
    Call: _call,
    Iverson: _nothing,
    IndexValue: _nothing,
    Number: _nothing,
}


def _sum(
    node: Call, body: Expression, indices: tuple[str, ...], cotangent: Expression, value: _Value
) -> Expression:
    return cotangent


def _extremum(
    node: Call, body: Expression, indices: tuple[str, ...], cotangent: Expression, value: _Value
) -> Expression:
    """Ties share the cotangent evenly."""
    attained = Iverson(body, "==", value(node))
    return quotient(product(cotangent, attained), Call("sum", (attained,), indices))


def _prod(
    node: Call, body: Expression, indices: tuple[str, ...], cotangent: Expression, value: _Value
) -> Expression:
    """The product of all others, never by dividing."""
    taken = {*indices, *free_indices(body), *free_indices(cotangent)}
    others = {}
    for index in indices:
        others[index] = fresh_index(index, taken)
        taken.add(others[index])
    same = product(*(Iverson(IndexValue(o), "==", IndexValue(i)) for i, o in others.items()))
    rest = Call("where", (same, _ONE, rename_indices(body, others)))
    return product(cotangent, Call("prod", (rest,), tuple(others.values())))


_REDUCTION_RULES: dict[str, Callable[..., Expression]] = {
    "sum": _sum,
    "max": _extremum,
    "min": _extremum,
    "prod": _prod,
}
