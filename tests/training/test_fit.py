"""Fitting: it learns, repeats under a seed, works in place, and says why it stops."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from einprop.errors import EinpropError, InputError
from einprop.layers import Affine, Network, Tanh, losses
from einprop.layers.model import Model
from einprop.program import Program
from einprop.training import SGD, History, Step, accuracy, error_rate, evaluate, fit, predict
from einprop.training.step import as_model

Array = NDArray[Any]


def blobs(examples: int, seed: int = 0) -> dict[str, Array]:
    """Three separable clouds in the plane."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, examples)
    centres = np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 3.0]])
    return {"x": centres[labels] + 0.5 * rng.normal(size=(examples, 2)), "t": np.eye(3)[labels]}


MODEL = Affine(8) >> Tanh() >> Affine(3) >> losses.CrossEntropy()


def train(
    model: Network | Program | Model = MODEL, seed: int = 0, **options: Any
) -> tuple[dict[str, Array], History]:
    rng = np.random.default_rng(seed)
    data = options.pop("data", None) or blobs(200)
    parameters = options.pop("parameters", None) or MODEL.init(rng, x=blobs(3)["x"])
    options = {"epochs": 5, "batch_size": 16, "verbose": False} | options
    optimizer = options.pop("optimizer", SGD(0.5))
    history = fit(model, parameters, data, optimizer, rng=rng, **options)
    return parameters, history


def test_it_learns() -> None:
    _, history = train(validation=blobs(100, seed=1), metrics=[error_rate, accuracy])
    assert history.columns == ("loss", "validation_loss", "error_rate", "accuracy")
    assert [record.epoch for record in history.records] == [1, 2, 3, 4, 5]
    assert history.last.metrics["accuracy"] > 0.98
    assert history.last.loss < history.records[0].loss / 3


def test_a_seed_repeats_the_run() -> None:
    first, second, other = train(seed=3), train(seed=3), train(seed=4)
    assert all(np.array_equal(first[0][name], second[0][name]) for name in first[0])
    assert first[1].column("loss") == second[1].column("loss") != other[1].column("loss")


def test_parameters_change_in_place() -> None:
    parameters = MODEL.init(np.random.default_rng(0), x=(1, 2))
    held = dict(parameters)
    before = {name: array.copy() for name, array in parameters.items()}
    train(parameters=parameters)
    assert all(parameters[name] is held[name] for name in held)
    assert all(not np.array_equal(held[name], before[name]) for name in held)


def test_data_stay_as_they_are() -> None:
    data = blobs(50)
    copies = {name: array.copy() for name, array in data.items()}
    rng = np.random.default_rng(0)
    fit(MODEL, MODEL.init(rng, x=(1, 2)), data, SGD(0.1), epochs=1, batch_size=7, rng=rng,
        verbose=False)  # fmt: skip
    assert all(np.array_equal(data[name], copies[name]) for name in data)


def test_one_step_on_the_whole_batch_is_gradient_descent() -> None:
    rng = np.random.default_rng(0)
    data = blobs(20)
    parameters = MODEL.init(rng, x=data["x"])
    before = {name: array.copy() for name, array in parameters.items()}
    value, gradients = MODEL.program.value_and_grad()({**before, **data})
    history = fit(
        MODEL, parameters, data, SGD(0.5), epochs=1, batch_size=20, rng=rng, verbose=False
    )
    assert history.last.loss == pytest.approx(float(value))
    for name, gradient in gradients.items():
        np.testing.assert_allclose(parameters[name], before[name] - 0.5 * gradient, atol=1e-12)


def test_the_loss_weighs_a_smaller_last_batch_by_its_size() -> None:
    rng = np.random.default_rng(0)
    data = blobs(10)
    parameters = MODEL.init(rng, x=data["x"])
    expected = float(MODEL(parameters, **data))
    history = fit(MODEL, parameters, data, SGD(0.0), epochs=1, batch_size=4, rng=rng, verbose=False)
    assert history.last.loss == pytest.approx(expected)


MASKED = {
    "weighted": (
        Affine(3) >> losses.CrossEntropy(weighted=True),
        lambda t, m: {"t": np.eye(3)[t], "weight": 1.0 * m},
    ),
    "ignored": (
        Affine(3) >> losses.CrossEntropy(integers=True, ignore_index=-1),
        lambda t, m: {"t": np.where(m, t, -1)},
    ),
    "by class": (
        Affine(3) >> losses.CrossEntropy(
            integers=True, class_weights=[1.0, 2.0, 5.0], weighted=True),
        lambda t, m: {"t": t, "weight": 0.5 * m},
    ),
    "a program": (
        Program(
            "y[b,k] = x[b,i] W[i,k] + B[k]; loss.weight = sum[b](m[b])\n"
            "loss = -sum[b](m[b] sum[k](t[b,k] log_softmax[k](y[b,k]))) / loss.weight",
            params="W B",
        ),
        lambda t, m: {"t": np.eye(3)[t], "m": 1.0 * m},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MASKED)
def test_a_masked_mean_over_batches_is_the_mean(case: str) -> None:
    model, targets = MASKED[case]
    rng = np.random.default_rng(0)
    counts = np.arange(12) < 5  # The last of the batches of 4 has nothing that counts.
    data = {"x": rng.normal(size=(12, 2)), **targets(rng.integers(0, 3, 12), counts)}
    parameters = {"W": rng.normal(size=(2, 3)), "B": np.zeros(3)}
    if isinstance(model, Network):
        parameters = model.init(rng, x=data["x"])
    held = as_model(model, data)
    given = {**parameters, **data}
    expected = float(held.evaluation({name: given[name] for name in held.evaluation.inputs}))
    for size in (1, 4, 5, 12):
        assert evaluate(model, parameters, data, batch_size=size)["loss"] == pytest.approx(expected)
    before = {name: array.copy() for name, array in parameters.items()}
    whole, parts = (Step(model, SGD(0.1), micro_batch=size) for size in (None, 2))
    loss = whole(parameters, whole.start(parameters), data)
    other = {name: array.copy() for name, array in before.items()}
    assert parts(other, parts.start(other), data) == pytest.approx(loss)
    for name in ("W", "B"):
        np.testing.assert_allclose(other[name], parameters[name], rtol=1e-12)
        assert not np.array_equal(other[name], before[name])
    rng = np.random.default_rng(3)
    history = fit(model, before, data, SGD(0.0), epochs=1, batch_size=6, rng=rng, verbose=0)
    assert history.last.loss == pytest.approx(expected)
    empty = {name: array[8:] for name, array in data.items()}
    for step in (whole, parts):
        with pytest.raises(EinpropError, match="no example of the batch counts: its weight is 0"):
            step(other, step.start(other), empty)
    assert np.isnan(evaluate(model, other, empty)["loss"])


def test_a_weight_is_one_number() -> None:
    program = Program("loss.weight[b] = m[b] + w; loss = sum[b](loss.weight[b])", params="w")
    with pytest.raises(InputError, match=r"loss\.weight has axes; how much a batch counts is one"):
        Step(program, SGD(0.1))


def test_a_last_step_without_a_gradient_is_an_error() -> None:
    program = Program("loss = sum[i](sqrt(w[i])) + 0 mean[b](x[b])", params="w")
    parameters = {"w": np.zeros(2)}
    with pytest.raises(EinpropError, match="the gradient of w is inf in epoch 1, step 1"):
        fit(
            program, parameters, {"x": np.ones(2)}, SGD(0.1), epochs=1, batch_size=2,
            rng=np.random.default_rng(0), verbose=0,
        )  # fmt: skip
    assert parameters["w"].tolist() == [0.0, 0.0]


def test_a_program_trains_like_a_network() -> None:
    predict = Program(str(MODEL.predictor.program))
    assert train()[1].column("loss") == train(
        Model.of(Program(str(MODEL.program)), predict),
        metrics=[accuracy],
        validation=blobs(10),
    )[1].column("loss")


def test_training_data_may_be_judged_too() -> None:
    parameters, history = train(metrics=[accuracy], training_metrics=True, validation=blobs(9))
    assert history.columns == (
        "loss", "training_loss", "training_accuracy", "validation_loss", "accuracy")  # fmt: skip
    assert history.last.metrics["training_loss"] == pytest.approx(
        float(MODEL(parameters, **blobs(200)))
    )
    assert history.last.metrics["training_accuracy"] > 0.9


def test_a_network_takes_the_axes_of_its_data() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 5, 2))
    data = {"x": x, "t": np.tanh(x @ np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 1.0]]))}
    model = Affine(3) >> Tanh() >> losses.SquaredError()
    parameters = model.init(rng, x=x)
    history = fit(model, parameters, data, SGD(0.5), epochs=30, batch_size=5, rng=rng,
                  validation=data, verbose=0)  # fmt: skip
    assert history.last.metrics["validation_loss"] < history.records[0].loss / 10
    assert predict(model, parameters, data).shape == (20, 5, 3)


def test_data_may_be_lists() -> None:
    parameters = {"w": np.array(0.0)}
    fit(
        Program("loss = mean[b]((x[b] w - t[b])^2)", params="w"), parameters,
        {"x": [1.0, 2.0], "t": [2.0, 4.0]}, SGD(0.1), epochs=99, batch_size=2,
        rng=np.random.default_rng(0), verbose=0,
    )  # fmt: skip
    assert parameters["w"] == pytest.approx(2.0)


def test_progress_is_a_line_an_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    train(verbose=True, epochs=2)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 1", "epoch 2"]


def test_a_loss_that_is_not_finite_stops_at_its_step() -> None:
    with (
        np.errstate(all="ignore"),
        pytest.raises(EinpropError, match=r"the loss is (nan|inf) in epoch 1, step \d+\n"),
    ):
        train(Affine(3) >> losses.SquaredError(), optimizer=SGD(1e200), parameters={
            "W": np.ones((2, 3)), "B": np.zeros(3)})  # fmt: skip


REFUSED = {
    "integers": (
        {"parameters": {"W1": np.ones((2, 8), np.int64)}},
        (
            "parameter W1 is int64; it cannot be trained in place\n"
            "parameters are numpy arrays of floats"
        ),
    ),
    "a number": (
        {"parameters": {"W1": 1.0}},
        (
            "parameter W1 is float; it cannot be trained in place\n"
            "parameters are numpy arrays of floats"
        ),
    ),
    "missing arrays": (
        {"parameters": {"W1": np.ones((2, 8))}},
        "no array for B1, W2, B2\nthe model reads x, t, W1, B1, W2, B2",
    ),
    "metrics of a program": (
        {"model": MODEL.program, "metrics": [accuracy], "validation": blobs(3)},
        (
            "metrics need a prediction, and a program does not say which tensor that is\n"
            "pass Model.of(program, predictor), with a program that computes it"
        ),
    ),
    "no batch": (
        {"batch_size": 0},
        "batch_size is 0\nit is an integer, 1 or more",
    ),
    "no examples": (
        {"data": {name: array[:0] for name, array in blobs(3).items()}},
        "there are no examples to learn from\nthe arrays have 0 rows",
    ),
    "no examples to judge by": (
        {"validation": {name: array[:0] for name, array in blobs(3).items()}},
        "there are no examples to judge by\nthe arrays have 0 rows",
    ),
    "rows that do not go together": (
        {"validation": {"x": blobs(9)["x"], "t": blobs(8)["t"]}},
        "x has 9 examples, but t has 8",
    ),
    "two outputs": (
        {
            "model": Program("y[b] = 2 x[b]; z[b] = t[b,k] t[b,k]"),
            "parameters": {"x": np.ones(3)},
        },
        (
            "the model has the outputs y, z; training needs one scalar loss\n"
            "end the network with a loss, or name the loss in outputs="
        ),
    ),
}


@pytest.mark.parametrize(("options", "message"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        train(**options)
    assert str(caught.value) == message


def test_data_without_names_are_refused() -> None:
    pair: Any = ([[0.0, 1.0]], [[1.0, 0.0, 0.0]])
    with pytest.raises(InputError) as caught:
        fit(MODEL, {}, pair, SGD(0.5), epochs=1, batch_size=1, rng=np.random.default_rng(0))
    assert str(caught.value) == (
        "data are by name, not ([[0.0, 1.0]], [[1.0, 0.0, 0.0]])\n"
        "as in {'x': x, 't': t}, examples along the first axis"
    )
