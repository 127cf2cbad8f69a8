"""A graph of components as one program: names, letters, and what cannot be one."""

from __future__ import annotations

import numpy as np
import pytest

import einprop as ep
from einprop import Program, layers
from einprop.components import (
    SGD,
    Apply,
    Component,
    Formula,
    Input,
    Package,
    Parameter,
    Relu,
)
from einprop.errors import DerivativeError, InputError, ShapeError


def test_graphs_know_nothing_of_each_other() -> None:
    shared = Input(np.ones(2), "x")
    a, b = Formula("2 x", x=shared), Formula("3 x", x=shared)
    assert a.forward().tolist() == [2, 2]
    assert b.value is None
    assert not hasattr(ep.components, "CompNodes")


def test_names_come_from_the_readers_and_are_numbered_where_several_have_one() -> None:
    x, w = Input(np.ones((2, 3)), "x"), Parameter(np.ones(3), "w")
    score = Formula("y[b] = x[b,i] w[i]", x=x, w=w)
    gate = Formula("y[b] = x[b,i] w[i]", x=x, w=Parameter(np.ones(3)))
    loss = Formula("loss = mean[b](a[b] c[b])", a=score, c=gate + 1)
    assert loss.program == Program(
        """
        param w[i], w1[i]
        h1[b] = x[b,i] w[i]
        h2[b] = x[b,i] w1[i]
        h3[b] = h2[b] + 1
        loss = mean[b](h1[b] h3[b])
        """
    )


def test_letters_follow_the_flow() -> None:
    image = Input(np.ones((2, 3, 3)), "x")
    turned = Formula("y[n,p,q] = a[n,q,p]", a=image)
    text = str(Formula("y[b] = a[b,i,j] a[b,i,j]", a=Formula("tanh(x)", x=turned)).program)
    assert text.splitlines() == [
        "h1[n,p,q] = x[n,q,p]",
        "h2[n,p,q] = tanh(h1[n,p,q])",
        "y[n] = h2[n,p,q] h2[n,p,q]",
    ]


def test_inner_tensors_and_sizes_of_layers_keep_apart(rng) -> None:
    network = layers.Affine(3) >> layers.Tanh() >> layers.Affine(3)
    x = Input(rng.normal(size=(2, 3)), "x")
    packages = [Package.of(network, rng, x=(2, 3)) for _ in range(2)]
    y = Apply(network, Apply(network, x, packages[0]), packages[1])
    expected = x.value
    for package in packages:
        expected = network({name: p.value for name, p in package.items()}, x=expected)
    np.testing.assert_allclose(y.forward(), expected)
    assert "feature1 < 3" in str(y.program)


def test_a_new_number_of_axes_is_a_new_program() -> None:
    x = Input(2.0, "x")
    y = x * x
    assert y.forward() == 4
    x.value = np.array([1.0, 3.0])
    assert y.forward().tolist() == [1, 9]


def test_layers_take_the_axes_that_come(rng) -> None:
    x = Input(rng.normal(size=(2, 5, 4, 4, 1)), "x")
    dense = layers.Affine(3)
    y = Apply(dense, x, Package.of(dense, rng, x=(1, 1)))
    assert y.forward().shape == (2, 5, 4, 4, 3)
    flat = Apply(layers.Flatten(), Input(rng.normal(size=(2, 4, 4, 1)), "x"))
    top = Apply(dense, Formula("tanh(x)", x=flat), Package.of(dense, rng, x=(2, 16)))
    loss = Formula("mean[b](sum[j](a[b,j]^2))", a=top)
    loss.forward()
    loss.backward()
    weight = top.operands["W"]
    np.testing.assert_allclose(weight.grad, np.tanh(flat.value).T @ top.value, rtol=1e-12)
    assert flat.grad is None  # No parameter lies below it.
    assert top.grad.shape == (2, 3)


def test_layers_with_windows_and_state(rng) -> None:
    x = Input(rng.normal(size=(3, 6, 6, 2)), "x")
    convolution = layers.Conv2d(4, kernel=3)
    package = Package.of(convolution, rng, x=x.value)
    mean, variance = Input(np.zeros(4)), Input(np.ones(4))
    norm = layers.BatchNorm()
    scale = Package.of(norm, rng, x=(3, 4, 4, 4))
    inner = Apply(convolution, x, package)
    y = Apply(norm, inner, scale, running_mean=mean, running_variance=variance)
    pooled = Apply(layers.MaxPool2d(2), Apply(layers.ReLU(), y))
    assert pooled.forward().shape == (3, 2, 2, 4)
    np.testing.assert_allclose(y.value.mean(axis=(0, 1, 2)), 0, atol=1e-12)
    pooled.backward(np.ones((3, 2, 2, 4)))
    assert package["K"].grad.shape == package["K"].value.shape


def test_a_deep_graph() -> None:
    w = Parameter(1.0)
    y: Component = w
    for _ in range(100):
        y = y * 1.01
    assert float(y.forward()) == pytest.approx(1.01**100)


def test_what_components_refuse() -> None:
    x = Input(name="x")
    with pytest.raises(InputError, match="input x has no value"):
        Relu(x).forward()
    with pytest.raises(InputError, match="two components are called x"):
        (Input(1.0, "x") + Input(2.0, "x")).forward()
    with pytest.raises(ShapeError, match=r"applies to entries, but of axes .* has 1, .* has 2"):
        (Input(np.ones(2)) + Input(np.ones((2, 2)))).forward()
    with pytest.raises(InputError, match="the expression reads a, c"):
        Formula("a c", a=x)
    with pytest.raises(InputError, match="a leaf is computed from nothing"):
        Input(1.0).forward()
    y = Parameter(2.0) * 3
    with pytest.raises(InputError, match="backward before forward"):
        y.backward()
    with pytest.raises(InputError, match="has no gradient"):
        SGD(y, 0.1)
    matrix = Parameter(np.ones((2, 2))) * 2
    matrix.forward()
    with pytest.raises(InputError, match=r"not at shape \(2, 2\)"):
        matrix.backward()
    nothing = Input(1.0) * 2
    nothing.forward()
    with pytest.raises(DerivativeError):
        nothing.backward()
