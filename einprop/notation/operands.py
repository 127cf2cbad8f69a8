"""Parsing operands: numbers, tensors, calls, parentheses, Iverson brackets."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping

from einprop.errors import EquationSyntaxError, Place
from einprop.notation.functions import (
    IS_WRITTEN,
    REDUCTIONS_ELSEWHERE,
    Signature,
    closest_name,
    is_derivative,
)
from einprop.notation.lexer import COMPARISONS, Token
from einprop.notation.subscripts import SubscriptParser
from einprop.notation.tree import (
    Access,
    Call,
    Expression,
    Index,
    IndexValue,
    Iverson,
    Negate,
    Number,
    Power,
    Subscript,
)

__all__ = ["CONSTANTS", "OPERATOR_SIGNS", "OperandParser", "needs_brackets"]

CONSTANTS = {"pi": math.pi, "π": math.pi}
"""Numbers by name, unless the program has a tensor of that name."""


def needs_brackets(name: str) -> bool:
    """Whether the name of a scalar is read as something else where it has no brackets.

    >>> needs_brackets("pi"), needs_brackets("x.T"), needs_brackets("x")
    (True, True, False)
    """
    return name in CONSTANTS or name.endswith(_TRANSPOSES)


OPERATOR_SIGNS = ("+", "-", "*", "/", "^")

_UNKNOWN_LIMIT = 100
_TRANSPOSES = (".T", ".mT", ".H", ".mH")

_CLOSING_HINTS = {
    ",": "only functions take several arguments",
    "=": "to compare write == between brackets: [i == j]",
    ":": "ranges stand behind the expression: where i in 0:5",
    "name": "where and its ranges stand at the end of the equation",
    **dict.fromkeys(COMPARISONS, "a comparison stands alone between brackets: [i == j]"),
}
_OF_TWO = {
    "max": "; the larger of two is maximum(x, y)",
    "min": "; the smaller of two is minimum(x, y)",
}
_OPERAND_HINT = "an operand is a number, a tensor, a call or an expression in parentheses"


def _form(name: str, signature: Signature) -> str:
    """How a call is written: ``clip(x, lower, upper)``."""
    indices = f"[{','.join(signature.indices)}]" if signature.indices else ""
    return f"{name}{indices}({', '.join(signature.parameters)})"


def _constant(value: float) -> Expression:
    """A default argument as a tree."""
    return Negate(Number(-value)) if value < 0 else Number(value)


class OperandParser(SubscriptParser):
    """Reads operands; what stands between parentheses is read by `expression`.

    Attributes:
        builtin: What was known before the program's own definitions.
        yielding: Definitions and functions from outside, whose names the program may use otherwise.
        parameters: Parameters of the definition at hand.
        positions: Whether it has index parameters, at which they may be read.
        scalars: Names that are scalars, not positions, inside an Iverson bracket.
        bare: Names without brackets that stood inside one.
        constants: Names that stand for numbers.
        before_parentheses: Names that stand before a parenthesis, and whether with subscripts, with
            where.
        standing: Names that are read as tensors somewhere else.
        transposed: Scalars with names such as ``x.T``, with where.
        iverson_depth: How many Iverson brackets are open.
    """

    def __init__(self, text: str, tokens: list[Token], signatures: Mapping[str, Signature]) -> None:
        super().__init__(text, tokens, signatures)
        self.builtin = dict(signatures)
        # Leaves and reductions are the language's own; a definition or a function from outside gives
        # way to a name of the program's, so that the prelude can grow.
        self.yielding = {
            name
            for name, signature in self.builtin.items()
            if signature.kind == "definition" or signature.own
        }
        self.parameters: frozenset[str] = frozenset()
        self.positions = False
        self.scalars: frozenset[str] = frozenset()
        self.bare: set[str] = set()
        self.constants = dict(CONSTANTS)
        self.before_parentheses: dict[tuple[str, bool], Place] = {}
        self.standing: set[str] = set()
        self.transposed: dict[str, Place] = {}
        self.iverson_depth = 0

    def expression(self) -> Expression:
        """Read an expression."""
        raise NotImplementedError

    def read_number(self) -> Expression:
        """Read ``0.5``."""
        token = self.token
        return Number(self.number(), self.at(token))

    def read_parenthesised(self) -> Expression:
        """Read ``(a + b)``, whose tree is that of ``a + b``."""
        before = self.previous if self.position else None
        self.advance()
        expression = self.expression()
        if self.token.kind == "," and before is not None and before.kind == "name":
            close = closest_name(before.text, self.signatures)
            raise self.error(
                f"unknown function {before.text}" + (f": did you mean {close}?" if close else ""),
                "only functions take several arguments; def adds a function",
                self.at(before),
            )
        if self.token.kind == ",":
            raise self.error("a comma between parentheses", "only functions take several arguments")
        self.expect(")", _CLOSING_HINTS.get(self.token.kind, "close the parenthesis first"))
        return expression

    def read_iverson(self) -> Expression:
        """Read ``[q >= k]``."""
        opening = self.advance()
        self.iverson_depth += 1
        left = self.expression()
        if self.token.kind not in COMPARISONS:
            raise self.unexpected("a comparison", "an Iverson bracket is written [i == j]")
        operator = self.advance().kind
        right = self.expression()
        self.iverson_depth -= 1
        if self.token.kind in COMPARISONS:
            raise self.error(
                "two comparisons in one bracket", "write a product of two, [a < b] [b < c]"
            )
        self.expect("]", _CLOSING_HINTS.get(self.token.kind, "close the Iverson bracket first"))
        return Iverson(left, operator, right, self.since(opening.start))

    def read_bracket(self) -> Expression:
        """Refuse a bracket that follows no name and holds no comparison."""
        raise self.error(
            "this bracket follows no name and holds no comparison",
            "subscripts follow a tensor, x[i]; an Iverson bracket compares, [i == j]",
        )

    def read_named(self) -> Expression:
        """Read a tensor, a call, or inside an Iverson bracket the position of an index."""
        token = self.advance()
        if token.text in self.signatures:
            return self.call(token, self.signatures[token.text])
        if self.iverson_depth and self.is_position(token):
            self.check_name(token, "an index")
            return IndexValue(token.text, self.at(token))
        if token.text in self.constants and token.text not in self.parameters:
            return Number(self.constants[token.text], self.at(token))
        self.check_name(token, "a tensor")
        name = self.plain_tensor_name(token)
        self.refuse_comparison(name, token.start)
        if self.token.kind != "[":
            if name.endswith(_TRANSPOSES):
                self.transposed.setdefault(name, self.at(token))
            self.note(name, token)
            return Access(name, (), self.at(token))
        if name in self.parameters and not self.positions and self.following.kind != "]":
            raise self.error(
                f"{name} is a parameter and stands for an expression, which has no subscripts",
                f"write {name} alone",
                self.place(token.start, self.token.end),
            )
        subscripts = self.subscripts()
        if subscripts:
            self.note(name, token, subscripts)
        return Access(name, subscripts, self.since(token.start))

    def is_position(self, token: Token) -> bool:
        """Whether a name in an Iverson bracket may be an index: it has no brackets, no suffix."""
        if self.token.kind in ("[", "[?") or "." in token.text:
            return False
        if not token.text.endswith("'"):
            self.bare.add(token.text)
        return token.text not in self.scalars

    def call(self, token: Token, signature: Signature) -> Expression:
        """Read what follows the name of a function, reduction or definition."""
        indices = self.index_list() if self.token.kind in ("[", "[?") else ()
        self.check_indices(token, signature, indices)
        if not self.accept("("):
            declare = f"; a tensor of that name is declared: input {token.text}"
            raise self.error(
                f"{token.text} is a {signature.kind} and needs its argument in parentheses",
                f"write {_form(token.text, signature)}" + declare * (token.text in self.yielding),
                self.at(token),
            )
        arguments = [self.expression()]
        while self.accept(","):
            arguments.append(self.expression())
        self.expect(")", _CLOSING_HINTS.get(self.token.kind, "write , or ) after an argument"))
        place = self.since(token.start)
        arguments += self.defaults(token, signature, len(arguments))
        if token.text == "pow":
            return Power(arguments[0], arguments[1], place)
        return Call(token.text, tuple(arguments), indices, place)

    def defaults(self, token: Token, signature: Signature, given: int) -> list[Expression]:
        """The arguments that a call left out; too many or too few are refused."""
        missing = len(signature.parameters) - given
        if not 0 <= missing <= len(signature.defaults):
            raise self.error(
                f"{token.text} is called with {given} argument{'s' * (given != 1)}",
                f"write {_form(token.text, signature)}",
                self.since(token.start),
            )
        return [_constant(v) for v in signature.defaults[len(signature.defaults) - missing :]]

    def check_indices(self, token: Token, signature: Signature, indices: tuple[str, ...]) -> None:
        """One index parameter takes one or more indices unless it is single, several one each."""
        wanted = len(signature.indices)
        if len(indices) == wanted or (wanted == 1 and indices and not signature.single):
            return
        if not indices:
            message = f"{token.text} needs the indices that it runs over"
        elif not wanted:
            message = f"{token.text} takes no indices"
        else:
            several = "one index" if wanted == 1 else f"{wanted} indices"
            message = f"{token.text} takes {several}, not {len(indices)}"
        hint = f"write {_form(token.text, signature)}" + _OF_TWO.get(token.text, "")
        raise self.error(message, hint, self.since(token.start))

    def note(self, name: str, token: Token, subscripts: tuple[Subscript, ...] = ()) -> None:
        """Remember a tensor that stands alone, or before a parenthesis, as a function would."""
        if self.token.kind != "(" or is_derivative(name):
            self.standing.add(name)
        elif name not in self.parameters and all(isinstance(s, Index) for s in subscripts):
            called = self.before_parentheses
            called.setdefault((name, bool(subscripts)), self.since(token.start))

    def refuse_unknown(self, defined: Collection[str]) -> None:
        """A name before a parenthesis is a tensor that the text knows, or a function; none is ``x.T``.

        With subscripts it is refused only if it is, or is close to, the name of what binds indices.

        Args:
            defined: The names to which the text gives a meaning.
        """
        for name, place in self.transposed.items():
            if name not in defined:
                tensor = name.rpartition(".")[0]
                raise self.error(
                    f"{name} would be a tensor of its own: nothing transposes {tensor}",
                    f"a transpose is written by its indices, {tensor}[j,i] beside {tensor}[i,j]; "
                    f"for a scalar write {name}[]",
                    place,
                )
        unknown = [key for key in self.before_parentheses if key[0] not in defined]
        for name, indexed in unknown[:_UNKNOWN_LIMIT]:
            close = closest_name(
                name, [n for n, s in self.builtin.items() if s.indices or not indexed]
            )
            is_tensor = indexed and name not in REDUCTIONS_ELSEWHERE
            if close is not None or not (is_tensor or name in self.standing):
                place = self.before_parentheses[name, indexed]
                raise self.unknown_function(name, close, place)

    def unknown_function(self, name: str, close: str | None, place: Place) -> EquationSyntaxError:
        """The error for a name before a parenthesis that is neither a function nor a tensor."""
        product = f"for a product write {place.snippet} * (...)"
        if close is not None:
            return self.error(f"unknown function {name}: did you mean {close}?", product, place)
        adding = "def or einprop.register_function adds a function"
        hint = f"{IS_WRITTEN.get(name, adding)}; {product}"
        return self.error(f"unknown function {name}", hint, place)

    def no_operand(self) -> Expression:
        """Say why no operand can start with the next token."""
        token = self.token
        if token.kind == "-" and self.position:
            before = self.previous
            shown = "-(-b)" if before.kind == "-" else f"{before.text} (-b)"
            raise self.error(
                f"a minus sign cannot follow {before.text}",
                f"write parentheses: {shown}",
                self.place(before.start, token.end),
            )
        raise self.unexpected("an operand", _OPERAND_HINT)

    operands: Mapping[str, Callable[[OperandParser], Expression]] = {
        "number": read_number,
        "name": read_named,
        "(": read_parenthesised,
        "[?": read_iverson,
        "[": read_bracket,
    }
