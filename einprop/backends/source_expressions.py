"""Each kind of step as an expression that a person could have written."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from einprop.backends.numpy_functions import CALL, COMPARISON, FUNCTIONS, POWER, PRODUCT, SUM
from einprop.backends.source_author import Author
from einprop.backends.source_contractions import contraction, transposed
from einprop.backends.source_dialect import Expression, Word, quoted
from einprop.backends.source_phrases import positions, sums_before
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
)
from einprop.notation.tree import Affine

__all__ = ["EXPRESSIONS", "index_parts"]

_EMPTY = {
    "max": "-inf",
    "min": "inf",
    "sum": "0.0",
    "prod": "1.0",
    "argmax": "nan",
    "argmin": "nan",
}
_COMPARISONS = frozenset(name for name, row in FUNCTIONS.items() if row.binding == COMPARISON)


def _elementwise(author: Author, step: Step, operation: Elementwise) -> Expression:
    name, dialect = operation.function, author.dialect
    word = dialect.word(name)
    is_comparison = name in _COMPARISONS
    target = author.free(step.target.indices)
    operands = [author.aligned(o, target, counting=is_comparison) for o in step.operands]
    numbers = [author.is_number(operand) for operand in step.operands]
    if name == "where" and not dialect.takes_numbers:
        operands[0] = _truth(author, step.operands[0], operands[0])
    first = 1 if name == "where" else 0
    if all(numbers[first:]):
        operands[first] = Expression(dialect.scalar(operands[first].text))
        numbers[first] = False
    if not dialect.takes_numbers and word.binding == CALL and name != "where":
        word, operands = _with_numbers(author, word, operands, numbers)
    if word.helper is not None and "{" in word.source:
        author.helpers[word.source.partition("(")[0]] = word.helper
    result = _spelled(word, operands)
    if is_comparison and author.plan.tensors[step.target.tensor].dtype != "bool":
        return dialect.as_number(result)
    return result


def _spelled(word: Word, operands: Sequence[Expression]) -> Expression:
    """A function of operands, in brackets where they bind too loosely."""
    texts = []
    for position, operand in enumerate(operands):
        chains = position == 0 and word.source.startswith("{0}")
        left = chains and word.binding in (SUM, PRODUCT)
        need = 0 if word.binding == CALL else word.binding + (not left)
        need = CALL if f"{{{position}}}." in word.source else need
        texts.append(operand.text if operand.binding >= need else f"({operand.text})")
    written = word.source.format(*texts)
    if word.binding == POWER and all(re.fullmatch(r"[\w.]+", text) for text in texts):
        written = written.replace(" ** ", "**")
    return Expression(written, word.binding)


def _with_numbers(
    author: Author, word: Word, operands: list[Expression], numbers: list[bool]
) -> tuple[Word, list[Expression]]:
    """The word and operands where the library's functions take arrays alone."""
    if numbers == [False, True] and word.numbered:
        return Word(word.numbered), operands
    if numbers == [True, False] and word.numbered and ".clamp(" in word.numbered:
        return Word(word.numbered), operands[::-1]
    wrapped = [
        Expression(author.dialect.scalar(operand.text)) if is_number else operand
        for operand, is_number in zip(operands, numbers, strict=True)
    ]
    return word, wrapped


def _truth(author: Author, source: Source, value: Expression) -> Expression:
    """A condition as truth values."""
    if isinstance(source, Operand) and author.plan.tensors[source.tensor].dtype == "bool":
        return value
    if author.is_number(source):
        value = Expression(author.dialect.scalar(value.text))
    return Expression(f"{value.text} != 0", COMPARISON)


def _reduction(author: Author, step: Step, reduction: Reduction) -> Expression:
    (operand,) = step.operands
    if not isinstance(operand, Operand):
        raise TypeError("a reduction has one tensor")
    target = author.free(step.target.indices)
    if elements(author.sizes, reduction.indices) == 0:
        empty = _EMPTY[reduction.function]
        prefix = f"{author.dialect.prefix}."
        return author.full(target, re.sub(r"(?=[in])", prefix, empty, count=1))
    letters = author.free(operand.indices)
    axes = [n for n, letter in enumerate(letters) if letter in reduction.indices]
    kept = tuple([letter for letter in letters if letter not in reduction.indices])
    call = quoted(
        author.read(operand),
        CALL,
        lambda x: author.dialect.reduced(reduction.function, x, axes if kept else None),
    )
    if reduction.function in ("argmax", "argmin"):
        call = author.dialect.as_number(call)
    return transposed(author.dialect, call, kept, target)


def _copy(author: Author, step: Step, _: Copy) -> Expression:
    (source,) = step.operands
    target = author.free(step.target.indices)
    if author.is_number(source):
        return author.filled(source, target)
    value = author.aligned(source, target)
    if author.plan.tensors[step.target.tensor].dtype != _dtype(author, source):
        value = author.dialect.as_number(value)
    if isinstance(source, Operand) and len(author.free(source.indices)) < len(target):
        shape = [author.size(i) for i in target]
        value = Expression(author.dialect.broadcast(value.text, shape))
    if step.target.tensor in author.plan.outputs:
        return author.dialect.copied(value)
    return value


def _contraction(author: Author, step: Step, groups: Contraction) -> Expression:
    left, right = step.operands
    if not isinstance(left, Operand) or not isinstance(right, Operand):
        raise TypeError("a contraction has two tensors")
    one, other = [(author.read(side), author.free(side.indices)) for side in (left, right)]
    target = author.free(step.target.indices)
    return contraction(author.dialect, groups, one, other, target, author.sizes)


def _dtype(author: Author, source: Source) -> str:
    """The dtype of an operand; a comparison is a number wherever it is copied."""
    if not isinstance(source, Operand):
        return author.plan.dtype
    return author.plan.tensors[source.tensor].dtype


def _cumulation(author: Author, step: Step, operation: Cumulation) -> Expression:
    (operand,), dialect = step.operands, author.dialect
    if not isinstance(operand, Operand):
        raise TypeError("sums run along a tensor")
    letters = author.free(operand.indices)
    axis = letters.index(operation.source)
    value = author.read(operand)
    if operation.descending:
        value = quoted(value, CALL, lambda x: dialect.flipped(x, axis))
    if operation.exclusive:
        if dialect.name == "numpy":
            author.helpers["sums_before"] = sums_before
        value = Expression(f"sums_before({value.text}, {axis})")
    else:
        value = quoted(value, CALL, lambda x: dialect.cumulated(x, axis))
    if operation.descending:
        value = Expression(dialect.flipped(value.text, axis))
    found = tuple([operation.target if i == operation.source else i for i in letters])
    return transposed(dialect, value, found, author.free(step.target.indices))


def _gather(author: Author, step: Step, operation: Gather) -> Expression:
    source = step.operands[0]
    if not isinstance(source, Operand):
        raise TypeError("cells are gathered from a tensor")
    target = author.free(step.target.indices)
    parts, found = index_parts(author, source.tensor, operation.subscripts, target)
    array = author.whole(source.tensor)
    value = quoted(array, CALL, lambda x: f"{x}[{', '.join(parts)}]")
    return transposed(author.dialect, value, found, target)


def index_parts(
    author: Author,
    tensor: str,
    subscripts: Sequence[Affine | Operand],
    target: Letters,
    *,
    function: str | None = None,
) -> tuple[list[str], Letters]:
    """The subscripts between brackets, and the letters of the axes that they give.

    Args:
        author: Who writes.
        tensor: The tensor that is looked into.
        subscripts: Where.
        target: The letters of the axes wanted.
        function: What folds values into these cells, if they are written.
    """
    dialect = author.dialect
    shape = author.plan.tensors[tensor].shape
    looked = [n for n, place in enumerate(subscripts) if isinstance(place, Operand)]
    held = author.free(tuple([i for n in looked for i in subscripts[n].indices]))  # type: ignore[union-attr]
    plain = [_plain(author, place, size) for place, size in zip(subscripts, shape, strict=True)]
    others = [letter for letter in plain if letter is not None]
    whole = function is None or dialect.keeps_whole(looked, function)
    plainly = len(looked) == 1 and len({*others}) == len(shape) - 1 and not {*others} & {*held}
    if plainly and whole:
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
    if function is not None:
        free = [
            isinstance(p, Operand) or author.free(tuple([i for _, i in p.terms]))
            for p in subscripts
        ]
        parts = [p if axes else dialect.one_place(p) for p, axes in zip(parts, free, strict=True)]
    return parts, target


def _plain(author: Author, place: Affine | Operand, size: int) -> str | None:
    """The letter of a subscript that is a whole axis."""
    match place:
        case Affine(((1, letter),), 0) if letter not in author.here:
            return letter if author.size(letter) == size else None
    return None


def _places(author: Author, place: Affine | Operand, size: int, target: Letters) -> str:
    """A subscript as integers lined up with a target."""
    if isinstance(place, Affine):
        return author.place(place, target)
    dialect = author.dialect
    whole = author.plan.tensors[place.tensor].dtype == "int64"
    if dialect.checks_positions:
        author.helpers["positions"] = positions
    found = quoted(author.read(place), CALL, lambda x: dialect.place(x, size, whole=whole))
    return author.lined_up(found, author.free(place.indices), target).text


EXPRESSIONS: dict[type, Callable[[Author, Step, Any], Expression]] = {
    Contraction: _contraction,
    Copy: _copy,
    Cumulation: _cumulation,
    Elementwise: _elementwise,
    Gather: _gather,
    Reduction: _reduction,
}
"""How each kind of step reads."""
