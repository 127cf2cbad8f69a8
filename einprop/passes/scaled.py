"""Scalars that multiply a product move to its smaller operand: ``a sum[b](x g)`` is ``sum[b](x (a g))``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from einprop.analysis.dependence import assembled_tensors
from einprop.analysis.indices import is_distinct
from einprop.notation.tree import Access, Call, Divide, Equation, Expression, Multiply, reads
from einprop.passes.builder import Builder, letters, renamed
from einprop.passes.sized import SizedProgram

__all__ = ["scale_operands"]


def scale_operands(program: SizedProgram) -> SizedProgram:
    """The flat program with scalars multiplied in where there are fewest cells.

    A product that is wanted for nothing else is then never there unscaled: ``W - rate W.grad`` takes
    one pass over W less.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> text = "G[i,j] = sum[b](x[b,i] g[b,j]); u[i,j] = a G[i,j]"
    >>> sizes = {"b": 2, "i": 50, "j": 30}
    >>> for equation in scale_operands(SizedProgram(parse(text), sizes, ("u",))).equations:
    ...     print(to_text(equation))
    _1[b,j] = a g[b,j]
    u[i,j] = sum[b](x[b,i] _1[b,j])
    """
    builder = Builder(
        program.sizes, program.names, generic=program.generic, weights=program.weights
    )
    uses = Counter(access.name for equation in program.equations for access in reads(equation))
    assembled = frozenset(assembled_tensors(program.equations))
    products: dict[str, Equation] = {}
    gone: set[str] = set()
    for equation in program.equations:
        name = equation.target.name
        found = None if name in assembled else _scaled(equation, products, builder)
        product, written = found or ("", equation)
        gone.add(product)
        operands = {access.name for access in _operands(written)}
        once = uses[name] == 1 and name not in program.outputs
        if once and operands and assembled.isdisjoint({name, *operands}):
            products[name] = written
        builder.add(written)
    equations = tuple(e for e in builder.equations if e.target.name not in gone)
    temporaries = program.temporaries | builder.created
    return replace(program, equations=equations, temporaries=temporaries)


def _operands(equation: Equation) -> tuple[Access, ...]:
    """The two operands of an equation that is a sum of their products."""
    match equation.expression:
        case Call("sum", (Multiply((Access() as left, Access() as right)),)):
            return left, right
        case _:
            return ()


def _parts(
    expression: Expression, products: Mapping[str, Equation]
) -> tuple[Access, Access] | None:
    """The product that is scaled, and the scalar."""
    match expression:
        case Multiply((Access(_, ()) as factor, Access(name) as value)) if name in products:
            return value, factor
        case Multiply((Access(name) as value, Access(_, ()) as factor)) if name in products:
            return value, factor
        case Divide(Access(name) as value, Access(_, ()) as factor) if name in products:
            return value, factor
        case _:
            return None


def _scaled(
    equation: Equation, products: Mapping[str, Equation], builder: Builder
) -> tuple[str, Equation] | None:
    """An equation that scales a product as a product of scaled operands, and the product's name."""
    parts = _parts(equation.expression, products)
    if parts is None:
        return None
    value, factor = parts
    product = products[value.name]
    if not is_distinct(value):
        return None
    assert isinstance(product.expression, Call)
    smaller, other = sorted(_operands(product), key=lambda a: builder.weight(letters(a)))
    if builder.weight(letters(smaller)) >= builder.weight(letters(product.target)):
        return None
    scaled = (
        Divide(smaller, factor)
        if isinstance(equation.expression, Divide)
        else Multiply((factor, smaller))
    )
    body = Multiply((other, builder.define(scaled)))
    names = dict(zip(letters(value), letters(product.target), strict=True))
    expression = replace(product.expression, arguments=(body,))
    return value.name, replace(
        equation, target=renamed(equation.target, names), expression=expression
    )
