"""Random expressions of every kind over letters and tensors, smooth enough for finite differences."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from einprop.notation.tree import (
    Access,
    Add,
    Affine,
    Call,
    Divide,
    Expression,
    Index,
    IndexValue,
    Iverson,
    Multiply,
    Negate,
    Number,
    Power,
    Subscript,
)
from tests.strategies.language.tensors import Letter, Store, Tensor

NAMES = ("i", "j", "k", "l", "m", "n", "o", "q", "r", "v", "w", "e", "f", "g")
SMOOTH = ("exp", "sin", "cos", "tanh", "sigmoid", "softplus", "erf", "expm1", "stop_gradient")
KINKED = ("relu", "abs", "sign", "floor")
POSITIVE = ("log", "sqrt", "log1p")
SEVERAL = ("maximum", "minimum", "leaky_relu", "elu", "clip", "where", "tan", "logit")
PRELUDE = (
    *("silu", "gelu", "gelu_tanh", "mish", "selu", "relu6", "hardtanh", "hardsigmoid"),
    *("hardswish", "log_sigmoid", "softsign", "sinh", "cosh"),
)
PARAMETRIC = ("celu", "softshrink", "huber")
PAIRS = ("logaddexp",)
FOLDS = ("sum", "max", "min", "prod", "mean", "logsumexp")
NORMS = ("var", "std", "rms", "norm", "norm1", "norminf")
CHOICES = ("argmax", "argmin")
KEEPS = ("softmax", "log_softmax", "cumsum", "cumprod", "cummax", "cummin")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
KINDS = (
    *("read", "add", "product", "product", "contraction", "contraction", "divide", "power"),
    *(
        "leaf",
        "leaf",
        "leaf",
        "leaf",
        "leaf",
        "fold",
        "fold",
        "fold",
        "keep",
        "keep",
        "compared",
        "mask",
        "mask",
        "negate",
        "defined",
        "trace",
    ),
)
LARGEST = 36
"""How many positions a nest of loops may have."""


def half(expression: Expression) -> Expression:
    return Multiply((Number(0.5), expression))


def positive(expression: Expression) -> Expression:
    return Add((Number(1.5), Power(expression, Number(2))))


def positions(letters: Iterable[Letter]) -> int:
    """How many positions letters have together."""
    return math.prod(letter.size for letter in letters)


class Values:
    """Draws the expressions of one equation."""

    def __init__(
        self, store: Store, declared: Sequence[Letter], definitions: dict[str, int]
    ) -> None:
        self.store = store
        self.draw = store.draw
        self.declared = declared
        self.definitions = definitions
        self.letters: dict[str, Letter] = {}
        self.bindings: Counter[str] = Counter()
        self.explicit = False
        """Whether sums are written: under ``max=`` none is implied."""

    # Letters

    def fresh(self, size: int | None = None, *, ranged: bool = True) -> Letter:
        """A letter that the equation does not have yet."""
        draw = self.draw
        declared = [x for x in self.declared if x.name not in self.letters]
        declared = [x for x in declared if size in (None, x.stop)]
        if declared and draw.chance(40):
            letter = draw.choose(declared)
            self.letters[letter.name] = letter
            return letter
        start = draw.number(1, 2) if ranged and size is None and draw.chance(8) else 0
        return self.undeclared(start + (draw.number(1, 3) if size is None else size), start)

    def undeclared(self, stop: int, start: int = 0) -> Letter:
        """A letter of no declared type that the equation does not have yet."""
        taken = {*self.letters, *(x.name for x in self.declared)}
        name = next(n for n in self.draw.permuted(NAMES) if n not in taken)
        self.letters[name] = Letter(name, start, stop)
        return self.letters[name]

    def bound(self, scope: Sequence[Letter]) -> Letter | None:
        """A letter for a reduction: new, one that another reduction has had, or one with a prime."""
        draw = self.draw
        held = {x.name for x in scope}
        room = LARGEST // max(positions(scope), 1)
        again = [x for n, x in self.letters.items() if self.bindings[n] and n not in held]
        primed = [x for x in scope if f"{x.name}'" not in self.letters and "'" not in x.name]
        if again and draw.chance(15):
            letter = draw.choose(again)
        elif primed and draw.chance(15):
            like = draw.choose(primed)
            letter = Letter(f"{like.name}'", like.start, like.stop, like.type, like.known)
            self.letters[letter.name] = letter
        else:
            letter = self.fresh()
        if letter.size > room:
            return None
        self.bindings[letter.name] += 1
        return letter

    # Reads

    def access(self, must: Sequence[Letter], may: Sequence[Letter] = ()) -> Access:
        """A tensor at subscripts that have all of ``must`` and perhaps some of ``may``."""
        draw = self.draw
        extra = [x for x in may if x not in must and draw.chance(40)]
        letters = draw.permuted((*must, *extra))
        held = [t for t in self.store.readable() if t.shape or not letters]
        if held and draw.chance(45):
            tensor = draw.choose(held)
            if len(tensor.shape) > 0 or not letters:
                return self.at(tensor, letters)
        groups = self.parts(letters)
        shape = tuple(self.store.size_for(group) for group in groups)
        types = tuple(
            group[0].type if len(group) == 1 and group[0].stop == n and group[0].whole else None
            for group, n in zip(groups, shape, strict=True)
        )
        tensor = Tensor(f"x{len(self.store.tensors)}", shape, types)
        return self.at(self.store.add(tensor), letters, groups)

    def parts(self, letters: Sequence[Letter]) -> list[tuple[Letter, ...]]:
        """The letters of each axis of a new tensor: mostly one, sometimes two or none."""
        draw, groups, rest = self.draw, [], list(letters)
        while rest:
            count = 2 if len(rest) > 1 and draw.chance(25) else 1
            groups.append(tuple(rest[:count]))
            rest = rest[count:]
        if groups and len(groups) < 3 and draw.chance(6):
            groups.append((draw.choose(letters),))
        if len(groups) < 3 and draw.chance(8):
            groups.append(())
        return groups

    def at(
        self,
        tensor: Tensor,
        letters: Sequence[Letter],
        groups: Sequence[tuple[Letter, ...]] | None = None,
    ) -> Access:
        """A read of a tensor, the letters spread over its axes."""
        if groups is None:
            spread: list[list[Letter]] = [[] for _ in tensor.shape]
            free = list(range(len(tensor.shape)))
            for letter in letters:
                fits = [
                    a
                    for a in free
                    if letter.stop == tensor.shape[a] and letter.type == tensor.types[a]
                ]
                axis = self.draw.choose(fits or free or range(len(tensor.shape)))
                spread[axis].append(letter)
                if axis in free:
                    free.remove(axis)
            groups = [tuple(group) for group in spread]
        return Access(tensor.name, tuple(map(self.subscript, groups, tensor.shape, tensor.types)))

    def subscript(self, group: Sequence[Letter], size: int, type_: str | None) -> Subscript:
        if not group and self.draw.chance(15):
            return self.store.gather((), size)
        return self.store.subscript(group, size, type_)

    # Expressions

    def value(self, may: Sequence[Letter], depth: int, must: Sequence[Letter] = ()) -> Expression:
        """An expression whose free letters are all of ``must`` and some of ``may``."""
        if depth <= 0:
            if not must and self.draw.chance(15):
                return Number(self.draw.choose((0.5, 1, 2, 3, 1.5)))
            return self.access(must, may)
        return getattr(self, self.draw.choose(KINDS))(may, depth - 1, must)

    def read(self, may, depth, must):
        return self.access(must, may)

    def negate(self, may, depth, must):
        inner = self.value(may, depth, must)
        return Negate(Multiply((Number(2), inner))) if isinstance(inner, Number) else Negate(inner)

    def add(self, may, depth, must):
        first = self.value(may, depth, must)
        other = self.value(may, depth - 1)
        return Add(self.draw.permuted((first, Negate(other) if self.draw.chance(30) else other)))

    def product(self, may, depth, must):
        factors = [self.value(may, depth, must), self.value(may, depth - 1)]
        return Multiply(self.draw.permuted(factors))

    def contraction(self, may, depth, must):
        """A product with a letter that is summed because it repeats."""
        letter = self.summed((*must, *may))
        if letter is None:
            return self.product(may, depth, must)
        letters = [letter]
        factors = [self.access((letter, *must), may), self.access((letter,), may)]
        if self.draw.chance(25):
            second = self.summed((*must, *may, letter))
            if second is not None:
                letters.append(second)
                factors += [self.access((letter, second), ()), self.access((second,), ())]
        elif self.draw.chance(20):
            factors.append(self.value(may, depth - 1))
        return self.summing(Multiply(self.draw.permuted(factors)), letters)

    def summing(self, expression: Expression, letters: Sequence[Letter]) -> Expression:
        """What is summed over letters that repeat in it, by a sum where none is implied."""
        names = tuple(letter.name for letter in letters)
        return Call("sum", (expression,), names) if self.explicit else expression

    def summed(self, scope: Sequence[Letter]) -> Letter | None:
        """A letter for an implicit sum."""
        if positions(dict.fromkeys(scope)) * 3 > LARGEST:
            return None
        return self.fresh()

    def trace(self, may, depth, must):
        """A letter that repeats in one access."""
        letter = self.summed((*must, *may))
        if letter is None:
            return self.access(must, may)
        size = letter.stop + self.draw.number(0, 1)
        types = (letter.type if letter.whole and size == letter.stop else None,) * 2
        tensor = self.store.add(Tensor(f"x{len(self.store.tensors)}", (size, size), types))
        trace = self.at(tensor, (letter, letter), [(letter,), (letter,)])
        return Multiply((self.summing(trace, [letter]), self.access(must, may)))

    def divide(self, may, depth, must):
        return Divide(self.value(may, depth, must), positive(self.value(may, depth - 1)))

    def power(self, may, depth, must):
        base = self.value(may, depth, must)
        if self.draw.chance(60):
            return Power(base, self.draw.choose((Number(2), Number(3), Number(1), Number(0))))
        exponents = (Number(0.5), Negate(Number(1)), Negate(Number(2)), None, None)
        exponent = self.draw.choose(exponents) or Call("sin", (self.access((), may),))
        return Power(positive(base), exponent)

    def leaf(self, may, depth, must):
        argument = self.value(may, depth, must)
        known = (*SMOOTH, *KINKED, *POSITIVE, *SEVERAL, *PRELUDE, *PARAMETRIC, *PAIRS)
        function = self.draw.choose((*known, *SEVERAL))
        if function in PARAMETRIC:
            return Call(function, (argument, Number(self.draw.choose((0.25, 0.7)))))
        if function in PAIRS:
            return Call(function, (argument, self.value(may, depth - 1)))
        if function in POSITIVE:
            return Call(function, (positive(argument),))
        if function in SEVERAL:
            return getattr(self, f"leaf_{function}")(argument, may, depth)
        return Call(function, (argument,))

    def near(self, center: float, may: Sequence[Letter]) -> Expression:
        """A value within 0.3 of a number."""
        center_ = Number(center) if center >= 0 else Negate(Number(-center))
        return Add((center_, Multiply((Number(0.3), Call("sin", (self.access((), may),))))))

    def leaf_maximum(self, argument, may, depth):
        return Call("maximum", (argument, self.value(may, depth - 1)))

    def leaf_minimum(self, argument, may, depth):
        return Call("minimum", (argument, self.value(may, depth - 1)))

    def leaf_leaky_relu(self, argument, may, depth):
        return Call("leaky_relu", (argument, self.draw.choose((Number(0.1), self.near(0.4, may)))))

    def leaf_elu(self, argument, may, depth):
        return Call("elu", (argument, self.draw.choose((Number(1), self.near(0.7, may)))))

    def leaf_clip(self, argument, may, depth):
        if self.draw.chance(40):
            return Call("clip", (argument, Negate(Number(0.7)), Number(0.9)))
        return Call("clip", (argument, self.near(-0.5, may), self.near(0.5, may)))

    def leaf_where(self, argument, may, depth):
        condition = self.iverson(may, depth - 1) if self.draw.chance(60) else self.access((), may)
        return Call("where", self.ordered(condition, argument, self.value(may, depth - 1)))

    def ordered(self, condition, one, two):
        return (condition, *self.draw.permuted((one, two)))

    def leaf_logit(self, argument, may, depth):
        return Call("logit", (Call("sigmoid", (argument,)),))

    def leaf_tan(self, argument, may, depth):
        return Call("tan", (Call("sin", (argument,)),))

    def defined(self, may, depth, must):
        """A call of one of the program's own definitions."""
        if not self.definitions:
            return self.leaf(may, depth, must)
        name = self.draw.choose(self.definitions)
        count, indices = self.definitions[name]
        if indices == "keeps":
            return self.keep(may, depth, must, name)
        if indices == "binds":
            return self.fold(may, depth, must, name)
        others = [self.value(may, depth - 1) for _ in range(count - 1)]
        return Call(name, (self.value(may, depth, must), *others))

    def fold(self, may, depth, must, function=None):
        scope = tuple(dict.fromkeys((*must, *may)))
        letter = self.bound(scope)
        if letter is None:
            return self.leaf(may, depth, must)
        if function is None:
            function = self.draw.choose(FOLDS if self.draw.chance(65) else (*NORMS, *CHOICES))
        if function in NORMS and letter.size < 2:
            function = "var"
        if function == "sum" and self.draw.chance(15):
            count = Call("sum", (Number(1),), (letter.name,))
            return Multiply((count, self.access(must, may)))
        inside = (*must, letter)
        if function in ("sum", "max", "prod") and self.draw.chance(20):
            second = self.bound((*scope, letter))
            if second is not None and second != letter:
                body = self.value((*may, letter, second), depth, (*inside, second))
                return Call(function, (body,), (letter.name, second.name))
        body = self.value((*may, letter), depth, inside)
        if function in NORMS:
            # Not all alike and not all 0: there a norm has no slope.
            body = Add((body, self.distinct(letter)))
        return Call(function, (body,), (letter.name,))

    def distinct(self, letter: Letter) -> Access:
        """A tensor that has a value of its own at each position."""
        tensor = Tensor(f"x{len(self.store.tensors)}", (letter.stop,), (letter.type,))
        plain = Index(letter.name) if letter.whole else Affine(((1, letter.name),))
        return Access(self.store.add(tensor).name, (plain,))

    def keep(self, may, depth, must, function=None):
        scope = must or may
        if not scope:
            return self.leaf(may, depth, must)
        letter = self.draw.choose(scope)
        wanted = must if letter in must else (*must, letter)
        body = self.value(may, depth, wanted)
        return Call(function or self.draw.choose(KEEPS), (body,), (letter.name,))

    def compared(self, may, depth, must):
        return Multiply((self.iverson(may, depth), self.access(must, may)))

    def iverson(self, may, depth):
        return Iverson(
            self.value(may, depth),
            self.draw.choose(COMPARISONS),
            Number(self.draw.choose((0, 0.25))),
        )

    def mask(self, may, depth, must):
        """A comparison of positions."""
        scope = tuple(dict.fromkeys((*must, *may)))
        if not scope:
            return self.leaf(may, depth, must)
        pairs = [(x, y) for x in scope for y in scope if x != y and _compare(x, y)]
        left, right = self.draw.choose(pairs) if pairs else (self.draw.choose(scope), None)
        sides: list[Expression] = [IndexValue(left.name)]
        if right is not None and self.draw.chance(90):
            sides.append(IndexValue(right.name))
            if self.draw.chance(25):
                sides[0] = Add((sides[0], Number(1)))
        else:
            sides.append(Number(self.draw.number(0, 2)))
        bracket = Iverson(sides[0], self.draw.choose(("==", *COMPARISONS)), sides[1])
        anchor = tuple(dict.fromkeys((left, *must)))
        return Multiply((bracket, self.access(anchor, may)))


def _compare(one: Letter, other: Letter) -> bool:
    """Whether the positions of two letters may be compared."""
    return one.type == other.type and one.stop == other.stop


def plain(name: str, letters: Sequence[Letter]) -> Access:
    """A tensor at letters."""
    return Access(name, tuple(Index(letter.name) for letter in letters))
