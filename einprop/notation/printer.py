"""Trees into text that parses back to the same tree."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any

from einprop.notation.functions import (
    REDUCTIONS_ELSEWHERE,
    closest_name,
    is_derivative,
    leaf_signatures,
)
from einprop.notation.operands import needs_brackets
from einprop.notation.prelude import prelude
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
    IndexGroup,
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
    children,
)

__all__ = ["fold", "program_text", "size_text", "to_text"]

_Texts = Sequence[str]


def fold(expression: Expression, combine: Callable[[Expression, _Texts, bool], str]) -> str:
    """The text of a tree, from its leaves up and without recursion.

    ``combine`` gets a node, the texts of its children, and whether it stands in an Iverson bracket.
    """
    stack = [(expression, False, False)]
    texts: list[str] = []
    while stack:
        node, inside, ready = stack.pop()
        below = children(node)
        if ready or not below:
            first = len(texts) - len(below)
            texts[first:] = [combine(node, texts[first:], inside)]
        else:
            within = inside or isinstance(node, Iverson)
            stack.append((node, inside, True))
            stack.extend((child, within, False) for child in reversed(below))
    return texts.pop()


def _wrap(text: str, node: Expression, *kinds: type) -> str:
    """The text in parentheses if the node is of one of the kinds."""
    return f"({text})" if isinstance(node, kinds) else text


def _number(node: Number, texts: _Texts, inside: bool) -> str:
    # Passes that know sizes work constants out; the parser gives finite ones that are not negative.
    if math.isnan(node.value):
        return "(0 / 0)"
    if math.isinf(node.value):
        return "(1 / 0)" if node.value > 0 else "(-1 / 0)"
    return f"(-{-node.value!r})" if node.value < 0 else repr(node.value)


def _access(node: Access, texts: _Texts, inside: bool) -> str:
    if not node.subscripts:
        # Without brackets a name may be read as a position, a constant or a transpose.
        return f"{node.name}[]" if inside or needs_brackets(node.name) else node.name
    return node.name + _subscripts(node.subscripts)


def _position(node: IndexValue, texts: _Texts, inside: bool) -> str:
    return node.name


def _negate(node: Negate, texts: _Texts, inside: bool) -> str:
    return "-" + _wrap(texts[0], node.operand, Add, Negate)


def _add(node: Add, texts: _Texts, inside: bool) -> str:
    parts = [_wrap(texts[0], node.terms[0], Add)]
    for term, text in zip(node.terms[1:], texts[1:], strict=True):
        if isinstance(term, Negate):
            # The text of a Negate is its sign and its operand: a + -b is written a - b.
            parts.append(f"- {text[1:]}")
        else:
            parts.append("+ " + _wrap(text, term, Add))
    return " ".join(parts)


@lru_cache(maxsize=1)
def _indexed_definitions() -> tuple[str, ...]:
    return tuple(name for name, definition in prelude().items() if definition.indices)


def _looks_like_call(node: Expression, known: Collection[str]) -> bool:
    """Whether the parser would take ``node (`` for an unknown function."""
    if not isinstance(node, Access) or node.name in known:
        return False
    if not node.subscripts or node.name in REDUCTIONS_ELSEWHERE:
        return not is_derivative(node.name)
    known = [name for name, signature in leaf_signatures().items() if signature.indices]
    known += _indexed_definitions()
    return closest_name(node.name, known) is not None


def _last_leaf(node: Expression) -> Expression:
    """The operand that ends the text of a factor, if no bracket does."""
    while isinstance(node, Power | Negate):
        node = node.exponent if isinstance(node, Power) else node.operand
    return node


def _joint(left: Expression, left_text: str, right_text: str, known: Collection[str]) -> str:
    """What stands between two factors: a space, or a star where a space would be misread."""
    start, leaf = right_text[0], _last_leaf(left)
    bracket_after_name = start == "[" and left_text[-1] not in ")]" and not isinstance(leaf, Number)
    call = start == "(" and _looks_like_call(leaf, known)
    return " * " if start.isdigit() or bracket_after_name or call else " "


def _multiply(
    node: Multiply, texts: _Texts, inside: bool, known: Collection[str] = frozenset()
) -> str:
    """A product; the names that are known stand for tensors, also before a parenthesis."""
    first = node.factors[0]
    parts = [_wrap(texts[0], first, Add, Negate, Multiply)]
    for position, factor in enumerate(node.factors[1:]):
        text = _wrap(texts[position + 1], factor, Add, Negate, Multiply, Divide)
        after_quotient = position == 0 and isinstance(first, Divide)
        before = node.factors[position]
        joint = " * " if after_quotient else _joint(before, parts[-1], text, known)
        parts += [joint, text]
    return "".join(parts)


def _divide(node: Divide, texts: _Texts, inside: bool) -> str:
    numerator = _wrap(texts[0], node.numerator, Add, Negate)
    return f"{numerator} / {_wrap(texts[1], node.denominator, Add, Negate, Multiply, Divide)}"


def _power(node: Power, texts: _Texts, inside: bool) -> str:
    base = _wrap(texts[0], node.base, Add, Negate, Multiply, Divide, Power)
    exponent = node.exponent
    compound: tuple[type, ...] = (Add, Multiply, Divide)
    if isinstance(exponent, Negate) and isinstance(exponent.operand, (*compound, Negate, Power)):
        compound = (Negate,)
    return f"{base}^{_wrap(texts[1], exponent, *compound)}"


def _call(node: Call, texts: _Texts, inside: bool) -> str:
    indices = f"[{','.join(node.indices)}]" if node.indices else ""
    return f"{node.function}{indices}({', '.join(texts)})"


def _iverson(node: Iverson, texts: _Texts, inside: bool) -> str:
    return f"[{texts[0]} {node.operator} {texts[1]}]"


_EXPRESSIONS: dict[type, Callable[[Any, _Texts, bool], str]] = {
    Number: _number,
    Access: _access,
    IndexValue: _position,
    Negate: _negate,
    Add: _add,
    Multiply: _multiply,
    Divide: _divide,
    Power: _power,
    Call: _call,
    Iverson: _iverson,
}


def _combine(node: Expression, texts: _Texts, inside: bool) -> str:
    return _EXPRESSIONS[type(node)](node, texts, inside)


def _signed_sum(terms: Iterable[tuple[int, str]]) -> str:
    """``2*i+p-1`` from coefficients and names; the constant has no name."""
    text = ""
    for factor, name in terms:
        sign = "-" if factor < 0 else "+" if text else ""
        number = "" if name and abs(factor) == 1 else str(abs(factor))
        text += sign + number + ("*" if number and name else "") + name
    return text or "0"


def _affine(node: Affine) -> str:
    terms = [(node.end, "end"), *node.terms, (node.constant, "")]
    text = _signed_sum((factor, name) for factor, name in terms if factor)
    # A plain index says more than the position: that it runs over the whole axis.
    return (
        f"{text}+0"
        if (
            node.terms
            and (node.terms[0][0], *node.terms[1:]) == (1,)
            and not node.constant
            and not node.end
        )
        else text
    )


_SUBSCRIPTS: dict[type, Callable[[Any], str]] = {
    Index: lambda node: node.name,
    Affine: _affine,
    Group: lambda node: f"({' '.join(node.indices)})",
    Boundary: lambda node: f"{node.mode}({_subscript(node.subscript)})",
    Access: lambda node: node.name + _subscripts(node.subscripts),
}


def _subscript(node: Subscript) -> str:
    return _SUBSCRIPTS[type(node)](node)


def _subscripts(subscripts: tuple[Subscript, ...]) -> str:
    return f"[{','.join(map(_subscript, subscripts))}]"


def size_text(size: Size) -> str:
    """A size as it is written.

    >>> size_text(("pixel", 2, -1))
    'pixel+2-1'
    """
    text = ""
    for part in size:
        sign = "+" if text and not str(part).startswith("-") else ""
        text += f"{sign}{part}"
    return text


def _range(node: Range) -> str:
    return f"{node.index} in {size_text(node.start)}:{size_text(node.stop)}"


def _equation(node: Equation) -> str:
    clauses = [*map(_range, node.ranges), *map(to_text, node.inside)]
    where = f" where {', '.join(clauses)}" if clauses else ""
    return f"{to_text(node.target)} {node.operator} {to_text(node.expression)}{where}"


def _backward(node: Backward) -> str:
    return f"{'override' if node.override else 'backward'} {_equation(node.equation)}"


def _index_group(node: IndexGroup) -> str:
    size = "" if node.size is None else f" < {size_text(node.size)}"
    return f"{', '.join(node.indices)}: {node.type}{size}"


def _index_declaration(node: IndexDeclaration) -> str:
    return f"index {', '.join(map(_index_group, node.groups))}"


def _tensor_declaration(node: TensorDeclaration) -> str:
    return f"{node.kind} {', '.join(map(to_text, node.tensors))}"


def _definition(node: Definition) -> str:
    def combine(part: Expression, texts: _Texts, inside: bool) -> str:
        if isinstance(part, Multiply):
            return _multiply(part, texts, inside, node.parameters)
        return _combine(part, texts, inside)

    indices = f"[{','.join(node.indices)}]" if node.indices else ""
    head = f"def {node.name}{indices}({', '.join(node.parameters)})"
    return f"{head} = {fold(node.body, combine)}"


_OTHERS: dict[type, Callable[[Any], str]] = {
    **{kind: write for kind, write in _SUBSCRIPTS.items() if kind is not Access},
    Range: _range,
    IndexGroup: _index_group,
    Equation: _equation,
    IndexDeclaration: _index_declaration,
    TensorDeclaration: _tensor_declaration,
    Definition: _definition,
    Backward: _backward,
}


def to_text(node: Statement | Expression | Subscript | Range | IndexGroup) -> str:
    """The text of a statement, an expression or a subscript.

    >>> from einprop.notation.parser import parse
    >>> to_text(parse("x.grad[b,i]+=y.grad[b,j]*W.value[i, j]")[0])
    'x.grad[b,i] += y.grad[b,j] W[i,j]'
    """
    if type(node) in _EXPRESSIONS:
        return fold(node, _combine)  # type: ignore[arg-type]
    return _OTHERS[type(node)](node)


def program_text(statements: Iterable[Statement]) -> str:
    r"""The text of a program, one statement a line.

    >>> from einprop.notation.parser import parse
    >>> program_text(parse("h[j]=x[i]W[i,j]; y[j]=relu(h[j])"))
    'h[j] = x[i] W[i,j]\ny[j] = relu(h[j])'
    """
    return "\n".join(map(to_text, statements))
