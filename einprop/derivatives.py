"""What a program's derivatives are: programs again, with the names and the inputs that each one has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Self, cast

from einprop.analysis.dependence import live
from einprop.arguments import Names, some_names
from einprop.batched import batched_statements
from einprop.calculus.declarations import (
    needed_bases,
    needed_declarations,
    unread_tangents,
)
from einprop.calculus.derive import (
    Derivation,
    check_forward,
    check_independent,
    check_names,
    derivation_of,
    derive_adjoint,
    derive_tangent,
    influential,
)
from einprop.calculus.extrema import counts_ties
from einprop.calculus.jacobian import Jacobians, runs_backward
from einprop.compiled import Compiled
from einprop.errors import DerivativeError
from einprop.extension import Extensible
from einprop.notation.depth import deep
from einprop.notation.tree import Equation
from einprop.value_and_grad import ValueAndGrad

if TYPE_CHECKING:
    from einprop.program import Program

__all__ = ["Differentiable"]


class Differentiable(Extensible):
    """The derivatives of a program; each is a program of the same kind."""

    def backward(self, of: Names = None, wrt: Names = None) -> Self:
        """The adjoint equations alone, one line per operand: what a reader wants to see.

        Args:
            of: The tensors to differentiate; by default the outputs. Their cotangents, ``y.grad``,
                are inputs of the result, as are the forward tensors that it reads.
            wrt: The inputs, or tensors on the way, to differentiate for; by default all inputs.

        Raises:
            DerivativeError: ``of`` is not defined, ``wrt`` is no tensor, either names nothing, or
                nothing depends on any.

        >>> from einprop import Program
        >>> print(Program("y = tanh(x[i] w[i])").backward())
        x.grad[i] += y.grad (1 - y^2) w[i]
        w.grad[i] += y.grad (1 - y^2) x[i]
        """
        _, equations = self._derive(of, wrt, ones=False)
        bases = needed_bases(self._resolved, equations)
        declared = needed_declarations(self._resolved, [*bases, *equations], alone=True)
        return self.from_statements([*declared, *bases, *equations])

    def grad(self, of: Names = None, wrt: Names = None) -> Self:
        """Forward and backward in one program: inputs in, gradients out.

        Args:
            of: The tensors to differentiate; by default the outputs. A scalar is seeded with 1; any
                other takes its cotangent, ``y.grad``, as an input.
            wrt: The inputs, or tensors on the way, to differentiate for; by default all inputs.

        Raises:
            DerivativeError: As for `backward`.

        >>> from einprop import Program
        >>> gradient = Program("loss = sum[i](x[i]^2)").grad()
        >>> gradient(x=[1.0, 2.0])
        array([2., 4.])
        """
        return self._joined(*self._derive(of, wrt, ones=True))

    def vjp(self, of: Names = None, wrt: Names = None) -> Self:
        """The vector-Jacobian product: inputs and cotangents ``y.grad`` in, gradients out.

        As `grad`, but a scalar's cotangent is an input too. A cotangent has the shape of its tensor,
        a gradient that of its input.

        Args:
            of: The tensors to differentiate; by default the outputs.
            wrt: The inputs, or tensors on the way, to differentiate for; by default all inputs.

        Raises:
            DerivativeError: As for `backward`.

        >>> from einprop import Program
        >>> Program("y[i] = x[i]^2").vjp()({"x": [1.0, 2.0], "y.grad": [1.0, 10.0]})
        array([ 2., 40.])
        """
        return self._joined(*self._derive(of, wrt, ones=False))

    def jvp(self, of: Names = None, wrt: Names = None) -> Self:
        """The Jacobian-vector product: inputs and tangents ``x.dot`` in, tangents ``y.dot`` out.

        A tangent has the shape of its tensor. The product costs about as much as the program itself
        for each tangent that moves.

        Args:
            of: The tensors to differentiate; by default the outputs.
            wrt: The inputs that change; by default all that ``of`` depends on.

        Raises:
            DerivativeError: As for `backward`.

        >>> from einprop import Program
        >>> product = Program("y[i] = x[i]^2").jvp()
        >>> print(product)
        y[i] = x[i]^2
        y.dot[i] = 2 x[i] x.dot[i]
        output y.dot[i]
        >>> product({"x": [1.0, 2.0], "x.dot": [1.0, 10.0]})
        array([ 2., 40.])
        """
        wanted = None if wrt is None else some_names(wrt, "wrt", self._resolved.names.tensors)
        derivation, equations = derive_tangent(self._resolved, self._chosen(of), wanted)
        declared = unread_tangents(self._resolved, derivation, equations)
        return self._joined(derivation, [*declared, *equations])

    def hvp(self, of: Names = None, wrt: Names = None) -> Self:
        """The Hessian-vector product: tensors and ``x.dot`` in, the gradients' tangents out.

        Forward mode over reverse mode: the result ``x.grad.dot`` has the shape of ``x``, and is the
        Hessian of the scalar times all ``x.dot`` together. It costs about as much as two gradients.

        Args:
            of: The scalar; by default the one output.
            wrt: The inputs to differentiate for, twice; by default all that it depends on.

        Raises:
            DerivativeError: ``of`` is not one scalar, or as for `backward`.

        >>> from einprop import Program
        >>> product = Program("loss = sum[i](x[i]^3)").hvp()
        >>> product({"x": [1.0, 2.0], "x.dot": [1.0, 10.0]})
        array([  6., 120.])
        """
        derivation, adjoint = self._derived_scalar(of, wrt, "hvp")
        gradient = self._joined(derivation, adjoint)
        return gradient.jvp([name for _, name in derivation.gradients], derivation.wrt)

    @deep
    def jacobian(self, of: Names = None, wrt: Names = None) -> Self:
        """The Jacobians in closed form: ``y.jacobian.x`` has the axes of ``y``, then those of ``x``.

        A Jacobian that is zero but where indices agree is written that way, and nothing is computed
        for the rest. It is found from the input on, or from the output back where that has fewer axes.

        Args:
            of: The tensors to differentiate; by default the outputs.
            wrt: The inputs, or tensors on the way, to differentiate for; by default all inputs that
                these depend on.

        Raises:
            DerivativeError: As for `backward`.

        >>> from einprop import Program
        >>> print(Program("y[b,j] = tanh(x[b,i] W[i,j])").jacobian(wrt="x"))
        y[b,j] = tanh(x[b,i] W[i,j])
        y.jacobian.x[b,j,b,i] += (1 - y[b,j]^2) W[i,j]
        """
        chosen, wanted = self._chosen(of), self._wanted(of, wrt)
        check_names(self._resolved, chosen, wanted)
        ahead = [x for name in chosen for x in wanted if not runs_backward(self._resolved, name, x)]
        check_forward(self._resolved, chosen, ahead)
        for x in ahead:
            check_independent(self._resolved, [x])
        found = Jacobians(self._resolved)
        ties: list[Equation] = []
        # Before any part of one is named.
        claimed = {
            name: {x: found.claim(_sides(name, x), "jacobian") for x in wanted} for name in chosen
        }
        for name, names in claimed.items():
            back = [x for x in wanted if runs_backward(self._resolved, name, x)]
            if back:
                derivation, adjoint = self._derive(name, back, ones=False)
                seeds, gradients = dict(derivation.seeds), dict(derivation.gradients)
                if name in seeds:
                    source = self._joined(derivation, adjoint)._resolved
                    pairs = [(gradients[x], names[x]) for x in back]
                    found.backward(source, name, seeds[name], pairs)
                    ties += [e for e in adjoint if counts_ties(e) and e not in ties]
                else:
                    back = []
            for x in wanted:
                if x not in back:
                    found.forward(x, [(name, names[x])])
        others = [e for e in found.equations if e not in ties]
        return self._with(live([*ties, *others], found.results), found.results)

    @deep
    def hessian(self, of: Names = None, wrt: Names = None) -> Self:
        """The Hessian of a scalar in closed form: ``loss.hessian.U.V`` has the axes of U, then V.

        It is the Jacobian of the gradient, forward over reverse. Of several inputs there is one for
        each pair, in either order.

        Args:
            of: The scalar; by default the one output.
            wrt: The inputs to differentiate for, twice; by default all that it depends on.

        Raises:
            DerivativeError: ``of`` is not one scalar, or as for `backward`.

        >>> from einprop import Program
        >>> loss = Program("e[i,j] = T[i,j] - U[i,r] V[j,r]; loss = sum[i,j](e[i,j]^2)")
        >>> print(loss.hessian(wrt="U"))
        e[i,j] = T[i,j] - U[i,r] V[j,r]
        loss = sum[i,j](e[i,j]^2)
        loss.hessian.U.U[i,r,i,r'] += 2 V[j,r] V[j,r']
        output loss.hessian.U.U[i,r,i,r']
        """
        derivation, adjoint = self._derived_scalar(of, wrt, "hessian")
        check_independent(self._resolved, derivation.wrt)
        gradient = self._joined(derivation, adjoint)._resolved
        check_forward(gradient, derivation.results, derivation.wrt)
        found = Jacobians(gradient)
        (name,), inputs = derivation.of, derivation.wrt
        pairs = [(u, v) for u in inputs for v in inputs]
        names = {pair: found.claim(_sides(name, ".".join(pair)), "hessian") for pair in pairs}
        gradients = dict(derivation.gradients)
        for position, v in enumerate(inputs):
            found.forward(v, [(gradients[u], names[u, v]) for u in inputs[: position + 1]])
            for u in inputs[:position]:
                found.mirror(names[u, v], names[v, u], (v, u))
        needed = live([*adjoint, *found.equations], found.results)
        return self._with(needed, found.results)

    @deep
    def batched(
        self,
        index: str,
        type: str = "batch",  # noqa: A002  what the language calls it
        over: Names = None,
    ) -> Self:
        """The program for many examples at once: an index more in front of all but the parameters.

        A tensor gets the index if it depends on an input that has it. So the gradient of a parameter
        in ``program.grad(…).batched("b")`` is one for each example.

        Args:
            index: The new index; the program must not use it.
            type: The type that it is declared with.
            over: The inputs that get it; by default those that are no parameters.

        Raises:
            InputError: ``index`` is none or is in use, or ``over`` names something else than inputs.

        >>> from einprop import Program
        >>> layer = Program("y[j] = tanh(x[i] W[i,j] + B[j])", params="W B")
        >>> print(layer.batched("b"))
        index b: batch
        param W[i,j], B[j]
        y[b,j] = tanh(x[b,i] W[i,j] + B[j])
        """
        lifted = batched_statements(self._resolved, index, type, over)
        return self.from_statements(lifted, self._resolved.names.outputs)

    def value_and_grad(self, of: Names = None, wrt: Names = None) -> ValueAndGrad:
        """A function from tensors to the value of a scalar and its gradients by name.

        Args:
            of: The scalar; by default the one output.
            wrt: The inputs to differentiate for; by default the parameters, or all inputs if there
                are none.

        Raises:
            DerivativeError: ``of`` is not one scalar, or as for `backward`.

        >>> from einprop import Program
        >>> value, gradients = Program("loss = sum[i](x[i]^2)").value_and_grad()(x=[1.0, 2.0])
        >>> float(value), gradients
        (5.0, {'x': array([2., 4.])})
        """
        chosen = self._scalar(of, "value_and_grad", "use vjp with a cotangent")
        if wrt is None and self._resolved.names.parameters:
            wrt = self._resolved.names.parameters
        wanted = None if wrt is None else some_names(wrt, "wrt", self._resolved.names.tensors)
        derivation = derivation_of(self._resolved, chosen, wanted, chosen)
        joined = partial(self._with_gradients, derivation)
        recipe = self._derived_by(derivation)
        if recipe is None:
            return ValueAndGrad(chosen[0], dict(derivation.gradients), joined, joined().compile())
        names = replace(self._resolved.names, outputs=(*chosen, *derivation.results))
        compiled = Compiled(replace(self._resolved, names=names), recipe)
        return ValueAndGrad(chosen[0], dict(derivation.gradients), joined, compiled)

    def _with_gradients(self, derivation: Derivation) -> Program:
        """This program and the gradients of its scalar as one, which returns both."""
        _, equations = derive_adjoint(
            self._resolved, derivation.of, derivation.wrt, derivation.ones
        )
        return cast("Program", self._joined(derivation, equations, also=derivation.of))

    def _chosen(self, of: Names) -> tuple[str, ...]:
        """The tensors to differentiate."""
        names = self._resolved.names
        return names.outputs if of is None else some_names(of, "of", names.defined)

    def _scalar(self, of: Names, what: str, instead: str) -> tuple[str, ...]:
        """The one scalar to differentiate."""
        chosen = self._chosen(of)
        check_names(self._resolved, chosen, None)
        if len(chosen) != 1 or self._resolved.types.rank(chosen[0]):
            raise DerivativeError(
                f"{what} differentiates one scalar, not {', '.join(chosen)}",
                (),
                f"name a scalar by of=, or {instead}",
            )
        return chosen

    def _derived_scalar(
        self, of: Names, wrt: Names, what: str
    ) -> tuple[Derivation, list[Equation]]:
        """The gradient of a scalar that is differentiated once more."""
        chosen = self._scalar(of, what, "take the jacobian of a gradient")
        return self._derive(chosen, wrt, ones=True)

    def _wanted(self, of: Names, wrt: Names) -> tuple[str, ...]:
        """The inputs to differentiate for, those that matter by default."""
        chosen = self._chosen(of)
        if wrt is not None:
            return some_names(wrt, "wrt", self._resolved.names.tensors)
        check_names(self._resolved, chosen, None)
        return influential(self._resolved, chosen)

    def _derive(self, of: Names, wrt: Names, *, ones: bool) -> tuple[Derivation, list[Equation]]:
        chosen = self._chosen(of)
        scalars = [n for n in chosen if not self._resolved.types.rank(n)]
        wanted = None if wrt is None else some_names(wrt, "wrt", self._resolved.names.tensors)
        return derive_adjoint(self._resolved, chosen, wanted, scalars if ones else ())


def _sides(of: str, wrt: str) -> Callable[[str], str]:
    """How a derivative of a kind is called."""
    return lambda kind: f"{of}.{kind}.{wrt}"
