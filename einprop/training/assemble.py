"""The programs of a training step: the equations behind a model's own, and whose memory they write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from einprop.analysis.declare import declared_access
from einprop.analysis.indices import numbered
from einprop.compiled import Compiled
from einprop.errors import InputError
from einprop.layers.model import Model
from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.notation.tree import Access, Equation, equations_of
from einprop.program import Program
from einprop.training.clipping import Clip, squares, total_of
from einprop.training.optimizer import Optimizer, Part, parts_of
from einprop.training.update import NEW, Target

__all__ = ["Assembly", "Run", "loss_of", "weight_of"]

_WEIGHT = ".weight"


@dataclass(frozen=True)
class Run:
    """A program, and which of its outputs go into the arrays given for which of its inputs.

    Attributes:
        program: The program.
        donated: Inputs by output.
        guard: The scalar that must be finite for anything to change; None if none must.
    """

    program: Program
    donated: Mapping[str, str]
    guard: str | None = None

    def compile(self) -> Compiled:
        """A callable that changes the arrays that it gets."""
        return self.program.compile(donate=self.donated, guard=self.guard)


@dataclass(frozen=True)
class Assembly:
    """What the programs of a step are made of.

    Attributes:
        model: What is trained.
        optimizer: How.
        parameters: Which of the model's inputs are.
        clip: How gradients are clipped, if they are.
        penalised: Whether the parameters' squares are added to the loss.
    """

    model: Model
    optimizer: Optimizer
    parameters: tuple[str, ...]
    clip: Clip | None = None
    penalised: bool = False

    @cached_property
    def fused(self) -> Run:
        """Forward, backward, clipping and update, guarded by the loss and the gradients.

        A sum is the cheapest thing that neither a nan nor an infinity leaves finite. That of finite
        gradients may overflow, so what it stops is looked at closely; see `gradients`.
        """
        program, gradients = self._differentiated
        equations, donated = self._update(gradients)
        sums = [total_of(replace(a, name=gradients[a.name])) for a in self.accesses]
        line = f"{self.guard} = {' + '.join([self.objective, *sums])}"
        return self._run(program, [*_parsed([line]), *equations], donated, self.guard)

    @cached_property
    def gradients(self) -> tuple[Program, Mapping[str, str]]:
        """Forward and backward alone, and the gradients by parameter."""
        program, gradients = self._differentiated
        return program.followed_by([], tuple(gradients.values())), gradients

    @cached_property
    def gathering(self) -> Run:
        """Forward and backward of a part of a batch, whose gradients are added to those before."""
        program, gradients = self._differentiated
        share = self.weight or f"{self.name('batch')}.share"
        lines, donated = [], {}
        for access in self.accesses:
            total = replace(access, name=self.total(access.name))
            gradient = replace(access, name=gradients[access.name])
            new = replace(access, name=f"{total.name}{NEW}")
            lines.append(f"{to_text(new)} = {to_text(total)} + {share} * {to_text(gradient)}")
            donated[new.name] = total.name
        return self._run(program, _parsed(lines), donated, self.objective)

    @cached_property
    def update(self) -> Run:
        """Clipping and update by the gradients that were gathered."""
        equations, donated = self._update({name: self.total(name) for name in self.parameters})
        program = Program.from_statements(equations, tuple(donated))
        return Run(program, donated)

    def total(self, name: str) -> str:
        """What the gradients that were gathered for a parameter are called."""
        return f"{name}.total"

    # What the equations are about.

    @cached_property
    def loss(self) -> str:
        """The model's scalar output."""
        return loss_of(self.model)

    @cached_property
    def accesses(self) -> list[Access]:
        """Each parameter at one index for each axis."""
        return [declared_access(self.model.program.resolved, name) for name in self.parameters]

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The equations of the optimisers."""
        names = {name: name for name in self.parameters}
        return parts_of(self.optimizer, names, self._used)

    @cached_property
    def slots(self) -> tuple[str, ...]:
        """What the optimisers remember, by name."""
        held = [name for part in self.parts for name in part.renewed.values()]
        return tuple(name for name in held if name not in self.parameters)

    @cached_property
    def states(self) -> dict[str, str]:
        """By new value the state of the model that it replaces."""
        return {new: name for name, new in self.model.state.items() if new != name}

    @cached_property
    def _used(self) -> frozenset[str]:
        names = self.model.program.resolved.names
        return frozenset(n.partition(".")[0] for n in (*names.inputs, *names.defined))

    def name(self, wanted: str) -> str:
        """A name that the model does not use: the wanted one, numbered if it does."""
        return numbered(wanted, self._used.__contains__)

    @property
    def objective(self) -> str:
        """The scalar that is minimised: the loss, with the penalty if there is one."""
        return self.name("objective") if self.penalised else self.loss

    @cached_property
    def weight(self) -> str | None:
        """How much a batch counts in a mean over batches, where the model says it."""
        return weight_of(self.model.program, self.loss)

    @property
    def guard(self) -> str:
        """The scalar that is finite where the loss and all gradients are."""
        return f"{self.name('step')}.guard"

    # The equations.

    @cached_property
    def _differentiated(self) -> tuple[Program, Mapping[str, str]]:
        """Forward and backward, and the gradients by parameter."""
        program = self.model.program
        if self.penalised:
            prefix = self.name("l2")
            penalty = f"{prefix}.lambda * ({squares(self.accesses)}) / {prefix}.examples"
            lines = _parsed([f"{self.objective} = {self.loss} + {penalty}"])
            program = program.followed_by(lines, (self.objective, *self.states))
        differentiated = program.value_and_grad(self.objective, self.parameters)
        return differentiated.program, differentiated.gradients

    def _update(self, gradients: Mapping[str, str]) -> tuple[list[Equation], dict[str, str]]:
        """Clipping and the optimisers' equations, and by new value what it replaces."""
        equations: list[Equation] = []
        if self.clip is not None:
            given = [replace(a, name=gradients[a.name]) for a in self.accesses]
            clipped = [replace(a, name=f"{a.name}.clipped") for a in self.accesses]
            equations += _parsed(self.clip.lines(given, clipped, self.name("gradient")))
            gradients = {a.name: f"{a.name}.clipped" for a in self.accesses}
        accesses = {access.name: access for access in self.accesses}
        donated: dict[str, str] = {}
        for part in self.parts:
            targets = [Target(accesses[name], gradients[name]) for name in part.names]
            equations += part.rule.equations(part.prefix, targets)
            donated |= part.renewed
        self._check_unused([*donated, *donated.values()])
        return equations, donated

    def _run(
        self,
        program: Program,
        equations: Sequence[Equation],
        donated: Mapping[str, str],
        guard: str,
    ) -> Run:
        donated = {**self.states, **donated}
        weights = () if self.weight is None else (self.weight,)
        outputs = tuple(dict.fromkeys((self.objective, guard, *weights, *donated)))
        return Run(program.followed_by(equations, outputs), donated, guard)

    def _check_unused(self, names: Sequence[str]) -> None:
        known = self.model.program.resolved.names
        for name in names:
            if name in {*known.inputs, *known.defined}.difference(self.parameters):
                raise InputError(
                    f"the model has a tensor {name}, as the step is to have",
                    hint="give the model's tensor another name",
                )


def loss_of(model: Model) -> str:
    """The model's scalar output.

    Raises:
        InputError: There is not exactly one output, apart from new state, or it is no scalar.
    """
    new = set(model.state.values())
    outputs = [name for name in model.program.outputs if name not in new]
    found = [name for name in outputs if name.removesuffix(_WEIGHT) not in {*outputs} - {name}]
    if len(found) != 1 or model.program.resolved.types.rank(found[0]):
        raise InputError(
            f"the model has the outputs {', '.join(found)}; training needs one scalar loss",
            hint="end the network with a loss, or name the loss in outputs=",
        )
    return found[0]


def weight_of(program: Program, loss: str) -> str | None:
    """The scalar that says how much a batch counts in a mean over batches, if the program has one.

    A loss that is no plain mean over the examples defines it: ``loss.weight`` beside ``loss``.

    Raises:
        InputError: It is no scalar.

    >>> text = "loss.weight = sum[b](m[b]); loss = sum[b](m[b] (x[b] w)^2) / loss.weight"
    >>> weight_of(Program(text), "loss")
    'loss.weight'
    """
    name = f"{loss}{_WEIGHT}"
    if name not in program.resolved.names.defined:
        return None
    if program.resolved.types.rank(name):
        raise InputError(
            f"{name} has axes; how much a batch counts is one number",
            hint=f"as in {name} = sum[b](m[b])",
        )
    return name


def _parsed(lines: Sequence[str]) -> tuple[Equation, ...]:
    return equations_of(parse("\n".join(lines)))
