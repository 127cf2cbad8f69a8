"""Residual networks: one program with its layers' equations and a sum."""

import numpy as np
import pytest

from einprop.errors import IndexTypeError, InputError, ShapeError
from einprop.layers import Affine, BatchNorm, Layer, Network, ReLU, Residual, Tanh, losses


class Rows(Layer):
    """Takes an axis away."""

    forward = "y[b] = sum[i](x[b,i])"


def equations(network: Network, count: int) -> list[str]:
    return str(network.program).splitlines()[-count:]


def test_a_residual_network_is_written_into_the_chain() -> None:
    network = Affine(8) >> Residual(Affine(16) >> ReLU() >> Affine(8)) >> Tanh() >> Affine(2)
    assert str(network.program).splitlines() == [
        "index j, l: feature1 < 8, k: feature2 < 16, m: feature3 < 2",
        "input x[b,i]",
        "param W1[i,j], B1[j], W2[j,k], B2[k], W3[k,l], B3[l], W4[j,m], B4[m]",
        "h1[b,j] = x[b,i] W1[i,j] + B1[j]",
        "h2[b,k] = relu(h1[b,j] W2[j,k] + B2[k])",
        "h3[b,l] = h2[b,k] W3[k,l] + B3[l]",
        "h4[b,j] = tanh(h1[b,j] + h3[b,j])",
        "y[b,m] = h4[b,j] W4[j,m] + B4[m]",
    ]


def test_what_enters_is_not_changed_by_the_layers_beside_it() -> None:
    network = Affine(8) >> Residual(Tanh() >> Affine(8))
    assert equations(network, 3) == [
        "h2[b,j] = tanh(h1[b,j])",
        "h3[b,k] = h2[b,j] W2[j,k] + B2[k]",
        "y[b,j] = h1[b,j] + h3[b,j]",
    ]


def test_a_residual_network_may_come_first_and_around_another() -> None:
    network = Residual(Affine(4) >> Residual(Tanh()))
    assert equations(network, 4) == [
        "h1[b,j] = x[b,i] W[i,j] + B[j]",
        "h2[b,j] = tanh(h1[b,j])",
        "h3[b,j] = h1[b,j] + h2[b,j]",
        "y[b,i] = x[b,i] + h3[b,i]",
    ]


def test_a_residual_network_computes_the_sum() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5, 4))
    network = Residual(Affine(6) >> Tanh() >> Affine(4))
    p = network.init(rng, x=x)
    inside = np.tanh(x @ p["W1"] + p["B1"]) @ p["W2"] + p["B2"]
    np.testing.assert_allclose(network(p, x=x), x + inside)


def test_parameters_and_state_inside_have_dotted_names() -> None:
    network = Affine(4) >> Residual(BatchNorm() >> Affine(4)) >> losses.SquaredError()
    assert set(network.model.dotted.values()) == {
        "0.W",
        "0.B",
        "1.0.gamma",
        "1.0.beta",
        "1.0.running_mean",
        "1.0.running_variance",
        "1.1.W",
        "1.1.B",
    }


def test_a_residual_network_is_a_value() -> None:
    one, other = (Residual(Affine(4) >> Tanh()) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != Residual(Affine(4))
    assert repr(one) == "Residual(Affine(4) >> Tanh())"


def test_a_loss_has_no_place_inside() -> None:
    with pytest.raises(InputError, match=r"a residual network cannot go around SquaredError\(\)"):
        Residual(losses.SquaredError())
    with pytest.raises(InputError, match="cannot go around 3"):
        Residual(3)


def test_what_leaves_must_have_the_shape_of_what_enters() -> None:
    with pytest.raises(ShapeError, match="has size 8 in the layer that it leaves but size 4"):
        _ = (Affine(8) >> Residual(Affine(4))).program
    with pytest.raises(IndexTypeError, match="leaves as many axes as enter it"):
        _ = Residual(Rows()).program
    with pytest.raises(ShapeError):
        Residual(Affine(8)).init(np.random.default_rng(0), x=(2, 3))
