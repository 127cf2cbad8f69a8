"""Names given back: a tensor that a pass numbered gets the name that the user or an output has for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from einprop.analysis.core import map_accesses
from einprop.analysis.dependence import assembled_tensors
from einprop.notation.tree import Access, Equation
from einprop.passes.builder import letters, tensor

__all__ = ["adopt_names"]


@dataclass(frozen=True)
class _Adopted:
    """A numbered tensor under its new name, and the axes of the one as axes of the other."""

    target: Access
    axes: tuple[int, ...]


def adopt_names(
    equations: Sequence[Equation], copies: Sequence[Equation], outputs: Collection[str]
) -> list[Equation]:
    """The equations and copies, with a copied tensor defined under the copy's name where that can be.

    Args:
        equations: A flat program whose tensors have numbers for names.
        copies: Equations that give those tensors their names, and nothing else.
        outputs: Named first if one tensor is copied to several names; a tensor that is an output
            itself keeps its name.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> one, two = parse("_1[j,b] = tanh(x[b,j]); y[b,j] = _1[j,b]")
    >>> print(*map(to_text, adopt_names([one], [two], ["y"])))
    y[b,j] = tanh(x[b,j])
    """
    defined = {equation.target.name: equation.target for equation in equations}
    assembled = assembled_tensors(equations)
    adopted: dict[str, _Adopted] = {}
    left = []
    for copy in sorted(copies, key=lambda c: c.target.name not in outputs):
        source = copy.expression
        if (
            isinstance(source, Access)
            and source.name in defined
            and source.name not in outputs
            and source.name not in adopted
            and set(letters(source)) == set(letters(copy.target))
            and (source.name not in assembled or letters(source) == letters(copy.target))
        ):
            order = letters(source)
            if source.name in assembled:
                adopted[source.name] = _Adopted(copy.target, tuple(range(len(order))))
                continue
            names = dict(zip(order, letters(defined[source.name]), strict=True))
            target = tensor(copy.target.name, (names[i] for i in letters(copy.target)))
            axes = tuple(order.index(i) for i in letters(copy.target))
            adopted[source.name] = _Adopted(target, axes)
        elif copy.target.name in outputs:
            left.append(copy)
    return [_renamed(equation, adopted, assembled) for equation in (*equations, *left)]


def _renamed(
    equation: Equation, adopted: Mapping[str, _Adopted], assembled: Collection[str]
) -> Equation:
    def read(access: Access) -> Access:
        if access.name not in adopted:
            return access
        known = adopted[access.name]
        own = access.subscripts
        return Access(known.target.name, tuple(own[axis] for axis in known.axes))

    renamed, name = map_accesses(equation, read), equation.target.name
    if name in adopted and name not in assembled:
        return replace(renamed, target=adopted[name].target)
    return renamed
