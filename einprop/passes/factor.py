"""Sums of products with a common operand become one product of a sum: ``a b + a c`` is ``a (b + c)``.

Only where fewer operations are left, and the products are wanted for nothing else. A finite result
stays the same up to rounding; where an operand is infinite, neither form is finite.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from einprop.analysis.dependence import is_contribution, live
from einprop.analysis.indices import free_indices, is_distinct, rename_apart, rename_indices
from einprop.analysis.recurrence import read_early
from einprop.notation.tree import (
    Access,
    Add,
    Call,
    Equation,
    Expression,
    Multiply,
    Negate,
    Number,
    reads,
)
from einprop.passes.builder import Builder, letters
from einprop.passes.decisions import Decision, in_words
from einprop.passes.sized import SizedProgram

__all__ = ["factor"]

_Shared = tuple[str, tuple[object, ...]]
"""A common operand: its name, and at each axis the index, or the axis itself if it is summed."""


@dataclass(frozen=True)
class _Term:
    """``coefficient · sum[summed](common · other)``, a term of a sum."""

    expression: Expression
    coefficient: int | float
    summed: frozenset[str]
    common: Access
    other: Access

    @property
    def letters(self) -> frozenset[str]:
        """What the product runs over."""
        return frozenset(letters(self.common)).union(letters(self.other))

    @property
    def key(self) -> _Shared:
        """What terms must agree on to have the operand in common."""
        own = letters(self.common)
        return self.common.name, tuple([n if i in self.summed else i for n, i in enumerate(own)])


def factor(program: SizedProgram) -> SizedProgram:
    """The flat program with common operands taken out of sums where that saves work.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> text = "p[i] = sum[j](a[i,j] b[j]); q[i] = sum[k](a[i,k] c[k]); y[i] = p[i] + q[i]"
    >>> for equation in factor(SizedProgram(parse(text), dict.fromkeys("ijk", 9), ("y",))).equations:
    ...     print(to_text(equation))
    _1[j] = b[j] + c[j]
    y[i] = sum[j](a[i,j] _1[j])
    """
    # What stands in a recurrence runs a position at a time: its products are better left apart.
    if not _may_factor(program) or read_early(program.equations):
        return program
    while True:
        found = _Factoring(program).run()
        if found is program:
            return program
        program = found


def _may_factor(program: SizedProgram) -> bool:
    """Whether any sum has two products among its terms; most programs have none."""
    products = {
        equation.target.name
        for equation in program.equations
        if isinstance(equation.expression, Multiply)
        or (isinstance(equation.expression, Call) and equation.expression.function == "sum")
    }
    for equation in program.equations:
        atoms = [t.operand if isinstance(t, Negate) else t for t in _terms(equation)]
        if sum(isinstance(atom, Access) and atom.name in products for atom in atoms) > 1:
            return True
    return False


class _Factoring:
    """One look at every sum of a program."""

    def __init__(self, program: SizedProgram) -> None:
        self.program = program
        self.builder = Builder(
            program.sizes, program.names, generic=program.generic, weights=program.weights
        )
        self.defined = {e.target.name: e for e in program.equations if not is_contribution(e)}
        self.times = Counter(access.name for e in program.equations for access in reads(e))
        self.decisions: list[Decision] = []

    def run(self) -> SizedProgram:
        """The program anew, or itself where nothing is to be taken out."""
        if not any(
            self.best(e.target, terms) for e in self.program.equations if (terms := _terms(e))
        ):
            return self.program
        for equation in self.program.equations:
            self.builder.add(self.factored(equation))
        equations = tuple(live(self.builder.equations, self.program.outputs))
        temporaries = self.program.temporaries | self.builder.created
        return replace(
            self.program,
            equations=equations,
            temporaries=temporaries,
            decisions=(*self.program.decisions, *self.decisions),
        )

    def factored(self, equation: Equation) -> Equation:
        """The equation with the best common operands of its terms taken out."""
        terms = _terms(equation)
        while found := self.best(equation.target, terms):
            saving, group = found
            product = self.product(group)
            self.note(product, saving)
            if len(group) == len(terms):
                return replace(equation, expression=self.builder.held(product) or product)
            taken = {id(term.expression) for term in group}
            terms = [term for term in terms if id(term) not in taken]
            held = free_indices(product)
            order = [i for i in letters(equation.target) if i in held]
            terms.append(self.builder.define(product, order))
        return replace(equation, expression=Add(tuple(terms))) if terms else equation

    def note(self, product: Expression, saved: int) -> None:
        """Remember what was taken out of a sum."""
        temporaries = self.program.temporaries | self.builder.created
        text = in_words(product, self.builder.defined, temporaries)
        self.decisions.append(Decision("factored", text, saved, "operations"))

    def best(self, target: Access, terms: Sequence[Expression]) -> tuple[int, list[_Term]] | None:
        """The terms with a common operand whose taking out saves most, and what it saves."""
        groups: dict[_Shared, dict[int, _Term]] = {}
        own = frozenset(letters(target))
        for expression in terms:
            for term in self.products(expression, own):
                # A term whose operands both are common stands in a group once.
                groups.setdefault(term.key, {}).setdefault(id(expression), term)
        several = [list(group.values()) for group in groups.values() if len(group) > 1]
        found = [(self.saving(group), group) for group in several]
        best = max(found, key=lambda each: each[0], default=None)
        return best if best is not None and best[0] > 0 else None

    def products(self, expression: Expression, own: frozenset[str]) -> Iterator[_Term]:
        """A term as a product that nothing else reads, in both ways, if it is one."""
        coefficient: int | float = -1 if isinstance(expression, Negate) else 1
        atom = expression.operand if isinstance(expression, Negate) else expression
        meaning = self.meaning(atom)
        match meaning:
            case Multiply((Number(value), Access() as inner)):
                coefficient, meaning = coefficient * value, self.meaning(inner)
        meaning = None if meaning is None else rename_apart(meaning, own)
        match meaning:
            case Call("sum", (Multiply((Access() as left, Access() as right)),), indices):
                summed = frozenset(indices)
            case Multiply((Access() as left, Access() as right)):
                summed = frozenset()
            case _:
                return
        for common, other in ((left, right), (right, left)):
            if summed.issubset(letters(common)):
                yield _Term(expression, coefficient, summed, common, other)

    def meaning(self, atom: Expression) -> Expression | None:
        """What a tensor that is read only here is defined as, in the letters of its reader."""
        if not isinstance(atom, Access) or not is_distinct(atom) or self.times[atom.name] != 1:
            return None
        equation = self.defined.get(atom.name)
        if equation is None or atom.name in self.program.outputs:
            return None
        names = dict(zip(letters(equation.target), letters(atom), strict=True))
        return rename_indices(equation.expression, names)

    def saving(self, group: Sequence[_Term]) -> int:
        """How many operations fewer one product of a sum is than a sum of products."""
        size = self.builder.weight
        others = [frozenset(letters(self.aligned(term, group[0]))) for term in group]
        results = frozenset[str]().union(*(term.letters - term.summed for term in group))
        inner = frozenset[str]().union(*others)
        scaled = [term for term in group if abs(term.coefficient) != 1]
        before = sum(size(term.letters) for term in group) + (len(group) - 1) * size(results)
        before += sum(size(term.letters - term.summed) for term in scaled)
        after = (len(group) - 1) * size(inner) + size(inner.union(letters(group[0].common)))
        return before - after - sum(size(letters(term.other)) for term in scaled)

    @staticmethod
    def aligned(term: _Term, first: _Term) -> Access:
        """The other operand of a term in the letters of the first term."""
        names = dict(zip(letters(term.common), letters(first.common), strict=True))
        renamed = rename_indices(term.other, names)
        assert isinstance(renamed, Access)
        return renamed

    def product(self, group: Sequence[_Term]) -> Expression:
        """The common operand times the sum of the others."""
        first = group[0]
        inner = self.builder.define(Add(tuple(self.signed(term, first) for term in group)))
        body = Multiply((first.common, inner))
        summed = tuple(i for i in letters(first.common) if i in first.summed)
        return Call("sum", (body,), summed) if summed else body

    def signed(self, term: _Term, first: _Term) -> Expression:
        other: Access = self.aligned(term, first)
        size = abs(term.coefficient)
        if size != 1:
            other = self.builder.define(Multiply((Number(size), other)))
        return Negate(other) if term.coefficient < 0 else other


def _terms(equation: Equation) -> list[Expression]:
    """The terms of an equation that is a sum."""
    expression = equation.expression
    if not isinstance(expression, Add) or is_contribution(equation):
        return []
    return list(expression.terms)
