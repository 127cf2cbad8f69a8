"""Expressions: operations, functions, reductions, definitions and brackets around reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.strategies.drawn.model import (
    BINDING,
    KEPT,
    Affine,
    Apply,
    Compare,
    Expression,
    Letter,
    Number,
    Over,
    free,
)
from tests.strategies.drawn.reads import NUMBERS, Reads

SMOOTH = ("tanh", "sin", "cos", "sigmoid", "softplus", "erf", "silu", "gelu", "swirl")
KINKED = ("relu", "abs", "softsign")
PAIRS = ("blend", "maximum", "minimum")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


class Expressions(Reads):
    """Expressions that hold given letters."""

    def summands(self, along: tuple[Letter, ...]) -> Expression:
        """What ``+=`` adds: perhaps a sum that the operator names."""
        if not self.draw.chance(40):
            return self.value(along, 1)
        lone = self.letter()
        body: Expression = self.new((*along, lone))
        if self.draw.chance(40) and along:
            body = Apply("*", (body, self.new(along[:1])))
        return Over("sum", (lone,), body, silent=True)

    def value(self, along: tuple[Letter, ...], depth: int) -> Expression:
        """An expression that holds each of some letters."""
        found = self.expression(along, depth)
        missing = tuple(x for x in along if x not in free(found))
        if missing:
            other = self.read(missing, must=True)
            found = Apply(self.draw.choose(("*", "+")), (found, other))
        return found

    def expression(self, scope: tuple[Letter, ...], depth: int) -> Expression:
        """An expression in which some of the letters may stand."""
        draw = self.draw
        if depth <= 0 or draw.chance(20):
            return self.leaf(scope)

        def below() -> Expression:
            return self.expression(scope, depth - 1)

        def several() -> tuple[Expression, ...]:
            return tuple(below() for _ in range(draw.number(2, 3)))

        def quotient() -> Expression:
            square = Apply("^", (below(), Number(2.0)))
            return Apply("/", (below(), Apply("+", (Number(1.5), square))))

        leaves = (*SMOOTH, *SMOOTH, *KINKED)
        kinds: tuple[Callable[[], Expression], ...] = (
            lambda: Apply("+", several()),
            *(lambda: Apply("*", several()),) * 2,
            lambda: Apply("-", (below(),)),
            *(lambda: Apply(draw.choose(leaves), (below(),)),) * 2,
            lambda: Apply(draw.choose(PAIRS), (below(), below())),
            lambda: Apply("where", (self.bracket(scope), below(), below())),
            quotient,
            lambda: Apply("^", (below(), Number(draw.choose((2.0, 2.0, 3.0))))),
            *(lambda: self.sum(scope, depth),) * 3,
            lambda: self.bound(("max", "min", "prod", "max"), 1, scope, depth),
            lambda: self.bound(BINDING, draw.choose((1, 1, 2)), scope, depth),
            lambda: self.along(scope, depth),
        )
        return draw.choose(kinds)()

    def bound(
        self, functions: Sequence[str], count: int, scope: tuple[Letter, ...], depth: int
    ) -> Expression:
        """A reduction, or a definition that binds its indices."""
        more = tuple(self.letter() for _ in range(count))
        body = self.value_of((*more, *scope), more, depth - 1)
        return Over(self.draw.choose(functions), more, body)

    def along(self, scope: tuple[Letter, ...], depth: int) -> Expression:
        """A definition that keeps its index."""
        if not scope:
            return self.leaf(scope)
        x = self.draw.choose(scope)
        return Over(self.draw.choose(KEPT), (x,), self.value_of(scope, (x,), depth - 1))

    def value_of(
        self, scope: tuple[Letter, ...], must: tuple[Letter, ...], depth: int
    ) -> Expression:
        """An expression that may hold some letters and holds some of them."""
        found = self.expression(scope, depth)
        missing = tuple(x for x in must if x not in free(found))
        if missing and not self.draw.chance(4):
            found = Apply("*", (found, self.read(missing, must=True)))
        return found

    def sum(self, scope: tuple[Letter, ...], depth: int) -> Expression:
        draw = self.draw
        old = [x for x in self.used if x not in scope]
        if old and draw.chance(10):
            x = draw.choose(old)  # bound elsewhere already
            return Over("sum", (x,), self.value_of((x, *scope), (x,), depth - 1))
        more = tuple(self.letter() for _ in range(draw.choose((1, 1, 1, 2))))
        if draw.chance(45):
            some = tuple(x for x in scope if draw.chance(60))
            factors = [self.read((*more, *some), must=True), self.read(more, must=True)]
            if draw.chance(30):
                factors.append(self.read(scope, must=False))
            return Over("sum", more, Apply("*", tuple(draw.permuted(factors))), silent=True)
        return Over("sum", more, self.value_of((*more, *scope), more, depth - 1))

    def leaf(self, scope: tuple[Letter, ...]) -> Expression:
        draw = self.draw
        if draw.chance(8):
            return Number(draw.choose(NUMBERS))
        if draw.chance(12):
            return self.bracket(scope)
        return self.read(tuple(x for x in scope if draw.chance(65)), must=False)

    def bracket(self, scope: tuple[Letter, ...]) -> Expression:
        draw = self.draw
        operator = draw.choose(COMPARISONS)
        if scope and draw.chance(75):
            left = draw.choose(scope)
            right = draw.choose(scope)
            if right.name != left.name and draw.chance(60):
                sides = Affine(((1, left),)), Affine(((1, right),))
            else:
                sides = Affine(((1, left),)), Affine((), draw.number(0, 3))
            return Compare(sides[0], operator, sides[1])
        return Compare(self.read(scope[:1], must=False), "<", Number(0.5))
