"""Program: what users hold. Text in; derivatives, a compiled function, sources and explanations out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from reprlib import repr as shortened
from typing import Any, Never, Self

from einprop.analysis.resolve import Resolved, resolve
from einprop.analysis.sizes import bind_sizes
from einprop.analysis.spelling import did_you_mean
from einprop.arguments import Names, as_mapping, as_shape
from einprop.backward_check import check_backward
from einprop.choices import Choices
from einprop.compiled import Compiled, Recipe
from einprop.derivatives import Differentiable
from einprop.donation import donation_of
from einprop.errors import InputError, ShapeError
from einprop.notation.parser import parse
from einprop.notation.prelude import parse_backward, parse_with_prelude
from einprop.notation.printer import program_text
from einprop.notation.tree import Statement
from einprop.roles import with_outputs, with_parameters
from einprop.shown import Shown

__all__ = ["Program"]


class Program(Shown, Differentiable):
    """Equations in index notation: an immutable value that runs, prints and differentiates.

    ``str()`` of a program is its text, which parses back to an equal program.

    Args:
        text: Equations and declarations, a line each (or ``;`` between them).
        params: Which inputs are parameters: names, or one string with spaces between. Inputs that
            the text declares by ``param`` are parameters without this.
        outputs: The tensors that a call returns. By default those that are defined and that no
            other equation reads.
        prelude: Definitions, such as one file of yours holds for many programs. Those that the text
            uses become statements of the program.
        backward: Lines of the backward pass, written by hand, as ``backward`` lines in the text are:
            ``x.grad[i] += y.grad[i] w[i]``. They are compared with what would be derived, and stand
            in its place in every derivative.
        override: Whether the lines of ``backward`` may be others than would be derived.

    Raises:
        EinpropError: The text is not a program, or has no meaning; the subclass and the message say
            where and what would be legal.
        InputError: ``params`` names a tensor that is no input, or ``outputs`` none or one that no
            equation defines.
        DerivativeError: A declared line differs from what is derived.

    >>> import numpy as np
    >>> affine = Program("y[b,j] = x[b,i] W[i,j] + B[j]", params="W B")
    >>> affine(x=np.ones((2, 3)), W=np.ones((3, 4)), B=np.zeros(4)).shape
    (2, 4)
    >>> print(affine.backward(wrt="W B"))
    W.grad[i,j] += y.grad[b,j] x[b,i]
    B.grad[j] += y.grad[b,j]
    """

    def __init__(
        self,
        text: str,
        *,
        params: Names = None,
        outputs: Names = None,
        prelude: str | None = None,
        backward: str | None = None,
        override: bool = False,
    ) -> None:
        _check_text(text, "a program", "y = 2 x")
        for given, what, example in (
            (prelude, "a prelude", "def twice(x) = 2 x"),
            (backward, "a backward pass", "x.grad += 2 y.grad"),
        ):
            if given is not None:
                _check_text(given, what, example)
        statements = parse(text) if prelude is None else parse_with_prelude(text, prelude)
        if backward is not None:
            statements += parse_backward(backward, statements, override=override)
        resolved = resolve(statements)
        check_backward(resolved)
        self._hold(with_outputs(with_parameters(resolved, params), outputs), None)

    def _hold(self, resolved: Resolved, recipe: Recipe | None) -> None:
        self._resolved = resolved
        self._recipe = recipe or Recipe(resolved, ())

    @classmethod
    def from_statements(
        cls,
        statements: Iterable[Statement],
        outputs: Names = None,
        recipe: Recipe | None = None,
        params: Names = None,
    ) -> Self:
        """A program from a tree instead of text; lines that it declares are taken as they are.

        Args:
            statements: The tree.
            outputs: As in the constructor.
            recipe: What the program was derived from, if it was; it then runs by deriving again
                from the pairwise program, which shares the forward pass's intermediates.
            params: As in the constructor.

        Raises:
            EinpropError: As in the constructor.

        >>> affine = Program("y[b,j] = x[b,i] W[i,j]")
        >>> Program.from_statements(affine.statements) == affine
        True
        """
        program = cls.__new__(cls)
        resolved = with_parameters(resolve(tuple(statements)), params)
        program._hold(with_outputs(resolved, outputs), recipe)
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

    def __getstate__(self) -> dict[str, Any]:
        # Compiled plans stay behind.
        return {"_resolved": self._resolved, "_recipe": self._recipe}

    # Running

    @cached_property
    def _compiled(self) -> Compiled:
        return self.compile()

    def __call__(
        self, tensors: Mapping[str, Any] | None = None, /, *more: Never, **named: Any
    ) -> Any:
        """Run the program on numpy; it is compiled on the first call for these shapes and dtypes.

        Args:
            tensors: Inputs by name (names with suffixes, such as ``y.grad``, can only go here).
                Each has an axis for each of its indices. Floating arrays decide the dtype together,
                as in numpy; numbers, lists and integer arrays follow them, and are float64 alone.
            *more: Nothing: what is given by position is refused.
            **named: Inputs by name.

        Returns:
            The output, or a dict by name where there are several: new arrays of that dtype.

        Raises:
            ShapeError: Shapes disagree with the program or with each other.
            InputError: An input is missing, unknown, given twice, or not made of real numbers.

        >>> Program("y[i] = a x[i]")({"x": [1.0, 2.0]}, a=3)
        array([3., 6.])
        """
        return self._compiled(tensors, *more, **named)

    def compile(
        self,
        backend: str = "numpy",
        *,
        donate: Mapping[str, str] | None = None,
        guard: str | None = None,
        memory_limit: int | None = None,
        in_blocks: bool | None = None,
        reuse_results: bool = False,
    ) -> Compiled:
        """A callable bound to a backend, called as the program is.

        It keeps one plan for each set of shapes and dtypes, of the 64 sets that were used last.

        Args:
            backend: Its name.
            donate: By output an input of the same shape, whose array the output is written into, so
                that a call changes it. Such an array is a numpy array of floats that shares no
                memory with another input.
            guard: A scalar output; in a call in which it is infinite or not a number the donated
                arrays stay as they are.
            memory_limit: How many bytes the intermediates of one call may take. Tensors that are
                read again late are then computed again instead of kept, cheap ones first, until
                they fit; values stay the same. Without it, nothing is computed twice.
            in_blocks: Whether products whose operands have to be copied (a convolution's windows)
                go position by position of an outer index (image by image): that takes less
                memory, and time where they would not stay in the cache. By default the cost model
                decides; `explain` says where.
            reuse_results: Results lie in memory that is kept, and that the next call writes again,
                whoever makes it: a call then takes no memory at all. Copy what has to last.

        Raises:
            InputError: There is no such backend, output or input; or, when a call plans, its
                intermediates cannot be had within the limit: the message says what they take.

        >>> Program("y[i] = 2 x[i]").compile("numpy")(x=[1.0, 2.0])
        array([2., 4.])
        >>> import numpy as np
        >>> descent = Program("w.new[i] = w[i] - 0.5 g[i]").compile(donate={"w.new": "w"})
        >>> w = np.ones(2)
        >>> descent(w=w, g=[1.0, 2.0]) is w, w
        (True, array([0.5, 0. ]))
        >>> double = Program("y[i] = 2 x[i]").compile(reuse_results=True)
        >>> first = double(x=[1.0, 2.0])
        >>> double(x=[3.0, 4.0]) is first, first
        (True, array([6., 8.]))
        """
        donation = donation_of(self._resolved, donate, guard)
        choices = Choices(memory_limit, in_blocks, reuse_results)
        return Compiled(self._resolved, self._recipe, backend, donation, choices)

    def shapes(
        self, known: Mapping[str, Sequence[int]] | None = None, /, **named: Sequence[int]
    ) -> dict[str, tuple[int, ...]]:
        """The shapes of all tensors that the shapes of some inputs and declared sizes determine.

        Args:
            known: Shapes by input.
            **named: Shapes by input.

        Raises:
            ShapeError: One is not a shape, or they disagree with the program or with each other.
            InputError: One is of a tensor that is no input.

        >>> Program("y[b,j] = x[b,i] W[i,j] + B[j]").shapes(W=(3, 5))
        {'W': (3, 5), 'B': (5,)}
        """
        given = as_mapping(known, named, "shapes", ShapeError, self.inputs)
        for name in given:
            if name not in self.inputs:
                raise InputError(
                    f"{name} is not an input of the program",
                    (),
                    f"its inputs are {', '.join(self.inputs) or 'none'}"
                    + did_you_mean(name, self.inputs),
                )
        sizes = bind_sizes(self._resolved, {n: as_shape(n, shape) for n, shape in given.items()})
        names = dict.fromkeys((*self.inputs, *self._resolved.names.defined))
        shapes = {name: sizes.shape(name) for name in names}
        return {name: shape for name, shape in shapes.items() if shape is not None}


def _check_text(given: object, what: str, example: str) -> None:
    if not isinstance(given, str):
        raise InputError(f"{what} is text, not {shortened(given)}", (), f"as in {example!r}")
