"""What docs/comparison.md says of plans and backends, shown by count and by what is refused."""

from __future__ import annotations

from importlib import metadata
from itertools import pairwise
from pathlib import Path
from time import process_time

import numpy as np
import pytest

import einprop as ep
from tests.docs.fences import ROOT
from tests.docs.shown import shows

rng = np.random.default_rng(2)
X, W = rng.normal(size=(4, 3)), rng.normal(size=(3, 2))


def multiply_adds(program: ep.Program, **sizes: int) -> int:
    return program.explain(sizes).multiply_adds


@shows("Contraction orders are chosen", "yes")
def contraction_orders() -> None:
    program = ep.Program("y[a,d] = M[a,b] N[b,c] P[c,d]")
    assert multiply_adds(program, a=2, b=30, c=40, d=50) == 2 * 30 * 40 + 2 * 40 * 50
    assert multiply_adds(program, a=50, b=40, c=30, d=2) == 40 * 30 * 2 + 50 * 40 * 2


@shows("All gradients of a product for twice its multiply-adds", "yes")
def twice_the_product() -> None:
    letters = "abcdefghijklm"
    pairs = enumerate(pairwise(letters))
    factors = " ".join(f"M{n}[{left},{right}]" for n, (left, right) in pairs)
    chain = ep.Program(f"y[a,m] = {factors}")
    sizes = dict.fromkeys(letters, 10)
    forward = multiply_adds(chain, **sizes)
    assert forward == 11 * 10**3
    # The last product of the forward pass is read by no gradient.
    assert multiply_adds(chain.vjp(), **sizes) <= 3 * forward


@shows("Several products are planned together", "yes")
def planned_together() -> None:
    left, right = "A[a,b] X[d,c,a] E[e,b] Y[c,d,e]", "A[a,b] X[c,d,a] E[e,b] Y[c,d,e]"
    sizes = dict.fromkeys("abcde", 10)
    alone = multiply_adds(ep.Program(f"y = {left}"), **sizes)
    both = multiply_adds(ep.Program(f"y = {left}; z = {right}"), **sizes)
    assert both < 2 * alone
    # Equal parts of the two best orders would be the product of A and E alone.
    assert both < 2 * alone - 10**3


@shows("Costs are shown before anything runs", "yes")
def costs_are_shown() -> None:
    table = ep.Program("y[b,j] = relu(x[b,i] W[i,j])").vjp().explain(b=32, i=784, j=10)
    assert table.multiply_adds == 3 * 32 * 784 * 10
    assert "matmul" in str(table)


@shows("Source code to take away", "yes")
def source_code() -> None:
    gradient = ep.Program("y[b,j] = tanh(x[b,i] W[i,j])").vjp(wrt="W")
    script = gradient.source(b=4, i=3, j=2)
    assert "einprop" not in "\n".join(
        line for line in script.splitlines() if line.startswith(("import", "from"))
    )
    names: dict[str, object] = {}
    exec(script, names)  # noqa: S102  (what is printed is to be pasted and run)
    seed = rng.normal(size=(4, 2))
    found = names["run"](X, W, seed)
    np.testing.assert_allclose(found, X.T @ (seed * (1 - np.tanh(X @ W) ** 2)))


@shows("GPU", "no")
def no_gpu() -> None:
    with pytest.raises(ep.InputError, match="there is no backend 'cuda'"):
        ep.Program("y[i] = 2 x[i]").compile("cuda")


@shows("Several machines", "no")
def no_distribution() -> None:
    assert not any("distributed" in name or "parallel" in name for name in dir(ep))
    with pytest.raises(TypeError, match="devices"):
        ep.Program("y[i] = 2 x[i]").compile(devices=["a", "b"])


@shows("Control flow that depends on values", "no")
def no_control_flow() -> None:
    for text in ("while [x > 1]: x = x / 2", "if [x > 1]: y = x", "y = x if x > 1 else 0"):
        with pytest.raises(ep.EquationSyntaxError):
            ep.Program(text)
    chosen = ep.Program("y[i] = where([x[i] > 1], x[i] / 2, x[i])")
    assert chosen(x=[0.5, 4.0]).tolist() == [0.5, 2.0]


@shows("Complex numbers", "no")
def no_complex_numbers() -> None:
    with pytest.raises(ep.InputError, match="complex"):
        ep.Program("y[i] = 2 x[i]")(x=np.array([1j]))


@shows("Sparse arrays", "no")
def no_sparse_arrays() -> None:
    class Sparse:
        """As scipy's: no array, and nothing that turns it into one."""

        shape, data, indices = (2, 2), np.ones(1), np.zeros((1, 2))

    with pytest.raises(ep.InputError):
        ep.Program("y[i] = sum[j](x[i,j])")(x=Sparse())


@shows("Shapes that change from call to call", "partly")
def changing_shapes() -> None:
    program = ep.Program("y[b] = sum[i](x[b,i]^2)")
    for size in (1, 2, 5):
        x = rng.normal(size=(size, 3))
        np.testing.assert_allclose(program(x=x), (x**2).sum(axis=1))
    assert program.explain(b=1, i=3).steps != program.explain(b=2, i=3).steps


@shows("Layers, optimisers and a training loop", "yes")
def training() -> None:
    from einprop.layers import Affine, Tanh, losses  # noqa: PLC0415
    from einprop.training import SGD, fit  # noqa: PLC0415

    model = Affine(5) >> Tanh() >> Affine(2) >> losses.CrossEntropy()
    generator = np.random.default_rng(0)
    x = generator.normal(size=(64, 3))
    data = {"x": x, "t": np.eye(2)[(x[:, 0] > 0).astype(int)]}
    parameters = model.init(generator, x=x)
    history = fit(
        model, parameters, data, SGD(0.5), epochs=5, batch_size=16, rng=generator, verbose=False
    )
    assert history.last.loss < 0.5


@shows("Pretrained models", "no")
def no_pretrained_models() -> None:
    rooms = {name for room in (ep, ep.layers, ep.data) for name in dir(room)}
    assert not {name for name in rooms if "pretrained" in name.lower() or "hub" in name.lower()}
    assert not list((ROOT / "einprop").rglob("*.safetensors"))


@shows("Installs in under 100 MB", "yes")
def small_installation() -> None:
    own = sum(path.stat().st_size for path in (ROOT / "einprop").rglob("*") if path.is_file())
    needed = 0
    for name in ("numpy", "opt_einsum"):
        files = metadata.files(name) or []
        needed += sum(
            Path(file.locate()).stat().st_size for file in files if file.locate().exists()
        )
    assert needed > 10e6
    assert own + needed < 100e6


@shows("First gradient in under a second", "yes")
def quick_first_gradient() -> None:
    program = ep.Program("""
        h[b,j] = relu(x[b,i] W0[i,j] + B0[j])
        s[b,k] = h[b,j] W1[j,k] + B1[k]
        loss = -mean[b](sum[k](t[b,k] log_softmax[k](s[b,k])))
    """)
    shapes = {"x": (8, 7), "W0": (7, 6), "B0": (6,), "W1": (6, 5), "B1": (5,), "t": (8, 5)}
    tensors = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    started = process_time()
    program.value_and_grad(wrt="W0 B0 W1 B1")(tensors)
    assert process_time() - started < 1


@shows("An interface declared stable", "no")
def no_stable_interface() -> None:
    assert ep.__version__.startswith("0.")
