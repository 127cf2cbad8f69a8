"""One flat equation -> steps: sums and products become pairs, subscripts become windows and gathers."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from einprop.analysis.indices import is_distinct, plain_subscripts
from einprop.execution.assembled import (
    Manner,
    letter_strides,
    overlapping,
    positions,
    subscript_letters,
)
from einprop.execution.steps import (
    Accumulate,
    Contraction,
    Copy,
    Cumulation,
    Elementwise,
    Gather,
    Letters,
    Literal,
    Operand,
    Operation,
    Position,
    Reduction,
    Scatter,
    Source,
    Step,
    Window,
    elements,
    operand_letters,
)
from einprop.notation.functions import COMBINED, FOLDS, FUNCTIONS, OWN_PREFIX, decided
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
    children,
)

__all__ = ["COMPARISONS", "CUMULATIVE", "EquationLowering", "Known", "literal_value"]

COMPARISONS = {
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
    "==": "equal",
    "!=": "not_equal",
}
CUMULATIVE = {"<": (False, True), "<=": (False, False), ">": (True, True), ">=": (True, False)}
"""A sum over s of ``[s < t] x[s]``: whether it runs downwards, and whether t is left out."""

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
POWERS: dict[float, Letters] = {
    -4.0: ("reciprocal", "square", "square"),
    -2.0: ("reciprocal", "square"),
    -1.0: ("reciprocal",),
    # A power of -0 is that of 0.
    -0.5: ("sqrt", "abs", "reciprocal"),
    0.5: ("sqrt",),
    1.0: (),
    2.0: ("square",),
    4.0: ("square", "square"),
}
"""Exponents for which a few cheap passes beat the general power.

The reciprocal comes first: a power may leave the range of floats where the result does not."""

_REPEATED = {"sum": "multiply", "prod": "power"}
"""What reducing over an index that the operand lacks does, given the number of repetitions."""


NUMBERS = "#numbers"
"""Behind the name of a bracket, the tensor that holds it as numbers."""


@dataclass
class Known:
    """What the equations of a program share while they are lowered.

    Attributes:
        sizes: By letter; letters for the axes of converted inputs are added.
        outputs: The tensors wanted.
        integers: The shapes of the inputs that hold positions.
        shapes: The shapes of assembled tensors.
        comparisons: The tensors that compare two positions, by name: the tensor's letters and how.
        brackets: The tensors that are Iverson brackets.
        counted: Those that select and are summed too: beside the truth values they are numbers, in a
            tensor of their own.
        literals: The scalars whose values are known.
        conversions: The steps that make numbers of positions, by input.
        counters: How many temporaries each tensor has.
        weights: By letter, the sizes by which forms are chosen.
    """

    sizes: dict[str, int]
    outputs: frozenset[str]
    integers: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    comparisons: Mapping[str, tuple[Letters, Iverson]] = field(default_factory=dict)
    brackets: frozenset[str] = frozenset()
    counted: frozenset[str] = frozenset()
    literals: dict[str, float] = field(default_factory=dict)
    conversions: dict[str, Step] = field(default_factory=dict)
    counters: dict[str, count[int]] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)

    def temporary(self, tensor: str) -> str:
        """A new name for a part of a tensor's computation."""
        return f"{tensor}#{next(self.counters.setdefault(tensor, count(1)))}"

    def as_numbers(self, name: str, equation: Equation) -> str:
        """The tensor that has an input's values as numbers of the program's dtype."""
        if name not in self.integers:
            return name
        if name not in self.conversions:
            letters = tuple([f"{name}#{axis}" for axis in range(len(self.integers[name]))])
            self.sizes.update(zip(letters, self.integers[name], strict=True))
            numbers = Operand(self.temporary(name), letters)
            self.conversions[name] = Step(equation, Copy(), numbers, (Operand(name, letters),))
        return self.conversions[name].target.tensor


def literal_value(expression: Expression, literals: Mapping[str, float]) -> float | None:
    """The number that an expression is, if that is known before the call."""
    match expression:
        case Number(value):
            return _as_float(value)
        case Negate(operand):
            inner = literal_value(operand, literals)
            return None if inner is None else -inner
        case Access(name, ()):
            return literals.get(name)
        case _:
            return None


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # A product of integers may be larger than any float.
        return math.inf if value > 0 else -math.inf


class EquationLowering:
    """One equation on its way to steps: the letters of its target and the steps so far."""

    def __init__(self, equation: Equation, known: Known, late: Collection[str] = ()) -> None:
        self.equation = equation
        self.known = known
        self.late = late
        self.sizes = known.sizes
        self.weights = {**known.sizes, **known.weights}
        self.name = equation.target.name
        self.free = subscript_letters(equation.target.subscripts)
        self.done: list[Step] = []

    def steps(self) -> list[Step]:
        """The steps of an equation that defines its target; the last one writes it."""
        target = Operand(self.name, self.free)
        if self.name in self.known.counted:
            numbers = Operand(f"{self.name}{NUMBERS}", self.free)
            counted = self.value(self.equation.expression)
            if not self.retarget(counted, numbers):
                self.emit(Copy(), numbers, counted)
        value = self.value(self.equation.expression)
        if self.retarget(value, target):
            return self.done
        same = isinstance(value, Operand) and set(value.indices) == set(self.free)
        if same and isinstance(value, Operand) and self.name not in self.known.outputs:
            subscripts = tuple([Affine(((1, letter),)) for letter in value.indices])
            self.emit(Window(subscripts), target, Operand(value.tensor))
        else:
            self.emit(Copy(), target, value)
        return self.done

    def contribution(self, manner: Manner, fixed: Letters = ()) -> list[Step]:
        """The steps of an equation that contributes to its target.

        Args:
            manner: How its cells are written.
            fixed: The letters of the loops around it.
        """
        value = self.value(self.equation.expression)
        subscripts = self.equation.target.subscripts
        function = FOLDS[COMBINED[self.equation.operator]].pair
        affine = tuple([place for place in map(positions, subscripts) if place is not None])
        if len(affine) < len(subscripts):
            places, tensors = self.places(subscripts)
            self.emit(Scatter(function, places), Operand(self.name), value, *tensors)
            return self.done
        cells = Operand(self.known.temporary(self.name), self.free)
        self.emit(Window(affine), cells, Operand(self.name))
        shape = self.known.shapes[self.name]
        strides = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
        letters = [letter for letter in self.free if letter not in fixed]
        loops = overlapping(letter_strides(affine, strides), letters, self.sizes, self.weights)
        kind = "copy" if manner.copies else function
        self.emit(Accumulate(kind, loops, manner.alone), cells, value)
        return self.done

    def retarget(self, value: Source, target: Operand) -> bool:
        """Let the last step write the target itself where it writes the same cells."""
        if not self.done or not isinstance(value, Operand):
            return False
        last = self.done[-1]
        if last.target != value or set(value.indices) != set(self.free):
            return False
        if isinstance(last.operation, Window) and self.name in self.known.outputs:
            return False
        self.done[-1] = Step(last.equation, last.operation, target, last.operands)
        return True

    def emit(self, operation: Operation, target: Operand, *operands: Source) -> Operand:
        """Add a step."""
        self.done.append(Step(self.equation, operation, target, operands))
        return target

    def temporary(self, letters: Iterable[str]) -> Operand:
        """A new tensor over some letters, in the order of the target's subscripts."""
        rank = {letter: axis for axis, letter in enumerate(self.free)}
        ordered = sorted(dict.fromkeys(letters), key=lambda letter: rank.get(letter, len(rank)))
        return Operand(self.known.temporary(self.name), tuple(ordered))

    def apply(self, function: str, *operands: Source) -> Operand:
        """An elementwise function of operands, over all the letters that they have."""
        letters = [letter for operand in operands for letter in operand_letters(operand)]
        return self.emit(Elementwise(function), self.temporary(letters), *operands)

    def value(self, expression: Expression) -> Source:
        """What an expression comes to: a tensor, a number, a position."""
        literal = literal_value(expression, self.known.literals)
        if literal is not None:
            return Literal(literal)
        handler = _VALUES.get(type(expression))
        if handler is None:
            raise TypeError(f"not part of a flat program: {expression!r}")
        return handler(self, expression)

    def read(self, access: Access) -> Operand:
        """A tensor at its subscripts: as it is, through a window, or gathered."""
        name = self.known.as_numbers(access.name, self.equation)
        if is_distinct(access):
            return Operand(name, plain_subscripts(access))
        target = self.temporary(subscript_letters(access.subscripts))
        affine = [place for place in map(positions, access.subscripts) if place is not None]
        if len(affine) == len(access.subscripts):
            return self.emit(Window(tuple(affine)), target, Operand(name))
        places, tensors = self.places(access.subscripts)
        return self.emit(Gather(places), target, Operand(name), *tensors)

    def places(
        self, subscripts: Sequence[Subscript]
    ) -> tuple[tuple[Affine | Operand, ...], list[Operand]]:
        """Subscripts as an operation holds them, and the tensors of positions among them."""
        found: list[Affine | Operand] = []
        for subscript in subscripts:
            if isinstance(subscript, Access):
                if not is_distinct(subscript):
                    raise TypeError(f"not part of a flat program: {subscript!r}")
                found.append(Operand(subscript.name, plain_subscripts(subscript)))
            else:
                found.append(positions(subscript) or Affine(()))
        return tuple(found), [place for place in found if isinstance(place, Operand)]

    def call(self, call: Call) -> Source:
        """A function of operands, or a reduction."""
        if not call.indices:
            arguments = [self.value(argument) for argument in call.arguments]
            special = _CALLS.get(call.function)
            if special:
                return special(self, arguments)
            own = call.function not in FUNCTIONS or FUNCTIONS[call.function].own
            return self.apply(f"{OWN_PREFIX}{call.function}" if own else call.function, *arguments)
        (body,) = call.arguments
        nothing = decided(call.function, elements(self.sizes, call.indices), varies=True)
        if nothing is not None:
            return Literal(nothing)
        if call.function == "sum" and isinstance(body, Multiply) and len(body.factors) == 2:
            left, right = body.factors
            return self.contract(self.value(left), self.value(right), call.indices)
        return self.reduce(call.function, self.value(body), call.indices)

    def add(self, terms: Sequence[Expression]) -> Source:
        """A chain of additions and subtractions that starts with a term that is not negated.

        What a loop computes anew comes last: the sum of the others is the same at each position.
        """
        signed = [(t.operand, "subtract") if isinstance(t, Negate) else (t, "add") for t in terms]
        signed.sort(key=lambda term: isinstance(term[0], Access) and term[0].name in self.late)
        start = next((n for n, (_, function) in enumerate(signed) if function == "add"), None)
        if start is None:
            return self.apply("negative", self.add([term for term, _ in signed]))
        total = self.value(signed[start][0])
        for term, function in signed[:start] + signed[start + 1 :]:
            total = self.apply(function, total, self.value(term))
        return total

    def fold(self, operands: Sequence[Source]) -> Source:
        """A chain of products that meets its small operands first."""
        if len(operands) > 2:
            operands = sorted(operands, key=lambda o: elements(self.weights, operand_letters(o)))
        result, *others = sorted(operands, key=self.is_bracket)
        for operand in others:
            result = self.multiply(result, operand)
        return result

    def multiply(self, left: Source, right: Source) -> Operand:
        """A product; a bracket selects, so that 0 times infinity is 0."""
        if self.is_bracket(left):
            left, right = right, left
        if self.is_bracket(right) and not self.is_bracket(left):
            return self.apply("where", right, left, Literal(0.0))
        return self.apply("multiply", left, right)

    def is_bracket(self, source: Source) -> bool:
        """Whether an operand is an Iverson bracket."""
        return isinstance(source, Operand) and source.tensor in self.known.brackets

    def divide(self, numerator: Source, denominator: Source) -> Operand:
        """A quotient, of 1 as a reciprocal."""
        if numerator == Literal(1.0):
            return self.apply("reciprocal", denominator)
        return self.apply("divide", numerator, denominator)

    def power(self, base: Source, exponent: Source) -> Source:
        """A power, by cheaper passes where the exponent allows it."""
        if isinstance(exponent, Literal) and not isinstance(base, Literal):
            if exponent.value == -3.0:
                return self.power(self.apply("reciprocal", base), Literal(3.0))
            if exponent.value == 3.0:
                return self.apply("multiply", self.apply("square", base), base)
            for function in POWERS.get(exponent.value, ("power",)):
                extra = (exponent,) if function == "power" else ()
                base = self.apply(function, base, *extra)
            return base
        return self.apply("power", base, exponent)

    def reduce(self, function: str, body: Source, indices: Letters) -> Source:
        """A reduction; an index that the body lacks repeats the body."""
        if isinstance(body, Operand) and body.tensor in self.known.counted:
            body = replace(body, tensor=f"{body.tensor}{NUMBERS}")
        present = tuple([i for i in indices if i in operand_letters(body)])
        tied = decided(function, elements(self.sizes, indices), varies=bool(present))
        if tied is not None:
            return Literal(tied)
        if present:
            kept = [i for i in operand_letters(body) if i not in present]
            body = self.emit(Reduction(function, present), self.temporary(kept), body)
        repeats = elements(self.sizes, [i for i in indices if i not in present])
        if repeats != 1 and function in _REPEATED:
            return self.apply(_REPEATED[function], body, Literal(float(repeats)))
        return body

    def contract(self, left: Source, right: Source, indices: Letters) -> Source:
        """A pairwise contraction; what only one operand has is summed there first."""
        ours, theirs = set(operand_letters(left)), set(operand_letters(right))
        left = self.reduce("sum", left, tuple([i for i in indices if i in ours - theirs]))
        right = self.reduce("sum", right, tuple([i for i in indices if i in theirs - ours]))
        shared = tuple([i for i in indices if i in ours & theirs])
        cumulated = self.cumulated(left, right, shared) or self.cumulated(right, left, shared)
        kept = [i for side in (left, right) for i in operand_letters(side) if i not in shared]
        if cumulated is not None:
            result: Source = cumulated
        elif shared and not self.selects(left, right):
            operation = Contraction(contracted=shared)
            result = self.emit(operation, self.temporary(kept), left, right)
        else:
            result = self.reduce("sum", self.multiply(left, right), shared)
        return self.reduce("sum", result, tuple([i for i in indices if i not in ours | theirs]))

    def selects(self, left: Source, right: Source) -> bool:
        """Whether one operand is a bracket that says which cells of the other one count."""
        pairs = ((left, right), (right, left))
        return any(
            self.is_bracket(mask) and set(operand_letters(mask)) <= set(operand_letters(other))
            for mask, other in pairs
        )

    def cumulated(self, mask: Source, body: Source, shared: Letters) -> Operand | None:
        """The product with a comparison of two positions as a cumulative sum, if it is one."""
        if len(shared) != 1 or not isinstance(mask, Operand) or not isinstance(body, Operand):
            return None
        letters, iverson = self.known.comparisons.get(mask.tensor, ((), None))
        others = [letter for letter in mask.indices if letter not in shared]
        if iverson is None or len(others) != 1 or others[0] in body.indices:
            return None
        left = mask.indices[letters.index(iverson.left.name)]  # type: ignore[union-attr]
        comparison = iverson.operator if left == shared[0] else _MIRRORED[iverson.operator]
        target = self.temporary([others[0], *(i for i in body.indices if i not in shared)])
        operation = Cumulation(shared[0], others[0], *CUMULATIVE[comparison])
        return self.emit(operation, target, body)


def _clip(lowering: EquationLowering, arguments: Sequence[Source]) -> Source:
    x, lower_bound, upper_bound = arguments
    return lowering.apply("minimum", lowering.apply("maximum", x, lower_bound), upper_bound)


_CALLS: dict[str, Callable[[EquationLowering, Sequence[Source]], Source]] = {
    "clip": _clip,
    "pow": lambda lowering, arguments: lowering.power(*arguments),
    "stop_gradient": lambda _, arguments: arguments[0],
}
"""Functions that are other steps under a name of their own."""


_VALUES: dict[type, Callable[[EquationLowering, Any], Source]] = {
    Access: EquationLowering.read,
    Add: lambda lowering, node: lowering.add(node.terms),
    Call: EquationLowering.call,
    Divide: lambda lowering, node: lowering.divide(*map(lowering.value, children(node))),
    IndexValue: lambda _, node: Position(node.name),
    Iverson: lambda lowering, node: lowering.apply(
        COMPARISONS[node.operator], *map(lowering.value, children(node))
    ),
    Multiply: lambda lowering, node: lowering.fold([*map(lowering.value, node.factors)]),
    Negate: lambda lowering, node: lowering.apply("negative", lowering.value(node.operand)),
    Power: lambda lowering, node: lowering.power(*map(lowering.value, children(node))),
}
"""How each node of an expression becomes steps."""
