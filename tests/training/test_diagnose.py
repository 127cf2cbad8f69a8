from __future__ import annotations

import re
from dataclasses import replace
from html import escape

import numpy as np
import pytest

import einprop as ep
from einprop import Program
from einprop.errors import InputError
from einprop.layers import Affine, Embedding, ReLU, Sigmoid, Tanh, losses
from einprop.layers.model import Model
from einprop.layers.noise import bernoulli
from einprop.training import SGD, Step, diagnose


def small(std: float) -> type[Affine]:
    """An affine layer whose weights start from N(0, std^2)."""
    return type("Small", (Affine,), {"params": {"W": ep.init.normal(std), "B": ep.init.zeros}})


def network(units: list[int], layer: type[Affine], between: type = ReLU):
    chain = layer(10)
    for size in reversed(units):
        chain = layer(size) >> between() >> chain
    return chain >> losses.CrossEntropy()


@pytest.fixture
def data(rng):
    """As raw pixels less their mean, and one-hot labels."""
    labels = rng.integers(10, size=50)
    x = (60 * rng.normal(size=(10, 300)))[labels] + 20 * rng.normal(size=(50, 300))
    return {"x": x, "t": ep.data.one_hot(labels, 10, np.float64)}


def test_norms_are_those_of_the_gradients(data, rng):
    model = network([20, 15], Affine)
    parameters = model.init(rng, x=data["x"])
    found = {signal.name: signal for signal in diagnose(model, parameters, data).signals}
    assert list(found) == ["h1", "W1", "B1", "h2", "W2", "B2", "y", "W3", "B3", "loss"]
    loss, gradients = model.program.value_and_grad()(parameters, **data)
    for name, gradient in gradients.items():
        assert found[name].is_parameter
        np.testing.assert_allclose(found[name].gradient, np.linalg.norm(gradient))
        np.testing.assert_allclose(found[name].norm, np.linalg.norm(parameters[name]))
        assert np.isnan(found[name].spread)
    h1 = np.maximum(data["x"] @ parameters["W1"] + parameters["B1"], 0)
    np.testing.assert_allclose(found["h1"].norm, np.linalg.norm(h1))
    np.testing.assert_allclose(
        found["h1"].spread, np.linalg.norm(h1 - h1.mean(axis=0)) / np.linalg.norm(h1)
    )
    y = model.predictor(parameters, x=data["x"])
    p = np.exp(y - y.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found["y"].gradient, np.linalg.norm((p - data["t"]) / 50))
    np.testing.assert_allclose(found["loss"].norm, loss)


def test_zeros_are_counted(data, rng):
    model = network([20], Affine)
    parameters = model.init(rng, x=data["x"])
    parameters["B1"][:5] = -1e6
    found = {signal.name: signal for signal in diagnose(model, parameters, data).signals}
    assert found["W1"].zeros == found["B1"].zeros == 0.25
    assert found["h1"].zeros == 0.0


@pytest.mark.parametrize(
    ("between", "units"),
    [(kind, units) for kind in (ReLU, Tanh, Sigmoid) for units in ([], [100], [100, 100])]
    + [(ReLU, [20] * 8), (Tanh, [20] * 8)],
)
def test_healthy_networks_have_no_findings(units, between, data, rng):
    model = network(units, Affine, between)
    scaled = data | {"x": data["x"] / 60}
    diagnosis = diagnose(model, model.init(rng, x=data["x"]), scaled)
    assert diagnosis.findings == diagnosis.layers == ()
    assert str(diagnosis).endswith("\nno gradient dies")


def test_the_practicals_networks(data, rng):
    """With one hidden layer it learns; with two the gradient dies on its way through the second."""
    for units, dead in (([100], False), ([100, 100], True)):
        model = network(units, small(1e-4))
        parameters = model.init(rng, x=data["x"])
        (*_, equation, _) = str(model.program).splitlines()[:-1]
        diagnosis = diagnose(model, parameters, data)
        assert bool(diagnosis.findings) == dead
        if dead:
            assert diagnosis.layers == (equation,)
            (finding,) = diagnosis.findings
            assert finding.startswith("dead gradient: h1.grad has ")
            assert finding.endswith(
                "e-07 of the norm of y.grad; it dies in "
                "layer 2: h2[b,k] = relu(h1[b,j] W2[j,k] + B2[k])"
            )
        step = Step(model, SGD(2e-3))
        state = step.start(parameters)
        *_, last = (step(parameters, state, data) for _ in range(60))
        assert (last > 2.2) == dead


def test_many_sigmoids_forget_the_example(data, rng):
    model = network([20] * 8, Affine, Sigmoid)
    scaled = data | {"x": data["x"] / 60}
    diagnosis = diagnose(model, model.init(rng, x=data["x"]), scaled)
    assert diagnosis.findings[-1].startswith("dead signal: h7 is the same for all examples")


def test_a_network_that_says_the_same_for_all(data, rng):
    model = network([20], Affine)
    parameters = model.init(rng, x=data["x"])
    parameters["W1"] *= 1e-9
    parameters["B1"][:] = 1.0
    diagnosis = diagnose(model, parameters, data)
    layer = "layer 0: h1[b,j] = relu(x[b,i] W1[i,j] + B1[j])"
    assert diagnosis.findings == (f"dead signal: h1 is the same for all examples, from {layer} on",)


def test_a_layer_that_nothing_passes(data, rng):
    model = network([20, 20], Affine)
    parameters = model.init(rng, x=data["x"])
    parameters["B2"][:] = -1e9
    diagnosis = diagnose(model, parameters, data)
    second = "h2[b,k] = relu(h1[b,j] W2[j,k] + B2[k])"
    assert f"dead gradient: all of B2.grad is 0, in layer 2: {second}" in diagnosis.findings
    assert diagnosis.layers[:2] == ("h1[b,j] = relu(x[b,i] W1[i,j] + B1[j])", second)


def test_programs_without_layers(rng):
    """Other names, a state that is carried on, tensors that no example has, axes in another order."""
    program = Program(
        """
        mu[i] = mean[b](x[b,i])
        a[b,j] = tanh((x[b,i] - mu[i]) U[i,j])
        c[b,j] = 1e-9 a[b,j]
        s = sum[b,j](c[b,j]^2 v[j])
        next_m[i] = 0.9 m[i] + 0.1 mu[i]
        """,
        params="U v",
        outputs="s next_m",
    )
    model = Model(program, program, state={"m": "next_m"})
    tensors = {"U": rng.normal(size=(4, 3)), "v": np.ones(3), "m": np.zeros(4)}
    diagnosis = diagnose(model, tensors, {"x": rng.normal(size=(6, 4))})
    assert [s.name for s in diagnosis.signals] == ["a", "U", "c", "s", "v"]
    assert diagnosis.layers == ("c[b,j] = 1e-09 a[b,j]",)


def test_sequences(rng):
    model = Embedding(5, 3) >> Affine(5) >> losses.CrossEntropy(integers=True)
    data = {"x": rng.integers(5, size=(4, 6)), "t": rng.integers(5, size=(4, 6))}
    parameters = model.init(rng, x=data["x"])
    diagnosis = diagnose(model, parameters, data)
    assert [s.name for s in diagnosis.signals] == ["h1", "E1", "y", "W2", "B2", "loss"]
    assert not diagnosis.findings
    parameters["W2"][:] = 0
    assert diagnose(model, parameters, data).layers == (
        "h1[b,u,i] = E1[x[b,u],i]",
        "y[b,u,j] = h1[b,u,i] W2[i,j] + B2[j]",
    )


def test_noise_is_drawn():
    program = Program("loss = mean[b](sum[i](x[b,i] w[i] keep[b,i]))", params="w")
    model = Model(program, program, noise={"keep": bernoulli(0.0)})
    arrays = {"w": np.ones(2)}, {"x": np.ones((3, 2))}
    diagnosis = diagnose(model, *arrays, np.random.default_rng(0))
    assert len(diagnosis.findings) == 1
    with pytest.raises(InputError) as error:
        diagnose(model, *arrays)
    assert str(error.value) == (
        "the model draws keep, and there is no generator\npass rng=numpy.random.default_rng(0)"
    )


def test_refuses():
    with pytest.raises(InputError) as error:
        diagnose(Program("y[b] = x[b] w", params="w"), {"w": np.ones(())}, {"x": np.ones(3)})
    assert str(error.value) == (
        "the model has the outputs y; training needs one scalar loss\n"
        "end the network with a loss, or name the loss in outputs="
    )
    with pytest.raises(InputError, match="x"):
        diagnose(Program("y = sum[b](x[b] w)", params="w"), {"w": np.ones(())}, {})


def test_html_holds_the_table_and_the_findings() -> None:
    text = "h[b,j] = relu(x[b,i] V[i,j] [i < 9]); y[b,k] = h[b,j] W[j,k]"
    program = Program(f"{text}; loss = mean[b](sum[k]((y[b,k] - t[b,k])^2))", params="V W")
    arrays = {"V": -np.ones((3, 4)), "W": np.ones((4, 1))}
    found = diagnose(program, arrays, {"x": np.ones((5, 3)), "t": np.ones((5, 1))})
    html = found._repr_html_()
    for line in found.findings:
        assert f"<li>{escape(line)}</li>" in html
    assert "[i < 9]" not in html
    cells = re.findall(r"<b>( *\w+)</b></td>", html)
    assert [c.strip() for c in cells if c.strip().isalpha()] == [
        s.name for s in found.signals if s.layer in found.layers
    ]
    healthy = replace(found, findings=(), layers=())._repr_html_()
    assert "<li>no gradient dies</li>" in healthy
    assert "<b>" not in healthy
