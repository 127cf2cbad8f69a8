"""PyTorch's forms, as they stand: eager."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch

from benchmarks.adapters.hessians import blocks
from benchmarks.harness.workload import (
    Form,
    Loss,
    Results,
    Sizes,
    Step,
    Tensors,
    TorchForm,
    Workload,
    threads,
)

__all__ = ["forms", "forms_by"]

Compile = Callable[[Callable[..., Any]], Callable[..., Any]]

torch.set_num_threads(threads())


def forms(workload: Workload, _: Sizes) -> Mapping[str, Form]:
    """By form a function from tensors to a step."""
    return forms_by(workload, lambda function: function)


def forms_by(workload: Workload, compiled: Compile) -> Mapping[str, Form]:
    """The forms with their function compiled by something."""
    return {
        name: partial(_step, workload, _as_form(found), compiled)
        for name, found in workload.torch.items()
    }


def _as_form(found: Loss | TorchForm) -> TorchForm:
    return found if isinstance(found, TorchForm) else TorchForm(found)


def _step(workload: Workload, form: TorchForm, compiled: Compile, tensors: Tensors) -> Step:
    values: dict[str, Any] = {name: torch.from_numpy(array) for name, array in tensors.items()}
    if form.convert is not None:
        values = form.convert(torch, values)
    if workload.hessian:
        return _second_derivatives(workload, form, compiled, values)
    parameters = [values[name].requires_grad_() for name in workload.wrt]
    # Compiled, the loss takes tensors and returns one; backward follows from it.
    loss = compiled(partial(form.loss, torch))

    def run() -> tuple[Any, tuple[Any, ...]]:
        value = loss(values)
        return value, torch.autograd.grad(value, parameters)

    def results() -> Results:
        value, gradients = run()
        arrays = {n: g.numpy() for n, g in zip(workload.wrt, gradients, strict=True)}
        return {"loss": value.item(), **form.back(arrays)}

    return Step(run, results)


def _second_derivatives(
    workload: Workload, form: TorchForm, compiled: Compile, values: dict[str, Any]
) -> Step:
    parameters = {name: values.pop(name) for name in workload.wrt}

    def loss(given: dict[str, Any]) -> Any:
        return form.loss(torch, {**values, **given})

    hessian = compiled(torch.func.hessian(loss))
    return Step(
        partial(hessian, parameters),
        lambda: blocks(hessian(parameters), lambda tensor: tensor.detach().numpy()),
    )
