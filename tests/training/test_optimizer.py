"""What every optimiser does with arrays, whatever its equations are."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from einprop.errors import InputError, ShapeError
from einprop.training import SGD, Adam, Optimizer, PerStep, StepDecay

Arrays = dict[str, Any]


@dataclass(frozen=True)
class Signs(Optimizer):
    """Steps of one length, shorter with time."""

    learning_rate: float
    slots = ("last",)
    update = """
        last.new = sign(w.grad)
        w.new = w - learning_rate / step * (last.new + 0 last)
    """

    def first(self, slot: str) -> float:
        """Ones."""
        return 1.0


def test_equations_of_ones_own(rng: np.random.Generator) -> None:
    parameters = {"W": rng.normal(size=(2, 3)), "b": rng.normal(size=3), "c": np.array(1.0)}
    expected = {name: array.copy() for name, array in parameters.items()}
    optimizer = Signs(0.5)
    state = optimizer.start(parameters)
    assert all((state[f"{name}.last"] == 1).all() for name in parameters)
    for step in (1, 2, 3):
        gradients = {name: rng.normal(size=array.shape) for name, array in parameters.items()}
        optimizer.step(parameters, gradients, state)
        for name, gradient in gradients.items():
            expected[name] -= 0.5 / step * np.sign(gradient)
            assert (state[f"{name}.last"] == np.sign(gradient)).all()
    for name, array in expected.items():
        np.testing.assert_allclose(parameters[name], array, rtol=1e-14)


def test_names_need_not_be_names_of_the_language() -> None:
    parameters = {"0.W": np.ones(2), "sum": np.ones(()), "größe 1": np.ones(1), "adam": np.ones(1)}
    optimizer, held = Adam(0.1), dict(parameters)
    state = optimizer.start(parameters)
    optimizer.step(parameters, {n: np.ones(a.shape) for n, a in parameters.items()}, state)
    assert "0.W.m" in state
    for name, array in held.items():
        assert parameters[name] is array
        np.testing.assert_allclose(array, 0.9)


def test_parameters_without_a_gradient_stay() -> None:
    parameters = {"a": np.ones(2), "b": np.ones(2)}
    optimizer = SGD(1.0)
    state = optimizer.start(parameters)
    optimizer.step(parameters, {"b": np.ones(2)}, state)
    optimizer.step(parameters, {}, state)
    assert parameters["a"].tolist() == [1, 1]
    assert parameters["b"].tolist() == [0, 0]


def test_each_dtype_stays() -> None:
    parameters = {"a": np.ones(2, np.float32), "b": np.ones(2)}
    optimizer, held = Adam(0.25), dict(parameters)
    state = optimizer.start(parameters)
    assert (state["a.m"].dtype, state["b.m"].dtype) == (np.float32, np.float64)
    optimizer.step(parameters, {"a": np.ones(2, np.float32), "b": np.ones(2)}, state)
    assert (held["a"].dtype, held["b"].dtype) == (np.float32, np.float64)
    np.testing.assert_allclose([*held["a"], *held["b"]], 0.75, rtol=1e-6)


def test_what_does_not_fit_is_refused() -> None:
    optimizer, parameters = Adam(), {"w": np.ones(2)}
    state, gradients = optimizer.start(parameters), {"w": np.ones(2)}
    with pytest.raises(ShapeError, match=r"w\.grad has shape \(3,\), and its parameter \(2,\)"):
        optimizer.step(parameters, {"w": np.ones(3)}, state)
    with pytest.raises(ShapeError, match=r"w\.v has shape"):
        optimizer.step(parameters, gradients, {**state, "w.v": np.ones(1)})
    with pytest.raises(InputError, match=r"the optimiser's state has no w\.v"):
        optimizer.step(parameters, gradients, {"w.m": np.ones(2)})
    with pytest.raises(InputError, match="no parameter v"):
        optimizer.step(parameters, {"v": np.ones(2)}, state)
    with pytest.raises(InputError, match="w is int64; it cannot be changed in place"):
        optimizer.step({"w": np.ones(2, int)}, gradients, state)
    assert state["step"] == 0


def test_what_is_no_optimiser_is_refused() -> None:
    @dataclass(frozen=True)
    class Nothing(Optimizer):
        learning_rate: float

    with pytest.raises(InputError, match="Nothing has no update"):
        Nothing(0.1)

    @dataclass(frozen=True)
    class Misspelt(Optimizer):
        learning_rate: float
        update = "w.new = w - learning_rte * w.grad"

    with pytest.raises(InputError, match="cannot read learning_rte"):
        Misspelt(0.1)
    with pytest.raises(InputError, match="learning_rate of Signs is 'fast'"):
        Signs("fast")  # type: ignore[arg-type]


def test_a_number_is_looked_up_at_each_step() -> None:
    optimizer = SGD(PerStep(StepDecay(1.0, every=1, factor=0.5)))
    assert optimizer.number("learning_rate", epoch=7, step=2) == 0.25
    assert optimizer.number("step", epoch=7, step=2) == 3
