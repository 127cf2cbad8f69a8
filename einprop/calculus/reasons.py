"""What each rule of a derivation is called, and what it did: a sentence with the names filled in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from einprop.calculus.partials import Passage
from einprop.notation.functions import EXTREMA, FUNCTIONS
from einprop.notation.printer import to_text
from einprop.notation.tree import (
    Access,
    Add,
    Call,
    Divide,
    Expression,
    Index,
    Multiply,
    Negate,
    Number,
    Power,
)

__all__ = [
    "ACCUMULATED",
    "BASE",
    "CHAIN",
    "DECLARED",
    "DEFINITION",
    "DELTA",
    "EQUATION",
    "IMPLIED",
    "NAMED",
    "NOTHING",
    "READ_OFF",
    "RENAMED",
    "SEED",
    "SIMPLIFIED",
    "SUBSCRIPTS",
    "SUMS",
    "TIES",
    "delta",
    "extremum",
    "is_linear",
    "listed",
    "operation",
    "scattered",
]

EQUATION = "the equation"
SUMS = "sums written"
DEFINITION = "definition written out"
SUBSCRIPTS = "subscripts written out"
CHAIN = "chain rule"
DELTA = "delta elimination"
SIMPLIFIED = "simplified"
RENAMED = "renamed indices"
READ_OFF = "read off the output"
NAMED = "written by its name"
IMPLIED = "implied sum"
ACCUMULATED = "accumulated"
BASE = "base"
SEED = "seed"
DECLARED = "declared"
NOTHING = "no dependence"
TIES = "ties"


def listed(items: Iterable[str]) -> str:
    """``a, b and c``.

    >>> listed("abc"), listed("a")
    ('a, b and c', 'a')
    """
    *first, last = items
    return f"{', '.join(first)} and {last}" if first else last


def is_linear(passage: Passage) -> bool:
    """Whether an operation passes on what it gets, but for a sign."""
    partial = passage.partial
    return not (partial.before or partial.after or partial.below)


def operation(segment: Sequence[Passage]) -> tuple[str, str]:
    """The rule for passages of which at most the last is not linear, and what it did."""
    linear = [p for p in segment if is_linear(p)]
    told = [_passed_on(linear)] if linear else []
    rule = _linear_rule(linear)
    if not is_linear(segment[-1]):
        rule, reason = _rule(segment[-1])
        told.append(reason)
    return rule, "; ".join(told)


def _passed_on(passages: Sequence[Passage]) -> str:
    """What sums and signs do with a cotangent."""
    sums = [f"the sum over {listed(p.node.indices)}" for p in passages if isinstance(p.node, Call)]
    terms = ["a sum of terms" for p in passages if isinstance(p.node, Add)][:1]
    signs = any(isinstance(p.node, Negate) for p in passages)
    odd = sum(p.partial.negative for p in passages) % 2
    if not terms and not sums:
        return "the cotangent gets the minus sign" if odd else "the two minus signs cancel"
    how = "unchanged" if not signs else "with a minus sign" if odd else "as minus signs cancel"
    return f"the cotangent passes {listed([*terms, *sums])} {how}"


def _linear_rule(passages: Sequence[Passage]) -> str:
    sums = any(not isinstance(p.node, Negate) for p in passages)
    return "sum rule" if sums else "minus sign"


def _rule(passage: Passage) -> tuple[str, str]:
    match passage.node:
        case Multiply():
            partial = passage.partial
            others = [to_text(factor) for factor in (*partial.before, *partial.after)]
            factors = "factor" if len(others) == 1 else "factors"
            reason = f"the cotangent times the other {factors}, {listed(others)}"
            return "product rule", reason
        case Divide(_, denominator):
            return "quotient rule", _quotient(passage.position, denominator)
        case Power(_, exponent):
            return "power rule", _power(passage.position, exponent)
        case Call(function) if function in FUNCTIONS:
            return f"derivative of {function}", _leaf(function, passage.position)
        case Call("prod"):
            reason = "each factor of the product is multiplied by all others"
            return "product rule", reason
        case Call(function):
            return f"derivative of {function}", extremum(function)
    raise AssertionError(passage.node)


def extremum(function: str) -> str:
    """Which entries of an extremum count."""
    assert function in EXTREMA
    kind = "largest" if function == "max" else "smallest"
    return f"only the entries that are the {kind} count, and share evenly where there are several"


def _quotient(position: int, denominator: Expression) -> str:
    if position == 0:
        return f"the cotangent divided by {to_text(denominator)}"
    return "the derivative of a / b by b is -a / b^2"


def _power(position: int, exponent: Expression) -> str:
    match exponent:
        case Number() | Negate(Number()):
            return f"the derivative of a^n is n a^(n-1), here with n = {to_text(exponent)}"
    if position == 0:
        return "the derivative of a^n by a is n a^(n-1), and 0 where n is 0"
    return "the derivative of a^n by n is a^n log(a), and 0 where a is 0"


def _leaf(function: str, position: int) -> str:
    row = FUNCTIONS[function]
    of = f"{function}({', '.join(row.parameters)})"
    if len(row.parameters) > 1:
        of += f" by {row.parameters[position]}"
    return f"the derivative of {of} is {row.derivatives[position]}"


def delta(read: Access, again: Access) -> str:
    """Why a sum over what was read goes away.

    Args:
        read: The read.
        again: The same tensor at other indices.
    """
    old, new = (tuple(s.name for s in a.subscripts if isinstance(s, Index)) for a in (read, again))
    deltas = " ".join(f"[{i} == {j}]" for i, j in zip(old, new, strict=True))
    return (
        f"the derivative of {to_text(read)} by {to_text(again)} is {deltas}: of the sum over "
        f"{listed(dict.fromkeys(old))} one term is left"
    )


def scattered(read: Access) -> str:
    """Where what a read with a computed subscript counts for goes."""
    return f"it is added where {to_text(read)} was read"
