"""Flat programs put together one operation at a time, each distinct operation once.

Asking for an operation that the program already holds gives the tensor that has it: this is how
sub-expressions of forward and backward come to be shared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from einprop.analysis.canonical import canonical
from einprop.analysis.dependence import is_contribution
from einprop.analysis.indices import free_indices, plain_subscripts, unprimed
from einprop.notation.tree import Access, Call, Equation, Expression, Index, Multiply, Number

__all__ = [
    "SIZE_SUFFIX",
    "Atom",
    "Builder",
    "letters",
    "renamed",
    "tensor",
]

Atom = Access | Number
SIZE_SUFFIX = ".size"
"""Ends the name of the scalar that stands for an index's size in a generic program."""

_Key = tuple[Expression, tuple[int, ...]]


def tensor(name: str, indices: Iterable[str]) -> Access:
    """An access with plain subscripts."""
    return Access(name, tuple(Index(i) for i in indices))


def letters(atom: Expression) -> tuple[str, ...]:
    """The subscripts of an access in order, repeated ones too; a number has none."""
    return plain_subscripts(atom) if isinstance(atom, Access) else ()


def renamed(access: Access, names: Mapping[str, str]) -> Access:
    """The access with its subscripts renamed."""
    return tensor(access.name, (names.get(i, i) for i in letters(access)))


def _sorted(expression: Expression) -> Expression:
    """A product of two tensors in the order of their names, also where it is summed: it has one value."""
    match expression:
        case Multiply((Access(left), Access(right))) if right < left:
            return replace(expression, factors=expression.factors[::-1])
        case Call("sum", (Multiply((Access(left), Access(right))) as body,)) if right < left:
            swapped = replace(body, factors=body.factors[::-1])
            return replace(expression, arguments=(swapped,))
        case _:
            return expression


class Builder:
    """Collects flat equations; `define` returns the tensor that holds an operation's result."""

    def __init__(
        self,
        sizes: Mapping[str, int],
        taken: Collection[str],
        *,
        generic: bool = False,
        weights: Mapping[str, int] | None = None,
    ) -> None:
        self.sizes = sizes
        self.weights = weights or {}
        self.generic = generic
        self.equations: list[Equation] = []
        self.defined: dict[str, Equation] = {}
        self.created: set[str] = set()
        self._taken = set(taken)
        self._held: dict[_Key, tuple[str, tuple[int, ...]]] = {}
        self._count = 0

    def size(self, indices: Iterable[str]) -> int:
        """The number of cells that the indices span together."""
        result = 1
        for index in indices:
            result *= self.sizes[unprimed(index)]
        return result

    def weight(self, indices: Iterable[str]) -> int:
        """The number of cells that the indices count for in a choice between forms."""
        result = 1
        for index in map(unprimed, indices):
            result *= self.weights.get(index, self.sizes[index])
        return result

    def extents(self, indices: Iterable[str]) -> list[Atom]:
        """The factors that a sum over indices which its body lacks amounts to."""
        if self.generic:
            return [Access(f"{unprimed(index)}{SIZE_SUFFIX}") for index in indices]
        return [Number(self.size(indices))]

    def fresh_name(self) -> str:
        """A tensor name that nothing has."""
        while True:
            self._count += 1
            name = f"_{self._count}"
            if name not in self._taken:
                self.created.add(name)
                return name

    def define(self, expression: Expression, order: Iterable[str] | None = None) -> Access:
        """The tensor that holds ``expression``, defined now unless the program holds it already.

        Args:
            expression: One operation on atoms (see the flat forms).
            order: The order of the indices if the tensor is new; by default that of appearance.
        """
        key, found = self._key(expression)
        known = self._known(key, found)
        if known is not None:
            return known
        target = tensor(self.fresh_name(), free_indices(expression) if order is None else order)
        equation = Equation(target, "=", expression)
        self.equations.append(equation)
        if not is_contribution(equation):
            self._remember(equation, key, found)
        return target

    def held(self, expression: Expression) -> Access | None:
        """The tensor that holds ``expression`` already, if one does."""
        return self._known(*self._key(expression))

    def _known(self, key: _Key, found: tuple[str, ...]) -> Access | None:
        if key not in self._held:
            return None
        name, positions = self._held[key]
        return tensor(name, (found[p] for p in positions))

    def add(self, equation: Equation) -> None:
        """Append an equation as it is, and remember what it holds.

        One that only contributes to its tensor holds nothing that others could share.
        """
        self.equations.append(equation)
        if not is_contribution(equation):
            self._remember(equation, *self._key(equation.expression))

    def _remember(self, equation: Equation, key: _Key, found: tuple[str, ...]) -> None:
        self.defined[equation.target.name] = equation
        indices = letters(equation.target)
        if len(set(indices)) == len(indices) and set(indices) == set(found):
            positions = tuple(found.index(i) for i in indices)
            self._held.setdefault(key, (equation.target.name, positions))

    def keep(self, equation: Equation) -> None:
        """Append an equation as it is; nobody is going to ask for what it holds."""
        self.equations.append(equation)
        if not is_contribution(equation):
            self.defined[equation.target.name] = equation

    def _key(self, expression: Expression) -> tuple[_Key, tuple[str, ...]]:
        """What two expressions with one value have in common, and the indices of this one.

        Sizes take part because of ``[i == j]``, which reads no tensor that would fix them.
        """
        found = canonical(_sorted(expression))
        return (found.form, tuple([self.size([i]) for i in found.indices])), found.indices
