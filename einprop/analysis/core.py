"""Core subscripts: a plain index ranges over its whole axis, every other subscript is computed.

What a reader may leave unsaid is said here: that an index is restricted by ``where`` or by a shifted
read of the same axis (``i+0``), and that a recurrence without a base starts from zeros (``pad``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from einprop.analysis.cells import apart, cells_outside
from einprop.analysis.dependence import by_target
from einprop.analysis.derivative_names import derivative_sides, tensor_base
from einprop.analysis.indices import (
    range_of,
    subscript_indices,
    target_indices,
    unprimed,
)
from einprop.analysis.recurrence import Loop, loops
from einprop.errors import IndexScopeError
from einprop.notation.functions import keeps_extremum
from einprop.notation.printer import to_text
from einprop.notation.tree import (
    Access,
    Affine,
    Boundary,
    Equation,
    Expression,
    Group,
    Index,
    Subscript,
    accesses,
    gathers,
    reads,
    transform,
)

__all__ = [
    "Extents",
    "check_target",
    "explicit",
    "extents",
    "map_access",
    "map_accesses",
    "one_operator",
]

Extents = Mapping[tuple[str, int], tuple[int, int]]
"""By tensor and axis: how many cells it has before the first and after the last position."""


def map_accesses(equation: Equation, function: Callable[[Access], Access]) -> Equation:
    """The equation with ``function`` applied to the target, to every read and inside subscripts."""

    def node(expression: Expression) -> Expression:
        return map_access(expression, function) if isinstance(expression, Access) else expression

    return replace(
        equation,
        target=map_access(equation.target, function),
        expression=transform(equation.expression, node),
        inside=tuple(map_access(access, function) for access in equation.inside),
    )


def map_access(access: Access, function: Callable[[Access], Access]) -> Access:
    """The access with ``function`` applied to those in its subscripts, then to itself."""
    subscripts = [
        map_access(s, function) if isinstance(s, Access) else s for s in access.subscripts
    ]
    return function(replace(access, subscripts=tuple(subscripts)))


def explicit(equations: Sequence[Equation]) -> tuple[Equation, ...]:
    """Core equations with every restriction and every implied boundary in the subscripts.

    Raises:
        IndexScopeError: A recurrence has no order.

    >>> from einprop.notation.parser import parse
    >>> for equation in explicit(parse("d[i] = x[i+1] - x[i]; h[t] = tanh(h[t-1] + d[t])")):
    ...     print(to_text(equation))
    d[i] = x[i+1] - x[i+0]
    h[t] = tanh(h[pad(t-1)] + d[t])
    """
    padded = list(equations)
    based = set(extents(equations))
    for loop in loops(equations):
        _pad_reads(padded, loop, {equations[n].target.name for n in loop.letters}, based)
    times = Counter(equation.target.name for equation in equations)
    return tuple(_restricted(e, times[e.target.name] == 1) for e in padded)


def one_operator(equations: Sequence[Equation]) -> list[Equation]:
    """Equations in which a tensor that ``max=`` puts together has its base by ``max=`` too.

    A cell that one equation alone writes is the same by ``=`` and by ``max=``.

    >>> from einprop.notation.parser import parse
    >>> for equation in one_operator(parse("v[-1] = 0; v[t] max= v[t-1] x[t]")):
    ...     print(to_text(equation))
    v[-1] max= 0
    v[t] max= v[t-1] x[t]
    """
    groups = by_target(equations)
    extrema = {e.target.name for e in equations if keeps_extremum(e.operator)}

    def operator(equation: Equation) -> str:
        if equation.operator != "=" or equation.target.name not in extrema:
            return equation.operator
        others = [e for e in groups[equation.target.name] if e is not equation]
        found = {e.operator for e in others if keeps_extremum(e.operator)}
        alone = all(apart((equation.target, equation), (e.target, e)) for e in others)
        return found.pop() if alone else equation.operator

    return [replace(equation, operator=operator(equation)) for equation in equations]


def extents(equations: Iterable[Equation]) -> Extents:
    """The cells outside of their axes that tensors have: those that an equation gives a value.

    A derivative has the cells of its tensor, and those at which a constant reads it: ``h.grad[-1]``.
    So has a Jacobian, along the axes of each of its two tensors.

    >>> from einprop.notation.parser import parse
    >>> dict(extents(parse("h[t] = tanh(h[t-1]); h[-1] = h0")))
    {('h', 0): (1, 0)}
    """
    own: dict[tuple[str, int], tuple[int, int]] = {}
    derived: dict[tuple[str, int], tuple[int, int]] = {}
    ranks: dict[str, int] = {}
    for equation in equations:
        for number, access in enumerate(accesses(equation)):
            ranks[access.name] = len(access.subscripts)
            base = tensor_base(access.name)
            ranks.setdefault(base, len(access.subscripts))
            for axis, subscript in enumerate(access.subscripts):
                outside = cells_outside(subscript)
                if any(outside) and (number == 0 or base != access.name):
                    table = own if base == access.name else derived
                    table[base, axis] = _widest(outside, table.get((base, axis)))

    def cells(name: str, axis: int) -> tuple[int, int]:
        base = tensor_base(name)
        if base != name:
            return _widest(cells(base, axis), derived.get((base, axis)))
        found = own.get((name, axis), (0, 0))
        # A Jacobian's axes are those of two tensors.
        for left, right in derivative_sides(name):
            split = ranks[name] - ranks[right] if right in ranks else ranks.get(left)
            if split is not None:
                side = cells(left, axis) if axis < split else cells(right, axis - split)
                found = _widest(found, side)
        return found

    places = [(name, axis) for name, rank in ranks.items() for axis in range(rank)]
    return {place: found for place in places if (found := cells(*place)) != (0, 0)}


def _widest(cells: tuple[int, int], other: tuple[int, int] | None) -> tuple[int, int]:
    lower, upper = other or (0, 0)
    return max(cells[0], lower), max(cells[1], upper)


def _pad_reads(
    equations: list[Equation], loop: Loop, cyclic: set[str], based: set[tuple[str, int]]
) -> None:
    """Where a loop's reads leave the axis and no equation gives a base, zeros are read."""
    for number, letter in loop.letters.items():
        given = range_of(equations[number], letter)
        if given is not None and given.start != (0,):
            continue  # The range keeps the reads inside.

        def pad(access: Access, letter: str = letter) -> Access:
            def position(axis: int, subscript: Subscript) -> Subscript:
                if not isinstance(subscript, Affine) or (access.name, axis) in based:
                    return subscript
                stays = subscript == Affine(((1, letter),))
                moves = letter in subscript_indices(subscript) and not stays
                return Boundary("pad", subscript, subscript.place) if moves else subscript

            if access.name not in cyclic:
                return access
            positions = [position(axis, s) for axis, s in enumerate(access.subscripts)]
            return replace(access, subscripts=tuple(positions))

        padded = map_accesses(equations[number], pad)
        equations[number] = replace(padded, target=equations[number].target)
    for inner in loop.body:
        if isinstance(inner, Loop):
            _pad_reads(equations, inner, cyclic, based)


def _restricted(equation: Equation, single: bool) -> Equation:
    shifted = {
        (access.name, axis, unprimed(index))
        for access in reads(equation)
        for axis, subscript in enumerate(access.subscripts)
        if isinstance(subscript, Affine)
        for index in subscript_indices(subscript)
    }

    def spelt(access: Access) -> Access:
        def position(axis: int, subscript: Subscript) -> Subscript:
            if not isinstance(subscript, Index):
                return subscript
            ranged = range_of(equation, subscript.name) is not None
            if ranged or (access.name, axis, unprimed(subscript.name)) in shifted:
                return Affine(((1, subscript.name),), place=subscript.place)
            return subscript

        positions = [position(axis, s) for axis, s in enumerate(access.subscripts)]
        return replace(access, subscripts=tuple(positions))

    def target(subscript: Subscript) -> Subscript:
        if not isinstance(subscript, Index):
            return subscript
        given = range_of(equation, subscript.name)
        whole = given is None or (given.start == (0,) and single and equation.operator == "=")
        return subscript if whole else Affine(((1, subscript.name),), place=subscript.place)

    if not shifted and not equation.ranges:
        return equation
    left = replace(equation.target, subscripts=tuple(map(target, equation.target.subscripts)))
    return replace(map_accesses(equation, spelt), target=left)


def check_target(equation: Equation, sizes: Mapping[str, int]) -> None:
    """Refuse ``=`` where the left side can name a cell twice.

    Args:
        equation: As parsed.
        sizes: Declared sizes of indices; with them ``y[2*i+p]`` is known to name each cell once.

    Raises:
        IndexScopeError: It can.
    """
    if equation.operator != "=":
        return
    target, alone = equation.target, set[str]()
    for subscript in target.subscripts:
        match subscript:
            case Index(name) | Affine(((_, name),)):
                alone.add(name)
            case Affine(terms) if _is_mixed_radix(terms, sizes):
                alone.update(name for _, name in terms)
            case Group(indices):
                alone.update(indices)
            case Boundary("pad", inner) if len(subscript_indices(inner)) == 1:
                alone.update(subscript_indices(inner))
    shared = [i for i in target_indices(target) if i not in alone]
    folding = any(isinstance(s, Boundary) and s.mode != "pad" for s in target.subscripts)
    if shared or folding or any(gathers(target)):
        raise IndexScopeError(
            f"{to_text(target)} can name a cell twice, and = gives a cell one value",
            [target.place],
            f"write {to_text(replace(equation, operator='+='))} to add up what meets in a cell",
        )


def _is_mixed_radix(terms: Sequence[tuple[int, str]], sizes: Mapping[str, int]) -> bool:
    """Whether no two assignments give one position: each index moves beyond what smaller ones reach."""
    reach = 0
    ordered = sorted((abs(factor), index) for factor, index in terms)
    for number, (factor, index) in enumerate(ordered):
        if factor <= reach:
            return False
        if number < len(ordered) - 1:
            if index not in sizes:
                return False
            reach += factor * max(sizes[index] - 1, 0)
    return True
