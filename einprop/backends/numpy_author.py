"""A schedule as a person writes it: what each step reads as, with names, slices and brackets."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable, Mapping
from itertools import count

from einprop.backends.numpy_contractions import Expression, quoted
from einprop.backends.numpy_functions import CALL, PRODUCT, ArrayFunction
from einprop.backends.numpy_phrases import composed, window_text
from einprop.backends.numpy_views import broadcast_axes, tuple_text, view_of
from einprop.execution.loops import around, transient
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

__all__ = ["Author", "python_names"]


def python_names(tensors: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """A Python variable for each tensor.

    >>> python_names(["x.grad", "x_grad", "lambda"], ["np"])
    {'x.grad': 'x_grad', 'x_grad': 'x_grad_2', 'lambda': 'lambda_'}
    """
    used = set(taken)
    names = {}
    for tensor in tensors:
        plain = re.sub(r"\W", "_", unicodedata.normalize("NFKC", tensor))
        plain = plain if plain.isidentifier() else f"t_{plain}"
        plain = f"{plain}_" if keyword.iskeyword(plain) else plain
        numbered = (plain if n == 1 else f"{plain}_{n}" for n in count(1))
        names[tensor] = next(candidate for candidate in numbered if candidate not in used)
        used.add(names[tensor])
    return names


class Author:
    """What is known while the code is being written.

    Attributes:
        here: The letters that are Python variables here: those of the loops around.
        pending: Values without a name, as expressions.
        windows: Windows that are written out where they are read: the tensor, the subscripts, and the
            letters of the window.
        axes: The axes that a value without those of its loops still has.
        local: The tensors that are there for one position of the loops around them.
    """

    def __init__(
        self, plan: Schedule, taken: Iterable[str], lengths: Mapping[str, tuple[str, int]]
    ) -> None:
        self.plan = plan
        self.sizes = plan.sizes
        self.lengths = lengths
        self.helpers: dict[str, ArrayFunction] = {}
        self.here: dict[str, str] = {}
        self.pending: dict[str, Expression] = {}
        self.windows: dict[str, tuple[str, tuple[Affine, ...], Letters]] = {}
        self.axes: dict[str, list[int]] = {}
        self.enclosing = around(plan.loops, len(plan.steps))
        made = dict(zip([s.target.tensor for s in plan.steps], self.enclosing, strict=True))
        brief = transient(plan.steps, self.enclosing, plan.outputs)
        assembled = {s.target.tensor for s in plan.steps if not s.target.indices}
        self.local = {
            name
            for name, loops in made.items()
            if loops and brief.get(name) == frozenset(loops) and name not in assembled
        }
        windows = {s.target.tensor for s in plan.steps if isinstance(s.operation, Window)}
        travelling = {
            operand.tensor
            for step, loops in zip(plan.steps, self.enclosing, strict=True)
            for operand in step.operands
            if isinstance(operand, Operand) and made.get(operand.tensor) != loops
        }
        # A part of an equation's value needs a name where other loops than its own read it.
        named = [n for n in plan.tensors if "#" not in n or n in travelling - windows]
        self.names = python_names(named, (*taken, "np"))
        firsts = [
            plan.steps[loop.start].fixed[self.enclosing[loop.start].index(number)]
            for number, loop in enumerate(plan.loops)
        ]
        others = {i for s in plan.steps for i in getattr(s.operation, "loops", ())}
        self.variables = python_names(
            dict.fromkeys([*firsts, *sorted(others)]), (*taken, "np", *self.names.values())
        )
        self.counters = [self.variables[letter] for letter in firsts]

    # What is read.

    def size(self, letter: str) -> int:
        """How many positions a letter has."""
        return index_size(self.sizes, letter)

    def free(self, letters: Letters) -> Letters:
        """The letters that are axes here."""
        return tuple([letter for letter in letters if letter not in self.here])

    def plain(self, letters: Letters) -> tuple[Affine, ...]:
        """Letters as the subscripts that they are."""
        return tuple([Affine(((1, letter),)) for letter in letters])

    def read(self, operand: Operand) -> Expression:
        """A tensor at its subscripts; its axes are the letters that are free here, in their order."""
        name, subscripts = operand.tensor, self.plain(operand.indices)
        wanted = self.free(operand.indices)
        if name in self.windows:
            name, inner, letters = self.windows[name]
            subscripts = composed(inner, dict(zip(letters, subscripts, strict=True)))
        return self.shown(name, subscripts, wanted)

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
        text, helper = window_text(
            [subscripts[axis] for axis in axes],
            [shape[axis] for axis in axes],
            wanted,
            self.sizes,
            self.here,
        )
        if helper is not None:
            self.helpers[helper.__name__] = helper
            return Expression(text.format(base.text))
        return quoted(base, CALL, text.format)

    def aligned(self, source: Source, target: Letters) -> Expression:
        """An operand lined up with the axes of a target by letter."""
        match source:
            case Literal(value):
                return number(value)
            case Position(index) if index in self.here:
                return Expression(self.here[index])
            case Position(index):
                base = Expression(f"np.arange({self.size(index)})")
                indices: Letters = (index,)
            case Operand(_, indices):
                base = self.read(source)
                indices = self.free(indices)
        view = view_of(indices, broadcast_axes(indices, target), self.sizes)
        return quoted(base, CALL, view.text)

    def is_number(self, source: Source) -> bool:
        """Whether it is a number of Python's, not of numpy's."""
        length = isinstance(source, Operand) and source.tensor in self.lengths
        loop = isinstance(source, Position) and source.index in self.here
        return length or loop or isinstance(source, Literal)

    def full(self, indices: Letters, value: str) -> Expression:
        """An array of one value."""
        shape = tuple_text([self.size(i) for i in indices])
        if value == "0":
            return Expression(f"np.zeros({shape}, dtype=np.{self.plan.dtype})")
        return Expression(f"np.full({shape}, {value}, dtype=np.{self.plan.dtype})")

    def empty(self, name: str) -> str:
        """The line that makes memory for a tensor."""
        tensor = self.plan.tensors[name]
        shape = tuple_text(list(tensor.shape))
        return f"{self.names[name]} = np.empty({shape}, dtype=np.{tensor.dtype})"

    def enter(self, step: Step, number: int) -> None:
        """Stand where a step stands."""
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


def number(value: float) -> Expression:
    """A number as it is written.

    >>> number(2.0).text, number(-0.5).text, number(float("inf")).text
    ('2', '-0.5', 'np.inf')
    """
    text = repr(int(value)) if value.is_integer() and abs(value) < 1e6 else repr(value)
    text = text if value - value == 0 else f"np.{text}".replace("np.-", "-np.")
    return Expression(text, PRODUCT if text.startswith("-") else CALL)
