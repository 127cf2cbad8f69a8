"""The whole way down: from a resolved program and its derivations to a flat program ready to schedule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from einprop.analysis.sizes import Sizes
from einprop.calculus.derive import Derivation
from einprop.calculus.reverse import reverse
from einprop.notation.tree import Access, Equation, Number
from einprop.passes.binarise import binarise
from einprop.passes.builder import tensor
from einprop.passes.simplify import simplify
from einprop.passes.sized import SizedProgram, attach_sizes

__all__ = ["derive_flat", "lower"]


def lower(sizes: Sizes, derivations: Sequence[Derivation], outputs: Sequence[str]) -> SizedProgram:
    """Binarise, derive on the pairwise program, simplify.

    Args:
        sizes: The sizes of the program that the derivations start from.
        derivations: Applied one after the other.
        outputs: The tensors that are wanted in the end.
    """
    program = binarise(attach_sizes(sizes))
    for derivation in derivations:
        wanted = {*outputs, *derivation.of}
        program = simplify(replace(program, outputs=tuple(wanted)), last=False)
        program = derive_flat(program, derivation)
    return simplify(replace(program, outputs=tuple(outputs)))


def derive_flat(program: SizedProgram, derivation: Derivation) -> SizedProgram:
    """The flat program followed by its adjoint, flat too."""
    adjoint = reverse(program.equations, derivation.of, derivation.wrt, derivation.suffix)
    ones = [
        Equation(Access(adjoint.seeds[name]), "=", Number(1))
        for name in derivation.ones
        if name in adjoint.seeds
    ]
    axes = dict(program.axes)
    axes |= {seed: axes[name] for name, seed in derivation.seeds}
    axes |= {gradient: axes[name] for name, gradient in derivation.gradients}
    # Algebra may have found that nothing depends on an input after all.
    zeros = [
        Equation(tensor(gradient, axes[name]), "=", Number(0))
        for name, gradient in derivation.gradients
        if name not in adjoint.gradients
    ]
    equations = (*program.equations, *ones, *adjoint.equations, *zeros)
    return binarise(replace(program, equations=equations, axes=axes))
