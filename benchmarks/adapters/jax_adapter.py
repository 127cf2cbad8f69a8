"""JAX's forms: value and gradient, or the Hessian, under jit."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import numpy as np

from benchmarks.adapters.hessians import blocks
from benchmarks.harness.workload import Form, Loss, Results, Sizes, Step, Tensors, Workload

__all__ = ["forms"]


def forms(workload: Workload, _: Sizes) -> Mapping[str, Form]:
    """By form a function from tensors to a step."""
    return {name: partial(_step, workload, loss) for name, loss in workload.jax.items()}


def _step(workload: Workload, loss: Loss, tensors: Tensors) -> Step:
    values = {name: jax.numpy.asarray(array) for name, array in tensors.items()}
    parameters = {name: values.pop(name) for name in workload.wrt}

    def scalar(given: dict[str, Any], data: dict[str, Any]) -> Any:
        return loss(jax, {**data, **given})

    derivative = jax.jit(jax.hessian(scalar) if workload.hessian else jax.value_and_grad(scalar))

    def run() -> Any:
        return jax.block_until_ready(derivative(parameters, values))

    def results() -> Results:
        if workload.hessian:
            return blocks(run(), np.asarray)
        value, gradients = run()
        return {"loss": np.asarray(value), **{n: np.asarray(g) for n, g in gradients.items()}}

    return Step(run, results)
