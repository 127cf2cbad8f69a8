"""HIPS autograd's forms: a tape of numpy calls, at each step anew."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import autograd  # type: ignore[import-untyped]
import autograd.numpy as np  # type: ignore[import-untyped]

from benchmarks.adapters.hessians import Flat
from benchmarks.harness.workload import Form, Loss, Results, Sizes, Step, Tensors, Workload

__all__ = ["forms"]


def forms(workload: Workload, _: Sizes) -> Mapping[str, Form]:
    """By form a function from tensors to a step."""
    return {name: partial(_step, workload, loss) for name, loss in workload.autograd.items()}


def _step(workload: Workload, loss: Loss, tensors: Tensors) -> Step:
    parameters = {name: tensors[name] for name in workload.wrt}
    data = {name: array for name, array in tensors.items() if name not in parameters}
    if workload.hessian:
        return _second_derivatives(loss, parameters, data)
    gradients = autograd.value_and_grad(lambda given: loss(np, {**data, **given}))

    def results() -> Results:
        value, found = gradients(parameters)
        return {"loss": value, **found}

    return Step(partial(gradients, parameters), results)


def _second_derivatives(loss: Loss, parameters: dict[str, Any], data: dict[str, Any]) -> Step:
    """Of one vector of all parameters: the library's Hessian takes one array."""
    flat = Flat({name: array.shape for name, array in parameters.items()})
    vector = np.concatenate([array.ravel() for array in parameters.values()])

    def scalar(given: Any) -> Any:
        return loss(np, {**data, **flat.split(given)})

    hessian = autograd.hessian(scalar)
    return Step(partial(hessian, vector), lambda: flat.blocks(hessian(vector)))
