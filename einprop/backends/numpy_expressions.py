"""Each kind of step as an expression that a person could have written."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from einprop.backends.numpy_author import Author
from einprop.backends.numpy_contractions import Expression, contraction, quoted, transposed
from einprop.backends.numpy_functions import (
    CALL,
    COMPARISON,
    FUNCTIONS,
    POWER,
    PRODUCT,
    SUM,
)
from einprop.backends.numpy_phrases import positions, sums_before
from einprop.backends.numpy_views import broadcast_axes, tuple_text, view_of
from einprop.execution.steps import (
    Contraction,
    Copy,
    Cumulation,
    Elementwise,
    Gather,
    Letters,
    Operand,
    Reduction,
    Source,
    Step,
    elements,
    index_size,
)
from einprop.notation.tree import Affine

__all__ = ["EXPRESSIONS", "index_parts"]

_EMPTY = {
    "max": "-np.inf",
    "min": "np.inf",
    "sum": "0.0",
    "prod": "1.0",
    "argmax": "np.nan",
    "argmin": "np.nan",
}
_COMPARISONS = frozenset(name for name, row in FUNCTIONS.items() if row.binding == COMPARISON)


def _elementwise(author: Author, step: Step, operation: Elementwise) -> Expression:
    function = FUNCTIONS[operation.function]
    operands = [
        author.aligned(operand, author.free(step.target.indices)) for operand in step.operands
    ]
    first = 1 if operation.function == "where" else 0
    if all(map(author.is_number, step.operands[first:])):
        operands[first] = Expression(f"np.{author.plan.dtype}({operands[first].text})")
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
    if is_comparison and author.plan.tensors[step.target.tensor].dtype != "bool":
        return Expression(f"({result.text}).astype(np.{author.plan.dtype})")
    return result


def _reduction(author: Author, step: Step, reduction: Reduction) -> Expression:
    (operand,) = step.operands
    if not isinstance(operand, Operand):
        raise TypeError("a reduction has one tensor")
    if elements(author.sizes, reduction.indices) == 0:
        return author.full(author.free(step.target.indices), _EMPTY[reduction.function])
    letters = author.free(operand.indices)
    axes = [n for n, letter in enumerate(letters) if letter in reduction.indices]
    kept = tuple([letter for letter in letters if letter not in reduction.indices])
    axis = f"axis={axes[0] if len(axes) == 1 else tuple_text(axes)}" if kept else ""
    call = quoted(author.read(operand), CALL, lambda x: f"{x}.{reduction.function}({axis})")
    if reduction.function in ("argmax", "argmin"):
        call = Expression(f"{call.text}.astype(np.{author.plan.dtype})")
    return transposed(call, kept, author.free(step.target.indices))


def _copy(author: Author, step: Step, _: Copy) -> Expression:
    (source,) = step.operands
    target = author.free(step.target.indices)
    value = author.aligned(source, target)
    if author.is_number(source):
        return author.full(target, value.text)
    if author.plan.tensors[step.target.tensor].dtype != _dtype(author, source):
        value = Expression(
            quoted(value, CALL, lambda x: f"{x}.astype(np.{author.plan.dtype})").text
        )
    if isinstance(source, Operand) and len(author.free(source.indices)) < len(target):
        shape = tuple_text([index_size(author.sizes, i) for i in target])
        value = Expression(f"np.broadcast_to({value.text}, {shape})")
    if step.target.tensor in author.plan.outputs:
        return quoted(value, CALL, lambda x: f"{x}.copy()")
    return value


def _contraction(author: Author, step: Step, groups: Contraction) -> Expression:
    left, right = step.operands
    if not isinstance(left, Operand) or not isinstance(right, Operand):
        raise TypeError("a contraction has two tensors")
    one, other = [(author.read(side), author.free(side.indices)) for side in (left, right)]
    return contraction(groups, one, other, author.free(step.target.indices), author.sizes)


def _dtype(author: Author, source: Source) -> str:
    """The dtype of an operand; a comparison is a number wherever it is copied."""
    if not isinstance(source, Operand):
        return author.plan.dtype
    return author.plan.tensors[source.tensor].dtype


def _cumulation(author: Author, step: Step, operation: Cumulation) -> Expression:
    (operand,) = step.operands
    if not isinstance(operand, Operand):
        raise TypeError("sums run along a tensor")
    letters = author.free(operand.indices)
    axis = letters.index(operation.source)
    value = author.read(operand)
    if operation.descending:
        value = Expression(f"np.flip({value.text}, {axis})")
    if operation.exclusive:
        author.helpers["sums_before"] = sums_before
        value = Expression(f"sums_before({value.text}, {axis})")
    else:
        value = quoted(value, CALL, lambda x: f"{x}.cumsum(axis={axis})")
    if operation.descending:
        value = Expression(f"np.flip({value.text}, {axis})")
    found = tuple([operation.target if i == operation.source else i for i in letters])
    return transposed(value, found, author.free(step.target.indices))


def _gather(author: Author, step: Step, operation: Gather) -> Expression:
    source = step.operands[0]
    if not isinstance(source, Operand):
        raise TypeError("cells are gathered from a tensor")
    target = author.free(step.target.indices)
    parts, found = index_parts(author, source.tensor, operation.subscripts, target)
    array = author.whole(source.tensor)
    value = quoted(array, CALL, lambda x: f"{x}[{', '.join(parts)}]")
    return transposed(value, found, target)


def index_parts(
    author: Author, tensor: str, subscripts: Sequence[Affine | Operand], target: Letters
) -> tuple[list[str], Letters]:
    """The subscripts between numpy's brackets, and the letters of the axes that they give."""
    shape = author.plan.tensors[tensor].shape
    looked = [n for n, place in enumerate(subscripts) if isinstance(place, Operand)]
    held = author.free(tuple([i for n in looked for i in subscripts[n].indices]))  # type: ignore[union-attr]
    plain = [_plain(author, place, size) for place, size in zip(subscripts, shape, strict=True)]
    others = [letter for letter in plain if letter is not None]
    if len(looked) == 1 and len({*others}) == len(shape) - 1 and not {*others} & {*held}:
        parts = [
            ":" if isinstance(place, Affine) else _places(author, place, size, held)
            for place, size in zip(subscripts, shape, strict=True)
        ]
        found = [held if n in looked else (i,) for n, i in enumerate(plain) if n in looked or i]
        while parts[-1] == ":":
            parts.pop()
        return parts, tuple([i for group in found for i in group if i])
    parts = [
        _places(author, place, size, target) for place, size in zip(subscripts, shape, strict=True)
    ]
    return parts, target


def _plain(author: Author, place: Affine | Operand, size: int) -> str | None:
    """The letter of a subscript that is a whole axis."""
    match place:
        case Affine(((1, letter),), 0) if letter not in author.here:
            return letter if author.size(letter) == size else None
    return None


def _places(author: Author, place: Affine | Operand, size: int, target: Letters) -> str:
    """A subscript as integers lined up with a target."""
    if isinstance(place, Operand):
        author.helpers["positions"] = positions
        checked = Expression(f"positions({author.read(place).text}, {size})")
        letters = author.free(place.indices)
        return quoted(
            checked, CALL, view_of(letters, broadcast_axes(letters, target), author.sizes).text
        ).text
    terms = []
    for factor, letter in place.terms:
        base = Expression(author.here.get(letter) or f"np.arange({author.size(letter)})")
        if letter not in author.here:
            axes = broadcast_axes((letter,), target)
            base = quoted(base, CALL, view_of((letter,), axes, author.sizes).text)
        terms.append(base.text if factor == 1 else f"{factor} * {base.text}")
    if place.constant or not terms:
        terms.append(str(place.constant))
    return " + ".join(terms)


EXPRESSIONS: dict[type, Callable[[Author, Step, Any], Expression]] = {
    Contraction: _contraction,
    Copy: _copy,
    Cumulation: _cumulation,
    Elementwise: _elementwise,
    Gather: _gather,
    Reduction: _reduction,
}
"""How each kind of step reads."""
