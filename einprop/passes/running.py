"""Products along an index as recurrences, where they are differentiated.

The derivative of ``prod[i](x[i])`` by one operand is the product of all others. Written out it takes
a row for each operand; as the derivative of the recurrence ``p[i+1] = p[i] x[i]`` it is the product of
those before times that of those behind. Nothing is divided, so that zeros do no harm, and the work grows
as the operands do. A cumulative product is such a recurrence itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from einprop.analysis.indices import is_distinct, numbered, rename_indices, unprimed
from einprop.notation.tree import (
    Access,
    Affine,
    Call,
    Equation,
    Expression,
    Index,
    IndexValue,
    Iverson,
    Multiply,
    Number,
)
from einprop.passes.builder import Builder, letters, tensor
from einprop.passes.sized import SizedProgram

__all__ = ["run_products"]

_MIRRORED = {"<=": ">=", "<": ">", ">=": "<=", ">": "<"}


@dataclass(frozen=True)
class _Cumulative:
    """The product of an operand over all positions on one side of an index.

    Attributes:
        operand: What is multiplied, at the index where the product stops.
        index: That index.
        order: How the positions that take part compare with it.
    """

    operand: Access
    index: str
    order: str


def run_products(program: SizedProgram) -> SizedProgram:
    """The flat program with its products as recurrences, those inside of other recurrences as they are.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> program = SizedProgram(parse("y[b] = prod[i](x[b,i])"), {"b": 2, "i": 3}, ("y",))
    >>> for equation in run_products(program).equations:
    ...     print(to_text(equation))
    _1[b,0] += 1
    _2[b,i] = _1[b,i+0]
    _3[b,i] = _2[b,i] x[b,i]
    _1[b,i+1] += _3[b,i]
    y[b] = _1[b,3]
    """
    running = _Running(program)
    if not any(map(running.is_product, program.equations)):
        return program
    looped = {number for loop in program.loops() for number in loop.letters}
    equations: list[Equation] = []
    for number, equation in enumerate(program.equations):
        if running.is_product(equation) and number not in looped:
            equations += running.product(equation)
        else:
            equations.append(equation)
    return replace(
        program,
        equations=tuple(equations),
        sizes=running.sizes,
        axes=running.axes,
        temporaries=program.temporaries | running.builder.created,
    )


class _Running:
    def __init__(self, program: SizedProgram) -> None:
        self.sizes = dict(program.sizes)
        self.axes = dict(program.axes)
        self.builder = Builder(self.sizes, program.names)
        self.defined = {e.target.name: e for e in program.equations if e.operator == "="}

    @staticmethod
    def is_product(equation: Equation) -> bool:
        match equation.expression:
            case Call("prod", (Access(),)):
                return equation.operator == "=" and is_distinct(equation.target)
            case _:
                return False

    def product(self, equation: Equation) -> Iterator[Equation]:
        """The equations that a product becomes."""
        call = equation.expression
        assert isinstance(call, Call)
        assert isinstance(call.arguments[0], Access)
        body, indices = call.arguments[0], call.indices
        found = self.cumulative(body, indices)
        if found is not None:
            yield from self.recurrence(found, equation.target, whole=False)
            return
        for index in indices[:0:-1]:
            left = [i for i in dict.fromkeys(letters(body)) if i != index]
            partial = tensor(self.builder.fresh_name(), left)
            yield from self.recurrence(_Cumulative(body, index, "<="), partial, whole=True)
            body = partial
        yield from self.recurrence(_Cumulative(body, indices[0], "<="), equation.target, whole=True)

    def recurrence(
        self, product: _Cumulative, target: Access, *, whole: bool
    ) -> Iterator[Equation]:
        """The equations of a product that runs along its index, and of what is read of it."""
        index, size = product.index, self.sizes[unprimed(product.index)]
        own = list(dict.fromkeys(letters(product.operand)))
        name, before, step = (self.builder.fresh_name() for _ in range(3))
        upward = product.order in ("<=", "<")

        def at(position: Affine) -> Access:
            return Access(name, tuple(position if i == index else Index(i) for i in own))

        def end(position: int) -> Access:
            return at(Affine((), position))

        here, there = (at(Affine(((1, index),), offset)) for offset in (0, 1))
        last, following = (here, there) if upward else (there, here)
        longer = self.longer(index, size + 1)
        self.axes[name] = tuple(longer if i == index else i for i in own)
        self.axes[before] = self.axes[step] = tuple(own)
        held, result = tensor(before, own), tensor(step, own)
        yield Equation(end(0 if upward else size), "+=", Number(1))
        yield Equation(held, "=", last)
        yield Equation(result, "=", Multiply((held, product.operand)))
        yield Equation(following, "+=", result)
        if whole:
            yield Equation(target, "=", end(size))
        else:
            yield Equation(target, "=", following if product.order in ("<=", ">=") else last)

    def longer(self, index: str, size: int) -> str:
        """A letter of a size that has a name like the index's."""
        like = unprimed(index)
        own = numbered(like, lambda i: i == like or self.sizes.get(i, size) != size)
        self.sizes[own] = size
        return own

    def cumulative(self, body: Access, indices: tuple[str, ...]) -> _Cumulative | None:
        """A product over one index of ``where([i' <= i], x[i'], 1)``, where it is one."""
        match self.expression(body):
            case Call("where", (Access() as condition, Access() as operand, Number(1))):
                compared = self.expression(condition)
            case _:
                return None
        match compared:
            case Iverson(IndexValue(left), order, IndexValue(right)) if order in _MIRRORED:
                pass
            case _:
                return None
        if indices == (right,):
            left, right, order = right, left, _MIRRORED[order]
        read = letters(operand)
        lengths = {self.sizes[unprimed(index)] for index in (left, right)}
        if indices != (left,) or len(lengths) > 1:
            return None
        if left not in read or right in read:
            return None
        moved = tensor(operand.name, (right if i == left else i for i in read))
        return _Cumulative(moved, right, order)

    def expression(self, access: Access) -> Expression | None:
        """What a tensor is defined as, at the indices of this read."""
        equation = self.defined.get(access.name)
        if equation is None or not is_distinct(equation.target) or not is_distinct(access):
            return None
        from_ = letters(equation.target)
        names = dict(zip(from_, letters(access), strict=True))
        return rename_indices(equation.expression, names)
