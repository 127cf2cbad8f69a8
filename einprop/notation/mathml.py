"""Trees into MathML, which browsers typeset without any help; the same formulae as the LaTeX."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

from einprop.notation.printer import fold, size_text
from einprop.notation.tree import (
    Access,
    Add,
    Affine,
    Backward,
    Boundary,
    Call,
    Definition,
    Divide,
    Equation,
    Expression,
    Group,
    Index,
    IndexDeclaration,
    IndexValue,
    Iverson,
    Multiply,
    Negate,
    Number,
    Power,
    Range,
    Size,
    Statement,
    Subscript,
    TensorDeclaration,
)

__all__ = ["to_mathml"]

_GREEK = {
    unicodedata.name(chr(code)).split()[-1].lower().replace("lamda", "lambda"): chr(code)
    for code in range(0x3B1, 0x3CA)
    if code != 0x3C2  # the other small sigma, which ends words
}
_GREEK |= {name.capitalize(): letter.upper() for name, letter in _GREEK.items()}

_SUFFIXES = {"grad": "\u203e", "dot": "\u02d9"}
"""What stands over a name for each suffix. It is no accent to MathML, which would set those too low."""

_NAMES = {"maximum": "max", "minimum": "min", "argmax": "arg max", "argmin": "arg min"}

_BIG_OPERATORS = {"sum": "\u2211", "prod": "\u220f"}

_FENCES = {"abs": ("|", "|"), "floor": ("\u230a", "\u230b")}

_COMPARISONS = {"==": "=", "!=": "\u2260", "<": "<", "<=": "\u2264", ">": ">", ">=": "\u2265"}

_APPLY = "\u2061"
_MINUS = "\u2212"
_PRIME = "\u2032"


def _element(tag: str, *children: str, **attributes: str) -> str:
    """An element that holds others."""
    given = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f"<{tag}{given}>{''.join(children)}</{tag}>"


def _leaf(tag: str, text: str, **attributes: str) -> str:
    """An element that holds a text."""
    return _element(tag, escape(text, quote=False), **attributes)


def _row(*children: str) -> str:
    return children[0] if len(children) == 1 else _element("mrow", *children)


def _sign(text: str, **attributes: str) -> str:
    return _leaf("mo", text, **attributes)


def _between(parts: Iterable[str], separator: Callable[[], str]) -> list[str]:
    found: list[str] = []
    for part in parts:
        if found:
            found.append(separator())
        found.append(part)
    return found


def _listed(parts: Iterable[str]) -> str:
    """Parts with commas between."""
    return _row(*_between(parts, lambda: _sign(",", separator="true")))


def _space() -> str:
    return _element("mspace", width="0.17em")


def _fenced(inner: str, opening: str = "(", closing: str = ")") -> str:
    fence = {"fence": "true", "form": "prefix"}
    return _row(_sign(opening, **fence), inner, _sign(closing, **{**fence, "form": "postfix"}))


def _word(name: str) -> str:
    """A name; one that spells a Greek letter is the letter."""
    return _leaf("mi", _GREEK.get(name, name))


def _upright(name: str) -> str:
    """A name that is a word even if it has one letter."""
    return _leaf("mi", name, mathvariant="normal")


def _tensor(name: str) -> str:
    """The name of a tensor, its suffixes as accents."""
    root, *suffixes = name.split(".")
    while suffixes and suffixes[0] not in _SUFFIXES:
        root += f".{suffixes.pop(0)}"
    found = _word(root)
    for suffix in suffixes:
        if suffix in _SUFFIXES:
            found = _element("mover", found, _sign(_SUFFIXES[suffix]))
        else:
            found = _row(found, _leaf("mtext", f".{suffix}"))
    return found


def _index(name: str) -> str:
    letters = name.rstrip("'")
    primes = len(name) - len(letters)
    if not primes:
        return _word(letters)
    # The sign is small and high by itself.
    return _row(_word(letters), _sign(_PRIME * primes, lspace="0", rspace="0"))


def _number(value: float) -> str:
    """A number; one that is negative stands in parentheses."""
    if value < 0:
        return _fenced(_row(_sign(_MINUS), _number(-value)))
    if not math.isfinite(value):
        return _upright("nan") if math.isnan(value) else _leaf("mn", "\u221e")
    mantissa, _, exponent = repr(value).partition("e")
    if not exponent:
        return _leaf("mn", mantissa)
    power = _integer(int(exponent))
    ten = _element("msup", _leaf("mn", "10"), power)
    return _row(_leaf("mn", mantissa), _sign("\u22c5"), ten)


def _integer(value: int) -> str:
    number = _leaf("mn", str(abs(value)))
    return number if value >= 0 else _row(_sign(_MINUS, form="prefix"), number)


def _affine(node: Affine) -> str:
    parts: list[str] = []
    for factor, name in [(node.end, "end"), *node.terms, (node.constant, "")]:
        if factor:
            if parts or factor < 0:
                form = "infix" if parts else "prefix"
                parts.append(_sign(_MINUS if factor < 0 else "+", form=form))
            if not name or abs(factor) != 1:
                parts.append(_leaf("mn", str(abs(factor))))
            if name:
                parts.append(_upright(name) if name == "end" else _index(name))
    return _row(*parts) if parts else _leaf("mn", "0")


def _subscript(node: Subscript) -> str:
    return _SUBSCRIPTS[type(node)](node)


def _read(node: Access) -> str:
    if not node.subscripts:
        return _tensor(node.name)
    return _element("msub", _tensor(node.name), _listed(map(_subscript, node.subscripts)))


_SUBSCRIPTS: dict[type, Callable[[Any], str]] = {
    Index: lambda node: _index(node.name),
    Affine: _affine,
    Group: lambda node: _fenced(_row(*_between(map(_index, node.indices), _space))),
    Boundary: lambda node: _applied(_upright(node.mode), _subscript(node.subscript)),
    Access: _read,
}


def _applied(name: str, inner: str) -> str:
    return _row(name, _sign(_APPLY), _fenced(inner))


def _is_big(node: Expression) -> bool:
    return isinstance(node, Call) and node.function in _BIG_OPERATORS


_Parts = Sequence[str]


def _wrap(part: str, node: Expression, *kinds: type) -> str:
    return _fenced(part) if isinstance(node, kinds) else part


_NEGATIVE = ("<mrow>" + _sign(_MINUS, form="prefix"), "</mrow>")


def _negate(node: Negate, parts: _Parts) -> str:
    opening, closing = _NEGATIVE
    return opening + _wrap(parts[0], node.operand, Add, Negate) + closing


def _add(node: Add, parts: _Parts) -> str:
    opening, closing = _NEGATIVE
    found = [_wrap(parts[0], node.terms[0], Add)]
    for term, part in zip(node.terms[1:], parts[1:], strict=True):
        if isinstance(term, Negate):
            # A Negate is its sign and its operand: a + -b is written a - b.
            found += [_sign(_MINUS, form="infix"), part.removeprefix(opening).removesuffix(closing)]
        else:
            found += [_sign("+", form="infix"), _wrap(part, term, Add)]
    return _row(*found)


def _multiply(node: Multiply, parts: _Parts) -> str:
    found: list[str] = []
    for position, (factor, part) in enumerate(zip(node.factors, parts, strict=True)):
        # A sum sign reaches to the end of its product, so only the last factor may be one.
        big = _is_big(factor) and position + 1 < len(node.factors)
        if found:
            found.append(_sign("\u22c5") if _starts_with_digit(factor) else _space())
        found.append(_fenced(part) if big else _wrap(part, factor, Add, Negate, Multiply))
    return _row(*found)


def _starts_with_digit(node: Expression) -> bool:
    while isinstance(node, Power):
        node = node.base
    return isinstance(node, Number)


def _divide(node: Divide, parts: _Parts) -> str:
    return _element("mfrac", *parts)


def _power(node: Power, parts: _Parts) -> str:
    base = node.base
    plain = isinstance(base, Access | IndexValue | Iverson) or (
        isinstance(base, Number) and "e" not in repr(base.value)
    )
    plain |= isinstance(base, Call) and base.function in (*_FENCES, "sqrt")
    return _element("msup", parts[0] if plain else _fenced(parts[0]), parts[1])


def _call(node: Call, parts: _Parts) -> str:
    function, indices = node.function, _listed(map(_index, node.indices)) if node.indices else None
    if function == "sqrt":
        return _element("msqrt", parts[0])
    if function in _FENCES:
        return _fenced(parts[0], *_FENCES[function])
    if function in _BIG_OPERATORS:
        sign = _sign(_BIG_OPERATORS[function])
        big = sign if indices is None else _element("munder", sign, indices)
        return _row(big, _wrap(parts[0], node.arguments[0], Add, Negate))
    name = _upright(_NAMES.get(function, function))
    return _applied(name if indices is None else _element("msub", name, indices), _listed(parts))


def _iverson(node: Iverson, parts: _Parts) -> str:
    return _fenced(_row(parts[0], _sign(_COMPARISONS[node.operator]), parts[1]), "[", "]")


_EXPRESSIONS: dict[type, Callable[[Any, _Parts], str]] = {
    Number: lambda node, parts: _number(node.value),
    Access: lambda node, parts: _read(node),
    IndexValue: lambda node, parts: _index(node.name),
    Negate: _negate,
    Add: _add,
    Multiply: _multiply,
    Divide: _divide,
    Power: _power,
    Call: _call,
    Iverson: _iverson,
}


def _expression(expression: Expression) -> str:
    return fold(expression, lambda node, parts, inside: _EXPRESSIONS[type(node)](node, parts))


def _size(size: Size) -> str:
    """A size; a type stands between bars, as the number of its elements."""
    if all(isinstance(part, int) for part in size):
        return _leaf("mn", size_text(size))
    parts: list[str] = []
    for part in size:
        if parts:
            parts.append(_sign(_MINUS if isinstance(part, int) and part < 0 else "+"))
        number = isinstance(part, int)
        parts.append(
            _leaf("mn", str(abs(int(part)))) if number else _fenced(_upright(str(part)), "|", "|")
        )
    return _row(*parts)


def _range(node: Range) -> str:
    less = (_sign("\u2264"), _sign("<"))
    return _row(_size(node.start), less[0], _index(node.index), less[1], _size(node.stop))


_Cells = list[str]
"""The cells of a row: what is defined, and what it is; or one for both."""


def _equation(node: Equation) -> _Cells:
    clauses = [*map(_range, node.ranges)]
    clauses += [_row(_read(a), _leaf("mtext", " inside")) for a in node.inside]
    right = [_sign(node.operator), _expression(node.expression)]
    if clauses:
        right += [_sign(",", separator="true"), _element("mspace", width="1em"), _listed(clauses)]
    return [_read(node.target), _row(*right)]


def _backward(node: Backward) -> _Cells:
    keyword = "override" if node.override else "backward"
    target, right = _equation(node.equation)
    return [_row(_leaf("mtext", f"{keyword} "), target), right]


def _index_declaration(node: IndexDeclaration) -> _Cells:
    groups = []
    for group in node.groups:
        kind = _upright(group.type)
        parts = [_listed(map(_index, group.indices)), _sign("\u2208"), kind]
        if group.size:
            size = _fenced(_upright(group.type), "|", "|")
            parts += [_sign(",", separator="true"), size, _sign("="), _size(group.size)]
        groups.append(_row(*parts))
    return [_row(*_between(groups, lambda: _sign(";", separator="true")))]


def _tensor_declaration(node: TensorDeclaration) -> _Cells:
    return [_row(_leaf("mtext", f"{node.kind} "), _listed(map(_read, node.tensors)))]


def _definition(node: Definition) -> _Cells:
    name = _upright(node.name)
    if node.indices:
        name = _element("msub", name, _listed(map(_index, node.indices)))
    head = _applied(name, _listed(map(_word, node.parameters)))
    return [head, _row(_sign("="), _expression(node.body))]


_STATEMENTS: dict[type, Callable[[Any], _Cells]] = {
    Equation: _equation,
    IndexDeclaration: _index_declaration,
    TensorDeclaration: _tensor_declaration,
    Definition: _definition,
    Backward: _backward,
}


def to_mathml(statements: Iterable[Statement]) -> str:
    """The statements as a ``math`` element: a table with a row for each, signs below each other.

    A row that defines something has two cells, and a declaration has one over both columns.

    >>> from einprop.notation.parser import parse
    >>> text = to_mathml(parse("x.grad[i] += y.grad W[i]"))
    >>> text.partition("<mtd>")[2].partition("</mtd>")[0]
    '<msub><mover><mi>x</mi><mo>‾</mo></mover><mi>i</mi></msub>'
    """
    rows = []
    for statement in statements:
        cells = _STATEMENTS[type(statement)](statement)
        wide = {"columnspan": "2"} if len(cells) == 1 else {}
        rows.append(_element("mtr", *(_element("mtd", cell, **wide) for cell in cells)))
    table = _element("mtable", *rows, columnalign="right left", displaystyle="true")
    return _element("math", table, display="block", xmlns="http://www.w3.org/1998/Math/MathML")
