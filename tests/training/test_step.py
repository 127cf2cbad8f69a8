"""A step of training as one program: what it computes, changes and refuses."""

from typing import Any

import numpy as np
import pytest

from einprop import Program
from einprop.errors import EinpropError, InputError
from einprop.layers import Affine, BatchNorm, Dropout, Tanh
from einprop.layers.losses import CrossEntropy
from einprop.layers.model import Model
from einprop.layers.noise import bernoulli
from einprop.training import (
    SGD,
    Adam,
    AdamW,
    ClipNorm,
    ClipValue,
    Optimizer,
    RMSProp,
    Step,
    StepDecay,
)

Arrays = dict[str, Any]
NETWORK = Affine(6) >> Tanh() >> Affine(3) >> CrossEntropy()


@pytest.fixture
def problem(rng: np.random.Generator) -> tuple[Arrays, Arrays]:
    x = rng.normal(size=(12, 5))
    data = {"x": x, "t": np.eye(3)[rng.integers(0, 3, 12)]}
    return NETWORK.init(rng, x=x), data


def copied(parameters: Arrays) -> Arrays:
    return {name: array.copy() for name, array in parameters.items()}


@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(0.1),
        SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
        Adam(0.01, weight_decay=0.1),
        AdamW(0.01),
        RMSProp(0.01, momentum=0.5, centred=True),
    ],
)
def test_one_program_is_gradient_and_update(
    problem: tuple[Arrays, Arrays], optimizer: Optimizer
) -> None:
    parameters, data = problem
    apart = copied(parameters)
    step = Step(NETWORK, optimizer)
    state, other = step.start(parameters), optimizer.start(apart)
    both = NETWORK.program.value_and_grad()
    for epoch in range(5):
        loss = step(parameters, state, data, epoch=epoch)
        value, gradients = both({**apart, **data})
        optimizer.step(apart, gradients, other, epoch)
        assert loss == pytest.approx(float(value), rel=1e-13)
    for name, array in (*apart.items(), *other.items()):
        found = parameters[name] if name in parameters else state[name]
        np.testing.assert_allclose(found, array, rtol=1e-12, atol=1e-14, err_msg=name)


def test_arrays_are_changed_where_they_are(problem: tuple[Arrays, Arrays]) -> None:
    parameters, data = problem
    step = Step(NETWORK, Adam())
    state = step.start(parameters)
    held, slots, before = dict(parameters), dict(state), copied(parameters)
    step(parameters, state, data)
    assert all(parameters[name] is array for name, array in held.items())
    assert all(state[name] is array for name, array in slots.items())
    assert not any(np.array_equal(parameters[name], array) for name, array in before.items())
    assert state["step"] == 1


@pytest.mark.parametrize("clip", [None, ClipValue(0.01), ClipNorm(0.05)])
def test_the_text_of_a_step_is_the_step(
    problem: tuple[Arrays, Arrays], clip: ClipValue | ClipNorm | None
) -> None:
    parameters, data = problem
    step = Step(NETWORK, Adam(), clip=clip, l2=0.1, examples=12)
    parsed = Program(str(step.program))
    assert parsed == step.program
    state = step.start(parameters)
    numbers = {
        "adam.learning_rate": 1e-3,
        "adam.beta1": 0.9,
        "adam.beta2": 0.999,
        "adam.epsilon": 1e-8,
        "adam.step": 1,
        "l2.lambda": 0.1,
        "l2.examples": 12,
        "gradient.limit": clip.limit if clip else 0.0,
    }
    given = {**parameters, **state, **data, **numbers}
    results = parsed({name: given[name] for name in parsed.inputs})
    assert step(parameters, state, data) == pytest.approx(results["objective"], rel=1e-13)
    for name in parameters:
        np.testing.assert_allclose(parameters[name], results[f"{name}.new"], rtol=1e-12)


def test_micro_batches_are_the_large_batch(problem: tuple[Arrays, Arrays]) -> None:
    parameters, data = problem
    other = copied(parameters)
    options: Arrays = {"clip": ClipNorm(0.1), "l2": 0.3, "examples": 100}
    whole = Step(NETWORK, Adam(0.1), **options)
    parts = Step(NETWORK, Adam(0.1), micro_batch=5, **options)
    state, another = whole.start(parameters), parts.start(other)
    for _ in range(3):
        loss = whole(parameters, state, data)
        assert parts(other, another, data) == pytest.approx(loss, rel=1e-13)
    for name in parameters:
        np.testing.assert_allclose(other[name], parameters[name], rtol=1e-11, atol=1e-13)
    assert another["step"] == 3


def test_micro_batches_need_examples(problem: tuple[Arrays, Arrays]) -> None:
    parameters, data = problem
    step = Step(NETWORK, SGD(0.1), micro_batch=4)
    with pytest.raises(InputError, match="x has 12, t has 11"):
        step(parameters, step.start(parameters), {**data, "t": data["t"][1:]})


def test_the_penalty_is_lambda_by_the_number_of_examples() -> None:
    program = Program("loss = mean[b](x[b] w) + c", params="w c")
    parameters = {"w": np.array(2.0), "c": np.array(3.0)}
    step = Step(program, SGD(1.0), l2=0.5, examples=10)
    loss = step(parameters, step.start(parameters), {"x": np.ones(4)})
    assert loss == pytest.approx(5.0 + 0.5 / 10 * (4 + 9))
    assert parameters["w"] == pytest.approx(2 - (1 + 2 * 0.5 / 10 * 2))


@pytest.mark.parametrize("micro_batch", [None, 2])
def test_a_loss_that_is_no_number_changes_nothing(micro_batch: int | None) -> None:
    program = Program(
        "param w\nloss = mean[b](x[b] w)\nnext_seen = seen + sum[b](x[b])\noutput loss, next_seen"
    )
    model = Model(program, program, state={"seen": "next_seen"})
    parameters = {"w": np.array(2.0), "seen": np.array(0.0)}
    step = Step(model, Adam(), micro_batch=micro_batch)
    state = step.start(parameters)
    step(parameters, state, {"x": np.ones(4)})
    before, slots = copied(parameters), copied(state)
    assert before["seen"] == 4.0
    with pytest.raises(EinpropError, match="the loss is nan in epoch 3, step 2"):
        step(parameters, state, {"x": np.array([1, 1, 1, np.nan])}, epoch=2)
    assert parameters == before
    assert state == slots


def test_state_is_replaced_and_noise_drawn(rng: np.random.Generator) -> None:
    program = Program("""
        param w[i]
        next_seen[i] = 0.5 seen[i] + 0.5 sum[b](x[b,i])
        loss = sum[b](x[b,i] w[i] mask[b,i] table[i])
        output loss, next_seen[i]
    """)
    model = Model(
        program,
        program,
        state={"seen": "next_seen", "table": "table"},
        noise={"mask": bernoulli(0.5)},
    )
    parameters = {"w": np.ones(3), "seen": np.zeros(3), "table": np.ones(3)}
    seen, step = parameters["seen"], Step(model, SGD(0.1))
    state, x = step.start(parameters), rng.normal(size=(4, 3))
    mask = bernoulli(0.5).draw(np.random.default_rng(7), (4, 3))
    loss = step(parameters, state, {"x": x}, np.random.default_rng(7))
    assert loss == pytest.approx((x * mask).sum())
    np.testing.assert_allclose(parameters["w"], 1 - 0.1 * (x * mask).sum(axis=0))
    np.testing.assert_allclose(seen, 0.5 * x.sum(axis=0))
    assert state.keys() == {"step"}
    with pytest.raises(InputError, match="the model draws mask"):
        step(parameters, state, {"x": x})


def test_single_precision_stays(problem: tuple[Arrays, Arrays]) -> None:
    parameters, data = problem
    single = {name: array.astype(np.float32) for name, array in parameters.items()}
    step = Step(NETWORK, Adam(0.1))
    state, double = step.start(single), step.start(parameters)
    assert step(single, state, data) == pytest.approx(step(parameters, double, data), rel=1e-5)
    assert {array.dtype for name, array in (*single.items(), *state.items()) if name != "step"} == {
        np.dtype(np.float32)
    }
    np.testing.assert_allclose(single["W1"], parameters["W1"], rtol=1e-3, atol=1e-4)


def test_names_of_the_model_are_left_alone() -> None:
    program = Program("loss = (adam x w)^2", params="w adam")
    step = Step(program, Adam())
    assert "adam2.beta1" in step.program.inputs
    with pytest.raises(InputError, match=r"the model has a tensor w\.m"):
        Step(Program("loss = (w x w.m)^2", params="w"), Adam())


def test_what_cannot_be_trained_is_refused(problem: tuple[Arrays, Arrays]) -> None:
    parameters, data = problem
    with pytest.raises(InputError, match="there is no parameter"):
        Step(Program("loss = x^2"), SGD(0.1))
    with pytest.raises(InputError, match="v is no input of the model"):
        Step(Program("loss = x^2"), SGD(0.1), parameters="v")
    with pytest.raises(InputError, match="needs one scalar loss"):
        Step(Program("y[i] = w[i]^2", params="w"), SGD(0.1))
    with pytest.raises(InputError, match="divided by the number of training examples"):
        Step(NETWORK, SGD(0.1), l2=0.1)
    with pytest.raises(InputError, match="l2 is -1"):
        Step(NETWORK, SGD(0.1), l2=-1.0)
    with pytest.raises(InputError, match="micro_batch is 0"):
        Step(NETWORK, SGD(0.1), micro_batch=0)
    step = Step(NETWORK, Adam())
    with pytest.raises(InputError, match=r"the optimiser's state has no W1\.m"):
        step(parameters, {}, data)
    with pytest.raises(InputError, match="no array for W1, B1, W2, B2"):
        step.start({})
    with pytest.raises(InputError, match="no array for W2"):
        step({n: a for n, a in parameters.items() if n != "W2"}, step.start(parameters), data)
    whole = {name: array.astype(int) for name, array in parameters.items()}
    with pytest.raises(InputError, match="W1 is int64; it cannot be changed in place"):
        step(whole, step.start(parameters), data)


def test_what_is_not_trained_stays(problem: tuple[Arrays, Arrays]) -> None:
    parameters, data = problem
    before, step = copied(parameters), Step(NETWORK, Adam(0.1), parameters="W2 B2")
    state = step.start(parameters)
    assert state.keys() == {"step", "W2.m", "W2.v", "B2.m", "B2.v"}
    step(parameters, state, data)
    changed = [n for n, array in parameters.items() if not np.array_equal(array, before[n])]
    assert changed == ["W2", "B2"]


def test_a_number_that_a_schedule_changes_compiles_nothing(
    problem: tuple[Arrays, Arrays],
) -> None:
    parameters, data = problem
    step = Step(NETWORK, Adam(StepDecay(0.1, every=1)))
    state, before = step.start(parameters), copied(parameters)
    moved = []
    for epoch in range(3):
        step(parameters, state, data, epoch=20 * epoch)
        moved.append(abs(parameters["W1"] - before["W1"]).max())
        before = copied(parameters)
    assert moved[0] > 0.01
    assert moved[1] < 1e-19
    assert step._first._plan.cache_info().misses == 1


def test_the_number_of_steps_is_an_array(problem: tuple[Arrays, Arrays]) -> None:
    parameters, data = problem
    step = Step(NETWORK, SGD(0.1))
    with pytest.raises(InputError, match="step in the optimiser's state is 3"):
        step(parameters, {"step": 3}, data)  # type: ignore[dict-item]


def test_a_network_with_state_and_noise(rng: np.random.Generator) -> None:
    network = Affine(6) >> BatchNorm() >> Tanh() >> Dropout(0.4) >> Affine(3) >> CrossEntropy()
    x, t = rng.normal(size=(12, 5)), np.eye(3)[rng.integers(0, 3, 12)]
    parameters = network.init(rng, x=x)
    apart, step = copied(parameters), Step(network, SGD(0.1, momentum=0.9))
    state, model = step.start(parameters), network.model
    names = [*step.parameters]
    other = SGD(0.1, momentum=0.9).start({name: apart[name] for name in names})
    gradient = model.program.vjp(of="loss", wrt=names)
    one, two = np.random.default_rng(5), np.random.default_rng(5)
    for _ in range(3):
        step(parameters, state, {"x": x, "t": t}, one)
        noise = {n: drawn.draw(two, (12, 6)) for n, drawn in model.noise.items()}
        given = {**apart, **noise, "x": x, "t": t, "loss.grad": 1.0}
        found = gradient({name: given[name] for name in gradient.inputs})
        results = model.program({name: given[name] for name in model.program.inputs})
        SGD(0.1, momentum=0.9).step(apart, {n: found[f"{n}.grad"] for n in names}, other)
        apart |= {name: results[new] for name, new in model.state.items()}
    for name, array in apart.items():
        np.testing.assert_allclose(parameters[name], array, rtol=1e-11, atol=1e-13, err_msg=name)


@pytest.mark.parametrize(
    ("text", "shapes", "data"),
    [
        (
            "e[b,d] = E[tok[b],d]; loss = mean[b](sum[d](e[b,d] V[d,3])^2)",
            {"E": (7, 4), "V": (4, 5)},
            {"tok": np.array([1, 3, 3, 6, 0])},
        ),
        (
            "y[b,i] = x[b,2*i+p] K[p]; loss = mean[b](sum[i](y[b,i]^2)) + (w[0] - w[end])^2 + c^2",
            {"K": (3,), "w": (6,), "c": ()},
            {"x": np.linspace(-1, 1, 55).reshape(5, 11)},
        ),
        (
            """
            h[t,b,j] = tanh(x[b,t,i] W[i,j] + h[t-1,b,k] U[k,j]); h[-1,b,j] = g[j]
            loss = mean[b](sum[j](h[end,b,j]^2))
            """,
            {"W": (3, 4), "U": (4, 4), "g": (4,)},
            {"x": np.linspace(-1, 1, 75).reshape(5, 5, 3)},
        ),
    ],
    ids=["gather", "window", "recurrence"],
)
def test_parameters_at_any_subscripts(
    text: str, shapes: dict[str, tuple[int, ...]], data: Arrays, rng: np.random.Generator
) -> None:
    program = Program(text, params=list(shapes))
    parameters = {name: np.array(rng.normal(size=shape)) for name, shape in shapes.items()}
    apart, parts = copied(parameters), copied(parameters)
    step = Step(program, Adam(0.1), clip=ClipNorm(10.0))
    cut = Step(program, Adam(0.1), clip=ClipNorm(10.0), micro_batch=2)
    assert cut.update is not None
    for written in (step.program, cut.program, cut.update):
        assert Program(str(written)) == written
    state, other, third = step.start(parameters), step.start(apart), cut.start(parts)
    for _ in range(3):
        step(parameters, state, data)
        cut(parts, third, data)
        _, gradients = program.value_and_grad()({**apart, **data})
        norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients.values()))
        scale = min(1.0, 10.0 / (norm + 1e-6))
        Adam(0.1).step(apart, {n: scale * g for n, g in gradients.items()}, other)
    for name, array in apart.items():
        np.testing.assert_allclose(parameters[name], array, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(parts[name], array, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("micro_batch", [None, 2])
@pytest.mark.parametrize("optimizer", [SGD(0.1, momentum=0.9), Adam(0.1)])
@pytest.mark.parametrize("clip", [None, ClipNorm(1.0), ClipValue(1.0)])
def test_a_gradient_that_is_no_number_changes_nothing(
    micro_batch: int | None, optimizer: Optimizer, clip: ClipNorm | ClipValue | None
) -> None:
    program = Program(
        "param w[i], v\nloss = mean[b](x[b]) v + sum[i](sqrt(w[i]))\n"
        "next_seen = seen + sum[b](x[b])\noutput loss, next_seen"
    )
    model = Model(program, program, state={"seen": "next_seen"})
    parameters = {"w": np.ones(2), "v": np.array(1.0), "seen": np.array(0.0)}
    step = Step(model, optimizer, micro_batch=micro_batch, clip=clip)
    state, batch = step.start(parameters), {"x": np.ones(4)}
    step(parameters, state, batch)
    parameters["w"][1] = 0.0
    before, slots = copied(parameters), copied(state)
    with pytest.raises(EinpropError, match="the gradient of w is inf in epoch 1, step 2") as error:
        step(parameters, state, batch)
    assert "the step has changed nothing" in str(error.value)
    for held, was in ((parameters, before), (state, slots)):
        for name, array in was.items():
            np.testing.assert_array_equal(held[name], array, err_msg=name)
    parameters["w"][1] = 1.0
    assert np.isfinite(step(parameters, state, batch))
    assert state["step"] == 2


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_finite_gradients_whose_sum_runs_over_are_taken(dtype: type) -> None:
    largest = float(np.finfo(dtype).max)
    given = np.array([0.75 * largest, 0.75 * largest], dtype)
    step = Step(Program("loss = sum[i](x[i] w[i])", params="w"), SGD(2.0**-10))
    parameters = {"w": np.zeros(2, dtype)}
    state = step.start(parameters)
    assert step(parameters, state, {"x": given}) == 0.0
    np.testing.assert_array_equal(parameters["w"], -given * dtype(2.0**-10))
    assert state["step"] == 1


def test_gradients_that_would_cancel_are_seen() -> None:
    program = Program("y[j] = x[i] W[i,j]; loss = d[j] y[j]", params="W")
    parameters = {"W": np.zeros((2, 2))}
    step = Step(program, SGD(0.1))
    huge = np.array([1e200, -1e200])
    with pytest.raises(EinpropError, match="the gradient of W is inf"):
        step(parameters, step.start(parameters), {"x": huge, "d": huge})
    assert not parameters["W"].any()


@pytest.mark.parametrize("micro_batch", [None, 2])
def test_two_parameters_in_one_memory_are_refused(micro_batch: int | None) -> None:
    program = Program("h[b,j] = x[b,i] V[i,j]; loss = mean[b](sum[i](h[b,j] W[j,i]))", params="V W")
    shared = np.ones((3, 3))
    step = Step(program, SGD(0.1), micro_batch=micro_batch)
    for other, words in ((shared, "are one array"), (shared.T, "share memory")):
        parameters = {"V": shared, "W": other}
        with pytest.raises(InputError, match=f"V and W {words}; it cannot be changed in place"):
            step(parameters, step.start(parameters), {"x": np.ones((4, 3))})
    gradients = {"V": np.ones((3, 3)), "W": np.ones((3, 3))}
    with pytest.raises(InputError, match="V and W are one array"):
        SGD(0.1).step({"V": shared, "W": shared}, gradients, {})
    assert shared.tolist() == np.ones((3, 3)).tolist()
