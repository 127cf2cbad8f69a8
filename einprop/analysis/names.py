"""What each tensor is: an input, a parameter or defined; and whether definitions and reads are in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from einprop.errors import IndexScopeError
from einprop.notation.printer import to_text
from einprop.notation.tree import Access, Equation, Index, TensorDeclaration, reads

__all__ = ["Names", "collect_names", "unread"]


@dataclass(frozen=True)
class Names:
    """The tensors of a program by role, each in order of first appearance."""

    inputs: tuple[str, ...]
    parameters: tuple[str, ...]
    defined: tuple[str, ...]
    outputs: tuple[str, ...]


def collect_names(
    declarations: Sequence[TensorDeclaration], equations: Sequence[Equation]
) -> Names:
    """Sort the tensors of a program by role.

    Raises:
        IndexScopeError: A tensor is defined twice, defined though declared an input, read before
            or while it is defined, or declared an output and not defined.

    >>> from einprop.notation.parser import parse
    >>> collect_names((), parse("h[j] = x[i] W[i,j]; y[k] = h[j] U[j,k]"))
    Names(inputs=('x', 'W', 'U'), parameters=(), defined=('h', 'y'), outputs=('y',))
    """
    declared = {a.name: (d.kind, a) for d in declarations for a in d.tensors if d.kind != "output"}
    _check_definitions(equations, declared)
    _check_order(equations)
    defined = tuple(dict.fromkeys(e.target.name for e in equations))
    read = dict.fromkeys(access.name for equation in equations for access in reads(equation))
    inputs = tuple(dict.fromkeys([*declared, *(n for n in read if n not in defined)]))
    written = tuple(a.name for d in declarations if d.kind == "output" for a in d.tensors)
    _check_outputs(declarations, defined)
    return Names(
        inputs=inputs,
        parameters=tuple(name for name, (kind, _) in declared.items() if kind == "param"),
        defined=defined,
        outputs=written or unread(defined, equations),
    )


def unread(defined: Sequence[str], equations: Sequence[Equation]) -> tuple[str, ...]:
    """The defined tensors that no equation reads: a program's outputs unless it declares others."""
    read = {access.name for equation in equations for access in reads(equation)}
    return tuple(name for name in defined if name not in read)


def _check_outputs(declarations: Sequence[TensorDeclaration], defined: tuple[str, ...]) -> None:
    for declaration in declarations:
        for access in declaration.tensors:
            if declaration.kind == "output" and access.name not in defined:
                raise IndexScopeError(
                    f"output {access.name} is defined by no equation",
                    [access.place],
                    "an output is a tensor that stands on the left of an equation",
                )


def _check_definitions(
    equations: Sequence[Equation], declared: dict[str, tuple[str, Access]]
) -> None:
    first: dict[str, Equation] = {}
    for equation in equations:
        name = equation.target.name
        if name in declared:
            kind, access = declared[name]
            raise IndexScopeError(
                f"{name} is declared {kind} and defined by an equation",
                [access.place, equation.target.place],
                "an input comes from outside; give the defined tensor another name",
            )
        if name in first and equation.operator == "=":
            raise IndexScopeError(
                f"{name} is defined twice",
                [equation.target.place, first[name].target.place],
                "= defines a tensor once; use += to add to it, or another name",
            )
        first.setdefault(name, equation)


def _check_order(equations: Sequence[Equation]) -> None:
    """Every read of a tensor comes after its last equation."""
    last = {equation.target.name: number for number, equation in enumerate(equations)}
    for number, equation in enumerate(equations):
        for access in reads(equation):
            if last.get(access.name, -1) < number:
                continue
            target = to_text(equations[last[access.name]].target)
            if access.name == equation.target.name:
                raise IndexScopeError(
                    f"{to_text(access)} is read while {access.name} is being defined",
                    [access.place],
                    "a tensor cannot depend on itself; give the new value another name"
                    if all(isinstance(s, Index) for s in access.subscripts)
                    else "a recurrence reads the tensor at an earlier position",
                )
            raise IndexScopeError(
                f"{access.name} is read before it is complete",
                [access.place, equations[last[access.name]].target.place],
                f"move this equation below the last one that defines {target}",
            )
