"""The inverse of scope: explicit sums left out again wherever the rules would put them back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from einprop.analysis.definitions import Definitions
from einprop.analysis.indices import free_indices
from einprop.analysis.scope import implied
from einprop.calculus.algebra import negate, product, quotient
from einprop.notation.functions import keeps_extremum
from einprop.notation.tree import (
    Add,
    Call,
    Divide,
    Equation,
    Expression,
    Iverson,
    Multiply,
    Negate,
    children,
    map_children,
    transform,
    walk,
)

__all__ = ["elide_sums", "factors", "separate", "sum_over"]


def sum_over(indices: tuple[str, ...], body: Expression) -> Expression:
    """``sum[indices](body)`` with the sum as far inside as signs, sums and divisors let it.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> to_text(sum_over(("i",), parse("y += -x[i] / n")[0].expression))
    '-sum[i](x[i]) / n'
    """
    match body:
        case _ if not indices:
            return body
        case Negate(operand):
            return Negate(sum_over(indices, operand))
        case Call("sum", (inner,), bound):
            return sum_over((*indices, *bound), inner)
        case Divide(numerator, denominator):
            held = set(free_indices(denominator))
            inner_indices = tuple(i for i in indices if i not in held)
            outer = tuple(i for i in indices if i in held)
            if inner_indices:
                return sum_over(outer, Divide(sum_over(inner_indices, numerator), denominator))
    return Call("sum", (body,), indices)


def separate(expression: Expression) -> Expression:
    """The expression with every factor outside of the sums that it does not depend on.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> to_text(separate(parse("y[b] = sum[k](a[b] t[b,k])")[0].expression))
    'a[b] sum[k](t[b,k])'
    """
    return rearrange(expression, _separate_node)


def rearrange(expression: Expression, function: Callable[[Expression], Expression]) -> Expression:
    """As `transform`, but Iverson brackets stay as they are.

    Equal mathematics rounds differently: the largest of some numbers is found again by ``==`` only
    if both sides are computed in the same order.
    """
    if isinstance(expression, Iverson):
        return expression
    return function(map_children(expression, lambda child: rearrange(child, function)))


def _separate_node(node: Expression) -> Expression:
    match node:
        case Call("sum", (body,), indices):
            return _separated(body, indices)
        case _:
            return _as_fraction(node)


def _as_fraction(node: Expression) -> Expression:
    """Nested products and quotients as one fraction."""
    match node:
        case Multiply():
            return product(node)
        case Divide(above, below):
            return quotient(above, below)
        case _:
            return node


def _separated(body: Expression, indices: tuple[str, ...]) -> Expression:
    match body:
        case Negate(operand):
            return negate(_separated(operand, indices))
        case Call("sum", (inner,), bound):
            return _separated(inner, (*indices, *bound))
    (inside, outside), (under, others) = (_apart(side, set(indices)) for side in factors(body))
    summed = quotient(product(*inside), product(*under)) if under else product(*inside)
    return quotient(product(*outside, Call("sum", (summed,), indices)), product(*others))


def _apart(
    parts: Iterable[Expression], indices: set[str]
) -> tuple[list[Expression], list[Expression]]:
    """The factors that have one of the indices, and the others."""
    inside: list[Expression] = []
    outside: list[Expression] = []
    for part in parts:
        (outside if indices.isdisjoint(free_indices(part)) else inside).append(part)
    return inside, outside


def factors(expression: Expression) -> tuple[tuple[Expression, ...], tuple[Expression, ...]]:
    """What a fraction has above and below its line."""
    above, below = expression, None
    if isinstance(expression, Divide):
        above, below = expression.numerator, expression.denominator
    return _listed(above), _listed(below) if below is not None else ()


def _listed(expression: Expression) -> tuple[Expression, ...]:
    return expression.factors if isinstance(expression, Multiply) else (expression,)


def _normal(expression: Expression) -> Expression:
    """Equal for expressions that differ only in where a sum stands among linear operations."""
    return rearrange(separate(expression), _sort_node)


def _sort_node(node: Expression) -> Expression:
    match node:
        case Multiply(parts):
            return Multiply(tuple(sorted(parts, key=repr)))
        case Call("sum", arguments, indices):
            return Call("sum", arguments, tuple(sorted(indices)))
        case _:
            return node


def elide_sums(equation: Equation, definitions: Definitions) -> Equation:
    """The equation as a person writes it: sums that the rules imply are not written.

    Args:
        equation: A core equation.
        definitions: Tell which calls keep their indices.

    >>> from einprop.analysis.definitions import collect_definitions
    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> line = parse("B.grad[j] += sum[b](y.grad[b,j])")[0]
    >>> print(to_text(elide_sums(line, collect_definitions(()))))
    B.grad[j] += y.grad[b,j]
    """
    if not _sums(equation.expression):
        return replace(equation, expression=rearrange(equation.expression, _as_fraction))
    agrees = _agreement(equation, definitions)
    bare = transform(equation.expression, _without_sum)
    for candidate in (rearrange(bare, _as_fraction), bare):
        if agrees(candidate):
            return replace(equation, expression=candidate)
    return replace(equation, expression=_first_elided(equation, definitions))


def _first_elided(equation: Equation, definitions: Definitions) -> Expression:
    """The right side without the first sum that can be left out, and without such sums inside of it."""
    expression = equation.expression
    # Each term is summed on its own: whether one has its sums the others do not tell.
    apart = isinstance(expression, Add) and not keeps_extremum(equation.operator)
    parts = dict(enumerate(children(expression) if apart else (expression,)))
    agree = {
        n: _agreement(replace(equation, expression=part), definitions) for n, part in parts.items()
    }
    holders: dict[int, dict[int, None]] = {}
    for n, part in parts.items():
        for node in _sums(part):
            holders.setdefault(id(node), {})[n] = None
    pending, changed = deque(_sums(expression)), parts.keys()
    while pending:
        node = pending.popleft()
        found = {n: _remove(parts[n], node) for n in holders[id(node)] if n in changed}
        if all(agree[n](part) for n, part in found.items()):
            parts |= found
            pending, changed = deque(_sums(node.arguments[0])), found.keys()
    return Add(tuple(parts.values()), expression.place) if apart else parts[0]


def _sums(expression: Expression) -> list[Call]:
    return [n for n in walk(expression) if isinstance(n, Call) and n.function == "sum"]


def _agreement(equation: Equation, definitions: Definitions) -> Callable[[Expression], bool]:
    """Whether the rules give another right side the sums that the equation's own has."""
    meant = _normal(equation.expression)

    def agrees(expression: Expression) -> bool:
        found = implied(replace(equation, expression=expression), definitions)
        return found is not None and _normal(found) == meant

    return agrees


def _without_sum(node: Expression) -> Expression:
    match node:
        case Call("sum", (body,)):
            return body
        case _:
            return node


def _remove(expression: Expression, node: Expression) -> Expression:
    if expression is node:
        return _without_sum(expression)
    return map_children(expression, lambda child: _remove(child, node))
