"""Batches: a program for one example lifted to many, its parameters shared."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from einprop.analysis.declared import cotangent_of
from einprop.analysis.dependence import reached, readers
from einprop.analysis.derivative_names import tensor_base, without_suffix
from einprop.analysis.indices import equation_indices, target_indices, unprimed
from einprop.analysis.kept_types import with_types_of
from einprop.analysis.resolve import Resolved
from einprop.arguments import Names, as_names
from einprop.errors import EinpropError, InputError
from einprop.notation.parser import parse
from einprop.notation.tree import (
    Access,
    Backward,
    Equation,
    Expression,
    Index,
    IndexDeclaration,
    Statement,
    Subscript,
    TensorDeclaration,
    accesses,
    declared_groups,
    equations_of,
    expression_reads,
    map_children,
    reads,
)
from einprop.roles import as_local, is_output

__all__ = ["batched_statements"]


def batched_statements(
    resolved: Resolved, index: str, type_name: str, over: Names
) -> list[Statement]:
    """The statements of a program with an index in front of every tensor that varies along it.

    Args:
        resolved: The program.
        index: The index.
        type_name: Its type.
        over: The inputs that get the index; None for those that are no parameters.

    Raises:
        InputError: The index is none or is in use, or ``over`` names no input.
    """
    declaration = _declaration(index, type_name)
    _check_unused(resolved, index)
    varying = _varying(resolved, _inputs(resolved, over))
    kept = [s for s in resolved.statements if not is_output(s) or as_local(resolved, s)]
    by_hand = _by_hand(resolved, varying)
    lifted = [_lifted(s, index, by_hand if isinstance(s, Backward) else varying) for s in kept]
    return with_types_of(
        [declaration, *_ordered(lifted, index)],
        resolved,
        lambda name, axis: axis + (name in varying),
        resolved.names.outputs,
    )


def _declaration(index: str, type_name: str) -> IndexDeclaration:
    try:
        (found,) = parse(f"index {index}: {type_name}")
    except (EinpropError, ValueError):
        found = None
    if isinstance(found, IndexDeclaration):
        (group,) = found.groups[:1]
        if len(found.groups) == 1 and (group.indices, group.type) == ((index,), type_name):
            return IndexDeclaration((replace(group, place=None),))
    raise InputError(
        f"{index!r} of type {type_name!r} is no index", (), 'as in batched("b", "batch")'
    )


def _check_unused(resolved: Resolved, index: str) -> None:
    used = {unprimed(i) for e in resolved.equations for i in equation_indices(e)}
    used |= {unprimed(i) for e in equations_of(resolved.statements) for i in equation_indices(e)}
    used |= {unprimed(i) for line in resolved.lines for i in equation_indices(line.core)}
    used |= {i for group in declared_groups(resolved.statements) for i in group.indices}
    for declaration in resolved.declarations:
        used |= {unprimed(i) for a in declaration.tensors for i in target_indices(a)}
    if unprimed(index) in used:
        free = next(i for i in ("b", "n", "e", "batch", "example", "batch2") if i not in used)
        raise InputError(
            f"index {index} is already used in the program",
            (),
            f'another is free: batched("{free}")',
        )


def _inputs(resolved: Resolved, over: Names) -> tuple[str, ...]:
    names = resolved.names
    if over is None:
        found = tuple(n for n in names.inputs if tensor_base(n) not in names.parameters)
    else:
        found = as_names(over, "over", InputError, names.inputs)
    for name in found:
        if name not in names.inputs:
            raise InputError(
                f"{name} is not an input of the program",
                (),
                f"its inputs are {', '.join(names.inputs) or 'none'}",
            )
    if not found:
        raise InputError(
            "no input gets the new index",
            (),
            f"name some by over=: the inputs are {', '.join(names.inputs) or 'none'}",
        )
    return found


def _varying(resolved: Resolved, inputs: Sequence[str]) -> set[str]:
    """The inputs, every tensor that depends on one of them, and the derivatives of all these."""
    edges = readers(resolved.equations)
    # A cotangent has the axes of its tensor, and its own derivatives have those that it has.
    for name in {a.name for e in resolved.equations for a in accesses(e)}:
        edges.setdefault(tensor_base(name), set()).add(name)
        edges.setdefault(without_suffix(name), set()).add(name)
    return reached(edges, inputs)


def _by_hand(resolved: Resolved, varying: Collection[str]) -> set[str]:
    """What varies in the lines of a declared backward pass: there, a cotangent is that of its tensor."""
    found = {n for n in varying if cotangent_of(n) is None}
    tensors = {a.name for line in resolved.lines for a in accesses(line.core)}
    found |= {name for name in tensors if cotangent_of(name) in varying}
    for line in resolved.lines:
        if line.of is None and any(a.name in found for a in reads(line.core)):
            found.add(line.core.target.name)
    return found


def _lifted(statement: Statement, index: str, varying: Collection[str]) -> Statement:
    def lift(access: Access) -> Access:
        subscripts: tuple[Subscript, ...] = tuple(
            [lift(s) if isinstance(s, Access) else s for s in access.subscripts]
        )
        if access.name in varying:
            subscripts = (Index(index), *subscripts)
        return replace(access, subscripts=subscripts)

    def lift_all(expression: Expression) -> Expression:
        if isinstance(expression, Access):
            return lift(expression)
        return map_children(expression, lift_all)

    match statement:
        case Backward(equation):
            lifted = _lifted(equation, index, varying)
            assert isinstance(lifted, Equation)
            return replace(statement, equation=lifted)
        case Equation():
            return replace(
                statement,
                target=lift(statement.target),
                expression=lift_all(statement.expression),
                inside=tuple(lift(access) for access in statement.inside),
            )
        case TensorDeclaration():
            return replace(statement, tensors=tuple(lift(a) for a in statement.tensors))
        case _:
            return statement


def _ordered(statements: Sequence[Statement], index: str) -> list[Statement]:
    """What is the same for every example comes after what tells a tensor that there are several.

    There it adds to a tensor that others add to.
    """

    def tells(statement: Statement) -> bool:
        return isinstance(statement, Equation) and any(
            index in target_indices(access) for access in expression_reads(statement.expression)
        )

    tellers = {e.target.name for e in equations_of(statements) if tells(e)}
    added = {e.target.name for e in equations_of(statements) if e.operator == "+="}
    waiting: dict[str, list[Statement]] = {}
    found: list[Statement] = []
    for statement in statements:
        name = statement.target.name if isinstance(statement, Equation) else ""
        if isinstance(statement, Equation) and name in tellers and not tells(statement):
            adds = statement.operator == "=" and name in added
            later = replace(statement, operator="+=") if adds else statement
            waiting.setdefault(name, []).append(later)
        else:
            tellers.discard(name)
            found += [statement, *waiting.pop(name, [])]
    return found
