"""Jacobians and Hessians in closed form, as a reader wants to see them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from einprop.analysis.dependence import live
from einprop.analysis.derivative_names import tensor_base
from einprop.analysis.indices import fresh_index, numbered
from einprop.analysis.resolve import Resolved
from einprop.calculus.delta import Elimination, Held
from einprop.calculus.extrema import counts_ties
from einprop.calculus.letters import with_one_meaning
from einprop.calculus.reading import readable
from einprop.notation.tree import Access, Equation, Index

__all__ = ["Jacobians", "runs_backward"]


def runs_backward(resolved: Resolved, of: str, wrt: str) -> bool:
    """Whether a Jacobian is better found from the output back: it has fewer axes than the input.

    Sizes are not known when a program is derived; the number of axes is what tells most.
    """
    return resolved.types.rank(of) < resolved.types.rank(wrt)


@dataclass
class Jacobians:
    """Collects the equations of Jacobians under names of their own.

    Attributes:
        resolved: The program that they are added to.
        results: The names of the Jacobians so far.
    """

    resolved: Resolved
    results: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        names = self.resolved.names
        self._taken = {*names.inputs, *names.defined}
        self._equations: list[Equation] = []
        self._held: Held = {}

    def claim(self, name: Callable[[str], str], kind: str) -> str:
        """The name of a result: that of a kind, with a number if it is in use."""
        own = name(numbered(kind, lambda k: name(k) in self._taken))
        self._taken.add(own)
        self.results.append(own)
        return own

    def forward(self, wrt: str, results: Iterable[tuple[str, str]]) -> None:
        """Jacobians by forward mode.

        Args:
            wrt: The input.
            results: The tensors, each with the name of its Jacobian.
        """
        self._add(self.resolved, wrt, lambda n, kind: f"{n}.{kind}.{wrt}", results)

    def backward(
        self, adjoint: Resolved, of: str, seed: str, results: Iterable[tuple[str, str]]
    ) -> None:
        """Jacobians by reverse mode: those of the gradients for the seed, transposed.

        Args:
            adjoint: The program with its adjoint.
            of: The tensor.
            seed: Its cotangent.
            results: The gradients, each with the name of the Jacobian.
        """

        def name(cotangent: str, kind: str) -> str:
            return f"{of}.{kind}.{tensor_base(cotangent)}"

        self._add(adjoint, seed, name, results, transposed=True)

    def _add(
        self,
        source: Resolved,
        wrt: str,
        name: Callable[[str, str], str],
        results: Iterable[tuple[str, str]],
        *,
        transposed: bool = False,
    ) -> None:
        lettered = with_one_meaning(source)
        found = Elimination(lettered, wrt, name, self._taken, self._held, turned=transposed)
        self._taken |= found.taken
        for tensor, result in results:
            found.jacobian(tensor, result, transposed=transposed)
        # Ties are counted once, however many Jacobians read them.
        counted = [e for e in self._equations if counts_ties(e)]
        self._equations += [e for e in found.equations if e not in counted]

    def mirror(self, source: str, result: str, sides: tuple[str, str]) -> None:
        """A Hessian as the other side of its symmetry.

        Args:
            source: The Hessian.
            result: The name of its mirror image.
            sides: The tensors whose axes the mirror image has, one after the other.
        """
        lettered = with_one_meaning(self.resolved)
        letters: list[str] = []
        for index in (i for side in sides for i in lettered.axes(side)):
            letters.append(fresh_index(index, letters))
        subscripts = tuple(Index(i) for i in letters)
        first = len(lettered.axes(sides[0]))
        read = Access(source, (*subscripts[first:], *subscripts[:first]))
        self._equations.append(Equation(Access(result, subscripts), "=", read))

    @property
    def equations(self) -> list[Equation]:
        """The equations that the results need, with implied sums left out."""
        return list(readable(self.resolved, live(self._equations, self.results)))
