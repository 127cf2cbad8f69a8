"""Algebra on flat programs: numbers, signs and scales travel until they meet, stable forms are found.

The program is read once, in order, with a `Value` for every tensor, and written anew. An exponential
whose sum is taken gets the largest exponent taken out of it, as a scale; where the scale meets its
inverse (softmax) or a logarithm (log-sum-exp) it is gone, elsewhere the plain form is computed. So
softmax, log-sum-exp, their gradients and whatever else divides exponentials by sums of them come out
stable without any of them being known by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from einprop.analysis.dependence import assembled_tensors, live
from einprop.analysis.indices import is_distinct
from einprop.notation.functions import decided
from einprop.notation.tree import (
    Access,
    Add,
    Affine,
    Call,
    Divide,
    Equation,
    Expression,
    IndexValue,
    Iverson,
    Multiply,
    Negate,
    Number,
    Power,
    Subscript,
    reads,
)
from einprop.passes.builder import (
    Builder,
    letters,
    renamed,
    tensor,
)
from einprop.passes.decisions import Decision, in_words
from einprop.passes.naming import adopt_names
from einprop.passes.shifts import plan_shifts
from einprop.passes.sized import SizedProgram
from einprop.passes.values import Algebra, Value

__all__ = ["simplify"]


def simplify(program: SizedProgram, *, last: bool = True) -> SizedProgram:
    """The flat program after algebra, with each operation once and nothing that no output needs.

    Args:
        program: A flat program.
        last: Whether the program is not derived again: exponentials are shifted then, and
            ``stop_gradient`` has done its work.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> text = "e[k] = exp(s[k]); z = sum[k](e[k]); p[k] = e[k] / z"
    >>> for equation in simplify(SizedProgram(parse(text), {"k": 3}, ("p",))).equations:
    ...     print(to_text(equation))
    _1 = max[k](s[k])
    _2 = abs(_1)
    _3 = [_2[] == (1 / 0)]
    _4 = where(_3, 0, _1)
    _5[k] = s[k] - _4
    _6[k] = exp(_5[k])
    _7 = sum[k](_6[k])
    p[k] = _6[k] / _7
    """
    return _Simplifier(program, last).run()


@dataclass
class _Entry:
    """A tensor of the old program: where it comes from, and what it is in the new one."""

    equation: Equation
    indices: tuple[str, ...]
    scaled: Value
    plain: Value | None
    bare: bool


class _Simplifier:
    def __init__(self, program: SizedProgram, last: bool) -> None:
        self.program = program
        # The old program's made-up names are free: all of it is written anew.
        taken = program.names - program.temporaries
        self.builder = Builder(
            program.sizes, taken, generic=program.generic, weights=program.weights
        )
        self.algebra = Algebra(self.builder)
        self.entries: dict[str, _Entry] = {}
        # Tensors put together by contributions keep what they are; only their names may change.
        self.assembled = {
            name: self.builder.fresh_name() if name in program.temporaries else name
            for name in assembled_tensors(program.equations)
        }
        self.last = last
        self.shifts = plan_shifts(program) if last else {}
        self.shifted_terms: list[tuple[Expression, tuple[str, ...]]] = []

    def run(self) -> SizedProgram:
        for equation in self.program.equations:
            if equation.target.name in self.assembled:
                self.contribute(equation)
            else:
                self.enter(equation)
        # Every tensor under its old name; what no output needs goes away again.
        copies = []
        outputs = frozenset(self.program.outputs)
        for name, entry in self.entries.items():
            wanted = name in outputs
            if wanted or (entry.plain is not None and not self.program.is_temporary(name)):
                atom = self.algebra.atom(self.plain(entry))
                copies.append(Equation(tensor(name, entry.indices), "=", atom))
        equations = adopt_names(self.builder.equations, copies, outputs)
        needed = tuple(live(equations, self.program.outputs))
        axes = self.program.axes
        axes = dict(axes) | {new: axes[old] for old, new in self.assembled.items()}
        temporaries = frozenset(self.builder.created)
        decisions = (*self.program.decisions, *self.decisions(needed))
        return replace(
            self.program,
            equations=needed,
            axes=axes,
            temporaries=temporaries,
            decisions=decisions,
        )

    def decisions(self, needed: Sequence[Equation]) -> Iterator[Decision]:
        """The shifts, and how many operations went away, where this is the last time."""
        if not self.last:
            return
        defined = {e.target.name: e for e in self.program.equations}
        for term, along in dict(self.shifted_terms).items():
            words = in_words(term, defined, self.program.temporaries)
            yield Decision(
                "stabilised", f"{words} with its maximum over {', '.join(along)} taken out"
            )
        before = sum(not isinstance(e.expression, Access) for e in self.program.equations)
        if before > len(needed):
            saved = before - len(needed)
            yield Decision("simplified", "each operation once, none unread", saved, "operations")

    def contribute(self, equation: Equation) -> None:
        """One contribution to an assembled tensor."""
        atom = self.algebra.atom(self.read_plain(equation.expression))
        name = self.assembled[equation.target.name]
        target = Access(name, self.positions(equation.target.subscripts))
        self.builder.add(Equation(target, equation.operator, atom))

    def positions(self, subscripts: Sequence[Subscript]) -> tuple[Subscript, ...]:
        """Subscripts with the integer tensors in them as the new program has them."""

        def position(subscript: Subscript) -> Subscript:
            if not isinstance(subscript, Access):
                return subscript
            atom = self.algebra.atom(self.read_plain(subscript))
            return Affine((), int(atom.value)) if isinstance(atom, Number) else atom

        return tuple([position(s) for s in subscripts])

    def enter(self, equation: Equation) -> None:
        indices = letters(equation.target)
        scaled = self.apply(equation, self.read)
        plain = None if scaled.scale else scaled
        bare = bool(scaled.scale) and self.is_bare(equation)
        self.entries[equation.target.name] = _Entry(equation, indices, scaled, plain, bare)

    def is_bare(self, equation: Equation) -> bool:
        """Whether a scaled tensor is made of exponentials by sums and products alone.

        Nothing has cancelled in it then, so that computing it as written loses nothing.
        """
        found = {a.name: self.entries[a.name] for a in reads(equation) if a.name in self.entries}
        scaled = {name: entry for name, entry in found.items() if entry.scaled.scale}
        match equation.expression:
            case Divide(_, Access(divisor)) if divisor in scaled:
                return False
        return all(entry.bare for entry in scaled.values())

    def plain(self, entry: _Entry) -> Value:
        """A tensor without a scale: computed as written, or, where scales met in it, with what is left."""
        if entry.plain is None:
            if entry.bare:
                entry.plain = self.apply(entry.equation, self.read_plain)
            else:
                entry.plain = self.algebra.unscaled(entry.scaled)
        return entry.plain

    def read(self, atom: Expression) -> Value:
        """A tensor or number as its reader sees it, with a scale if it has one."""
        entry = self.entries.get(atom.name) if isinstance(atom, Access) else None
        if (
            entry is None
            or not entry.scaled.scale
            or not (isinstance(atom, Access) and is_distinct(atom))
        ):
            return self.read_plain(atom)
        return self.seen(entry.scaled, dict(zip(entry.indices, letters(atom), strict=True)))

    def read_plain(self, atom: Expression) -> Value:
        """The same without a scale."""
        if isinstance(atom, Number):
            return self.algebra.of(atom)
        assert isinstance(atom, Access)
        entry = self.entries.get(atom.name)
        if entry is None:
            known = self.assembled.get(atom.name, atom.name)
            return self.window(Value(1, Access(known)), self.positions(atom.subscripts))
        value = self.plain(entry)
        places = dict(zip(entry.indices, atom.subscripts, strict=True))
        if is_distinct(atom):
            return self.seen(value, dict(zip(entry.indices, letters(atom), strict=True)))
        return self.window(value, self.positions([places[i] for i in value.indices]))

    def window(self, value: Value, subscripts: tuple[Subscript, ...]) -> Value:
        """A tensor read at subscripts that may be computed."""
        if value.atom is None:
            return value
        atom = replace(value.atom, subscripts=subscripts)
        return replace(value, atom=atom if is_distinct(atom) else self.builder.define(atom))

    def seen(self, value: Value, names: Mapping[str, str]) -> Value:
        if value.atom is None:
            return value
        atom = renamed(value.atom, names)
        return replace(
            value, atom=atom, scale=tuple((renamed(s, names), n) for s, n in value.scale)
        )

    def apply(self, equation: Equation, read: Callable[[Expression], Value]) -> Value:
        """The value of a right side whose operands are read by ``read``."""
        algebra = self.algebra
        match equation.expression:
            case Number() | Access() as atom:
                return read(atom)
            case IndexValue() as position:
                return algebra.define(position)
            case Negate(operand):
                value = read(operand)
                return replace(value, coefficient=-value.coefficient)
            case Add(terms):
                return self.add(terms, read)
            case Multiply(factors):
                values = [read(f) for f in factors]
                result = values[0]
                for value in values[1:]:
                    result = algebra.multiply(result, value)
                return result
            case Divide(numerator, denominator):
                return algebra.divide(read(numerator), read(denominator))
            case Power(base, exponent):
                value = read(base) if isinstance(exponent, Number) else self.read_plain(base)
                if not (isinstance(exponent, Number) and exponent.value in (1, 2, 3, 4)):
                    value = self.read_plain(base)
                return algebra.power(value, self.read_plain(exponent))
            case Iverson(left, comparison, right):
                return algebra.compare(self.side(left), comparison, self.side(right))
            case Call(function, (body,), indices) if indices:
                return self.reduction(function, body, indices, read)
            case Call(function, arguments):
                return self.call(equation, function, arguments, read)
        raise AssertionError(equation)

    def side(self, expression: Expression) -> Value | IndexValue:
        return expression if isinstance(expression, IndexValue) else self.read_plain(expression)

    def add(self, terms: Sequence[Expression], read: Callable[[Expression], Value]) -> Value:
        def values(read: Callable[[Expression], Value]) -> list[Value]:
            found = []
            for term in terms:
                sign = -1 if isinstance(term, Negate) else 1
                value = read(term.operand if isinstance(term, Negate) else term)
                found.append(replace(value, coefficient=sign * value.coefficient))
            return found

        scaled = values(read)
        if any(value.scale != scaled[0].scale for value in scaled):
            scaled = values(self.read_plain)
        return self.algebra.add(scaled)

    def reduction(
        self,
        function: str,
        body: Expression,
        indices: tuple[str, ...],
        read: Callable[[Expression], Value],
    ) -> Value:
        def inside(atom: Expression) -> Value:
            """A scale goes through a sum unless it varies along it."""
            value = read(atom)
            return self.read_plain(atom) if value.scale_indices & set(indices) else value

        positions = self.builder.size(indices)
        nothing = decided(function, positions, varies=True)
        if nothing is not None:
            return Value(nothing)
        if function == "sum" and isinstance(body, Multiply):
            left, right = (inside(f) for f in body.factors)
            held = {*left.indices, *right.indices}
            result = self.algebra.multiply(left, right, tuple(i for i in indices if i in held))
            return self.algebra.sum(result, tuple(i for i in indices if i not in held))
        if function == "sum":
            return self.algebra.sum(inside(body), indices)
        value = self.read_plain(body)
        held_indices = tuple(i for i in indices if i in value.indices)
        tied = decided(function, positions, varies=bool(held_indices))
        if tied is not None:
            return Value(tied)
        absent = [i for i in indices if i not in value.indices]
        if held_indices:
            value = self.algebra.reduce(function, value, held_indices)
        for extent in self.builder.extents(absent) if function == "prod" else ():
            value = self.algebra.power(value, self.algebra.of(extent))
        return value

    def call(
        self,
        equation: Equation,
        function: str,
        arguments: Sequence[Expression],
        read: Callable[[Expression], Value],
    ) -> Value:
        if function == "log":
            return self.algebra.log(read(arguments[0]))
        if function == "stop_gradient" and self.last:
            return read(arguments[0])
        values = [self.read_plain(a) for a in arguments]
        along = self.shifts.get(equation.target.name, ())
        if function == "exp" and along and read != self.read_plain:
            self.shifted_terms.append((equation.expression, along))
            return self.shifted(values[0], along)
        return self.algebra.call(function, values)

    def shifted(self, exponent: Value, along: tuple[str, ...]) -> Value:
        """``exp(a)`` as ``exp(m) exp(a - m)`` with m the largest a along the indices summed later."""
        held = tuple(i for i in along if i in exponent.indices)
        if not held:
            return self.algebra.call("exp", [exponent])
        largest = self.algebra.reduce("max", exponent, held)
        # A row of -inf alone has log-sum-exp -inf: an infinite shift would make it nan.
        size = self.algebra.call("abs", [largest])
        infinite = self.algebra.compare(size, "==", Value(math.inf))
        shift = self.algebra.call("where", [infinite, Value(0), largest])
        difference = self.algebra.add([exponent, replace(shift, coefficient=-1)])
        assert shift.atom is not None
        return replace(self.algebra.call("exp", [difference]), scale=((shift.atom, 1),))
