"""Exponentials over sums of them, kept as one factor: apart, each may overflow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

from einprop.analysis.canonical import canonical
from einprop.analysis.indices import free_indices, rename_indices
from einprop.notation.tree import Call, Divide, Expression, Number, Power

__all__ = ["is_ratio", "with_ratios"]


def with_ratios(factors: Sequence[Expression]) -> tuple[Expression, ...]:
    """The factors, each exponential together with the sum that divides it.

    >>> from einprop.calculus.algebra import factored
    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> line = parse("y[k] = g[k] exp(s[k]) / sum[j](exp(s[j]))")[0]
    >>> [to_text(f) for f in with_ratios(factored(line.expression))]
    ['g[k]', 'exp(s[k]) / sum[j](exp(s[j]))']
    """
    found = [part for factor in factors for part in _powers(factor)]
    for factor in list(found):
        if isinstance(factor, Call) and factor.function == "exp":
            divisor = next((f for f in found if _normalises(f, factor)), None)
            if divisor is not None:
                assert isinstance(divisor, Divide)
                found.remove(divisor)
                found[found.index(factor)] = Divide(factor, divisor.denominator)
    return tuple(found)


def is_ratio(factor: Expression) -> bool:
    """Whether a factor is an exponential over a sum."""
    return isinstance(factor, Divide) and factor.numerator != Number(1)


def _powers(factor: Expression) -> Iterator[Expression]:
    match factor:
        case Divide(Number(1), Power(Call("sum") as base, Number(int(exponent)))) if (
            1 < exponent < 9
        ):
            yield from [Divide(Number(1), base)] * exponent
        case _:
            yield factor


def _normalises(factor: Expression, exponential: Call) -> bool:
    """Whether a factor is one over the sum of an exponential over some of its indices."""
    match factor:
        case Divide(Number(1), Call("sum", (Call("exp") as body,), bound)):
            lacking = set(free_indices(factor))
            candidates = [i for i in free_indices(exponential) if i not in lacking]
            wanted = canonical(exponential)
            for chosen in permutations(candidates, len(bound)):
                renamed = rename_indices(body, dict(zip(bound, chosen, strict=True)))
                if canonical(renamed) == wanted:
                    return True
    return False
