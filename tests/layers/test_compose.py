"""Chains of layers as one readable program."""

import pytest

from einprop.errors import IndexTypeError, ShapeError
from einprop.layers import Affine, Layer, Network, ReLU, Sigmoid, Softmax, Tanh, init, losses
from einprop.layers.compose import compose
from einprop.layers.noise import gaussian
from einprop.notation.printer import to_text
from einprop.notation.tree import TensorDeclaration
from tests.layers.modes import Noisy, Running


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


class Convolution(Layer):
    """Declares the sizes of its windows and filters; a range behind ``where``."""

    forward = """
        index p, q: window < 3, f: filter < 4
        y[b,i,j,f] = x[b,pad(2*i+p-1),pad(2*j+q-1),c] K[p,q,c,f] where x[b,2*i,2*j,c]
    """
    params = {"K": init.he_normal}


class Flatten(Layer):
    """Joins axes into one that has no letter."""

    forward = "y[b,(i c)] = x[b,i,c]"


class Positions(Layer):
    """Declares types of the letters that its input has, and a range in terms of one."""

    forward = """
        index t: time, p: shift < 2
        input x[b,t,i]
        y[b,t,i] = sum[p](x[b,pad(t-p),i]) where t in 1:time
    """


class Shifted(Layer):
    """Declares what enters, which it reads at computed subscripts alone."""

    forward = """
        index t: time
        input x[b,t]
        y[b,t] = x[b,pad(t-1)]
    """


class Memory(Layer):
    """Reads a further input."""

    forward = "y[b,i] = x[b,i] + memory[b,i]"


class Recurrent(Layer):
    """Has a tensor of its own that is called as those between layers are."""

    forward = "h[b,t,i] = tanh(x[b,t,i] + h[b,t-1,i]); y[b,t,i] = h[b,t,i]"


class Cumulative(Layer):
    """A recurrence of what leaves: no function may be written into it."""

    forward = "y[b,t] = x[b,t] + y[b,t-1]"


class Column(Layer):
    """Has no batch axis: its first index is summed with a parameter's."""

    forward = "y[i] = x[i+1]"


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
        Affine(3) >> ReLU(),
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
    (ReLU() >> Tanh(), ["h1 = relu(x)", "y = tanh(h1)"]),
    (
        Affine(3) >> ReLU() >> Tanh(),
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
        Filter(4) >> ReLU() >> Affine(2),
        [
            "index f: filter < 4, j: feature < 2",
            "h1[b,f] = relu(x[b,p,q,c] K1[p,q,c,f])",
            "y[b,j] = h1[b,f] W2[f,j] + B2[j]",
        ],
    ),
    (
        Affine(3) >> Affine(2) >> Softmax(),
        [
            "index j: feature1 < 3, k: feature2 < 2",
            "h1[b,j] = x[b,i] W1[i,j] + B1[j]",
            "h2[b,k] = h1[b,j] W2[j,k] + B2[k]",
            "y[b,k] = softmax[k](h2[b,k])",
        ],
    ),
    (
        Convolution() >> ReLU() >> Convolution() >> Affine(2),
        [
            (
                "index p, q: window1 < 3, f: filter1 < 4, r, s: window2 < 3, g: filter2 < 4, "
                "m: feature < 2"
            ),
            "h1[b,i,j,f] = relu(x[b,pad(2*i+p-1),pad(2*j+q-1),c] K1[p,q,c,f]) where x[b,2*i,2*j,c]",
            "h2[b,k,l,g] = h1[b,pad(2*k+r-1),pad(2*l+s-1),f] K2[r,s,f,g] where h1[b,2*k,2*l,f]",
            "y[b,k,l,m] = h2[b,k,l,g] W3[g,m] + B3[m]",
        ],
    ),
    (
        Flatten() >> ReLU() >> Tanh() >> Affine(2),
        [
            "index k: feature < 2",
            "h1[b,(i c)] = relu(x[b,i,c])",
            "h2[b,j] = tanh(h1[b,j])",
            "y[b,k] = h2[b,j] W[j,k] + B[k]",
        ],
    ),
    (
        Positions() >> Positions(),
        [
            "index t: time, p: shift1 < 2, q: shift2 < 2",
            "h1[b,t,i] = sum[p](x[b,pad(t-p),i]) where t in 1:time",
            "y[b,t,i] = sum[q](h1[b,pad(t-q),i]) where t in 1:time",
        ],
    ),
    (
        Affine(3) >> Noisy() >> Noisy() >> Affine(2),
        [
            "index j: feature1 < 3, k: feature2 < 2",
            "h1[b,j] = x[b,i] W1[i,j] + B1[j]",
            "h2[b,j] = h1[b,j] + noise[b,j]",
            "h3[b,j] = h2[b,j] + noise1[b,j]",
            "y[b,k] = h3[b,j] W2[j,k] + B2[k]",
        ],
    ),
    (
        Affine(3) >> Running() >> Running(),
        [
            "index j: feature < 3",
            "h1[b,j] = x[b,i] W1[i,j] + B1[j]",
            "m[j] = mean[b](h1[b,j])",
            "h2[b,j] = (h1[b,j] - m[j]) v2[j]",
            "m1[j] = mean[b](h2[b,j])",
            "y[b,j] = (h2[b,j] - m1[j]) v3[j]",
            "next_s2[j] = 0.5 s2[j] + 0.5 m[j]",
            "next_s3[j] = 0.5 s3[j] + 0.5 m1[j]",
        ],
    ),
    (
        Affine(3) >> Positions(),
        [
            "index j: feature < 3, t: time, p: shift < 2",
            "h1[b,t,j] = x[b,t,i] W[i,j] + B[j]",
            "y[b,t,j] = sum[p](h1[b,pad(t-p),j]) where t in 1:time",
        ],
    ),
    (
        # The targets are called t, so the index is not.
        Positions() >> Running() >> Memory() >> losses.SquaredError(),
        [
            "index u: time, p: shift < 2",
            "h1[b,u,i] = sum[p](x[b,pad(u-p),i]) where u in 1:time",
            "m[i] = mean[b,u](h1[b,u,i])",
            "h2[b,u,i] = (h1[b,u,i] - m[i]) v[i]",
            "y[b,u,i] = h2[b,u,i] + memory[b,u,i]",
            "loss = mean[b,u](sum[i]((y[b,u,i] - t[b,u,i])^2)) / 2",
            "next_s[i] = 0.5 s[i] + 0.5 m[i]",
        ],
    ),
    (
        Recurrent() >> Recurrent() >> Tanh() >> Tanh(),
        [
            "h[b,t,i] = tanh(x[b,t,i] + h[b,t-1,i])",
            "h1[b,t,i] = h[b,t,i]",
            "h3[b,t,i] = tanh(h1[b,t,i] + h3[b,t-1,i])",
            "h2[b,t,i] = tanh(h3[b,t,i])",
            "y[b,t,i] = tanh(h2[b,t,i])",
        ],
    ),
    (
        Cumulative() >> Tanh() >> Cumulative(),
        [
            "h1[b,t] = x[b,t] + h1[b,t-1]",
            "h2[b,t] = tanh(h1[b,t])",
            "y[b,t] = h2[b,t] + y[b,t-1]",
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


class Doubled(Layer):
    """Defines a function, and another in terms of it."""

    forward = "def gate(a) = 2 a; def twice(a) = gate(gate(a)); y = twice(x)"


def test_definitions_of_two_layers_have_two_names() -> None:
    assert text(Swish() >> Doubled() >> Swish() >> Doubled()) == [
        "def gate(a) = sigmoid(a)",
        "def gate1(a) = 2 a",
        "def twice(a) = gate1(gate1(a))",
        "h1 = gate(x beta1)",
        "h2 = twice(h1)",
        "h3 = gate(h2 beta2)",
        "y = twice(h3)",
    ]


def in_evaluation(network: Network) -> list[str]:
    statements = compose(network.layers, evaluation=True).statements
    return [to_text(s) for s in statements if not isinstance(s, TensorDeclaration)]


def test_evaluation_has_no_noise_and_no_new_state() -> None:
    assert in_evaluation(Affine(3) >> Noisy() >> Running() >> Noisy()) == [
        "index j: feature < 3",
        "h1[b,j] = x[b,i] W1[i,j] + B1[j]",
        "y[b,j] = (h1[b,j] - s2[j]) v2[j]",
    ]


def test_a_chain_that_changes_nothing_has_an_output_all_the_same() -> None:
    assert in_evaluation(Noisy()) == ["y = x"]
    assert in_evaluation(Noisy() >> losses.SquaredError()) == [
        "loss = mean[b](sum[k]((x[b,k] - t[b,k])^2)) / 2"
    ]


def test_state_and_noise_are_told_apart_from_data() -> None:
    composition = compose((Affine(3) >> Noisy() >> Running()).layers)
    assert [p.name for p in composition.parameters] == ["W1", "B1"]
    assert [p.name for p in composition.state] == ["s2", "v2"]
    assert composition.news == {"s2": "next_s2", "v2": "v2"}
    assert composition.noise == {"noise": gaussian(1.0)}
    assert composition.outputs == ("y", "next_s2")


def test_what_a_layer_declares_of_its_input_stays_where_no_equation_shows_it() -> None:
    assert text(Shifted() >> Shifted(), declarations=True) == [
        "index t: time",
        "input x[b,t]",
        "h1[b,t] = x[b,pad(t-1)]",
        "y[b,t] = h1[b,pad(t-1)]",
    ]
    lines = text(Flatten() >> Shifted(), declarations=True)
    assert lines[1:3] == ["input x[b,i,c]", "local h1[b,t]"]


def test_more_axes_than_the_layers_need() -> None:
    statements = compose((Affine(3) >> losses.CrossEntropy()).layers, axes=4).statements
    assert [to_text(s) for s in statements][-2:] == [
        "y[b,s,u,j] = x[b,s,u,i] W[i,j] + B[j]",
        "loss = -mean[b,s,u](sum[j](t[b,s,u,j] log_softmax[j](y[b,s,u,j])))",
    ]
    assert to_text(compose(Tanh().layers, axes=3).statements[-1]) == "y[b,i,j] = tanh(x[b,i,j])"


def test_axes_that_a_layer_took_away_are_missed() -> None:
    with pytest.raises(IndexTypeError) as caught:
        compose((Flatten() >> Convolution()).layers)
    assert str(caught.value) == (
        "Convolution() reads x[b,pad(2*i+p-1),pad(2*j+q-1),c], which has 4 axes, but h1[b,(i c)], "
        "which enters it, has 2 axes\na layer before it has taken axes away"
    )


def test_a_layer_without_a_batch_axis_takes_no_more_axes() -> None:
    with pytest.raises(IndexTypeError, match=r"Column\(\) has no batch axis, but h1\[b,j\]"):
        compose((Affine(3) >> Column()).layers)


def test_two_sizes_of_one_axis_are_refused() -> None:
    class Wide(Layer):
        """Wants 4 features."""

        forward = "index i: feature < 4; y[b,i] = 2 x[b,i]"

    assert text(Affine(4) >> Wide())[0] == "index j: feature < 4"
    with pytest.raises(ShapeError, match=r"index j .type feature. has size 3 .* but size 4"):
        compose((Affine(3) >> Wide()).layers)


def test_fans_of_a_bias() -> None:
    bias = compose([TwoLines(4)]).parameters[1]
    assert (bias.name, bias.fans((4,))) == ("B", (1, 4))
