"""A flat program as a numpy function that a person could have written, for pasting elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from einprop.backends.numpy_author import Author, python_names
from einprop.backends.numpy_expressions import EXPRESSIONS, index_parts
from einprop.backends.numpy_functions import FUNCTIONS, ArrayFunction
from einprop.backends.numpy_helpers import written_out
from einprop.backends.numpy_phrases import composed, positions, sums_before, window
from einprop.backends.numpy_views import tuple_text
from einprop.execution.schedule import schedule
from einprop.execution.steps import (
    Accumulate,
    Cumulation,
    Elementwise,
    Gather,
    Operand,
    Scatter,
    Schedule,
    Step,
    Window,
)
from einprop.notation.printer import to_text
from einprop.notation.tree import Affine, Equation

__all__ = ["python_names", "source"]

_WIDTH = 100


def source(
    equations: Sequence[Equation],
    sizes: Mapping[str, int],
    inputs: Mapping[str, tuple[int, ...]],
    outputs: Sequence[str],
    dtype: str = "float64",
    name: str = "run",
    lengths: Mapping[str, tuple[str, int]] | None = None,
    axes: Mapping[str, tuple[str, ...]] | None = None,
) -> str:
    """Standalone numpy code of a flat program.

    Args:
        equations: One operation each, every tensor defined once.
        sizes: Size of each index; they are written out where numpy has to be told.
        inputs: Shape of each input, in the order of the arguments.
        outputs: The tensors wanted: one is returned as an array, several as a dict by name.
        dtype: Number type of inputs and outputs.
        name: What the function is called.
        lengths: Scalars that no equation defines, each the length of an axis of an input: by name,
            the input and the axis.
        axes: The letters at the axes of the tensors that are put together by ``+=`` and the like.

    >>> from einprop.notation.tree import Access, Call, Equation, Index, Multiply
    >>> b, i, j = Index("b"), Index("i"), Index("j")
    >>> product = Multiply((Access("x", (b, i)), Access("W", (i, j))))
    >>> affine = Equation(Access("y", (b, j)), "=", Call("sum", (product,), ("i",)))
    >>> print(source([affine], {"b": 1, "i": 2, "j": 1}, {"x": (1, 2), "W": (2, 1)}, ["y"]))
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def run(x, W):
        # y[b,j] = sum[i](x[b,i] W[i,j])
        y = x @ W
        return y
    <BLANKLINE>
    """
    known = {name: axis for name, axis in (lengths or {}).items() if axis[0] in inputs}
    scalars = dict.fromkeys(known, ())
    plan = schedule(
        equations, sizes, {**inputs, **scalars}, outputs, dtype, axes=axes, as_written=True
    )
    return _Code(plan, name, known).text()


class _Code:
    """The function while it is being written."""

    def __init__(self, plan: Schedule, name: str, lengths: Mapping[str, tuple[str, int]]) -> None:
        self.plan = plan
        self.name = name
        self.lengths = lengths
        helpers = _function_helpers(plan)
        self.author = Author(plan, (name, *helpers, *_helper_names(plan)), lengths)
        self.author.helpers |= helpers
        self.names = self.author.names
        self.made: set[str] = set(plan.inputs)
        self.assembled = {
            step.equation.target.name
            for step in plan.steps
            if isinstance(step.operation, Accumulate | Scatter)
        }

    def body(self) -> list[str]:
        """The lines of the function."""
        lines: list[str] = []
        equation, open_loops = None, tuple[int, ...]()
        for number, step in enumerate(self.plan.steps):
            loops = self.author.enclosing[number]
            if loops[:1] != open_loops[:1] and loops:
                lines += self.memory(range(*_span(self.plan, loops[0])))
            elif not loops:
                lines += self.memory(range(number, number + 1))
            for depth, loop in enumerate(loops):
                if loops[: depth + 1] != open_loops[: depth + 1]:
                    lines.append("    " * depth + self.author.head(loop))
                    equation = None
            open_loops = loops
            self.author.enter(step, number)
            written = self.statements(step)
            if step.equation is not equation:
                equation = step.equation
                lines += _nested([f"# {' '.join(to_text(equation).split())}"], len(loops), "")
            lines += _nested(written, len(loops), self.author.condition(step, number))
        return [*self.measured(lines), *lines, *self.returned()]

    def memory(self, numbers: range) -> list[str]:
        """The lines that make memory for what these steps write piece by piece."""
        found = []
        for step in self.plan.steps[numbers.start : numbers.stop]:
            name = step.target.tensor
            if isinstance(step.operation, Window):
                source = next(o.tensor for o in step.operands if isinstance(o, Operand))
                pieces = source not in self.made and source not in self.author.windows
                name = source if pieces else name
                pieces = pieces and source in self.assembled
            else:
                pieces = bool(step.fixed) and name not in self.author.local and name in self.names
            if pieces and name not in self.made:
                found.append(self.author.empty(name))
                self.made.add(name)
        return found

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
            cells = author.read(step.target).text
            cells = cells if cells.endswith("]") else f"{cells}[...]"
            return [f"{cells} = {expression.text}"]
        self.made.add(name)
        return [f"{self.names[name]} = {expression.text}"]

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
        cells = author.read(step.target).text
        given = author.aligned(value, author.free(step.target.indices)).text
        lines = [_contribution(operation.function, cells, given)]
        for letter in reversed(operation.loops):
            head = f"for {author.variables[letter]} in range({author.size(letter)}):"
            lines = [head, *_nested(lines, 1, "")]
        author.here = {i: name for i, name in author.here.items() if i not in loops}
        return lines

    def scattered(self, step: Step, operation: Scatter) -> list[str]:
        """A contribution to cells at positions that tensors hold."""
        author, value = self.author, step.operands[0]
        letters: dict[str, None] = {}
        for place in operation.subscripts:
            held = place.indices if isinstance(place, Operand) else [i for _, i in place.terms]
            letters |= dict.fromkeys(author.free(tuple(held)))
        parts, found = index_parts(author, step.target.tensor, operation.subscripts, tuple(letters))
        places = ["slice(None)" if part == ":" else part for part in parts]
        index = f"({', '.join(places)})" if len(places) > 1 else places[0]
        given = author.aligned(value, found).text
        if isinstance(value, Operand) and len(author.free(value.indices)) < len(found):
            # numpy's quick loop for one axis forgets to broadcast.
            shape = tuple_text([author.size(letter) for letter in found])
            given = f"np.broadcast_to({given}, {shape})"
        array = author.whole(step.target.tensor).text
        return [f"np.{operation.function}.at({array}, {index}, {given})"]

    def measured(self, lines: Sequence[str]) -> list[str]:
        """The lengths that the lines use, taken from the arguments."""
        text = "\n".join(line for line in lines if not line.startswith("#"))
        return [
            f"{self.names[name]} = {self.names[tensor]}.shape[{axis}]"
            for name, (tensor, axis) in self.lengths.items()
            if re.search(rf"\b{re.escape(self.names[name])}\b", text)
        ]

    def returned(self) -> list[str]:
        """The return statement; an input that is wanted back is copied."""
        inputs = self.plan.inputs
        values = {
            name: f"{self.names[name]}.copy()" if name in inputs else self.names[name]
            for name in self.plan.outputs
        }
        if len(values) == 1:
            return [f"return {next(iter(values.values()))}"]
        pairs = [f'"{name}": {value}' for name, value in values.items()]
        line = f"return {{{', '.join(pairs)}}}"
        if len(line) + 4 <= _WIDTH:
            return [line]
        return ["return {", *(f"    {pair}," for pair in pairs), "}"]

    def text(self) -> str:
        body = self.body()
        arguments = [self.names[name] for name in self.plan.inputs if name not in self.lengths]
        header = f"def {self.name}({', '.join(arguments)}):"
        if len(header) > _WIDTH:
            header = "\n".join([f"def {self.name}(", *(f"    {a}," for a in arguments), "):"])
        function = "\n".join([header, *(f"    {line}" for line in body)])
        helpers = [written_out(name, helper) for name, helper in self.author.helpers.items()]
        return "\n\n\n".join(["import numpy as np", *helpers, function]) + "\n"


def _function_helpers(plan: Schedule) -> dict[str, ArrayFunction]:
    """The functions of a cell that numpy lacks, by name."""
    rows = [
        FUNCTIONS[step.operation.function]
        for step in plan.steps
        if isinstance(step.operation, Elementwise)
    ]
    return {row.source.partition("(")[0]: row.helper for row in rows if row.helper is not None}


def _helper_names(plan: Schedule) -> list[str]:
    """The names of the other functions that the code may bring along."""
    kinds = {Window: window, Gather: positions, Scatter: positions, Cumulation: sums_before}
    needed = {type(step.operation) for step in plan.steps}
    return [helper.__name__ for kind, helper in kinds.items() if kind in needed]


def _contribution(function: str, cells: str, value: str) -> str:
    """The statement that contributes to cells."""
    cells = cells if cells.endswith("]") else f"{cells}[...]"
    match function:
        case "copy":
            return f"{cells} = {value}"
        case "add":
            return f"{cells} += {value}"
        case _:
            return f"{cells} = np.{function}({cells}, {value})"


def _nested(lines: Sequence[str], depth: int, condition: str) -> list[str]:
    """Lines at some depth, under a condition if there is one."""
    if condition and lines:
        lines = [f"if {condition}:", *(f"    {line}" for line in lines)]
    return ["    " * depth + line for line in lines]


def _span(plan: Schedule, loop: int) -> tuple[int, int]:
    return plan.loops[loop].start, plan.loops[loop].stop
