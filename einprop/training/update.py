"""Update equations: an optimiser's text, written for one parameter, put down for each of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from einprop.analysis.dependence import reached, readers
from einprop.errors import InputError
from einprop.notation.parser import parse
from einprop.notation.tree import Access, Equation, Expression, equations_of, reads, transform

__all__ = ["GRADIENT", "NEW", "PARAMETER", "STEP", "Target", "Update"]

PARAMETER = "w"
GRADIENT = "w.grad"
NEW = ".new"
STEP = "step"
"""The number of the step, 1 for the first: a scalar that every text may read."""


@dataclass(frozen=True, slots=True)
class Target:
    """A parameter that equations are written for.

    Attributes:
        access: It, at one index for each of its axes.
        gradient: The tensor that the equations take for its gradient.
    """

    access: Access
    gradient: str


@dataclass(frozen=True)
class Update:
    """The equations of one optimiser, without subscripts.

    They read the parameter ``w``, its gradient ``w.grad``, what is remembered from the step before
    (the slots), hyperparameters and the number ``step``, and define ``w.new`` and for each slot ``m``
    its next value ``m.new``. Whatever else they define is a number where it depends on numbers
    alone, and has the parameter's axes where not.

    Attributes:
        text: The equations.
        slots: What is remembered, by name.
        numbers: The names of the hyperparameters that the text may read.

    Raises:
        InputError: The text is not of this form.

    >>> update = Update("w.new = w - rate * sign(w.grad)", (), ("rate",))
    >>> from einprop.notation.parser import parse
    >>> (read,) = parse("y[i,j] = W[i,j]")
    >>> from einprop.notation.printer import program_text
    >>> print(program_text(update.equations("signsgd", [Target(read.expression, "W.grad")])))
    W.new[i,j] = W[i,j] - signsgd.rate sign(W.grad[i,j])
    """

    text: str
    slots: tuple[str, ...]
    numbers: tuple[str, ...]

    def __post_init__(self) -> None:
        self._check()

    @cached_property
    def statements(self) -> tuple[Equation, ...]:
        """The equations as written."""
        return equations_of(parse(self.text))

    @cached_property
    def read(self) -> tuple[str, ...]:
        """The hyperparameters that the equations read, and the step's number if they do."""
        mentioned = {access.name for equation in self.statements for access in reads(equation)}
        return tuple(name for name in (*self.numbers, STEP) if name in mentioned)

    @property
    def renewed(self) -> tuple[str, ...]:
        """What has a next value: the parameter and the slots."""
        return (PARAMETER, *self.slots)

    @cached_property
    def _flowing(self) -> frozenset[str]:
        """The tensors of the text that have the parameter's axes."""
        given = {GRADIENT, *self.renewed, *(f"{name}{NEW}" for name in self.renewed)}
        return frozenset(reached(readers(self.statements), given))

    def equations(self, prefix: str, targets: Sequence[Target]) -> list[Equation]:
        """The equations of every target; those of numbers alone stand once, before them.

        Args:
            prefix: What the names of hyperparameters and other numbers begin with, before a dot.
            targets: The parameters.
        """
        shared = [e for e in self.statements if e.target.name not in self._flowing]
        own = [e for e in self.statements if e.target.name in self._flowing]
        written = [self._written(e, prefix, None) for e in shared]
        written += [self._written(e, prefix, target) for target in targets for e in own]
        return written

    def _written(self, equation: Equation, prefix: str, target: Target | None) -> Equation:
        def named(node: Expression) -> Expression:
            if not isinstance(node, Access):
                return node
            if target is None or node.name not in self._flowing:
                return Access(f"{prefix}.{node.name}")
            return Access(tensor_name(node.name, target), target.access.subscripts)

        left = named(equation.target)
        assert isinstance(left, Access)
        return Equation(left, equation.operator, transform(equation.expression, named))

    def _check(self) -> None:
        if len(self.statements) != len(parse(self.text)):
            raise InputError(
                "the update of an optimiser has equations only",
                hint="hyperparameters are fields of the class, slots its slots",
            )
        defined: set[str] = set()
        known = {PARAMETER, GRADIENT, STEP, *self.slots, *self.numbers}
        for equation in self.statements:
            self._check_equation(equation, known, defined)
            defined.add(equation.target.name)
        missing = [f"{name}{NEW}" for name in self.renewed if f"{name}{NEW}" not in defined]
        if missing:
            raise InputError(
                f"the update of an optimiser does not define {', '.join(missing)}",
                hint="it defines w.new for the parameter, and m.new for each slot m",
            )
        mentioned = {access.name for equation in self.statements for access in reads(equation)}
        unread = [name for name in (*self.renewed, GRADIENT) if name not in mentioned]
        if unread:
            raise InputError(
                f"no equation of the update reads {', '.join(unread)}",
                hint="it reads the parameter w, its gradient w.grad, and each slot",
            )

    def _check_equation(self, equation: Equation, known: set[str], defined: set[str]) -> None:
        name, place = equation.target.name, equation.target.place
        if name in known | defined or equation.operator != "=":
            raise InputError(
                f"{name} is there already; an equation of an update defines a tensor once",
                [place],
                f"the next value of {name} is {name}{NEW}",
            )
        for access in (equation.target, *reads(equation)):
            if access.subscripts:
                raise InputError(
                    "an update is written without subscripts",
                    [access.place],
                    "it is applied to every parameter at the parameter's own axes",
                )
        for access in reads(equation):
            if access.name not in known | defined:
                raise InputError(
                    f"an update cannot read {access.name}",
                    [access.place],
                    f"it can read {', '.join(sorted(known))} and what it defines before",
                )


def tensor_name(name: str, target: Target) -> str:
    """The name for one parameter of a tensor in an update's text that has its axes.

    >>> target = Target(Access("W1"), "W1.clipped")
    >>> [tensor_name(n, target) for n in ("w", "w.grad", "w.new", "m", "m.new")]
    ['W1', 'W1.clipped', 'W1.new', 'W1.m', 'W1.m.new']
    """
    base = target.access.name
    if name == GRADIENT:
        return target.gradient
    if name in (PARAMETER, f"{PARAMETER}{NEW}"):
        return f"{base}{name.removeprefix(PARAMETER)}"
    return f"{base}.{name}"
