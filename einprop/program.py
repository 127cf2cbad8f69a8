"""Program: what users hold. Text in; derivatives, a compiled function, sources and explanations out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from einprop.analysis.resolve import Resolved, resolve
from einprop.analysis.sizes import bind_letters, bind_sizes
from einprop.analysis.types import tensor_base
from einprop.calculus.derive import Derivation, derive_adjoint, needed_declarations
from einprop.compiled import Compiled, Recipe
from einprop.errors import DerivativeError, InputError
from einprop.explain import Explanation, explain_schedule
from einprop.notation.latex import to_latex
from einprop.notation.parser import parse
from einprop.notation.printer import program_text
from einprop.notation.tree import Access, Statement, TensorDeclaration, accesses

__all__ = ["Program", "ValueAndGrad"]

Names = str | Iterable[str] | None


def _names(names: str | Iterable[str]) -> tuple[str, ...]:
    return tuple(names.replace(",", " ").split()) if isinstance(names, str) else tuple(names)


class Program:
    """Equations in index notation: an immutable value that runs, prints and differentiates.

    ``str()`` of a program is its text, which parses back to an equal program.

    Args:
        text: Equations and declarations, a line each (or ``;`` between them).
        params: Which inputs are parameters: names, or one string with spaces between. Inputs that
            the text declares by ``param`` are parameters without this.
        outputs: The tensors that a call returns. By default those that are defined and that no
            other equation reads.

    Raises:
        EinpropError: The text is not a program, or has no meaning; the subclass and the message say
            where and what would be legal.

    >>> import numpy as np
    >>> affine = Program("y[b,j] = x[b,i] W[i,j] + B[j]", params="W B")
    >>> affine(x=np.ones((2, 3)), W=np.ones((3, 4)), B=np.zeros(4)).shape
    (2, 4)
    >>> print(affine.backward(wrt="W B"))
    W.grad[i,j] += y.grad[b,j] x[b,i]
    B.grad[j] += y.grad[b,j]
    """

    def __init__(self, text: str, *, params: Names = None, outputs: Names = None) -> None:
        self._resolved = resolve(parse(text))
        if params is not None:
            self._resolved = _with_parameters(self._resolved, _names(params))
        if outputs is not None:
            self._resolved = _with_outputs(self._resolved, _names(outputs))
        self._recipe = Recipe(self._resolved, ())

    @classmethod
    def from_statements(
        cls, statements: Iterable[Statement], outputs: Names = None, recipe: Recipe | None = None
    ) -> Program:
        """A program from a tree instead of text.

        Args:
            statements: The tree.
            outputs: As in the constructor.
            recipe: What the program was derived from, if it was; it then runs by deriving again
                from the pairwise program, which shares the forward pass's intermediates.
        """
        program = cls.__new__(cls)
        program._resolved = resolve(tuple(statements))
        if outputs is not None:
            program._resolved = _with_outputs(program._resolved, _names(outputs))
        program._recipe = recipe or Recipe(program._resolved, ())
        return program

    @property
    def resolved(self) -> Resolved:
        """The program with its meaning: sums explicit, types and names known."""
        return self._resolved

    @property
    def statements(self) -> tuple[Statement, ...]:
        """The tree, as written."""
        return self._resolved.statements

    @property
    def inputs(self) -> tuple[str, ...]:
        """The tensors that come from outside, parameters among them."""
        return self._resolved.names.inputs

    @property
    def params(self) -> tuple[str, ...]:
        """The inputs that are parameters."""
        return self._resolved.names.parameters

    @property
    def outputs(self) -> tuple[str, ...]:
        """The tensors that a call returns."""
        return self._resolved.names.outputs

    def __str__(self) -> str:
        return program_text(self.statements)

    def __repr__(self) -> str:
        return f"Program({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Program) and self.statements == other.statements

    def __hash__(self) -> int:
        return hash(self.statements)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    # Derivatives

    def backward(self, of: Names = None, wrt: Names = None) -> Program:
        """The adjoint equations alone, one line per operand: what a reader wants to see.

        Args:
            of: The tensors to differentiate; by default the outputs. Their cotangents, ``y.grad``,
                are inputs of the result, as are the forward tensors that it reads.
            wrt: The inputs to differentiate for; by default all.

        Raises:
            DerivativeError: ``of`` is not defined, ``wrt`` is not an input, or nothing depends on any.

        >>> print(Program("y = tanh(x[i] w[i])").backward())
        x.grad[i] += y.grad (1 - y^2) w[i]
        w.grad[i] += y.grad (1 - y^2) x[i]
        """
        _, equations = self._derive(of, wrt, ones=False)
        declared = needed_declarations(self._resolved, equations, alone=True)
        return Program.from_statements([*declared, *equations])

    def grad(self, of: Names = None, wrt: Names = None) -> Program:
        """Forward and backward in one program: inputs in, gradients out.

        Args:
            of: The tensors to differentiate; by default the outputs. A scalar is seeded with 1; any
                other takes its cotangent, ``y.grad``, as an input.
            wrt: The inputs to differentiate for; by default all.

        Raises:
            DerivativeError: As for `backward`.

        >>> gradient = Program("loss = sum[i](x[i]^2)").grad()
        >>> gradient(x=[1.0, 2.0])
        array([2., 4.])
        """
        return self._joined(*self._derive(of, wrt, ones=True))

    def vjp(self, of: Names = None, wrt: Names = None) -> Program:
        """The vector-Jacobian product: inputs and cotangents ``y.grad`` in, gradients out.

        As `grad`, but a scalar's cotangent is an input too.

        >>> Program("y[i] = x[i]^2").vjp()({"x": [1.0, 2.0], "y.grad": [1.0, 10.0]})
        array([ 2., 40.])
        """
        return self._joined(*self._derive(of, wrt, ones=False))

    def value_and_grad(self, of: Names = None, wrt: Names = None) -> ValueAndGrad:
        """A function from tensors to the value of a scalar and its gradients by name.

        Args:
            of: The scalar; by default the one output.
            wrt: The inputs to differentiate for; by default the parameters, or all inputs if there
                are none.

        Raises:
            DerivativeError: ``of`` is not one scalar, or as for `backward`.

        >>> value, gradients = Program("loss = sum[i](x[i]^2)").value_and_grad()(x=[1.0, 2.0])
        >>> float(value), gradients
        (5.0, {'x': array([2., 4.])})
        """
        chosen = self.outputs if of is None else _names(of)
        if len(chosen) != 1 or self._resolved.types.ranks.get(tensor_base(chosen[0]), 0):
            raise DerivativeError(
                f"value_and_grad differentiates one scalar, not {', '.join(chosen)}",
                (),
                "name a scalar by of=, or use vjp with a cotangent",
            )
        if wrt is None and self.params:
            wrt = self.params
        derivation, equations = self._derive(chosen, wrt, ones=True)
        joined = self._joined(derivation, equations, also=chosen)
        return ValueAndGrad(joined, chosen[0], dict(derivation.gradients))

    def _derive(self, of: Names, wrt: Names, *, ones: bool) -> tuple[Derivation, list[Any]]:
        chosen = self.outputs if of is None else _names(of)
        scalars = [n for n in chosen if not self._resolved.types.ranks.get(tensor_base(n), 0)]
        wanted = None if wrt is None else _names(wrt)
        return derive_adjoint(self._resolved, chosen, wanted, scalars if ones else ())

    def _joined(
        self, derivation: Derivation, equations: Sequence[Any], also: Sequence[str] = ()
    ) -> Program:
        """This program and adjoint equations as one."""
        declared = needed_declarations(self._resolved, equations, alone=False)
        outputs = (*also, *(gradient for _, gradient in derivation.gradients))
        forward = [
            s for s in self.statements if s not in declared and not _is_output_declaration(s)
        ]
        recipe = None
        if derivation.dependent:
            recipe = replace(self._recipe, derivations=(*self._recipe.derivations, derivation))
        return Program.from_statements([*declared, *forward, *equations], outputs, recipe)

    # Running

    @cached_property
    def _compiled(self) -> Compiled:
        return self.compile()

    def __call__(self, tensors: Mapping[str, Any] | None = None, /, **named: Any) -> Any:
        """Run the program on numpy; it is compiled on the first call for these shapes and dtypes.

        Args:
            tensors: Inputs by name (names with suffixes, such as ``y.grad``, can only go here).
            **named: Inputs by name.

        Returns:
            The output, or a dict by name where there are several.

        Raises:
            ShapeError: Shapes disagree with the program or with each other.
            InputError: An input is missing, unknown, or not made of real numbers.
        """
        return self._compiled(tensors, **named)

    def compile(self, backend: str = "numpy") -> Compiled:
        """A callable bound to a backend; it keeps one plan for each set of shapes and dtypes.

        Raises:
            InputError: There is no such backend.
        """
        return Compiled(self._resolved, self._recipe, backend)

    def shapes(self, **known: Sequence[int]) -> dict[str, tuple[int, ...]]:
        """The shapes of all tensors that the shapes of some inputs and declared sizes determine.

        >>> Program("y[b,j] = x[b,i] W[i,j] + B[j]").shapes(W=(3, 5))
        {'W': (3, 5), 'B': (5,)}
        """
        unknown = [name for name in known if name not in self.inputs]
        if unknown:
            raise InputError(f"{unknown[0]} is not an input of the program")
        sizes = bind_sizes(self._resolved, {name: tuple(s) for name, s in known.items()})
        names = dict.fromkeys((*self.inputs, *self._resolved.names.defined))
        shapes = {name: sizes.shape(name) for name in names}
        return {name: shape for name, shape in shapes.items() if shape is not None}

    # Showing

    def latex(self) -> str:
        """The equations as aligned LaTeX."""
        return to_latex(self.statements)

    def source(self, backend: str = "numpy", **sizes: int) -> str:
        """Standalone code for these sizes of index letters, to paste where einprop is not installed.

        >>> print(Program("y[b,j] = x[b,i] W[i,j]").source(b=2, i=3, j=4))  # doctest: +ELLIPSIS
        import numpy as np
        ...
        """
        bound = bind_letters(self._resolved, sizes)
        return self.compile(backend).source(bound)

    def explain(self, **sizes: int) -> Explanation:
        """What a call does at these sizes of index letters: each step, its FLOPs and its bytes.

        >>> explanation = Program("y[b,j] = x[b,i] W[i,j]").explain(b=32, i=784, j=10)
        >>> explanation.multiply_adds
        250880
        """
        bound = bind_letters(self._resolved, sizes)
        return explain_schedule(self.compile().schedule(bound))


@dataclass(frozen=True)
class ValueAndGrad:
    """A scalar and its gradients as a function of the inputs.

    Attributes:
        program: The program that computes both.
        value: The scalar's name.
        gradients: By input, the name of its gradient.
    """

    program: Program
    value: str
    gradients: Mapping[str, str]

    def __call__(
        self, tensors: Mapping[str, Any] | None = None, /, **named: Any
    ) -> tuple[Any, dict[str, Any]]:
        """The value, and a dict of gradients by input."""
        results = self.program(tensors, **named)
        return results[self.value], {name: results[g] for name, g in self.gradients.items()}


def _is_output_declaration(statement: Statement) -> bool:
    return isinstance(statement, TensorDeclaration) and statement.kind == "output"


def _first_access(resolved: Resolved, name: str) -> Access:
    """A tensor as its first equation writes it."""
    declared = (a for d in resolved.declarations for a in d.tensors)
    written = (a for e in resolved.equations for a in accesses(e))
    access = next(a for a in (*declared, *written) if a.name == name)
    return Access(name, access.subscripts)


def _with_parameters(resolved: Resolved, names: Sequence[str]) -> Resolved:
    for name in names:
        if name not in resolved.names.inputs:
            raise InputError(
                f"parameter {name} is not an input of the program",
                (),
                f"its inputs are {', '.join(resolved.names.inputs) or 'none'}",
            )
    new = [name for name in names if name not in resolved.names.parameters]
    if not new:
        return resolved
    declaration = TensorDeclaration("param", tuple(_first_access(resolved, n) for n in new))
    return resolve((declaration, *(s for s in map(_without(new), resolved.statements) if s)))


def _without(names: Sequence[str]) -> Callable[[Statement], Statement | None]:
    """Takes names out of declarations of tensors; a declaration of nothing is None."""

    def shortened(statement: Statement) -> Statement | None:
        if not isinstance(statement, TensorDeclaration):
            return statement
        kept = tuple(a for a in statement.tensors if a.name not in names)
        return replace(statement, tensors=kept) if kept else None

    return shortened


def _with_outputs(resolved: Resolved, names: Sequence[str]) -> Resolved:
    for name in names:
        if name not in resolved.names.defined:
            raise InputError(
                f"output {name} is defined by no equation",
                (),
                f"the program defines {', '.join(resolved.names.defined)}",
            )
    kept = tuple(s for s in resolved.statements if not _is_output_declaration(s))
    plain = resolve(kept)
    if tuple(names) == plain.names.outputs:
        return plain
    return resolve(
        (*kept, TensorDeclaration("output", tuple(_first_access(plain, n) for n in names)))
    )
