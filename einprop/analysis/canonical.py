"""Expressions up to the names of their indices: two are the same if their canonical forms are equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from einprop.analysis.indices import (
    equation_indices,
    free_indices,
    is_distinct,
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


def canonical(expression: Expression) -> Canonical:
    """The canonical form of a core expression.

    >>> from einprop.notation.parser import parse
    >>> left, right = parse("y[b] = sum[i](x[b,i]); z[c] = sum[k](x[c,k])")
    >>> canonical(left.expression).form == canonical(right.expression).form
    True
    """
    indices = free_indices(expression)
    names = {index: f"#{n}" for n, index in enumerate(indices)}
    return Canonical(_numbered(expression, names, 0), indices)


def _numbered(expression: Expression, names: Mapping[str, str], depth: int) -> Expression:
    """The expression with free indices named by ``names``, bound ones by the order of their reads.

    No index of a program is called like those, so that none has to step aside.
    """
    match expression:
        case Access():
            return rename_indices(expression, names)
        case IndexValue(name):
            return IndexValue(names.get(name, name))
        case Call(function, (body,), indices) if indices:
            bound = _bound_names(body, indices, depth)
            inner = _numbered(body, {**names, **bound}, depth + len(bound))
            return Call(function, (inner,), tuple(bound.values()))
        case _:
            return map_children(expression, lambda child: _numbered(child, names, depth))


def _bound_names(body: Expression, indices: Sequence[str], depth: int) -> dict[str, str]:
    """The names of bound indices, those first that the body reads, in the order of its reads."""
    order = [i for i in free_indices(body) if i in indices]
    order += [i for i in indices if i not in order]
    # A range that no tensor of the body tells is part of what the form says.
    told = {i for node in walk(body) if isinstance(node, Access) for i in target_indices(node)}
    return {
        index: f"%{depth + n}" if index in told else f"%{depth + n}:{unprimed(index)}"
        for n, index in enumerate(order)
    }


def fold_equations(
    equations: Iterable[Equation], definitions: Iterable[Equation]
) -> list[Equation]:
    """Replace what a definition computes by a read of the tensor that it defines.

    Only a tensor defined by one equation with ``=`` and distinct plain subscripts can stand for its
    right side; an equation does not fold into itself.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> h, g = parse("h[b] = tanh(x[b]); x.grad[c] += h.grad[c] (1 - tanh(x[c])^2)")
    >>> print(to_text(fold_equations([g], [h])[0]))
    x.grad[c] += h.grad[c] (1 - h[c]^2)
    """
    folder = _Folder(list(definitions))
    return [replace(e, expression=folder.fold(e.expression, e.target.name)) for e in equations]


def _foldable(definitions: list[Equation]) -> dict[Expression, tuple[Access, tuple[str, ...]]]:
    """By canonical form: the tensor that holds the value, and the form's indices there."""
    table: dict[Expression, tuple[Access, tuple[str, ...]]] = {}
    times = Counter(equation.target.name for equation in definitions)
    for equation in definitions:
        single = times[equation.target.name] == 1
        key = canonical(equation.expression)
        if (
            single
            and equation.operator == "="
            and is_distinct(equation.target)
            and _tells_ranges(equation)
            and not isinstance(equation.expression, Access | Number)
        ):
            table.setdefault(key.form, (equation.target, key.indices))
    return table


def _tells_ranges(equation: Equation) -> bool:
    """Whether tensors tell the range of every index: letters do not, from equation to equation."""
    told = {i for access in reads(equation) for i in target_indices(access)}
    return told.issuperset(equation_indices(equation))


class _Folder:
    """Looks sub-expressions up among the right sides of definitions."""

    def __init__(self, definitions: list[Equation]) -> None:
        self.table = _foldable(definitions)
        self.sizes = {sum(1 for _ in walk(form)) for form in self.table}

    def fold(self, expression: Expression, inside: str) -> Expression:
        """The expression with reads for what tensors other than ``inside`` hold."""
        return self._folded(expression, inside)[0]

    def _folded(self, expression: Expression, inside: str) -> tuple[Expression, int]:
        """The folded expression, and how many nodes it had: only equal sizes are compared."""
        found = [self._folded(child, inside) for child in children(expression)]
        size = 1 + sum(count for _, count in found)
        if size in self.sizes:
            key = canonical(expression)
            target, indices = self.table.get(key.form, (None, ()))
            if target is not None and target.name != inside:
                names = dict(zip(indices, key.indices, strict=True))
                letters = (names[i] for i in target_indices(target))
                return Access(target.name, tuple(Index(i) for i in letters)), size
        folded = iter(found)
        return map_children(expression, lambda _: next(folded)[0]), size
