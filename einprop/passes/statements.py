"""A program with sizes as statements that a reader follows and that parse back: what `after` shows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from einprop.analysis.indices import equation_indices, fresh_index, is_distinct, unprimed
from einprop.analysis.types import infer_types
from einprop.notation.tree import (
    Access,
    Call,
    Divide,
    Equation,
    Expression,
    IndexDeclaration,
    IndexGroup,
    IndexValue,
    Iverson,
    Negate,
    Number,
    Statement,
    TensorDeclaration,
    transform,
)
from einprop.passes.builder import letters, tensor
from einprop.passes.sized import SizedProgram

__all__ = ["as_statements"]


def as_statements(program: SizedProgram) -> tuple[Statement, ...]:
    """The equations, behind a declaration of the size of each index.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import program_text
    >>> program = SizedProgram(parse("y[b,j] = sum[i](x[b,i] W[i,j])"), {"b": 2, "i": 3, "j": 4}, "y")
    >>> print(program_text(as_statements(program)))
    index b: b < 2, j: j < 4, i: i < 3
    y[b,j] = sum[i](x[b,i] W[i,j])
    """
    parts = Counter(equation.target.name for equation in program.equations)
    equations = [_written(e, several=parts[e.target.name] > 1) for e in program.equations]
    declared = dict(_declared(program))
    groups = tuple(_groups(equations, declared, program))
    indices = (IndexDeclaration(groups),) if groups else ()
    kinds = {n: "output" if n in program.outputs else "local" for n in declared}
    tensors = [TensorDeclaration(kinds[n], (access,)) for n, access in declared.items()]
    return (*indices, *tensors, *equations)


def _declared(program: SizedProgram) -> Iterator[tuple[str, Access]]:
    """The tensors whose axes their equations do not tell, at letters."""
    for equation in program.equations:
        name = equation.target.name
        if not is_distinct(equation.target) and name in program.axes:
            yield name, tensor(name, program.axes[name])


def _written(equation: Equation, *, several: bool) -> Equation:
    """An equation as the language has it, one of several of its tensor or the only one."""
    expression = equation.expression
    if isinstance(expression, IndexValue):
        # The position itself stands only inside brackets: it is the number of positions before.
        before = fresh_index(expression.name, equation_indices(equation))
        bracket = Iverson(IndexValue(before), "<", expression)
        expression = Call("sum", (bracket,), (before,))
    # Parts of a tensor do not meet, nor its cells, which ranges said before indices ran from 0.
    apart = several or not is_distinct(equation.target)
    operator = "+=" if equation.operator == "=" and apart else equation.operator
    return replace(equation, operator=operator, expression=transform(expression, _number))


def _number(node: Expression) -> Expression:
    """A number as the language writes it: without a sign, infinity as the quotient that it is."""
    match node:
        case Number(value) if value < 0:
            return Negate(_number(Number(-value)))
        case Number(math.inf):
            return Divide(Number(1), Number(0))
        case _:
            return node


def _groups(
    equations: Sequence[Equation], declared: Mapping[str, Access], program: SizedProgram
) -> Iterator[IndexGroup]:
    """The letters with their sizes, those of one type side by side."""
    types = infer_types((), equations)
    held: dict[object, dict[str, None]] = {}
    for name, access in declared.items():
        for axis, letter in enumerate(letters(access)):
            held.setdefault(types.axis(name, axis), {})[unprimed(letter)] = None
    for number, equation in enumerate(equations):
        for index in equation_indices(equation):
            if program.size_of(index) is not None:
                held.setdefault(types.letter(number, index), {})[unprimed(index)] = None
    groups: list[dict[str, None]] = []
    for found in held.values():
        joined, *others = [g for g in groups if not g.keys().isdisjoint(found)] or [{}]
        groups = [g for g in groups if g not in others]
        if not joined:
            groups.append(joined)
        for group in (*others, found):
            joined.update(group)
    for group in groups:
        first = next(iter(group))
        yield IndexGroup(tuple(group), first, (program.sizes[first],))
