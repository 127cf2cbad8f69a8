"""Evaluation in portions is evaluation at once; what is missing is named."""

import numpy as np
import pytest

from einprop.errors import InputError
from einprop.layers import Affine, BatchNorm, Dropout, losses
from einprop.program import Program
from einprop.training import accuracy, error_rate, evaluate, predict

MODEL = Affine(6) >> BatchNorm() >> Dropout(0.5) >> Affine(3) >> losses.CrossEntropy()
RNG = np.random.default_rng(0)
DATA = {"x": RNG.normal(size=(10, 4)), "t": np.eye(3)[RNG.integers(0, 3, 10)]}
PARAMETERS = MODEL.init(RNG, x=DATA["x"])


@pytest.mark.parametrize("batch_size", [1, 3, 10, 256])
def test_portions_are_the_whole(batch_size: int) -> None:
    found = evaluate(MODEL, PARAMETERS, DATA, [accuracy, error_rate], batch_size=batch_size)
    scores = MODEL.predictor(PARAMETERS, x=DATA["x"])
    assert list(found) == ["loss", "accuracy", "error_rate"]
    assert found["loss"] == pytest.approx(float(MODEL(PARAMETERS, **DATA)))
    assert found["accuracy"] == accuracy(scores, DATA["t"])
    np.testing.assert_allclose(
        predict(MODEL, PARAMETERS, DATA, batch_size=batch_size), scores, rtol=1e-12
    )


def test_nothing_is_drawn_and_nothing_changes() -> None:
    before = {name: array.copy() for name, array in PARAMETERS.items()}
    assert evaluate(MODEL, PARAMETERS, DATA) == evaluate(MODEL, PARAMETERS, DATA)
    assert all(np.array_equal(PARAMETERS[name], before[name]) for name in before)


def test_a_metric_may_be_an_object() -> None:
    class Largest:
        def __call__(self, scores: np.ndarray, targets: np.ndarray) -> float:
            return float(scores.max())

    assert "Largest" in evaluate(MODEL, PARAMETERS, DATA, [Largest()])


def test_what_is_missing_is_named() -> None:
    with pytest.raises(InputError, match="no array for x\nthe model reads x, running_variance2, "):
        evaluate(MODEL, PARAMETERS, {"t": DATA["t"]})
    program = Program("loss = mean[b]((x[b] w - target[b])^2)", params="w")
    data = {"x": np.ones(3), "target": np.ones(3)}
    with pytest.raises(InputError, match="the data have no t"):
        evaluate(program, {"w": np.ones(())}, data, [accuracy])
    with pytest.raises(InputError, match="a program does not say which tensor that is"):
        predict(program, {"w": np.ones(())}, data)
