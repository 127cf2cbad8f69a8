"""The names of the prelude given back: ``exp(s[k]) / sum[k'](exp(s[k']))`` reads ``softmax[k](s[k])``.

Only definitions with index parameters are given back. A definition's body is taken apart into parts
that stand together (what a fraction has above and below its line, the terms of a sum, or a call alone);
where an expression has all these parts, they are replaced by the call.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations

from einprop.analysis.canonical import canonical
from einprop.analysis.definitions import Expanded, collect_definitions, instance
from einprop.analysis.indices import free_indices
from einprop.calculus.algebra import product, quotient
from einprop.calculus.elide import factors
from einprop.notation.tree import (
    Access,
    Add,
    Call,
    Divide,
    Expression,
    Iverson,
    Number,
    Power,
    map_children,
    walk,
)

__all__ = ["refold"]


@dataclass(frozen=True)
class _Parts:
    """An expression as parts that stand together in any order."""

    kind: type
    above: tuple[Expression, ...]
    below: tuple[Expression, ...] = ()

    def without(self, other: _Parts) -> _Parts | None:
        """What is left when the parts of ``other`` are taken away; None if some are not there."""
        left = [_taken(self.above, other.above), _taken(self.below, other.below)]
        if self.kind is not other.kind or left[0] is None or left[1] is None:
            return None
        return _Parts(self.kind, left[0], left[1])

    def joined(self, call: Expression) -> Expression:
        """The expression of these parts and ``call``."""
        if self.kind is Add:
            return Add((call, *self.above)) if self.above else call
        whole = product(*self.above, call)
        return quotient(whole, product(*self.below)) if self.below else whole


def _taken(
    parts: tuple[Expression, ...], others: tuple[Expression, ...]
) -> tuple[Expression, ...] | None:
    left = list(parts)
    for other in others:
        alike = [part for part in left if _head(part) == _head(other)]
        found = next((part for part in alike if canonical(part) == canonical(other)), None)
        if found is None:
            return None
        left.remove(found)
    return tuple(left)


def _head(expression: Expression) -> tuple[type, str]:
    """What two expressions have in common that are the same: told at a glance."""
    return type(expression), expression.function if isinstance(expression, Call) else ""


def _parts(expression: Expression) -> _Parts:
    if isinstance(expression, Add):
        return _Parts(Add, expression.terms)
    if isinstance(expression, Divide):
        above, below = factors(expression)
        return _Parts(Divide, above, tuple(f for factor in below for f in _powers(factor)))
    return _Parts(type(expression), (expression,))


def _powers(factor: Expression) -> tuple[Expression, ...]:
    match factor:
        case Power(base, Number(2)):
            return (base, base)
        case _:
            return (factor,)


def refold(expression: Expression, taken: Collection[str] = ()) -> Expression:
    """The expression with the prelude's reductions given back, the largest first.

    Args:
        expression: Every sum in it is explicit.
        taken: Names of the prelude that mean something else in the program.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> line = parse("s.grad[k] += g exp(s[k]) / (n sum[k'](exp(s[k'])))")[0]
    >>> to_text(refold(line.expression))
    'g softmax[k](s[k]) / n'
    """
    if isinstance(expression, Iverson):
        return expression  # See `rearrange`.
    if not any(isinstance(node, Call) and node.indices for node in walk(expression)):
        return expression
    call, left = _found(expression, taken)
    if call is None:
        inside = _refold_within_sum(expression, taken)
        return inside or map_children(expression, lambda child: refold(child, taken))
    (argument,) = call.arguments
    folded = replace(call, arguments=(refold(argument, taken),))
    return refold(left.joined(folded), taken) if left.above or left.below else folded


def _refold_within_sum(expression: Expression, taken: Collection[str]) -> Expression | None:
    """``sum[k](exp(s[k]) v[k]) / z`` has the parts of softmax once z stands under the sum's body."""
    if not isinstance(expression, Divide):
        return None
    above, below = factors(expression)
    for position, factor in enumerate(above):
        match factor:
            case Call("sum", (body,), indices):
                inner = quotient(body, product(*below))
                if _found(inner, taken)[0] is not None:
                    others = [refold(f, taken) for n, f in enumerate(above) if n != position]
                    return product(*others, Call("sum", (refold(inner, taken),), indices))
    return None


def _found(expression: Expression, taken: Collection[str]) -> tuple[Call | None, _Parts]:
    """A call whose body's parts are all among the expression's, and the parts that are left."""
    parts = _parts(expression)
    if isinstance(expression, Add | Divide | Call):
        for definition in _foldable():
            if definition.definition.name in taken:
                continue
            for call in _candidates(definition, parts):
                left = parts.without(_parts(instance(definition, call)))
                if left is not None:
                    return call, left
    return None, parts


@cache
def _foldable() -> tuple[Expanded, ...]:
    """The prelude's definitions with one index parameter, their bodies expanded, the largest first."""
    bodies = collect_definitions(()).bodies.values()
    chosen = [b for b in bodies if len(b.definition.indices) == len(b.definition.parameters) == 1]
    return tuple(sorted(chosen, key=lambda b: -sum(1 for _ in walk(b.definition.body))))


def _candidates(expanded: Expanded, parts: _Parts) -> Iterator[Call]:
    """The calls of a definition whose first part is among the parts."""
    definition = expanded.definition
    wanted = _parts(definition.body)
    if wanted.kind is not parts.kind:
        return
    for part in parts.above:
        bound = _bind(wanted.above[0], part)
        if bound is None:
            continue
        argument, indices = bound
        for chosen in [indices] if indices else _choices(argument):
            yield Call(definition.name, (argument,), chosen)


def _choices(argument: Expression) -> Iterator[tuple[str, ...]]:
    """The index lists that a call might name: one index, or two, of its argument."""
    free = free_indices(argument)
    yield from combinations(free, 1)
    yield from combinations(free, 2)


def _bind(pattern: Expression, expression: Expression) -> tuple[Expression, tuple[str, ...]] | None:
    """The argument and the index list for which a pattern with one parameter is the expression."""
    if isinstance(pattern, Access):
        return expression, ()
    if not isinstance(pattern, Call) or not isinstance(expression, Call):
        return None
    if pattern.function != expression.function or bool(pattern.indices) != bool(expression.indices):
        return None
    inner = _bind(pattern.arguments[0], expression.arguments[0])
    return inner and (inner[0], expression.indices or inner[1])
