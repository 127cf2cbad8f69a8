"""Networks as training and files use them: modes, state, dotted names, more axes."""

import numpy as np
import pytest

from einprop.errors import EinpropError, InputError, ShapeError
from einprop.layers import Affine, Layer, Tanh, init, losses
from einprop.layers.noise import gaussian
from tests.layers.modes import Noisy, Running


class Window(Layer):
    """Needs three positions."""

    forward = "index p: window < 3; y[b,i] = x[b,i+p] K[p]"
    params = {"K": init.zeros}


NETWORK = Affine(3) >> Noisy() >> Running() >> Tanh() >> Affine(2) >> losses.SquaredError()


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_init_gives_parameters_and_then_state() -> None:
    drawn = NETWORK.init(rng(), x=(4, 5))
    assert list(drawn) == ["W1", "B1", "W3", "B3", "s2", "v2"]
    assert drawn["s2"].tolist() == [0.0] * 3
    assert drawn["v2"].tolist() == [2.0] * 3


def test_a_call_runs_the_evaluation_mode() -> None:
    x = rng().normal(size=(4, 5))
    p = NETWORK.init(rng(), x=x)
    p["s2"] += 0.25
    hidden = np.tanh((x @ p["W1"] + p["B1"] - 0.25) * 2.0)
    expected = hidden @ p["W3"] + p["B3"]
    np.testing.assert_allclose(NETWORK.predictor(p, x=x), expected)
    np.testing.assert_allclose(NETWORK(p, x=x, t=expected + 1.0), 1.0)


def test_a_training_step_gives_the_loss_and_new_state() -> None:
    x = rng().normal(size=(4, 5))
    p = NETWORK.init(rng(), x=x)
    tensors = {**p, "x": x, "t": np.zeros((4, 2)), "noise": np.ones((4, 3))}
    found = NETWORK.program(tensors)
    assert list(found) == ["loss", "next_s2"]
    mean = (x @ p["W1"] + p["B1"] + 1.0).mean(axis=0)
    np.testing.assert_allclose(found["next_s2"], 0.5 * mean)


def test_the_model_says_what_is_state_and_noise() -> None:
    model = NETWORK.model
    assert model.program is NETWORK.program
    assert model.evaluation is NETWORK.evaluation
    assert model.state == {"s2": "next_s2", "v2": "v2"}
    assert model.noise == {"noise": gaussian(1.0)}
    assert model.predictor is not None
    assert model.predictor.outputs == ("y",)
    assert set(model.predictor.inputs) <= {"x", *NETWORK.init(rng(), x=(1, 5))}


def test_a_network_that_is_a_loss_alone_predicts_nothing() -> None:
    assert losses.SquaredError().model.predictor is None


def test_without_modes_there_is_one_program() -> None:
    network = Affine(3) >> Tanh()
    assert network.evaluation is network.program
    assert network.model.predictor is network.program


def test_dotted_names_count_every_layer() -> None:
    p = NETWORK.init(rng(), x=(4, 5))
    dotted = NETWORK.state_dict(p)
    assert list(dotted) == ["0.W", "0.B", "4.W", "4.B", "2.s", "2.v"]
    assert dotted["4.W"] is p["W3"]


def test_a_state_dict_goes_there_and_back() -> None:
    p = NETWORK.init(rng(), x=(4, 5))
    loaded = NETWORK.load_state_dict(NETWORK.state_dict(p))
    assert list(loaded) == list(p)
    for name, array in p.items():
        np.testing.assert_array_equal(loaded[name], array)
        assert loaded[name] is not array


def test_a_state_dict_that_does_not_fit_is_refused() -> None:
    p = NETWORK.init(rng(), x=(4, 5))
    dotted = NETWORK.state_dict(p)
    lacking = {name: array for name, array in dotted.items() if name != "0.W"}
    with pytest.raises(InputError) as caught:
        NETWORK.load_state_dict(lacking)
    assert str(caught.value) == "no array for 0.W\nthe network has 0.W, 0.B, 4.W, 4.B, 2.s, 2.v"
    with pytest.raises(InputError, match=r"no place for 9\.W"):
        NETWORK.load_state_dict({**dotted, "9.W": np.zeros(3)})
    with pytest.raises(ShapeError):
        NETWORK.load_state_dict({**dotted, "0.W": np.zeros((5, 4))})
    with pytest.raises(InputError, match="no array for W1"):
        NETWORK.state_dict({})


def test_a_call_without_parameters_says_how_it_is_called() -> None:
    with pytest.raises(InputError) as caught:
        NETWORK([[1.0, 2.0]])  # type: ignore[arg-type]
    assert str(caught.value) == (
        "a network is called with its parameters by name first, not [[1.0, 2.0]]\n"
        "as in network(parameters, x=x), with parameters = network.init(rng, x=x)"
    )


def test_a_call_without_targets_says_what_predicts() -> None:
    model = Affine(3) >> losses.CrossEntropy()
    p = model.init(rng(), x=(4, 5))
    with pytest.raises(InputError) as caught:
        model(p, x=np.ones((4, 5)))
    assert str(caught.value) == (
        "no array for t, which the loss reads\n"
        "network.predictor(parameters, x=x) gives what the network says without it"
    )
    assert model.predictor(p, x=np.ones((4, 5))).shape == (4, 3)
    with pytest.raises(InputError, match="input is missing: x"):
        model(p, t=np.ones((4, 3)))
    with pytest.raises(InputError, match="inputs are missing: x, t"):
        model(p)


def test_a_loose_state_dict_gives_what_fits() -> None:
    p = NETWORK.init(rng(), x=(4, 5))
    dotted = {**NETWORK.state_dict(p), "9.W": np.zeros(3)}
    del dotted["0.W"]
    loaded = NETWORK.load_state_dict(dotted, strict=False)
    assert set(p) - set(loaded) == {"W1"}


def test_further_axes_are_batch_axes() -> None:
    network = Affine(3) >> Tanh() >> Affine(2)
    x = rng().normal(size=(4, 6, 5))
    p = network.init(rng(), x=x)
    assert p["W1"].shape == (5, 3)
    np.testing.assert_allclose(network(p, x=x)[:, 2], network(p, x=x[:, 2]))
    longer = network.with_axes(3)
    assert longer != network
    assert longer.with_axes(3) is longer
    assert longer.program.shapes(x=(4, 6, 5), W1=(5, 3))["y"] == (4, 6, 2)


def test_a_network_for_other_axes_is_made_once() -> None:
    network = Affine(3) >> Tanh() >> Affine(2)
    assert network.for_axes(3) == network.with_axes(3)
    assert network.for_axes(3) is network.for_axes(3)
    assert network.for_axes(2) is network.for_axes(None) is network
    assert network.with_axes(3).for_axes(4) == network.with_axes(3)


def test_layers_without_subscripts_take_arrays_of_any_rank() -> None:
    for shape in [(), (3,), (3, 2), (2, 3, 2, 1)]:
        x = np.full(shape, 0.5)
        np.testing.assert_allclose((Tanh() >> Tanh())({}, x=x), np.tanh(np.tanh(x)))


def test_more_axes_stay_when_layers_are_joined() -> None:
    network = Affine(3).with_axes(3) >> Affine(2) >> losses.SquaredError()
    assert network.program.shapes(x=(4, 6, 5))["t"] == (4, 6, 2)
    assert network.predictor.program.shapes(x=(4, 6, 5))["y"] == (4, 6, 2)


def test_an_array_of_too_few_axes_is_refused() -> None:
    with pytest.raises(ShapeError, match="x has 2 axes in"):
        Affine(3)(Affine(3).init(rng(), x=(2, 4)), x=np.zeros(4))


def test_a_window_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match="no window fits"):
        Window().init(rng(), x=(4, 2))
    with pytest.raises(ShapeError, match="no window fits"):
        Window()({"K": np.zeros(3)}, x=np.zeros((4, 2)))
    with pytest.raises(EinpropError):
        Window().init(rng(), x=(4, 1))


def test_an_empty_batch_is_no_mistake() -> None:
    network = Window() >> Tanh()
    assert network(network.init(rng(), x=(4, 5)), x=np.zeros((0, 5))).shape == (0, 3)
