"""Delta elimination: Jacobians by carrying Kronecker deltas through the equations without writing them.

The tangent of the input is seeded with ``x.dot[r; r'] = [r == r']``. Each equation carries the blocks
(see `blocks`) of the tensors that it reads to its own; a sum over a delta's index is gone as soon as it
would be written. What is summed is defined as a tensor of its own once it is read again, so that nothing
is computed twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from einprop.analysis.canonical import Canonical, canonical
from einprop.analysis.cells import is_base
from einprop.analysis.derivative_names import tensor_base
from einprop.analysis.indices import (
    free_indices,
    fresh_index,
    is_distinct,
    is_plain,
    numbered,
    plain_subscripts,
    subscript_indices,
    target_indices,
    unprimed,
)
from einprop.calculus.algebra import product, total
from einprop.calculus.blocks import (
    Block,
    chained,
    combined_blocks,
    grouped,
    identity,
    without_deltas,
)
from einprop.calculus.extrema import chosen, holds_value, ties
from einprop.calculus.forward import active_tensors
from einprop.calculus.letters import Lettered
from einprop.calculus.partials import Contribution, Linearisation
from einprop.calculus.ratios import is_ratio
from einprop.calculus.substitution import InexpressibleError
from einprop.notation.tree import (
    Access,
    Call,
    Equation,
    Expression,
    Index,
    Multiply,
    Number,
    reads,
    transform,
)

__all__ = ["Elimination", "Held"]

Held = dict[object, tuple[str, tuple[int, ...]]]
"""By what a tensor holds: its name, and the order of its axes."""

_MOST_BLOCKS = 6
"""Blocks of one place that are carried side by side before they are added up."""


class Elimination:
    """The Jacobians of a program's tensors with respect to one input.

    Args:
        lettered: The program.
        wrt: The input.
        name: The name of what is kept of a tensor's Jacobian, by tensor and kind (``factor`` for a part of
            its blocks, ``jacobian`` for all of it).
        taken: The names of tensors that are in use.
        defined: The tensors that hold parts of Jacobians, by what they hold; shared by those who pass it.
        turned: Whether what is kept of a whole Jacobian has the axes of the input first.
    """

    def __init__(
        self,
        lettered: Lettered,
        wrt: str,
        name: Callable[[str, str], str],
        taken: Collection[str],
        defined: Held,
        *,
        turned: bool = False,
    ) -> None:
        self.lettered = lettered
        self.wrt = wrt
        self.turned = turned
        self.name = name
        self.taken = set(taken)
        self.defined = defined
        self.equations: list[Equation] = []
        self.equations_given = with_constants(lettered.equations)
        self.active = frozenset(active_tensors(self.equations_given, [wrt]))
        self.blocks = {wrt: [identity(lettered.axes(wrt))]}
        self.ready = {wrt: self.blocks[wrt]}
        self.whole: dict[str, Block] = {}
        self.recurrent: set[str] = set()
        self.run()

    def run(self) -> None:
        """Carry blocks through every equation."""
        equations = self.equations_given
        self.equations += ties(equations, self.active - {self.wrt})
        times = Counter(equation.target.name for equation in equations)
        self.hold(equations, times)
        last = {equation.target.name: number for number, equation in enumerate(equations)}
        for number, equation in enumerate(equations):
            for access in reads(equation):
                # What recurs is read before it is complete: only a tensor can be.
                recurs = last.get(access.name, -1) >= number and access.name in self.active
                if recurs and access.name not in self.ready:
                    self.ready[access.name] = [self.as_tensor(access.name)]
                    self.recurrent.add(access.name)
        for number, equation in enumerate(equations):
            name = equation.target.name
            if name in self.active:
                single = holds_value([e for e in equations if e.target.name == name])
                self.blocks.setdefault(name, []).extend(self.carried(equation, single))
            if last[name] == number and name in self.whole:
                self.write_whole(name)

    def carried(self, equation: Equation, single: bool) -> Iterator[Block]:
        """The blocks of an equation's target that come in by its right side."""
        walker = Linearisation.of(equation, self.active, single=single)
        choice = None if single else chosen(equation)
        start: Expression = Number(1)
        start = start if choice is None else choice.reverse(start)
        letters = target_indices(equation.target)
        for found in walker.contributions(equation.expression, start, letters):
            for block in self.through(equation, found):
                plain = without_deltas(block, self.lettered.types)
                if self.recurs_along_two(plain) and not self.recurs_along_two(block):
                    plain = block
                yield self.with_stable_ratios(equation.target.name, plain)

    def recurs_along_two(self, block: Block) -> bool:
        """Whether a recurrence is read at one index along two axes, which has no order."""
        whole = [f for name in self.recurrent for f in self.whole[name].factors]
        tensors = {f.name for f in whole if isinstance(f, Access)}
        for factor in [f for f in block.factors if isinstance(f, Access)]:
            letters = [i for s in factor.subscripts for i in subscript_indices(s)]
            if factor.name in tensors and len(set(letters)) < len(letters):
                return True
        return False

    def with_stable_ratios(self, name: str, block: Block) -> Block:
        """The block with each softmax as a tensor: a product of several must not be put together anew."""
        factors = [self.define(name, f, block.kept) if is_ratio(f) else f for f in block.factors]
        return replace(block, factors=tuple(factors))

    def through(self, equation: Equation, found: Contribution) -> list[Block]:
        """The blocks of what is read, through one read of it."""
        name, ranges = found.read.name, self.lettered.domains.ranges
        try:
            blocks = [self.stored(name)] if self.reaches_outside(name) else self.settled(name)
            carried = [chained(equation, found, b, ranges) for b in blocks]
        except InexpressibleError:
            carried = [chained(equation, found, self.stored(name), ranges)]
        return [block for block in carried if block is not None]

    def reaches_outside(self, name: str) -> bool:
        """Whether a tensor has cells outside of its axes: a block holds inside of them alone."""
        return any(tensor == name for tensor, _ in self.lettered.resolved.extents)

    def settled(self, name: str) -> list[Block]:
        """The blocks of a complete tensor, their sums defined, those of one place added up."""
        if name not in self.ready:
            found = [self.summed(name, block) for block in self.blocks.get(name, [])]
            self.ready[name] = [b for group in self.grouped(found) for b in self.added(name, group)]
        return self.ready[name]

    def added(self, name: str, group: Sequence[Block]) -> list[Block]:
        """Blocks of one place, as few as are cheap."""
        kept: list[Block] = []
        for block in group:
            for position, other in enumerate(kept):
                always = len(group) > _MOST_BLOCKS
                sums = other.summed or block.summed
                found = None if sums else combined_blocks(other, block, always=always)
                if found is not None:
                    whole, factor = found
                    if factor is not None:
                        read = self.define(name, factor, whole.kept)
                        whole = replace(whole, factors=(*whole.factors, read))
                    kept[position] = whole
                    break
            else:
                kept.append(block)
        return [b for b in kept if b.factors[:1] != (Number(0),)]

    def summed(self, name: str, block: Block) -> Block:
        """The block with each sum defined as a tensor of its own."""
        if not block.summed:
            return block
        factors = list(block.factors)
        pending = list(block.summed)
        while pending:
            indices = [pending.pop(0)]
            inside: list[Expression] = []
            growing = True
            while growing:
                more = [f for f in factors if set(indices) & set(free_indices(f))]
                factors = [f for f in factors if f not in more]
                inside += more
                joined = [i for i in pending if any(i in free_indices(f) for f in more)]
                pending = [i for i in pending if i not in joined]
                indices += joined
                growing = bool(joined)
            sum_of = Call("sum", (product(*inside),), tuple(indices))
            constant = not free_indices(sum_of) and not inside
            factors.append(sum_of if constant else self.define(name, sum_of, block.kept))
        return replace(block, factors=tuple(factors), summed=())

    def define(self, name: str, expression: Expression, order: Sequence[str]) -> Access:
        """A tensor for part of a tensor's blocks."""
        known = canonical(expression)
        key = self.key(known)
        order = [*(i for i in order if i in known.indices), *known.indices]
        indices = tuple(dict.fromkeys(order))
        if key not in self.defined:
            target = self.fresh_name(name, "factor")
            self.defined[key] = target, tuple(known.indices.index(i) for i in indices)
            subscripts = tuple(Index(i) for i in indices)
            tidy = Block(subscripts, (), (expression,)).tidy()
            left = Access(target, tidy.column)
            self.append(Equation(left, "=", product(*tidy.factors)))
        found, positions = self.defined[key]
        return Access(found, tuple(Index(known.indices[p]) for p in positions))

    def key(self, known: Canonical) -> object:
        """What expressions of one value have in common."""
        return known.form, tuple(self.lettered.types.get(unprimed(i), i) for i in known.indices)

    def hold(self, equations: Sequence[Equation], times: Mapping[str, int]) -> None:
        """Remember what the program's own tensors hold."""
        for equation in equations:
            known = canonical(equation.expression)
            letters = plain_subscripts(equation.target)
            whole = is_plain(equation.target) and sorted(letters) == sorted(known.indices)
            whole = whole and not equation.ranges and not equation.inside
            if whole and equation.operator == "=" and times[equation.target.name] == 1:
                positions = tuple(known.indices.index(i) for i in letters)
                self.defined.setdefault(self.key(known), (equation.target.name, positions))

    def stored(self, name: str) -> Block:
        """The whole Jacobian of a complete tensor as one block, a tensor of its own."""
        if name not in self.whole:
            block = self.as_tensor(name)
            self.write_whole(name)
            return block
        return self.whole[name]

    def as_tensor(self, name: str) -> Block:
        """The block that reads a tensor's whole Jacobian."""
        column = self.lettered.axes(name)
        row: list[str] = []
        for letter in self.lettered.axes(self.wrt):
            row.append(fresh_index(letter, {*column, *row}))
        sides = [tuple(Index(i) for i in side) for side in (column, row)]
        first, second = sides[::-1] if self.turned else sides
        read = Access(self.fresh_name(name, "jacobian"), (*first, *second))
        self.whole[name] = Block(sides[0], sides[1], (read,))
        return self.whole[name]

    def write_whole(self, name: str) -> None:
        """Append the equations of the tensor that holds another's whole Jacobian."""
        (read,) = self.whole[name].factors
        assert isinstance(read, Access)
        self.write(read.name, self.blocks.get(name, []), transposed=self.turned)
        if all(is_base(e.target) for e in self.equations if e.target.name == read.name):
            self.append(Equation(read, "+=", Number(0)))

    def fresh_name(self, name: str, kind: str) -> str:
        """A name for part or all of a tensor's Jacobian that nothing has."""
        own = self.name(name, numbered(kind, lambda k: self.name(name, k) in self.taken))
        self.taken.add(own)
        return own

    def write(self, result: str, blocks: Sequence[Block], *, transposed: bool = False) -> None:
        """Append the equations of a tensor that is made of blocks."""
        if transposed:
            blocks = [replace(b, column=b.row, row=b.column) for b in blocks]
        groups = self.grouped([block.tidy() for block in blocks])
        for blocks_there in groups:
            group = _counted(blocks_there)
            place = group[0].place
            operator = "=" if is_distinct(place) and len(groups) == 1 else "+="
            value = total(block.value for block in group)
            self.append(Equation(replace(place, name=result), operator, value))

    def append(self, equation: Equation) -> None:
        """Append an equation that says where its indices run, by tensors that the program has."""
        self.equations.append(self.lettered.domains.told(equation, name=tensor_base))

    def grouped(self, blocks: Sequence[Block]) -> list[list[Block]]:
        """The blocks that are not 0 at the same places."""
        return grouped(blocks, self.lettered.types)

    def jacobian(self, name: str, result: str, *, transposed: bool = False) -> None:
        """Append the equations of a tensor's Jacobian, 0 if it has none.

        Args:
            name: The tensor.
            result: What its Jacobian is called.
            transposed: Whether the axes of the input come first.
        """
        blocks = self.blocks.get(name, [])
        if name in self.whole:
            blocks = [self.whole[name]]
        if blocks:
            self.write(result, blocks, transposed=transposed)
            return
        sides = [self.lettered.axes(name), self.lettered.axes(self.wrt)]
        letters: list[str] = []
        for letter in (i for side in (sides[::-1] if transposed else sides) for i in side):
            letters.append(fresh_index(letter, letters))
        target = Access(result, tuple(Index(i) for i in letters))
        self.append(Equation(target, "=", Number(0)))


def with_constants(equations: Sequence[Equation]) -> list[Equation]:
    """The equations with numbers for the scalars that are defined as numbers, such as ``loss.grad``."""
    times = Counter(equation.target.name for equation in equations)
    numbers = {
        e.target.name: e.expression
        for e in equations
        if not e.target.subscripts
        and isinstance(e.expression, Number)
        and times[e.target.name] == 1
    }

    def worked_out(node: Expression) -> Expression:
        if isinstance(node, Access):
            return numbers.get(node.name, node)
        return product(node) if isinstance(node, Multiply) else node

    if not numbers:
        return list(equations)
    return [replace(e, expression=transform(e.expression, worked_out)) for e in equations]


def _counted(blocks: Sequence[Block]) -> list[Block]:
    """The blocks of one place, those that differ in a number put together."""
    kept: list[Block] = []
    for block in blocks:
        for position, other in enumerate(kept):
            if block.summed == other.summed:
                found = combined_blocks(other, block, always=True)
                if found is not None and found[1] is None:
                    kept[position] = found[0]
                    break
        else:
            kept.append(block)
    return kept
