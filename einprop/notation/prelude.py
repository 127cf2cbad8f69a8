"""Text from outside a program: the shipped definitions, a user's own, and a backward pass by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType

from einprop.errors import EquationSyntaxError, Place
from einprop.notation.parser import parse
from einprop.notation.tree import (
    Access,
    Backward,
    Call,
    Definition,
    Equation,
    Statement,
    TensorDeclaration,
    accesses,
    equations_of,
    walk,
)

__all__ = ["parse_backward", "parse_with_prelude", "prelude"]


@lru_cache(maxsize=1)
def prelude() -> Mapping[str, Definition]:
    """The definitions of ``prelude.ein`` by name, parsed once.

    >>> prelude()["softmax"].indices
    ('k',)
    """
    text = files("einprop.notation").joinpath("prelude.ein").read_text(encoding="utf-8")
    statements = parse(text, definitions={})
    return MappingProxyType({s.name: s for s in statements if isinstance(s, Definition)})


def parse_with_prelude(text: str, own: str) -> tuple[Statement, ...]:
    """The statements of a program, those definitions of a user's prelude before it that it uses.

    Args:
        text: The program.
        own: The user's prelude: definitions, which may use each other and the shipped ones.

    Raises:
        EquationSyntaxError: One of them is no program, ``own`` holds something else than definitions,
            or the program gives another meaning to a name that a definition in use needs.

    >>> from einprop.notation.printer import program_text
    >>> print(program_text(parse_with_prelude("y = twice(x)", "def twice(x) = 2 x; def half(x) = x / 2")))
    def twice(x) = 2 x
    y = twice(x)
    """
    mine = _definitions(own)
    statements = parse(text, {**prelude(), **mine})
    taken = _claimed(statements)
    used: dict[str, Definition] = {}
    for statement in statements:
        if isinstance(statement, Definition):
            _collect(statement, mine, taken, used)
        elif isinstance(statement, Equation | Backward):
            line = statement.equation if isinstance(statement, Backward) else statement
            for node in walk(line.expression):
                if isinstance(node, Call) and node.function not in taken:
                    _use(node.function, mine, taken, used)
    kept = tuple(definition for name, definition in mine.items() if name in used)
    return (*kept, *statements)


def parse_backward(
    text: str, statements: Sequence[Statement], *, override: bool = False
) -> tuple[Backward, ...]:
    """The lines of a backward pass that stand apart from their program.

    Args:
        text: Equations.
        statements: The program, whose definitions they may use.
        override: Whether the lines may differ from what would be derived.

    Raises:
        EquationSyntaxError: The text is not a program, or holds something else than equations.

    >>> parse_backward("x.grad += 2 y.grad", ())[0].equation.target
    Access(name='x.grad', subscripts=())
    """
    taken = _claimed(statements)
    definitions = {n: d for n, d in prelude().items() if n not in taken}
    definitions |= {s.name: s for s in statements if isinstance(s, Definition)}
    lines = []
    for statement in parse(text, definitions, _tensors(statements)):
        if not isinstance(statement, Equation):
            raise EquationSyntaxError(
                "a backward pass is equations alone",
                [statement.place],
                "declarations and definitions stand in the program",
            )
        lines.append(Backward(statement, override, statement.place))
    return tuple(lines)


def _tensors(statements: Iterable[Statement]) -> set[str]:
    """The tensors that a program reads, defines or declares."""
    declared = {a.name for s in statements if isinstance(s, TensorDeclaration) for a in s.tensors}
    return declared.union(a.name for e in equations_of(statements) for a in accesses(e))


def _definitions(text: str) -> dict[str, Definition]:
    found = {}
    for statement in parse(text):
        if not isinstance(statement, Definition):
            raise EquationSyntaxError(
                "a prelude holds definitions alone",
                [statement.place],
                "write def name(x) = ... here, and equations and declarations in the program",
            )
        found[statement.name] = statement
    return found


def _claimed(statements: Iterable[Statement]) -> dict[str, Place | None]:
    """The names to which a program itself gives a meaning, and where."""
    found: dict[str, Place | None] = {}
    for statement in statements:
        tensors: tuple[Access, ...] = ()
        if isinstance(statement, TensorDeclaration):
            tensors = statement.tensors
        elif isinstance(statement, Equation | Backward):
            line = statement.equation if isinstance(statement, Backward) else statement
            tensors = (line.target,)
        elif isinstance(statement, Definition):
            found[statement.name] = statement.place
        found.update((access.name.partition(".")[0], access.place) for access in tensors)
    return found


def _use(
    name: str,
    mine: Mapping[str, Definition],
    claimed: Mapping[str, Place | None],
    used: dict[str, Definition],
) -> None:
    if name in mine and name not in used:
        used[name] = mine[name]
        for inner in _collect(mine[name], mine, claimed, used):
            if inner in claimed:
                raise EquationSyntaxError(
                    f"{name} of the prelude uses {inner}, to which the program gives another meaning",
                    [mine[name].place, claimed[inner]],
                    "choose another name in the program",
                )


def _collect(
    definition: Definition,
    mine: Mapping[str, Definition],
    claimed: Mapping[str, Place | None],
    used: dict[str, Definition],
) -> set[str]:
    """Mark what a definition calls as used."""
    calls = {node.function for node in walk(definition.body) if isinstance(node, Call)}
    for name in calls.difference(claimed):
        _use(name, mine, claimed, used)
    return calls
