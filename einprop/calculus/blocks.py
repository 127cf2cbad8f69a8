"""Blocks: Jacobians kept as products of Kronecker deltas and what is left without them.

A block says ``J[column; row] = factors``, summed over what stands on neither side, and 0 wherever no
values of the indices meet the subscripts: ``J[i,r; i,r'] = V[j,r] V[j,r']`` is the delta ``[i == i']``
times ``V'V``. No delta is ever written, so none is ever computed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from einprop.analysis.canonical import canonical
from einprop.analysis.indices import (
    free_indices,
    fresh_index,
    rename_apart,
    rename_indices,
    target_indices,
    unprimed,
)
from einprop.calculus.algebra import constant, factored, number, product, total
from einprop.calculus.partials import Contribution
from einprop.calculus.ratios import with_ratios
from einprop.calculus.substitution import (
    InexpressibleError,
    place_in,
    substitute_subscripts,
)
from einprop.notation.tree import (
    Access,
    Boundary,
    Call,
    Equation,
    Expression,
    Index,
    IndexValue,
    Iverson,
    Range,
    Subscript,
    walk,
)

__all__ = ["Block", "chained", "combined_blocks", "grouped", "identity", "without_deltas"]


@dataclass(frozen=True)
class Block:
    """One term of a Jacobian.

    Attributes:
        column: Where in the differentiated tensor.
        row: Where in the tensor that is differentiated for.
        factors: What the derivative is there: a product.
        summed: The indices that it is summed over.
    """

    column: tuple[Subscript, ...]
    row: tuple[Subscript, ...]
    factors: tuple[Expression, ...]
    summed: tuple[str, ...] = ()

    @property
    def place(self) -> Access:
        """Both sides as the subscripts of one nameless tensor."""
        return Access("", (*self.column, *self.row))

    @property
    def kept(self) -> tuple[str, ...]:
        """The indices of both sides."""
        return target_indices(self.place)

    @property
    def indices(self) -> tuple[str, ...]:
        """All indices that have a meaning outside of the factors."""
        return tuple(dict.fromkeys((*self.kept, *self.summed)))

    @property
    def value(self) -> Expression:
        """The derivative with its sum."""
        body = product(*self.factors)
        return Call("sum", (body,), self.summed) if self.summed else body

    def renamed(self, names: Mapping[str, str]) -> Block:
        """The block with all its indices renamed at once."""
        return self.placed({old: Index(new) for old, new in names.items()})

    def placed(self, places: Mapping[str, Subscript]) -> Block:
        """The block with subscripts in the place of indices.

        Raises:
            InexpressibleError: There is no such block.
        """
        names = {old: new.name for old, new in places.items() if isinstance(new, Index)}
        return Block(
            tuple(place_in(s, places) for s in self.column),
            tuple(place_in(s, places) for s in self.row),
            tuple(substitute_subscripts(f, places) for f in self.factors),
            tuple(names.get(i, i) for i in self.summed),
        )

    def tidy(self) -> Block:
        """The block with as few primes as will do, those on the row's side."""
        names: dict[str, str] = {}
        for index in self.indices:
            names[index] = fresh_index(index, names.values())
        block = self.renamed(names)
        taken = frozenset(names.values())
        return replace(block, factors=tuple(rename_apart(f, taken) for f in block.factors))


def identity(letters: Sequence[str]) -> Block:
    """The derivative of a tensor for itself."""
    subscripts = tuple(Index(i) for i in letters)
    return Block(subscripts, subscripts, ())


def chained(
    equation: Equation, found: Contribution, block: Block, ranges: Mapping[str, Range]
) -> Block | None:
    """A block of what is read, carried through an equation that reads it.

    Args:
        equation: What reads it.
        found: The read.
        block: The block.
        ranges: By letter, its ``where`` range, if it has one.

    Returns:
        The block of the equation's target; None if it is 0.

    Raises:
        InexpressibleError: The language cannot say it without a tensor for the whole block.
    """
    taken = {*found.context, *target_indices(equation.target), *_every_index(found.factor)}
    names: dict[str, str] = {}
    for index in block.indices:
        names[index] = fresh_index(index, {*taken, *names.values()})
    block = block.renamed(names)
    left = target_indices(equation.target)
    places, merged = _met(block.column, found.read.subscripts, left, ranges)
    _check_padding(block, places)
    read = block.placed(places)
    factors = with_ratios(factored(product(rename_indices(found.factor, merged), *read.factors)))
    if factors and constant(factors[0]) == 0:
        return None
    column = tuple(
        place_in(s, {o: Index(n) for o, n in merged.items()}) for s in equation.target.subscripts
    )
    context = [merged.get(i, i) for i in found.context]
    kept = target_indices(Access("", (*column, *read.row)))
    indices = dict.fromkeys((*context, *read.kept, *read.summed))
    summed = tuple(i for i in indices if i not in kept)
    return Block(column, read.row, factors, summed)


def _every_index(expression: Expression) -> Iterator[str]:
    yield from free_indices(expression)
    for node in walk(expression):
        if isinstance(node, Call):
            yield from node.indices


def _met(
    column: Sequence[Subscript],
    read: Sequence[Subscript],
    left: Collection[str],
    ranges: Mapping[str, Range],
) -> tuple[dict[str, Subscript], dict[str, str]]:
    """Where the column's indices stand at a read, and which of the reader's indices became one."""
    places: dict[str, Subscript] = {}
    merged: dict[str, str] = {}
    for own, written in zip(column, read, strict=True):
        if not isinstance(own, Index):
            raise InexpressibleError(own)
        subscript = place_in(written, {o: Index(n) for o, n in merged.items()})
        # Outside of a range the block is 0: it is the reader's index that becomes the block's.
        start = own if unprimed(own.name) in ranges else subscript
        known = places.setdefault(own.name, start)
        if known == subscript:
            continue
        if not isinstance(known, Index) or not isinstance(subscript, Index):
            raise InexpressibleError(subscript)
        stays, goes = _staying(known.name, subscript.name, left, ranges)
        merged = {old: stays if new == goes else new for old, new in merged.items()}
        merged[goes] = stays
        places = {a: place_in(s, {goes: Index(stays)}) for a, s in places.items()}
    return places, merged


def _staying(
    one: str, other: str, left: Collection[str], ranges: Mapping[str, Range]
) -> tuple[str, str]:
    """Of two indices that become one, the one that stays, and the one that goes.

    Raises:
        InexpressibleError: Each has a range of its own.
    """
    given, others = ranges.get(unprimed(one)), ranges.get(unprimed(other))
    if given is not None and others is not None and given.index != others.index:
        raise InexpressibleError(Index(one))
    if (given is None) != (others is None):
        return (other, one) if given is None else (one, other)
    # What stands on the left is what stays.
    return (one, other) if one in left else (other, one)


def _check_padding(block: Block, places: Mapping[str, Subscript]) -> None:
    """Outside of a padded axis the read is 0: the row must say so, as the factors may not."""
    for index, subscript in places.items():
        padded = isinstance(subscript, Boundary) and subscript.mode == "pad"
        reads = [f for f in block.factors if isinstance(f, Access)]
        whole = len(reads) == len(block.factors)
        reads_zero = whole and any(Index(index) in access.subscripts for access in reads)
        if padded and Index(index) not in block.row and not reads_zero:
            raise InexpressibleError(subscript)


def without_deltas(block: Block, types: Mapping[str, object]) -> Block:
    """The block with factors ``[i == j]`` taken into its places and its sum.

    Args:
        block: A block.
        types: By letter, a key that letters of one type share.
    """
    for factor in block.factors:
        match factor:
            case Iverson(IndexValue(left), "==", IndexValue(right)):
                kinds = types.get(unprimed(left)), types.get(unprimed(right))
                if kinds[0] is None or kinds[0] != kinds[1]:
                    continue
                stays, goes = (right, left) if left in block.summed else (left, right)
                rest = tuple(f for f in block.factors if f != factor)
                summed = tuple(i for i in block.summed if i != goes)
                joined = replace(block, factors=rest, summed=summed).renamed({goes: stays})
                return without_deltas(joined, types)
    return block


def grouped(blocks: Sequence[Block], types: Mapping[str, object]) -> list[list[Block]]:
    """The blocks that are not 0 at the same places, their indices made the same.

    Args:
        blocks: Blocks of one Jacobian.
        types: By letter, a key that letters of one type share.
    """
    groups: dict[tuple[object, ...], list[Block]] = {}
    for block in blocks:
        key = canonical(block.place)
        kinds = tuple(types.get(unprimed(i)) for i in key.indices)
        group = groups.setdefault((key.form, kinds), [])
        names: dict[str, str] = {}
        if group:
            first = canonical(group[0].place).indices
            names = dict(zip(key.indices, first, strict=True))
            for index in block.summed:
                names[index] = fresh_index(index, {*first, *names.values()})
        group.append(block.renamed(names))
    return list(groups.values())


def combined_blocks(
    left: Block, right: Block, *, always: bool
) -> tuple[Block, Expression | None] | None:
    """Two blocks of one place as one.

    Returns:
        The block without the factor in which the two differ, and that factor, a sum. None if that
        factor would have more indices than each of theirs, unless this is wanted ``always``.
    """
    others = list(right.factors)
    common: list[Expression] = []
    mine: list[Expression] = []
    for factor in left.factors:
        if factor in others:
            others.remove(factor)
            common.append(factor)
        else:
            mine.append(factor)
    numbers = constant(product(*mine)), constant(product(*others))
    if numbers[0] is not None and numbers[1] is not None:
        return replace(
            left, factors=factored(product(number(numbers[0] + numbers[1]), *common))
        ), None
    union = {i for f in (*mine, *others) for i in free_indices(f)}
    if not always and not any(union <= set(free_indices(f)) for f in (*mine, *others)):
        return None
    return replace(left, factors=tuple(common)), total((product(*mine), product(*others)))
