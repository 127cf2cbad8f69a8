"""A schedule as a person writes it: what each step reads as, with names, slices and brackets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from einprop.backends.numpy_functions import CALL, ArrayFunction
from einprop.backends.numpy_views import broadcast_axes, tuple_text, view_of
from einprop.backends.source_contractions import transposed
from einprop.backends.source_dialect import Dialect, Expression, number, quoted
from einprop.backends.source_names import local_tensors, loop_letters
from einprop.backends.source_phrases import (
    composed,
    sliced,
    split,
    strided,
    sum_text,
    window,
    windowed,
)
from einprop.backends.source_rows import Use
from einprop.execution.loops import around
from einprop.execution.steps import (
    Letters,
    Literal,
    Operand,
    Position,
    Schedule,
    Source,
    Step,
    Window,
    index_size,
)
from einprop.notation.tree import Affine

__all__ = ["Author"]


class Author:
    """What is known while the code is being written.

    Attributes:
        here: The letters that are Python variables here: those of the loops around.
        pending: Values without a name, as expressions.
        windows: Windows that are written out where they are read: the tensor, the subscripts, and the
            letters of the window.
        axes: The axes that a value without those of its loops still has.
        local: The tensors that are there for one position of the loops around them.
        lists: The tensors that are lists of rows here, with the axis along which they are.
        uses: Where each tensor was read or written so far.
        copies: The tensors that this loop writes in place: what is read of them is copied.
    """

    def __init__(
        self,
        plan: Schedule,
        names: Mapping[str, str],
        variables: Mapping[str, str],
        lengths: Mapping[str, tuple[str, int]],
        dialect: Dialect,
    ) -> None:
        self.plan = plan
        self.sizes = plan.sizes
        self.names = names
        self.variables = variables
        self.lengths = lengths
        self.dialect = dialect
        self.helpers: dict[str, ArrayFunction | str] = {}
        self.here: dict[str, str] = {}
        self.pending: dict[str, Expression] = {}
        self.windows: dict[str, tuple[str, tuple[Affine, ...], Letters]] = {}
        self.axes: dict[str, list[int]] = {}
        self.lists: dict[str, int] = {}
        self.uses: list[Use] = []
        self.copies: frozenset[str] = frozenset()
        self.number = 0
        self.enclosing = around(plan.loops, len(plan.steps))
        self.local = local_tensors(plan)
        self.counters = [variables[letter] for letter in loop_letters(plan)]

    # What is read.

    def size(self, letter: str) -> int:
        """How many positions a letter has."""
        return index_size(self.sizes, letter)

    def free(self, letters: Letters) -> Letters:
        """The letters that are axes here."""
        return tuple([letter for letter in letters if letter not in self.here])

    def located(self, operand: Operand) -> tuple[str, tuple[Affine, ...]]:
        """The tensor that is meant and the subscripts at which it is: a window is on another."""
        name = operand.tensor
        subscripts = tuple([Affine(((1, letter),)) for letter in operand.indices])
        if name in self.windows:
            name, inner, letters = self.windows[name]
            subscripts = composed(inner, dict(zip(letters, subscripts, strict=True)))
        return name, subscripts

    def read(self, operand: Operand) -> Expression:
        """A tensor at its subscripts; its axes are the letters that are free here, in their order."""
        return self.shown(*self.located(operand), self.free(operand.indices))

    def whole(self, name: str) -> Expression:
        """A tensor with all its axes."""
        shape = self.plan.tensors[name].shape
        letters = tuple([f"{name}#{axis}" for axis in range(len(shape))])
        known = self.sizes
        self.sizes = {**known, **dict(zip(letters, shape, strict=True))}
        found = self.read(Operand(name, letters))
        self.sizes = known
        return found

    def shown(self, name: str, subscripts: tuple[Affine, ...], wanted: Letters) -> Expression:
        """A tensor that is no window, at subscripts."""
        base = self.pending.get(name) or Expression(self.names.get(name, ""))
        axes = self.axes.get(name, range(len(subscripts)))
        shape = self.plan.tensors[name].shape
        self.note(name, subscripts)
        if name in self.lists:
            base = Expression(self.row(name, subscripts))
            axes = [axis for axis in axes if axis != self.lists[name]]
        found = self.at(base, [subscripts[n] for n in axes], [shape[n] for n in axes], wanted)
        if name in self.copies and name not in self.lists:
            return self.dialect.copied(found)
        return found

    def at(
        self,
        base: Expression,
        places: Sequence[Affine],
        shape: Sequence[int],
        wanted: Letters,
        *,
        written: bool = False,
    ) -> Expression:
        """An array at some places, its axes those of the letters that are wanted.

        Args:
            base: The array.
            places: One for each of its axes.
            shape: Its sizes.
            wanted: The letters.
            written: Whether cells are written there, through a view that numpy lets one write.
        """
        dialect, here, sizes = self.dialect, self.here, self.sizes
        held = {letter for place in places for _, letter in place.terms}
        if not written and not held.issuperset(wanted):
            # A group whose inner letter has no positions: none of its outer ones moves anything.
            inner = tuple([letter for letter in wanted if letter in held])
            seen = self.lined_up(self.at(base, places, shape, inner), inner, wanted)
            return Expression(dialect.broadcast(seen.text, [self.size(i) for i in wanted]))
        slices = sliced(places, shape, sizes, here, downwards=dialect.downwards)
        if slices is not None:
            result = quoted(base, CALL, lambda x: f"{x}[{slices.index}]" if slices.index else x)
            result = quoted(result, CALL, lambda x: dialect.turned(x, slices.turned))
            return transposed(dialect, result, slices.letters, wanted)
        letters = split(places, shape, sizes, here)
        if letters is not None:
            rows = ", ".join(str(self.size(i)) for i in letters)
            result = quoted(base, CALL, lambda x: f"{x}.reshape({rows})")
            return transposed(dialect, result, letters, wanted)
        windows = windowed(
            places, shape, sizes, here, downwards=dialect.downwards, weights=self.plan.weights
        )
        if windows is not None and not written:
            index = windows.slices.index
            result = quoted(base, CALL, lambda x: f"{x}[{index}]" if index else x)
            result = quoted(result, CALL, lambda x: dialect.windows(x, windows.axes))
            return transposed(dialect, result, windows.order(last=dialect.windows_last), wanted)
        if dialect.name == "numpy":
            self.helpers["window"] = window
            return Expression(strided(places, wanted, sizes, here).format(base.text))
        parts = ", ".join(self.place(place, wanted) for place in places)
        return quoted(base, CALL, lambda x: f"{x}[{parts}]")

    def place(self, place: Affine, target: Letters) -> str:
        """A subscript as integers lined up with a target."""
        terms = []
        for factor, letter in place.terms:
            base = Expression(self.here.get(letter) or self.dialect.positions(self.size(letter)))
            if letter not in self.here:
                base = self.lined_up(base, (letter,), target)
            terms.append((factor, base.text))
        return sum_text(terms, place.constant)

    def row(self, name: str, subscripts: Sequence[Affine]) -> str:
        """The row of a list that subscripts name."""
        place = subscripts[self.lists[name]]
        terms = [(factor, self.here[letter]) for factor, letter in place.terms]
        return f"{self.names[name]}[{sum_text(terms, place.constant)}]"

    def note(self, name: str, subscripts: Sequence[Affine], *, written: bool = False) -> None:
        """Remember a use of a tensor, and the axes along which it was of one row.

        What is written has to be the whole row.
        """
        if name in self.local or name in self.pending or not self.dialect.keeps_rows:
            return
        here = {n for n, s in enumerate(subscripts) if all(i in self.here for _, i in s.terms)}
        if written and (len(here) != 1 or not self._is_row(name, subscripts, *here)):
            here = set()
        self.uses.append(Use(self.number, name, frozenset(here), written))

    def _is_row(self, name: str, subscripts: Sequence[Affine], axis: int) -> bool:
        """Whether subscripts name all of a tensor that is at one position of an axis."""
        shape, letters = self.plan.tensors[name].shape, set[str]()
        for n, subscript in enumerate(subscripts):
            if n == axis:
                continue
            match subscript:
                case Affine(((1, letter),), 0) if self.size(letter) == shape[n]:
                    letters.add(letter)
        return len(letters) == len(shape) - 1

    def lined_up(self, base: Expression, letters: Letters, target: Letters) -> Expression:
        """An array with some axes, lined up with those of a target by letter."""
        view = view_of(letters, broadcast_axes(letters, target), self.sizes)
        return quoted(base, CALL, lambda text: self.dialect.seen(view, text))

    def aligned(self, source: Source, target: Letters, *, counting: bool = False) -> Expression:
        """An operand lined up with the axes of a target by letter.

        Args:
            source: The operand.
            target: The letters of the axes.
            counting: Whether positions may stay integers.
        """
        match source:
            case Literal(value):
                return number(value, self.dialect.prefix)
            case Position(index) if index in self.here:
                return Expression(self.here[index])
            case Position(index):
                text = self.dialect.positions(self.size(index), numbers=not counting)
                return self.lined_up(Expression(text), (index,), target)
            case Operand(_, indices):
                return self.lined_up(self.read(source), self.free(indices), target)

    def is_number(self, source: Source) -> bool:
        """Whether it is a number of Python's, not of the library's."""
        length = isinstance(source, Operand) and source.tensor in self.lengths
        loop = isinstance(source, Position) and source.index in self.here
        return length or loop or isinstance(source, Literal)

    def full(self, indices: Letters, value: str) -> Expression:
        """An array of one value."""
        return Expression(self.dialect.full([self.size(i) for i in indices], value))

    def filled(self, source: Source, target: Letters) -> Expression:
        """An operand with all the axes of a target."""
        given = self.aligned(source, target)
        if self.is_number(source):
            return self.full(target, given.text)
        if isinstance(source, Operand) and len(self.free(source.indices)) < len(target):
            return Expression(self.dialect.broadcast(given.text, [self.size(i) for i in target]))
        return given

    # What is written.

    def written(
        self, target: Operand, function: str, give: Callable[[Letters, bool], Expression]
    ) -> list[str]:
        """The lines that contribute to the cells of a target.

        Args:
            target: The cells.
            function: ``copy``, ``add``, ``maximum`` or ``minimum``.
            give: What is contributed, lined up with axes in some order; with all of them, if asked.
        """
        (name, subscripts), wanted = self.located(target), self.free(target.indices)
        self.note(name, subscripts, written=True)
        shape, variable = self.plan.tensors[name].shape, self.names[name]
        dialect = self.dialect
        if name in self.lists:
            row = self.row(name, subscripts)
            own = tuple([i for place in subscripts for _, i in place.terms if i in wanted])
            return [f"{row} = {dialect.folded(function, row, give(own, True).text)}"]
        slices = sliced(subscripts, shape, self.sizes, self.here, downwards=dialect.downwards)
        if slices is not None and not any(slices.turned):
            value = give(slices.letters, False).text
            return [dialect.assigned(variable, slices.index, function, value)]
        if dialect.name == "numpy":
            cells = self.at(Expression(variable), subscripts, shape, wanted, written=True)
            return [dialect.into(cells.text, function, give(wanted, False).text)]
        letters = split(subscripts, shape, self.sizes, self.here)
        if letters is not None:
            extent = ", ".join(map(str, shape))
            whole = quoted(give(letters, True), CALL, lambda x: f"{x}.reshape({extent})")
            return [f"{variable} = {dialect.folded(function, variable, whole.text)}"]
        parts = [self.place(place, wanted) for place in subscripts]
        index = tuple_text(parts) if len(parts) > 1 else parts[0]
        return [
            f"cells = {index}",
            dialect.assigned(variable, "cells", function, give(wanted, False).text),
        ]

    def covers(self, step: Step) -> bool:
        """Whether what is written through a window is a tensor whole, by another shape."""
        if not isinstance(step.operation, Window) or self.dialect.name == "numpy":
            return False
        (source,) = step.tensors
        shape, places = self.plan.tensors[source.tensor].shape, step.operation.subscripts
        plain = sliced(places, shape, self.sizes, {}) is not None
        return not plain and split(places, shape, self.sizes, {}) is not None

    def empty(self, name: str) -> str:
        """The line that makes memory for a tensor."""
        tensor = self.plan.tensors[name]
        return f"{self.names[name]} = {self.dialect.empty(tensor.shape, tensor.dtype)}"

    # Where the author stands.

    def enter(self, step: Step, number: int) -> None:
        """Stand where a step stands."""
        self.number = number
        counters = [self.counters[loop] for loop in self.enclosing[number]]
        self.here = dict(zip(step.fixed, counters, strict=True))

    def head(self, number: int) -> str:
        """The line that begins a loop."""
        loop = self.plan.loops[number]
        positions = f"range({loop.size})"
        positions = f"reversed({positions})" if loop.descending else positions
        return f"for {self.counters[number]} in {positions}:"

    def condition(self, step: Step, number: int) -> str:
        """What must hold of the loops' positions for letters that have fewer."""
        loops = [self.plan.loops[n] for n in self.enclosing[number]]
        return " and ".join(
            f"{self.here[letter]} < {self.size(letter)}"
            for letter, loop in zip(step.fixed, loops, strict=True)
            if self.size(letter) < loop.size
        )
