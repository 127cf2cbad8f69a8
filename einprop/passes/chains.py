"""Factors that a recurrence meets one after the other, multiplied before it: ``(d A) B`` is ``d (A B)``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from einprop.analysis.indices import is_distinct
from einprop.notation.tree import Access, Equation, Multiply, reads
from einprop.passes.builder import Builder, letters, renamed
from einprop.passes.decisions import Decision, in_words
from einprop.passes.sized import SizedProgram

__all__ = ["gather_factors"]


def gather_factors(program: SizedProgram) -> SizedProgram:
    """The flat program with products that a loop need not compute taken out of it.

    Backward through a gate a cotangent is multiplied by one slope after the other. All of them are
    known before the loop: it is left with one product.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> text = "d[0] += x[0]; a[t] = d[t] A[t]; b[t] = a[t] B[t]; d[t+1] += b[t]; y = sum[t](d[t])"
    >>> found = gather_factors(SizedProgram(parse(text), {"t": 5}, ("y",)))
    >>> for equation in found.equations[1:3]:
    ...     print(to_text(equation))
    _1[t] = A[t] B[t]
    b[t] = d[t] _1[t]
    """
    around = () if program.generic else program.loops()
    if not around:
        return program
    inside = {number: n for n, loop in enumerate(around) for number in loop.letters}
    home = {program.equations[number].target.name: n for number, n in inside.items()}
    uses = Counter(access.name for equation in program.equations for access in reads(equation))
    builder = Builder(program.sizes, program.names)
    products: dict[str, Equation] = {}
    gone: set[str] = set()
    decisions = []
    for number, equation in enumerate(program.equations):
        loop, name = inside.get(number), equation.target.name
        found = None if loop is None else _gathered(equation, loop, home, products, builder)
        inner, written = found or ("", equation)
        gone.add(inner)
        if found is not None and loop is not None:
            saved = program.size([around[loop].letters[number]]) - 1
            names = program.temporaries | builder.created
            text = in_words(reads(written)[-1], builder.defined, names)
            decisions.append(Decision("gathered", f"{text} before a loop", saved, "calls"))
        if loop is not None and uses[name] == 1 and name not in program.outputs:
            products[name] = written
        builder.keep(written)
    return replace(
        program,
        equations=tuple([e for e in builder.equations if e.target.name not in gone]),
        temporaries=program.temporaries | builder.created,
        decisions=(*program.decisions, *decisions),
    )


def _gathered(
    equation: Equation,
    loop: int,
    home: Mapping[str, int],
    products: Mapping[str, Equation],
    builder: Builder,
) -> tuple[str, Equation] | None:
    """A product of a product as ``d (A B)`` with d from the loop, and the name of the inner one."""
    outer = _factors(equation, loop, home)
    known = products.get(outer[0].name) if outer is not None else None
    found = _factors(known, loop, home) if known is not None else None
    if outer is None or known is None or found is None or known.operator != "=":
        return None
    inner, last = outer
    if not all(map(is_distinct, (inner, last, equation.target, *found, known.target))):
        return None
    names = dict(zip(letters(known.target), letters(inner), strict=True))
    one, other = (renamed(factor, names) for factor in found)
    gathered = builder.define(Multiply((other, last)))
    return inner.name, replace(equation, expression=Multiply((one, gathered)))


def _factors(
    equation: Equation, loop: int, home: Mapping[str, int]
) -> tuple[Access, Access] | None:
    """The factor that a loop computes and the one that it does not, where an equation multiplies such."""
    match equation.expression:
        case Multiply((Access() as one, Access() as other)):
            if home.get(other.name) == loop:
                one, other = other, one
            if home.get(one.name) == loop and home.get(other.name) != loop:
                return one, other
    return None
