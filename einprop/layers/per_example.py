"""A loss before its mean: one value an example, to be seeded one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from einprop.errors import InputError
from einprop.notation.tree import (
    Access,
    Add,
    Call,
    Divide,
    Equation,
    Expression,
    Index,
    Multiply,
    Negate,
    Statement,
    equations_of,
    walk,
)

__all__ = ["per_example"]


def per_example(statements: Sequence[Statement], target: str = "loss") -> tuple[Statement, ...]:
    """The statements of a mean over examples without the mean: what it averages is an output.

    Args:
        statements: The last equation defines ``target``, a multiple of a mean over the first index
            at which ``x`` is read.
        target: The scalar; it gets that index.

    Raises:
        InputError: The equation is no such mean.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import program_text
    >>> text = "loss = -mean[b](sum[k](t[b,k] log(x[b,k])))"
    >>> print(program_text(per_example(parse(text))))
    loss[b] = -sum[k](t[b,k] log(x[b,k]))
    """
    batch = _batch(statements)
    return tuple(
        _each(s, batch) if isinstance(s, Equation) and s.target.name == target else s
        for s in statements
    )


def _each(equation: Equation, batch: str | None) -> Equation:
    """The equation for every example."""
    inside = None if batch is None else _without_mean(equation.expression, batch)
    if batch is None or inside is None:
        name = equation.target.name
        raise InputError(
            f"{name} is no mean over examples",
            [equation.place],
            f"write it as in {name} = mean[b](…), with b the first index of x",
        )
    target = replace(equation.target, subscripts=(Index(batch),))
    return replace(equation, target=target, expression=inside)


def _batch(statements: Sequence[Statement]) -> str | None:
    """The first index at which ``x`` is read."""
    return next((i for e in equations_of(statements) for i in _leading(e)), None)


def _leading(equation: Equation) -> Iterator[str]:
    for node in walk(equation.expression):
        if isinstance(node, Access) and node.name == "x" and node.subscripts:
            first = node.subscripts[0]
            if isinstance(first, Index):
                yield first.name


def _without_mean(expression: Expression, batch: str) -> Expression | None:
    """What is averaged over the batch, if the expression is a multiple of such an average."""
    match expression:
        case Call("mean", (inside,), indices) if batch in indices:
            others = tuple(index for index in indices if index != batch)
            return Call("mean", (inside,), others) if others else inside
        case Negate(operand):
            inner = _without_mean(operand, batch)
            return None if inner is None else Negate(inner)
        case Divide(numerator, denominator):
            inner = _without_mean(numerator, batch)
            return None if inner is None else Divide(inner, denominator)
        case Add(parts):
            terms = [_without_mean(term, batch) for term in parts]
            known = tuple(term for term in terms if term is not None)
            return Add(known) if len(known) == len(parts) else None
        case Multiply(factors):
            return _product(factors, batch)
        case _:
            return None


def _product(factors: Sequence[Expression], batch: str) -> Expression | None:
    inside = [_without_mean(factor, batch) for factor in factors]
    averaged = [k for k, factor in enumerate(inside) if factor is not None]
    if len(averaged) != 1:
        return None
    return Multiply(
        tuple(
            factor if inner is None else inner
            for factor, inner in zip(factors, inside, strict=True)
        )
    )
