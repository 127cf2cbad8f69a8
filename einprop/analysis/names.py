"""What each tensor is: an input, a parameter or defined; and whether definitions and reads are in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from einprop.analysis.cells import is_base, writers
from einprop.analysis.dependence import numbers_by_target
from einprop.analysis.derivative_names import tensor_base
from einprop.analysis.indices import is_plain, plain_subscripts
from einprop.analysis.recurrence import Loop, loops
from einprop.errors import IndexScopeError
from einprop.notation.printer import to_text
from einprop.notation.tree import (
    Access,
    Equation,
    TensorDeclaration,
    reads,
)

__all__ = ["Names", "collect_names", "unread"]


@dataclass(frozen=True)
class Names:
    """The tensors of a program by role, each in order of first appearance."""

    inputs: tuple[str, ...]
    parameters: tuple[str, ...]
    defined: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def tensors(self) -> tuple[str, ...]:
        """All of them: the inputs, then those that equations define."""
        return (*self.inputs, *self.defined)


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
    given = [d for d in declarations if d.kind in ("input", "param")]
    declared = {a.name: (d.kind, a) for d in given for a in d.tensors}
    _check_definitions(equations, declared)
    loop_of = _loop_of(equations)
    _check_order(equations, loop_of)
    written_to = dict.fromkeys(e.target.name for e in equations)
    # An equation may give the cells before an input's first one.
    defined = tuple(name for name in written_to if name not in declared)
    read = dict.fromkeys(a.name for e in equations for a in (*reads(e), *e.inside))
    outside = (n for n in read if n not in written_to or n in declared)
    inputs = tuple(dict.fromkeys([*declared, *outside]))
    written = tuple(a.name for d in declarations if d.kind == "output" for a in d.tensors)
    _check_outputs(declarations, defined)
    return Names(
        inputs=inputs,
        parameters=tuple(name for name, (kind, _) in declared.items() if kind == "param"),
        defined=defined,
        outputs=written or _unread(defined, equations, loop_of),
    )


def unread(defined: Sequence[str], equations: Sequence[Equation]) -> tuple[str, ...]:
    """The defined tensors that no equation reads: a program's outputs unless it declares others."""
    return _unread(defined, equations, _loop_of(equations))


def _unread(
    defined: Sequence[str], equations: Sequence[Equation], loop_of: Mapping[int, Loop]
) -> tuple[str, ...]:
    """`unread`, the loops being known."""
    writers = numbers_by_target(equations)
    read = set()
    for number, equation in enumerate(equations):
        for access in reads(equation):
            loop = None if is_plain(access) else loop_of.get(number)
            if loop is not None and _letters(loop, number) <= {*plain_subscripts(access)}:
                loop = None
            together = (loop_of.get(n) is loop for n in writers.get(access.name, ()))
            # What a recurrence reads at another position of its loop is its own past.
            if loop is None or not any(together):
                read.add(access.name)
    return tuple(name for name in defined if name not in read)


_ARTICLE = {"output": "an output", "local": "a local"}


def _check_outputs(declarations: Sequence[TensorDeclaration], defined: tuple[str, ...]) -> None:
    for declaration in declarations:
        for access in declaration.tensors:
            if declaration.kind in ("output", "local") and access.name not in defined:
                raise IndexScopeError(
                    f"{declaration.kind} {access.name} is defined by no equation",
                    [access.place],
                    f"{_ARTICLE[declaration.kind]} tensor is one that stands on the left of an "
                    "equation",
                )


def _check_definitions(
    equations: Sequence[Equation], declared: dict[str, tuple[str, Access]]
) -> None:
    written = writers(equations)
    first: dict[str, dict[str, Equation]] = {}
    for number, equation in enumerate(equations):
        name = equation.target.name
        if name in declared and not is_base(equation.target):
            kind, access = declared[name]
            raise IndexScopeError(
                f"{name} is declared {kind} and defined by an equation",
                [access.place, equation.target.place],
                "an input comes from outside; give the defined tensor another name",
            )
        before = next(written[name].meeting(equation.target, equation), number)
        if before < number and equation.operator == "=":
            raise IndexScopeError(
                f"{name} is defined twice",
                [equation.target.place, equations[before].target.place],
                "= defines a tensor once; use += to add to it, or another name",
            )
        operators = first.setdefault(name, {})
        _check_operator(equation, operators.values())
        operators.setdefault(equation.operator, equation)
    for name, own in written.items():
        if name not in declared and tensor_base(name) == name:
            _check_cells(name, list(own.equations.values()))


def _check_cells(name: str, written: Sequence[Equation]) -> None:
    """Refuse a tensor of which all that is defined lies before its first or behind its last position."""
    if all(is_base(equation.target) for equation in written):
        raise IndexScopeError(
            f"{name} has no cells inside of its axes: it is defined outside of them alone",
            [equation.target.place for equation in written],
            f"positions count from 0; a base such as {name}[-1] goes with a recurrence, or with an "
            f"input {name}",
        )


def _check_operator(equation: Equation, before: Iterable[Equation]) -> None:
    """Refuse a tensor to which one equation adds and with which another compares.

    Args:
        equation: One of the equations of a tensor.
        before: The first one with each operator, of those before it.
    """
    for other in before:
        operators = {other.operator, equation.operator}
        if len(operators) > 1 and operators != {"=", "+="}:
            raise IndexScopeError(
                f"{equation.target.name} is defined by {other.operator} and by {equation.operator}",
                [equation.target.place, other.target.place],
                "= and += go together, max= and min= each alone; or give one another name",
            )


def _loop_of(equations: Sequence[Equation]) -> dict[int, Loop]:
    """By number, the loop that runs each equation of a cycle."""
    return {number: loop for loop in loops(equations) for number in loop.letters}


def _letters(loop: Loop, number: int) -> set[str]:
    """The letters of the loops around an equation."""
    inner = (item for item in loop.body if isinstance(item, Loop) and number in item.letters)
    return {loop.letters[number]}.union(*(_letters(item, number) for item in inner))


def _check_order(equations: Sequence[Equation], loop_of: Mapping[int, Loop]) -> None:
    """Every read of a tensor comes after its last equation, but for the cycles of a recurrence."""
    written = writers(equations)
    for number, equation in enumerate(equations):
        for access in reads(equation):
            own = written.get(access.name)
            if own is None or own.numbers[-1] <= number:
                continue
            # A recurrence and its base may come in any order.
            loop = loop_of.get(number)
            together = loop is not None and any(loop_of.get(n) is loop for n in own.numbers)
            for writer in own.meeting(access, equation) if not together else ():
                if writer > number:
                    target = equations[own.numbers[-1]].target
                    raise IndexScopeError(
                        f"{access.name} is read before it is complete",
                        [access.place, target.place],
                        f"move this equation below the last one that defines {to_text(target)}",
                    )
