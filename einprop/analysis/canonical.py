"""Expressions up to the names of their indices: two are the same if their canonical forms are equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from einprop.analysis.indices import (
    bounded_indices,
    equation_indices,
    free_indices,
    is_distinct,
    range_of,
    rename_indices,
    target_indices,
    unprimed,
)
from einprop.notation.tree import (
    Access,
    Call,
    Equation,
    Expression,
    Index,
    IndexValue,
    Number,
    Range,
    children,
    map_children,
    reads,
    walk,
)

__all__ = ["Canonical", "canonical", "fold_equations"]


@dataclass(frozen=True)
class Canonical:
    """An expression with positions for index names.

    Attributes:
        form: The expression with its free indices numbered in order of appearance.
        indices: Those free indices, as they were named.
    """

    form: Expression
    indices: tuple[str, ...]


def canonical(expression: Expression, ranges: Iterable[Range] = ()) -> Canonical:
    """The canonical form of a core expression, in which the ranges of its indices are part of it.

    >>> from einprop.notation.parser import parse
    >>> left, right = parse("y[b] = sum[i](x[b,i]); z[c] = sum[k](x[c,k])")
    >>> canonical(left.expression).form == canonical(right.expression).form
    True
    """
    indices = free_indices(expression)
    limits = {r.index: f"[{r.start}:{r.stop}]" for r in ranges}
    names = {index: f"#{n}{limits.get(index, '')}" for n, index in enumerate(indices)}
    return Canonical(_numbered(expression, names, 0, limits), indices)


def _numbered(
    expression: Expression, names: Mapping[str, str], depth: int, limits: Mapping[str, str]
) -> Expression:
    """The expression with free indices named by ``names``, bound ones by the order of their reads.

    No index of a program is called like those, so that none has to step aside.
    """
    match expression:
        case Access():
            return rename_indices(expression, names)
        case IndexValue(name):
            return IndexValue(names.get(name, name))
        case Call(function, (body,), indices) if indices:
            bound = _bound_names(body, indices, depth, limits)
            inner = _numbered(body, {**names, **bound}, depth + len(bound), limits)
            return Call(function, (inner,), tuple(bound.values()))
        case _:
            return map_children(expression, lambda child: _numbered(child, names, depth, limits))


def _bound_names(
    body: Expression, indices: Sequence[str], depth: int, limits: Mapping[str, str]
) -> dict[str, str]:
    """The names of bound indices, those first that the body reads, in the order of its reads."""
    order = [i for i in free_indices(body) if i in indices]
    order += [i for i in indices if i not in order]
    # A range that no tensor of the body tells is part of what the form says.
    told = {i for node in walk(body) if isinstance(node, Access) for i in target_indices(node)}
    return {
        index: f"%{depth + n}{limits.get(index, '' if index in told else ':' + unprimed(index))}"
        for n, index in enumerate(order)
    }


def fold_equations(
    equations: Iterable[Equation], definitions: Iterable[Equation]
) -> list[Equation]:
    """Replace what a definition computes by a read of the tensor that it defines.

    Only a tensor defined by one equation with ``=`` and distinct plain subscripts can stand for its
    right side, and only where the indices run as they do there; an equation does not fold into itself.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> h, g = parse("h[b] = tanh(x[b]); x.grad[c] += h.grad[c] (1 - tanh(x[c])^2)")
    >>> print(to_text(fold_equations([g], [h])[0]))
    x.grad[c] += h.grad[c] (1 - h[c]^2)
    """
    folder = _Folder(list(definitions))
    return [replace(e, expression=folder.fold(e)) for e in equations]


def _foldable(definitions: list[Equation]) -> dict[Expression, tuple[Equation, tuple[str, ...]]]:
    """By canonical form: the equation of the tensor that holds the value, and the form's indices there."""
    table: dict[Expression, tuple[Equation, tuple[str, ...]]] = {}
    times = Counter(equation.target.name for equation in definitions)
    for equation in definitions:
        single = times[equation.target.name] == 1
        key = canonical(equation.expression, _ranges(equation))
        if (
            single
            and equation.operator == "="
            and is_distinct(equation.target)
            and _tells_ranges(equation)
            and not isinstance(equation.expression, Access | Number)
        ):
            table.setdefault(key.form, (equation, key.indices))
    return table


def _ranges(equation: Equation) -> list[Range]:
    """The range of each index that has one, the primed ones too."""
    every = bounded_indices(equation) if equation.ranges else ()
    found = ((index, range_of(equation, index)) for index in every)
    return [replace(given, index=index) for index, given in found if given is not None]


def _tells_ranges(equation: Equation) -> bool:
    """Whether tensors tell the range of every index: letters do not, from equation to equation."""
    told = {i for access in reads(equation) for i in target_indices(access)}
    return told.issuperset(equation_indices(equation))


class _Folder:
    """Looks sub-expressions up among the right sides of definitions."""

    def __init__(self, definitions: list[Equation]) -> None:
        self.table = _foldable(definitions)
        self.sizes = {sum(1 for _ in walk(form)) for form in self.table}

    def fold(self, equation: Equation) -> Expression:
        """Its right side with reads for what other tensors hold."""
        return self._folded(equation.expression, equation, _ranges(equation))[0]

    def _folded(
        self, expression: Expression, inside: Equation, ranges: list[Range]
    ) -> tuple[Expression, int]:
        """The folded expression, and how many nodes it had: only equal sizes are compared."""
        found = [self._folded(child, inside, ranges) for child in children(expression)]
        size = 1 + sum(count for _, count in found)
        if size in self.sizes:
            key = canonical(expression, ranges)
            definition, indices = self.table.get(key.form, (inside, ()))
            names = dict(zip(indices, key.indices, strict=True)) if indices else {}
            bounds = {rename_indices(access, names) for access in definition.inside}
            target = definition.target
            if target.name != inside.target.name and bounds.issubset(inside.inside):
                letters = (names[i] for i in target_indices(target))
                return Access(target.name, tuple(Index(i) for i in letters)), size
        folded = iter(found)
        return map_children(expression, lambda _: next(folded)[0]), size
