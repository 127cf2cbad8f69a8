"""The prelude's definitions against PyTorch's functions of the same meaning, values and gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import einprop as ep

torch = pytest.importorskip("torch")

X = np.array([[0.5, -1.25, 2.0, 0.75], [1.5, 0.25, -3.5, 2.5], [-0.4, 7.5, 0.3, -0.6]])
P = np.array([[0.1, 0.45, 0.8], [0.5, 0.99, 0.02]])

F = torch.nn.functional

# line, input, the same in PyTorch
LINES: dict[str, tuple[np.ndarray, Callable[..., object]]] = {
    "y[b] = var[i](x[b,i])": (X, lambda x: torch.var(x, 1, unbiased=False)),
    "y[b] = std[i](x[b,i])": (X, lambda x: torch.std(x, 1, unbiased=False)),
    "y[b] = norm[i](x[b,i])": (X, lambda x: torch.linalg.vector_norm(x, dim=1)),
    "y[b] = norm1[i](x[b,i])": (X, lambda x: torch.linalg.vector_norm(x, 1, dim=1)),
    "y[b] = norminf[i](x[b,i])": (X, lambda x: torch.linalg.vector_norm(x, torch.inf, dim=1)),
    "y = norm[b,i](x[b,i])": (X, torch.linalg.matrix_norm),
    "y[b] = logsumexp[i](x[b,i])": (X, lambda x: torch.logsumexp(x, 1)),
    "y[b,i] = softmax[i](x[b,i])": (X, lambda x: torch.softmax(x, 1)),
    "y[b,i] = log_softmax[i](x[b,i])": (X, lambda x: torch.log_softmax(x, 1)),
    "y[b,i] = cumsum[i](x[b,i])": (X, lambda x: torch.cumsum(x, 1)),
    "y[b,i] = cumprod[b](x[b,i])": (X, lambda x: torch.cumprod(x, 0)),
    "y[b,i] = cummax[i](x[b,i])": (X, lambda x: torch.cummax(x, 1).values),
    "y[b,i] = cummin[i](x[b,i])": (X, lambda x: torch.cummin(x, 1).values),
    "y[b,i] = silu(x[b,i])": (X, F.silu),
    "y[b,i] = gelu(x[b,i])": (X, F.gelu),
    "y[b,i] = gelu_tanh(x[b,i])": (X, lambda x: F.gelu(x, approximate="tanh")),
    "y[b,i] = mish(x[b,i])": (X, F.mish),
    "y[b,i] = selu(x[b,i])": (X, F.selu),
    "y[b,i] = celu(x[b,i], 1.5)": (X, lambda x: F.celu(x, 1.5)),
    "y[b,i] = relu6(x[b,i])": (X, F.relu6),
    "y[b,i] = hardtanh(x[b,i])": (X, F.hardtanh),
    "y[b,i] = hardsigmoid(x[b,i])": (X, lambda x: F.relu6(x + 3) / 6),
    "y[b,i] = hardswish(x[b,i])": (X, F.hardswish),
    "y[b,i] = log_sigmoid(x[b,i])": (X, F.logsigmoid),
    "y[b,i] = softsign(x[b,i])": (X, F.softsign),
    "y[b,i] = softshrink(x[b,i], 0.45)": (X, lambda x: F.softshrink(x, 0.45)),
    "y[b,i] = huber(x[b,i], 0.9)": (
        X,
        lambda x: F.huber_loss(x, torch.zeros_like(x), delta=0.9, reduction="none"),
    ),
    "y[b,i] = logaddexp(x[b,i], 0.6)": (
        X,
        lambda x: torch.logaddexp(x, torch.full_like(x, 0.6)),
    ),
    "y[b,i] = logit(x[b,i])": (P, torch.logit),
    "y[b,i] = sinh(x[b,i])": (X, torch.sinh),
    "y[b,i] = cosh(x[b,i])": (X, torch.cosh),
    "y[b] = argmax[i](x[b,i])": (X, lambda x: torch.argmax(x, 1).to(x.dtype)),
    "y[i] = argmin[b](x[b,i])": (X, lambda x: torch.argmin(x, 0).to(x.dtype)),
}


@pytest.mark.parametrize("line", LINES)
def test_values_and_gradients(line: str, rng: np.random.Generator) -> None:
    x, function = LINES[line]
    program = ep.Program(line)
    theirs = torch.tensor(x, requires_grad=True)
    value = function(theirs)
    np.testing.assert_allclose(program(x=x), value.detach().numpy(), rtol=1e-12)
    if "arg" in line:
        return
    cotangent = rng.standard_normal(value.shape)
    value.backward(torch.tensor(cotangent))
    ours = program.vjp()({"x": x, "y.grad": cotangent})
    np.testing.assert_allclose(ours, theirs.grad.numpy(), rtol=1e-11, atol=1e-13)
