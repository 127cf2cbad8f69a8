"""Values under simplification: a tensor with a number in front of it and a logarithmic scale.

A `Value` stands for

    coefficient · exp(m₁)^n₁ · exp(m₂)^n₂ … · tensor

with tensors m that are shifts (see stabilise). Coefficients and scales travel through linear
operations, meet their inverses and vanish; only what is left at the end is computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from einprop.analysis.indices import rename_indices
from einprop.calculus.algebra import combined, divided, number
from einprop.notation.functions import EXTREMA
from einprop.notation.tree import (
    Access,
    Add,
    Call,
    Divide,
    Expression,
    IndexValue,
    Iverson,
    Multiply,
    Negate,
    Number,
    Power,
)
from einprop.passes.builder import Atom, Builder, letters, renamed

__all__ = ["Algebra", "Scale", "Value"]

Scale = tuple[tuple[Access, int], ...]
"""Shifts and how often each counts, sorted, none of them 0 times."""


@dataclass(frozen=True)
class Value:
    """``coefficient · exp(scale) · atom``; without an atom, the number itself."""

    coefficient: int | float = 1
    atom: Access | None = None
    scale: Scale = ()

    @property
    def indices(self) -> tuple[str, ...]:
        """The indices of the tensor."""
        return letters(self.atom) if self.atom is not None else ()

    @property
    def scale_indices(self) -> set[str]:
        """The indices of the shifts."""
        return {i for shift, _ in self.scale for i in letters(shift)}


def _combined(left: Scale, right: Scale, sign: int) -> Scale:
    counts = dict(left)
    for shift, count in right:
        counts[shift] = counts.get(shift, 0) + sign * count
    return tuple(sorted(((s, n) for s, n in counts.items() if n), key=lambda item: item[0].name))


@dataclass(frozen=True)
class _LogSum:
    """``shift + logarithm``, the tensor of which is read at ``indices``."""

    indices: tuple[str, ...]
    shift: Access
    logarithm: Access


class Algebra:
    """Operations on values; each defines at most the tensors that it cannot do without."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.logarithms: dict[str, _LogSum] = {}

    def define(self, expression: Expression) -> Value:
        """The value of one operation on atoms."""
        return Value(1, self.builder.define(expression))

    def atom(self, value: Value) -> Atom:
        """The tensor or number that holds an unscaled value."""
        assert not value.scale
        if value.atom is None:
            return Number(value.coefficient)
        if value.coefficient == 1:
            return value.atom
        if value.coefficient == -1:
            return self.builder.define(Negate(value.atom))
        return self.builder.define(Multiply((Number(value.coefficient), value.atom)))

    def add(self, values: Sequence[Value]) -> Value:
        """The sum of values of one scale; a common number is taken out, equal tensors collect."""
        scale = values[0].scale
        collected: dict[Access | None, int | float] = {}
        for value in self.split_logarithms(values):
            collected[value.atom] = collected.get(value.atom, 0) + value.coefficient
        # A tensor counted 0 times stays: 0 times inf is nan.
        terms = {atom: c for atom, c in collected.items() if c != 0 or atom is not None}
        if not terms:
            return Value(0)
        if len(terms) == 1:
            ((atom, coefficient),) = terms.items()
            return Value(coefficient, atom, scale if atom is not None else ())
        common = self.common_coefficient(list(terms.values()))
        parts = tuple(
            self.signed(Value(c / common if common != 1 else c, a)) for a, c in terms.items()
        )
        return replace(self.define(Add(parts)), coefficient=common, scale=scale)

    def split_logarithms(self, values: Sequence[Value]) -> list[Value]:
        """``s - (m + log z)`` as ``(s - m) - log z`` where the program holds ``s - m``: no digits lost."""
        found = list(values)
        for value in values:
            parts = self.logarithms.get(value.atom.name) if value.atom is not None else None
            if parts is None or abs(value.coefficient) != 1:
                continue
            names = dict(zip(parts.indices, value.indices, strict=True))
            shift, logarithm = renamed(parts.shift, names), renamed(parts.logarithm, names)
            for other in found:
                if other is value or other.atom is None:
                    continue
                atom = self.atom(Value(-other.coefficient * value.coefficient, other.atom))
                held = self.builder.held(Add((atom, Negate(shift))))
                if held is not None:
                    found[found.index(value)] = Value(value.coefficient, logarithm)
                    found[found.index(other)] = Value(-value.coefficient, held)
                    break
        return found

    @staticmethod
    def common_coefficient(coefficients: list[int | float]) -> int | float:
        """The number that all terms share up to sign; its sign is that of most of them."""
        size = abs(coefficients[0])
        if size == 0 or any(abs(c) != size for c in coefficients):
            return 1
        positive = sum(c > 0 for c in coefficients)
        return -size if positive == 0 else size

    def signed(self, value: Value) -> Expression:
        """A term of an addition."""
        if value.atom is None:
            return number(value.coefficient)
        if value.coefficient < 0:
            return Negate(self.atom(replace(value, coefficient=-value.coefficient)))
        return self.atom(value)

    def multiply(self, left: Value, right: Value, summed: tuple[str, ...] = ()) -> Value:
        """A product, contracted over ``summed``."""
        coefficient = combined(left.coefficient, right.coefficient)
        if coefficient is None:
            return self.multiply(self.bare(left), self.bare(right), summed)
        if left.atom is None or right.atom is None:
            whole = right if left.atom is None else left
            value = replace(whole, coefficient=coefficient)
            return self.sum(value, summed) if summed else value
        scale = _combined(left.scale, right.scale, 1)
        if not summed:
            inverse = self.by_reciprocal(left.atom, right.atom)
            if inverse is not None:
                return replace(inverse, coefficient=coefficient, scale=scale)
            product = self.define(Multiply((left.atom, right.atom)))
            return replace(product, coefficient=coefficient, scale=scale)
        left, right, coefficient = self.settled(left, right, summed, coefficient)
        assert left.atom is not None
        assert right.atom is not None
        product = self.define(Call("sum", (Multiply((left.atom, right.atom)),), summed))
        return replace(product, coefficient=coefficient, scale=scale)

    def settled(
        self, left: Value, right: Value, summed: tuple[str, ...], coefficient: float
    ) -> tuple[Value, Value, int | float]:
        """Numbers multiplied in before a contraction whose result is larger than an operand."""
        kept = {*left.indices, *right.indices} - set(summed)
        sizes = [self.builder.weight(v.indices) for v in (left, right)]
        if coefficient == 1 or self.builder.weight(kept) <= min(sizes):
            return replace(left, coefficient=1), replace(right, coefficient=1), coefficient
        plain = [Value(1, v.atom) for v in (left, right)]
        place = sizes.index(min(sizes))
        scaled = self.atom(replace(plain[place], coefficient=coefficient))
        assert isinstance(scaled, Access)
        plain[place] = Value(1, scaled)
        return plain[0], plain[1], 1

    def by_reciprocal(self, left: Access, right: Access) -> Value | None:
        """``(1 / z) · e`` as ``e / z``; a bracket has to annul what is infinite where z is 0."""
        for inverse, other in ((left, right), (right, left)):
            match self.definition(inverse):
                case Divide(Number(1), Access() as divisor) if not self.is_bracket(other):
                    return self.define(Divide(other, divisor))
        return None

    def sum(self, value: Value, indices: tuple[str, ...]) -> Value:
        """A value summed over indices, some of which it may not have."""
        held = tuple(i for i in indices if i in value.indices)
        if held:
            assert value.atom is not None
            summed = self.define(Call("sum", (value.atom,), held))
            value = replace(summed, coefficient=value.coefficient, scale=value.scale)
        for extent in self.builder.extents([i for i in indices if i not in held]):
            value = self.multiply(value, self.of(extent))
        return value

    @staticmethod
    def of(atom: Atom) -> Value:
        """The value of an atom."""
        return Value(atom.value) if isinstance(atom, Number) else Value(1, atom)

    def divide(self, left: Value, right: Value) -> Value:
        """A quotient."""
        if right.coefficient == 0:
            return self.define(Divide(self.atom(replace(left, scale=())), Number(0)))
        coefficient = divided(left.coefficient, right.coefficient)
        if coefficient is None:
            return self.divide(self.bare(left), self.bare(right))
        if right.atom is None:
            return replace(left, coefficient=coefficient)
        scale = _combined(left.scale, right.scale, -1)
        above = left.atom if left.atom is not None else Number(1)
        quotient = self.define(Divide(above, right.atom))
        return replace(quotient, coefficient=coefficient, scale=scale)

    def unscaled(self, value: Value) -> Value:
        """The value with its scale worked in, all shifts together: they may cancel."""
        exponent = self.add([Value(count, shift) for shift, count in value.scale])
        return self.multiply(self.call("exp", [exponent]), replace(value, scale=()))

    def bare(self, value: Value) -> Value:
        """The value with its number worked into a tensor."""
        if value.atom is None:
            return self.define(Number(value.coefficient))
        atom = self.atom(replace(value, scale=()))
        assert isinstance(atom, Access)
        return Value(1, atom, value.scale)

    def power(self, base: Value, exponent: Value) -> Value:
        """A power; numbers and scales come out of whole exponents."""
        n = exponent.coefficient
        if exponent.atom is None and n == 1:
            return base
        if base.atom is None or exponent.atom is not None or n not in (2, 3, 4):
            return self.define(Power(self.atom(base), self.atom(exponent)))
        coefficient: int | float | None = 1
        for _ in range(int(n)):
            coefficient = coefficient and combined(coefficient, base.coefficient)
        if coefficient is None:
            return self.power(self.bare(base), exponent)
        result = self.define(Power(base.atom, Number(n)))
        scale = tuple((shift, count * int(n)) for shift, count in base.scale)
        return replace(result, coefficient=coefficient, scale=scale)

    def log(self, value: Value) -> Value:
        """The logarithm; scales, exponentials and quotients of them come out of it as terms."""
        bare = self.atom(replace(value, scale=()))
        known = self.known_logarithm(bare)
        logarithm = known or self.define(Call("log", (bare,)))
        if not value.scale:
            return logarithm
        result = self.add([*(Value(count, shift) for shift, count in value.scale), logarithm])
        ((shift, count), *more) = value.scale
        if result.atom is not None and logarithm.atom is not None and count == 1 and not more:
            parts = _LogSum(result.indices, shift, logarithm.atom)
            self.logarithms.setdefault(result.atom.name, parts)
        return result

    def known_logarithm(self, atom: Atom) -> Value | None:
        """``log(exp(d))`` is d, and ``log(exp(d) / z)`` is ``d - log(z)``, where exp would overflow too."""
        match self.definition(atom):
            case Call("exp", (Access() as exponent,)):
                return Value(1, exponent)
            case Divide(Access() as above, Access() as below):
                match self.definition(above):
                    case Call("exp", (Access() as exponent,)):
                        lower = self.log(Value(1, below))
                        negative = replace(lower, coefficient=-lower.coefficient)
                        return self.add([Value(1, exponent), negative])
        return None

    def definition(self, atom: Atom) -> Expression | None:
        """What a tensor is defined as, at the indices at which it is read."""
        equation = self.builder.defined.get(atom.name) if isinstance(atom, Access) else None
        if equation is None:
            return None
        names = dict(zip(letters(equation.target), letters(atom), strict=True))
        return rename_indices(equation.expression, names)

    def is_bracket(self, atom: Atom) -> bool:
        """Whether a tensor is an Iverson bracket."""
        return isinstance(self.definition(atom), Iverson)

    def call(self, function: str, values: Sequence[Value]) -> Value:
        """A leaf function."""
        return self.define(Call(function, tuple([self.atom(v) for v in values])))

    def compare(
        self, left: Value | IndexValue, comparison: str, right: Value | IndexValue
    ) -> Value:
        """An Iverson bracket."""
        sides = [s if isinstance(s, IndexValue) else self.atom(s) for s in (left, right)]
        return self.define(Iverson(sides[0], comparison, sides[1]))

    def reduce(self, function: str, value: Value, indices: tuple[str, ...]) -> Value:
        """A reduction but ``sum``; a positive number comes out of ``max`` and ``min``."""
        coefficient: int | float = 1
        if function in EXTREMA and value.coefficient > 0:
            coefficient, value = value.coefficient, replace(value, coefficient=1)
        reduced = self.define(Call(function, (self.atom(value),), indices))
        return replace(reduced, coefficient=coefficient)
