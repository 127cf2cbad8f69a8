"""Programs drawn from the language's page, by everything that the package does with them and by PyTorch.

The drawing and what PyTorch computes (tests/strategies/drawn) share no code with the package, so that a
range that is lost on the way to an answer shows, also where the package agrees with itself.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytest

import einprop as ep
from einprop.errors import DerivativeError
from tests.backends import sources
from tests.strategies.drawn.model import Loop, Program
from tests.strategies.drawn.programs import drawn
from tests.strategies.drawn.text import program_text
from tests.strategies.drawn.torch_values import torch_values
from tests.test_language import close

torch: Any = pytest.importorskip("torch", reason="PyTorch gives the values")

FAST = 8
SLOW = 60

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Case:
    """A drawn program, its inputs, and what PyTorch says of it."""

    drawn: Program
    seed: int

    def __repr__(self) -> str:
        given = {name: value.tolist() for name, value in self.inputs.items()}
        return f"seed {self.seed}\n{self.text}\n{given}"

    @cached_property
    def text(self) -> str:
        return program_text(self.drawn)

    @cached_property
    def program(self) -> ep.Program:
        return ep.Program(self.text)

    @cached_property
    def gradient(self) -> ep.Program:
        return self.program.grad(of="L")

    @cached_property
    def inputs(self) -> Arrays:
        rng = np.random.default_rng(self.seed)
        tensors = (self.drawn.tensors[name] for name in self.drawn.inputs)
        return {
            t.name: rng.uniform(-1.3, 1.3, t.shape)
            if t.positions is None
            else rng.integers(0, t.positions, t.shape)
            for t in tensors
        }

    @cached_property
    def real(self) -> list[str]:
        return [name for name, value in self.inputs.items() if value.dtype.kind == "f"]

    def function(self, of: str, wrt: Iterable[str]) -> Callable[..., Any]:
        """PyTorch's function of some inputs, the others held."""
        held, names = {n: torch.tensor(v) for n, v in self.inputs.items()}, list(wrt)
        return lambda *values: torch_values(
            self.drawn, {**held, **dict(zip(names, values, strict=True))}
        )[of]

    def point(self, names: Iterable[str]) -> tuple[Any, ...]:
        return tuple(torch.tensor(self.inputs[name]) for name in names)

    @cached_property
    def values(self) -> Arrays:
        held = {name: torch.tensor(value) for name, value in self.inputs.items()}
        return {name: v.numpy() for name, v in torch_values(self.drawn, held).items()}

    @cached_property
    def gradients(self) -> Arrays | None:
        """The gradient of L, by name; None where L is constant."""
        leaves = [leaf.requires_grad_() for leaf in self.point(self.real)]
        loss = self.function("L", self.real)(*leaves)
        if not loss.requires_grad:
            return None
        found = torch.autograd.grad(loss, leaves, allow_unused=True)
        return {
            f"{name}.grad": np.zeros(leaf.shape) if slope is None else slope.numpy()
            for name, leaf, slope in zip(self.real, leaves, found, strict=True)
        }

    @property
    def says_something(self) -> bool:
        finite = [n for n in self.values if not self.drawn.tensors[n].infinite]
        known = [self.values[n] for n in finite]
        if self.gradients is not None:
            known += self.gradients.values()
        return all(np.isfinite(value).all() for value in known)

    @property
    def extremal(self) -> bool:
        """Whether ``max=`` or ``min=`` puts a tensor together."""
        return any(e.operator in ("max=", "min=") for e in self.drawn.equations)

    def given(self, program: ep.Program, more: Mapping[str, Any] | None = None) -> Arrays:
        known = {**self.values, **self.inputs, **(more or {})}
        return {name: known[name] for name in program.inputs}


def agree(case: Case, program: ep.Program, wanted: Mapping[str, Any], more=None) -> None:
    """The program's values, those of its text read again, and those of the loops, with PyTorch's."""
    again = ep.Program(str(program))
    given = case.given(program, more)
    assert again == program
    assert wanted.keys() & set(program.outputs)
    for how, found in (
        ("by plan", sources.by_name(program, program(given))),
        ("by its text", sources.by_name(again, again(case.given(again, more)))),
        ("by loops", ep.reference.evaluate(program, given)),
    ):
        # The backward lines alone have cotangents that lead nowhere among their outputs.
        for name in sorted(wanted.keys() & set(program.outputs)):
            assert close(found[name], wanted[name]), f"{name} {how}: {found[name]}, {wanted[name]}"


# One thing that the package does with a program each.


def calls(case: Case) -> None:
    agree(case, case.program, case.values)


def gradients(case: Case) -> None:
    agree(case, case.gradient, case.gradients or {})


def backward_alone(case: Case) -> None:
    # Which of several values won is told by comparing them: rounding differs between two ways.
    # A type whose size a declared input alone tells is not known there yet.
    wins = case.extremal or any(f"{name}[" in case.text for name in ("max", "min"))
    if not wins and all(size is not None for *_, size in case.drawn.indices):
        agree(case, case.program.backward(of="L"), case.gradients or {}, {"L.grad": np.ones(())})


def tangents(case: Case) -> None:
    rng = np.random.default_rng(case.seed)
    along = {f"{name}.dot": rng.standard_normal(case.inputs[name].shape) for name in case.real}
    slopes = case.gradients or {}
    slope = sum(np.sum(slopes[f"{n}.grad"] * along[f"{n}.dot"]) for n in case.real)
    agree(case, case.program.jvp(of="L"), {"L.dot": slope}, along)


def jacobians(case: Case) -> None:
    tensors = [n for n in case.values if n != "L" and not case.drawn.tensors[n].infinite]
    for y in [n for n in tensors if case.values[n].size][:1]:
        for x in [n for n in case.real if case.inputs[n].size][:2]:
            wanted = torch.autograd.functional.jacobian(case.function(y, [x]), *case.point([x]))
            try:
                jacobian = case.program.jacobian(of=y, wrt=x)
            except DerivativeError as error:
                assert "on no input" in str(error) or "does not depend" in str(error)  # noqa: PT017
                continue
            agree(case, jacobian, {f"{y}.jacobian.{x}": wanted.numpy()})


def hessians(case: Case) -> None:
    names = [n for n in case.real if case.inputs[n].size][:2]
    if not names:
        return
    point = case.point(names)
    blocks = torch.autograd.functional.hessian(case.function("L", names), point)
    wanted = {
        f"L.hessian.{left}.{right}": blocks[row][column].numpy()
        for row, left in enumerate(names)
        for column, right in enumerate(names)
    }
    if all(np.isfinite(block).all() for block in wanted.values()):
        agree(case, case.program.hessian(of="L", wrt=" ".join(names)), wanted)


def code(case: Case) -> None:
    for program in (case.program, case.gradient):
        for backend in ("numpy", "torch"):
            sources.agrees(program, case.given(program), backend)


def many(case: Case) -> None:
    """`batched`: three examples at once."""
    for program in (case.program, case.gradient):
        if program.params or not program.inputs or len(case.real) < len(case.inputs):
            continue
        given = case.given(program)
        some = [{n: scale * v for n, v in given.items()} for scale in (1.0, 0.9, 1.1)]
        wanted = [sources.by_name(program, program(one)) for one in some]
        batch = program.batched("z_")
        found = sources.by_name(batch, batch({n: np.stack([o[n] for o in some]) for n in given}))
        for name in program.outputs:
            # A tensor that depends on no input stays one.
            alike = np.ndim(found[name]) == np.ndim(wanted[0][name])
            stacked = wanted[0][name] if alike else np.stack([one[name] for one in wanted])
            assert close(found[name], stacked), name


CHECKS = (calls, gradients, backward_alone, tangents, jacobians, hessians, code, many)


def check(seed: int) -> str:
    """Everything for one program; what came of it."""
    case = Case(drawn(random.Random(seed)), seed)
    if not case.says_something:
        return "infinite"
    for one in CHECKS if case.gradients is not None else (calls,):
        try:
            one(case)
        except Exception as error:
            error.add_note(f"{one.__name__}: {case!r}")
            raise
    return "agreed" if case.gradients is not None else "constant"


@pytest.mark.parametrize("seed", range(FAST))
def test_drawn_programs_are_what_pytorch_says(seed: int) -> None:
    check(seed)


@pytest.mark.slow
def test_many_drawn_programs_are_what_pytorch_says() -> None:
    came = Counter(check(seed) for seed in range(FAST, FAST + SLOW))
    assert came["agreed"] > 0.7 * SLOW, came


def test_every_clause_is_drawn_in_every_place() -> None:
    found = [drawn(random.Random(seed)) for seed in range(200)]
    text = "\n".join(map(program_text, found))
    for piece in (
        *(" where ", "'", " += ", " max= ", " min= ", "local ", "output ", "input ", "param "),
        *("index ", "def ", "pad(", "wrap(", "clamp(", "2*", "end", "[-1", "end+1", "(p", "t-2"),
        *(
            "softmax[",
            "cumsum[",
            "norm[",
            "mean[",
            "sum[",
            "max[",
            "prod[",
            " == ",
            " >= ",
            ":1",
            ":3",
        ),
    ):
        assert piece in text, piece
    assert any(isinstance(part, Loop) and part.descending for p in found for part in p.parts)
    assert any(0 in t.shape for p in found for t in p.tensors.values())


def test_a_range_that_is_lost_is_caught() -> None:
    """Without a clause that starts above 0 a program is refused, or is another one."""
    cases = (Case(drawn(random.Random(seed)), seed) for seed in range(300))
    cut = (c for c in cases if any(x.start for e in c.drawn.equations for x in e.clauses if x.size))
    some = list(itertools.islice((case for case in cut if case.says_something), 12))
    caught = 0
    for case in some:
        bare = "\n".join(line.partition(" where ")[0] for line in case.text.splitlines())
        try:
            program = ep.Program(bare)
            found = sources.by_name(program, program(case.given(program)))
            caught += not all(close(value, case.values[name]) for name, value in found.items())
        except ep.EinpropError:
            caught += 1
    assert caught == len(some) == 12
