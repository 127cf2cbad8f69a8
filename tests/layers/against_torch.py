"""A network beside the same mathematics in PyTorch: values, and gradients of inputs and parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from einprop.layers import Network

__all__ = ["assert_agrees"]

Array = NDArray[Any]


def assert_agrees(
    network: Network,
    data: Mapping[str, Array],
    reference: Callable[[SimpleNamespace], Any],
    *,
    tolerance: float = 1e-10,
) -> None:
    """Compare a network in float64 with a function of torch tensors, at random parameters.

    Args:
        network: Its parameters are drawn from a normal distribution, biases too.
        data: Its inputs; integers have no gradient.
        reference: From a namespace of data and parameters as torch tensors to the output.
        tolerance: Of every entry, absolute and relative to it.
    """
    torch = pytest.importorskip("torch", reason="torch is the oracle")
    rng = np.random.default_rng(11)
    shapes = {name: np.shape(array) for name, array in data.items()}
    drawn = network.init(np.random.default_rng(0), **shapes)
    parameters = {name: rng.normal(size=array.shape) for name, array in drawn.items()}
    tensors = {**data, **parameters}
    leaves = {name: torch.tensor(np.asarray(array)) for name, array in tensors.items()}
    real = [name for name, leaf in leaves.items() if leaf.is_floating_point()]
    for name in real:
        leaves[name].requires_grad_()
    expected = reference(SimpleNamespace(**leaves))
    (output,) = network.program.outputs
    value = network.program(tensors)
    assert np.shape(value) == tuple(expected.shape)
    np.testing.assert_allclose(value, expected.detach(), rtol=tolerance, atol=tolerance)
    seed = rng.normal(size=np.shape(value))
    expected.backward(torch.tensor(seed))
    gradients = network.program.vjp(of=output, wrt=real)
    # A recurrence reads its own output, whose cotangent from outside is then called the seed.
    seeds = {
        name: seed for name in gradients.inputs if name in (f"{output}.grad", f"{output}.seed")
    }
    found = gradients({name: (tensors | seeds)[name] for name in gradients.inputs})
    by_name = found if isinstance(found, dict) else {f"{real[0]}.grad": found}
    for name in real:
        gradient = by_name[f"{name}.grad"]
        np.testing.assert_allclose(
            gradient, leaves[name].grad, rtol=tolerance, atol=tolerance, err_msg=name
        )
