"""A place in memory for every tensor: axis orders, windows on others, results written where they belong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from einprop.execution.assembled import letter_strides
from einprop.execution.contractions import classify, contraction_order, merged
from einprop.execution.cost import Machine
from einprop.execution.layout import (
    Layout,
    long_letters,
    mergeable,
)
from einprop.execution.loops import around, transient
from einprop.execution.lower import Lowered
from einprop.execution.orders import Orders
from einprop.execution.reductions import is_unrolled
from einprop.execution.steps import (
    Accumulate,
    Contraction,
    Copy,
    Cumulation,
    Elementwise,
    Gather,
    Letters,
    Loop,
    Operand,
    Reduction,
    Step,
    Window,
    index_size,
)
from einprop.notation.tree import Affine

__all__ = ["MERGED", "Arranged", "Arranger"]

MERGED = "#merged"
"""What the name of a copy holds that a product reads in place of an operand."""


@dataclass(frozen=True)
class _Straight:
    """A tensor that is computed in the memory of the one that it is copied into.

    Attributes:
        tensor: The assembled tensor.
        subscripts: The cells of it.
        indices: The letters at the axes of the tensor that is copied.
    """

    tensor: str
    subscripts: tuple[Affine, ...]
    indices: Letters


@dataclass(frozen=True)
class Arranged:
    """Steps with a place in memory for every tensor.

    Attributes:
        steps: Contractions classified; contributions that are in place already left out.
        loops: Which of the steps run together.
        shapes: By tensor, in the order of the subscripts.
        layouts: By tensor.
        transient: For each tensor that a loop makes, the loops along which it has one position.
    """

    steps: tuple[Step, ...]
    loops: tuple[Loop, ...]
    shapes: Mapping[str, tuple[int, ...]]
    layouts: Mapping[str, Layout]
    transient: Mapping[str, frozenset[int]]


class Arranger:
    """The layouts while they are being found.

    Args:
        lowered: What `lower` gives.
        inputs: Shapes of the inputs, whose axes lie as they are written.
        outputs: Tensors that need memory of their own.
        donated: Those of them that have an input's memory instead, with the input.
        orders: Axes of tensors, outermost first, for those that are not to find their own.
        machine: What the parts of the work take there.
        as_written: Keep every tensor's axes in the order of its subscripts.
    """

    def __init__(
        self,
        lowered: Lowered,
        inputs: Mapping[str, tuple[int, ...]],
        outputs: Sequence[str],
        donated: Mapping[str, str],
        orders: Orders,
        machine: Machine,
        *,
        as_written: bool,
    ) -> None:
        self.lowered = lowered
        self.donated = donated
        self.orders = orders
        self.machine = machine
        self.sizes = lowered.sizes
        self.as_written = as_written
        self.enclosing = around(lowered.loops, len(lowered.steps))
        self.shapes = {name: tuple(shape) for name, shape in inputs.items()}
        self.layouts = {
            name: self.whole(name, shape, range(len(shape))) for name, shape in inputs.items()
        }
        self.shapes |= lowered.shapes
        first = {} if as_written else self.loop_axes()
        for name, shape in lowered.shapes.items():
            leading = first.get(name, ())
            order = orders.get(name, range(len(shape)))
            axes = [*leading, *(axis for axis in order if axis not in leading)]
            self.layouts[name] = self.whole(name, shape, axes)
        self.copies: dict[tuple[object, ...], str] = {}
        self.straight = {} if as_written else self.written_straight(outputs)
        kept = {*outputs, *lowered.shapes}
        self.transient = transient(lowered.steps, self.enclosing, kept) if not as_written else {}

    def arranged(self) -> Arranged:
        """Each step with its place, in order."""
        steps: list[Step] = []
        places = []
        for number, step in enumerate(self.lowered.steps):
            places.append(len(steps))
            arranged = self.settle(step)
            if isinstance(arranged.operation, Contraction) and not step.fixed:
                copies, arranged = self.merged(arranged, arranged.operation)
                steps += copies
            if not self.is_done(arranged):
                steps.append(arranged)
            if arranged.target.tensor not in self.layouts:
                self.place(arranged, self.enclosing[number])
        # A loop ends where its last step ended, whatever was left out inside.
        places.append(len(steps))
        loops = [
            replace(loop, start=places[loop.start], stop=places[loop.stop])
            for loop in self.lowered.loops
        ]
        return Arranged(tuple(steps), tuple(loops), self.shapes, self.layouts, self.transient)

    def merged(self, step: Step, groups: Contraction) -> tuple[list[Step], Step]:
        """Copies of operands whose axes a product has to merge, and the product of the copies.

        Another product of the same cells reads the same copy.
        """
        steps, operands = [], []
        for operand, free in zip(step.tensors, (groups.rows, groups.columns), strict=True):
            stored = self.stored(operand, ())
            sides = (free, groups.contracted)
            if self.as_written or mergeable(stored, sides, self.sizes):
                operands.append(operand)
                continue
            _, letters = merged(groups, free, stored, self.sizes, self.machine)
            layout = self.layouts[operand.tensor]
            # Memory that was given may hold something else later, under another name.
            changed = layout.root in self.donated.values()
            owner = operand.tensor if changed else layout.root
            key = (owner, layout.offset, *[stored[i] for i in letters], *self.spans(letters))
            if key not in self.copies:
                copied = Operand(f"{step.target.tensor}{MERGED}{len(self.copies)}", letters)
                self.copies[key] = copied.tensor
                steps.append(Step(step.equation, Copy(), copied, (operand,)))
                self.shapes[copied.tensor] = self.spans(letters)
                self.layouts[copied.tensor] = self.whole(
                    copied.tensor, self.spans(letters), range(len(letters))
                )
            operands.append(Operand(self.copies[key], letters))
        return steps, replace(step, operands=tuple(operands))

    def spans(self, letters: Letters) -> tuple[int, ...]:
        """The sizes of the letters."""
        return tuple([index_size(self.sizes, letter) for letter in letters])

    def whole(self, name: str, shape: Sequence[int], order: Sequence[int]) -> Layout:
        """A tensor that fills memory of its own."""
        strides, cells = [0] * len(shape), 1
        for axis in reversed(order):
            strides[axis] = cells
            cells *= max(shape[axis], 1)
        return Layout(name, 0, tuple(strides), tuple(order))

    def loop_axes(self) -> dict[str, list[int]]:
        """The axes of assembled tensors along which loops run, those of outer loops first."""
        first: dict[str, dict[int, int]] = {}
        for step in self.lowered.steps:
            match step:
                case Step(_, Window(subscripts), _, (Operand(name, ()),)) if step.fixed:
                    depths = first.setdefault(name, {})
                    for depth, letter in enumerate(step.fixed):
                        for axis, place in enumerate(subscripts):
                            if [i for _, i in place.terms] == [letter]:
                                depths.setdefault(depth, axis)
        return {
            name: list(dict.fromkeys(depths[depth] for depth in sorted(depths)))
            for name, depths in first.items()
        }

    def written_straight(self, outputs: Sequence[str]) -> dict[str, _Straight]:
        """The tensors that may be computed in the memory of the one that they are copied into."""
        makers = {step.target.tensor: step.operation for step in self.lowered.steps}
        windows = {
            step.target.tensor: (step.operation, step.operands)
            for step in self.lowered.steps
            if isinstance(step.operation, Window)
        }
        uses = Counter(o.tensor for step in self.lowered.steps for o in step.tensors)
        found: dict[str, _Straight] = {}
        kept = {*outputs, *self.lowered.shapes}
        for step in self.lowered.steps:
            match step:
                case Step(_, Accumulate("copy", _, alone), cells, (Operand(name, indices),)) if (
                    isinstance(makers.get(name), _WRITES_ANYWHERE)
                    and (alone or uses[name] == 1)
                    and set(indices) == set(cells.indices)
                    and name not in kept
                    and name not in found
                    # Positions become numbers before anything is filled.
                    and name.partition("#")[0] not in self.lowered.integers
                ):
                    window, (source,) = windows[cells.tensor]
                    assert isinstance(source, Operand)
                    found[name] = _Straight(source.tensor, window.subscripts, indices)
        return found

    def settle(self, step: Step) -> Step:
        """The step with what the layout of its operands decides."""
        match step.operation:
            case Reduction(function, indices) if not (step.fixed or self.as_written):
                side = self.stored(step.tensors[0], ())
                unrolled = is_unrolled(function, side, indices, self.sizes, self.machine)
                return replace(step, operation=Reduction(function, indices, unrolled))
            case Contraction():
                return self.classified(step)
            case _:
                return step

    def classified(self, step: Step) -> Step:
        """A contraction with its letters in groups and its operands on their sides."""
        left, right = [self.stored(operand, step.fixed) for operand in step.tensors]
        target = _without(step.target.indices, step.fixed)
        contraction, swapped = classify(target, left, right, self.sizes, self.machine)
        operands = step.operands[::-1] if swapped else step.operands
        return replace(step, operation=contraction, operands=operands)

    def stored(self, operand: Operand, fixed: Letters) -> dict[str, int]:
        """The strides of an operand's letters, outermost first, those that are fixed left out."""
        return self.layouts[operand.tensor].stored(operand.indices, fixed)

    def is_done(self, step: Step) -> bool:
        """Whether a contribution is where it belongs already."""
        match step:
            case Step(_, Accumulate("copy"), cells, (Operand(name, indices),)) if indices:
                source, target = self.layouts[name], self.layouts[cells.tensor]
                places = (source.root, source.offset, source.stored(indices))
                return places == (target.root, target.offset, target.stored(cells.indices))
            case _:
                return False

    def place(self, step: Step, loops: Sequence[int]) -> None:
        """Find a place for what the step writes."""
        name, letters = step.target.tensor, step.target.indices
        self.shapes[name] = tuple([index_size(self.sizes, letter) for letter in letters])
        if isinstance(step.operation, Window):
            (source,) = step.tensors
            self.layouts[name] = self.window(source.tensor, step.operation.subscripts, letters)
            return
        if name in self.donated:
            self.layouts[name] = self.layouts[self.donated[name]]
            return
        straight = self.straight.get(name)
        if straight is not None:
            layout = self.window(straight.tensor, straight.subscripts, straight.indices)
            if self.fits(step, layout):
                self.layouts[name] = layout
                self.transient.pop(name, None)
                return
        order = tuple([i for i in step.fixed if i in letters]) + self.chosen_order(step)
        axes = range(len(letters)) if self.as_written else [letters.index(i) for i in order]
        layout = self.whole(name, self.shapes[name], axes)
        brief = self.transient.get(name)
        if brief:
            once = {i for loop, i in zip(loops, step.fixed, strict=True) if loop in brief}
            pairs = list(zip(letters, self.shapes[name], strict=True))
            layout = self.whole(name, [1 if i in once else size for i, size in pairs], axes)
            strides = [0 if i in once else n for i, n in zip(letters, layout.strides, strict=True)]
            layout = replace(layout, strides=tuple(strides))
        self.layouts[name] = layout

    def window(self, source: str, subscripts: Sequence[Affine], letters: Letters) -> Layout:
        """The layout of a tensor seen at some subscripts."""
        layout = self.layouts[source]
        strides = letter_strides(subscripts, layout.strides)
        constants = [s.constant * n for s, n in zip(subscripts, layout.strides, strict=True)]
        rank = [i for axis in layout.order for _, i in subscripts[axis].terms]
        if self.as_written:
            order = tuple(range(len(letters)))
        else:
            axes = sorted(range(len(letters)), key=lambda axis: rank.index(letters[axis]))
            order = tuple(sorted(axes, key=lambda axis: -abs(strides[letters[axis]])))
        found = tuple([strides[letter] for letter in letters])
        return Layout(layout.root, layout.offset + sum(constants), found, order)

    def fits(self, step: Step, layout: Layout) -> bool:
        """Whether the step can write its result there without a copy."""
        if not isinstance(step.operation, Contraction):
            return True
        stored = layout.stored(step.target.indices, step.fixed)
        groups = (step.operation.rows, step.operation.columns)
        long = [stored[i] for i in long_letters(tuple(stored), self.sizes)]
        return mergeable(stored, groups, self.sizes) and (not long or 1 in long)

    def chosen_order(self, step: Step) -> Letters:
        """The order chosen over the whole program, if the step can write it, else its own."""
        name, letters = step.target.tensor, step.target.indices
        if name not in self.orders:
            return self.target_order(step)
        order = [letters[axis] for axis in self.orders[name] if letters[axis] not in step.fixed]
        axes = [letters.index(i) for i in (*(i for i in letters if i in step.fixed), *order)]
        if not self.fits(step, self.whole(name, self.shapes[name], axes)):
            return self.target_order(step)
        return tuple(order)

    def target_order(self, step: Step) -> Letters:
        """The order in which the step writes its target most cheaply, loop letters left out."""
        target = _without(step.target.indices, step.fixed)
        stored = [tuple(self.stored(o, step.fixed)) for o in step.tensors if o.indices]
        match step.operation:
            case Contraction() as contraction:
                return contraction_order(contraction, target, self.sizes)
            case Reduction():
                return tuple([letter for letter in stored[0] if letter in target])
            case Cumulation(source, letter):
                return tuple([letter if i == source else i for i in stored[0]])
            case Gather(subscripts):
                return _without(self.gathered(step, subscripts), step.fixed)
            case _:
                votes = Counter(letters for letters in stored if len(letters) == len(target))
                ranked = sorted(votes, key=lambda letters: (-votes[letters], letters != target))
                return ranked[0] if ranked else target

    def gathered(self, step: Step, subscripts: Sequence[Affine | Operand]) -> Letters:
        """The letters in the order of the memory that is read."""
        source = self.layouts[step.tensors[0].tensor]
        found: dict[str, None] = {}
        for axis in source.order:
            match subscripts[axis]:
                case Operand() as places:
                    found |= dict.fromkeys(self.stored(places, ()))
                case Affine(terms):
                    found |= dict.fromkeys(letter for _, letter in terms)
        return tuple(found)


_WRITES_ANYWHERE = (Elementwise, Copy, Reduction, Contraction, Cumulation)


def _without(letters: Letters, fixed: Collection[str]) -> Letters:
    return tuple([letter for letter in letters if letter not in fixed])
