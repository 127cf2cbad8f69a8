"""A flat program -> steps: equations in order, cycles as loops, tensors assembled from contributions."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from einprop.analysis.dependence import assembled_tensors, live
from einprop.analysis.indices import plain_subscripts
from einprop.analysis.recurrence import Loop as OrderedLoop
from einprop.analysis.recurrence import numbers, order
from einprop.execution.assembled import Manner, cells_of, manners
from einprop.execution.bodies import Body, Node, contributed, flat, hoisted, numbered, read, written
from einprop.execution.donated import VALUE, settled
from einprop.execution.expressions import CUMULATIVE, EquationLowering, Known, literal_value
from einprop.execution.steps import (
    Copy,
    Letters,
    Literal,
    Loop,
    Operand,
    Step,
    index_size,
)
from einprop.notation.functions import COMBINED, FOLDS
from einprop.notation.tree import (
    Access,
    Call,
    Equation,
    Index,
    IndexValue,
    Iverson,
    Multiply,
    gathers,
    reads,
)

__all__ = ["Lowered", "lower"]


@dataclass(frozen=True)
class Lowered:
    """The steps of a flat program, each tensor written by one of them unless it is assembled.

    Attributes:
        steps: In order.
        loops: Which of them run together, outer loops before inner ones.
        sizes: By letter.
        shapes: Those of the assembled tensors.
        integers: The inputs that hold positions.
    """

    steps: tuple[Step, ...]
    loops: tuple[Loop, ...]
    sizes: Mapping[str, int]
    shapes: Mapping[str, tuple[int, ...]]
    integers: frozenset[str]


def lower(
    equations: Sequence[Equation],
    sizes: Mapping[str, int],
    outputs: Sequence[str],
    inputs: Mapping[str, tuple[int, ...]] | None = None,
    axes: Mapping[str, Letters] | None = None,
    donated: Mapping[str, str] | None = None,
    guard: str | None = None,
    weights: Mapping[str, int] | None = None,
) -> Lowered:
    """The steps of a flat program.

    Args:
        equations: One operation each.
        sizes: Size of each index.
        outputs: The tensors wanted; what none of them needs is left out.
        inputs: Shape of each input.
        axes: The letters at the axes of assembled tensors.
        donated: Inputs by output: whose memory the output is written into.
        guard: The scalar that is known before such an output is written.
        weights: Sizes by which forms are chosen where they are not those of the letters.

    >>> from einprop.notation.tree import Access, Add, Equation, Index
    >>> a, b, c, y = (Access(name, (Index("i"),)) for name in "abcy")
    >>> for step in lower([Equation(y, "=", Add((a, b, c)))], {"i": 3}, ["y"]).steps:
    ...     print(step.target.tensor, step.operation.function, [o.tensor for o in step.operands])
    y#1 add ['a', 'b']
    y add ['y#1', 'c']
    """
    lowering = _Lowering(
        live(equations, outputs), sizes, outputs, inputs or {}, axes or {}, weights or {}
    )
    return lowering.lowered(donated or {}, guard)


class _Lowering:
    """The program on its way to steps."""

    def __init__(
        self,
        equations: Sequence[Equation],
        sizes: Mapping[str, int],
        outputs: Sequence[str],
        inputs: Mapping[str, tuple[int, ...]],
        axes: Mapping[str, Letters],
        weights: Mapping[str, int],
    ) -> None:
        self.equations = equations
        names = assembled_tensors(equations)
        first = {e.target.name: e.target for e in reversed(equations)}
        self.axes = {name: axes.get(name) or _written_axes(first[name]) for name in names}
        subscripted = {a.name for e in equations for r in reads(e) for a in gathers(r)}
        self.subscripted = subscripted | {a.name for e in equations for a in gathers(e.target)}
        brackets = {e.target.name for e in equations if isinstance(e.expression, Iverson)}
        self.known = Known(
            dict(sizes),
            frozenset(outputs),
            {name: shape for name, shape in inputs.items() if name in self.subscripted},
            {
                name: tuple([index_size(sizes, letter) for letter in letters])
                for name, letters in self.axes.items()
            },
            {e.target.name: c for e in equations if (c := _comparison(e, sizes)) is not None},
            frozenset(brackets - names.keys()),
            _counted(equations, brackets - {*names, *outputs}),
            weights=weights,
        )
        self.manners: dict[int, Manner] = {}
        self.fills: dict[str, Equation] = {}
        self.copied: dict[str, list[str]] = {}
        self.made = {equation.target.name for equation in equations}

    def lowered(self, donated: Mapping[str, str], guard: str | None) -> Lowered:
        sizes = self.known.sizes
        plan = order(self.equations, lambda letter: index_size(sizes, letter))
        self.settle(plan)
        weights = {**sizes, **self.known.weights}
        nodes = contributed(self.nodes(plan, ()), sizes, self.known.outputs, weights)
        nodes = self.filled(nodes)
        nodes = [*self.known.conversions.values(), *nodes]
        names = {operand for node in nodes for step in flat(node) for operand in read(step)}
        spare = self.known.comparisons.keys() - names - self.known.outputs
        steps: list[Step] = []
        loops: list[Loop] = []
        nodes, shapes = [n for n in nodes if written(n) not in spare], self.known.shapes
        if donated:
            nodes, copied = settled(nodes, donated, guard, self.axes)
            shapes = {f"{n}{VALUE}" if n in copied else n: shape for n, shape in shapes.items()}
        numbered(nodes, steps, loops)
        integers = frozenset(self.known.integers)
        return Lowered(tuple(steps), tuple(loops), sizes, shapes, integers)

    def settle(self, plan: Sequence[int | OrderedLoop]) -> None:
        """Decide how each contribution is written, and which tensors are filled first."""
        contributions: dict[str, list[tuple[int, int | None]]] = {}
        for place, item in enumerate(plan):
            loop = place if isinstance(item, OrderedLoop) else None
            for number in numbers(item):
                name = self.equations[number].target.name
                if name in self.axes:
                    contributions.setdefault(name, []).append((number, loop))
        for name, members in contributions.items():
            shape = self.known.shapes[name]
            cells = [
                cells_of(self.equations[n].target.subscripts, shape, self.known.sizes, loop)
                for n, loop in members
            ]
            fill, found = manners(cells, math.prod(shape))
            self.manners |= dict(zip([n for n, _ in members], found, strict=True))
            if fill:
                self.fills[name] = self.equations[members[0][0]]
            self.copied[name] = [
                access.name
                for (number, _), manner in zip(members, found, strict=True)
                for access in reads(self.equations[number])
                if manner.copies
            ]

    def nodes(self, plan: Iterable[int | OrderedLoop], path: tuple[OrderedLoop, ...]) -> list[Node]:
        """The steps of some of the equations, inside the loops of ``path``."""
        found: list[Node] = []
        for item in plan:
            if isinstance(item, int):
                fixed = tuple([loop.letters[item] for loop in path])
                late = {self.target(n) for n in path[-1].letters} if path else ()
                steps = self.steps(item, fixed, late)
                found += [replace(step, fixed=fixed) for step in steps] if fixed else steps
            else:
                size = max(index_size(self.known.sizes, i) for i in item.letters.values())
                names = {self.target(number) for number in item.letters}
                body = self.nodes(item.body, (*path, item))
                outside, inside = hoisted(body, {name for name in names if name in self.axes})
                found += [*outside, Body(size, item.descending, inside)]
        return found

    def target(self, number: int) -> str:
        """The tensor that an equation writes."""
        return self.equations[number].target.name

    def steps(self, number: int, fixed: Letters, late: Collection[str]) -> list[Step]:
        """The steps of one equation; ``late`` are the tensors that the loop around it writes."""
        equation = self.equations[number]
        name, literals = equation.target.name, self.known.literals
        lowering = EquationLowering(equation, self.known, late)
        if name in self.axes:
            return lowering.contribution(self.manners[number], fixed)
        value = literal_value(equation.expression, literals)
        if value is not None and not equation.target.subscripts:
            literals[name] = value
            if name not in self.known.outputs and name not in self.subscripted:
                return []
        return lowering.steps()

    def filled(self, nodes: Sequence[Node]) -> list[Node]:
        """The nodes, and before the first that has to do with an assembled tensor what fills it."""
        first: dict[str, int] = {}
        for place, node in enumerate(nodes):
            for step in flat(node):
                # Parts of a contribution's own equation have the tensor's name before their #.
                target = step.target.tensor
                for name in (target, target.partition("#")[0], *read(step)):
                    first.setdefault(name, place)
        fills: dict[int, list[Node]] = {}
        for name, equation in self.fills.items():
            empty = Literal(FOLDS[COMBINED[equation.operator]].empty)
            step = Step(equation, Copy(), Operand(name, self.axes[name]), (empty,))
            # What is copied into the tensor may be computed in its memory straight away.
            straight = [n for n in self.copied.get(name, ()) if n in first and n in self.made]
            fills.setdefault(min(first[n] for n in (name, *straight)), []).append(step)
        return [node for place, n in enumerate(nodes) for node in (*fills.get(place, ()), n)]


def _written_axes(target: Access) -> Letters:
    """The axes of an assembled tensor that has plain subscripts, a repeated letter with primes."""
    found: list[str] = []
    for subscript in target.subscripts:
        if not isinstance(subscript, Index):
            raise TypeError(f"the axes of {target.name} are not given")
        letter = subscript.name
        while letter in found:
            letter += "'"
        found.append(letter)
    return tuple(found)


def _counted(equations: Sequence[Equation], brackets: Collection[str]) -> frozenset[str]:
    """The brackets that are a factor in one place and reduced in another."""
    factors: set[str] = set()
    reduced: set[str] = set()
    for equation in equations:
        match equation.expression:
            case Multiply(operands):
                factors.update(o.name for o in operands if isinstance(o, Access))
            case Call(_, (Access(name),), indices) if indices:
                reduced.add(name)
    return frozenset(factors & reduced & {*brackets})


def _comparison(equation: Equation, sizes: Mapping[str, int]) -> tuple[Letters, Iverson] | None:
    """The letters and the comparison of an equation such as ``M[s,t] = [s <= t]``."""
    expression, target = equation.expression, equation.target
    match expression:
        case Iverson(IndexValue(left), operator, IndexValue(right)) if operator in CUMULATIVE:
            letters = plain_subscripts(target)
            square = index_size(sizes, left) == index_size(sizes, right)
            if square and left != right and sorted(letters) == sorted((left, right)):
                return letters, expression
    return None
