"""Index types by unification: which axes and which letters range over the same named axis.

Each axis of each tensor and each letter of each equation starts with a type of its own; a letter that
stands at an axis makes the two one. Declared types are nominal: two of them never become one.
A primed index has the type of the unprimed one, and a cotangent or tangent the axes of its tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from einprop.analysis.derivative_names import derivative_sides, tensor_base, without_suffix
from einprop.analysis.indices import (
    at_index,
    bounded_indices,
    equation_indices,
    plain_subscripts,
    range_of,
    target_indices,
    unprimed,
)
from einprop.errors import IndexTypeError, Place
from einprop.notation.printer import size_text, to_text
from einprop.notation.tree import (
    Access,
    Equation,
    Expression,
    Index,
    IndexGroup,
    IndexValue,
    Iverson,
    Size,
    Statement,
    TensorDeclaration,
    accesses,
    declared_groups,
    walk,
)

__all__ = [
    "Axis",
    "Declared",
    "Letter",
    "Types",
    "check_ranks",
    "infer_types",
]


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of a tensor, counted from 0."""

    tensor: str
    position: int


@dataclass(frozen=True, slots=True)
class Letter:
    """An index letter within one scope: an equation's number, or the declaration of one tensor."""

    scope: int | str
    name: str


@dataclass(frozen=True, slots=True)
class Declared:
    """A declared type, by name."""

    name: str


_Key = Axis | Letter | Declared


def _with_own_axes(tensors: Iterable[Access]) -> frozenset[str]:
    """The derivatives that have more axes than their tensor: a gradient for each example, say."""
    ranks: dict[str, int] = {}
    for access in tensors:
        ranks.setdefault(access.name, len(access.subscripts))
    own = set()
    for name, rank in ranks.items():
        outer = without_suffix(name)
        while outer not in ranks and outer != without_suffix(outer):
            outer = without_suffix(outer)
        if outer != name and ranks.get(outer, rank) < rank:
            own.add(name)
    return frozenset(own)


@dataclass(frozen=True)
class Types:
    """The classes of axes and letters that share a type.

    Attributes:
        ranks: Number of axes by tensor (derivatives under their tensor's name).
        sizes: Declared sizes by type.
        own: Derivatives that have more axes than their tensor, and so axes of their own.
        anchors: By equation, the declared inputs that tell the types of indices which none of its
            accesses holds.
    """

    parents: dict[_Key, _Key]
    names: dict[_Key, str]
    ranks: dict[str, int]
    sizes: dict[_Key, Size] = field(default_factory=dict)
    own: frozenset[str] = frozenset()
    anchors: dict[int, list[Access]] = field(default_factory=dict)

    def base(self, name: str) -> str:
        """The tensor whose axes a tensor has."""
        while name not in self.own and (outer := without_suffix(name)) != name:
            name = outer
        return name

    def rank(self, name: str) -> int:
        """The number of axes of a tensor."""
        return self.ranks.get(self.base(name), 0)

    def find(self, key: _Key) -> _Key:
        """The representative of a class."""
        parents = self.parents
        while (parent := parents.get(key, key)) != key:
            parents[key] = parents.get(parent, parent)
            key = parent
        return key

    def axis(self, tensor: str, position: int) -> _Key:
        """The type of an axis."""
        return self.find(Axis(self.base(tensor), position))

    def letter(self, equation: int, index: str) -> _Key:
        """The type of an index in the equation of that number."""
        return self.find(Letter(equation, index))

    def name(self, key: _Key) -> str | None:
        """The declared name of a type, if it has one."""
        return self.names.get(self.find(key))

    def declared_size(self, key: _Key) -> Size | None:
        """The declared size of a type, if it has one."""
        return self.sizes.get(self.find(key))


class _Unifier:
    """Builds `Types`; keeps for each class the place that is shown in a conflict."""

    def __init__(self, declarations: Sequence[IndexGroup], own: frozenset[str]) -> None:
        self.types = Types({}, {}, {}, own=own)
        self.shown: dict[_Key, tuple[_Text, Place | None]] = {}
        self.declared = {i: group for group in declarations for i in group.indices}
        self.ranged: set[Letter] = set()
        self.first: dict[str, Access] = {}

    def declare(self, group: IndexGroup) -> None:
        key = Declared(group.type)
        self.types.names[key] = group.type
        self.shown.setdefault(key, (partial(_index_text, group.indices[0]), group.place))
        if group.size is not None and self.types.sizes.setdefault(key, group.size) != group.size:
            raise IndexTypeError(
                f"type {group.type} is declared with sizes "
                f"{size_text(self.types.sizes[key])} and {size_text(group.size)}",
                [group.place],
                "a type has one size",
            )

    def unify(self, left: _Key, right: _Key, what: _Text, place: Place | None) -> None:
        types = self.types
        left, right = types.find(left), types.find(right)
        if left == right:
            return
        names = types.names.get(left), types.names.get(right)
        if names[0] is not None and names[1] is not None:
            earlier, earlier_place = self.shown[left]
            raise IndexTypeError(
                f"{what()} has type {names[1]}, but {earlier()} has type {names[0]}",
                [place, earlier_place],
                f"{names[0]} and {names[1]} are different types: an axis has one",
            )
        if names[1] is not None:
            left, right = right, left
        types.parents[right] = left
        self.shown.setdefault(left, self.shown.get(right, (what, place)))

    def letter(self, scope: int | str, index: str) -> Letter:
        """The letter's class, joined to its declared type and to its unprimed letter."""
        key = Letter(scope, index)
        if key not in self.types.parents:
            self.types.parents[key] = key
            group = self.declared.get(index)
            if group is not None and key not in self.ranged:
                self.unify(Declared(group.type), key, partial(_index_text, index), group.place)
            if unprimed(index) != index and key not in self.ranged:
                what = partial(_index_text, index)
                self.unify(self.letter(scope, unprimed(index)), key, what, None)
        return key

    def access(self, scope: int | str, access: Access) -> None:
        base = self.types.base(access.name)
        first = self.first.setdefault(base, access)
        self.types.ranks[base] = len(access.subscripts)
        for position, subscript in enumerate(access.subscripts):
            if isinstance(subscript, Index):
                what = partial(_index_text, subscript.name, access)
                axis = partial(_axis_text, position, first)
                key = Axis(base, position)
                letter = self.letter(scope, subscript.name)
                self.check_axis(key, letter, access, first)
                self.shown.setdefault(self.types.find(key), (axis, first.place))
                self.unify(key, letter, what, subscript.place or access.place)
            elif isinstance(subscript, Access):
                self.access(scope, subscript)

    def check_axis(self, key: Axis, letter: Letter, access: Access, first: Access) -> None:
        """Refuse an index whose declared type is not the one that the axis has elsewhere."""
        wanted, given = self.types.name(key), self.types.name(letter)
        if wanted is None or given is None or wanted == given:
            return
        here, there = (a.subscripts[key.position].place or a.place for a in (access, first))
        _, source = self.shown[self.types.find(key)]
        shown = first.subscripts[key.position]
        told = isinstance(shown, Index) and shown.name in self.declared
        index = next(i for i, group in self.declared.items() if group.type == wanted)
        raise IndexTypeError(
            f"index {letter.name} in {to_text(access)} has type {given}, but axis {key.position} of "
            f"{tensor_base(access.name)} has type {wanted}, as in {to_text(first)}",
            [here, there] if told else [here, there, source],
            f"an axis has one type: write an index of type {wanted} here, such as {index}",
        )

    def comparison(self, scope: int, node: Expression) -> None:
        """``[i == j]`` compares positions of one axis, unless both types are declared."""
        match node:
            case Iverson(IndexValue(left), "==" | "!=", IndexValue(right)):
                keys = self.letter(scope, left), self.letter(scope, right)
                if not all(self.types.name(key) or key in self.ranged for key in keys):
                    self.unify(*keys, partial(_index_text, right), node.place)


_Text = Callable[[], str]
"""Says what has a type; written out for an error alone."""


def _index_text(index: str, access: Access | None = None) -> str:
    return f"index {index}" if access is None else f"index {index} in {to_text(access)}"


def _axis_text(axis: int, access: Access) -> str:
    return f"axis {axis} of {access.name} in {to_text(access)}"


def _axis_name(axis: int, tensor: str) -> str:
    return f"axis {axis} of {tensor}"


def _refuse_rank(access: Access, first: Access) -> IndexTypeError:
    def count(a: Access) -> str:
        number = len(a.subscripts)
        return f"{number or 'no'} " + ("index" if number == 1 else "indices")

    name = tensor_base(access.name)
    longer = max(first, access, key=lambda a: len(a.subscripts))
    return IndexTypeError(
        f"{name} has {count(access)} in {to_text(access)}, but {count(first)} in {to_text(first)}",
        [access.place, first.place],
        f"write all indices of {name}, as in {to_text(longer)}",
    )


def _refuse_unknown_type(
    name: str, place: Place | None, number: str, types: Iterable[str]
) -> IndexTypeError:
    declared = ", ".join(dict.fromkeys(types))
    known = f" (these are declared: {declared})" if declared else ""
    return IndexTypeError(
        f"type {name} is declared nowhere{known}",
        [place],
        f"a size is a number, as in {number}, or a declared type: index k: {name} < 8",
    )


def infer_types(statements: Iterable[Statement], equations: Sequence[Equation]) -> Types:
    """The types of all axes and letters.

    Args:
        statements: For their declarations.
        equations: Core equations (definitions expanded, sums explicit), numbered from 0.

    Raises:
        IndexTypeError: Two declared types meet at one axis, or a tensor has two numbers of axes.

    >>> from einprop.notation.parser import parse
    >>> statements = parse("h[b,j] = x[b,j]; y[b,k] = h[b,k]")
    >>> types = infer_types(statements, statements)
    >>> types.letter(0, "j") == types.letter(1, "k"), types.letter(0, "b") == types.letter(1, "k")
    (True, False)
    """
    statements = tuple(statements)
    groups = list(declared_groups(statements))
    tensors = [a for s in statements if isinstance(s, TensorDeclaration) for a in s.tensors]
    tensors += [a for equation in equations for a in accesses(equation)]
    unifier = _Unifier(groups, _with_own_axes(tensors))
    for group in groups:
        unifier.declare(group)
    declared = [s for s in statements if isinstance(s, TensorDeclaration)]
    for number, access in enumerate(a for s in declared for a in s.tensors):
        unifier.access(f"declaration {number}", access)
    for number, equation in enumerate(equations):
        unifier.ranged.update(
            Letter(number, i) for i in equation_indices(equation) if range_of(equation, i)
        )
        for access in accesses(equation):
            unifier.access(number, access)
        for node in walk(equation.expression):
            unifier.comparison(number, node)
        for index in bounded_indices(equation):
            unifier.letter(number, index)
    _check_sizes(groups, equations)
    _join_sides(unifier)
    _anchor(unifier, declared, equations)
    return unifier.types


def check_ranks(statements: Iterable[Statement], equations: Sequence[Equation]) -> None:
    """Refuse a tensor with two numbers of axes, before anything else asks about its axes.

    Raises:
        IndexTypeError: A tensor has two.
    """
    tensors = [a for s in statements if isinstance(s, TensorDeclaration) for a in s.tensors]
    tensors += [a for equation in equations for a in accesses(equation)]
    types = Types({}, {}, {}, own=_with_own_axes(tensors))
    first: dict[str, Access] = {}
    for access in tensors:
        known = first.setdefault(types.base(access.name), access)
        if len(known.subscripts) != len(access.subscripts):
            raise _refuse_rank(access, known)


def _check_sizes(groups: Sequence[IndexGroup], equations: Sequence[Equation]) -> None:
    """Refuse a size that names a type which no line declares."""
    types = [group.type for group in groups]
    sizes = [(g.place, g.size or (), f"{g.indices[0]}: {g.type} < 8") for g in groups]
    sizes += [(r.place, r.start + r.stop, f"{r.index} in 0:8") for e in equations for r in e.ranges]
    for place, size, number in sizes:
        unknown = [part for part in size if isinstance(part, str) and part not in types]
        if unknown:
            raise _refuse_unknown_type(unknown[0], place, number, types)


def _join_sides(unifier: _Unifier) -> None:
    """A Jacobian has the axes of the tensor, then those of what it is differentiated for.

    Unless declared types say that it has not: those of a batch come once, in front.
    """
    types = unifier.types
    for name, rank in types.ranks.items():
        for sides in derivative_sides(name):
            bases = [types.base(side) for side in sides]
            axes = [Axis(base, k) for base in bases for k in range(types.ranks.get(base, 0))]
            alike = all(_may_be_one(types, a, Axis(name, n)) for n, a in enumerate(axes))
            if len(axes) == rank and alike and all(base in types.ranks for base in bases):
                for position, axis in enumerate(axes):
                    what = partial(_axis_name, position, name)
                    unifier.unify(axis, Axis(name, position), what, None)
                break


def _may_be_one(types: Types, axis: Axis, other: Axis) -> bool:
    """Whether two axes are not declared to be of two types."""
    left, right = types.name(axis), types.name(other)
    return left is None or right is None or left == right


def _anchor(
    unifier: _Unifier, declared: Sequence[TensorDeclaration], equations: Sequence[Equation]
) -> None:
    """A letter that no access of its equation holds takes the type that declared inputs give it."""
    types = unifier.types
    known: dict[str, list[tuple[_Key, Access]]] = {}
    kinds = ((s.kind, a) for s in declared for a in s.tensors)
    for number, (kind, access) in enumerate(kinds):
        for name in plain_subscripts(access) if kind in ("input", "param") else ():
            known.setdefault(name, []).append((Letter(f"declaration {number}", name), access))
    for number, equation in enumerate(equations):
        written = {i for access in accesses(equation) for i in target_indices(access)}
        anchored = {types.letter(number, i) for i in written}
        for index in equation_indices(equation):
            letter = types.letter(number, index)
            candidates = known.get(unprimed(index), [])
            if letter not in anchored and len({types.find(key) for key, _ in candidates}) == 1:
                key, access = candidates[0]
                unifier.unify(key, letter, partial(_index_text, index), None)
                anchored.add(types.find(key))
                held = at_index(access, index, {*unifier.declared, *equation_indices(equation)})
                types.anchors.setdefault(number, []).append(held)
