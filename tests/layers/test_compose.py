"""Chains of layers as one readable program."""

import pytest

from einprop.errors import UnsupportedError
from einprop.layers import Affine, Layer, Network, Relu, Sigmoid, Softmax, Tanh, init, losses
from einprop.layers.compose import compose
from einprop.notation.printer import to_text
from einprop.notation.tree import TensorDeclaration


class Twice(Layer):
    """Reads what enters twice, so it cannot be written into the equation before."""

    forward = "y = x sigmoid(x)"


class TwoLines(Layer):
    """The lecture's own two lines."""

    forward = "y[b,j] = x[b,i] W[i,j]; y[b,j] += B[j]"
    params = {"W": init.glorot_normal, "B": init.zeros}
    units = {"j": "feature"}


class Normalise(Layer):
    """Has a tensor of its own in between."""

    forward = "m[j] = mean[b](x[b,j]); y[b,j] = x[b,j] - m[j]"


class Filter(Layer):
    """A product over several axes."""

    forward = "y[b,f] = x[b,p,q,c] K[p,q,c,f]"
    params = {"K": init.he_normal}
    units = {"f": "filter"}


class Swish(Layer):
    """A pointwise layer with a definition and a scalar parameter."""

    forward = "def gate(a) = sigmoid(a); y = gate(x * beta)"
    params = {"beta": init.constant(1.0)}


class Declares(Layer):
    """Refused: it declares a type."""

    forward = "index i: pixel; y[i] = 2 x[i]"


def text(network: Network, *, declarations: bool = False) -> list[str]:
    return [
        to_text(statement)
        for statement in compose(network.layers).statements
        if declarations or not isinstance(statement, TensorDeclaration)
    ]


CHAINS = [
    (Affine(3), ["index j: feature < 3", "y[b,j] = x[b,i] W[i,j] + B[j]"]),
    (Tanh(), ["y = tanh(x)"]),
    (
        Affine(3) >> Relu(),
        ["index j: feature < 3", "y[b,j] = relu(x[b,i] W[i,j] + B[j])"],
    ),
    (
        Affine(200) >> Tanh() >> Affine(10),
        [
            "index j: feature1 < 200, k: feature2 < 10",
            "h1[b,j] = tanh(x[b,i] W1[i,j] + B1[j])",
            "y[b,k] = h1[b,j] W2[j,k] + B2[k]",
        ],
    ),
    (
        Affine(200) >> Tanh() >> Affine(10) >> losses.CrossEntropy(),
        [
            "index j: feature1 < 200, k: feature2 < 10",
            "h1[b,j] = tanh(x[b,i] W1[i,j] + B1[j])",
            "y[b,k] = h1[b,j] W2[j,k] + B2[k]",
            "loss = -mean[b](sum[k](t[b,k] log_softmax[k](y[b,k])))",
        ],
    ),
    (
        Affine(10) >> losses.CrossEntropy(),
        [
            "index j: feature < 10",
            "y[b,j] = x[b,i] W[i,j] + B[j]",
            "loss = -mean[b](sum[j](t[b,j] log_softmax[j](y[b,j])))",
        ],
    ),
    (
        Affine(10) >> Softmax() >> losses.LogLoss(),
        [
            "index j: feature < 10",
            "h1[b,j] = x[b,i] W[i,j] + B[j]",
            "y[b,j] = softmax[j](h1[b,j])",
            "loss = -mean[b](sum[j](t[b,j] log(y[b,j])))",
        ],
    ),
    (losses.SquaredError(), ["loss = mean[b](sum[k]((x[b,k] - t[b,k])^2)) / 2"]),
    (
        Tanh() >> Affine(3),
        ["index j: feature < 3", "h1[b,i] = tanh(x[b,i])", "y[b,j] = h1[b,i] W[i,j] + B[j]"],
    ),
    (Relu() >> Tanh(), ["h1 = relu(x)", "y = tanh(h1)"]),
    (
        Affine(3) >> Relu() >> Tanh(),
        [
            "index j: feature < 3",
            "h1[b,j] = relu(x[b,i] W[i,j] + B[j])",
            "y[b,j] = tanh(h1[b,j])",
        ],
    ),
    (
        Affine(3) >> Twice(),
        [
            "index j: feature < 3",
            "h1[b,j] = x[b,i] W[i,j] + B[j]",
            "y[b,j] = h1[b,j] sigmoid(h1[b,j])",
        ],
    ),
    (
        TwoLines(3) >> Sigmoid(),
        [
            "index j: feature < 3",
            "h1[b,j] = x[b,i] W[i,j]",
            "h1[b,j] += B[j]",
            "y[b,j] = sigmoid(h1[b,j])",
        ],
    ),
    (
        Affine(3) >> Normalise() >> Affine(2) >> Normalise(),
        [
            "index j: feature1 < 3, k: feature2 < 2",
            "h1[b,j] = x[b,i] W1[i,j] + B1[j]",
            "m[j] = mean[b](h1[b,j])",
            "h2[b,j] = h1[b,j] - m[j]",
            "h3[b,k] = h2[b,j] W2[j,k] + B2[k]",
            "m1[k] = mean[b](h3[b,k])",
            "y[b,k] = h3[b,k] - m1[k]",
        ],
    ),
    (
        Filter(4) >> Relu() >> Affine(2),
        [
            "index f: filter < 4, j: feature < 2",
            "h1[b,f] = relu(x[b,p,q,c] K1[p,q,c,f])",
            "y[b,j] = h1[b,f] W2[f,j] + B2[j]",
        ],
    ),
    (
        Affine(3) >> Swish(),
        [
            "def gate(a) = sigmoid(a)",
            "index j: feature < 3",
            "h1[b,j] = x[b,i] W1[i,j] + B1[j]",
            "y[b,j] = gate(h1[b,j] beta2)",
        ],
    ),
]


@pytest.mark.parametrize(("network", "expected"), CHAINS, ids=lambda value: repr(value)[:60])
def test_program_of_a_chain(network: Network, expected: list[str]) -> None:
    assert text(network) == expected


def test_inputs_and_parameters_are_declared() -> None:
    network = Affine(200) >> Tanh() >> Affine(10) >> losses.CrossEntropy()
    assert text(network, declarations=True)[1:3] == [
        "input x[b,i], t[b,k]",
        "param W1[i,j], B1[j], W2[j,k], B2[k]",
    ]


def test_letters_and_names_stay_unique_in_deep_chains() -> None:
    network = Affine(2)
    for _ in range(40):
        network = network >> Tanh() >> Affine(2)
    lines = text(network)
    letters = [group.split(":")[0].strip() for group in lines[0].removeprefix("index").split(",")]
    assert len(letters) == len(set(letters)) == 41
    assert lines[-1].startswith("y[b,")


def test_fans_are_read_off_the_equation() -> None:
    (kernel,) = compose([Filter(4)]).parameters
    assert kernel.fans((3, 5, 2, 4)) == (30, 4)


def test_fans_of_a_bias() -> None:
    bias = compose([TwoLines(4)]).parameters[1]
    assert (bias.name, bias.fans((4,))) == ("B", (1, 4))


def test_a_declaration_inside_a_layer_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="a declaration inside a layer"):
        compose([Declares()])
