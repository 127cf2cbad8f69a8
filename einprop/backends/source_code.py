"""The function of standalone code while it is being written: its lines, loops, memory and docstring."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from einprop.backends.numpy_functions import CALL, ArrayFunction
from einprop.backends.source_author import Author
from einprop.backends.source_checks import CHECK, Size, check_call, check_helper
from einprop.backends.source_contractions import transposed
from einprop.backends.source_dialect import Dialect, Expression, Like
from einprop.backends.source_docstring import docstring
from einprop.backends.source_expressions import EXPRESSIONS, index_parts
from einprop.backends.source_format import comment, fitted
from einprop.backends.source_helpers import written_out
from einprop.backends.source_names import loop_variables, tensor_names, without_marks
from einprop.backends.source_phrases import composed
from einprop.backends.source_rows import Rows
from einprop.execution.steps import (
    Accumulate,
    Copy,
    Elementwise,
    Letters,
    Operand,
    Scatter,
    Schedule,
    Step,
    Window,
)
from einprop.notation.printer import to_text
from einprop.notation.tree import Affine

__all__ = ["Code", "Line"]

# What code may call or import, which no tensor is called.
_TAKEN = {
    "numpy": ("np", CHECK, "sliding_window_view", "window", "positions", "sums_before"),
    "torch": ("torch", CHECK, "F", "sums_before", "fold_at", "cells"),
    "jax": ("jax", "jnp", CHECK, "sums_before", "windows", "cells"),
}


class Line(NamedTuple):
    """A statement or a comment before it is fitted into lines, and how deep it stands."""

    depth: int
    text: str
    comment: bool = False

    def fitted(self) -> list[str]:
        """As formatters leave it."""
        return (comment if self.comment else fitted)(self.text, self.depth)


class Code:
    """A schedule as a function, and what it brings along.

    Args:
        plan: The schedule.
        name: What the function is called.
        lengths: Scalars that are lengths of axes of inputs: by name, the input and the axis.
        kind: The library.
        labels: Inputs and outputs with the letters of their axes.
        rows: The tensors that loops keep as lists of rows.
        counts: The inputs that are given as integers.
        checked: The sizes of the inputs' axes, where the code checks them.

    Attributes:
        lines: The function's body behind its head.
    """

    def __init__(
        self,
        plan: Schedule,
        name: str,
        lengths: Mapping[str, tuple[str, int]],
        kind: type[Dialect],
        labels: Mapping[str, str],
        rows: Sequence[Rows] = (),
        counts: Collection[str] = (),
        checked: Mapping[str, Sequence[Size]] | None = None,
    ) -> None:
        self.plan = plan
        self.name = name
        self.lengths = lengths
        self.labels = labels
        self.rows = rows
        self.checked = checked or {}
        self.counts = frozenset({*counts, *plan.integers}).intersection(plan.inputs)
        taken = (name, *_helpers(plan, kind(plan.dtype)), *_TAKEN[kind.name])
        self.names = tensor_names(plan, taken)
        self.marked = without_marks(plan)
        variables = loop_variables(plan, (*taken, *self.names.values()))
        self.dialect = kind(plan.dtype, _like(plan, self.names, lengths, self.counts))
        self.author = Author(plan, self.names, variables, lengths, self.dialect)
        self.made: set[str] = set(plan.inputs)
        self.assembled = {
            step.equation.target.name
            for step in plan.steps
            if isinstance(step.operation, Accumulate | Scatter)
        }
        self.lines = self.body()

    # The function.

    def text(self, lines: Sequence[Line], head: Sequence[Line] = ()) -> str:
        """The whole module.

        Args:
            lines: Those of the function's body.
            head: What stands before them.
        """
        body = [text for line in (*head, *lines) for text in line.fitted()]
        arguments = [self.names[name] for name in self.plan.inputs if name not in self.lengths]
        header = fitted(f"def {self.name}({', '.join(arguments)}):", 0)
        about = docstring(self.plan, self.names, self.labels) if self.labels else []
        function = "\n".join([*header, *about, *body])
        helpers = [
            helper if isinstance(helper, str) else written_out(name, helper)
            for name, helper in self.author.helpers.items()
        ]
        for name, helper in self.dialect.helpers.items():
            if re.search(rf"\b{name}\(", function):
                helpers.append(helper)
        parts = [*helpers, function]
        imports = "\n".join(self.dialect.imports("\n".join(parts)))
        return "\n\n\n".join([imports, *parts]) + "\n"

    def body(self) -> list[Line]:
        """The lines of the function but its head."""
        lines: list[Line] = []
        equation, open_loops = None, tuple[int, ...]()
        for number, step in enumerate(self.plan.steps):
            loops = self.author.enclosing[number]
            if loops[:1] != open_loops[:1]:
                lines += self.left(open_loops[:1])
                lines += self.entered(loops[:1])
            if not loops:
                lines += self.memory(range(number, number + 1))
            for depth, loop in enumerate(loops):
                if loops[: depth + 1] != open_loops[: depth + 1]:
                    lines.append(Line(depth + 1, self.author.head(loop)))
                    equation = None
            open_loops = loops
            self.author.enter(step, number)
            written = self.statements(step)
            condition = self.author.condition(step, number)
            if step.equation is not equation and not self.begins(number):
                equation = step.equation
                lines.append(Line(len(loops) + 1, self.explained(step), comment=True))
            if condition and written:
                written = [f"if {condition}:", *(f"    {line}" for line in written)]
            for line in written:
                plain = line.lstrip()
                lines.append(Line(len(loops) + 1 + (len(line) - len(plain)) // 4, plain))
        lines += self.left(open_loops[:1])
        return [*lines, Line(1, self.returned())]

    def explained(self, step: Step) -> str:
        """The equation of a step on one line, as a reader writes it."""
        text = " ".join(to_text(step.equation).split())
        for name, plain in self.marked.items():
            text = re.sub(rf"(?<![\w.]){re.escape(name)}(?![\w.'])", plain, text)
        # A subscript that names a window on another tensor says so by a zero.
        return re.sub(r"(?<=\w)\+0(?=[,\]])", "", text)

    def begins(self, number: int) -> bool:
        """Whether a step only begins a tensor that is put together later, where its equation is told."""
        step, following = self.plan.steps[number], self.plan.steps[number + 1 :][:1]
        if not isinstance(step.operation, Copy) or step.equation.operator == "=":
            return False
        return all(other.equation is not step.equation for other in following)

    def entered(self, loops: Sequence[int]) -> list[Line]:
        """What stands before an outermost loop, or before a step behind one."""
        if not loops:
            return []
        loop = self.plan.loops[loops[0]]
        span = range(loop.start, loop.stop)
        lines = self.memory(span)
        for rows in self.rows:
            if rows.loop == loops[0] and rows.name not in self.author.lists:
                variable = self.names[rows.name]
                made = self.dialect.rows(variable, rows.axis)
                lines.append(Line(1, f"{variable} = {made}"))
                self.author.lists[rows.name] = rows.axis
        if self.dialect.writes and self.dialect.keeps_rows:
            written = {
                self.author.windows.get(step.target.tensor, (step.target.tensor,))[0]
                for step in self.plan.steps[span.start : span.stop]
            }
            self.author.copies = frozenset(written - self.author.local)
        return lines

    def left(self, loops: Sequence[int]) -> list[Line]:
        """What stands behind an outermost loop: lists become arrays again."""
        if not loops:
            return []
        self.author.copies = frozenset()
        lines = []
        for rows in self.rows:
            if rows.loop == loops[0] and not rows.after:
                variable = self.names[rows.name]
                axis = self.author.lists.pop(rows.name)
                lines.append(Line(1, f"{variable} = {self.dialect.stacked(variable, axis)}"))
        return lines

    def memory(self, numbers: range) -> list[Line]:
        """The lines that make memory for what these steps write piece by piece."""
        found: list[Line] = []
        for step in self.plan.steps[numbers.start : numbers.stop]:
            name = step.target.tensor
            if isinstance(step.operation, Window):
                source = next(o.tensor for o in step.operands if isinstance(o, Operand))
                pieces = source not in self.made and source not in self.author.windows
                name = source if pieces else name
                pieces = pieces and source in self.assembled
            else:
                pieces = bool(step.fixed) and name not in self.author.local and name in self.names
            if pieces and not step.fixed and self.author.covers(step):
                self.made.add(name)
            elif pieces and name not in self.made:
                found.append(Line(1, self.empty(name)))
                self.made.add(name)
        return found

    def empty(self, name: str) -> str:
        """The line that makes memory for a tensor, or a list for its rows."""
        rows = next((rows for rows in self.rows if rows.name == name), None)
        if rows is None or not rows.before:
            return self.author.empty(name)
        self.author.lists[name] = rows.axis
        return f"{self.names[name]} = [None] * {self.plan.tensors[name].shape[rows.axis]}"

    # Its statements.

    def statements(self, step: Step) -> list[str]:
        """The lines of a step: none while its value is only part of a larger expression."""
        match step.operation:
            case Window(subscripts):
                return self.window(step, subscripts)
            case Accumulate():
                return self.accumulated(step, step.operation)
            case Scatter():
                return self.scattered(step, step.operation)
        author, name = self.author, step.target.tensor
        expression = EXPRESSIONS[type(step.operation)](author, step, step.operation)
        if name in author.local or not self.names.get(name):
            letters = step.target.indices
            author.axes[name] = [n for n, i in enumerate(letters) if i not in author.here]
        if not self.names.get(name):
            author.pending[name] = expression
            return []
        if step.fixed and name not in author.local:
            own = author.free(step.target.indices)

            def give(letters: Letters, whole: bool) -> Expression:
                del whole
                return transposed(self.dialect, expression, own, letters)

            return author.written(step.target, "copy", give)
        self.made.add(name)
        return [f"{self.names[name]} = {self.begun(name, expression)}"]

    def begun(self, name: str, expression: Expression) -> str:
        """What a variable begins with: a list, if its tensor is to be one from its beginning."""
        rows = next((rows for rows in self.rows if rows.name == name), None)
        if rows is None or not rows.before or expression.binding != CALL:
            return expression.text
        self.author.lists[name] = rows.axis
        return self.dialect.rows(expression.text, rows.axis)

    def window(self, step: Step, subscripts: Sequence[Affine]) -> list[str]:
        """A variable for a window, or none where it is written out at each place."""
        author, name = self.author, step.target.tensor
        (source,) = step.operands
        assert isinstance(source, Operand)
        known = author.windows.get(source.tensor)
        places, tensor = tuple(subscripts), source.tensor
        if known is not None:
            tensor, inner, letters = known
            places = composed(inner, dict(zip(letters, subscripts, strict=True)))
        author.windows[name] = (tensor, places, step.target.indices)
        if step.fixed or "#" in name:
            return []
        text = author.read(step.target).text
        del author.windows[name]
        self.made.add(name)
        return [f"{self.names[name]} = {text}"]

    def accumulated(self, step: Step, operation: Accumulate) -> list[str]:
        """A contribution to cells that slices can name, in loops where it names some twice."""
        author, (value,) = self.author, step.operands
        loops = {letter: author.variables[letter] for letter in operation.loops}
        author.here |= loops

        def give(letters: Letters, whole: bool) -> Expression:
            if whole and operation.function == "copy":
                return author.filled(value, letters)
            if author.is_number(value) and not self.dialect.takes_numbers:
                return Expression(self.dialect.scalar(author.aligned(value, letters).text))
            return author.aligned(value, letters)

        lines = author.written(step.target, operation.function, give)
        for letter in reversed(operation.loops):
            head = f"for {author.variables[letter]} in range({author.size(letter)}):"
            lines = [head, *(f"    {line}" for line in lines)]
        author.here = {i: name for i, name in author.here.items() if i not in loops}
        return lines

    def scattered(self, step: Step, operation: Scatter) -> list[str]:
        """A contribution to cells at positions that tensors hold."""
        author, value, name = self.author, step.operands[0], step.target.tensor
        letters: dict[str, None] = {}
        for place in operation.subscripts:
            held = place.indices if isinstance(place, Operand) else [i for _, i in place.terms]
            letters |= dict.fromkeys(author.free(tuple(held)))
        parts, found = index_parts(
            author, name, operation.subscripts, tuple(letters), function=operation.function
        )
        author.note(name, [Affine(((1, f"#{n}"),)) for n in range(len(parts))], written=True)
        given = author.aligned(value, found)
        if isinstance(value, Operand) and len(author.free(value.indices)) < len(found):
            # numpy's quick loop for one axis forgets to broadcast.
            given = author.filled(value, found)
        elif author.is_number(value) and not self.dialect.takes_numbers:
            given = Expression(self.dialect.scalar(given.text))
        return [self.dialect.scattered(self.names[name], parts, operation.function, given.text)]

    # Around it.

    def head(self, lines: Sequence[Line]) -> list[Line]:
        """The checks of the arguments, and the lengths that the lines use, taken from them."""
        text = "\n".join(line.text for line in lines if not line.comment)
        lengths = [
            Line(1, f"{self.names[name]} = {self.names[tensor]}.shape[{axis}]")
            for name, (tensor, axis) in self.lengths.items()
            if re.search(rf"\b{re.escape(self.names[name])}\b", text)
        ]
        return [*self.checks(), *self.counted(), *lengths]

    def checks(self) -> list[Line]:
        """The check of the arguments' sizes."""
        inputs = [name for name in self.plan.inputs if name in self.checked]
        if not inputs:
            return []
        self.author.helpers[CHECK] = check_helper(self.dialect)
        return [Line(1, check_call({self.names[n]: self.checked[n] for n in inputs}))]

    def counted(self) -> list[Line]:
        """Integers that are computed with become numbers; numpy's do so by themselves."""
        if self.dialect.checks_positions:
            return []
        inputs = [name for name in self.plan.inputs if name in self.counts]
        variables = [self.names[name] for name in inputs if name not in self.plan.integers]
        return [Line(1, f"{x} = {self.dialect.as_number(Expression(x)).text}") for x in variables]

    def returned(self) -> str:
        """The return statement; an input that is wanted back is copied."""
        inputs = self.plan.inputs
        values = {
            name: self.dialect.copied(Expression(self.names[name])).text
            if name in inputs
            else self.names[name]
            for name in self.plan.outputs
        }
        if len(values) == 1:
            return f"return {next(iter(values.values()))}"
        pairs = [f'"{name}": {value}' for name, value in values.items()]
        return f"return {{{', '.join(pairs)}}}"


def _like(
    plan: Schedule,
    names: Mapping[str, str],
    lengths: Mapping[str, tuple[str, int]],
    counts: Collection[str],
) -> Like | None:
    """The input that new arrays are like: one of numbers with axes, if there is one."""
    inputs = [name for name in plan.inputs if name not in lengths]
    if not inputs:
        return None
    best = max(inputs, key=lambda name: (name not in counts, bool(plan.tensors[name].shape)))
    return Like(names[best], counts=best in counts)


def _helpers(plan: Schedule, dialect: Dialect) -> dict[str, ArrayFunction | str]:
    """The functions of a cell that the library lacks, by name."""
    functions = [s.operation.function for s in plan.steps if isinstance(s.operation, Elementwise)]
    words = [dialect.word(name) for name in functions]
    return {w.source.partition("(")[0]: w.helper for w in words if w.helper is not None}
