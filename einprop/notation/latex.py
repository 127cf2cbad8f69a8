r"""Trees into LaTeX that KaTeX and amsmath typeset.

``\bar{W}_{i,j}`` is ``W.grad[i,j]`` and ``\dot{x}`` is ``x.dot``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from einprop.notation.latex_names import index_latex, letters_latex, tensor_latex, word_latex
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

__all__ = ["noted_latex", "number_latex", "to_latex", "words_latex"]

_Texts = Sequence[str]

_THIN = r"\,"

_FUNCTIONS = {
    name: rf"\{name}"
    for name in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "max", "min")
} | {
    "maximum": r"\max",
    "minimum": r"\min",
    "argmax": r"\operatorname*{arg\,max}",
    "argmin": r"\operatorname*{arg\,min}",
}

_BIG_OPERATORS = {"sum": r"\sum", "prod": r"\prod"}

_FENCES = {
    "abs": (r"\left|", r"\right|"),
    "floor": (r"\left\lfloor ", r"\right\rfloor"),
    "sqrt": (r"\sqrt{", "}"),
}

_COMPARISONS = {
    "==": "=",
    "!=": r"\ne",
    "<": "<",
    "<=": r"\le",
    ">": ">",
    ">=": r"\ge",
}

_OPERATORS = {
    "=": "=",
    "+=": r"\mathrel{+}=",
    "max=": r"\mathrel{\max}=",
    "min=": r"\mathrel{\min}=",
}


def _affine(node: Affine) -> str:
    terms = [(node.end, r"\mathrm{end}"), *[(c, index_latex(n)) for c, n in node.terms]]
    text = ""
    for factor, name in [*terms, (node.constant, "")]:
        if factor:
            sign = "-" if factor < 0 else "+" if text else ""
            number = "" if name and abs(factor) == 1 else str(abs(factor))
            text += sign + number + (r"\," if number and len(name) > 1 else "") + name
    return text or "0"


def _subscript(node: Subscript) -> str:
    return _SUBSCRIPTS[type(node)](node)


def _read(node: Access) -> str:
    if not node.subscripts:
        return tensor_latex(node.name)
    return f"{tensor_latex(node.name)}_{{{','.join(map(_subscript, node.subscripts))}}}"


_SUBSCRIPTS: dict[type, Callable[[Any], str]] = {
    Index: lambda node: index_latex(node.name),
    Affine: _affine,
    Group: lambda node: f"({_THIN.join(map(index_latex, node.indices))})",
    Boundary: lambda node: rf"\operatorname{{{node.mode}}}({_subscript(node.subscript)})",
    Access: _read,
}


def _paren(text: str) -> str:
    return rf"\left({text}\right)"


def _is_big(node: Expression) -> bool:
    return isinstance(node, Call) and node.function in _BIG_OPERATORS


def _wrap(text: str, node: Expression, *kinds: type) -> str:
    return _paren(text) if isinstance(node, kinds) else text


def _number(node: Number, texts: _Texts) -> str:
    # Passes that know sizes work constants out; the parser gives finite ones that are not negative.
    if node.value < 0:
        return _paren(f"-{_number(Number(-node.value), texts)}")
    if not math.isfinite(node.value):
        return r"\mathrm{nan}" if math.isnan(node.value) else r"\infty"
    mantissa, _, exponent = repr(node.value).partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa


def _negate(node: Negate, texts: _Texts) -> str:
    return "-" + _wrap(texts[0], node.operand, Add, Negate)


def _add(node: Add, texts: _Texts) -> str:
    parts = [_wrap(texts[0], node.terms[0], Add)]
    for term, text in zip(node.terms[1:], texts[1:], strict=True):
        if isinstance(term, Negate):
            parts.append(f"- {text[1:]}")
        else:
            parts.append("+ " + _wrap(text, term, Add))
    return " ".join(parts)


def _multiply(node: Multiply, texts: _Texts) -> str:
    parts: list[str] = []
    for position, (factor, text) in enumerate(zip(node.factors, texts, strict=True)):
        # A sum sign reaches to the end of its product, so only the last factor may be one.
        big = _is_big(factor) and position + 1 < len(node.factors)
        written = _paren(text) if big else _wrap(text, factor, Add, Negate, Multiply)
        if parts:
            parts.append(r" \cdot " if written[0].isdigit() else r" \, ")
        parts.append(written)
    return "".join(parts)


def _divide(node: Divide, texts: _Texts) -> str:
    return rf"\frac{{{texts[0]}}}{{{texts[1]}}}"


def _power(node: Power, texts: _Texts) -> str:
    base = node.base
    plain = isinstance(base, Access | IndexValue | Iverson) or (
        isinstance(base, Number) and "e" not in repr(base.value)
    )
    plain |= isinstance(base, Call) and base.function in _FENCES
    return f"{{{texts[0] if plain else _paren(texts[0])}}}^{{{texts[1]}}}"


def _call(node: Call, texts: _Texts) -> str:
    indices = f"_{{{','.join(map(index_latex, node.indices))}}}" if node.indices else ""
    if node.function in _FENCES:
        opening, closing = _FENCES[node.function]
        return f"{opening}{texts[0]}{closing}"
    if node.function in _BIG_OPERATORS:
        body = _wrap(texts[0], node.arguments[0], Add, Negate)
        return f"{_BIG_OPERATORS[node.function]}{indices} {body}"
    name = _FUNCTIONS.get(node.function, _operator_name(node.function))
    return name + indices + _paren(", ".join(texts))


def _operator_name(name: str) -> str:
    return rf"\operatorname{{{''.join(letters_latex(name))}}}"


def _iverson(node: Iverson, texts: _Texts) -> str:
    return rf"\left[{texts[0]} {_COMPARISONS[node.operator]} {texts[1]}\right]"


_EXPRESSIONS: dict[type, Callable[[Any, _Texts], str]] = {
    Number: _number,
    Access: lambda node, texts: _read(node),
    IndexValue: lambda node, texts: index_latex(node.name),
    Negate: _negate,
    Add: _add,
    Multiply: _multiply,
    Divide: _divide,
    Power: _power,
    Call: _call,
    Iverson: _iverson,
}


def _expression(expression: Expression) -> str:
    return fold(expression, lambda node, texts, inside: _EXPRESSIONS[type(node)](node, texts))


def _size(size: Size) -> str:
    """A size; a type stands between bars, as the number of its elements."""
    if all(isinstance(part, int) for part in size):
        return size_text(size)
    text = ""
    for part in size:
        written = (
            str(part) if isinstance(part, int) else rf"\left|{word_latex(part, 'mathrm')}\right|"
        )
        text += ("" if not text or written.startswith("-") else "+") + written
    return text


def _range(node: Range) -> str:
    return rf"{_size(node.start)} \le {index_latex(node.index)} < {_size(node.stop)}"


def _equation(node: Equation) -> str:
    clauses = [*map(_range, node.ranges), *(rf"{_read(a)}\text{{ inside}}" for a in node.inside)]
    where = rf", \quad {', '.join(clauses)}" if clauses else ""
    return (
        f"{_read(node.target)} &{_OPERATORS[node.operator]} {_expression(node.expression)}{where}"
    )


def _backward(node: Backward) -> str:
    keyword = "override" if node.override else "backward"
    return rf"\text{{{keyword} }} {_equation(node.equation)}"


def _index_declaration(node: IndexDeclaration) -> str:
    groups = []
    for group in node.groups:
        kind = word_latex(group.type, "mathrm")
        text = rf"{', '.join(map(index_latex, group.indices))} \in {kind}"
        groups.append(
            text + (rf",\ \left|{kind}\right| = {_size(group.size)}" if group.size else "")
        )
    return "&" + r"; \quad ".join(groups)


def _tensor_declaration(node: TensorDeclaration) -> str:
    return rf"&\text{{{node.kind} }} " + r",\; ".join(map(_read, node.tensors))


def _definition(node: Definition) -> str:
    indices = f"_{{{','.join(map(index_latex, node.indices))}}}" if node.indices else ""
    parameters = ", ".join(map(word_latex, node.parameters))
    head = f"{_operator_name(node.name)}{indices}{_paren(parameters)}"
    return f"{head} &= {_expression(node.body)}"


_STATEMENTS: dict[type, Callable[[Any], str]] = {
    Equation: _equation,
    IndexDeclaration: _index_declaration,
    TensorDeclaration: _tensor_declaration,
    Definition: _definition,
    Backward: _backward,
}


def to_latex(statements: Iterable[Statement]) -> str:
    r"""The statements as an ``aligned`` environment, to be set between ``\[`` and ``\]`` or ``$$``.

    >>> from einprop.notation.parser import parse
    >>> print(to_latex(parse("x.grad[b,i] += y.grad[b,j] W[i,j]")))
    \begin{aligned}
    \bar{x}_{b,i} &\mathrel{+}= \bar{y}_{b,j} \, W_{i,j}
    \end{aligned}
    """
    return _aligned(" \\\\\n".join(map(_statement, statements)))


def noted_latex(groups: Iterable[Iterable[tuple[Statement, str]]]) -> str:
    r"""Groups of statements as one ``aligned`` environment, a note beside each that has one.

    Args:
        groups: Each statement with its note, which is LaTeX, or with nothing.

    >>> from einprop.notation.parser import parse
    >>> print(noted_latex([[(parse("y = 2 x")[0], words_latex("doubled"))]]))
    \begin{aligned}
    y &= 2 \, x && \text{doubled}
    \end{aligned}
    """

    def row(statement: Statement, note: str) -> str:
        return _statement(statement) + (f" && {note}" if note else "")

    blocks = (" \\\\\n".join(row(s, note) for s, note in group) for group in groups)
    return _aligned(" \\\\[2ex]\n".join(blocks))


def words_latex(text: str) -> str:
    r"""Words between formulas.

    >>> print(words_latex("derivative of leaky_relu"))
    \text{derivative of leaky\_relu}
    """
    return rf"\text{{{''.join(letters_latex(text))}}}"


def number_latex(value: float) -> str:
    r"""A number of either sign.

    >>> print(number_latex(-2e-7))
    -2 \cdot 10^{-7}
    """
    sign, size = ("-", -value) if value < 0 else ("", value)
    return sign + _expression(Number(size))


def _statement(statement: Statement) -> str:
    return _STATEMENTS[type(statement)](statement)


def _aligned(rows: str) -> str:
    return f"\\begin{{aligned}}\n{rows}\n\\end{{aligned}}"
