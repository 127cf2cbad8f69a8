"""Where a sum stands: the implicit sums of an equation made explicit, or refused.

The rules are those of the language reference, section 4. A product is a multiplication or a division;
what stands inside a call, a power or an Iverson bracket stands behind a wall, out of which no sum moves.
A factor is closed for an index if the rules sum every occurrence of it inside of the factor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from einprop.analysis.definitions import Definitions
from einprop.analysis.indices import expression_indices, subscript_indices, target_indices
from einprop.analysis.readings import (
    refuse_groups,
    refuse_quotient,
    refuse_under_extremum,
    refuse_wall,
)
from einprop.analysis.stray import refuse_missing, refuse_stray
from einprop.errors import IndexScopeError
from einprop.notation.functions import COMBINED, keeps_extremum
from einprop.notation.tree import (
    Access,
    Add,
    Call,
    Divide,
    Equation,
    Expression,
    IndexValue,
    Iverson,
    Multiply,
    Negate,
    Power,
    children,
    gathers,
    map_children,
)

__all__ = ["implied", "place_sums"]


@dataclass(frozen=True)
class _Scope:
    """What the rules need to know at a place of the tree."""

    definitions: Definitions
    bound: frozenset[str]
    operator: str
    walled: bool = False

    @property
    def accumulates(self) -> bool:
        """Whether the operator sums what occurs once here."""
        return self.operator == "+=" and not self.walled

    def binding(self, indices: tuple[str, ...]) -> _Scope:
        return replace(self, bound=self.bound.union(indices))

    def behind_wall(self) -> _Scope:
        return replace(self, walled=True)


def place_sums(
    equation: Equation, definitions: Definitions, *, known: frozenset[str] = frozenset()
) -> Equation:
    """The equation with every sum written as ``sum[…](…)``.

    Args:
        equation: As parsed.
        definitions: Tell which calls keep their indices.
        known: The indices of the target that may be missing on the right, because their range is
            known without it (an earlier equation defines the target, or a size is declared).

    Raises:
        IndexScopeError: An index is on the left and nowhere on the right, or stray on the right.

    >>> from einprop.analysis.definitions import collect_definitions
    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> line = parse("y[b,j] = relu(x[b,i] W[i,j] + B[j])")[0]
    >>> print(to_text(place_sums(line, collect_definitions(()))))
    y[b,j] = relu(sum[i](x[b,i] W[i,j]) + B[j])
    """
    left = target_indices(equation.target)
    missing = [i for i in _missing(equation, left, definitions) if i not in known]

    def is_legal(candidate: Equation, index: str) -> bool:
        try:
            _placed(candidate, definitions)
        except _StrayIndexError as other:
            return other.index != index
        except IndexScopeError:
            return False
        return True

    try:
        expression = _placed(equation, definitions)
    except _StrayIndexError as stray:
        raise refuse_stray(equation, stray.index, stray.node, missing, is_legal) from None
    if missing:
        raise refuse_missing(equation, missing)
    return replace(equation, expression=expression)


def implied(equation: Equation, definitions: Definitions) -> Expression | None:
    """The right side with every sum written; None, and no error to write, where it is illegal.

    Args:
        equation: As for `place_sums`, the ranges of its target's indices being known.
        definitions: As for `place_sums`.
    """
    try:
        return _placed(equation, definitions)
    except IndexScopeError:
        return None


def _placed(equation: Equation, definitions: Definitions) -> Expression:
    left = frozenset(target_indices(equation.target))
    if left.issuperset(expression_indices(equation.expression)):
        return equation.expression  # No index is left to sum.
    scope = _Scope(definitions, left, equation.operator)
    if keeps_extremum(equation.operator):
        return _place_extremum(equation, scope)
    return _place_terms(equation.expression, scope)


class _StrayIndexError(IndexScopeError):
    """An index that no rule sums, on its way to the error that says so."""

    def __init__(self, index: str, node: Expression) -> None:
        super().__init__(f"index {index} is stray")
        self.index = index
        self.node = node


def _occurrences(expression: Expression, definitions: Definitions) -> dict[str, int]:
    """How often each index occurs in a factor; inside a call it counts once, however often."""
    found: dict[str, int] = {}
    match expression:
        case Access(_, subscripts):
            for subscript in subscripts:
                for index in subscript_indices(subscript):
                    found[index] = found.get(index, 0) + 1
        case IndexValue(name):
            found[name] = 1
        case Call() | Power() | Iverson():
            inside = {i for c in children(expression) for i in _occurrences(c, definitions)}
            if isinstance(expression, Call) and expression.indices:
                inside.difference_update(expression.indices)
                inside.update(definitions.kept(expression))
            return dict.fromkeys(sorted(inside), 1)
        case Add(terms):
            for term in terms:
                for index, count in _occurrences(term, definitions).items():
                    found[index] = max(found.get(index, 0), count)
        case _:
            for child in children(expression):
                for index, count in _occurrences(child, definitions).items():
                    found[index] = found.get(index, 0) + count
    return found


def _place_terms(expression: Expression, scope: _Scope) -> Expression:
    """Each additive term summed on its own (rule 3); lone indices summed there by ``+=`` (rule 4)."""
    if isinstance(expression, Add):
        return replace(expression, terms=tuple([_place_terms(t, scope) for t in expression.terms]))
    if isinstance(expression, Negate):
        return replace(expression, operand=_place_terms(expression.operand, scope))
    lone: dict[str, None] = {}
    if scope.accumulates:
        lone = dict.fromkeys(_lone(expression, scope))
    if isinstance(expression, Multiply | Divide):
        lone |= dict.fromkeys(_repeated(expression, scope))
        order = _occurrences(expression, scope.definitions)
        lone = dict.fromkeys(i for i in order if i in lone)
    _refuse_ambiguous(expression, tuple(lone), scope)
    return _summed(tuple(lone), _place(expression, scope.binding(tuple(lone))))


def _place_extremum(equation: Equation, scope: _Scope) -> Expression:
    """Lone indices reduced around the whole right side: ``y[b] max= x[b,i] - c[b]``."""
    terms = [equation.expression]
    if isinstance(equation.expression, Add):
        terms = list(equation.expression.terms)
    lone = tuple(dict.fromkeys(i for term in terms for i in _lone(term, scope)))
    try:
        body = _place_terms(equation.expression, scope.binding(lone))
    except _SummedError as found:
        raise refuse_under_extremum(equation, found.indices, found.node, lone) from None
    return Call(COMBINED[equation.operator], (body,), lone, body.place) if lone else body


class _SummedError(IndexScopeError):
    """A sum that would be implied under ``max=``, on its way to the error that says so."""

    def __init__(self, indices: tuple[str, ...], node: Expression) -> None:
        super().__init__(f"{', '.join(indices)} would be summed")
        self.indices = indices
        self.node = node


def _summed(indices: tuple[str, ...], body: Expression) -> Expression:
    return Call("sum", (body,), indices, place=body.place) if indices else body


def _place(expression: Expression, scope: _Scope) -> Expression:
    match expression:
        case Access():
            return _place_access(expression, scope)
        case Add() | Negate():
            return _place_terms(expression, scope)
        case Multiply() | Divide():
            here = _repeated(expression, scope)
            _refuse_ambiguous(expression, here, scope)
            return _summed(here, _place_factors(expression, scope.binding(here)))
        case Call(_, _, indices):
            for index in scope.definitions.kept(expression) if indices else ():
                if index not in scope.bound:
                    raise _StrayIndexError(index, expression)
            inner = replace(scope, bound=scope.bound.union(indices), walled=True)
            return map_children(expression, lambda child: _place_terms(child, inner))
        case Power() | Iverson():
            inner = scope.behind_wall()
            return map_children(expression, lambda child: _place_terms(child, inner))
        case IndexValue(name) if name not in scope.bound:
            raise _StrayIndexError(name, expression)
        case _:
            return expression


def _place_factors(expression: Multiply | Divide, scope: _Scope) -> Expression:
    if isinstance(expression, Divide):
        return replace(
            expression,
            numerator=_place(expression.numerator, scope),
            denominator=_place(expression.denominator, scope.behind_wall()),
        )
    return map_children(expression, lambda factor: _place(factor, scope))


def _place_access(access: Access, scope: _Scope) -> Expression:
    counts = _occurrences(access, scope.definitions)
    for index, count in counts.items():
        if index not in scope.bound and count < 2:
            raise _StrayIndexError(index, access)
    repeated = tuple(i for i in counts if i not in scope.bound)
    _refuse_ambiguous(access, repeated, scope)
    return _summed(repeated, access)


def _holders(expression: Expression, definitions: Definitions) -> dict[str, list[Expression]]:
    """By index the factors in which it occurs."""
    found: dict[str, list[Expression]] = {}
    for factor in children(expression):
        for index in _occurrences(factor, definitions):
            found.setdefault(index, []).append(factor)
    return found


def _repeated(expression: Multiply | Divide, scope: _Scope) -> tuple[str, ...]:
    """The unbound indices that are summed at this product.

    They occur in two or more factors, unless each factor is closed and one is so behind a wall: no
    sum moves out of that one, so that each is summed by itself.
    """
    return tuple(
        index
        for index, held in _holders(expression, scope.definitions).items()
        if len(held) > 1
        and index not in scope.bound
        and not (
            _are_groups(held, index, scope.definitions)
            and any(_is_walled(factor, index) for factor in held)
        )
    )


def _are_groups(factors: list[Expression], index: str, definitions: Definitions) -> bool:
    """Whether each factor is closed for an index by a product of its own."""
    return not any(isinstance(factor, Access) for factor in factors) and all(
        _is_closed(factor, index, definitions) for factor in factors
    )


def _is_closed(expression: Expression, index: str, definitions: Definitions) -> bool:
    """Whether the rules sum every occurrence of an index inside of an expression."""
    match expression:
        case Access():
            return _occurrences(expression, definitions).get(index, 0) != 1
        case IndexValue(name):
            return name != index
        case Call(_, _, indices) if index in indices:
            return index not in definitions.kept(expression)
        case Multiply() | Divide():
            held = _holders(expression, definitions).get(index, [])
            return len(held) > 1 or all(_is_closed(factor, index, definitions) for factor in held)
        case _:
            return all(_is_closed(child, index, definitions) for child in children(expression))


def _is_walled(expression: Expression, index: str) -> bool:
    """Whether an index occurs behind walls only."""
    if isinstance(expression, Access):
        return not any(index in subscript_indices(s) for s in expression.subscripts)
    return isinstance(expression, Call | Power | Iverson) or all(
        _is_walled(child, index) for child in children(expression)
    )


def _lone(expression: Expression, scope: _Scope) -> Iterator[str]:
    """The unbound indices that occur once in the term and stand behind no wall."""
    match expression:
        case Access():
            counts = _occurrences(expression, scope.definitions)
            yield from (i for i, n in counts.items() if n == 1 and i not in scope.bound)
        case Multiply(factors):
            inner = scope.binding(_repeated(expression, scope))
            for factor in factors:
                yield from _lone(factor, inner)
        case Divide(numerator):
            yield from _lone(numerator, scope.binding(_repeated(expression, scope)))
        case Negate(operand):
            yield from _lone(operand, scope)


def _refuse_ambiguous(expression: Expression, indices: tuple[str, ...], scope: _Scope) -> None:
    """An index summed here may not be one that the parts, or the operator, could reduce as well."""
    if indices and keeps_extremum(scope.operator):
        raise _SummedError(indices, expression)
    if not indices or not isinstance(expression, Multiply | Divide):
        return
    definitions, held = scope.definitions, _holders(expression, scope.definitions)
    for index in indices:
        for wall in (w for f in held[index] for w in _walls(f, index, definitions)):
            if _is_closed(wall, index, definitions):
                inside = next(
                    p for c in children(wall) for p in _products_repeating(c, index, scope)
                )
                beside = [f for f in held[index] if not _is_walled(f, index)]
                raise refuse_wall(expression, index, inside, beside)

    def each(parts: list[Expression], index: str) -> list[Expression]:
        alone = replace(scope, bound=frozenset(held).difference((index,)))
        return [_place_terms(part, alone) for part in parts]

    for index in indices:
        factors = held[index]
        if len(factors) > 1 and _are_groups(factors, index, definitions):
            raise refuse_groups(expression, index, factors, each(factors, index))
        if isinstance(expression, Divide) and len(factors) > 1:
            # What stands below sums an index by itself: this one too?
            below = _occurrences(expression.denominator, definitions)
            own = next((i for i in below if i not in scope.bound and i not in indices), None)
            if own is not None and _are_groups(factors[:1], index, definitions):
                raise refuse_quotient(expression, index, own, *each(factors[:1], index))


def _walls(expression: Expression, index: str, definitions: Definitions) -> Iterator[Expression]:
    """The calls, powers and brackets in which an index occurs, outer ones first."""
    if index not in _occurrences(expression, definitions):
        return
    if isinstance(expression, Call | Power | Iverson):
        yield expression
    if not (isinstance(expression, Call) and index in expression.indices):
        for child in children(expression):
            yield from _walls(child, index, definitions)


def _products_repeating(expression: Expression, index: str, scope: _Scope) -> Iterator[Expression]:
    """The products and accesses inside of which an index is summed."""
    if isinstance(expression, Call) and index in expression.indices:
        return
    if isinstance(expression, Multiply | Divide) and index in _repeated(
        expression, replace(scope, bound=frozenset())
    ):
        yield expression
    elif isinstance(expression, Access):
        if _occurrences(expression, scope.definitions).get(index, 0) > 1:
            yield expression
    else:
        for child in children(expression):
            yield from _products_repeating(child, index, scope)


def _missing(equation: Equation, left: tuple[str, ...], definitions: Definitions) -> list[str]:
    right = _occurrences(equation.expression, definitions)
    ranged = {r.index for r in equation.ranges}
    telling = (*equation.inside, *gathers(equation.target))
    ranged.update(i for access in telling for i in target_indices(access))
    return [i for i in left if i not in right and i not in ranged]
