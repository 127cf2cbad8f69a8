"""One order of axes for all tensors that meet cell by cell, chosen over the whole program by cost."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from einprop.execution.assembled import letter_strides
from einprop.execution.contractions import classify
from einprop.execution.cost import Machine
from einprop.execution.layout import Layout
from einprop.execution.price import price
from einprop.execution.steps import Contraction, Letters, Operand, Step, Window, index_size
from einprop.notation.tree import Affine

__all__ = ["Orders", "choose"]

Orders = Mapping[str, tuple[int, ...]]
"""The axes of tensors from outermost to innermost."""

Axis = tuple[str, int]
"""An axis of a tensor."""

_SWEEPS, _BASES = 2, 3


def choose(
    steps: Sequence[Step],
    sizes: Mapping[str, int],
    shapes: Mapping[str, tuple[int, ...]],
    inputs: Iterable[str],
    found: Mapping[str, Layout],
    aliases: Mapping[str, tuple[str, tuple[Affine, ...], Letters]],
    machine: Machine,
) -> dict[str, tuple[int, ...]]:
    """Orders of axes with which the steps take least time, as far as a local search finds.

    Tensors that meet in elementwise steps, copies and reductions form a component; their axes that meet
    are one class, and a component ranks its classes: so nothing is read against its grain inside it.
    What a product wants of its operands and of its result is tried for the whole component at once.

    Args:
        steps: The steps, loops around them told by their fixed letters.
        sizes: Size of each index.
        shapes: Of the tensors that have memory of their own.
        inputs: Those of them whose axes lie as they are written.
        found: A first layout of every tensor.
        aliases: Tensors that are computed in the memory of another, and in which cells of it.
        machine: What its parts of the work take.
    """
    search = _Search(sizes, shapes, frozenset(inputs), machine)
    search.read(steps, found, aliases)
    for _ in range(_SWEEPS):
        changed = [search.improve(component) for component in search.components()]
        if not any(changed):
            break
    return {name: order for name, order in search.orders.items() if name not in search.inputs}


@dataclass
class _Search:
    """The orders while they are being chosen."""

    sizes: Mapping[str, int]
    shapes: Mapping[str, tuple[int, ...]]
    inputs: frozenset[str]
    machine: Machine
    orders: dict[str, tuple[int, ...]] = field(default_factory=dict)
    windows: dict[str, tuple[str, tuple[Affine, ...], Letters]] = field(default_factory=dict)
    classes: dict[Hashable, Hashable] = field(default_factory=dict)
    looped: dict[str, Letters] = field(default_factory=dict)
    steps: dict[str, list[Step]] = field(default_factory=lambda: defaultdict(list))
    members: dict[Hashable, list[str]] = field(default_factory=lambda: defaultdict(list))
    letters: dict[str, Letters] = field(default_factory=dict)
    priced: dict[tuple[object, ...], float] = field(default_factory=dict)

    # What the program says.

    def read(
        self,
        steps: Sequence[Step],
        found: Mapping[str, Layout],
        aliases: Mapping[str, tuple[str, tuple[Affine, ...], Letters]],
    ) -> None:
        """Learn which axes meet where, and start from the first layouts."""
        self.windows.update(aliases)
        for step in steps:
            match step:
                case Step(_, Window(subscripts), target, (Operand(source),)):
                    self.windows[target.tensor] = (source, subscripts, target.indices)
                case _:
                    self.letters.setdefault(step.target.tensor, step.target.indices)
                    self.looped.setdefault(step.target.tensor, step.fixed)
        for name, (source, subscripts, letters) in self.windows.items():
            self.meet_window(name, source, subscripts, letters)
        for step in steps:
            if not isinstance(step.operation, Contraction | Window):
                self.meet(step)
        for name in self.shapes:
            if name in found and name not in self.windows:
                self.orders[name] = found[name].order
                self.members[self.component(name)].append(name)
        for step in steps:
            touched = {self.root(o.tensor) for o in (step.target, *step.tensors)}
            for component in {self.component(name) for name in touched}:
                self.steps_of(component).append(step)

    def steps_of(self, component: Hashable) -> list[Step]:
        """The steps that read or write tensors of a component."""
        return self.steps[str(component)]

    def meet_window(
        self, name: str, source: str, subscripts: Sequence[Affine], letters: Letters
    ) -> None:
        """A window's axes are the source's, where one letter goes furthest along it."""
        self.join(("tensor", name), ("tensor", source))
        for axis, subscript in enumerate(subscripts):
            if subscript.terms:
                _, letter = max(
                    subscript.terms, key=lambda t: abs(t[0]) * (index_size(self.sizes, t[1]) - 1)
                )
                if letter in letters:
                    self.join((name, letters.index(letter)), (source, axis))

    def meet(self, step: Step) -> None:
        """Axes under the same letter meet."""
        for operand in step.tensors:
            if len(operand.indices) == 0 or operand.tensor in self.inputs:
                continue
            self.join(("tensor", operand.tensor), ("tensor", step.target.tensor))
            for axis, letter in enumerate(operand.indices):
                if letter in step.target.indices:
                    place = step.target.indices.index(letter)
                    self.join((operand.tensor, axis), (step.target.tensor, place))

    def join(self, one: Hashable, other: Hashable) -> None:
        self.classes[self.find(one)] = self.find(other)

    def find(self, key: Hashable) -> Hashable:
        """What stands for the class of an axis, or of a tensor."""
        path = []
        while (following := self.classes.get(key, key)) != key:
            path.append(key)
            key = following
        for passed in path:
            self.classes[passed] = key
        return key

    def root(self, name: str) -> str:
        """The tensor whose memory a window shows."""
        while name in self.windows:
            name = self.windows[name][0]
        return name

    def component(self, name: str) -> Hashable:
        """What stands for the tensors that meet this one."""
        return self.find(("tensor", name))

    # What orders cost.

    def stored(self, operand: Operand, fixed: Letters) -> dict[str, int]:
        """The strides of an operand's letters, outermost first."""
        strides = self.strides(operand.tensor)
        pairs = zip(operand.indices, strides, strict=False)
        found = sorted(
            ((i, n) for i, n in pairs if i not in fixed),
            key=lambda pair: -abs(pair[1]),
        )
        return dict(found)

    def strides(self, name: str) -> list[int]:
        """The strides of a tensor's axes."""
        if name in self.windows:
            source, subscripts, letters = self.windows[name]
            found = letter_strides(subscripts, self.strides(source))
            return [found.get(letter, 0) for letter in letters]
        shape, strides, cells = self.shapes[name], [0] * len(self.shapes[name]), 1
        for axis in reversed(self.orders[name]):
            strides[axis] = cells
            cells *= max(shape[axis], 1)
        return strides

    def seconds(self, steps: Sequence[Step], limit: float) -> float:
        """What some steps take together, or infinitely much once that is more than the limit."""
        total = 0.0
        for step in steps:
            total += self.step_seconds(step)
            if total >= limit:
                return math.inf
        return total

    def step_seconds(self, step: Step) -> float:
        """What a step takes, with its tensors in the orders that they have now."""
        roots = [self.root(operand.tensor) for operand in (step.target, *step.tensors)]
        key = (id(step), *[self.orders.get(root) for root in roots])
        if key not in self.priced:
            self.priced[key] = price(step, self.stored, self.sizes, self.machine)
        return self.priced[key]

    # The search.

    def components(self) -> list[Hashable]:
        """The components in which an order matters: those with a tensor of three axes."""
        return [
            component
            for component, names in self.members.items()
            if any(self.rank(name) > 2 for name in names if name not in self.inputs)
        ]

    def rank(self, name: str) -> int:
        """How many axes a tensor has that are longer than 1."""
        return sum(size > 1 for size in self.shapes[name])

    def improve(self, component: Hashable) -> bool:
        """Take the best of the rankings that are worth a try; say whether that changed anything."""
        names = [name for name in self.members[component] if name not in self.inputs]
        best = start = {name: self.orders[name] for name in names}
        rankings = list(self.rankings(component, names))
        # The dear ones first: most rankings are then known to be worse after a few.
        steps = sorted(self.steps_of(component), key=self.step_seconds, reverse=True)
        least = self.seconds(steps, math.inf)
        for ranking in rankings:
            self.orders.update({name: self.ranked(name, ranking) for name in names})
            seconds = self.seconds(steps, least * (1 - 1e-9))
            if seconds < least:
                least, best = seconds, {name: self.orders[name] for name in names}
        self.orders.update(best)
        return best is not start

    def ranked(self, name: str, ranking: Sequence[Hashable]) -> tuple[int, ...]:
        """The axes of a tensor as a ranking of their classes has them, those of loops first."""
        place = {key: number for number, key in enumerate(ranking)}
        looped, letters = self.looped.get(name, ()), self.letters.get(name, ())

        def key(axis: int) -> tuple[bool, int, int]:
            outside = axis < len(letters) and letters[axis] in looped
            return (not outside, place.get(self.find((name, axis)), len(place)), axis)

        return tuple(sorted(range(len(self.shapes[name])), key=key))

    def rankings(self, component: Hashable, names: Sequence[str]) -> Iterator[tuple[Hashable, ...]]:
        """The rankings worth a try: what tensors have now, each changed to what a product wants."""
        widest = max(self.rank(name) for name in names)
        seen = set()
        axes = [[(n, axis) for axis in self.orders[n]] for n in names if self.rank(n) == widest]
        bases = list(dict.fromkeys(self.completed(order, names) for order in axes))[:_BASES]
        wishes = list(dict.fromkeys(self.wishes(component)))
        for base in bases:
            for ranking in (base, *(_placed(base, wish) for wish in wishes)):
                if ranking not in seen:
                    seen.add(ranking)
                    yield ranking

    def completed(self, axes: Sequence[Axis], names: Sequence[str]) -> tuple[Hashable, ...]:
        """The classes of axes in order, then those of the other tensors."""
        rest = [(name, axis) for name in names for axis in self.orders[name]]
        return tuple(dict.fromkeys(self.find(axis) for axis in (*axes, *rest)))

    def wishes(self, component: Hashable) -> Iterator[tuple[Hashable, ...]]:
        """The classes of what products would like to read or write, outermost first."""
        for step in self.steps_of(component):
            if isinstance(step.operation, Contraction):
                left, right = (self.stored(o, step.fixed) for o in step.tensors)
                target = tuple(i for i in step.target.indices if i not in step.fixed)
                groups, swapped = classify(target, left, right, self.sizes, self.machine)
                sides = step.tensors[::-1] if swapped else step.tensors
                for operand, free in zip(sides, (groups.rows, groups.columns), strict=True):
                    yield from self.wish(
                        component, operand, (groups.batch, free, groups.contracted)
                    )
                yield from self.wish(
                    component, step.target, (groups.batch, groups.rows, groups.columns)
                )

    def wish(
        self, component: Hashable, operand: Operand, groups: tuple[Letters, Letters, Letters]
    ) -> Iterator[tuple[Hashable, ...]]:
        if self.component(operand.tensor) != component:
            return
        batch, one, other = groups
        for letters in (batch + one + other, batch + other + one, one + batch + other):
            axes = [operand.indices.index(i) for i in letters if i in operand.indices]
            yield tuple(dict.fromkeys(self.find((operand.tensor, axis)) for axis in axes))


def _placed(ranking: Sequence[Hashable], wish: Sequence[Hashable]) -> tuple[Hashable, ...]:
    """A ranking with some of its classes in the order of a wish, at the places that they have.

    >>> _placed("abcd", "db")
    ('a', 'd', 'c', 'b')
    """
    turned = iter([key for key in wish if key in ranking])
    return tuple(next(turned) if key in wish else key for key in ranking)
