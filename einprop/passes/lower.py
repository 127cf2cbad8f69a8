"""The whole way down: from a resolved program and its derivations to a flat program ready to schedule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from einprop.analysis.dependence import live
from einprop.analysis.sizes import Sizes
from einprop.calculus.derive import Derivation, Tangents
from einprop.calculus.forward import forward
from einprop.calculus.reverse import reverse
from einprop.notation.tree import Access, Equation, Number, reads
from einprop.passes.accumulate import accumulate
from einprop.passes.binarise import binarise
from einprop.passes.boundaries import boundaries
from einprop.passes.builder import letters, tensor
from einprop.passes.chains import gather_factors
from einprop.passes.factor import factor
from einprop.passes.pairs import Differentiated
from einprop.passes.scaled import scale_operands
from einprop.passes.simplify import simplify
from einprop.passes.sized import SizedProgram, attach_sizes
from einprop.passes.stabilise import stabilise
from einprop.passes.stacks import stack_operands

__all__ = ["derive_flat", "lower", "stages"]


def lower(
    sizes: Sizes,
    derivations: Sequence[Derivation | Tangents],
    outputs: Sequence[str],
    *,
    generic: bool = False,
    weights: Mapping[str, int] | None = None,
) -> SizedProgram:
    """Binarise, take stable forms, merge products, derive on the pairwise program, simplify.

    Args:
        sizes: The sizes of the program that the derivations start from.
        derivations: Applied one after the other.
        outputs: The tensors that are wanted in the end.
        generic: Whether sizes that enter a computation stay scalars of their own.
        weights: Sizes by letter by which forms are chosen, if not by those that letters have.
    """
    *_, (_, program) = stages(sizes, derivations, outputs, generic=generic, weights=weights)
    return program


def stages(
    sizes: Sizes,
    derivations: Sequence[Derivation | Tangents],
    outputs: Sequence[str],
    *,
    generic: bool = False,
    weights: Mapping[str, int] | None = None,
) -> Iterator[tuple[str, SizedProgram]]:
    """The program after each pass on the way down, with the pass's name; arguments as for `lower`.

    ``prepare`` simplifies what is differentiated next.
    """
    program = attach_sizes(sizes, generic=generic, weights=weights)
    yield "sizes", (program := boundaries(program, sizes.resolved.extents))
    yield "accumulate", (program := accumulate(program, differentiated=bool(derivations)))
    first = next((Differentiated(d.of, d.wrt) for d in derivations), None)
    yield "binarise", (program := binarise(program, first))
    yield "stabilise", (program := stabilise(program))
    yield "merge", (program := stack_operands(program))
    for derivation in derivations:
        wanted = {*outputs, *derivation.of}
        program = simplify(replace(program, outputs=tuple(wanted)), last=False)
        yield "prepare", (program := scale_operands(program))
        yield "derive", (program := derive_flat(program, derivation))
    program = simplify(replace(program, outputs=tuple(outputs)))
    yield "simplify", program
    yield "factor", (program := factor(program))
    yield "scale", (program := scale_operands(program))
    yield "gather", gather_factors(program)


def derive_flat(program: SizedProgram, derivation: Derivation | Tangents) -> SizedProgram:
    """The flat program followed by its adjoint or its tangent, flat too."""
    if isinstance(derivation, Tangents):
        return _with_tangent(program, derivation)
    return _with_adjoint(program, derivation)


def _with_adjoint(program: SizedProgram, derivation: Derivation) -> SizedProgram:
    # Algebra may have made one differentiated tensor depend on another, or a gradient vanish: the
    # cotangents have names of their own, and the derivation's names are tied to them at both ends.
    seeds = dict(derivation.seeds)
    suffix = _unused(derivation.suffix, program)
    before, after = _parted(program.equations, derivation.of, derivation.results)
    adjoint = reverse(
        before,
        list(seeds),
        derivation.wrt,
        suffix,
        program.axes,
        size_of=program.size_of,
    )
    axes = _derivative_axes(program, suffix)
    axes |= {seed: axes[name] for name, seed in derivation.seeds}
    axes |= {gradient: axes[name] for name, gradient in derivation.gradients}
    tie = partial(_tie, axes)
    ones = [Equation(Access(seeds[n]), "=", Number(1)) for n in derivation.ones if n in seeds]
    given = [tie(inner, seeds[name], name) for name, inner in adjoint.seeds.items()]
    wanted = [tie(g, adjoint.gradients.get(name), name) for name, g in derivation.gradients]
    equations = (*before, *ones, *given, *adjoint.equations, *wanted, *after)
    return binarise(replace(program, equations=equations, axes=axes))


def _parted(
    equations: Sequence[Equation], of: Sequence[str], derived: Sequence[str]
) -> tuple[list[Equation], list[Equation]]:
    """The equations that are differentiated, and those behind if some go on with the derivatives."""
    if not any(access.name in derived for e in equations for access in reads(e)):
        return list(equations), []
    before = live(equations, of)
    names = {equation.target.name for equation in before}
    return before, [e for e in equations if e.target.name not in names]


def _derivative_axes(program: SizedProgram, suffix: str) -> dict[str, tuple[str, ...]]:
    """The axes of all tensors, and those of the tensors that reverse mode may add."""
    axes = dict(program.axes)
    for equation in program.equations:
        axes.setdefault(equation.target.name, letters(equation.target))
    for name in list(axes):
        axes[f"{name}.{suffix}"] = axes[f"{name}.ties"] = axes[name]
    return axes


def _with_tangent(program: SizedProgram, derivation: Tangents) -> SizedProgram:
    suffix = _unused(derivation.suffix, program)
    tangent = forward(program.equations, derivation.wrt, suffix)
    axes = _derivative_axes(program, suffix)
    axes |= {given: axes[name] for name, given in derivation.given if name in axes}
    axes |= {wanted: axes[name] for name, wanted in derivation.tangents}
    tie = partial(_tie, axes)
    given = [tie(f"{x}.{suffix}", dot, x) for x, dot in derivation.given if x in axes]
    wanted = [tie(dot, tangent.tangents.get(y), y) for y, dot in derivation.tangents]
    equations = (*program.equations, *given, *tangent.equations, *wanted)
    return binarise(replace(program, equations=equations, axes=axes))


def _tie(axes: Mapping[str, tuple[str, ...]], name: str, source: str | None, of: str) -> Equation:
    """A tensor of the axes of another as a copy of a third; 0 if there is none."""
    value = Number(0) if source is None else tensor(source, axes[of])
    return Equation(tensor(name, axes[of]), "=", value)


def _unused(suffix: str, program: SizedProgram) -> str:
    """The suffix with as many underscores as make it the end of no name in the program."""
    parts = {part for name in program.names for part in name.split(".")}
    candidate = f"{suffix}_"
    while candidate in parts:
        candidate += "_"
    return candidate
