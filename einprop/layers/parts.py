"""The text of one layer: read once, held to the contract of names, split into what composing needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from einprop.analysis.resolve import resolve
from einprop.backward_check import check_backward
from einprop.errors import InputError
from einprop.layers.init import Initializer
from einprop.layers.lift import at_subscripts
from einprop.layers.noise import Noise
from einprop.layers.rename import letters_of
from einprop.notation.parser import parse
from einprop.notation.prelude import parse_backward
from einprop.notation.tree import (
    Access,
    Backward,
    Definition,
    Equation,
    Index,
    IndexGroup,
    Statement,
    TensorDeclaration,
    declared_groups,
    equations_of,
    reads,
)

__all__ = [
    "INPUT",
    "LOSS",
    "NEXT",
    "OUTPUT",
    "Names",
    "Part",
    "Text",
    "at_some_index",
    "check_lines",
    "check_names",
    "leaves",
    "reads_of",
]

INPUT = "x"
OUTPUT = "y"
LOSS = "loss"
NEXT = "next_"
"""What stands before the name of a state in the name of its new value."""


class Part(Protocol):
    """What composing needs to know of a layer."""

    @property
    def statements(self) -> tuple[Statement, ...]:
        """The layer's own declarations, definitions and equations, as a training step runs them."""
        ...

    @property
    def evaluated(self) -> tuple[Statement, ...]:
        """The same in evaluation mode."""
        ...

    @property
    def initializers(self) -> Mapping[str, Initializer]:
        """Initialisers of the parameters by local name."""
        ...

    @property
    def state(self) -> Mapping[str, Initializer]:
        """Initialisers of the arrays without gradient by local name."""
        ...

    @property
    def noise(self) -> Mapping[str, Noise]:
        """Inputs that are drawn at every training step, by local name."""
        ...

    @property
    def output(self) -> str:
        """The tensor that leaves: ``y``, or ``loss``."""
        ...

    @property
    def branch(self) -> tuple[Part, ...]:
        """The layers that what enters goes through before it is added to itself; usually none."""
        ...

    def fitted(self, axes: int) -> Part:
        """The layer for a tensor of that many axes."""
        ...


@dataclass(frozen=True, slots=True)
class Names:
    """The names that a layer claims: what its equations have to keep to."""

    layer: str
    output: str
    params: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    noise: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """A layer's statements by kind."""

    equations: tuple[Equation, ...]
    lines: tuple[Backward, ...]
    definitions: tuple[Definition, ...]
    groups: tuple[IndexGroup, ...]
    tensors: tuple[TensorDeclaration, ...]

    @classmethod
    def of(cls, statements: Sequence[Statement]) -> Text:
        """Sort statements by kind."""
        return cls(
            equations_of(statements),
            tuple(s for s in statements if isinstance(s, Backward)),
            tuple(s for s in statements if isinstance(s, Definition)),
            tuple(declared_groups(statements)),
            tuple(s for s in statements if isinstance(s, TensorDeclaration)),
        )

    @property
    def declared(self) -> tuple[Access, ...]:
        """The tensors that are declared."""
        return tuple(access for declaration in self.tensors for access in declaration.tensors)

    @property
    def entries(self) -> tuple[Access, ...]:
        """Where ``x`` stands: declared or read."""
        declared = [access for access in self.declared if access.name == INPUT]
        return (*declared, *reads_of(self.equations, INPUT))

    @property
    def written(self) -> tuple[Equation, ...]:
        """The equations, those of the backward pass too."""
        return (*self.equations, *(line.equation for line in self.lines))

    @property
    def letters(self) -> tuple[str, ...]:
        """Every letter, each once."""
        plain = [s.name for a in self.declared for s in a.subscripts if isinstance(s, Index)]
        grouped = [index for group in self.groups for index in group.indices]
        used = [letter for equation in self.written for letter in letters_of(equation)]
        return tuple(dict.fromkeys([*used, *plain, *grouped]))

    @property
    def names(self) -> frozenset[str]:
        """Every tensor that is read or written."""
        read = {access.name for equation in self.equations for access in reads(equation)}
        return frozenset(read | {equation.target.name for equation in self.written})

    @property
    def pointwise(self) -> bool:
        """Whether ``x`` has no subscripts: the layer then applies to tensors of any rank."""
        return bool(self.entries) and not any(access.subscripts for access in self.entries)

    @property
    def identity(self) -> bool:
        """Whether what leaves is what enters."""
        return not self.lines and self.equations == (Equation(Access(OUTPUT), "=", Access(INPUT)),)


def leaves(parts: Iterable[Part]) -> Iterator[Part]:
    """The layers that are equations, those inside of others too, in the order of the chain."""
    for part in parts:
        if part.branch:
            yield from leaves(part.branch)
        else:
            yield part


def reads_of(equations: Iterable[Equation], name: str) -> Iterator[Access]:
    """Every place in which equations read a tensor."""
    return (access for equation in equations for access in reads(equation) if access.name == name)


@cache
def check_names(text: str, names: Names, *, evaluation: bool = False) -> tuple[Statement, ...]:
    """The statements of a layer's text, once it is known that they keep the contract of names.

    Args:
        text: The equations.
        names: What the layer claims.
        evaluation: Whether the text is that of the evaluation mode, which may leave parameters
            and state unread, and reads no noise.

    Raises:
        InputError: They do not.
    """
    statements = parse(text)
    equations = equations_of(statements)
    defined = [equation.target.name for equation in equations]
    news = {f"{NEXT}{name}" for name in names.state}
    flowing = [name for name in defined if name not in news]
    if not flowing or flowing[-1] != names.output:
        raise InputError(f"the last equation of {names.layer} must define {names.output}")
    read = {access.name for equation in equations for access in reads(equation)}
    given = (INPUT, *names.params, *names.state, *names.noise)
    for tensor in given:
        if tensor in defined:
            raise InputError(
                f"{tensor} enters {names.layer}, so no equation of it may define {tensor}"
            )
    for tensor in (INPUT,) if evaluation else (INPUT, *names.params, *names.noise):
        if tensor not in read:
            raise InputError(f"no equation of {names.layer} reads {tensor}")
    if evaluation:
        _refuse_training_only(names, read, set(defined) & news)
    return statements


def _refuse_training_only(names: Names, read: set[str], news: set[str]) -> None:
    for tensor in names.noise:
        if tensor in read:
            raise InputError(
                f"{names.layer} reads {tensor} in evaluation mode, where no noise is drawn",
                hint="say in evaluate what the layer computes there",
            )
    for tensor in news:
        raise InputError(f"{names.layer} defines {tensor} in evaluation mode, where state stays")


@cache
def check_lines(
    forward: tuple[Statement, ...], backward: str, *, override: bool
) -> tuple[Statement, ...]:
    """The lines of ``backward``, once it is known that they are what is derived.

    Raises:
        DerivativeError: They are not.
    """
    lines = parse_backward(backward, forward, override=override)
    check_backward(resolve(at_some_index((*forward, *lines))))
    return lines


def at_some_index(statements: Sequence[Statement]) -> tuple[Statement, ...]:
    """A layer's statements; one written without subscripts applied to a tensor of one axis."""
    text = Text.of(statements)
    if not text.pointwise:
        return tuple(statements)
    letter = next(i for i in "ijklmnopqrstuvwz" if i not in text.letters)
    equations, lines = at_subscripts(
        text.equations, text.lines, Access(INPUT, (Index(letter),)), ()
    )
    others = [s for s in statements if not isinstance(s, Equation | Backward)]
    return (*others, *equations, *lines)
