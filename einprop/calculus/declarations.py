"""What a derived program has to declare for its equations to mean what they were derived with."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from einprop.analysis.cells import is_base
from einprop.analysis.declare import declared_access, mentions
from einprop.analysis.derivative_names import derivative_sides
from einprop.analysis.indices import is_plain, subscript_indices, target_indices, unprimed
from einprop.analysis.resolve import Resolved
from einprop.calculus.derive import Tangents, zero
from einprop.notation.prelude import prelude
from einprop.notation.tree import (
    Access,
    Affine,
    Definition,
    Equation,
    Index,
    IndexDeclaration,
    Statement,
    TensorDeclaration,
    accesses,
    declared_groups,
    equations_of,
    reads,
)

__all__ = ["needed_bases", "needed_declarations", "unread_tangents"]


def unread_tangents(
    resolved: Resolved, derivation: Tangents, equations: Iterable[Equation]
) -> list[Statement]:
    """The declaration of tangents that nothing depends on: they are inputs all the same."""
    read = {access.name for equation in equations for access in reads(equation)}
    unread = tuple(
        zero(resolved, name, dot).target for name, dot in derivation.given if dot not in read
    )
    return [TensorDeclaration("input", unread)] if unread else []


def needed_bases(resolved: Resolved, equations: Sequence[Equation]) -> list[Equation]:
    """The equations that give cells before the first or after the last to tensors that are read.

    Without them the adjoint of a recurrence, standing alone, could not read the forward tensor's base.
    """
    mentioned = {resolved.types.base(a.name) for e in equations for a in accesses(e)}
    written = equations_of(resolved.statements)
    return [e for e in written if e.target.name in mentioned and is_base(e.target)]


def needed_declarations(
    resolved: Resolved, equations: Sequence[Equation], *, alone: bool
) -> list[Statement]:
    """The declarations under which adjoint equations have the meaning that they were derived with.

    Args:
        resolved: The program that was differentiated.
        equations: Its adjoint equations.
        alone: Whether they stand without the program's own equations.
    """
    mentioned = {a.name for e in equations for a in reads(e)}
    bounding = {a.name for e in equations for a in e.inside}
    kept = list(_kept(resolved, mentioned | bounding if alone else None))
    if not alone:
        mentioned.update(a.name for e in resolved.equations for a in accesses(e))
    first = {e.target.name: n for n, e in reversed(list(enumerate(equations)))}
    groups = declared_groups(resolved.statements)
    sized = {i for group in groups if group.size is not None for i in group.indices}
    loose = [
        e.target.name
        for n, e in enumerate(equations)
        if not _is_anchored(resolved, e, mentioned, sized, first=n == first[e.target.name])
    ]
    bases = dict.fromkeys(map(resolved.types.base, loose))
    anchors = {name: declared_access(resolved, name) for name in bases}
    if alone:
        written = [e.target.name for e in equations if is_base(e.target)]
        own = [name for name in written if resolved.types.base(name) == name]
        anchors |= {name: declared_access(resolved, name) for name in own}
    anchors |= _namesakes(equations, equations if alone else (*resolved.equations, *equations))
    known = {a.name for s in kept if isinstance(s, TensorDeclaration) for a in s.tensors}
    missing = tuple(a for name, a in anchors.items() if name not in known)
    return [*kept, TensorDeclaration("input", missing)] if missing else kept


def _kept(resolved: Resolved, mentioned: Collection[str] | None) -> Iterator[Statement]:
    """The program's own declarations; of its inputs those that are mentioned, None for all."""
    for statement in resolved.statements:
        if isinstance(statement, IndexDeclaration | Definition):
            yield statement
        elif isinstance(statement, TensorDeclaration) and statement.kind in ("input", "param"):
            tensors = tuple(
                a for a in statement.tensors if mentioned is None or a.name in mentioned
            )
            if tensors:
                yield replace(statement, tensors=tensors)


def _namesakes(equations: Iterable[Equation], every: Iterable[Equation]) -> dict[str, Access]:
    """Tensors with the name of a definition from outside: they have to say that they are tensors."""
    defined = {e.target.name for e in every}
    return {
        a.name: Access(a.name, a.subscripts)
        for e in equations
        for a in reads(e)
        if a.name in prelude() and a.name not in defined
    }


def _is_anchored(
    resolved: Resolved,
    equation: Equation,
    mentioned: Collection[str],
    sized: Collection[str],
    *,
    first: bool,
) -> bool:
    """Whether known tensors tell how long the axes are that an adjoint equation writes.

    Args:
        resolved: The program that was differentiated.
        equation: The equation.
        mentioned: The tensors that are known.
        sized: The letters whose sizes are declared.
        first: Whether it is the first to write its tensor, which has to have its indices on the right.
    """
    base = resolved.types.base(equation.target.name)
    if base in mentioned or any(True for _ in derivative_sides(base)):
        return True
    read: set[str] = set()
    for access in (*reads(equation), *equation.inside):
        for axis, subscript in enumerate(access.subscripts):
            if isinstance(subscript, Index) or _is_grown(resolved, access.name, axis):
                read.update(subscript_indices(subscript))
    told = read if first else set(map(unprimed, read))
    written = {i for i in target_indices(equation.target) if unprimed(i) not in sized}
    written = written if first else set(map(unprimed, written))
    return is_plain(equation.target) and written <= told


def _is_grown(resolved: Resolved, name: str, axis: int) -> bool:
    """Whether an axis is as long as the one equation needs that writes it: it tells its indices."""
    written = [e.target for e in resolved.equations if e.target.name == resolved.types.base(name)]
    found = (a.subscripts[axis] for a in mentions(resolved, name))
    return len(written) == 1 and all(isinstance(s, Affine) for s in found)
