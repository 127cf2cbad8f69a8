"""Optimisers and clipping against PyTorch: ten steps in float64 on a problem of several parameters."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from einprop import Program
from einprop.training import (
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    ClipNorm,
    ClipValue,
    Optimizer,
    RMSProp,
    Step,
)

torch = pytest.importorskip("torch", reason="PyTorch is the oracle of optimisers")

STEPS = 10
PROGRAM = Program(
    """
    h[b,j] = tanh(x[b,i] W[i,j] + B[j])
    loss = mean[b]((sum[j](h[b,j] V[j]) + c - t[b])^2)
    """,
    params="W B V c",
)
CASES: list[tuple[Optimizer, str, dict[str, Any]]] = [
    (SGD(0.1), "SGD", {"lr": 0.1}),
    (SGD(0.1, momentum=0.9), "SGD", {"lr": 0.1, "momentum": 0.9}),
    (
        SGD(0.1, momentum=0.9, nesterov=True),
        "SGD",
        {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    ),
    (SGD(0.1, weight_decay=0.05), "SGD", {"lr": 0.1, "weight_decay": 0.05}),
    (
        SGD(0.1, momentum=0.8, nesterov=True, weight_decay=0.05),
        "SGD",
        {"lr": 0.1, "momentum": 0.8, "nesterov": True, "weight_decay": 0.05},
    ),
    (Adam(), "Adam", {}),
    (
        Adam(0.1, beta1=0.8, beta2=0.9, epsilon=1e-3),
        "Adam",
        {"lr": 0.1, "betas": (0.8, 0.9), "eps": 1e-3},
    ),
    (Adam(0.1, weight_decay=0.2), "Adam", {"lr": 0.1, "weight_decay": 0.2}),
    (AdamW(), "AdamW", {}),
    (AdamW(0.1, weight_decay=0.2), "AdamW", {"lr": 0.1, "weight_decay": 0.2}),
    (AdamW(0.1, weight_decay=0.0), "AdamW", {"lr": 0.1, "weight_decay": 0.0}),
    (RMSProp(), "RMSprop", {}),
    (RMSProp(0.02, decay=0.9, epsilon=1e-4), "RMSprop", {"lr": 0.02, "alpha": 0.9, "eps": 1e-4}),
    (
        RMSProp(0.02, momentum=0.9, centred=True, weight_decay=0.1),
        "RMSprop",
        {"lr": 0.02, "momentum": 0.9, "centered": True, "weight_decay": 0.1},
    ),
    (RMSProp(0.02, centred=True), "RMSprop", {"lr": 0.02, "centered": True}),
    (AdaGrad(), "Adagrad", {}),
    (
        AdaGrad(0.1, learning_rate_decay=0.3, initial=0.2, weight_decay=0.1, epsilon=1e-6),
        "Adagrad",
        {
            "lr": 0.1,
            "lr_decay": 0.3,
            "initial_accumulator_value": 0.2,
            "weight_decay": 0.1,
            "eps": 1e-6,
        },
    ),
]


def problem(rng: np.random.Generator) -> tuple[dict[str, Any], dict[str, Any]]:
    parameters = {
        "W": rng.normal(size=(4, 5)),
        "B": rng.normal(size=5),
        "V": rng.normal(size=5),
        "c": np.array(rng.normal()),
    }
    return parameters, {"x": rng.normal(size=(8, 4)), "t": rng.normal(size=8)}


def trained_by_torch(
    parameters: dict[str, Any],
    batch: dict[str, Any],
    make: Callable[[list[Any]], Any],
    clip: Callable[[list[Any]], Any] = lambda _: None,
) -> dict[str, Any]:
    held = {name: torch.tensor(array, requires_grad=True) for name, array in parameters.items()}
    x, t = torch.tensor(batch["x"]), torch.tensor(batch["t"])
    optimizer = make(list(held.values()))
    for _ in range(STEPS):
        optimizer.zero_grad()
        hidden = torch.tanh(x @ held["W"] + held["B"])
        ((hidden @ held["V"] + held["c"] - t) ** 2).mean().backward()
        clip(list(held.values()))
        optimizer.step()
    return {name: tensor.detach().numpy() for name, tensor in held.items()}


@pytest.mark.parametrize(("optimizer", "name", "options"), CASES, ids=[repr(c[0]) for c in CASES])
def test_ten_steps(
    rng: np.random.Generator, optimizer: Optimizer, name: str, options: dict[str, Any]
) -> None:
    parameters, batch = problem(rng)
    expected = trained_by_torch(
        parameters, batch, lambda held: getattr(torch.optim, name)(held, **options)
    )
    alone = {name: array.copy() for name, array in parameters.items()}
    step, gradient = Step(PROGRAM, optimizer), PROGRAM.value_and_grad()
    state, other = step.start(parameters), optimizer.start(alone)
    for _ in range(STEPS):
        step(parameters, state, batch)
        optimizer.step(alone, gradient({**alone, **batch})[1], other)
    for key, array in expected.items():
        np.testing.assert_allclose(parameters[key], array, rtol=1e-10, atol=1e-10, err_msg=key)
        np.testing.assert_allclose(alone[key], array, rtol=1e-10, atol=1e-10, err_msg=key)


@pytest.mark.parametrize("limit", [0.03, 0.3, 100.0])
@pytest.mark.parametrize("kind", ["value", "norm"])
def test_clipping(rng: np.random.Generator, kind: str, limit: float) -> None:
    parameters, batch = problem(rng)
    clip = {
        "value": lambda held: torch.nn.utils.clip_grad_value_(held, limit),
        "norm": lambda held: torch.nn.utils.clip_grad_norm_(held, limit),
    }[kind]
    expected = trained_by_torch(
        parameters, batch, lambda held: torch.optim.SGD(held, lr=0.1, momentum=0.9), clip
    )
    own = ClipValue(limit) if kind == "value" else ClipNorm(limit)
    step = Step(PROGRAM, SGD(0.1, momentum=0.9), clip=own)
    state = step.start(parameters)
    for _ in range(STEPS):
        step(parameters, state, batch)
    for key, array in expected.items():
        np.testing.assert_allclose(parameters[key], array, rtol=1e-10, atol=1e-10, err_msg=key)
