"""Layers and networks as values: building, joining, drawing parameters, evaluating."""

from collections.abc import Callable

import numpy as np
import pytest

import einprop as ep
from einprop.errors import EinpropError, InputError
from einprop.layers import Affine, Layer, Network, Relu, Tanh, init, losses


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_equal_layers_compare_equal() -> None:
    assert Affine(3) == Affine(j=3) != Affine(4)
    assert hash(Affine(3)) == hash(Affine(3))
    assert Tanh() == Tanh() != Relu()


def test_equal_networks_compare_equal() -> None:
    assert Affine(3) >> Tanh() == Affine(3) >> Tanh() != Affine(3) >> Relu()


def test_joining_is_associative() -> None:
    left = (Affine(3) >> Tanh()) >> Affine(2)
    assert left == Affine(3) >> (Tanh() >> Affine(2))
    assert repr(left) == "Affine(3) >> Tanh() >> Affine(2)"


def test_layers_and_networks_are_immutable() -> None:
    for value in (Affine(3), Affine(3) >> Tanh()):
        with pytest.raises(AttributeError, match="immutable"):
            value.layers = ()


def test_joining_with_something_else_is_refused() -> None:
    with pytest.raises(TypeError):
        Affine(3) >> 3


REFUSED = {
    "no size": (Affine, "Affine takes the size of index j (feature)\nas in Affine(10)"),
    "two sizes": (
        lambda: Affine(1, 2),
        "Affine takes the size of index j (feature)\nas in Affine(10)",
    ),
    "another index": (
        lambda: Affine(k=1),
        "Affine takes the size of index j (feature)\nas in Affine(10)",
    ),
    "a size too many": (lambda: Tanh(3), "Tanh fixes no size\nwrite Tanh()"),
    "size zero": (
        lambda: Affine(0),
        "the size of index j of Affine is 0\na size is an integer, 1 or more",
    ),
    "a broken size": (
        lambda: Affine(2.5),
        "the size of index j of Affine is 2.5\na size is an integer, 1 or more",
    ),
    "after a loss": (
        lambda: losses.CrossEntropy() >> Affine(3),
        (
            "CrossEntropy() gives a scalar, so no layer can follow it\n"
            "put the loss last: network >> loss"
        ),
    ),
    "no layer": (Network, "a network needs at least one layer"),
}


@pytest.mark.parametrize(("build", "message"), REFUSED.values(), ids=REFUSED)
def test_refused_networks_say_why(build: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        build()
    assert str(caught.value) == message


class NoOutput(Layer):
    """Defines no y."""

    forward = "z[b] = 2 x[b]"


class NoInput(Layer):
    """Reads no x."""

    forward = "y[b] = 2 z[b]"


class UnreadParameter(Layer):
    """Has a parameter that it does not read."""

    forward = "y[b] = 2 x[b]"
    params = {"W": init.zeros}


class DefinesInput(Layer):
    """Defines x itself."""

    forward = "x[b] = z[b]; y[b] = x[b]"


CONTRACTS = [
    (NoOutput, "the last equation of NoOutput must define y"),
    (NoInput, "no equation of NoInput reads x"),
    (UnreadParameter, "no equation of UnreadParameter reads W"),
    (DefinesInput, "x enters DefinesInput, so no equation of it may define x"),
]


@pytest.mark.parametrize(("layer", "message"), CONTRACTS)
def test_layers_keep_the_contract_of_names(layer: type[Layer], message: str) -> None:
    with pytest.raises(InputError) as caught:
        layer().program  # noqa: B018
    assert str(caught.value) == message


def test_a_syntax_error_in_a_layer_points_at_its_place() -> None:
    class Broken(Layer):
        """Its bracket is never closed."""

        forward = "y[b = x[b]"

    with pytest.raises(EinpropError, match=r"\^"):
        Broken().program  # noqa: B018


def test_parameters_have_the_shapes_that_follow_from_the_data() -> None:
    network = Affine(200) >> Tanh() >> Affine(10) >> losses.CrossEntropy()
    shapes = {n: a.shape for n, a in network.init(rng(), x=(100, 784)).items()}
    assert shapes == {"W1": (784, 200), "B1": (200,), "W2": (200, 10), "B2": (10,)}


def test_parameters_are_drawn_with_the_fans_of_their_equation() -> None:
    parameters = (Affine(200) >> Tanh() >> Affine(10)).init(rng(), x=(1, 784))
    assert parameters["W1"].std() == pytest.approx((2 / 984) ** 0.5, rel=0.02)
    assert parameters["W2"].std() == pytest.approx((2 / 210) ** 0.5, rel=0.06)
    assert not parameters["B1"].any()


def test_parameters_take_the_type_of_the_data() -> None:
    x = np.zeros((4, 3), np.float32)
    assert Affine(2).init(rng(), x=x)["W"].dtype == np.float32
    assert Affine(2).init(rng(), x=x, dtype=np.float64)["W"].dtype == np.float64
    assert Affine(2).init(rng(), x=(4, 3))["W"].dtype == np.float64
    assert Affine(2).init(rng(), x=np.zeros((4, 3), np.uint8))["W"].dtype == np.float64


def test_a_shape_that_does_not_follow_is_named() -> None:
    with pytest.raises(InputError) as caught:
        Affine(2).init(rng())
    assert str(caught.value) == (
        "the shape of W does not follow from what was given\npass the shapes of x"
    )


def test_a_network_computes_what_its_equations_say() -> None:
    network = Affine(4) >> Tanh() >> Affine(3)
    x = rng().normal(size=(5, 6))
    p = network.init(rng(), x=x)
    p["B1"] += 0.5
    expected = np.tanh(x @ p["W1"] + p["B1"]) @ p["W2"] + p["B2"]
    np.testing.assert_allclose(network(p, x=x), expected, rtol=1e-12)


def test_the_predictor_leaves_the_loss_away() -> None:
    network = Affine(4) >> Tanh()
    assert (network >> losses.SquaredError()).predictor == network
    assert network.predictor == network


def test_a_network_is_one_program_with_parameters() -> None:
    program = (Affine(4) >> Tanh() >> Affine(3) >> losses.CrossEntropy()).program
    assert isinstance(program, ep.Program)
    assert set(program.params) == {"W1", "B1", "W2", "B2"}
    assert set(program.inputs) == {"x", "t", "W1", "B1", "W2", "B2"}
    assert program.outputs == ("loss",)


def test_the_printed_program_carries_parameters_and_sizes() -> None:
    network = Affine(4) >> Tanh() >> Affine(3)
    again = ep.Program(str(network.program))
    assert again == network.program
    assert again.params == network.program.params
    assert again.shapes(x=(5, 6))["W1"] == (6, 4)
