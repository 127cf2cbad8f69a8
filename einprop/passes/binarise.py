"""Equations taken apart into one operation each, products of many operands into pairwise ones.

The result is flat: every tensor is defined once with ``=``, and every right side is one operation on
tensors and numbers. Deriving a flat program gives a backward pass that reuses the forward pass's
intermediates. The pairs are those of `passes.pairs`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from einprop.analysis.dependence import by_target
from einprop.analysis.indices import free_indices, is_distinct
from einprop.analysis.recurrence import in_order, read_early
from einprop.calculus.algebra import combined, constant, divided
from einprop.notation.functions import COMBINED, FOLDS, decided, keeps_extremum
from einprop.notation.tree import (
    Access,
    Add,
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
)
from einprop.passes.builder import Atom, Builder, letters, tensor
from einprop.passes.pairs import Differentiated, pair_up
from einprop.passes.sized import SizedProgram

__all__ = ["binarise"]


def binarise(program: SizedProgram, derivative: Differentiated | None = None) -> SizedProgram:
    """The flat form of a program.

    Args:
        program: Core equations with sizes.
        derivative: What is derived from the flat program first, if anything is.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> text = "y[b,j] = tanh(sum[i](x[b,i] W[i,j]) + B[j])"
    >>> program = SizedProgram(parse(text), {"b": 4, "i": 3, "j": 2}, ("y",))
    >>> for equation in binarise(program).equations:
    ...     print(to_text(equation))
    _1[b,j] = sum[i](x[b,i] W[i,j])
    _2[b,j] = _1[b,j] + B[j]
    _3[b,j] = tanh(_2[b,j])
    y[b,j] = _3[b,j]
    """
    builder = Builder(
        program.sizes, program.names, generic=program.generic, weights=program.weights
    )
    equations = program.equations
    if read_early(equations):
        equations = in_order(equations, lambda index: builder.size([index]))
    groups = by_target(equations)
    last = {equation.target.name: equation for equation in equations}
    lowering = _Lowering(builder, read_early(equations))
    for equation in equations:
        if last[equation.target.name] is equation:
            lowering.define_target(groups[equation.target.name])
    temporaries = program.temporaries | builder.created
    flat = replace(program, equations=tuple(builder.equations), temporaries=temporaries)
    return pair_up(flat, derivative)


@dataclass
class _Product:
    """A product taken apart: sign and number, operands above and below the line, sums over it."""

    coefficient: int | float = 1
    above: list[Access] = field(default_factory=list)
    below: list[Access] = field(default_factory=list)


class _Lowering:
    """Lowers expressions to atoms, defining what they need on the way."""

    def __init__(self, builder: Builder, early: Collection[str]) -> None:
        self.builder = builder
        self.early = early

    def define_target(self, group: Sequence[Equation]) -> None:
        """All equations of one tensor as one definition."""
        target = group[0].target
        plain = all(is_distinct(equation.target) for equation in group)
        if not plain or target.name in self.early:
            for equation in group:
                self.contribute(equation)
        elif keeps_extremum(group[0].operator):
            function, rank = (
                FOLDS[COMBINED[group[0].operator]].pair,
                {i: i for i in letters(target)},
            )
            value: Expression = self.contribution(group[0], target)
            for equation in group[1:]:
                value = Call(function, (value, self.contribution(equation, target)))
                value = self.builder.define(value, rank)
            self.builder.add(Equation(target, "=", value))
        elif len(group) > 1:
            terms = tuple([self.contribution(equation, target) for equation in group])
            self.builder.add(Equation(target, "=", Add(terms)))
        else:
            self.builder.add(Equation(target, "=", self.atom(group[0].expression)))

    def contribute(self, equation: Equation) -> None:
        """One of the equations of a tensor that is written at computed positions."""
        operator = "+=" if equation.operator == "=" else equation.operator
        target = self.positions(equation.target)
        self.builder.add(Equation(target, operator, self.atom(equation.expression)))

    def positions(self, access: Access) -> Access:
        """An access whose integer tensors are read at plain indices."""

        def position(subscript: Subscript) -> Subscript:
            return self.atom_of(subscript) if isinstance(subscript, Access) else subscript

        return replace(access, subscripts=tuple([position(s) for s in access.subscripts]))

    def atom_of(self, access: Access) -> Access:
        """The tensor that an access reads, at plain indices."""
        return access if is_distinct(access) else self.builder.define(self.positions(access))

    def contribution(self, equation: Equation, first: Access) -> Expression:
        """What one equation adds, at the letters of the tensor's first equation."""
        atom = self.atom(equation.expression)
        if isinstance(atom, Number):
            return atom
        names = dict(zip(letters(equation.target), letters(first), strict=True))
        return tensor(atom.name, (names[i] for i in letters(atom)))

    def atom(self, expression: Expression) -> Atom:
        """The tensor or number that holds the value of an expression."""
        value = constant(expression)
        if value is not None:
            return Number(value)
        match expression:
            case Access():
                return self.atom_of(expression)
            case Negate(operand):
                return self.builder.define(Negate(self.atom(operand)))
            case Add(terms):
                return self.builder.define(Add(tuple([self.term(t) for t in terms])))
            case Multiply() | Divide():
                return self.product(expression, ())
            case Power(base, exponent):
                return self.power(base, exponent)
            case IndexValue():
                return self.builder.define(expression)
            case Iverson(left, comparison, right):
                return self.builder.define(Iverson(self.side(left), comparison, self.side(right)))
            case Call(function, (body,), indices) if indices:
                return self.reduction(function, body, indices)
            case Call(_, arguments):
                atoms = tuple([self.atom(a) for a in arguments])
                return self.builder.define(replace(expression, arguments=atoms, place=None))
        raise AssertionError(expression)

    def term(self, expression: Expression) -> Expression:
        if isinstance(expression, Negate) and constant(expression) is None:
            return Negate(self.atom(expression.operand))
        return self.atom(expression)

    def side(self, expression: Expression) -> Expression:
        return expression if isinstance(expression, IndexValue) else self.atom(expression)

    def power(self, base: Expression, exponent: Expression) -> Atom:
        if constant(exponent) == 1:
            return self.atom(base)
        return self.builder.define(Power(self.atom(base), self.atom(exponent)))

    def reduction(self, function: str, body: Expression, indices: tuple[str, ...]) -> Atom:
        positions = self.builder.size(indices)
        nothing = decided(function, positions, varies=True)
        if nothing is not None:
            return Number(nothing)
        if function == "sum":
            return self.sum(body, indices)
        atom = self.atom(body)
        held = tuple(i for i in indices if i in letters(atom))
        tied = decided(function, positions, varies=bool(held))
        if tied is not None:
            return Number(tied)
        if held:
            atom = self.builder.define(Call(function, (atom,), held))
        if function == "prod":
            for extent in self.builder.extents([i for i in indices if i not in held]):
                atom = self.power(atom, extent)
        return atom

    def sum(self, body: Expression, indices: tuple[str, ...]) -> Atom:
        match body:
            case Call("sum", (inner,), bound):
                return self.sum(inner, (*indices, *bound))
            case Negate(operand) if constant(body) is None:
                return self.builder.define(Negate(self.sum(operand, indices)))
        return self.product(body, indices)

    def product(self, expression: Expression, summed: tuple[str, ...]) -> Atom:
        """A product, summed over some indices, as pairwise operations."""
        taken = _Product()
        self.take_apart(expression, taken, above=True)
        held = {i for atom in (*taken.above, *taken.below) for i in letters(atom)}
        for extent in self.builder.extents([i for i in summed if i not in held]):
            self.multiply_in(taken, extent)
        summed = tuple(i for i in summed if i in held)
        kept = tuple(i for i in free_indices(expression) if i not in summed)
        for divisor in taken.below:
            self.divide_one(taken, divisor, summed)
        if not taken.above:
            return Number(taken.coefficient)
        result = self.selected(taken.above, kept)
        if taken.coefficient == 1:
            return result
        return self.builder.define(Multiply((Number(taken.coefficient), result)))

    def selected(self, factors: Sequence[Access], kept: tuple[str, ...]) -> Access:
        """The product of factors, brackets last: what they annul they annul whatever it is."""
        brackets = [a for a in factors if self.is_bracket(a) and set(letters(a)) <= set(kept)]
        others = [a for a in factors if a not in brackets]
        # Where small operands are multiplied in is for the contraction tree to say.
        operands = sorted(others or brackets, key=lambda access: bool(letters(access)))
        result = self.contract(operands, kept)
        for bracket in brackets if others else ():
            result = self.contract([result, bracket], kept)
        return result

    def is_bracket(self, atom: Access) -> bool:
        """Whether an operand is an Iverson bracket."""
        definition = self.builder.defined.get(atom.name)
        return definition is not None and isinstance(definition.expression, Iverson)

    def take_apart(self, expression: Expression, into: _Product, *, above: bool) -> None:
        match expression:
            case Multiply(factors):
                for factor in factors:
                    self.take_apart(factor, into, above=above)
            case Divide(numerator, denominator):
                self.take_apart(numerator, into, above=above)
                self.take_apart(denominator, into, above=not above)
            case Negate(operand):
                into.coefficient = -into.coefficient
                self.take_apart(operand, into, above=above)
            case _:
                atom = self.atom(expression)
                if above:
                    self.multiply_in(into, atom)
                else:
                    self.divide_in(into, atom)

    def multiply_in(self, into: _Product, atom: Atom) -> None:
        whole = combined(into.coefficient, atom.value) if isinstance(atom, Number) else None
        if whole is None:
            into.above.append(self.named(atom))
        else:
            into.coefficient = whole

    def divide_in(self, into: _Product, atom: Atom) -> None:
        whole = None
        if isinstance(atom, Number) and atom.value != 0:
            whole = divided(into.coefficient, atom.value)
        if whole is None:
            into.below.append(self.named(atom))
        else:
            into.coefficient = whole

    def named(self, atom: Atom) -> Access:
        return atom if isinstance(atom, Access) else self.builder.define(atom)

    def divide_one(self, taken: _Product, divisor: Access, summed: tuple[str, ...]) -> None:
        """Divide the smallest operand that has all the divisor's indices, else take the reciprocal."""
        needed = set(letters(divisor))
        fits = [a for a in taken.above if needed <= set(letters(a)) and not self.is_bracket(a)]
        if not fits:
            taken.above.append(self.builder.define(Divide(Number(1), divisor)))
            return
        smallest = min(fits, key=lambda a: self.builder.weight(letters(a)))
        quotient = self.builder.define(Divide(smallest, divisor))
        taken.above[taken.above.index(smallest)] = quotient

    def contract(self, operands: list[Access], kept: tuple[str, ...]) -> Access:
        """The product of operands, keeping the indices of the result."""
        occurs = Counter(i for access in operands for i in letters(access))
        operands = [self.summed(access, occurs, kept) for access in operands]
        if len(operands) == 1:
            return operands[0]
        both = dict.fromkeys(i for access in operands for i in letters(access))
        summed = tuple(i for i in both if i not in kept)
        product = Multiply(tuple(operands))
        order = [i for i in kept if i in both]
        return self.builder.define(Call("sum", (product,), summed) if summed else product, order)

    def summed(self, access: Access, occurs: Mapping[str, int], kept: tuple[str, ...]) -> Access:
        """An operand summed over the indices that neither the others nor the result have."""
        alone = tuple(i for i in letters(access) if occurs[i] == 1 and i not in kept)
        return self.builder.define(Call("sum", (access,), alone)) if alone else access
