"""Losses against their formulas, with the gradients that lectures give for them."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import einprop as ep
from einprop.errors import InputError, ShapeError
from einprop.layers import Embedding, Loss, Network, Softmax, losses

Array = NDArray[Any]


def example() -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(8, 5)), np.eye(5)[rng.integers(0, 5, 8)]


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def value_and_gradient(network: Network, x: Array, t: Array) -> tuple[float, Array]:
    value, gradients = network.program.value_and_grad(wrt="x")({"x": x, "t": t})
    return value, gradients["x"]


def test_cross_entropy() -> None:
    x, t = example()
    value, gradient = value_and_gradient(losses.CrossEntropy(), x, t)
    assert value == pytest.approx(-(t * np.log(softmax(x))).sum() / 8)
    np.testing.assert_allclose(gradient, (softmax(x) - t) / 8, atol=1e-14)


def test_cross_entropy_of_large_logits() -> None:
    x, t = np.array([[1e4, 0.0], [-1e4, 0.0]]), np.eye(2)
    value, gradient = value_and_gradient(losses.CrossEntropy(), x, t)
    assert value == pytest.approx(0.0)
    assert np.isfinite(gradient).all()


def test_log_loss() -> None:
    x, t = example()
    value, gradient = value_and_gradient(losses.LogLoss(), softmax(x), t)
    assert value == pytest.approx(-(t * np.log(softmax(x))).sum() / 8)
    np.testing.assert_allclose(gradient, -t / softmax(x) / 8)


def test_log_loss_after_softmax_is_cross_entropy() -> None:
    x, t = example()
    composed = value_and_gradient(Softmax() >> losses.LogLoss(), x, t)
    direct = value_and_gradient(losses.CrossEntropy(), x, t)
    assert composed[0] == pytest.approx(direct[0])
    np.testing.assert_allclose(composed[1], direct[1], atol=1e-14)


def test_squared_error_has_the_half_of_the_lectures() -> None:
    x, t = example()
    value, gradient = value_and_gradient(losses.SquaredError(), x, t)
    assert value == pytest.approx(0.5 * ((x - t) ** 2).sum() / 8)
    np.testing.assert_allclose(gradient, (x - t) / 8)


def targets(kind: str, n: int = 8, k: int = 5) -> Array:
    rng = np.random.default_rng(3)
    drawn = rng.normal(size=(n, k))
    return {
        "real": drawn,
        "signs": np.where(drawn > 0, 1.0, -1.0),
        "shares": rng.uniform(size=(n, k)),
        "one-hot": np.eye(k)[rng.integers(0, k, n)],
        "soft": softmax(drawn),
        "numbers": rng.integers(0, k, n),
    }[kind]


# loss, its targets, and what torch.nn.functional has for it, as text of the logits x and targets t
PEERS = [
    (losses.SquaredError(), "real", "F.mse_loss(x, t, reduction='sum') / 2 / N"),
    (losses.AbsoluteError(), "real", "F.l1_loss(x, t, reduction='sum') / N"),
    (losses.CrossEntropy(), "one-hot", "F.cross_entropy(x, t)"),
    (losses.CrossEntropy(), "soft", "F.cross_entropy(x, t)"),
    (losses.KullbackLeibler(), "soft", "F.kl_div(logs, t, reduction='batchmean')"),
    (losses.KullbackLeibler(), "one-hot", "F.kl_div(logs, t, reduction='batchmean')"),
    (
        losses.LogisticCrossEntropy(),
        "shares",
        "F.binary_cross_entropy_with_logits(x, t, reduction='sum') / N",
    ),
    (Softmax() >> losses.LogLoss(), "soft", "-(t * logs.exp().log()).sum() / N"),
    (losses.Huber(), "real", "F.huber_loss(x, t, reduction='sum') / N"),
    (losses.Huber(0.3), "real", "F.huber_loss(x, t, reduction='sum', delta=0.3) / N"),
    (losses.CrossEntropy(integers=True), "numbers", "F.cross_entropy(x, t)"),
    (losses.MulticlassHinge(integers=True), "numbers", "F.multi_margin_loss(x, t)"),
    (
        losses.MulticlassHinge(0.2, integers=True),
        "numbers",
        "F.multi_margin_loss(x, t, margin=0.2)",
    ),
    (losses.MulticlassHinge(), "one-hot", "F.multi_margin_loss(x, t.argmax(1))"),
    (losses.Hinge(), "signs", "torch.relu(1 - t * x).sum() / N"),
]


WEIGHTS = [0.5, 2.0, 0.0, 1.0, 3.0]
SHARES = np.array([1.0, 0.0, 2.0, 0.5, 0.25, 1.0, 3.0, 0.0])
"""Of the examples; those that torch has no word for are its ``reduction="none"`` times these."""

OPTIONS = [
    ({"label_smoothing": 0.1}, "F.cross_entropy(x, t, label_smoothing=0.1)"),
    ({"label_smoothing": 1}, "F.cross_entropy(x, t, label_smoothing=1.0)"),
    ({"class_weights": WEIGHTS}, "F.cross_entropy(x, t, weight=w)"),
    (
        {"class_weights": WEIGHTS, "label_smoothing": 0.2},
        "F.cross_entropy(x, t, weight=w, label_smoothing=0.2)",
    ),
    (
        {"weighted": True},
        "(F.cross_entropy(x, t, reduction='none') * s).sum() / s.sum()",
    ),
    (
        {"weighted": True, "class_weights": WEIGHTS, "label_smoothing": 0.2},
        "(F.cross_entropy(x, t, weight=w, label_smoothing=0.2, reduction='none') * s).sum() / total",
    ),
]
IGNORING = [
    ({}, "F.cross_entropy(x, t, ignore_index=-100)"),
    ({"label_smoothing": 0.1}, "F.cross_entropy(x, t, ignore_index=-100, label_smoothing=0.1)"),
    ({"class_weights": WEIGHTS}, "F.cross_entropy(x, t, ignore_index=-100, weight=w)"),
    (
        {"class_weights": WEIGHTS, "label_smoothing": 0.2},
        "F.cross_entropy(x, t, ignore_index=-100, weight=w, label_smoothing=0.2)",
    ),
    (
        {"weighted": True},
        "(F.cross_entropy(x, t, reduction='none') * s).sum() / (s * (t != -100)).sum()",
    ),
]


def ignoring(t: Array) -> Array:
    return np.where(np.arange(8) % 3 == 1, -100, t)


@pytest.mark.parametrize("kind", ["numbers", "one-hot", "soft", "ignored"])
@pytest.mark.parametrize("number", range(len(OPTIONS)))
def test_options_of_cross_entropy_are_those_of_torch(kind: str, number: int) -> None:
    table = IGNORING if kind == "ignored" else OPTIONS
    if number >= len(table):
        return
    options, formula = table[number]
    integers = kind in ("numbers", "ignored")
    t = ignoring(targets("numbers")) if kind == "ignored" else targets(kind)
    ignored = {"ignore_index": -100} if kind == "ignored" else {}
    loss = losses.CrossEntropy(integers=integers, **options, **ignored)
    x = np.random.default_rng(1).normal(size=(8, 5))
    tensors = {"x": x, "t": t, "class_weight": np.array(WEIGHTS), "weight": SHARES}
    read = {name: array for name, array in tensors.items() if name in loss.program.inputs}
    value, gradients = loss.program.value_and_grad(wrt="x")(read)
    expected, slope = by_torch(formula, x, t)
    assert value == pytest.approx(expected, rel=1e-10)
    np.testing.assert_allclose(gradients["x"], slope, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(
    ("loss", "kind"), [(loss, kind) for loss, kind, _ in PEERS if isinstance(loss, Loss)], ids=str
)
def test_weights_count_examples(loss: Loss, kind: str) -> None:
    x, t = np.random.default_rng(1).normal(size=(8, 5)), targets(kind)
    weighted = type(loss)(**{**loss.options, "weighted": True})
    counts = np.array([1, 0, 2, 1, 0, 3, 1, 1])
    value = weighted({}, x=x, t=t, weight=counts)
    assert value == pytest.approx(loss({}, x=x.repeat(counts, 0), t=t.repeat(counts, 0)))


def test_weights_of_classes_are_state_of_the_network() -> None:
    network = Embedding(7, 5) >> losses.CrossEntropy(integers=True, class_weights=WEIGHTS)
    parameters = network.init(np.random.default_rng(0), x=(2, 4))
    assert parameters["class_weight"].tolist() == WEIGHTS
    assert network.model.state == {"class_weight": "class_weight"}
    assert network.program.params == ("E",)
    few = Embedding(7, 5) >> losses.CrossEntropy(class_weights=[1, 2])
    with pytest.raises(ShapeError):
        few.init(np.random.default_rng(0), x=(2, 4))


@pytest.mark.parametrize("options", [{"weighted": True}, {"ignore_index": -1}], ids=str)
def test_a_mask_of_padding_counts_positions(options: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    network = Embedding(7, 3) >> losses.CrossEntropy(integers=True, **options)
    symbols, t = rng.integers(0, 7, (2, 4)), rng.integers(0, 3, (2, 4))
    mask = np.array([[1, 1, 1, 1], [1, 1, 0, 0]])
    parameters = network.init(rng, x=symbols)
    further = {"weight": mask} if "weighted" in options else {}
    given = t if further else np.where(mask, t, -1)
    rows, numbers = parameters["E"][symbols][mask == 1], t[mask == 1]
    assert network(parameters, x=symbols, t=given, **further) == pytest.approx(
        losses.CrossEntropy(integers=True)({}, x=rows, t=numbers)
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label_smoothing": 1.5}, "label_smoothing is 1.5\nit is a number from 0 to 1"),
        (
            {"ignore_index": -1},
            (
                "ignore_index is -1, and targets are distributions\n"
                "write integers=True, or weighted=True with weight[b] 0 where none counts"
            ),
        ),
        (
            {"ignore_index": 1.5, "integers": True},
            "ignore_index is 1.5\nit is an integer",
        ),
        ({"class_weights": [1, None]}, "class_weights is None\nit is a finite number"),
    ],
    ids=str,
)
def test_wrong_options_say_why(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        losses.CrossEntropy(**options)
    assert str(caught.value) == message


def by_torch(formula: str, x: Array, t: Array) -> tuple[float, Array]:
    torch = pytest.importorskip("torch", reason="torch is the oracle")
    logits = torch.tensor(x, requires_grad=True)
    names = {
        "F": torch.nn.functional,
        "x": logits,
        "t": torch.tensor(t),
        "N": len(x),
        "logs": torch.log_softmax(logits, dim=1),
        "torch": torch,
        "w": torch.tensor(WEIGHTS, dtype=torch.float64),
        "s": torch.tensor(SHARES),
    }
    names["total"] = (
        (names["s"] * names["w"][names["t"].clamp(0)]).sum() if t.ndim == 1 else SHARES.sum()
    )
    loss = eval(formula, names)  # noqa: S307 - the table above
    loss.backward()
    return float(loss.detach()), logits.grad.numpy()


@pytest.mark.parametrize(("loss", "kind", "formula"), PEERS, ids=lambda value: str(value)[:40])
def test_value_and_gradient_are_those_of_torch(loss: Network, kind: str, formula: str) -> None:
    x = np.random.default_rng(1).normal(size=(8, 5))
    t = targets(kind)
    value, gradient = value_and_gradient(loss, x, t)
    expected, slope = by_torch(formula, x, t)
    assert value == pytest.approx(expected, rel=1e-10)
    np.testing.assert_allclose(gradient, slope, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(("loss", "kind"), [peer[:2] for peer in PEERS], ids=str)
def test_gradients_agree_with_finite_differences(loss: Network, kind: str) -> None:
    x = np.random.default_rng(1).normal(size=(8, 5))
    ep.gradcheck(loss.program, {"x": x, "t": targets(kind)}, wrt="x")


STABLE = [
    (losses.CrossEntropy(), "one-hot"),
    (losses.CrossEntropy(), "soft"),
    (losses.CrossEntropy(integers=True), "numbers"),
    (losses.KullbackLeibler(), "one-hot"),
    (losses.LogisticCrossEntropy(), "shares"),
    (Softmax() >> losses.LogLoss(), "soft"),
    (Softmax() >> losses.LogLoss(), "one-hot"),
]


@pytest.mark.parametrize("scale", [1e2, 1e4, 1e300])
@pytest.mark.parametrize(("loss", "kind"), STABLE, ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_large_logits_stay_finite(loss: Network, kind: str, scale: float, dtype: type) -> None:
    largest = min(scale, float(np.finfo(dtype).max) / 1e4)
    x = (largest * np.random.default_rng(1).normal(size=(8, 5))).astype(dtype)
    t = targets(kind)
    value, gradient = value_and_gradient(loss, x, t if t.dtype.kind == "i" else t.astype(dtype))
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() <= 1


def test_cross_entropy_of_large_logits_is_their_distance() -> None:
    value, gradient = value_and_gradient(
        losses.CrossEntropy(), np.array([[1e4, 0.0]]), np.array([[0.0, 1.0]])
    )
    assert value == 1e4
    assert gradient.tolist() == [[1.0, -1.0]]


def test_logistic_cross_entropy_of_large_logits_is_their_size() -> None:
    value, gradient = value_and_gradient(
        losses.LogisticCrossEntropy(), np.array([[1e4, -1e4]]), np.array([[0.0, 1.0]])
    )
    assert value == 2e4
    assert gradient.tolist() == [[1.0, -1.0]]


def test_divergence_from_itself_is_nothing() -> None:
    x = np.random.default_rng(1).normal(size=(8, 5))
    value, gradient = value_and_gradient(losses.KullbackLeibler(), x, softmax(x))
    assert value == pytest.approx(0, abs=1e-15)
    np.testing.assert_allclose(gradient, 0, atol=1e-15)


def test_divergence_has_the_gradient_of_cross_entropy() -> None:
    x, t = np.random.default_rng(1).normal(size=(8, 5)), targets("soft")
    divergence, entropy = (
        value_and_gradient(loss, x, t) for loss in (losses.KullbackLeibler(), losses.CrossEntropy())
    )
    assert entropy[0] - divergence[0] == pytest.approx(-(t * np.log(t)).sum() / 8)
    np.testing.assert_allclose(divergence[1], entropy[1], atol=1e-14)


def test_edges_have_the_stated_derivatives() -> None:
    _, absolute = value_and_gradient(losses.AbsoluteError(), np.zeros((1, 1)), np.zeros((1, 1)))
    _, hinge = value_and_gradient(losses.Hinge(), np.ones((1, 1)), np.ones((1, 1)))
    assert absolute.tolist() == hinge.tolist() == [[0.0]]


@pytest.mark.parametrize(("loss", "kind"), [peer[:2] for peer in PEERS], ids=str)
def test_twice_the_batch_is_the_same_loss(loss: Network, kind: str) -> None:
    x, t = np.random.default_rng(1).normal(size=(8, 5)), targets(kind)
    once, _ = value_and_gradient(loss, x, t)
    twice, _ = value_and_gradient(loss, np.concatenate([x, x]), np.concatenate([t, t]))
    assert twice == pytest.approx(once, rel=1e-12)


@pytest.mark.parametrize("kind", [losses.CrossEntropy, losses.MulticlassHinge])
def test_integers_are_one_hot_rows(kind: type[Loss]) -> None:
    x, numbers = np.random.default_rng(1).normal(size=(8, 5)), targets("numbers")
    by_number = value_and_gradient(kind(integers=True), x, numbers)
    by_row = value_and_gradient(kind(), x, np.eye(5)[numbers])
    assert by_number[0] == pytest.approx(by_row[0], rel=1e-12)
    np.testing.assert_allclose(by_number[1], by_row[1], atol=1e-15)


@pytest.mark.parametrize("stray", [-1, 5])
def test_an_integer_that_names_no_class_is_refused(stray: int) -> None:
    with pytest.raises(InputError) as caught:
        losses.CrossEntropy(integers=True)({}, x=np.zeros((2, 5)), t=[0, stray])
    assert str(caught.value).startswith(
        f"t[1] is {stray}, outside of axis 1 of x: positions 0 to 4"
    )


@pytest.mark.parametrize(
    ("loss", "shape"),
    [
        (losses.CrossEntropy(), (2, 4, 3)),
        (losses.CrossEntropy(integers=True), (2, 4)),
        (losses.MulticlassHinge(integers=True), (2, 4)),
        (losses.SquaredError(), (2, 4, 3)),
    ],
    ids=str,
)
def test_losses_of_sequences_are_means_over_their_positions(
    loss: Loss, shape: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(0)
    network = Embedding(7, 3) >> loss
    symbols = rng.integers(0, 7, (2, 4))
    t = rng.integers(0, 3, shape) if len(shape) == 2 else rng.normal(size=shape)
    parameters = network.init(rng, x=symbols)
    value = network(parameters, x=symbols, t=t)
    rows = parameters["E"][symbols].reshape(8, 3)
    assert value == pytest.approx(loss({}, x=rows, t=t.reshape(8, *shape[2:])), rel=1e-12)


@pytest.mark.parametrize("delta", [0.0, -1.0, float("nan")])
def test_delta_is_positive(delta: float) -> None:
    with pytest.raises(InputError) as caught:
        losses.Huber(delta)
    assert str(caught.value) == f"delta is {delta}\nit is a number above 0"


def test_losses_print_and_compare() -> None:
    assert repr(losses.CrossEntropy()) == "CrossEntropy()"
    assert repr(losses.CrossEntropy(integers=True)) == "CrossEntropy(integers=True)"
    assert losses.Huber(1) == losses.Huber() != losses.Huber(2)
