"""What numpy, PyTorch and JAX call the same thing: the words of the code that programs are written as."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from einprop.backends.numpy_functions import CALL, FUNCTIONS, PRODUCT, ArrayFunction
from einprop.backends.numpy_views import View, permuted, tuple_text
from einprop.errors import UnsupportedError
from einprop.notation.functions import OWN_PREFIX

__all__ = ["Dialect", "Expression", "Like", "Word", "number", "quoted"]

# Functions of numpy that PyTorch and JAX have under the same name.
_SHARED = frozenset(
    [
        *(
            "exp",
            "log",
            "log1p",
            "expm1",
            "sqrt",
            "sin",
            "cos",
            "tan",
            "tanh",
            "sign",
            "floor",
            "abs",
        ),
        *("maximum", "minimum", "where", "logaddexp", "sinh", "cosh"),
        *("arctan", "arcsin", "arccos", "arctan2"),
        *("arcsinh", "arccosh", "arctanh", "log2", "log10", "exp2", "ceil", "trunc", "hypot"),
    ]
)


@dataclass(frozen=True, slots=True)
class Expression:
    """Python text and how tightly it binds."""

    text: str
    binding: int = CALL


def quoted(expression: Expression, need: int, wrap: Callable[[str], str]) -> Expression:
    """``wrap`` around the text, in brackets where it binds too loosely.

    >>> quoted(Expression("a + b", 2), CALL, lambda x: f"{x}.T").text
    '(a + b).T'
    """
    if wrap(expression.text) == expression.text:
        return expression
    loose = expression.binding < need
    return Expression(wrap(f"({expression.text})" if loose else expression.text))


@dataclass(frozen=True, slots=True)
class Like:
    """The argument whose dtype and device new arrays get, and whether it holds positions."""

    name: str
    counts: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """A function of a cell as a library has it.

    Attributes:
        source: The expression, with ``{0}``, ``{1}``, … for the operands.
        binding: How tightly it binds.
        helper: The function to bring along under the name that the expression calls, or its text.
        numbered: The expression where the second operand is a number of Python's; the first must
            be an array.
    """

    source: str
    binding: int = CALL
    helper: ArrayFunction | str | None = None
    numbered: str | None = None


class Dialect:
    """How a library's code is written; here in numpy's words, which the others mostly share.

    Attributes:
        name: Of the backend.
        prefix: What the library is called in the code.
        axis: The keyword that names an axis.
        writes: Whether cells of an array can be written.
        keeps_rows: Whether a loop keeps what it makes as a list of rows until its end.
        downwards: Whether a slice may run downwards.
        takes_numbers: Whether its functions take numbers of Python's too.
        einsums: Whether einsum is as quick as a product of matrices.
        windows_last: Whether the windows that it makes are the last axes, not those behind their own.
        checks_positions: Whether code looks at positions before it looks something up there.
        words: The functions of a cell that are called otherwise.
        helpers: The texts of the functions that are brought along where the code calls them, by name.
    """

    name = "numpy"
    prefix = "np"
    axis = "axis"
    writes = True
    keeps_rows = False
    downwards = True
    takes_numbers = True
    einsums = False
    windows_last = True
    checks_positions = True
    words: Mapping[str, Word] = {}
    helpers: Mapping[str, str] = {}

    def __init__(self, dtype: str, like: Like | None = None) -> None:
        self.dtype = dtype
        self.like = like

    def imports(self, text: str) -> list[str]:
        """The lines that import what a text names."""
        lines = ["import numpy as np"]
        if "sliding_window_view(" in text:
            lines.append("from numpy.lib.stride_tricks import sliding_window_view")
        return lines

    def word(self, name: str) -> Word:
        """A function of a cell.

        Raises:
            UnsupportedError: It is the user's, and what is behind it is numpy's.
        """
        if name in self.words:
            return self.words[name]
        row = FUNCTIONS[name]
        called = row.source.partition("(")[0]
        shared = called.removeprefix("np.") in _SHARED or row.binding != CALL
        if self.prefix != "np" and not shared:
            own = name.removeprefix(OWN_PREFIX)
            raise UnsupportedError(
                f"the function behind {own} is written for numpy, not for {self.name}",
                (),
                f'source("numpy") brings it along; a definition, as in def {own}(x) = …, is '
                "written for every backend",
            )
        source = row.source.replace("np.", f"{self.prefix}.", 1)
        return Word(source, row.binding, row.helper)

    # Arrays of one value, and numbers.

    @property
    def number_type(self) -> str:
        """The type of numbers."""
        return f"np.{self.dtype}"

    def full(self, shape: Sequence[object], value: str) -> str:
        """A new array of one value."""
        if value == "0":
            return f"np.zeros({tuple_text(shape)}, dtype={self.number_type})"
        return f"np.full({tuple_text(shape)}, {value}, dtype={self.number_type})"

    def empty(self, shape: Sequence[object], dtype: str) -> str:
        """A new array whose cells are to be written."""
        return f"np.empty({tuple_text(shape)}, dtype=np.{dtype})"

    def scalar(self, text: str) -> str:
        """A number of Python's as one of the library's."""
        return f"{self.number_type}({text})"

    def as_number(self, expression: Expression) -> Expression:
        """Integers or truth values as numbers."""
        return quoted(expression, CALL, lambda x: f"{x}.astype({self.number_type})")

    def positions(self, size: int, *, numbers: bool = False) -> str:
        """0, 1, 2, …: to look something up, or as numbers to compute with."""
        del numbers
        return f"np.arange({size})"

    def shape_of(self, text: str) -> str:
        """The shape of an argument, which may be a number."""
        return f"{self.prefix}.shape({text})"

    # Axes.

    def seen(self, view: View, text: str) -> str:
        """An array under other axes."""
        text = self.permuted(text, view.permutation)
        if view.shape is not None:
            return f"{text}.reshape({', '.join(map(str, view.shape))})"
        if any(view.inserted):
            return f"{text}[{', '.join('None' if new else ':' for new in view.inserted)}]"
        return text

    def permuted(self, text: str, permutation: tuple[int, ...]) -> str:
        """An array with its axes permuted."""
        return permuted(text, permutation)

    def turned(self, text: str, turned: Sequence[bool]) -> str:
        """An array with some axes the other way round."""
        if not any(turned):
            return text
        return f"{text}[{', '.join('::-1' if backwards else ':' for backwards in turned)}]"

    def flipped(self, text: str, axis: int) -> str:
        """An array with one axis the other way round."""
        return f"{self.prefix}.flip({text}, {axis})"

    def broadcast(self, text: str, shape: Sequence[object]) -> str:
        """An array repeated along the axes that it lacks."""
        return f"{self.prefix}.broadcast_to({text}, {tuple_text(shape)})"

    def copied(self, expression: Expression) -> Expression:
        """An array of its own."""
        return quoted(expression, CALL, lambda x: f"{x}.copy()")

    def windows(self, text: str, axes: Sequence[tuple[int, int, int, int]]) -> str:
        """Windows along axes.

        Args:
            text: The array, bound tightly.
            axes: Number of each axis, how many windows it has, their size, and their step.
        """
        sizes, places = [size for _, _, size, _ in axes], [axis for axis, *_ in axes]
        shown = [tuple_text(x) if len(axes) > 1 else str(x[0]) for x in (sizes, places)]
        text = f"sliding_window_view({text}, {shown[0]}, axis={shown[1]})"
        steps = {axis: step for axis, _, _, step in axes if step > 1}
        if not steps:
            return text
        parts = [f"::{steps[n]}" if n in steps else ":" for n in range(max(steps) + 1)]
        return f"{text}[{', '.join(parts)}]"

    # What is folded.

    def reduced(self, function: str, text: str, axes: Sequence[int] | None) -> str:
        """A sum, product, extremum or the position of one, over some axes or all."""
        shown = ""
        if axes is not None:
            shown = f"{self.axis}={axes[0] if len(axes) == 1 else tuple_text(axes)}"
        return f"{text}.{function}({shown})"

    def cumulated(self, text: str, axis: int) -> str:
        """Sums of all cells up to each."""
        return f"{text}.cumsum({self.axis}={axis})"

    # Cells.

    def place(self, text: str, size: int, *, whole: bool) -> str:
        """A tensor of positions as integers.

        Args:
            text: The tensor.
            size: Of the axis that they are positions of.
            whole: Whether it is an argument that holds integers.
        """
        del whole
        return f"positions({text}, {size})"

    def keeps_whole(self, looked: Sequence[int], function: str) -> bool:
        """Whether whole axes may stand beside positions where cells are written.

        Args:
            looked: The axes at whose positions values are folded in.
            function: ``add``, ``maximum`` or ``minimum``.
        """
        del looked, function
        return True

    def one_place(self, text: str) -> str:
        """One position among arrays of positions where cells are written."""
        return text

    def assigned(self, array: str, index: str, function: str, value: str) -> str:
        """The statement that contributes to cells that differ from each other.

        Args:
            array: The variable.
            index: What stands in the brackets; empty for the whole array.
            function: ``copy``, ``add``, ``maximum`` or ``minimum``.
            value: What is contributed.
        """
        return self.into(f"{array}[{index or '...'}]", function, value)

    def into(self, cells: str, function: str, value: str) -> str:
        """The same, given the cells as what can be written."""
        cells = cells if cells.endswith("]") else f"{cells}[...]"
        if function == "add":
            return f"{cells} += {value}"
        return f"{cells} = {self.folded(function, cells, value)}"

    def folded(self, function: str, old: str, value: str) -> str:
        """What a contribution makes of what was there."""
        match function:
            case "copy":
                return value
            case "add":
                return f"{old} + {value}"
            case _:
                return f"{self.prefix}.{function}({old}, {value})"

    def scattered(self, array: str, index: Sequence[str], function: str, value: str) -> str:
        """The statement that contributes to cells at positions, some perhaps named twice."""
        places = ["slice(None)" if part == ":" else part for part in index]
        shown = f"({', '.join(places)})" if len(places) > 1 else places[0]
        return f"np.{function}.at({array}, {shown}, {value})"

    # Rows, for libraries whose loops keep lists.

    def rows(self, text: str, axis: int) -> str:
        """An array as a list along an axis."""
        raise NotImplementedError

    def stacked(self, text: str, axis: int) -> str:
        """A list as an array again."""
        raise NotImplementedError


def number(value: float, prefix: str = "np") -> Expression:
    """A number as it is written.

    >>> number(2.0).text, number(-0.5).text, number(float("inf")).text
    ('2', '-0.5', 'np.inf')
    """
    text = repr(int(value)) if value.is_integer() and abs(value) < 1e6 else repr(value)
    text = text if value - value == 0 else f"{prefix}.{text}".replace(f"{prefix}.-", f"-{prefix}.")
    return Expression(text, PRODUCT if text.startswith("-") else CALL)
