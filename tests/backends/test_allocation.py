"""What a call takes from the system once its buffers are there: memory for its results, nothing else."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from einprop import Program
from einprop.training import SGD, Step

NETWORK = (
    "h[b,j] = tanh(x[b,i] W[i,j] + B[j])\n"
    "loss = -mean[b](sum[k](t[b,k] log_softmax[k](h[b,j] V[j,k])))"
)
TEXTS = {
    "network": (NETWORK, {"x": "bi", "W": "ij", "B": "j", "V": "jk", "t": "bk"}),
    "attention": (
        """
        q[b,s,h,d] = x[b,s,m] Q[m,h,d]
        k[b,s,h,d] = x[b,s,m] K[m,h,d]
        v[b,s,h,d] = x[b,s,m] V[m,h,d]
        a[b,h,s,t] = softmax[t](q[b,s,h,d] k[b,t,h,d])
        loss = sum[b,s,h,d]((a[b,h,s,t] v[b,t,h,d])^2)
        """,
        {"x": "bsm", "Q": "mhd", "K": "mhd", "V": "mhd"},
    ),
    "convolution": (
        """
        c[b,f,i,j] = relu(x[b,m,pad(i+p-1),pad(j+q-1)] K[f,m,p,q]) where x[b,m,i,j]
        y[b,f,u,v] = max[y,z](c[b,f,2*u+y,2*v+z]) where y in 0:2, z in 0:2
        loss = mean[b,f,u,v](y[b,f,u,v]^2)
        """,
        {"x": "bmst", "K": "fmpq"},
    ),
    "recurrence": (
        """
        h[b,-1,j] = 0
        h[b,s,j] = tanh(x[b,s,m] W[m,j] + h[b,s-1,k] U[k,j])
        loss = sum[b,j](h[b,end,j]^2)
        """,
        {"x": "bsm", "W": "mj", "U": "jj"},
    ),
    "tensor network": (
        "y[b,o] = A[b,m,c] B[m,n,d] C[n,c,o] D[d,o]; loss = sum[b,o](y[b,o]^2)",
        {"A": "bmc", "B": "mnd", "C": "nco", "D": "do"},
    ),
}
SIZES = dict(
    zip("bijksthdmfpqcno", (256, 512, 256, 10, 16, 16, 4, 8, 16, 8, 3, 3, 8, 32, 32), strict=True)
)
SLACK = 160_000
"""Python's objects, and what numpy itself needs to read booleans as numbers."""


def taken(call: Callable[[], object]) -> int:
    """The most bytes that a call holds at once beyond what was there before."""
    for _ in range(2):
        call()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", list(TEXTS))
def test_a_call_takes_memory_for_its_results_alone(
    name: str, dtype: type, rng: np.random.Generator
) -> None:
    text, letters = TEXTS[name]
    tensors = {
        n: np.asarray(rng.normal(size=[SIZES[i] for i in axes]), dtype)
        for n, axes in letters.items()
    }
    program = Program(text).value_and_grad(of="loss", wrt=list(tensors)[1:]).program
    results = program(tensors)
    size = sum(np.asarray(result).nbytes for result in results.values())
    assert taken(lambda: program(tensors)) < size + SLACK


@pytest.mark.parametrize("name", list(TEXTS))
def test_a_call_that_may_write_its_results_again_takes_none(
    name: str, rng: np.random.Generator
) -> None:
    text, letters = TEXTS[name]
    tensors = {n: rng.normal(size=[SIZES[i] for i in axes]) for n, axes in letters.items()}
    gradients = Program(text).value_and_grad(of="loss", wrt=list(tensors)[1:]).program
    reusing = gradients.compile(reuse_results=True)
    assert taken(lambda: reusing(tensors)) < SLACK
    first, again = reusing(tensors), reusing(tensors)
    for output, array in gradients(tensors).items():
        assert np.array_equal(again[output], array)
        assert np.ndim(array) == 0 or again[output] is first[output]


def test_a_step_of_training_takes_none(rng: np.random.Generator) -> None:
    step = Step(Program(NETWORK, params="W B V"), SGD(0.1))
    _, letters = TEXTS["network"]
    tensors = {n: rng.normal(size=[SIZES[i] for i in axes]) for n, axes in letters.items()}
    batch = {name: tensors.pop(name) for name in ("x", "t")}
    state = step.start(tensors)
    assert min(batch["x"].nbytes, tensors["W"].nbytes) > 2 * SLACK
    assert taken(lambda: step(tensors, state, batch)) < SLACK
