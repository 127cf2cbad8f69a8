"""Random programs that have a meaning: every construct that this version runs, at sizes that a loop can do.

Values stay where functions are smooth and finite, so that a finite difference says something; points
that happen to be kinks or overflow are for the test to skip.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from einprop.analysis.resolve import resolve
from einprop.errors import IndexScopeError
from einprop.notation.parser import parse
from einprop.notation.printer import program_text
from einprop.notation.tree import (
    Access,
    Add,
    Call,
    Divide,
    Equation,
    Expression,
    Index,
    IndexValue,
    Iverson,
    Multiply,
    Negate,
    Number,
    Power,
    TensorDeclaration,
)

LETTERS = "abcd"
SMOOTH = ("exp", "sin", "cos", "tanh", "sigmoid", "softplus", "erf", "expm1", "stop_gradient")
KINKED = ("relu", "abs", "sign", "floor", "leaky_relu", "elu")
POSITIVE = ("log", "sqrt", "log1p")
PAIRS = ("maximum", "minimum")
KINDS = (
    *("atom", "add", "product", "product", "contraction", "contraction", "divide", "power"),
    *("call", "call", "fold", "fold", "keep", "iverson", "negate", "where"),
)
FOLDS = ("sum", "mean", "max", "min", "prod", "logsumexp")
KEEPS = ("softmax", "log_softmax")
PRELUDE = ("silu", "gelu", "log_sigmoid", "softsign")


@dataclass(frozen=True)
class Case:
    """A program's text and inputs for it."""

    text: str
    tensors: dict[str, np.ndarray]

    def __repr__(self) -> str:
        shapes = ", ".join(f"{n}: {v.tolist()}" for n, v in self.tensors.items())
        return f"Case('''\n{self.text}\n''', {{{shapes}}})"


class _Builder:
    """Draws expressions; remembers the tensors that they read."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.tensors: dict[str, tuple[str, ...]] = {}
        self.shapes: dict[str, tuple[str, ...]] = {}

    def choose(self, options):
        return self.draw(st.sampled_from(tuple(options)))

    def chance(self, percent: int) -> bool:
        return self.draw(st.integers(0, 99)) < percent

    def read(self, must: tuple[str, ...], may: tuple[str, ...]) -> Access:
        """A tensor at all of ``must`` and some of ``may``, an old one if one fits."""
        shaped = [
            (name, letters)
            for name, letters in self.tensors.items()
            if set(must) <= set(letters) <= {*must, *may}
        ]
        if shaped and self.chance(55):
            name, letters = self.choose(shaped)
            return Access(name, tuple(Index(i) for i in letters))
        extra = tuple(i for i in may if i not in must and self.chance(45))
        letters = tuple(self.draw(st.permutations((*must, *extra))))
        if letters and len(letters) < 3 and self.chance(7):
            letters = (*letters, self.choose(letters))
        name = f"x{len(self.shapes)}"
        if len(set(letters)) == len(letters):
            self.tensors[name] = letters
        self.shapes[name] = letters
        return Access(name, tuple(Index(i) for i in letters))

    def fresh(self, used: tuple[str, ...]) -> str | None:
        free = [i for i in LETTERS if i not in used]
        return self.choose(free) if free else None

    def expression(
        self, may: tuple[str, ...], depth: int, must: tuple[str, ...] = ()
    ) -> Expression:
        """An expression whose free indices are all of ``must`` and some of ``may``."""
        if depth <= 0:
            if not must and self.chance(12):
                return Number(self.choose((0.5, 1, 2, 3, 1.5)))
            return self.read(must, may)
        kind = self.choose(KINDS)
        return getattr(self, kind)(may, depth - 1, must)

    def atom(self, may, depth, must):
        return self.read(must, may)

    def negate(self, may, depth, must):
        inner = self.expression(may, depth, must)
        return Negate(Multiply((Number(2), inner))) if isinstance(inner, Number) else Negate(inner)

    def add(self, may, depth, must):
        first = self.expression(may, depth, must)
        others = [self.expression(may, depth - 1) for _ in range(self.draw(st.integers(1, 2)))]
        terms = [first, *(Negate(o) if self.chance(30) else o for o in others)]
        return Add(tuple(self.draw(st.permutations(terms))))

    def product(self, may, depth, must):
        factors = [self.expression(may, depth, must), self.expression(may, depth - 1)]
        return Multiply(tuple(self.draw(st.permutations(factors))))

    def contraction(self, may, depth, must):
        """A product with an index that is summed because it repeats."""
        index = self.fresh((*may, *must))
        if index is None:
            return self.product(may, depth, must)
        factors = [self.read((index, *must), may), self.read((index,), may)]
        if self.chance(40):
            second = self.fresh((*may, *must, index))
            if second is not None:
                factors += [self.read((index, second), may), self.read((second,), may)]
        elif self.chance(30):
            factors.append(self.expression(may, depth - 1))
        return Multiply(tuple(self.draw(st.permutations(factors))))

    def divide(self, may, depth, must):
        below = Add((Number(1.5), Power(self.expression(may, depth - 1), Number(2))))
        return Divide(self.expression(may, depth, must), below)

    def power(self, may, depth, must):
        base = self.expression(may, depth, must)
        if self.chance(70):
            return Power(base, self.choose((Number(2), Number(3), Number(1))))
        positive = Add((Number(1.5), Power(base, Number(2))))
        exponents = (Number(0.5), Negate(Number(1)), Negate(Number(2)), None)
        return Power(positive, self.choose(exponents) or self.read((), may))

    def call(self, may, depth, must):
        argument = self.expression(may, depth, must)
        function = self.choose(SMOOTH + KINKED + POSITIVE + PAIRS + PRELUDE + ("clip",))
        if function in POSITIVE:
            return Call(function, (Add((Number(1.5), Power(argument, Number(2)))),))
        if function in PAIRS:
            return Call(function, (argument, self.expression(may, depth - 1)))
        if function == "clip":
            return Call("clip", (argument, Negate(Number(0.7)), Number(0.9)))
        return Call(function, (argument,))

    def where(self, may, depth, must):
        condition = self.iverson(may, depth - 1, ())
        return Call("where", (condition, self.expression(may, depth, must), self.read((), may)))

    def fold(self, may, depth, must):
        index = self.fresh((*may, *must))
        if index is None:
            return self.call(may, depth, must)
        function = self.choose(FOLDS)
        if function == "sum" and self.chance(25) and may:
            # The size of an axis: an index of the left bound again.
            return Multiply((Call("sum", (Number(1),), (self.choose(may),)), self.read(must, may)))
        return Call(function, (self.expression((*may, index), depth, (*must, index)),), (index,))

    def keep(self, may, depth, must):
        if not must and not may:
            return self.call(may, depth, must)
        index = self.choose(must or may)
        wanted = must if index in must else (*must, index)
        body = self.expression(may, depth, wanted)
        return Call(self.choose(KEEPS), (body,), (index,))

    def iverson(self, may, depth, must):
        comparison = self.choose(("<", "<=", ">", ">=", "==", "!="))
        known = tuple(dict.fromkeys((*must, *may)))
        if len(must) <= 1 and len(known) >= 2 and self.chance(35):
            left, right = self.draw(st.permutations(known))[:2]
            bracket = Iverson(
                IndexValue(left), self.choose(("<", "<=", ">", ">=")), IndexValue(right)
            )
            return Multiply((bracket, self.read(tuple(dict.fromkeys((left, right, *must))), may)))
        bracket = Iverson(self.expression(may, depth, must), comparison, Number(0.25))
        return Multiply((bracket, self.read(must, may)))


@st.composite
def cases(draw: st.DrawFn, *, depth: int = 3, equations: int = 3, scalar: bool = False) -> Case:
    """A program of one to three equations, and random inputs.

    Args:
        draw: Given by hypothesis.
        depth: How deep expressions nest.
        equations: How many tensors are defined at most.
        scalar: Whether the program ends in one scalar that depends on all that it defines.
    """
    # An axis without positions takes the values of all that depends on it: in a third of the programs.
    least = draw(st.sampled_from([0, 1, 1]))
    sizes = {letter: draw(st.integers(least, 3)) for letter in LETTERS}
    builder = _Builder(draw)
    lines: list[Equation] = []
    for number in range(draw(st.integers(1, equations))):
        target = tuple(draw(st.permutations(LETTERS))[: draw(st.integers(0, 2))])
        expression = builder.expression(target, depth, target)
        name = f"y{number}"
        indices = tuple(Index(i) for i in target)
        if len(target) == 1 and builder.chance(8):
            indices = (*indices, *indices)
        access = Access(name, indices)
        operator = "+=" if builder.chance(15) else "="
        lines.append(Equation(access, operator, expression))
        if len(indices) == len(target) and builder.chance(20):
            lines.append(Equation(access, "+=", builder.expression(target, 1)))
        if len(indices) == len(target):
            builder.tensors[name] = target
    if scalar:
        defined = {line.target.name: line.target for line in lines}
        terms = tuple(_total(access) for access in defined.values())
        body = terms[0] if len(terms) == 1 else Add(terms)
        lines.append(Equation(Access("loss"), "=", body))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    tensors = {
        name: rng.uniform(-1.5, 1.5, [sizes[i] for i in letters])
        for name, letters in builder.shapes.items()
    }
    statements = [TensorDeclaration("input", _declared(builder))] if builder.chance(15) else []
    text = program_text((*(s for s in statements if s.tensors), *lines))
    assume(_has_one_reading(text))
    return Case(text, tensors)


def _has_one_reading(text: str) -> bool:
    """Whether no index repeats where two sums could be meant, which is refused."""
    try:
        resolve(parse(text))
    except IndexScopeError as error:
        return "all together?" not in str(error)
    return True


def _declared(builder: _Builder) -> tuple[Access, ...]:
    return tuple(
        Access(name, tuple(Index(i) for i in letters)) for name, letters in builder.shapes.items()
    )


def _total(access: Access) -> Expression:
    indices = tuple(dict.fromkeys(s.name for s in access.subscripts if isinstance(s, Index)))
    body = Call("sin", (access,))
    return Call("sum", (body,), indices) if indices else body
