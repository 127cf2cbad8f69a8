"""Products of a recurrence that share an operand become one: ``h U`` and ``h V`` a part each of ``h S``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from einprop.analysis.dependence import assembled_tensors
from einprop.analysis.indices import is_distinct, numbered
from einprop.analysis.recurrence import numbers
from einprop.notation.tree import Access, Affine, Call, Equation, Multiply
from einprop.passes.builder import Builder, letters, renamed, tensor
from einprop.passes.decisions import Decision, in_words
from einprop.passes.sized import SizedProgram

__all__ = ["stack_operands"]


@dataclass(frozen=True)
class _Product:
    """An equation of a recurrence that multiplies what it computes by something that it does not.

    Attributes:
        number: The equation's.
        shared: What the recurrence computes.
        other: The other operand.
        names: The letters of the operands in order of appearance, numbered.
    """

    number: int
    shared: Access
    other: Access
    names: Mapping[str, str]


def stack_operands(program: SizedProgram) -> SizedProgram:
    """The flat program with products of a recurrence merged where they share an operand.

    Four gates that each multiply the state by weights of their own take one product a step instead of
    four, and so do their derivatives, which are taken of what comes out. The weights are put together
    once, before the recurrence. Outside of recurrences that costs as much as it saves.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> text = "h[-1,j] += 0; p[t,k] = h[t-1,k]; u[t,j] = sum[k](p[t,k] U[k,j])"
    >>> text += "; v[t,j] = sum[k](p[t,k] V[k,j]); w[t,j] = u[t,j] v[t,j]; h[t,j] += w[t,j]"
    >>> sizes = {"t": 5, "j": 3, "k": 3}
    >>> found = stack_operands(SizedProgram(parse(text), sizes, ("h",)))
    >>> for equation in found.equations[2:7]:
    ...     print(to_text(equation))
    _1[0,k,j] += U[k,j]
    _1[1,k,j] += V[k,j]
    _2[g,t,j] = sum[k](p[t,k] _1[g,k,j])
    u[t,j] = _2[0,t,j]
    v[t,j] = _2[1,t,j]
    """
    around = () if program.generic else program.loops()
    groups = _groups(program, {number for loop in around for number in numbers(loop)})
    if not groups:
        return program
    builder = Builder(program.sizes, program.names)
    axes, sizes = dict(program.axes), dict(program.sizes)
    written = {n: [equation] for n, equation in enumerate(program.equations)}
    decisions = []
    for group in groups:
        letter = numbered("g", sizes.__contains__)
        sizes[letter] = len(group)
        merged = _merged(program, group, letter, builder, axes)
        for product, equations in zip(group, merged, strict=True):
            written[product.number] = equations
        decisions.append(_decision(program, group))
    return replace(
        program,
        equations=tuple(equation for number in sorted(written) for equation in written[number]),
        sizes=sizes,
        axes=axes,
        temporaries=program.temporaries | builder.created,
        decisions=(*program.decisions, *decisions),
    )


def _groups(program: SizedProgram, cycle: set[int]) -> list[list[_Product]]:
    """The products that may be merged, those that may become one together."""
    if not cycle:
        return []
    equations = program.equations
    inside = {equations[number].target.name for number in cycle}
    kept = {*program.outputs, *assembled_tensors(equations)}
    made = {equation.target.name: number for number, equation in enumerate(equations)}
    found: dict[tuple[object, ...], list[_Product]] = {}
    for number in sorted(cycle):
        product = _product(number, equations[number], inside)
        if product is None or equations[number].target.name in kept:
            continue
        members = found.setdefault(_key(product, equations[number], program), [])
        others = {member.other.name for member in members}
        first = members[0].number if members else number
        # What is put together has to be there before the first product.
        if product.other.name not in others and made.get(product.other.name, -1) < first:
            members.append(product)
    return [members for members in found.values() if len(members) > 1]


def _product(number: int, equation: Equation, inside: set[str]) -> _Product | None:
    """An equation as a product of what a recurrence computes and something else, if it is one."""
    match equation.expression:
        case Call("sum", (Multiply((Access() as one, Access() as other)),)):
            if other.name in inside:
                one, other = other, one
            plain = all(map(is_distinct, (one, other, equation.target)))
            if plain and one.name in inside and other.name not in inside:
                order = dict.fromkeys((*letters(one), *letters(other)))
                return _Product(number, one, other, {i: f"#{n}" for n, i in enumerate(order)})
    return None


def _key(product: _Product, equation: Equation, program: SizedProgram) -> tuple[object, ...]:
    """What products have in common that can become one."""
    accesses = (product.shared, product.other, equation.target)
    places = [renamed(access, product.names).subscripts for access in accesses]
    return product.shared.name, *places, *[program.size([i]) for i in product.names]


def _merged(
    program: SizedProgram,
    group: Sequence[_Product],
    letter: str,
    builder: Builder,
    axes: dict[str, tuple[str, ...]],
) -> list[list[Equation]]:
    """For each product of a group the equations that stand in its place."""
    first = group[0]
    equation, held = program.equations[first.number], letters(first.other)
    stacked, results = builder.fresh_name(), builder.fresh_name()
    axes[stacked] = (letter, *held)
    pieces = [
        Equation(Access(stacked, (_at(n), *product.other.subscripts)), "+=", product.other)
        for n, product in enumerate(group)
    ]
    whole = tensor(stacked, (letter, *held))
    assert isinstance(equation.expression, Call)
    product = replace(equation.expression, arguments=(Multiply((first.shared, whole)),))
    target = tensor(results, (letter, *letters(equation.target)))
    found = []
    for n, member in enumerate(group):
        own = program.equations[member.number]
        part = Access(results, (_at(n), *own.target.subscripts))
        found.append([replace(own, expression=part)])
    found[0] = [*pieces, replace(equation, target=target, expression=product), *found[0]]
    return found


def _at(position: int) -> Affine:
    return Affine((), position)


def _decision(program: SizedProgram, group: Sequence[_Product]) -> Decision:
    """What the explanation says of a group."""
    defined = {equation.target.name: equation for equation in program.equations}
    shared = in_words(group[0].shared, defined, program.temporaries)
    text = f"products of {shared} with {', '.join(product.other.name for product in group)}"
    return Decision("merged", text, len(group) - 1, "products a step")
