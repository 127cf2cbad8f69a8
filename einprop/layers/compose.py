"""A chain of layers written out as one program, its names made readable and unique.

The tensor that flows is called ``x`` where it enters, ``h1``, ``h2``, … between layers and ``y``
where it leaves. Parameters are numbered by layer (``W1``, ``B1``, ``W2``, …) where more than one
layer has some. A letter is one index throughout the program, so that a declared size can name it.
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from einprop.analysis.indices import target_indices, unprimed
from einprop.errors import UnsupportedError
from einprop.layers.init import Initializer
from einprop.layers.rename import Renaming, letters_of
from einprop.notation.tree import (
    Access,
    Backward,
    Call,
    Definition,
    Equation,
    Expression,
    Index,
    IndexDeclaration,
    IndexGroup,
    Statement,
    Subscript,
    TensorDeclaration,
    transform,
    walk,
)

__all__ = ["Composition", "Parameter", "Part", "at_some_index", "compose"]

INPUT = "x"
OUTPUT = "y"
HIDDEN = "h"


class Part(Protocol):
    """What composing needs to know of a layer."""

    @property
    def statements(self) -> tuple[Statement, ...]:
        """The layer's own equations and definitions."""
        ...

    @property
    def params(self) -> Mapping[str, Initializer]:
        """Parameters by local name."""
        ...

    @property
    def sizes(self) -> Mapping[str, tuple[str, int]]:
        """Type and size by local index, for the indices whose size the layer fixes."""
        ...

    @property
    def output(self) -> str:
        """The tensor that leaves: ``y``, or ``loss``."""
        ...


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a composition, and which of its axes stand on the left of its equation."""

    name: str
    initialize: Initializer
    on_left: tuple[bool, ...]

    def fans(self, shape: Sequence[int]) -> tuple[int, int]:
        """``(fan_in, fan_out)``: products of the sizes summed and of those on the left.

        >>> Parameter("W", None, (False, True)).fans((784, 200))
        (784, 200)
        """
        fan_in = fan_out = 1
        for size, left in zip(shape, self.on_left, strict=True):
            fan_in, fan_out = (fan_in, fan_out * size) if left else (fan_in * size, fan_out)
        return fan_in, fan_out


@dataclass(frozen=True, slots=True)
class Composition:
    """A chain of layers as one program's statements, and its parameters."""

    statements: tuple[Statement, ...]
    parameters: tuple[Parameter, ...]


def compose(parts: Sequence[Part]) -> Composition:
    """The chain as one program: what leaves a layer enters the next.

    A layer that is written without subscripts (``y = tanh(x)``) takes over the indices of the
    tensor that it is applied to, and is written into the equation that defines that tensor.
    """
    chain = _Chain(parts)
    for part in parts:
        chain.append(part)
    equations, lines = chain.named(parts[-1].output)
    parameters = tuple(
        Parameter(name, initialize, _axes_on_left(name, equations))
        for name, initialize in chain.parameters.items()
    )
    declared = [*_index_declarations(chain.sizes), *_tensor_declarations(equations, parameters)]
    statements = (*dict.fromkeys(chain.definitions), *declared, *equations, *lines)
    return Composition(statements, parameters)


def at_some_index(statements: Sequence[Statement]) -> tuple[Statement, ...]:
    """A layer's statements; one written without subscripts applied to a tensor of one axis."""
    equations = [s for s in statements if isinstance(s, Equation)]
    if not _is_pointwise(equations):
        return tuple(statements)
    lines = [s for s in statements if isinstance(s, Backward)]
    letters = {i for e in (*equations, *(s.equation for s in lines)) for i in letters_of(e)}
    flow = Access(INPUT, (Index(_fresh_letter("i", letters, set())),))
    others = [s for s in statements if not isinstance(s, Equation | Backward)]
    with_index, with_lines = _with_subscripts(equations, lines, flow)
    return (*others, *with_index, *with_lines)


class _Chain:
    """The equations so far, and the names that they use."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.flow = Access(INPUT, _entering(parts))
        self.numbered = sum(bool(part.params) for part in parts) > 1
        self.number = 0
        self.hidden = 0
        self.closed = True
        self.equations: list[Equation] = []
        self.lines: list[Backward] = []
        self.definitions: list[Definition] = []
        self.parameters: dict[str, Initializer] = {}
        self.sizes: dict[str, tuple[str, int]] = {}
        self.letters = {s.name for s in self.flow.subscripts if isinstance(s, Index)}
        self.tensors = {INPUT, OUTPUT}

    def append(self, part: Part) -> None:
        """Write one more layer behind the flow."""
        equations = _equations(part)
        lines = [s for s in part.statements if isinstance(s, Backward)]
        self.definitions += [s for s in part.statements if isinstance(s, Definition)]
        letters = self._letters([*equations, *(line.equation for line in lines)])
        renaming = Renaming(self._tensors(part, equations, lines), letters)
        renamed = [renaming.equation(equation) for equation in equations]
        declared = [replace(s, equation=renaming.equation(s.equation)) for s in lines]
        pointwise = _is_pointwise(equations)
        if pointwise:
            renamed, declared = _with_subscripts(renamed, declared, self.flow)
        self.sizes |= {letters[i]: size for i, size in part.sizes.items()}
        self.letters.update(letters.values())
        if pointwise and not self.closed and not lines and self._fold(renamed):
            self.hidden -= 1
        else:
            self.equations += renamed
            self.flow = renamed[-1].target
        self.lines += declared
        # What has gradients of its own keeps its tensors.
        self.closed = pointwise or bool(lines)

    def named(self, output: str) -> tuple[list[Equation], list[Backward]]:
        """The equations, with what leaves the last layer (or enters the loss) called ``y``."""
        leaving = self.flow.name if output == OUTPUT else f"{HIDDEN}{self.hidden}"
        renaming = Renaming({leaving: OUTPUT}, {})
        equations = [renaming.equation(equation) for equation in self.equations]
        return equations, [replace(s, equation=renaming.equation(s.equation)) for s in self.lines]

    def _letters(self, equations: Sequence[Equation]) -> dict[str, str]:
        """New letters: those of the flow where ``x`` is read, else unused ones."""
        new: dict[str, str] = {}
        for access in _reads(equations, INPUT):
            for old, given in zip(access.subscripts, self.flow.subscripts, strict=False):
                if not isinstance(old, Index) or not isinstance(given, Index):
                    continue
                if unprimed(old.name) not in new and given.name not in new.values():
                    new[unprimed(old.name)] = given.name
        for letter in dict.fromkeys(i for equation in equations for i in letters_of(equation)):
            if letter not in new:
                new[letter] = _fresh_letter(letter, {*self.letters, *new.values()}, self.tensors)
        return new

    def _tensors(
        self, part: Part, equations: Sequence[Equation], lines: Sequence[Backward]
    ) -> dict[str, str]:
        """New names: the flow's, numbered parameters, the rest kept where that is unique."""
        new = {INPUT: self.flow.name}
        self.number += bool(part.params)
        for name, initialize in part.params.items():
            new[name] = f"{name}{self.number}" if self.numbered else name
            self.parameters[new[name]] = initialize
        if part.output == OUTPUT:
            self.hidden += 1
            new[OUTPUT] = f"{HIDDEN}{self.hidden}"
        for equation in (*equations, *(line.equation for line in lines)):
            name = equation.target.name
            if name not in new and "." not in name:
                new[name] = _fresh_name(name, self.tensors)
        self.tensors.update(new.values())
        return new

    def _fold(self, renamed: Sequence[Equation]) -> bool:
        """Write ``h2 = tanh(h1)`` into the equation of ``h1``; says whether that was possible."""
        before, after = self.equations[-1], renamed[0]
        writes = [e for e in self.equations if e.target.name == self.flow.name]
        if len(renamed) > 1 or len(writes) > 1 or before.operator != "=" or before.ranges:
            return False
        if not _reads_once_in_a_call(after.expression, before.target):
            return False
        inside = transform(
            after.expression, lambda node: before.expression if node == before.target else node
        )
        self.equations[-1] = replace(before, expression=inside)
        return True


def _entering(parts: Sequence[Part]) -> tuple[Subscript, ...]:
    """The subscripts of ``x``: those at which the first layer that has some reads it."""
    for part in parts:
        for access in _reads(_equations(part), INPUT):
            if access.subscripts:
                plain = all(isinstance(s, Index) for s in access.subscripts)
                return access.subscripts if plain else ()
    return ()


def _equations(part: Part) -> tuple[Equation, ...]:
    for statement in part.statements:
        if isinstance(statement, IndexDeclaration | TensorDeclaration):
            raise UnsupportedError(
                "a declaration inside a layer is not supported yet",
                [statement.place],
                "give parameters in the layer's params and sizes in its units",
            )
    return tuple(s for s in part.statements if isinstance(s, Equation))


def _reads(equations: Iterable[Equation], name: str) -> Iterator[Access]:
    for equation in equations:
        for node in walk(equation.expression):
            if isinstance(node, Access) and node.name == name:
                yield node


def _is_pointwise(equations: Sequence[Equation]) -> bool:
    reads = list(_reads(equations, INPUT))
    return bool(reads) and not any(access.subscripts for access in reads)


def _with_subscripts(
    equations: Sequence[Equation], lines: Sequence[Backward], flow: Access
) -> tuple[list[Equation], list[Backward]]:
    """Equations with the flow's subscripts on it, on all that they define from it, and on cotangents."""
    flowing = {flow.name, *(equation.target.name for equation in equations)}
    flowing |= {f"{name}.grad" for name in flowing}
    flowing |= {s.equation.target.name for s in lines if "." not in s.equation.target.name}

    def at(node: Expression) -> Expression:
        if isinstance(node, Access) and node.name in flowing:
            return replace(node, subscripts=flow.subscripts)
        return node

    def subscripted(equation: Equation) -> Equation:
        target = at(equation.target)
        assert isinstance(target, Access)
        return replace(equation, target=target, expression=transform(equation.expression, at))

    shown = [replace(s, equation=subscripted(s.equation)) for s in lines]
    return [subscripted(equation) for equation in equations], shown


def _reads_once_in_a_call(expression: Expression, access: Access) -> bool:
    """Whether the access occurs once, alone in a function's brackets, which wall its sums in."""
    nodes = list(walk(expression))
    inside = [n for n in nodes if isinstance(n, Call) and access in n.arguments and not n.indices]
    return nodes.count(access) == 1 and len(inside) == 1


def _fresh_letter(letter: str, letters: set[str], tensors: set[str]) -> str:
    """The letter, or else the next one in the alphabet that nothing uses."""
    if letter not in letters:
        return letter
    alphabet = string.ascii_lowercase
    start = alphabet.find(letter[0]) + 1
    for candidate in alphabet[start:]:
        if candidate not in letters and candidate not in tensors:
            return candidate
    return _fresh_name(letter, letters | tensors)


def _fresh_name(name: str, taken: set[str]) -> str:
    number, candidate = 0, name
    while candidate in taken:
        number += 1
        candidate = f"{name}{number}"
    return candidate


def _index_declarations(sizes: Mapping[str, tuple[str, int]]) -> list[Statement]:
    """``index j: feature1 < 200, k: feature2 < 10``: types numbered where a name comes twice."""
    times = Counter(name for name, _ in sizes.values())
    count: Counter[str] = Counter()
    groups = []
    for letter, (name, size) in sizes.items():
        count[name] += 1
        type_name = f"{name}{count[name]}" if times[name] > 1 else name
        groups.append(IndexGroup((letter,), type_name, (size,)))
    return [IndexDeclaration(tuple(groups))] if groups else []


def _tensor_declarations(
    equations: Sequence[Equation], parameters: Sequence[Parameter]
) -> list[Statement]:
    """``input x[b,i], t[b,k]`` and ``param W[i,j], B[j]``, those read at plain indices."""
    defined = {equation.target.name for equation in equations}
    read: dict[str, Access] = {}
    for equation in equations:
        for node in walk(equation.expression):
            if isinstance(node, Access) and node.name not in defined:
                read.setdefault(node.name, replace(node, place=None))
    plain = {n: a for n, a in read.items() if all(isinstance(s, Index) for s in a.subscripts)}
    names = [parameter.name for parameter in parameters]
    kinds = {
        "input": tuple(access for name, access in plain.items() if name not in names),
        "param": tuple(plain[name] for name in names if name in plain),
    }
    return [TensorDeclaration(kind, accesses) for kind, accesses in kinds.items() if accesses]


def _axes_on_left(name: str, equations: Sequence[Equation]) -> tuple[bool, ...]:
    for equation in equations:
        for access in _reads([equation], name):
            left = {unprimed(i) for i in target_indices(equation.target)}
            return tuple(
                isinstance(s, Index) and unprimed(s.name) in left for s in access.subscripts
            )
    return ()
