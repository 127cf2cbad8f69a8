"""einprop's forms: the program as its user writes it, derived and compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock

import einprop as ep
from benchmarks.adapters.peers import REUSED
from benchmarks.harness.workload import Equations, Form, Sizes, Step, Tensors, Workload
from einprop.backends.numpy import Plan
from einprop.execution.steps import Schedule

__all__ = ["forms", "recorded_sources", "steps"]

Call = Callable[[Mapping[str, Any]], Any]


def forms(workload: Workload, sizes: Sizes) -> Mapping[str, Form]:
    """By form a function from tensors to a step: as a user has it, and with results written again.

    Numpy by hand writes its results again too.
    """
    found: dict[str, Form] = {}
    for name, equations in workload.einprop(sizes).items():
        found[name] = partial(_step, equations, workload.wrt, False)
        found[f"{name}{REUSED}"] = partial(_step, equations, workload.wrt, True)
    return found


def _step(equations: Equations, wrt: tuple[str, ...], reuse: bool, tensors: Tensors) -> Step:
    program, call = _derived(equations, wrt, reuse)
    given = {name: tensors[name] for name in program.inputs}
    run = partial(call, given)
    return Step(run, lambda: _named(program, run()))


def _derived(equations: Equations, wrt: tuple[str, ...], reuse: bool) -> tuple[ep.Program, Call]:
    """A program of the inputs that the user's call takes, and the call."""
    program = ep.Program(equations.text)
    if equations.derive == "gradients":
        gradients = program.value_and_grad(wrt=wrt)
        return program, gradients.program.compile(reuse_results=True) if reuse else gradients
    if equations.derive == "hessian":
        program = program.hessian(wrt=wrt)
    return program, program.compile(reuse_results=True) if reuse else program


def _named(program: ep.Program, raw: Any) -> dict[str, Any]:
    if isinstance(raw, tuple):
        value, gradients = raw
        return {"loss": value, **gradients}
    values = raw if isinstance(raw, dict) else {program.outputs[0]: raw}
    return {_block(name): value for name, value in values.items()}


def _block(output: str) -> str:
    """``loss.hessian.U.V`` is the block ``U,V``, ``U.grad`` the gradient ``U``."""
    _, found, inputs = output.partition(".hessian.")
    return ",".join(inputs.split(".")) if found else output.removesuffix(".grad")


def steps(workload: Workload, dtype: str) -> dict[str, Step]:
    """All forms prepared at the sizes that are timed."""
    tensors = workload.example(dtype)
    return {name: form(tensors) for name, form in forms(workload, workload.sizes).items()}


@contextmanager
def recorded_sources() -> Iterator[list[str]]:
    """The texts of all plans that are made inside."""
    found: list[str] = []
    make = Plan.__init__

    def record(plan: Plan, schedule: Schedule) -> None:
        make(plan, schedule)
        found.append(plan.source)

    with mock.patch.object(Plan, "__init__", record):
        yield found
