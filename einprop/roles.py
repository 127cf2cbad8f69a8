"""Roles given in Python instead of the text: which inputs are parameters, and what is returned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from einprop.analysis.declare import declared_access
from einprop.analysis.indices import is_plain, range_of, target_indices
from einprop.analysis.names import unread
from einprop.analysis.resolve import Resolved, redeclared
from einprop.analysis.spelling import did_you_mean
from einprop.arguments import Names, as_names
from einprop.errors import InputError
from einprop.notation.tree import Equation, Statement, TensorDeclaration

__all__ = ["as_local", "is_output", "with_outputs", "with_parameters"]


def is_output(statement: Statement) -> bool:
    """Whether a statement declares outputs."""
    return isinstance(statement, TensorDeclaration) and statement.kind == "output"


def as_local(
    resolved: Resolved, statement: Statement, outputs: Sequence[str] = ()
) -> list[Statement]:
    """A declaration of outputs as one of tensors that are no outputs any more.

    Args:
        resolved: The program.
        statement: The declaration; tensors whose axes their equations tell are left out of it.
        outputs: Tensors that are outputs still.
    """
    assert isinstance(statement, TensorDeclaration)
    partly = {e.target.name for e in resolved.equations if not _writes_all(e)}
    kept = tuple(a for a in statement.tensors if a.name in partly.difference(outputs))
    return [replace(statement, kind="local", tensors=kept)] if kept else []


def _writes_all(equation: Equation) -> bool:
    """Whether the left side runs over whole axes."""
    left = equation.target
    return is_plain(left) and not any(range_of(equation, i) for i in target_indices(left))


def with_parameters(resolved: Resolved, params: Names) -> Resolved:
    """The program with some of its inputs declared parameters.

    Raises:
        InputError: One is not an input.
    """
    names = () if params is None else as_names(params, "params", InputError, resolved.names.inputs)
    for name in names:
        if name not in resolved.names.inputs:
            raise InputError(
                f"parameter {name} is not an input of the program",
                (),
                f"its inputs are {', '.join(resolved.names.inputs) or 'none'}"
                + did_you_mean(name, resolved.names.inputs),
            )
    new = [name for name in names if name not in resolved.names.parameters]
    if not new:
        return resolved
    declaration = TensorDeclaration("param", tuple(declared_access(resolved, n) for n in new))
    kept = (s for s in map(_without(new), resolved.statements) if s)
    return redeclared(resolved, (declaration, *kept))


def with_outputs(resolved: Resolved, outputs: Names) -> Resolved:
    """The program with these outputs, declared where they are not those that go unread.

    Raises:
        InputError: One is defined by no equation, or there is none.
    """
    if outputs is None:
        return resolved
    names = as_names(outputs, "outputs", InputError, resolved.names.defined)
    if not names:
        raise InputError("outputs names no tensor", (), "leave outputs out for all that none reads")
    for name in names:
        if name not in resolved.names.defined:
            raise InputError(
                f"output {name} is defined by no equation",
                (),
                f"the program defines {', '.join(resolved.names.defined)}"
                + did_you_mean(name, resolved.names.defined),
            )
    kept = tuple(
        kept
        for s in resolved.statements
        for kept in (as_local(resolved, s, names) if is_output(s) else [s])
    )
    known = replace(resolved.names, outputs=names)
    if known.outputs == unread(resolved.names.defined, resolved.equations) and not any(
        map(is_output, resolved.statements)
    ):
        return replace(resolved, statements=kept, names=known)
    accesses = tuple(declared_access(resolved, name) for name in known.outputs)
    declaration = TensorDeclaration("output", accesses)
    return replace(resolved, statements=(*kept, declaration), names=known)


def _without(names: Sequence[str]) -> Callable[[Statement], Statement | None]:
    """Takes names out of declarations of tensors; a declaration of nothing is None."""

    def shortened(statement: Statement) -> Statement | None:
        if not isinstance(statement, TensorDeclaration):
            return statement
        kept = tuple(a for a in statement.tensors if a.name not in names)
        return replace(statement, tensors=kept) if kept else None

    return shortened
