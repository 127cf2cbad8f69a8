"""Gradients that a program declares: what each line stands for, and the program without it.

The lines ``backward x.grad[…] += … y.grad[…] …`` of a tensor x stand for every way in which the
tensors whose cotangents they read depend on x, except by way of one another and of tensors that have
such lines themselves. A line that defines no gradient helps those that read it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from einprop.analysis.dependence import operands, reached, readers
from einprop.analysis.indices import numbered
from einprop.analysis.names import Names
from einprop.errors import IndexScopeError
from einprop.notation.functions import HIDDEN
from einprop.notation.printer import to_text
from einprop.notation.tree import (
    Access,
    Backward,
    Call,
    Equation,
    Expression,
    accesses,
    reads,
    transform,
)

__all__ = ["Block", "Line", "cotangent_of", "hidden", "hide", "resolve_lines", "split_blocks"]

_SUFFIX = ".grad"
Wrap = Callable[[Access], Expression]


@dataclass(frozen=True)
class Line:
    """A line of a declared backward pass.

    Attributes:
        written: As in the text.
        core: Definitions expanded, sums explicit.
        override: Whether it may differ from what would be derived.
        of: The tensor whose gradient it adds to; None for a line that helps others.
        sources: The tensors whose cotangents it reads, also through the lines that help it.
        helpers: The tensors of helping lines that it reads, also through others.
    """

    written: Equation
    core: Equation
    override: bool
    of: str | None
    sources: frozenset[str]
    helpers: frozenset[str]


def cotangent_of(name: str) -> str | None:
    """The tensor whose cotangent a line calls by this name; None if it is no cotangent.

    >>> cotangent_of("x.grad"), cotangent_of("x")
    ('x', None)
    """
    return name.removesuffix(_SUFFIX) if name.endswith(_SUFFIX) else None


def resolve_lines(
    statements: Sequence[Backward],
    cores: Sequence[Equation],
    equations: Sequence[Equation],
    names: Names,
) -> tuple[Line, ...]:
    """The declared lines of a program.

    Args:
        statements: As parsed.
        cores: Their equations, definitions expanded and sums explicit.
        equations: The program's equations.
        names: The program's tensors.

    Raises:
        IndexScopeError: A line is of no tensor of the program, reads what there is not, or declares
            a dependence that there is not.
    """
    lines: list[Line] = []
    helping: dict[str, list[Line]] = {}
    for statement, core in zip(statements, cores, strict=True):
        of = _target(statement.equation, names)
        sources, helpers = _read(core, helping, names)
        line = Line(statement.equation, core, statement.override, of, sources, helpers)
        lines.append(line)
        if of is None:
            helping.setdefault(core.target.name, []).append(line)
    _check_paths(lines, equations)
    return tuple(lines)


def _read(
    core: Equation, helping: Mapping[str, Sequence[Line]], names: Names
) -> tuple[frozenset[str], frozenset[str]]:
    """The sources and the helpers of a line, given by tensor the lines above that help."""
    sources: set[str] = set()
    helpers: set[str] = set()
    for access in reads(core):
        cotangent = cotangent_of(access.name)
        if cotangent in names.defined:
            sources.add(str(cotangent))
        elif access.name in helping:
            helpers.add(access.name)
            for line in helping[access.name]:
                sources |= line.sources
                helpers |= line.helpers
        elif access.name not in (*names.inputs, *names.defined):
            raise _unknown(access, names)
    return frozenset(sources), frozenset(helpers)


def _target(equation: Equation, names: Names) -> str | None:
    """The tensor whose gradient a line adds to; None if it defines a tensor of its own."""
    target, of = equation.target, cotangent_of(equation.target.name)
    if of is None:
        if target.name in (*names.inputs, *names.defined):
            raise IndexScopeError(
                f"{target.name} is a tensor of the program, which no line of a backward pass defines",
                [target.place],
                f"such a line defines a gradient, {target.name}{_SUFFIX}, or a tensor of its own",
            )
        return None
    if of not in (*names.inputs, *names.defined):
        raise IndexScopeError(
            f"{target.name} is the gradient of no tensor of the program",
            [target.place],
            f"its tensors are {', '.join((*names.inputs, *names.defined))}",
        )
    if equation.operator != "+=":
        raise IndexScopeError(
            f"the gradient {target.name} is declared by {equation.operator}",
            [target.place],
            f"write +=: what else reads {of} adds to its gradient too",
        )
    return of


def _unknown(access: Access, names: Names) -> IndexScopeError:
    if cotangent_of(access.name) in names.inputs:
        message = f"{to_text(access)} is the gradient of an input, which no line can read"
    else:
        message = f"{to_text(access)} is no tensor of the program, and no line above defines it"
    return IndexScopeError(
        message,
        [access.place],
        "a line of a backward pass reads the program's tensors, the cotangents of those that it "
        f"defines ({', '.join(f'{n}{_SUFFIX}' for n in names.defined)}), and what lines above define",
    )


def _check_paths(lines: Sequence[Line], equations: Sequence[Equation]) -> None:
    """Every gradient comes from cotangents of what depends on its tensor, and not on itself."""
    edges = readers(equations)
    for line in lines:
        target = line.core.target
        if line.of is None:
            continue
        if not line.sources:
            raise IndexScopeError(
                f"the gradient {target.name} reads no cotangent",
                [line.written.place],
                "say from which tensor it comes, if need be by a product with 0: 0 y.grad",
            )
        for source in sorted(line.sources):
            if source not in reached(edges, edges.get(line.of, ())):
                raise IndexScopeError(
                    f"{source} does not depend on {line.of}, so {target.name} cannot come from "
                    f"{source}{_SUFFIX}",
                    [line.written.place],
                    f"read the cotangents of what depends on {line.of}",
                )
            if source in reached(edges, edges.get(source, ())):
                raise IndexScopeError(
                    f"{source} depends on itself, so no gradient can be declared in terms of "
                    f"{source}{_SUFFIX}",
                    [line.written.place],
                    "declare it in terms of a tensor outside of the recurrence",
                )


@dataclass(frozen=True)
class Block:
    """How a tensor depends on those whose gradients are declared in terms of its cotangent.

    Attributes:
        source: The tensor.
        equations: Its own, and before them copies of those of the tensors on the way.
        inner: For each copy the tensor that it holds the value of.
        of: The tensors whose gradients are declared.
    """

    source: str
    equations: tuple[Equation, ...]
    inner: Mapping[str, str]
    of: frozenset[str]


def split_blocks(
    equations: Sequence[Equation], lines: Sequence[Line], wrap: Wrap
) -> dict[str, Block]:
    """The blocks by their source.

    Args:
        equations: The program's core equations.
        lines: Its declared lines.
        wrap: What stands in a block for a read of a tensor whose gradient is declared.
    """
    declared = {line.of for line in lines if line.of is not None}
    taken = {a.name for equation in equations for a in accesses(equation)}
    blocks = {}
    for source in sorted({s for line in lines if line.of is not None for s in line.sources}):
        inside: dict[str, set[str]] = {}
        for of in sorted(declared):
            sources = {s for line in lines if line.of == of for s in line.sources}
            if source in sources:
                inside[of] = _inside(source, of, declared | sources, equations)
        copies = {
            name: numbered(f"{name}.inner", taken.__contains__)
            for name in sorted(set().union(*inside.values()))
        }
        taken.update(copies.values())
        copied = [
            _copy(e, copies, {of for of, names in inside.items() if e.target.name in names}, wrap)
            for e in equations
            if e.target.name in copies
        ]
        copied += [
            _copy(e, copies, inside.keys(), wrap) for e in equations if e.target.name == source
        ]
        inner = {copy: name for name, copy in copies.items()}
        blocks[source] = Block(source, tuple(copied), inner, frozenset(inside))
    return blocks


def _inside(source: str, of: str, avoided: set[str], equations: Sequence[Equation]) -> set[str]:
    """The tensors on the ways from ``of`` to the source that avoid some."""
    backwards = {name: found - avoided for name, found in operands(equations).items()}
    upstream = reached(backwards, backwards.get(source, ()))
    forwards = {name: found & upstream for name, found in readers(equations).items()}
    return reached(forwards, forwards.get(of, ()))


def _copy(
    equation: Equation, copies: Mapping[str, str], of: Collection[str], wrap: Wrap
) -> Equation:
    def inside(node: Expression) -> Expression:
        if isinstance(node, Access) and node.name in of:
            return wrap(node)
        if isinstance(node, Access) and node.name in copies:
            return replace(node, name=copies[node.name])
        return node

    target = equation.target
    return replace(
        equation,
        target=replace(target, name=copies.get(target.name, target.name)),
        expression=transform(equation.expression, inside),
    )


def hidden(access: Access) -> Expression:
    """A read that nothing is derived from."""
    return Call(HIDDEN, (access,), place=access.place)


def hide(
    equations: Sequence[Equation], lines: Sequence[Line]
) -> tuple[tuple[Equation, ...], dict[str, str]]:
    """The program from which nothing is derived that is declared.

    Returns:
        The equations, with copies of what stands on the way from a declared tensor to a source: the
        tensors themselves may be read elsewhere. And for each copy the tensor that it is one of.
    """
    blocks = split_blocks(equations, lines, hidden)
    last = {equation.target.name: number for number, equation in enumerate(equations)}
    result: list[Equation] = []
    for number, equation in enumerate(equations):
        block = blocks.get(equation.target.name)
        if block is None:
            result.append(equation)
        elif last[block.source] == number:
            result += block.equations
    return tuple(result), {c: n for block in blocks.values() for c, n in block.inner.items()}
