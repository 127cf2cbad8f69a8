"""Modules and criteria: the exercise's loop as printed, and its Jacobian check, on derived equations."""

from __future__ import annotations

import numpy as np
import pytest

from einprop import compare_jacobians, layers
from einprop.errors import InputError, ShapeError
from einprop.layers import (
    Affine,
    Criterion,
    Layer,
    Module,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
    losses,
    modules,
)

# a layer, and a shape that enters it
LAYERS = [
    (Affine(3), (4, 5)),
    (Affine(2), (2, 3, 4)),
    (ReLU(), (2, 3)),
    (ReLU(), (4,)),
    (Tanh(), (2, 3, 2)),
    (Sigmoid(), ()),
    (Softmax(), (3, 4)),
    (Affine(4) >> Tanh() >> Affine(2) >> Softmax(), (3, 2)),
    (layers.Attention(2, causal=True), (2, 3, 4)),
    (layers.AvgPool1d(2), (1, 4, 2)),
    (layers.AvgPool2d(2), (1, 4, 4, 1)),
    (layers.BatchNorm(), (4, 3)),
    (layers.Bias(), (3, 2)),
    (layers.Conv1d(2, kernel=3), (2, 5, 2)),
    (layers.Conv2d(2, kernel=3, stride=2, padding=1), (1, 4, 4, 2)),
    (layers.Conv3d(1, kernel=2), (1, 3, 3, 3, 1)),
    (layers.ConvTranspose1d(2, kernel=2, stride=2), (2, 3, 2)),
    (layers.ConvTranspose2d(2, kernel=3, stride=2, padding=1), (2, 3, 3, 1)),
    (layers.ConvTranspose3d(1, kernel=2), (1, 2, 2, 2, 1)),
    (layers.Dropout(0.5), (3, 2)),
    (layers.ELU(), (2, 3)),
    (layers.Flatten(), (2, 2, 2, 1)),
    (layers.GELU(), (2, 3)),
    (layers.GlobalPool(), (2, 2, 2, 3)),
    (layers.GroupNorm(2), (2, 4)),
    (layers.GRU(2), (2, 3, 2)),
    (layers.LayerNorm(), (2, 4)),
    (layers.LeakyReLU(), (2, 3)),
    (layers.LearnedPositions(5), (2, 3, 2)),
    (layers.LogSoftmax(), (2, 3)),
    (layers.LowRankAffine(2, 3), (2, 4)),
    (layers.LSTM(2), (2, 3, 2)),
    (layers.MaxPool1d(2), (1, 4, 2)),
    (layers.MaxPool2d(2), (1, 4, 4, 1)),
    (layers.RMSNorm(), (2, 4)),
    (layers.Residual(Affine(3) >> Tanh()), (2, 3)),
    (layers.RNN(2, last=True), (2, 3, 2)),
    (layers.Scale(), (2, 3)),
    (layers.SiLU(), (2, 3)),
    (layers.SinusoidalPositions(), (1, 3, 4)),
    (layers.Softplus(), (2, 3)),
    (layers.TensorTrainAffine((2, 2), (2, 3), rank=2), (3, 4)),
]
# Those that look up, or read two inputs, have tests of their own.
OTHERS = {layers.Embedding, layers.Bilinear}
LOSSES = [losses.CrossEntropy(), losses.LogLoss(), losses.SquaredError()]


class Mixing(Layer):
    """A layer with a further input."""

    forward = "y[b,j] = x[b,i] M[i,j] + x[b,j]"


def targets(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return rng.dirichlet(np.ones(shape[1]), size=shape[0])


@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=repr)
def test_rows_of_bprop_are_columns_of_finite_differences(layer, shape, rng) -> None:
    module = Module(layer, rng, x=shape)
    module.training = not layer.model.noise  # What is drawn anew at every call has no difference.
    found = compare_jacobians(module.fprop, module.bprop, rng.normal(size=shape))
    assert found.rows.shape == found.columns.shape == module.output_shape(shape) + shape


@pytest.mark.parametrize(("layer", "shape"), [c for c in LAYERS if c[0].program.params], ids=repr)
def test_gradients_of_parameters(layer, shape, rng) -> None:
    module = Module(layer, rng, x=shape)
    x = rng.normal(size=shape)
    for number, parameter in enumerate(module.params()):

        def forward(value: np.ndarray, parameter=parameter) -> np.ndarray:
            parameter[...] = value
            return module.fprop(x)

        def reverse(cotangent: np.ndarray, number=number) -> np.ndarray:
            module.bprop(cotangent)
            return module.grads()[number]

        assert compare_jacobians(forward, reverse, parameter.copy())


def test_every_layer_is_in_the_table() -> None:
    found = {getattr(layers, name) for name in layers.__all__}
    kinds = {kind for kind in found if isinstance(kind, type) and issubclass(kind, Layer)}
    covered = {type(layer) for layer, _ in LAYERS} | OTHERS
    assert kinds - covered == {Layer, layers.Loss}


def test_batch_normalisation_has_two_modes(rng) -> None:
    module = Module(layers.BatchNorm(), rng, x=(8, 3))
    x = rng.normal(2.0, 3.0, size=(8, 3))
    for _ in range(60):
        y = module.fprop(x)
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(module.state["running_mean"], x.mean(axis=0), rtol=0.01)
    assert len(module.params()) == 2
    kept = module.state["running_mean"].copy()
    module.training = False
    one = module.fprop(x[:1])
    np.testing.assert_array_equal(module.state["running_mean"], kept)
    assert abs(one).max() > 0.1
    assert module.bprop(np.ones((1, 3))).shape == (1, 3)


def test_dropout_goes_back_through_the_mask_it_drew(rng) -> None:
    module = Module(layers.Dropout(0.5), rng)
    x = np.ones((4, 50))
    y = module.fprop(x)
    assert set(np.unique(y)) == {0, 2}
    np.testing.assert_array_equal(module.bprop(np.ones_like(x)), y)
    assert (module.fprop(x) != y).any()
    module.training = False
    np.testing.assert_array_equal(module.fprop(x), x)
    with pytest.raises(InputError, match="draws noise"):
        Module(layers.Dropout(0.5)).fprop(x)


def test_two_inputs(rng) -> None:
    module = Module(layers.Bilinear(2), rng, x=(3, 4), z=(3, 5))
    z = rng.normal(size=(3, 5))
    assert compare_jacobians(lambda x: module.fprop(x, z=z), module.bprop, rng.normal(size=(3, 4)))
    assert module.gradients["z"].shape == (3, 5)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_criterion_weights_each_example_by_its_seed(loss, rng) -> None:
    criterion = Criterion(loss)
    x, t = targets(rng, (4, 3)), targets(rng, (4, 3))
    each = criterion.fprop(x, t)
    assert each.shape == (4,)
    np.testing.assert_allclose(each.mean(), loss({}, x=x, t=t))
    np.testing.assert_allclose(criterion.bprop([1 / 4] * 4), loss.program.grad(wrt="x")(x=x, t=t))
    seed = np.array([0.0, 2.0, 0.0, -1.0])
    gradient = criterion.bprop(seed)
    assert not gradient[[0, 2]].any()
    assert compare_jacobians(lambda z: criterion.fprop(z, t) @ seed, lambda c: c * gradient, x)


def test_criterion_takes_the_numbers_of_classes(rng) -> None:
    criterion, x = Criterion(losses.CrossEntropy()), rng.normal(size=(4, 3))
    labels = np.array([2, 0, 1, 1], np.uint8)
    by_number = criterion.fprop(x, labels)
    np.testing.assert_array_equal(by_number, criterion.fprop(x, np.eye(3)[labels]))
    written = Criterion("loss[b] = -log_softmax[k](x[b,k]) [k == t[b]]")
    np.testing.assert_allclose(written.fprop(x, labels), by_number)


def test_training_loop_of_the_exercise(rng) -> None:
    data = rng.normal(size=(60, 6))
    labels = (data[:, 0] > 0).astype(int) + (data[:, 1] > 0)
    network = modules(Affine(8) >> Tanh() >> Affine(3), rng, x=data)
    l = Criterion(losses.CrossEntropy())  # noqa: E741  (as the exercise calls it)
    values = []
    for _epoch in range(40):
        for start in range(0, 60, 20):
            x, t = data[start : start + 20], labels[start : start + 20]
            N = len(x)  # noqa: N806
            z = x
            for module in network:
                z = module.fprop(z)
            values.append(l.fprop(z, t).mean())
            dz = l.bprop([1 / N] * N)
            for module in reversed(network):
                dz = module.bprop(dz)
            for module in network:
                for parameter, gradient in zip(module.params(), module.grads(), strict=True):
                    parameter -= 0.5 * gradient  # noqa: PLW2901
    assert values[0] > 0.8
    assert values[-1] < 0.3


def test_modules_give_the_gradients_of_the_one_program(rng) -> None:
    network = Affine(5) >> Tanh() >> Affine(3)
    x, t = rng.normal(size=(4, 6)), targets(rng, (4, 3))
    chain, criterion = modules(network, rng, x=x), Criterion(losses.CrossEntropy())
    z = x
    for module in chain:
        z = module.fprop(z)
    criterion.fprop(z, t)
    dz = criterion.bprop([1 / 4] * 4)
    for module in reversed(chain):
        dz = module.bprop(dz)
    model = network >> losses.CrossEntropy()
    values = [array for module in chain for array in module.params()]
    parameters = dict(zip(model.program.params, values, strict=True))
    _, gradients = model.program.value_and_grad()({**parameters, "x": x, "t": t})
    found = [gradient for module in chain for gradient in module.grads()]
    for name, gradient in zip(parameters, found, strict=True):
        np.testing.assert_allclose(gradient, gradients[name], atol=1e-15)


def test_module_keeps_the_precision_of_its_parameters(rng) -> None:
    chain = modules(Affine(3) >> Tanh(), rng, x=np.zeros((2, 4), np.float32))
    z = np.ones((2, 4), np.float32)
    for module in chain:
        z = module.fprop(z)
    assert z.dtype == chain[0].bprop(z).dtype == chain[0].grads()[0].dtype == np.float32


def test_what_is_looked_up_has_no_gradient() -> None:
    module = Module(layers.Embedding(3, 2), parameters={"E": np.arange(6.0).reshape(3, 2)})
    assert module.fprop([[2, 0, 2]]).tolist() == [[[4, 5], [0, 1], [4, 5]]]
    assert module.bprop(np.ones((1, 3, 2))).tolist() == [[0, 0, 0]]
    assert module.grads()[0].tolist() == [[1, 1], [0, 0], [2, 2]]


def test_further_inputs_have_gradients_beside(rng) -> None:
    module = Module(Mixing())
    x, matrix = rng.normal(size=(2, 3)), rng.normal(size=(3, 3))
    np.testing.assert_allclose(module.fprop(x, M=matrix), x @ matrix + x)
    module.bprop(np.ones((2, 3)))
    np.testing.assert_allclose(module.gradients["M"], x.T @ np.ones((2, 3)))
    assert module.grads() == []


def test_parameters_are_the_callers() -> None:
    weights = {"W": np.ones((2, 1)), "B": np.zeros(1)}
    module = Module(Affine(1), parameters=weights)
    module.params()[0] *= 3
    assert weights["W"].tolist() == [[3], [3]]


def test_what_modules_refuse(rng) -> None:
    with pytest.raises(InputError, match="nothing to draw the parameters of Affine"):
        Module(Affine(3))
    with pytest.raises(InputError, match="has the parameters W, B, not W"):
        Module(Affine(3), parameters={"W": np.ones((2, 3))})
    with pytest.raises(InputError, match="ends in a loss"):
        Module(Affine(3) >> losses.SquaredError(), rng, x=(2, 3))
    with pytest.raises(InputError, match="bprop before fprop"):
        Module(Tanh()).bprop(np.ones(3))
    with pytest.raises(InputError, match="backward before forward"):
        Criterion(losses.LogLoss()).bprop([1.0])
    with pytest.raises(InputError, match="grads before bprop"):
        Module(Affine(1), rng, x=(1, 2)).grads()
    module = Module(Tanh())
    module.fprop(np.ones((2, 3)))
    with pytest.raises(ShapeError):
        module.bprop(np.ones((3, 2)))
