"""Optimizer: update equations in the language, applied to arrays in place."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from einprop.analysis.indices import numbered
from einprop.compiled import Compiled
from einprop.donation import check_apart, check_changeable
from einprop.errors import InputError, ShapeError
from einprop.notation.tree import Access, Index
from einprop.options import integer, mapping, plain
from einprop.program import Program
from einprop.training.schedules import scheduled
from einprop.training.update import NEW, STEP, Target, Update

__all__ = ["Array", "Optimizer", "Part", "State", "parts_of", "slot_of", "steps_of"]

Array = npt.NDArray[Any]
State = dict[str, Array]
"""What an optimiser remembers from step to step: arrays by name, such as ``W1.velocity``.

``step`` is how many steps were taken.
"""


@dataclass(frozen=True)
class Optimizer:
    """A rule that changes parameters in place; the caller holds what it must remember.

    A subclass is a frozen dataclass: its numbers are hyperparameters, each a number, a function of
    the epoch (counted from 0), or a function of the step inside `PerStep`; `update` is what a step
    does to a parameter. The numbers are inputs of the equations, so changing one compiles nothing
    anew.

    Raises:
        InputError: The equations are not of the form that `update` tells, or a hyperparameter is no
            number.

    >>> @dataclass(frozen=True)
    ... class Lion(Optimizer):
    ...     '''Chen et al., Symbolic discovery of optimization algorithms (2023).'''
    ...     learning_rate: float | Schedule = 1e-4
    ...     beta1: float = 0.9
    ...     beta2: float = 0.99
    ...     slots = ("m",)
    ...     update = '''
    ...         w.new = w - learning_rate * sign(beta1 * m + (1 - beta1) w.grad)
    ...         m.new = beta2 * m + (1 - beta2) w.grad
    ...     '''
    >>> optimizer, parameters = Lion(0.5), {"W": np.array([[1.0, 2.0]])}
    >>> state = optimizer.start(parameters)
    >>> optimizer.step(parameters, {"W": np.array([[3.0, -4.0]])}, state)
    >>> parameters["W"], state["W.m"].round(3)
    (array([[0.5, 2.5]]), array([[ 0.03, -0.04]]))
    """

    if TYPE_CHECKING:
        # Text and a tuple of a class, or properties of it: only Any lets a subclass write either.
        update: ClassVar[Any]
        slots: ClassVar[Any]
    else:

        @property
        def update(self) -> str:
            """Equations without subscripts, applied to every parameter at its own axes.

            They read the parameter ``w``, its gradient ``w.grad``, the slots, the hyperparameters by
            name, and ``step``, which is 1 in the first step. They define ``w.new``, and ``m.new`` for
            each slot ``m``. A class attribute, or a property where the equations depend on options.
            """
            raise InputError(
                f"{type(self).__name__} has no update", hint="give the class update equations"
            )

        @property
        def slots(self) -> tuple[str, ...]:
            """What is remembered from step to step for each parameter: arrays of its shape."""
            return ()

    def __post_init__(self) -> None:
        for field in fields(self):
            # Equations, files and reports know python's numbers alone.
            object.__setattr__(self, field.name, plain(getattr(self, field.name)))
        for name in self.rule.read:
            value = None if name == STEP else getattr(self, name)
            if name != STEP and not callable(value) and not isinstance(value, int | float):
                raise InputError(
                    f"{name} of {type(self).__name__} is {value!r}",
                    hint="a hyperparameter is a number, or a schedule",
                )

    @property
    def rule(self) -> Update:
        """The equations, read and checked."""
        return _rule(self.update, self.slots, tuple(field.name for field in fields(self)))

    def members(self, names: Sequence[str]) -> list[tuple[Optimizer, tuple[str, ...]]]:
        """Which optimiser changes which of the parameters: this one all of them."""
        return [(self, tuple(names))]

    def first(self, slot: str) -> float:
        """What a slot holds before the first step."""
        return 0.0

    def rate(self, epoch: int, step: int = 0) -> float:
        """The learning rate in an epoch and a step, both counted from 0."""
        return self.number("learning_rate", epoch, step)

    def number(self, name: str, epoch: int, step: int = 0) -> float:
        """A number that the equations read, in an epoch and a step, both counted from 0."""
        return step + 1.0 if name == STEP else scheduled(getattr(self, name), epoch, step)

    def start(self, parameters: Mapping[str, Array]) -> State:
        """What to remember before the first step: the slots of every parameter, and ``step``."""
        state: State = {STEP: np.zeros((), np.int64)}
        for member, names in self.members(tuple(parameters)):
            for name in names:
                for slot in member.slots:
                    state[f"{name}.{slot}"] = np.full_like(parameters[name], member.first(slot))
        return state

    def step(
        self,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        state: State,
        epoch: int = 0,
    ) -> None:
        """Change the parameters that have gradients, and the state, in place.

        Args:
            parameters: Arrays of floats by name.
            gradients: Arrays of the same shapes, for all parameters or some of them.
            state: What `start` gave, as the steps before left it.
            epoch: The number of the epoch, counted from 0, for schedules.

        Raises:
            InputError: The state lacks a slot, or an array cannot be changed in place.
            ShapeError: A gradient or a slot has another shape than its parameter.
        """
        for what, arrays in (
            ("parameters", parameters),
            ("gradients", gradients),
            ("what is remembered", state),
        ):
            mapping(what, arrays, "as in {'W': W}")
        epoch = integer("epoch", epoch, 0)
        # Names of the user's may be none in the language.
        inner = {name: f"p{number}" for number, name in enumerate(gradients)}
        parts = parts_of(self, inner)
        if not gradients:
            return
        taken = steps_of(state)
        tensors: dict[str, Any] = {}
        # Under the user's names.
        own: dict[str, Any] = {}
        for (member, names), part in zip(self.members(tuple(inner)), parts, strict=True):
            tensors |= part.numbers(member, epoch, int(taken))
            for name in names:
                if name not in parameters:
                    raise InputError(f"there is a gradient, but no parameter {name}")
                held = {f".{slot}": slot_of(state, f"{name}.{slot}") for slot in member.slots}
                for suffix, array in {
                    "": parameters[name],
                    ".grad": gradients[name],
                    **held,
                }.items():
                    _check_array(f"{name}{suffix}", array, parameters[name], suffix != ".grad")
                    tensors[f"{inner[name]}{suffix}"] = own[f"{name}{suffix}"] = array
        check_apart([name for name in own if not name.endswith(".grad")], own)
        ranks = tuple(np.ndim(tensors[name]) for part in parts for name in part.names)
        _alone(parts, ranks)(tensors)
        taken += 1


@dataclass(frozen=True)
class Part:
    """The equations of one optimiser on some of the parameters.

    Attributes:
        rule: The equations.
        prefix: What the names of their numbers begin with, before a dot.
        names: The parameters.
    """

    rule: Update
    prefix: str
    names: tuple[str, ...]

    @property
    def renewed(self) -> dict[str, str]:
        """By new value the tensor that it is one of."""
        held = [f"{n}{s}" for n in self.names for s in ("", *(f".{s}" for s in self.rule.slots))]
        return {f"{name}{NEW}": name for name in held}

    def numbers(self, member: Optimizer, epoch: int, step: int) -> dict[str, float]:
        """What the equations read apart from arrays, in an epoch and a step, counted from 0."""
        return {f"{self.prefix}.{n}": member.number(n, epoch, step) for n in self.rule.read}


def parts_of(
    optimizer: Optimizer, names: Mapping[str, str], taken: Collection[str] = ()
) -> tuple[Part, ...]:
    """The equations for parameters, given by name with the name that they have in the equations.

    Args:
        optimizer: Whose.
        names: The parameters.
        taken: Names of tensors, without suffixes, that numbers may not have.

    >>> from einprop.training import SGD
    >>> [part.prefix for part in parts_of(SGD(0.1), {"W": "W1"}, taken=["sgd"])]
    ['sgd2']
    """
    used, parts = {*taken, *names.values()}, []
    for member, own in optimizer.members(tuple(names)):
        prefix = numbered(type(member).__name__.lower(), used.__contains__)
        used.add(prefix)
        parts.append(Part(member.rule, prefix, tuple(names[name] for name in own)))
    return tuple(parts)


def slot_of(state: State, name: str) -> Array:
    """What the state remembers under a name.

    Raises:
        InputError: Nothing.
    """
    if name not in state:
        raise InputError(
            f"the optimiser's state has no {name}",
            hint="state = optimizer.start(parameters), of the same optimiser and parameters",
        )
    return state[name]


def steps_of(state: State) -> Array:
    """The number of steps that were taken, an array that counts on; 0 in a new state.

    Raises:
        InputError: It is no array of an integer.
    """
    taken = state.setdefault(STEP, np.zeros((), np.int64))
    if not isinstance(taken, np.ndarray) or taken.shape or taken.dtype.kind != "i":
        raise InputError(
            f"{STEP} in the optimiser's state is {taken!r}",
            hint="it is an array without axes of an integer, such as numpy.array(0)",
        )
    return taken


def _check_array(name: str, array: Array, parameter: Array, changes: bool) -> None:
    if np.shape(array) != np.shape(parameter):
        raise ShapeError(
            f"{name} has shape {np.shape(array)}, and its parameter {np.shape(parameter)}",
            hint="a gradient and what is remembered have the parameter's shape",
        )
    if changes:
        check_changeable(name, array)


@lru_cache(maxsize=256)
def _rule(text: str, slots: tuple[str, ...], numbers: tuple[str, ...]) -> Update:
    return Update(text, slots, numbers)


@lru_cache(maxsize=64)
def _alone(parts: tuple[Part, ...], ranks: tuple[int, ...]) -> Compiled:
    """The equations as a program of their own, which changes the arrays that it gets."""
    names = [name for part in parts for name in part.names]
    accesses = {
        name: Access(name, tuple(Index(f"i{axis}") for axis in range(rank)))
        for name, rank in zip(names, ranks, strict=True)
    }
    equations = []
    for part in parts:
        targets = [Target(accesses[name], f"{name}.grad") for name in part.names]
        equations += part.rule.equations(part.prefix, targets)
    donated = {new: old for part in parts for new, old in part.renewed.items()}
    program = Program.from_statements(equations, tuple(donated))
    return program.compile(donate=donated)
