"""From a parsed program to its meaning: definitions expanded, sums explicit, types and names known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from einprop.analysis.bindings import separate_bindings, separate_ranges
from einprop.analysis.core import (
    Extents,
    check_target,
    explicit,
    extents,
    map_accesses,
    one_operator,
)
from einprop.analysis.declared import Line, cotangent_of, resolve_lines
from einprop.analysis.definitions import Budget, Definitions, collect_definitions
from einprop.analysis.derivative_names import derivative_sides, tensor_base
from einprop.analysis.indices import (
    equation_indices,
    free_indices,
    rename_apart,
    target_indices,
    unprimed,
)
from einprop.analysis.names import Names, collect_names
from einprop.analysis.scope import place_sums
from einprop.analysis.types import Types, check_ranks, infer_types
from einprop.errors import IndexScopeError
from einprop.notation.depth import deep
from einprop.notation.printer import to_text
from einprop.notation.tree import (
    Access,
    Affine,
    Backward,
    Equation,
    Size,
    Statement,
    TensorDeclaration,
    accesses,
    declared_groups,
    equations_of,
    gathers,
    reads,
)

__all__ = ["Resolved", "Spelt", "redeclared", "resolve", "spell_out"]


@dataclass(frozen=True)
class Resolved:
    """A program with its meaning.

    Attributes:
        statements: As parsed.
        equations: Core equations: no definition is called, every sum is a ``sum[…](…)``, no bound
            index has the name of a free or an enclosing one, and a plain index ranges over its axis.
        types: The types of axes and letters; equations are numbered as in ``equations``.
        names: The tensors by role.
        lines: The lines of a backward pass that it declares.
    """

    statements: tuple[Statement, ...]
    equations: tuple[Equation, ...]
    types: Types
    names: Names
    lines: tuple[Line, ...] = ()

    @property
    def declarations(self) -> tuple[TensorDeclaration, ...]:
        """The declarations of tensors."""
        return tuple(s for s in self.statements if isinstance(s, TensorDeclaration))

    @cached_property
    def mentioned(self) -> dict[str, list[Access]]:
        """By tensor the accesses to it and to its derivatives, declarations first."""
        found: dict[str, list[Access]] = {}
        declared = (a for d in self.declarations for a in d.tensors)
        for access in (*declared, *(a for e in self.equations for a in accesses(e))):
            found.setdefault(self.types.base(access.name), []).append(access)
        return found

    @cached_property
    def positions(self) -> frozenset[str]:
        """The inputs that stand in subscripts: tensors of integers."""
        found = {g.name for e in self.equations for a in accesses(e) for g in gathers(a)}
        return frozenset(found.intersection(self.names.inputs))

    @cached_property
    def extents(self) -> Extents:
        """The cells that tensors have before their first and after their last positions."""
        return extents(self.equations)


@deep
def resolve(statements: Sequence[Statement]) -> Resolved:
    """Give a parsed program its meaning.

    Raises:
        IndexScopeError: A sum, a name or a definition has no meaning.
        IndexTypeError: An index or axis would have two types.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> resolved = resolve(parse("p[b,k] = softmax[k](x[b,i] W[i,k])"))
    >>> print(to_text(resolved.equations[0]))
    p[b,k] = exp(sum[i](x[b,i] W[i,k])) / sum[k'](exp(sum[i](x[b,i] W[i,k'])))
    """
    count = len(equations_of(statements))
    cores = [spelt.core for spelt in spell_out(statements)]
    check_ranks(statements, cores[:count])
    equations = explicit(one_operator(cores[:count]))
    by_hand = [line for core in cores[count:] for line in explicit([core])]
    return _with_core(statements, equations, by_hand)


@dataclass(frozen=True)
class Spelt:
    """An equation as written, and what it says in full.

    Attributes:
        written: As parsed.
        summed: Every sum is written, and has an index of its own.
        core: Definitions are expanded too.
    """

    written: Equation
    summed: Equation
    core: Equation


def spell_out(statements: Sequence[Statement]) -> list[Spelt]:
    """The equations of a program in full, those of its backward lines last.

    Subscripts stay as they are written.

    Raises:
        IndexScopeError: A sum, a name or a definition has no meaning.
    """
    definitions = collect_definitions(statements)
    sizes = _declared_sizes(statements)
    declared = {index for group in declared_groups(statements) for index in group.indices}
    marked = [s.equation for s in statements if isinstance(s, Backward)]
    written = [*equations_of(statements), *marked]
    known = list(_known_targets(statements, written))
    budget = Budget()
    return [
        _spelt(e, definitions, given, sizes, declared, budget)
        for e, given in zip(written, known, strict=True)
    ]


@deep
def redeclared(resolved: Resolved, statements: Sequence[Statement]) -> Resolved:
    """The program with other declarations of its inputs: its equations stay what they are.

    Raises:
        IndexScopeError, IndexTypeError: As `resolve`.
    """
    return _with_core(statements, resolved.equations, [line.core for line in resolved.lines])


def _with_core(
    statements: Sequence[Statement], equations: tuple[Equation, ...], by_hand: Sequence[Equation]
) -> Resolved:
    """A program whose core equations, and those of its backward lines, are known."""
    marked = [s for s in statements if isinstance(s, Backward)]
    declarations = [s for s in statements if isinstance(s, TensorDeclaration)]
    names = collect_names(declarations, equations)
    lines = resolve_lines(marked, by_hand, equations, names)
    typed = (*equations, *_apart(by_hand, equations))
    check_ranks(statements, typed)
    types = infer_types(statements, typed)
    told = tuple(
        replace(e, inside=(*e.inside, *types.anchors[n])) if n in types.anchors else e
        for n, e in enumerate(equations)
    )
    return Resolved(tuple(statements), told, types, names, lines)


def _apart(lines: Sequence[Equation], equations: Sequence[Equation]) -> Iterator[Equation]:
    """Lines with names of their own for cotangents that a derived program holds as tensors.

    Those may have more axes: a gradient for each example is no cotangent of the parameter.
    """
    taken = {access.name for equation in equations for access in accesses(equation)}

    def named(access: Access) -> Access:
        clashes = cotangent_of(access.name) is not None and access.name in taken
        return replace(access, name=f"{access.name}0") if clashes else access

    return (map_accesses(line, named) for line in lines)


def _declared_sizes(statements: Sequence[Statement]) -> dict[str, Size]:
    """The declared size of each index that has one."""
    return {
        index: group.size
        for group in declared_groups(statements)
        if group.size is not None
        for index in group.indices
    }


def _spelt(
    equation: Equation,
    definitions: Definitions,
    known: frozenset[str],
    sizes: Mapping[str, Size],
    declared: Collection[str],
    budget: Budget,
) -> Spelt:
    numbers = {i: size[0] for i, size in sizes.items() if len(size) == 1}
    check_target(equation, {i: n for i, n in numbers.items() if isinstance(n, int)})
    _check_ranges(equation)
    summed = place_sums(equation, definitions, known=known)
    summed = separate_ranges(summed, declared)
    summed = separate_bindings(summed, sizes, definitions.kept, declared)
    written = {*equation_indices(summed), *(r.index for r in summed.ranges)}
    expression = definitions.expand(summed.expression, written, budget)
    outside = frozenset(target_indices(summed.target)).union(free_indices(expression))
    core = replace(summed, expression=rename_apart(expression, outside))
    return Spelt(equation, summed, core)


def _check_ranges(equation: Equation) -> None:
    """Refuse a range of an index that the equation does not have, and an access that bounds none."""
    indices = dict.fromkeys(equation_indices(equation))
    # An access bounds a type, which primes share.
    reached = {unprimed(i) for i in indices}
    pending = [
        (access, {unprimed(i) for i in target_indices(access)}) for access in equation.inside
    ]
    while linked := [roots for _, roots in pending if roots & reached]:
        reached = reached.union(*linked)
        pending = [(access, roots) for access, roots in pending if roots not in linked]
    bounded = {i for access in equation.inside for i in target_indices(access)}
    had = f"the equation's indices are {', '.join(indices)}"
    hint = had if indices else "the equation has no index: leave it out"
    for given in equation.ranges:
        if given.index not in indices and given.index not in bounded:
            raise IndexScopeError(
                f"index {given.index} has a range, but stands nowhere in the equation",
                [given.place],
                hint,
            )
    for access, _ in pending:
        raise IndexScopeError(
            f"{to_text(access)} bounds no index of the equation",
            [access.place],
            hint,
        )


def _known_targets(
    statements: Sequence[Statement], equations: Sequence[Equation]
) -> Iterator[frozenset[str]]:
    """For each equation the indices whose range its target has without the right side.

    A tensor that an earlier equation defines has its axes; so has a declared input that is given a
    base, and the derivative of a tensor that the program mentions; and a declared size gives the
    range of its indices, as does a tensor of positions that the target itself reads.
    """
    sized = _declared_sizes(statements)
    declared = [s for s in statements if isinstance(s, TensorDeclaration)]
    mentioned = {access.name for s in declared for access in s.tensors}
    given = {a.name for s in declared if s.kind in ("input", "param") for a in s.tensors}
    mentioned.update(a.name for e in equations for a in reads(e))
    mentioned.update(
        e.target.name for e in equations if tensor_base(e.target.name) == e.target.name
    )
    defined: set[str] = set()
    times = Counter(equation.target.name for equation in equations)
    for equation in equations:
        name, letters = equation.target.name, target_indices(equation.target)
        base = tensor_base(name)
        one_place = (times[name] > 1 or name in given) and any(
            isinstance(s, Affine) and not s.terms for s in equation.target.subscripts
        )
        sided = any(
            mentioned.issuperset(map(tensor_base, sides)) for sides in derivative_sides(base)
        )
        if name in defined or one_place or (base != name and base in mentioned) or sided:
            yield frozenset(letters)
        else:
            told = {i for tensor in gathers(equation.target) for i in target_indices(tensor)}
            told.update(i for i in letters if i in sized or unprimed(i) in sized)
            yield frozenset(told)
        defined.add(name)
