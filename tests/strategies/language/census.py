"""What programs consist of: every construct by name, and every rule of the calculus that was asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from einprop import Program
from einprop.analysis.recurrence import Loop, order
from einprop.calculus import extrema
from einprop.calculus import partials as rules
from einprop.notation.functions import FUNCTIONS, REDUCTIONS
from einprop.notation.prelude import prelude
from einprop.notation.tree import (
    Access,
    Affine,
    Boundary,
    Call,
    Definition,
    Equation,
    Expression,
    Group,
    Index,
    IndexDeclaration,
    IndexValue,
    Iverson,
    Statement,
    Subscript,
    TensorDeclaration,
    accesses,
    children,
    walk,
)

NODES = (
    *("Number", "Access", "IndexValue", "Negate", "Add", "Multiply", "Divide", "Power"),
    *("Call", "Iverson", "Equation", "IndexDeclaration", "TensorDeclaration", "Definition"),
)
SUBSCRIPTS = (
    *("plain", "i+0", "shift", "stride", "backwards", "constant", "end", "end-i", "two indices"),
    *("pad", "wrap", "clamp", "group", "gather", "gather a gather", "gather beside a shift"),
    "repeated",
)
EXPECTED = frozenset(
    {
        *NODES,
        *(f"read {kind}" for kind in SUBSCRIPTS),
        *(f"write {kind}" for kind in SUBSCRIPTS if kind != "gather beside a shift"),
        *("=", "+=", "max=", "min="),
        *("where", "where from 1", "where up to a type", "size", "size of a type", "no size"),
        *("definition without index", "definition with index", "primed index"),
        *("local", "output", "input", "param"),
        *("upwards", "downwards", "loop in a loop", "several tensors in a loop", "lag 2"),
        *("base before", "base behind", "zero base", "lag by an index", "gather in a loop"),
        *("accumulated recurrence", "extremal recurrence", "state mixed in a loop"),
        *("[i == j]", "[i < j]", "[x < 1]", "lone index", "implicit sum"),
        *FUNCTIONS,
        *REDUCTIONS,
        *prelude(),
    }
)
"""Every construct of the language."""

RULES = frozenset(
    {
        *(f"{f.name} of {p}" for f in FUNCTIONS.values() for p in f.parameters),
        *(kind.__name__ for kind in rules._RULES if kind not in (Iverson, IndexValue)),
        *rules._REDUCTION_RULES,
        "ties",
    }
    - {"Number"}
)
"""Every rule of the calculus."""


def constructs(program: Program) -> Iterator[str]:
    """The names of all that a program consists of."""
    for statement in program.statements:
        yield type(statement).__name__
        yield from _STATEMENTS[type(statement)](statement)
    yield from _loops(program)


def _equation(equation: Equation) -> Iterator[str]:
    yield equation.operator
    for given in equation.ranges:
        yield "where"
        if given.start != (0,):
            yield "where from 1"
        if any(isinstance(part, str) for part in given.stop):
            yield "where up to a type"
    for node in walk(equation.expression):
        yield from _node(node)
    for position, access in enumerate(accesses(equation)):
        verb = "read" if position else "write"
        yield from (f"{verb} {kind}" for kind in _subscripts(access))


def _node(node: Expression) -> Iterator[str]:
    yield type(node).__name__
    match node:
        case Call(function, _, indices):
            yield function
            if any("'" in index for index in indices):
                yield "primed index"
        case Iverson(IndexValue(), "==" | "!=", IndexValue()):
            yield "[i == j]"
        case Iverson(IndexValue(), _, IndexValue()):
            yield "[i < j]"
        case Iverson(left) if any(isinstance(n, Access) for n in walk(left)):
            yield "[x < 1]"


def _subscripts(access: Access) -> Iterator[str]:
    kinds = [kind for s in access.subscripts for kind in _subscript(s)]
    yield from kinds
    if "gather" in kinds and {"shift", "stride", "backwards"}.intersection(kinds):
        yield "gather beside a shift"
    plain = [s.name for s in access.subscripts if isinstance(s, Index)]
    if len(set(plain)) < len(plain):
        yield "repeated"


def _subscript(subscript: Subscript) -> Iterator[str]:
    match subscript:
        case Index():
            yield "plain"
        case Group():
            yield "group"
        case Boundary(mode):
            yield mode
        case Access(_, inner):
            yield "gather"
            if any(isinstance(s, Access) for s in inner):
                yield "gather a gather"
        case Affine((), _, end):
            yield "end" if end else "constant"
        case Affine(terms, constant, end):
            factors = [factor for factor, _ in terms]
            if end:
                yield "end-i"
            if len(factors) > 1:
                yield "two indices"
            if min(factors) < 0:
                yield "backwards"
            if max(map(abs, factors)) > 1:
                yield "stride"
            yield "shift" if constant else "i+0"


def _declared(declaration: IndexDeclaration) -> Iterator[str]:
    for group in declaration.groups:
        if group.size is None:
            yield "no size"
        else:
            yield "size of a type" if any(isinstance(s, str) for s in group.size) else "size"


def _definition(definition: Definition) -> Iterator[str]:
    yield "definition with index" if definition.indices else "definition without index"


def _tensors(declaration: TensorDeclaration) -> Iterator[str]:
    yield declaration.kind


_STATEMENTS: dict[type[Statement], Any] = {
    Equation: _equation,
    IndexDeclaration: _declared,
    Definition: _definition,
    TensorDeclaration: _tensors,
}


def _loops(program: Program) -> Iterator[str]:
    equations = program.resolved.equations
    for equation in (s for s in program.statements if isinstance(s, Equation)):
        if _sums(equation):
            yield "lone index" if equation.operator == "+=" else "implicit sum"
    for step in order(equations):
        if isinstance(step, Loop):
            yield from _loop(program, step)


def _sums(equation: Equation) -> bool:
    """Whether an index is summed that no reduction names."""
    bound = {i for n in walk(equation.expression) if isinstance(n, Call) for i in n.indices}
    left = {s.name for s in equation.target.subscripts if isinstance(s, Index)}
    read = {
        s.name
        for n in walk(equation.expression)
        if isinstance(n, Access)
        for s in n.subscripts
        if isinstance(s, Index)
    }
    return bool(read - bound - left)


def _loop(program: Program, loop: Loop) -> Iterator[str]:
    equations = program.resolved.equations
    inside = [equations[n] for n in loop.letters]
    names = {e.target.name for e in inside}
    yield "downwards" if loop.descending else "upwards"
    if any(isinstance(step, Loop) for step in loop.body):
        yield "loop in a loop"
    if len(names) > 1:
        yield "several tensors in a loop"
    operators = {e.operator for e in inside}
    if "+=" in operators:
        yield "accumulated recurrence"
    if operators & {"max=", "min="}:
        yield "extremal recurrence"
    extents = [program.resolved.extents.get((name, 0), (0, 0)) for name in names]
    if any(before for before, _ in extents):
        yield "base before"
    if any(after for _, after in extents):
        yield "base behind"
    for equation in inside:
        for access in (a for a in accesses(equation) if a.name in names):
            yield from _past(access, equation)


def _past(access: Access, equation: Equation) -> Iterator[str]:
    letters = {s.name for s in equation.target.subscripts if isinstance(s, Index)}
    for subscript in access.subscripts:
        match subscript:
            case Access():
                yield "gather in a loop"
            case Index(name) if name not in letters:
                yield "state mixed in a loop"
            case Boundary("pad", Affine(terms, constant)) | Affine(terms, constant):
                if isinstance(subscript, Boundary):
                    yield "zero base"
                if abs(constant) == 2:
                    yield "lag 2"
                if len(terms) > 1:
                    yield "lag by an index"


class Recorder:
    """Counts the rules of the calculus that are asked for something that reads a tensor."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: Counter[str] = Counter()
        derivative = rules.leaf_derivative

        def leaf(call: Call, position: int) -> Expression:
            if any(isinstance(n, Access) for n in walk(call.arguments[position])):
                self.seen[
                    f"{call.function} of {FUNCTIONS[call.function].parameters[position]}"
                ] += 1
            return derivative(call, position)

        monkeypatch.setattr(rules, "leaf_derivative", leaf)
        for kind, rule in list(rules._RULES.items()):
            monkeypatch.setitem(rules._RULES, kind, self.counting(kind.__name__, rule))
        for name, rule in list(rules._REDUCTION_RULES.items()):
            monkeypatch.setitem(rules._REDUCTION_RULES, name, self.counting(name, rule))
        monkeypatch.setattr(extrema, "_count", self.counting("ties", extrema._count))

    def counting(self, name: str, rule: Any) -> Any:
        def counted(node: Any, *others: Any) -> Any:
            reads = isinstance(node, Access) or any(
                isinstance(n, Access) for child in children(node) for n in walk(child)
            )
            self.seen[name] += reads
            return rule(node, *others)

        return counted
