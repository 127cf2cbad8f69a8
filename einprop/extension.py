"""A program that goes on: equations behind its own, which read what it defines and run as fast."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace
from reprlib import repr as shortened
from typing import Self

from einprop.analysis.resolve import Resolved, resolve
from einprop.arguments import Names, as_names
from einprop.calculus.declarations import needed_declarations
from einprop.calculus.derive import Derivation, Tangents
from einprop.compiled import Recipe
from einprop.errors import InputError
from einprop.notation.tree import Equation, Statement, equations_of, reads
from einprop.roles import as_local, is_output

__all__ = ["Extensible"]


class Extensible(ABC):
    """A program with what it was derived from, so that further equations keep its plan."""

    _resolved: Resolved
    _recipe: Recipe

    @classmethod
    @abstractmethod
    def from_statements(
        cls,
        statements: Iterable[Statement],
        outputs: Names = None,
        recipe: Recipe | None = None,
        params: Names = None,
    ) -> Self:
        """A program from a tree instead of text."""

    def followed_by(self, equations: Sequence[Equation], outputs: str | Iterable[str]) -> Self:
        """The program with more equations, which may read all that it defines.

        Equations behind a derived program keep it as fast as it was: a step of training is
        `value_and_grad` followed by update equations. Only where they read, or are to return, a
        cotangent on the way, such as ``h.grad`` of a computed ``h``, the equations run as written.

        Args:
            equations: What follows.
            outputs: The tensors that a call returns.

        Raises:
            EinpropError: As for the constructor of `Program`.

        >>> from einprop import Program
        >>> gradient = Program("y = x[i] w[i]", params="w").grad(wrt="w")
        >>> update = Program("w.new[i] = w[i] - 0.1 w.grad[i]").statements
        >>> print(gradient.followed_by(update, "w.new"))
        param w[i]
        y = x[i] w[i]
        y.grad = 1
        w.grad[i] += y.grad x[i]
        w.new[i] = w[i] - 0.1 w.grad[i]
        output w.new[i]
        """
        if not isinstance(equations, list | tuple) or not all(
            isinstance(each, Equation) for each in equations
        ):
            raise InputError(
                f"what follows are equations, not {shortened(equations)}",
                (),
                "as in program.followed_by(Program('z = 2 y').statements, 'z')",
            )
        names, recipe = as_names(outputs, "outputs", InputError), None
        wanted = {*names, *(access.name for e in equations for access in reads(e))}
        if self._recipe.derivations and not wanted & self._internal:
            base = resolve((*self._recipe.base.statements, *equations))
            recipe = replace(self._recipe, base=base)
        return self._with(equations, names, recipe)

    @property
    def _internal(self) -> frozenset[str]:
        """What only the equations as written define: the pairwise program has others on its way."""
        known = set(self._recipe.base.names.defined)
        for derivation in self._recipe.derivations:
            known.update(derivation.results)
            if isinstance(derivation, Derivation):
                known.update(seed for _, seed in derivation.seeds)
        return frozenset(self._resolved.names.defined).difference(known)

    def _joined(
        self,
        derivation: Derivation | Tangents,
        derived: Sequence[Statement],
        also: Sequence[str] = (),
    ) -> Self:
        """This program and derived equations as one."""
        return self._with(derived, (*also, *derivation.results), self._derived_by(derivation))

    def _derived_by(self, derivation: Derivation | Tangents) -> Recipe | None:
        """How to run what is derived from this program; None if only as it is written."""
        # What a program declares are equations on its own tensors, not on pairs of them; and a tensor
        # on the way may be on it no more once stable forms are put in.
        computed = set(self._resolved.names.defined).intersection(derivation.wrt)
        if not derivation.dependent or self._resolved.lines or computed:
            return None
        return replace(self._recipe, derivations=(*self._recipe.derivations, derivation))

    def _with(
        self, derived: Sequence[Statement], outputs: Sequence[str], recipe: Recipe | None = None
    ) -> Self:
        """This program followed by derived equations, and the declarations that they need."""
        equations = equations_of(derived)
        others = [s for s in derived if not isinstance(s, Equation)]
        declared = needed_declarations(self._resolved, equations, alone=False)
        forward = [
            kept
            for s in self._resolved.statements
            if s not in declared
            for kept in (as_local(self._resolved, s, outputs) if is_output(s) else [s])
        ]
        return self.from_statements([*declared, *others, *forward, *equations], outputs, recipe)
