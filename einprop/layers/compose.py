"""A chain of layers written out as one program, its names made readable and unique.

The tensor that flows is called ``x`` where it enters, ``h1``, ``h2``, … between layers and ``y``
where it leaves. Parameters and state are numbered by layer (``W1``, ``B1``, ``W2``, …) where more
than one layer has some. A letter is one index throughout the program, so that a declared size can
name it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from einprop.analysis.indices import is_plain
from einprop.layers.chain import Chain, TooFewAxesError, fresh_letter
from einprop.layers.fans import Parameter, axes_of
from einprop.layers.noise import Noise
from einprop.layers.parts import INPUT, NEXT, Part, Text, leaves
from einprop.layers.rename import Renaming
from einprop.layers.ties import tie
from einprop.notation.tree import (
    Access,
    Equation,
    Index,
    Statement,
    Subscript,
    TensorDeclaration,
    reads,
)

__all__ = ["Composition", "compose"]


@dataclass(frozen=True, slots=True)
class Composition:
    """A chain of layers as one program's statements.

    Attributes:
        statements: Declarations and equations.
        parameters: In the order of the layers.
        state: The arrays without gradient, in the order of the layers.
        news: By state the tensor that holds its new value, itself where nothing replaces it.
        noise: Inputs that are drawn at every step.
        outputs: What leaves, and then the new values of the state.
    """

    statements: tuple[Statement, ...]
    parameters: tuple[Parameter, ...]
    state: tuple[Parameter, ...]
    news: Mapping[str, str]
    noise: Mapping[str, Noise]
    outputs: tuple[str, ...]


def compose(
    parts: Sequence[Part],
    *,
    evaluation: bool = False,
    axes: int | None = None,
    ties: Sequence[Equation] = (),
) -> Composition:
    """The chain as one program: what leaves a layer enters the next.

    A layer that is written without subscripts (``y = tanh(x)``) takes over the indices of the
    tensor that it is applied to, and is written into the equation that defines that tensor. One
    that is applied to a tensor of more axes than its ``x`` has (``x[b,i]`` to ``h[b,t,i]``) takes
    the others for further batch axes.

    Args:
        parts: The layers.
        evaluation: Whether to write what they compute in evaluation mode.
        axes: How many axes ``x`` has; by default as many as the layers need.
        ties: Equations that define parameters by others.

    Raises:
        InputError: What is tied, or tied to, is no parameter.
        IndexTypeError: What enters a layer has fewer axes than the layer reads.
        ShapeError: Two layers fix two sizes of one index.
    """
    entry = _widened(parts, _entry(parts, evaluation, axes), axes or 0)
    while True:
        try:
            return _composition(_written(parts, entry, evaluation), ties)
        except TooFewAxesError as short:
            if not short.missing:
                raise
            # What all layers so far leave as it is may have more axes from the start.
            entry = (*entry[:1], *short.missing, *entry[1:])


def _written(parts: Sequence[Part], entry: tuple[Subscript, ...], evaluation: bool) -> Chain:
    chain = Chain(parts, Access(INPUT, entry), evaluation=evaluation)
    for number, part in enumerate(parts):
        chain.append(part, str(number))
    chain.close()
    return chain


def _composition(chain: Chain, ties: Sequence[Equation]) -> Composition:
    tied = tie(chain, ties)
    names = Renaming(chain.printed(), {}, chain.types.names())
    equations = [names.equation(equation) for equation in (*chain.equations, *chain.updates)]
    lines = [replace(s, equation=names.equation(s.equation)) for s in chain.lines]
    held = [p for found in (chain.parameters, chain.state) for p in found.values()]
    axes = axes_of([p.name for p in held], equations)
    parameters, state = (
        tuple(replace(p, axes=axes.get(p.name, ())) for p in found.values())
        for found in (chain.parameters, chain.state)
    )
    defined = {equation.target.name for equation in chain.updates}
    news = {p.name: new for p in state if (new := f"{NEXT}{p.name}") in defined}
    declared = [names.access(access) for access in chain.declared]
    equations = [*map(names.equation, tied), *equations]
    tensors = _tensor_declarations(equations, [p.name for p in parameters], declared)
    types = chain.types.declaration()
    return Composition(
        (
            *dict.fromkeys(chain.definitions),
            *([types] if types else []),
            *tensors,
            *equations,
            *lines,
        ),
        parameters,
        state,
        {p.name: news.get(p.name, p.name) for p in state},
        chain.noise,
        (names.tensor(chain.flow.name), *news.values()),
    )


def _entry(parts: Sequence[Part], evaluation: bool, axes: int | None) -> tuple[Subscript, ...]:
    """The subscripts of ``x``: those at which the first layer that has some reads it."""
    for leaf in leaves(parts):
        part = leaf if axes is None else leaf.fitted(axes)
        for access in Text.of(part.evaluated if evaluation else part.statements).entries:
            if access.subscripts:
                return access.subscripts
    return ()


def _widened(
    parts: Sequence[Part], entry: tuple[Subscript, ...], axes: int
) -> tuple[Subscript, ...]:
    """Subscripts with more batch axes behind the first, up to that many in all."""
    found = list(entry)
    tensors = {name for part in leaves(parts) for name in Text.of(part.statements).names}
    if not entry:
        found += [Index(letter) for letter in "bijklmnopqrs"[:axes]]
    while len(found) < axes:
        taken = {s.name for s in found if isinstance(s, Index)}
        found.insert(len(found) - len(entry) + 1, Index(fresh_letter("s", taken, tensors)))
    return tuple(found)


def _tensor_declarations(
    equations: Sequence[Equation], parameters: Sequence[str], declared: Sequence[Access]
) -> list[Statement]:
    """``input x[b,i], t[b,k]`` and ``param W[i,j], B[j]``, those declared or read at plain indices."""
    defined = {equation.target.name for equation in equations}
    found: dict[str, Access] = {}
    for access in (*declared, *(a for equation in equations for a in reads(equation))):
        found.setdefault(access.name, replace(access, place=None))
    plain = {n: a for n, a in found.items() if is_plain(a)}
    order = [a.name for equation in equations for a in reads(equation)]
    inputs = [n for n in dict.fromkeys(order) if n not in defined and n not in parameters]
    kinds = {
        "input": inputs,
        "param": parameters,
        "local": [access.name for access in declared if access.name in defined],
    }
    return [
        TensorDeclaration(
            kind, tuple(plain[name] for name in dict.fromkeys(names) if name in plain)
        )
        for kind, names in kinds.items()
        if any(name in plain for name in names)
    ]
