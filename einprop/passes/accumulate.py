"""Accumulations in linear time: what compares two indices becomes a recurrence, or a read.

A definition can only compare positions, ``cumsum[k](x) = sum[k']([k' <= k] x[k'])``, which takes n^2
cells at n positions, and its gradient more. Here each equation is still a tree, before anything is
derived, so that the gradient of a recurrence is one too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from einprop.analysis.indices import free_indices, fresh_index, numbered, rename_indices, unprimed
from einprop.calculus.algebra import product, quotient
from einprop.calculus.elide import factors
from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.notation.tree import (
    Access,
    Add,
    Affine,
    Call,
    Equation,
    Expression,
    Index,
    IndexValue,
    Iverson,
    Multiply,
    Subscript,
    transform,
)
from einprop.passes.decisions import Decision
from einprop.passes.sized import SizedProgram, distinct

__all__ = ["accumulate"]

# A step of a loop takes as long as so many cells do at once; sums of pairs are a product by BLAS.
_CELLS = {"sum": 1 << 19, "prod": 1 << 7, "max": 1 << 8, "min": 1 << 8}
_WITHOUT_COMPARISON = 1 << 10
_MOST_PAIRS = 1 << 24
_NEUTRAL = {
    name: parse(f"y = {text}")[0].expression  # type: ignore[union-attr]
    for name, text in {"sum": "0", "prod": "1", "max": "-1 / 0", "min": "1 / 0"}.items()
}
_MIRRORED = {"<=": ">=", ">=": "<=", "<": ">", ">": "<", "==": "=="}


def accumulate(program: SizedProgram, *, differentiated: bool = False) -> SizedProgram:
    """The program with recurrences and reads in place of reductions that compare two indices.

    | written | becomes |
    | --- | --- |
    | sum[j]([i == j] x[j]) | x[i] |
    | sum[k']([k' <= k] x[k']), also >=, < and > | s[k+1], s[k+1] = s[k] + x[k] |
    | prod[k'](where([k' <= k], x[k'], 1)), max and min alike | the same with their operation |
    | prod[k'](where([k' == k], 1, x[k'])) | the product before k times the one behind it |
    | prod[k](x[k]), where it is differentiated | p[n], p[k+1] = p[k] x[k] |
    | sum[i,j](a[i] + b[j]) | sum[i,j](a[i]) + sum[i,j](b[j]) |

    Few cells are compared all at once. Maxima and minima that are differentiated are so too: those that
    tie share a gradient, which a recurrence of pairs would halve at each step.

    Args:
        program: Trees, before they are binarised. A generic one, for all sizes, stays as it is.
        differentiated: Whether a derivative is to follow.

    >>> text = "y[k] = prod[k'](where([k' <= k], x[k'], 1))"
    >>> for equation in accumulate(SizedProgram(parse(text), {"k": 200}, ("y",))).equations:
    ...     print(to_text(equation))
    _a1[0] += 1
    _a1[k+1] += _a1[k+0] x[k]
    y[k] = _a1[k+1]
    """
    if program.generic:
        return program
    looping = {number for loop in program.loops() for number in loop.letters}
    writer = _Accumulations(program, differentiated=differentiated)
    for number, equation in enumerate(program.equations):
        # Within a loop nothing comes before it, and a read along two of its axes has no order.
        writer.append(equation, stays=number in looping)
    return writer.program()


@dataclass(frozen=True)
class _Compared:
    """A reduction of what stands at the positions that a comparison with another index leaves.

    Attributes:
        body: What is reduced.
        index: The reduced index.
        other: The one that it is compared with.
        comparison: ``index comparison other``.
    """

    body: Expression
    index: str
    other: str
    comparison: str


class _Accumulations:
    """The equations so far, those of the recurrences among them."""

    def __init__(self, program: SizedProgram, *, differentiated: bool) -> None:
        self.given = program
        self.differentiated = differentiated
        self.sizes = dict(program.sizes)
        self.axes = dict(program.axes)
        self.equations: list[Equation] = []
        self.known: dict[tuple[str, Expression, bool], str] = {}
        self.decisions: dict[Decision, None] = {}

    def program(self) -> SizedProgram:
        return replace(
            self.given,
            equations=tuple(self.equations),
            sizes=self.sizes,
            axes=self.axes,
            temporaries=self.given.temporaries.union(self.known.values()),
            decisions=(*self.given.decisions, *self.decisions),
        )

    def append(self, equation: Equation, *, stays: bool) -> None:
        """Add an equation, before it what it accumulates."""
        if not stays:
            expression = transform(equation.expression, self.linear)
            equation = replace(equation, expression=expression)
        self.equations.append(equation)

    def linear(self, node: Expression) -> Expression:
        """A node in its linear form, if it has one."""
        found = node
        match node:
            case Call("sum", (body,), indices):
                found = self.diagonal(node, body, indices)
        match found:
            case Call("sum", (Add(terms),), indices) if self.is_grid(terms, indices):
                sums = [Call("sum", (t,), indices) for t in terms]
                return Add(tuple([self.linear(s) for s in sums]))
            case Call(function, (body,), (index,)) if function in _CELLS:
                return self.reduction(found, function, body, index)
            case Call("prod", (body,), (*others, index)) if self.differentiated:
                inner = Call("prod", (body,), (index,))
                first = self.linear(inner)
                if first is not inner:
                    return self.linear(Call("prod", (first,), tuple(others)))
        return found

    def reduction(self, call: Call, function: str, body: Expression, index: str) -> Expression:
        size = self.sizes[unprimed(index)]
        compared = _compared(function, body, index)
        if compared is not None and self.sizes[unprimed(compared.other)] == size:
            if not self.is_worth_it(compared, _CELLS[function]):
                return call
            if function == "prod" and compared.comparison == "==":
                before, behind = (replace(compared, comparison=c) for c in ("<", ">"))
                return Multiply((self.read(call, before), self.read(call, behind)))
            if compared.comparison != "==" and not (self.differentiated and function[0] == "m"):
                return self.read(call, compared)
        elif function == "prod" and self.differentiated and index in free_indices(body):
            every = _Compared(body, index, index, "<=")
            if self.is_worth_it(every, _WITHOUT_COMPARISON):
                return self.at(self.scan(call, every), Affine((), size), body, index)
        return call

    def is_worth_it(self, compared: _Compared, least: int) -> bool:
        """Whether each step of a loop does away with enough cells, or all pairs with too many."""
        size = self.sizes[unprimed(compared.index)]
        return self.given.size(free_indices(compared.body)) >= least or size * size > _MOST_PAIRS

    def read(self, call: Call, compared: _Compared) -> Access:
        """The position of a recurrence that holds the reduction of what is compared."""
        shift = int(compared.comparison in ("<=", ">"))
        position = Affine(((1, compared.other),), shift)
        return self.at(self.scan(call, compared), position, compared.body, compared.index)

    @staticmethod
    def at(name: str, position: Subscript, body: Expression, index: str) -> Access:
        rest = [Index(i) for i in free_indices(body) if i != index]
        return Access(name, (position, *rest))

    def scan(self, call: Call, compared: _Compared) -> str:
        """The tensor that accumulates over an index, defined now unless it is already.

        Position k holds what stands before k, or from k on.
        """
        function, upwards = call.function, compared.comparison in ("<", "<=")
        rest = [i for i in free_indices(compared.body) if i != compared.index]
        index = fresh_index(compared.index, rest)
        body = rename_indices(compared.body, {compared.index: index})
        key = function, body, upwards
        if key in self.known:
            return self.known[key]
        name = self.known[key] = self.fresh_name()
        size = self.sizes[unprimed(index)]
        cell = numbered(unprimed(index), self.sizes.__contains__)
        self.sizes[cell] = size + 1
        self.axes[name] = distinct([cell, *rest])
        before, after = (self.at(name, Affine(((1, index),), n), body, index) for n in (0, 1))
        held, found = (before, after) if upwards else (after, before)
        start = self.at(name, Affine((), 0 if upwards else size), body, index)
        self.equations += [
            Equation(start, "+=", _NEUTRAL[function]),
            Equation(found, "+=", _step(function, held, body)),
        ]
        self.decisions[Decision("accumulated", to_text(call), size * (size - 1), "cells")] = None
        return name

    def fresh_name(self) -> str:
        taken = {*self.given.names, *self.known.values()}
        return next(n for k in range(len(taken) + 1) if (n := f"_a{k + 1}") not in taken)

    def is_grid(self, terms: tuple[Expression, ...], indices: tuple[str, ...]) -> bool:
        """Whether no term of a sum has all the indices that it is summed over."""
        held = [set(indices).intersection(free_indices(term)) for term in terms]
        whole = set().union(*held)
        return all(self.sizes[unprimed(i)] for i in indices) and all(h < whole for h in held)

    def diagonal(self, call: Call, body: Expression, indices: tuple[str, ...]) -> Expression:
        """A sum without the indices of which a bracket says where they are."""
        above, below = factors(body)
        for bracket in above:
            for j in indices:
                comparison, i = _sides(bracket, j) or ("", j)
                if comparison == "==" and self.sizes[unprimed(j)] >= self.sizes[unprimed(i)]:
                    others = product(*(f for f in above if f is not bracket))
                    rest = quotient(others, product(*below)) if below else others
                    rest = rename_indices(rest, {j: i})
                    left = tuple(k for k in indices if k != j)
                    return self.diagonal(Call("sum", (rest,), left), rest, left) if left else rest
        return call


def _step(function: str, held: Expression, body: Expression) -> Expression:
    match function:
        case "sum":
            return Add((held, body))
        case "prod":
            return Multiply((held, body))
        case _:
            return Call(f"{function}imum", (held, body))


def _compared(function: str, body: Expression, index: str) -> _Compared | None:
    """What a reduction over an index compares it with, if that is all that holds the other index."""
    match body:
        case Call("where", (bracket, inner, left)) if left == _NEUTRAL[function]:
            negated = False
        case Call("where", (bracket, left, inner)) if left == _NEUTRAL[function]:
            negated = True
        case Multiply(parts) if function == "sum":
            bracket = next((f for f in parts if _sides(f, index) is not None), parts[0])
            inner, negated = product(*(f for f in parts if f is not bracket)), False
        case _:
            return None
    found = _sides(bracket, index)
    if found is None:
        return None
    comparison, other = found
    # where([k' == k], 1, x) leaves what is not equal.
    if negated != (comparison == "==") or other in free_indices(inner):
        return None
    return _Compared(inner, index, other, comparison)


def _sides(expression: Expression, index: str) -> tuple[str, str] | None:
    """The comparison and the other index of a bracket that compares one with another."""
    match expression:
        case Iverson(IndexValue(left), comparison, IndexValue(right)) if left != right:
            if left == index and comparison in _MIRRORED:
                return comparison, right
            if right == index and comparison in _MIRRORED:
                return _MIRRORED[comparison], left
    return None
