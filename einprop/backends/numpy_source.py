"""A flat program as a numpy function that a person could have written, for pasting elsewhere."""

from __future__ import annotations

import ast
import builtins
import dis
import inspect
import keyword
import re
import textwrap
import unicodedata
from itertools import count
from types import CodeType
from typing import TYPE_CHECKING, Any

import numpy as np

from einprop.backends.numpy_contractions import Expression, contraction, quoted, transposed
from einprop.backends.numpy_functions import (
    CALL,
    COMPARISON,
    FUNCTIONS,
    POWER,
    PRODUCT,
    SUM,
    ArrayFunction,
    Function,
)
from einprop.backends.numpy_views import broadcast_axes, subscripts, tuple_text, view_of
from einprop.errors import UnsupportedError
from einprop.execution.schedule import schedule
from einprop.execution.steps import (
    Contraction,
    Copy,
    Diagonal,
    Elementwise,
    Embed,
    Letters,
    Literal,
    Operand,
    Position,
    Reduction,
    Schedule,
    Source,
    Step,
    elements,
    index_size,
)
from einprop.notation.functions import OWN_PREFIX, SINGLE_INDEX
from einprop.notation.printer import to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from einprop.notation.tree import Equation

__all__ = ["python_names", "source"]

_WIDTH = 100
_EMPTY = {"max": "-np.inf", "min": "np.inf", "sum": "0.0", "prod": "1.0"}
_EMPTY |= dict.fromkeys(SINGLE_INDEX, "np.nan")


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
        axes: The letters at the axes of tensors that are put together by contributions.

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
    plan = schedule(equations, sizes, {**inputs, **scalars}, outputs, dtype, as_written=True)
    return _Author(plan, name, known).text()


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


class _Author:
    """The function while it is being written."""

    def __init__(self, plan: Schedule, name: str, lengths: Mapping[str, tuple[str, int]]) -> None:
        self.plan = plan
        self.lengths = lengths
        self.sizes = plan.sizes
        self.name = name
        self.helpers: dict[str, ArrayFunction] = {}
        for step in plan.steps:
            if isinstance(step.operation, Elementwise):
                self.bring(FUNCTIONS[step.operation.function])
        tensors = [tensor for tensor in plan.tensors if "#" not in tensor]
        self.names = python_names(tensors, ("np", name, *self.helpers))
        self.pending: dict[str, Expression] = {}

    def bring(self, function: Function) -> None:
        if function.helper is not None:
            self.helpers[function.source.partition("(")[0]] = function.helper

    # Expressions.

    def read(self, operand: Operand) -> Expression:
        return self.pending.get(operand.tensor) or Expression(self.names.get(operand.tensor, ""))

    def aligned(self, source: Source, target: Letters) -> Expression:
        match source:
            case Literal(value):
                text = repr(int(value)) if value.is_integer() and abs(value) < 1e6 else repr(value)
                text = text if value - value == 0 else f"np.{text}".replace("np.-", "-np.")
                return Expression(text, PRODUCT if text.startswith("-") else CALL)
            case Position(index):
                base = Expression(f"np.arange({index_size(self.sizes, index)})")
                indices: Letters = (index,)
            case Operand(_, indices):
                base = self.read(source)
        view = view_of(indices, broadcast_axes(indices, target), self.sizes)
        return quoted(base, CALL, view.text)

    def is_number(self, source: Source) -> bool:
        """Whether it is a number of Python's, not of numpy's."""
        length = isinstance(source, Operand) and source.tensor in self.lengths
        return length or isinstance(source, Literal)

    def elementwise(self, step: Step, operation: Elementwise) -> Expression:
        function = FUNCTIONS[operation.function]
        operands = [self.aligned(operand, step.target.indices) for operand in step.operands]
        first = 1 if operation.function == "where" else 0
        if all(map(self.is_number, step.operands[first:])):
            operands[first] = Expression(f"np.{self.plan.dtype}({operands[first].text})")
        texts = []
        for position, operand in enumerate(operands):
            chains = position == 0 and function.source.startswith("{0}")
            left = chains and function.binding in (SUM, PRODUCT)
            need = 0 if function.binding == CALL else function.binding + (not left)
            texts.append(operand.text if operand.binding >= need else f"({operand.text})")
        written = function.source.format(*texts)
        if function.binding == POWER and all(re.fullmatch(r"[\w.]+", text) for text in texts):
            written = written.replace(" ** ", "**")
        result = Expression(written, function.binding)
        is_comparison = operation.function in _COMPARISONS
        if is_comparison and self.plan.tensors[step.target.tensor].dtype != "bool":
            return Expression(f"({result.text}).astype(np.{self.plan.dtype})")
        return result

    def reduction(self, step: Step, reduction: Reduction) -> Expression:
        (operand,) = step.operands
        if not isinstance(operand, Operand):
            raise TypeError("a reduction has one tensor")
        if elements(self.sizes, reduction.indices) == 0:
            return self.full(step.target.indices, _EMPTY[reduction.function])
        axes = [n for n, letter in enumerate(operand.indices) if letter in reduction.indices]
        kept = tuple([letter for letter in operand.indices if letter not in reduction.indices])
        axis = f"axis={axes[0] if len(axes) == 1 else tuple_text(axes)}" if kept else ""
        cast = f".astype(np.{self.plan.dtype})" if reduction.function in SINGLE_INDEX else ""
        text = f"{reduction.function}({axis}){cast}"
        call = quoted(self.read(operand), CALL, lambda x: f"{x}.{text}")
        return transposed(call, kept, step.target.indices)

    def full(self, indices: Letters, value: str) -> Expression:
        shape = tuple_text([index_size(self.sizes, i) for i in indices])
        return Expression(f"np.full({shape}, {value}, dtype=np.{self.plan.dtype})")

    def copy(self, step: Step, _: Copy) -> Expression:
        (source,) = step.operands
        target = step.target.indices
        value = self.aligned(source, target)
        if self.is_number(source):
            return self.full(target, value.text)
        if isinstance(source, Operand) and len(source.indices) < len(target):
            shape = tuple_text([index_size(self.sizes, i) for i in target])
            value = Expression(f"np.broadcast_to({value.text}, {shape})")
        if step.target.tensor in self.plan.outputs:
            return quoted(value, CALL, lambda x: f"{x}.copy()")
        return value

    def diagonal(self, step: Step, _: Diagonal) -> Expression:
        (source,) = step.operands
        if not isinstance(source, Operand):
            raise TypeError("a diagonal is read from a tensor")
        text = subscripts(source.indices, step.target.indices)
        value = f'np.einsum("{text}", {self.read(source).text})'
        output = step.target.tensor in self.plan.outputs
        return Expression(f"{value}.copy()" if output else value)

    def contraction(self, step: Step, groups: Contraction) -> Expression:
        left, right = step.operands
        if not isinstance(left, Operand) or not isinstance(right, Operand):
            raise TypeError("a contraction has two tensors")
        sides = ((self.read(left), left.indices), (self.read(right), right.indices))
        return contraction(groups, *sides, step.target.indices, self.sizes)

    # Statements.

    def statements(self, step: Step) -> list[str]:
        """The lines of a step: none while its value is only part of a larger expression."""
        name = self.names.get(step.target.tensor, "")
        if isinstance(step.operation, Embed):
            letters = step.target.indices
            shape = tuple_text([index_size(self.sizes, letter) for letter in letters])
            free = tuple(dict.fromkeys(letters))
            value = self.aligned(step.operands[0], free)
            return [
                f"{name} = np.zeros({shape}, dtype=np.{self.plan.dtype})",
                f'np.einsum("{subscripts(letters, free)}", {name})[...] = {value.text}',
            ]
        expression = _EXPRESSIONS[type(step.operation)](self, step, step.operation)
        if not name:
            self.pending[step.target.tensor] = expression
            return []
        return [f"{name} = {expression.text}"]

    def body(self) -> list[str]:
        lines: list[str] = []
        equation = None
        for step in self.plan.steps:
            if step.equation is not equation:
                equation = step.equation
                lines.append(f"# {' '.join(to_text(equation).split())}")
            lines += self.statements(step)
        return [*self.measured(lines), *lines, *self.returned()]

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
        helpers = [_written_out(name, helper) for name, helper in self.helpers.items()]
        return "\n\n\n".join(["import numpy as np", *helpers, function]) + "\n"


def _written_out(name: str, function: ArrayFunction) -> str:
    """The text of a helper function."""
    function = getattr(function, "__wrapped__", function)
    own_name = getattr(function, "__name__", "")
    if getattr(np, own_name, None) is function:
        return f"{name} = np.{own_name}"
    _refuse_names_from_outside(name, function)
    try:
        text = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        text = ""
    if not text.startswith("def "):
        raise UnsupportedError(
            f"the text of the function behind {name.removeprefix(OWN_PREFIX)} is not at hand",
            (),
            "register a function that is defined by def in a file",
        )
    text = _without_annotations(text.replace(": Array", "").replace(" -> Array", ""))
    documented = re.sub(r'"""(.*?)\n.*?"""', r'"""\1"""', text, count=1, flags=re.DOTALL)
    return re.sub(r"^def \w+", f"def {name}", documented).rstrip()


def _refuse_names_from_outside(name: str, function: ArrayFunction) -> None:
    """A user's function is all in its text if it reads nothing but its arguments and numpy."""
    if not name.startswith(OWN_PREFIX) or not inspect.isfunction(function):
        return
    outside = set(function.__code__.co_freevars)
    for outer in _globals(function.__code__):
        found = function.__globals__.get(outer)
        if not hasattr(builtins, outer) and (outer, found) != ("np", np):
            outside.add(outer)
    if outside:
        raise UnsupportedError(
            f"the function behind {name.removeprefix(OWN_PREFIX)} uses "
            f"{', '.join(sorted(outside))}, which its text lacks",
            (),
            "write or import inside the function what it needs besides np",
        )


def _globals(code: CodeType) -> Iterator[str]:
    """The global names that code reads, also in the functions inside it."""
    for instruction in dis.get_instructions(code):
        if instruction.opname == "LOAD_GLOBAL":
            yield str(instruction.argval)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _globals(inner)


def _without_annotations(text: str) -> str:
    """The text of a function, without types whose names it does not bring along."""
    tree = ast.parse(text)
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.arg)]
    head = tree.body[0]
    if not isinstance(head, ast.FunctionDef) or not (
        head.returns or any(n.annotation for n in nodes)
    ):
        return text
    head.returns = None
    for node in nodes:
        node.annotation = None
    return ast.unparse(tree)


_COMPARISONS = frozenset(name for name, row in FUNCTIONS.items() if row.binding == COMPARISON)

_EXPRESSIONS: dict[type, Callable[[_Author, Step, Any], Expression]] = {
    Contraction: _Author.contraction,
    Copy: _Author.copy,
    Diagonal: _Author.diagonal,
    Elementwise: _Author.elementwise,
    Reduction: _Author.reduction,
}
"""How each kind of step reads as an expression."""
