"""Which exponentials to shift, and along which indices: those whose sum is taken later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from einprop.analysis.dependence import is_contribution
from einprop.analysis.indices import is_distinct
from einprop.notation.tree import Access, Call, Divide, Expression, Multiply, Negate
from einprop.passes.builder import letters
from einprop.passes.sized import SizedProgram

__all__ = ["plan_shifts"]


@dataclass(frozen=True)
class _Follows:
    """A tensor that is an exponential times something: which one, and its indices here."""

    exponential: str
    indices: Mapping[str, str]


def plan_shifts(program: SizedProgram) -> dict[str, tuple[str, ...]]:
    """For each exponential of a flat program the indices along which its first sum is taken.

    >>> from einprop.notation.parser import parse
    >>> text = "e[b,k] = exp(s[b,k]); z[b] = sum[k](e[b,k])"
    >>> plan_shifts(SizedProgram(parse(text), {"b": 2, "k": 3}, ("z",)))
    {'e': ('k',)}
    """
    targets = {equation.target.name: letters(equation.target) for equation in program.equations}
    follows: dict[str, _Follows] = {}
    shifts: dict[str, tuple[str, ...]] = {}
    for equation in program.equations:
        expression, name = equation.expression, equation.target.name
        if is_contribution(equation):
            continue
        if isinstance(expression, Call) and expression.function == "exp":
            own = letters(equation.target)
            if len(set(own)) == len(own):
                follows[name] = _Follows(name, {i: i for i in own})
        elif isinstance(expression, Call) and expression.function == "sum":
            body = expression.arguments[0]
            for atom in body.factors if isinstance(body, Multiply) else (body,):
                _note_sum(program, shifts, _seen(atom, follows, targets), expression.indices)
        else:
            linear = _linear_operands(expression)
            found = [f for f in (_seen(a, follows, targets) for a in linear) if f is not None]
            if found and len(set(letters(equation.target))) == len(letters(equation.target)):
                follows[name] = found[0]
    return shifts


def _linear_operands(expression: Expression) -> tuple[Expression, ...]:
    match expression:
        case Access():
            return (expression,)
        case Negate(operand) | Divide(operand, _):
            return (operand,)
        case Multiply(factors):
            return factors
        case _:
            return ()


def _seen(
    atom: Expression,
    follows: Mapping[str, _Follows],
    targets: Mapping[str, tuple[str, ...]],
) -> _Follows | None:
    """What an operand follows, with the exponential's indices as they are named by the reader."""
    if not isinstance(atom, Access) or atom.name not in follows or not is_distinct(atom):
        return None
    followed = follows[atom.name]
    names = dict(zip(targets[atom.name], letters(atom), strict=True))
    return _Follows(
        followed.exponential, {own: names.get(here, here) for own, here in followed.indices.items()}
    )


def _note_sum(
    program: SizedProgram,
    shifts: dict[str, tuple[str, ...]],
    followed: _Follows | None,
    summed: tuple[str, ...],
) -> None:
    if followed is None:
        return
    along = tuple(own for own, here in followed.indices.items() if here in summed)
    if along and program.size(along) > 0:
        shifts.setdefault(followed.exponential, along)
