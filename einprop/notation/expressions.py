"""Parsing expressions: one precedence-climbing loop over operands and operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from einprop.errors import EquationSyntaxError
from einprop.notation.lexer import DEPTH_LIMIT
from einprop.notation.operands import OPERATOR_SIGNS, OperandParser
from einprop.notation.tree import (
    Access,
    Add,
    Divide,
    Expression,
    Multiply,
    Negate,
    Power,
    children,
)

__all__ = ["ExpressionParser"]

_SUM, _NEGATION, _PRODUCT, _POWER = 1, 2, 3, 4

PRECEDENCE = {
    "+": _SUM,
    "-": _SUM,
    "negation": _NEGATION,
    "*": _PRODUCT,
    "/": _PRODUCT,
    "juxtaposition": _PRODUCT,
    "^": _POWER,
    "^-": _POWER,
}
"""How tightly an operator binds; all of one level are folded together."""


class _Operator(NamedTuple):
    symbol: str
    start: int


class _Operand(NamedTuple):
    """An expression and the characters it takes, its parentheses included."""

    node: Expression
    start: int
    end: int


class ExpressionParser(OperandParser):
    """Reads expressions.

    It keeps no Python frame per operator and at most three per bracket, so that the deepest legal
    text stays far from the recursion limit.
    """

    def expression(self) -> Expression:
        """Read an expression up to the first token that cannot go on with it."""
        operands: list[_Operand] = []
        pending: list[_Operator] = []
        while True:
            if self.token.kind == "-" and (not pending or pending[-1].symbol in ("+", "-")):
                pending.append(_Operator("negation", self.advance().start))
            start = self.token.start
            node = self.operands.get(self.token.kind, OperandParser.no_operand)(self)
            operands.append(_Operand(node, start, self.previous.end))
            operator = self.operator()
            level = PRECEDENCE[operator.symbol] if operator else 0
            while pending and PRECEDENCE[pending[-1].symbol] > level:
                self.fold(operands, pending)
            if operator is None:
                return operands[0].node
            pending.append(operator)

    def operator(self) -> _Operator | None:
        """Read what joins two operands; ``None`` if the expression ends here."""
        token = self.token
        if token.kind in OPERATOR_SIGNS:
            self.advance()
            if token.kind == "^" and self.token.kind == "-":
                return _Operator("^-", self.advance().start)
            return _Operator(token.kind, token.start)
        clause = token.text == "where" and self.following.kind != "("
        if token.kind in self.operands and not clause:
            return _Operator("juxtaposition", token.start)
        return None

    def fold(self, operands: list[_Operand], pending: list[_Operator]) -> None:
        """Replace the last run of operators of one level, and their operands, by one operand."""
        level = PRECEDENCE[pending[-1].symbol]
        run: list[_Operator] = []
        while pending and PRECEDENCE[pending[-1].symbol] == level:
            run.append(pending.pop())
        run.reverse()
        count = 1 if level == _NEGATION else len(run) + 1
        parts = operands[-count:]
        del operands[-count:]
        operands.append(_BUILDERS[level](self, run, parts))

    def build_negation(self, run: list[_Operator], parts: list[_Operand]) -> _Operand:
        """``-a``."""
        return self.negative(parts[0], run[0].start)

    def build_sum(self, run: list[_Operator], parts: list[_Operand]) -> _Operand:
        """``a + b - c``."""
        terms = [parts[0].node]
        for operator, part in zip(run, parts[1:], strict=True):
            negative = operator.symbol == "-"
            terms.append(self.negative(part, operator.start).node if negative else part.node)
        place = self.place(parts[0].start, parts[-1].end)
        return _Operand(Add(tuple(terms), place), place.start, place.end)

    def build_product(self, run: list[_Operator], parts: list[_Operand]) -> _Operand:
        """``a b / c * d``: divisions take all that stands to their left."""
        if sum(operator.symbol == "/" for operator in run) > DEPTH_LIMIT:
            raise self.too_deep()
        left = [parts[0]]
        for position, (operator, part) in enumerate(zip(run, parts[1:], strict=True)):
            if operator.symbol == "/":
                numerator = self.product(left)
                place = self.place(numerator.start, part.end)
                quotient = Divide(numerator.node, part.node, place)
                left = [_Operand(quotient, place.start, place.end)]
                continue
            if operator.symbol == "juxtaposition" and position and run[position - 1].symbol == "/":
                raise self.unclear_quotient(parts[position - 1 : position + 2])
            left.append(part)
        return self.product(left)

    def build_power(self, run: list[_Operator], parts: list[_Operand]) -> _Operand:
        """``x^y^-z``, from the right."""
        if len(run) > DEPTH_LIMIT:
            raise self.too_deep()
        result = parts[-1]
        for operator, base in zip(reversed(run), reversed(parts[:-1]), strict=True):
            if operator.symbol == "^-":
                result = self.negative(result, operator.start)
            place = self.place(base.start, result.end)
            result = _Operand(Power(base.node, result.node, place), place.start, place.end)
        return result

    def negative(self, part: _Operand, start: int) -> _Operand:
        """The operand with the minus sign that stands at ``start``."""
        return _Operand(Negate(part.node, self.place(start, part.end)), start, part.end)

    def product(self, parts: list[_Operand]) -> _Operand:
        """One flat product, or the only factor."""
        if len(parts) == 1:
            return parts[0]
        place = self.place(parts[0].start, parts[-1].end)
        return _Operand(
            Multiply(tuple([part.node for part in parts]), place), place.start, place.end
        )

    def unclear_quotient(self, parts: list[_Operand]) -> EquationSyntaxError:
        """``a / b c`` has two readings."""
        a, b, c = (self.shown(part) for part in parts)
        return self.error(
            f"{a} / {b} {c} can be read in two ways",
            f"write ({a} / {b}) {c} or {a} / ({b} {c})",
            self.place(parts[0].start, parts[-1].end),
        )

    def shown(self, part: _Operand) -> str:
        """The operand as it was written, if that is short."""
        text = self.text[part.start : part.end]
        return text if len(text) <= 40 and "\n" not in text else "(…)"

    def too_deep(self) -> EquationSyntaxError:
        """The tree of the statement at hand would be too deep."""
        return EquationSyntaxError(
            f"nested too deeply: more than {DEPTH_LIMIT} levels",
            [self.at(self.previous)],
            "give an inner part a name in an equation of its own",
        )

    def check_depth(self, expression: Expression) -> None:
        """Refuse a tree on which later passes could not recurse."""
        stack = [(expression, 1)]
        below: tuple[Expression, ...]
        while stack:
            node, depth = stack.pop()
            if depth > DEPTH_LIMIT:
                raise self.too_deep()
            if isinstance(node, Access):
                below = tuple([s for s in node.subscripts if isinstance(s, Access)])
            else:
                below = children(node)
            stack.extend((child, depth + 1) for child in below)


_BUILDERS: dict[int, Callable[..., _Operand]] = {
    _SUM: ExpressionParser.build_sum,
    _NEGATION: ExpressionParser.build_negation,
    _PRODUCT: ExpressionParser.build_product,
    _POWER: ExpressionParser.build_power,
}
