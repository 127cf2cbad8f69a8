"""Renaming whole equations: the same mathematics under other names of tensors and other letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import overload

from einprop.analysis.indices import bounded_indices, unprimed
from einprop.notation.tree import (
    Access,
    Affine,
    Boundary,
    Call,
    Definition,
    Equation,
    Expression,
    Group,
    Index,
    IndexValue,
    Range,
    Size,
    Subscript,
    transform,
)

__all__ = ["Renaming", "letters_of"]


def letters_of(equation: Equation) -> list[str]:
    """The letters of an equation without primes, in order of first appearance.

    Those that only a clause behind ``where`` has come last.

    >>> from einprop.notation.parser import parse
    >>> letters_of(parse("y[b,j] = x[b,i] W[i,j] + V[j,i'] c[i']")[0])
    ['b', 'j', 'i']
    """
    ranges = [bounds.index for bounds in equation.ranges]
    return list(dict.fromkeys(map(unprimed, [*bounded_indices(equation), *ranges])))


class Renaming:
    """New names of tensors and new letters, applied all at once (so two letters may be exchanged).

    Names that a mapping lacks stay. A suffix stays with its tensor (``x.grad`` follows ``x``) and
    primes stay with their letter (``i'`` follows ``i``).

    Args:
        tensors: New names by tensor.
        letters: New letters by letter.
        types: New names by declared type.
        functions: New names by definition.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> renaming = Renaming({"x": "h1", "W": "W2"}, {"i": "j", "j": "k"})
    >>> to_text(renaming.equation(parse("y[b,j] = x[b,i] W[i,j]")[0]))
    'y[b,k] = h1[b,j] W2[j,k]'
    """

    def __init__(
        self,
        tensors: Mapping[str, str],
        letters: Mapping[str, str],
        types: Mapping[str, str] | None = None,
        functions: Mapping[str, str] | None = None,
    ) -> None:
        self.tensors = tensors
        self.letters = letters
        self.types = {} if types is None else types
        self.functions = {} if functions is None else functions

    def equation(self, equation: Equation) -> Equation:
        """The renamed equation."""
        return replace(
            equation,
            target=self.access(equation.target),
            expression=transform(equation.expression, self._node),
            ranges=tuple(map(self._range, equation.ranges)),
            inside=tuple(self.access(access) for access in equation.inside),
        )

    def definition(self, definition: Definition) -> Definition:
        """The definition under its new name; its letters and parameters are its own."""
        functions = Renaming({}, {}, functions=self.functions)
        return replace(
            definition,
            name=self.functions.get(definition.name, definition.name),
            body=transform(definition.body, functions._node),
        )

    def tensor(self, name: str) -> str:
        """The new name of a tensor."""
        base, dot, suffix = name.partition(".")
        return self.tensors.get(base, base) + dot + suffix

    def index(self, name: str) -> str:
        """The new name of an index."""
        letter = unprimed(name)
        return self.letters.get(letter, letter) + name[len(letter) :]

    def access(self, access: Access) -> Access:
        """The renamed access."""
        return replace(
            access,
            name=self.tensor(access.name),
            subscripts=tuple(map(self._subscript, access.subscripts)),
        )

    def size(self, size: Size) -> Size:
        """The renamed size: the types that it names."""
        return tuple(self.types.get(part, part) if isinstance(part, str) else part for part in size)

    def _range(self, bounds: Range) -> Range:
        return replace(
            bounds,
            index=self.index(bounds.index),
            start=self.size(bounds.start),
            stop=self.size(bounds.stop),
        )

    @overload
    def _subscript(self, subscript: Index | Affine) -> Index | Affine: ...
    @overload
    def _subscript(self, subscript: Subscript) -> Subscript: ...
    def _subscript(self, subscript: Subscript) -> Subscript:
        match subscript:
            case Index(name):
                return replace(subscript, name=self.index(name))
            case Affine(terms):
                return replace(subscript, terms=tuple((c, self.index(i)) for c, i in terms))
            case Group(indices):
                return replace(subscript, indices=tuple(map(self.index, indices)))
            case Boundary(_, inner):
                return replace(subscript, subscript=self._subscript(inner))
            case Access():
                return self.access(subscript)

    def _node(self, node: Expression) -> Expression:
        match node:
            case Access():
                return self.access(node)
            case Call(function, _, indices):
                return replace(
                    node,
                    function=self.functions.get(function, function),
                    indices=tuple(map(self.index, indices)),
                )
            case IndexValue(name):
                return replace(node, name=self.index(name))
            case _:
                return node
