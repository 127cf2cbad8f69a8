"""What a program shows of itself: its graph, LaTeX, source to paste, and what a call costs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Self

from einprop.analysis.graph import Graph, expression_graph, tensor_graph
from einprop.analysis.resolve import Resolved
from einprop.analysis.sizes import bind_letters
from einprop.arguments import Names, as_mapping
from einprop.backends.source import check_source
from einprop.compiled import Compiled
from einprop.derivation import DerivationSteps, derivation_steps
from einprop.errors import InputError, ShapeError
from einprop.explain import Explanation
from einprop.found_sizes import portable_source
from einprop.notation.latex import to_latex
from einprop.notation.tree import IndexDeclaration, Statement, TensorDeclaration, equations_of
from einprop.options import text
from einprop.passes.statements import as_statements

__all__ = ["Shown"]


class Shown(ABC):
    """A program as text, pictures and tables, for readers and for other programs."""

    _resolved: Resolved

    @abstractmethod
    def compile(self, backend: str = "numpy") -> Compiled:
        """A callable bound to a backend."""

    @classmethod
    @abstractmethod
    def from_statements(cls, statements: Iterable[Statement], outputs: Names = None) -> Self:
        """A program from a tree instead of text."""

    def graph(self, *, operations: bool = False) -> Graph:
        """The expression graph as plain data, to walk, to draw (``dot()``) or to store.

        Args:
            operations: Whether each operation is a node too; otherwise the tensors are, and an
                equation's operands are the edges between them.

        >>> from einprop import Program
        >>> print(Program("h[b,j] = relu(x[b,i] W[i,j]); y[b] = h[b,j] v[j]", params="W v").graph())
        W[i,j]  param
        v[j]  param
        x[b,i]  input
        h[b,j]  local  <- x[b,i], W[i,j]
        y[b]  output  <- h[b,j], v[j]
        """
        return (expression_graph if operations else tensor_graph)(self._resolved)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def latex(self) -> str:
        r"""The equations as aligned LaTeX.

        >>> from einprop import Program
        >>> print(Program("y[i] = x[i] / 2").latex())
        \begin{aligned}
        y_{i} &= \frac{x_{i}}{2}
        \end{aligned}
        """
        return to_latex(self._resolved.statements)

    def derive_steps(self, of: Names = None, wrt: Names = None) -> DerivationSteps:
        """How each line of `backward` came about: the equation, the rules, and the form after each.

        The steps are those that the derivation took; the last one of a line is the line.

        Args:
            of: The tensors to differentiate; by default the outputs.
            wrt: The inputs to differentiate for; by default all.

        Raises:
            DerivativeError: As for `backward`.

        >>> from einprop import Program
        >>> print(Program("y[b] = exp(x[b,i] w[i])").derive_steps(wrt="w"))
        w.grad[i] += y.grad[b] y[b] x[b,i]
        <BLANKLINE>
          the equation: y reads w
              y[b] = exp(x[b,i] w[i])
          sums written: i is not on the left, so it is summed
              y[b] = exp(sum[i](x[b,i] w[i]))
          chain rule: call the inside u: y.grad gives u.grad, which gives w.grad
              u[b] = sum[i](x[b,i] w[i])
              y[b] = exp(u[b])
          derivative of exp: the derivative of exp(x) is exp(x)
              u.grad[b] += y.grad[b] exp(sum[i](x[b,i] w[i]))
          read off the output: y[b] is known already, so it is not computed again
              u.grad[b] += y.grad[b] y[b]
          product rule: the cotangent passes the sum over i unchanged; the cotangent times ...
              w.grad[i'] += sum[b,i](y.grad[b] y[b] x[b,i] [i == i'])
          delta elimination: the derivative of w[i] by w[i'] is [i == i']: of the sum over ...
              w.grad[i] += sum[b](y.grad[b] y[b] x[b,i])
          implied sum: b is not on the left: the sum need not be written
              w.grad[i] += y.grad[b] y[b] x[b,i]
        """
        return derivation_steps(self._resolved, of, wrt)

    def source(
        self,
        /,
        backend: str = "numpy",
        sizes: Mapping[str, int] | None = None,
        *,
        check: bool = True,
        **letters: int,
    ) -> str:
        """Standalone code, to paste where einprop is not installed.

        A function ``run`` that takes the inputs that it needs and returns the output, or a dict by
        name where there are several; its docstring has their shapes in index notation. It is
        formatted, and each line stands below its equation.

        With ``numpy`` it computes in float64. With ``torch`` and ``jax`` it takes that library's
        arrays; numbers in it take their dtype, and new arrays have the dtype and the device of one
        of them. Arrays of positions are integers; numpy's code checks them, the others leave that
        to the library. JAX's code works inside of ``jax.jit``; gradients go through both.

        Args:
            backend: The library that the code calls: ``numpy``, ``torch`` or ``jax``. It need not be
                installed.
            sizes: Sizes of index letters, for which alone the code is then. The others are read off the
                arguments; where that cannot be, the error says which are wanted.
            check: Whether the code checks the axes and the sizes of its arguments, with a ValueError
                that names tensor, axis, index and both sizes.
            **letters: The same by keyword, as in ``b=32``, for letters that are not named like an
                argument.

        Raises:
            ShapeError: The code would differ from one size to another, or a size is not one.
            InputError: There is no such backend.
            UnsupportedError: The text of a registered function is not at hand, or is numpy's alone.

        >>> from einprop import Program
        >>> affine = Program("y[b,j] = relu(x[b,i] W[i,j])")
        >>> print(affine.source(check=False))
        import numpy as np
        <BLANKLINE>
        <BLANKLINE>
        def run(x, W):
            \"\"\"Return y[b,j] from x[b,i] and W[i,j].\"\"\"
            # _1[b,j] = sum[i](x[b,i] W[i,j])
            _1 = x @ W
            # y[b,j] = relu(_1[b,j])
            y = np.maximum(_1, 0)
            return y
        <BLANKLINE>
        >>> "y = torch.relu(_1)" in affine.source("torch")
        True
        """
        check_source(backend)
        given = as_mapping(sizes, letters, "sizes", ShapeError)
        bound = bind_letters(self._resolved, given)
        return portable_source(bound, given, self.compile(), backend, check=check)

    def explain(self, sizes: Mapping[str, int] | None = None, /, **letters: int) -> Explanation:
        """What a call does at these sizes of index letters: each step, its FLOPs and its bytes.

        Args:
            sizes: Sizes of index letters; those that are declared may be left out.
            **letters: The same by keyword, as in ``b=32``.

        Raises:
            ShapeError: A size is missing or not one, or two of them disagree.

        >>> from einprop import Program
        >>> explanation = Program("y[b,j] = x[b,i] W[i,j]").explain(b=32, i=784, j=10)
        >>> explanation.multiply_adds
        250880
        """
        return self.compile().explain(sizes, **letters)

    def stages(
        self, sizes: Mapping[str, int] | None = None, /, **letters: int
    ) -> list[tuple[str, Self]]:
        """The program after each pass of the compiler, in turn: index notation that runs as it is.

        Args:
            sizes: As for `explain`.
            **letters: As for `explain`.

        Returns:
            Names of passes with programs. ``resolve`` writes sums out and definitions in; ``sizes``
            gives each letter its size, and tensors that are read outside a rim of zeros;
            ``binarise`` takes expressions apart, products in pairs; ``stabilise`` puts stable forms
            in; ``merge`` makes products with one operand in common one; ``prepare`` and ``derive``
            come once for each derivation; ``simplify`` shares and cancels; ``factor`` takes common
            operands out of sums; ``scale`` moves scalars to small operands; ``gather`` takes factors
            out of loops.

        Raises:
            ShapeError: As for `explain`.
            IndexScopeError: The sizes alone say in which order a recurrence runs on the way.

        >>> from einprop import Program
        >>> stages = Program("y[b,j] = tanh(x[b,i] W[i,j])").stages(b=2, i=3, j=4)
        >>> [name for name, _ in stages[:4]]
        ['resolve', 'sizes', 'accumulate', 'binarise']
        >>> print(stages[-1][1])
        index b: b < 2, j: j < 4, i: i < 3
        _1[b,j] = sum[i](x[b,i] W[i,j])
        y[b,j] = tanh(_1[b,j])
        """
        passed = [("resolve", self._resolved_statements())]
        sized = self.compile().stages(sizes, **letters)
        passed += [(name, as_statements(program)) for name, program in sized]
        return [(name, self._stage(statements)) for name, statements in passed]

    def after(self, stage: str, sizes: Mapping[str, int] | None = None, /, **letters: int) -> Self:
        """The program after one pass of the compiler, the last of that name.

        Args:
            stage: The pass, one of those that `stages` names.
            sizes: As for `explain`; ``resolve`` needs none.
            **letters: As for `explain`.

        Raises:
            InputError: There is no such pass.
            ShapeError: As for `explain`.

        >>> from einprop import Program
        >>> print(Program("y[i,l] = A[i,j] B[j,k] C[k,l]").after("binarise", i=2, j=9, k=9, l=9))
        index i: i < 2, k: k < 9, j: j < 9, l: l < 9
        _2[i,k] = sum[j](A[i,j] B[j,k])
        _1[i,l] = sum[k](_2[i,k] C[k,l])
        y[i,l] = _1[i,l]
        """
        text("a pass", stage)
        if stage == "resolve":
            return self._stage(self._resolved_statements())
        found = dict(self.stages(sizes, **letters))
        if stage not in found:
            raise InputError(f"there is no pass {stage!r}", (), f"passes are {', '.join(found)}")
        return found[stage]

    def _resolved_statements(self) -> tuple[Statement, ...]:
        """The program with its sums written out and its definitions in place."""
        kept = (IndexDeclaration, TensorDeclaration)
        declared = [s for s in self._resolved.statements if isinstance(s, kept)]
        return (*declared, *self._resolved.equations)

    def _stage(self, statements: tuple[Statement, ...]) -> Self:
        """A program on the way: its outputs are those of this one that it has."""
        defined = {e.target.name for e in equations_of(statements)}
        outputs = [name for name in self._resolved.names.outputs if name in defined]
        return self.from_statements(statements, outputs or None)
