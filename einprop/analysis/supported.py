"""What this version does not run yet, refused by name before any other analysis."""

from __future__ import annotations

from collections.abc import Iterable

from einprop.errors import Place, UnsupportedError
from einprop.notation.printer import to_text
from einprop.notation.tree import (
    Access,
    Affine,
    Boundary,
    Equation,
    Group,
    Index,
    IndexDeclaration,
    Statement,
    Subscript,
    TensorDeclaration,
    walk,
)

__all__ = ["check_supported"]


def check_supported(statements: Iterable[Statement]) -> None:
    """Refuse the parts of the language that this version parses and prints, but does not run.

    Raises:
        UnsupportedError: Names the construct and points at it.
    """
    for statement in statements:
        match statement:
            case Equation():
                _check_equation(statement)
            case TensorDeclaration(_, tensors):
                for access in tensors:
                    _check_access(access)
            case IndexDeclaration(groups):
                for group in groups:
                    if group.size is not None and not (
                        len(group.size) == 1 and isinstance(group.size[0], int)
                    ):
                        raise _unsupported("a declared size that is not one number", group.place)


def _check_equation(equation: Equation) -> None:
    if equation.operator not in ("=", "+="):
        raise _unsupported(f"accumulating by {equation.operator}", equation.target.place)
    for access in (equation.target, *walk(equation.expression)):
        if isinstance(access, Access):
            _check_recurrence(access, equation)
            _check_access(access)
    for given in equation.ranges:
        raise _unsupported(f"the range of index {given.index} by where", given.place)


def _check_recurrence(access: Access, equation: Equation) -> None:
    if (
        access is not equation.target
        and access.name == equation.target.name
        and access.subscripts != equation.target.subscripts
        and not all(isinstance(s, Index) for s in access.subscripts)
    ):
        raise _unsupported(f"the recurrence {to_text(access)}", access.place)


def _check_access(access: Access) -> None:
    for subscript in access.subscripts:
        if not isinstance(subscript, Index):
            raise _unsupported(
                f"{_construct(subscript)} in {to_text(access)}", subscript.place or access.place
            )


def _construct(subscript: Subscript) -> str:
    match subscript:
        case Affine(terms, _, _):
            kind = "the computed subscript" if terms else "the constant subscript"
        case Boundary(mode):
            kind = f"the {mode} subscript"
        case Group():
            kind = "the grouped subscript"
        case _:
            kind = "the gather subscript"
    return f"{kind} {to_text(subscript)}"


def _unsupported(construct: str, place: Place | None) -> UnsupportedError:
    return UnsupportedError(
        f"{construct} is not supported yet",
        [place],
        "this version parses it and prints it, but does not run it",
    )
