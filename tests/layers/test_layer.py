"""Layers and networks as values: building, joining, drawing parameters, evaluating."""

from collections.abc import Callable

import numpy as np
import pytest

import einprop as ep
from einprop.errors import DerivativeError, EinpropError, InputError
from einprop.layers import Affine, Layer, Network, ReLU, Tanh, init, losses
from einprop.layers.noise import gaussian


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_equal_layers_compare_equal() -> None:
    assert Affine(3) == Affine(j=3) != Affine(4)
    assert hash(Affine(3)) == hash(Affine(3))
    assert Tanh() == Tanh() != ReLU()


def test_equal_networks_compare_equal() -> None:
    assert Affine(3) >> Tanh() == Affine(3) >> Tanh() != Affine(3) >> ReLU()


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


# Options, state and noise.


class Power(Layer):
    """A layer with options, one of them needed."""

    def __init__(self, exponent: int, *, scale: float = 1.0, **initial: init.Initializer) -> None:
        self._configure(initial, exponent=exponent, scale=scale)

    @property
    def forward(self) -> str:
        return f"y[b,i] = {self.scale} x[b,i]^{self.exponent} + B[i]"

    params = {"B": init.zeros}


class Counting(Layer):
    """Has new state and no evaluation mode of its own."""

    forward = "next_s[] = s + 1; y[b] = x[b] s"
    state = {"s": init.constant(2.0)}


class ArrayAsStart(Layer):
    """Starts a parameter from an array, which fits one shape alone."""

    forward = "y[b,i] = x[b,i] + B[i]"
    params = {"B": np.ones(1)}


class NumberAsState(Layer):
    """Starts its state from a number."""

    forward = "y[b] = x[b] s"
    state = {"s": 2.0}


class SetsItself(Layer):
    """Sets an attribute as a module of other libraries does."""

    forward = "y = x"

    def __init__(self, exponent: int) -> None:
        self.exponent = exponent


def test_options_show_as_they_are_given() -> None:
    assert repr(Power(3)) == "Power(3)"
    assert repr(Power(3, scale=2.0)) == "Power(3, scale=2.0)"
    assert repr(Power(exponent=3, B=init.constant(1.0))) == "Power(3, B=constant(1.0))"
    assert repr(Affine(3, W=init.zeros)) == "Affine(3, W=zeros)"


def test_layers_with_equal_options_are_equal() -> None:
    assert Power(3, scale=1.0) == Power(3)
    assert hash(Power(3, scale=1.0)) == hash(Power(3))
    assert len({Power(3), Power(2), Power(3, scale=2.0), Power(3, B=init.constant(1.0))}) == 4
    assert Affine(3, W=init.zeros) != Affine(3)


def test_options_decide_the_equations() -> None:
    np.testing.assert_array_equal(Power(3, scale=2.0)({"B": [1.0]}, x=[[2.0]]), [[17.0]])


def test_any_initialiser_is_replaced_by_keyword() -> None:
    network = Affine(2, W=init.constant(3.0)) >> Power(2, B=init.constant(5.0))
    parameters = network.init(rng(), x=(1, 2))
    assert parameters["W1"].tolist() == [[3.0, 3.0], [3.0, 3.0]]
    assert parameters["B2"].tolist() == [5.0, 5.0]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Power(3, V=init.zeros), "Power has no option V\nit has exponent, scale, B"),
        (lambda: Power(3, B=0.5), "0.5 is no initialiser of B\nas in B=init.he_normal"),
        (
            lambda: Affine(3, V=init.zeros),
            "Affine takes the size of index j (feature)\nas in Affine(10)",
        ),
        (ArrayAsStart, "array([1.]) is no initialiser of B\nas in B=init.he_normal"),
        (NumberAsState, "2.0 is no initialiser of s\nas in s=init.he_normal"),
        (
            lambda: SetsItself(3),
            (
                "SetsItself cannot set exponent by itself\n"
                "end __init__ in self._configure(exponent=exponent), which makes it an attribute"
            ),
        ),
    ],
)
def test_wrong_options_say_why(build: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        build()
    assert str(caught.value) == message


class NoiseInEvaluation(Layer):
    """Does not say what it computes in evaluation."""

    forward = "y = x noise"
    noise = {"noise": gaussian(1.0)}


class StateInEvaluation(Layer):
    """Replaces its state in evaluation."""

    forward = "next_s[c] = mean[b](x[b,c]); y[b,c] = x[b,c] - s[c]"
    evaluate = forward
    state = {"s": init.zeros}


def test_what_evaluation_may_not_have_is_named() -> None:
    with pytest.raises(InputError, match="NoiseInEvaluation reads noise in evaluation mode"):
        _ = NoiseInEvaluation().evaluation
    with pytest.raises(InputError, match="StateInEvaluation defines next_s in evaluation mode"):
        _ = StateInEvaluation().evaluation


def test_a_layer_without_equations_is_refused() -> None:
    with pytest.raises(InputError, match="Layer has no forward"):
        _ = Layer().program


def test_evaluation_without_equations_of_its_own_leaves_the_state() -> None:
    assert str(Counting().program).splitlines()[-2:] == ["y[b] = x[b] s", "next_s = s + 1"]
    assert str(Counting().evaluation).splitlines()[-1] == "y[b] = x[b] s"
    assert Counting()({"s": 3.0}, x=[2.0]).tolist() == [6.0]


# Layers with a backward pass of their own.


class HandTanh(Layer):
    """tanh with the derivative that everybody knows."""

    forward = "y = tanh(x)"
    backward = "d = 1 - y^2; x.grad += d y.grad"


class HandAffine(Layer):
    """An affine map with the lecture's backward lines."""

    forward = "y[b,j] = x[b,i] W[i,j] + B[j]"
    backward = """
        x.grad[b,i] += y.grad[b,j] W[i,j]
        W.grad[i,j] += y.grad[b,j] x[b,i]
        B.grad[j] += y.grad[b,j]
    """
    params = {"W": init.glorot_normal, "B": init.zeros}
    units = {"j": "feature"}


class Reversal(Layer):
    """The identity, whose gradient changes its sign (Ganin and Lempitsky, 2015)."""

    forward = "y = x"
    backward = "x.grad += -y.grad"
    override = True


def test_declared_lines_are_joined_with_the_network() -> None:
    network = HandAffine(3) >> HandTanh() >> Reversal() >> HandAffine(2)
    lines = str(network.program).splitlines()[3:]
    assert lines == [
        "h1[b,j] = x[b,i] W1[i,j] + B1[j]",
        "h2[b,j] = tanh(h1[b,j])",
        "h3[b,j] = h2[b,j]",
        "y[b,k] = h3[b,j] W2[j,k] + B2[k]",
        "backward x.grad[b,i] += h1.grad[b,j] W1[i,j]",
        "backward W1.grad[i,j] += h1.grad[b,j] x[b,i]",
        "backward B1.grad[j] += h1.grad[b,j]",
        "backward d[b,j] = 1 - h2[b,j]^2",
        "backward h1.grad[b,j] += d[b,j] h2.grad[b,j]",
        "override h2.grad[b,j] += -h3.grad[b,j]",
        "backward h3.grad[b,j] += y.grad[b,k] W2[j,k]",
        "backward W2.grad[j,k] += y.grad[b,k] h3[b,j]",
        "backward B2.grad[k] += y.grad[b,k]",
    ]
    assert ep.Program(str(network.program)) == network.program


def test_declared_lines_are_what_runs() -> None:
    ours = HandAffine(3) >> HandTanh() >> Reversal() >> HandAffine(2) >> losses.SquaredError()
    plain = Affine(3) >> Tanh() >> Affine(2) >> losses.SquaredError()
    x, t = np.ones((4, 5)), np.zeros((4, 2))
    parameters = plain.init(rng(), x=x)
    tensors = {**parameters, "x": x, "t": t}
    value, gradients = ours.program.value_and_grad()(tensors)
    expected_value, expected = plain.program.value_and_grad()(tensors)
    np.testing.assert_allclose(value, expected_value)
    for name, gradient in gradients.items():
        sign = -1 if name in ("W1", "B1") else 1
        np.testing.assert_allclose(gradient, sign * expected[name])


def test_helpers_of_two_layers_have_two_names() -> None:
    text = str((HandTanh() >> HandTanh()).program)
    assert "backward d = 1 - h1^2" in text
    assert "backward d1 = 1 - y^2" in text


def test_a_wrong_backward_is_reported_where_the_layer_is_used() -> None:
    class Wrong(Layer):
        """tanh with a factor too many."""

        forward = "y = tanh(x)"
        backward = "x.grad += 2 y.grad (1 - y^2)"

    with pytest.raises(DerivativeError) as error:
        _ = (Affine(3) >> Wrong()).program
    assert (
        str(error.value)
        == """\
the declared x.grad is not what is derived
  declared  x.grad[i] += 2 y.grad[i] (1 - y[i]^2)
  derived   x.grad[i] += y.grad[i] (1 - y[i]^2)
  at a random point x.grad[1] is -1.05286 as declared, -0.526429 as derived
    x.grad += 2 y.grad (1 - y^2)
    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
correct it; if it is meant to be another one, write override instead of backward (override=True)"""
    )
