"""Layers on tensors with more axes than they are written for: subscripts added, everywhere at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from einprop.analysis.dependence import reached, readers
from einprop.analysis.indices import unprimed
from einprop.errors import UnsupportedError
from einprop.notation.printer import to_text
from einprop.notation.tree import (
    Access,
    Affine,
    Backward,
    Boundary,
    Call,
    Equation,
    Expression,
    Group,
    Index,
    IndexValue,
    Subscript,
    transform,
)

__all__ = ["access_with_batch_axes", "at_subscripts", "with_batch_axes"]


def at_subscripts(
    equations: Sequence[Equation],
    lines: Sequence[Backward],
    flow: Access,
    others: Collection[str] = (),
) -> tuple[list[Equation], list[Backward]]:
    """Equations written without subscripts, at those of a tensor.

    Args:
        equations: What they define from the tensor gets the subscripts.
        lines: Their backward lines; cotangents get the subscripts too.
        flow: The tensor.
        others: Further tensors that vary along all axes, such as noise.

    >>> from einprop.notation.parser import parse
    >>> (line,), _ = at_subscripts(parse("y = tanh(x)"), (), Access("x", (Index("b"), Index("i"))))
    >>> to_text(line)
    'y[b,i] = tanh(x[b,i])'
    """
    flowing = reached(readers(equations), [flow.name, *others])
    flowing |= {f"{name}.grad" for name in flowing}
    flowing |= {s.equation.target.name for s in lines if "." not in s.equation.target.name}

    def at(node: Expression) -> Expression:
        if isinstance(node, Access) and node.name in flowing:
            return replace(node, subscripts=flow.subscripts)
        return node

    def subscripted(equation: Equation) -> Equation:
        target = at(equation.target)
        assert isinstance(target, Access)
        return replace(equation, target=target, expression=transform(equation.expression, at))

    shown = [replace(s, equation=subscripted(s.equation)) for s in lines]
    return [subscripted(equation) for equation in equations], shown


def with_batch_axes(equation: Equation, batch: str, more: Sequence[str]) -> Equation:
    """The equation with further batch indices behind the one that it has.

    What is read, written or reduced along ``batch`` is so along all of them.

    Raises:
        UnsupportedError: The equation computes with the position of the batch index.

    >>> from einprop.notation.parser import parse
    >>> (line,) = parse("m[c] = mean[b](x[b,c])")
    >>> to_text(with_batch_axes(line, "b", ["i", "j"]))
    'm[c] = mean[b,i,j](x[b,i,j,c])'
    """
    return replace(
        equation,
        target=access_with_batch_axes(equation.target, batch, more),
        expression=transform(equation.expression, lambda node: _node(node, batch, more)),
        inside=tuple(access_with_batch_axes(access, batch, more) for access in equation.inside),
    )


def _indices(names: Sequence[str], batch: str, more: Sequence[str]) -> tuple[str, ...]:
    """``b`` becomes ``b, t``, and ``b'`` becomes ``b', t'``."""
    found: list[str] = []
    for name in names:
        primes = name[len(unprimed(name)) :]
        found += [name, *(f"{other}{primes}" for other in more if unprimed(name) == batch)]
    return tuple(found)


def _node(node: Expression, batch: str, more: Sequence[str]) -> Expression:
    match node:
        case Access():
            return access_with_batch_axes(node, batch, more)
        case Call(_, _, indices) if indices:
            return replace(node, indices=_indices(indices, batch, more))
        case IndexValue(name) if unprimed(name) == batch:
            raise UnsupportedError(
                f"the position of batch index {batch} is no number where there are more batch axes",
                [node.place],
                "compare the positions of other indices",
            )
        case _:
            return node


def access_with_batch_axes(access: Access, batch: str, more: Sequence[str]) -> Access:
    """The access with further batch indices, as `with_batch_axes` gives them to an equation."""
    found: list[Subscript] = []
    for subscript in access.subscripts:
        match subscript:
            case Index(name):
                found += map(Index, _indices((name,), batch, more))
            case Group(names):
                found.append(replace(subscript, indices=_indices(names, batch, more)))
            case Access():
                found.append(access_with_batch_axes(subscript, batch, more))
            case Affine() | Boundary():
                _refuse_computed(access, subscript, batch)
                found.append(subscript)
    return replace(access, subscripts=tuple(found))


def _refuse_computed(access: Access, subscript: Affine | Boundary, batch: str) -> None:
    inner = subscript.subscript if isinstance(subscript, Boundary) else subscript
    terms = ((1, inner.name),) if isinstance(inner, Index) else inner.terms
    if any(unprimed(name) == batch for _, name in terms):
        raise UnsupportedError(
            f"{to_text(access)} computes with its batch index {batch}, "
            "so it cannot have more batch axes",
            [subscript.place],
            f"read it at plain {batch}",
        )
