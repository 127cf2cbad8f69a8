"""What a program shows of itself: its graph, LaTeX, source to paste, and what a call costs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from itertools import count

from einprop.analysis.graph import Graph, expression_graph, tensor_graph
from einprop.analysis.resolve import Resolved
from einprop.analysis.sizes import Sizes, bind_letters, longer_inputs, unknown_letters
from einprop.arguments import as_mapping
from einprop.compiled import Compiled
from einprop.errors import ShapeError
from einprop.explain import Explanation
from einprop.notation.latex import to_latex

__all__ = ["Shown"]


class Shown(ABC):
    """A program as text, pictures and tables, for readers and for other programs."""

    _resolved: Resolved

    @abstractmethod
    def compile(self, backend: str = "numpy") -> Compiled:
        """A callable bound to a backend."""

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

    def source(
        self, /, backend: str = "numpy", sizes: Mapping[str, int] | None = None, **letters: int
    ) -> str:
        """Standalone code, to paste where einprop is not installed.

        Its function takes the inputs that it needs, and computes in float64.

        Args:
            backend: The library that the code calls.
            sizes: Sizes of index letters. Without them the code holds for all sizes; where that
                cannot be, the error says which are wanted.
            **letters: The same by keyword, as in ``b=32``, for letters that are not named like an
                argument.

        Raises:
            ShapeError: The code would differ from one size to another, or a size is not one.
            InputError: There is no such backend.

        >>> from einprop import Program
        >>> print(Program("y[b,j] = x[b,i] W[i,j]").source())
        import numpy as np
        <BLANKLINE>
        <BLANKLINE>
        def run(x, W):
            # y[b,j] = sum[i](x[b,i] W[i,j])
            y = x @ W
            return y
        <BLANKLINE>
        """
        given = as_mapping(sizes, letters, "sizes", ShapeError)
        bound = bind_letters(self._resolved, given)
        missing = unknown_letters(bound)
        compiled = self.compile(backend)
        try:
            texts = {compiled.source(_filled(bound, missing, start)) for start in (11, 29)}
        except ShapeError:
            # Sizes that nobody gave do not fit together; those of one set that do decide the code.
            if not missing:
                raise
            texts = set()
        if len(texts) != 1 and missing:
            wanted = list(dict.fromkeys(missing.values()))
            raise ShapeError(
                f"the code depends on the sizes of {', '.join(wanted)}",
                (),
                f"give them, as in source({wanted[0]}=8)",
            )
        if len(texts) > 1:
            raise self._undeclared(*next(iter(_unknown_axes(bound))))
        for (name, axis), other in longer_inputs(bound, given):
            if compiled.source(_filled(other, missing, 11)) not in texts:
                raise self._undeclared(name, axis)
        return texts.pop()

    def _undeclared(self, name: str, axis: int) -> ShapeError:
        indices = ",".join(f"k{n}" for n in range(self._resolved.types.rank(name)))
        return ShapeError(
            f"the code depends on the size of axis {axis} of {name}, which no index has",
            (),
            f"declare it, as in: index k{axis}: name < 8; input {name}[{indices}]",
        )

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
        bound = bind_letters(self._resolved, as_mapping(sizes, letters, "sizes", ShapeError))
        missing = list(dict.fromkeys(unknown_letters(bound).values()))
        if missing:
            given = ", ".join(f"{letter}=8" for letter in missing)
            raise ShapeError(
                f"the size of {', '.join(missing)} is not given", (), f"as in explain({given})"
            )
        return self.compile().explain(bound)


def _unknown_axes(sizes: Sizes) -> list[tuple[str, int]]:
    """The axes without a size, by tensor."""
    types = sizes.resolved.types
    axes = [(name, axis) for name, rank in types.ranks.items() for axis in range(rank)]
    return [key for key in axes if types.axis(*key) not in sizes.known]


def _filled(sizes: Sizes, missing: Iterable[object], start: int) -> Sizes:
    """The sizes with distinct ones for the types that have none.

    An axis that no equation gives a letter has a size as well, which nothing is made of.
    """
    types, taken = sizes.resolved.types, set(sizes.known.values())
    fresh = (size for size in count(start) if size not in taken)
    for key in dict.fromkeys(missing):
        if key not in sizes.known:  # What follows from the one before may give it.
            sizes = sizes.completed({key: next(fresh)})
    axes = [types.axis(*key) for key in _unknown_axes(sizes)]
    return sizes.completed(dict(zip(dict.fromkeys(axes), fresh, strict=False)))
