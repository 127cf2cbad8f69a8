"""Checkpoints: training goes on from any step to the same weights to the last bit; damage is named."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from einprop.errors import EinpropError, InputError
from einprop.layers import Affine, Model, Tanh, losses
from einprop.layers.noise import bernoulli
from einprop.program import Program
from einprop.training import (
    SGD,
    Adam,
    Callback,
    ClipNorm,
    CosineDecay,
    EarlyStopping,
    Groups,
    History,
    Optimizer,
    PerStep,
    ReduceLearningRate,
    RMSProp,
    SaveCheckpoint,
    StopAfter,
    Training,
    fit,
    load_checkpoint,
    load_model,
    read_safetensors,
    write_safetensors,
)
from einprop.training.checkpoint import save_checkpoint

Array = NDArray[Any]

# Dropout between two layers, and a running mean of what leaves the first.
NOISY = Model(
    Program(
        "index j: feature < 4\n"
        "h[b,j] = tanh(x[b,i] W[i,j] - centre[j]) mask[b,j] / 0.5\n"
        "y[b,k] = h[b,j] V[j,k]\n"
        "loss = mean[b](sum[k]((y[b,k] - t[b,k])^2))\n"
        "next[j] = 0.9 centre[j] + 0.1 mean[b](h[b,j])",
        params="W V",
        outputs="loss next",
    ),
    Program(
        "h[b,j] = tanh(x[b,i] W[i,j] - centre[j])\n"
        "y[b,k] = h[b,j] V[j,k]\n"
        "loss = mean[b](sum[k]((y[b,k] - t[b,k])^2))",
        params="W V",
    ),
    state={"centre": "next"},
    noise={"mask": bernoulli(0.5)},
    dotted={"W": "0.W", "V": "2.V", "centre": "1.centre"},
)
NETWORK = Affine(3) >> Tanh() >> Affine(2) >> losses.SquaredError()


def data(examples: int = 10) -> dict[str, Array]:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(examples, 3))
    return {"x": x, "t": x[:, :2] ** 2}


def noisy_parameters() -> dict[str, Array]:
    rng = np.random.default_rng(6)
    return {"W": rng.normal(size=(3, 4)), "V": rng.normal(size=(4, 2)), "centre": np.zeros(4)}


def network_parameters() -> dict[str, Array]:
    return NETWORK.init(np.random.default_rng(7), x=(1, 3), dtype=np.float32)


class KilledError(Exception):
    """What takes the place of a signal here."""


@dataclass(frozen=True)
class Kill(Callback):
    """Ends the process, as it were, after a step."""

    step: int
    last = True  # So that a checkpoint of this step is there.

    def after_step(self, training: Training, memory: dict[str, Any]) -> None:
        if training.step == self.step:
            raise KilledError


@dataclass(frozen=True)
class Case:
    """A training, made anew at each call, as a script that is started again would."""

    optimizer: Optimizer
    model: Any = NOISY
    parameters: Callable[[], dict[str, Array]] = noisy_parameters
    callbacks: tuple[Callback, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    kind: Callable[[int], np.random.BitGenerator] = np.random.PCG64
    epochs: int = 4

    def run(self, *more: Callback, **options: Any) -> tuple[dict[str, Array], History]:
        parameters = self.parameters()
        if "resume" in options:  # What a new process begins with does not matter.
            parameters = {name: np.full_like(array, 9) for name, array in parameters.items()}
        seed = 99 if "resume" in options else 8
        history = fit(
            self.model,
            parameters,
            data(),
            self.optimizer,
            batch_size=4,
            rng=np.random.Generator(self.kind(seed)),
            validation=data(6),
            callbacks=[*more, *self.callbacks],
            verbose=0,
            **{"epochs": self.epochs, **self.options, **options},
        )
        return parameters, history


CASES = {
    "plain": Case(SGD(0.05), NETWORK, network_parameters),
    "noise": Case(SGD(0.05, momentum=0.9)),
    "Adam": Case(Adam(PerStep(CosineDecay(0.1, length=9)))),
    "groups": Case(Groups(RMSProp(0.01, centred=True), {"V": SGD(0.1)})),
    "another generator": Case(SGD(0.05), kind=np.random.MT19937),
    "clipped": Case(SGD(0.5), options={"clip": ClipNorm(0.1), "l2": 0.1}),
    "micro batches": Case(Adam(0.01), options={"micro_batch": 3}),
    "callbacks": Case(
        SGD(0.7),
        callbacks=(
            EarlyStopping(patience=2),
            ReduceLearningRate(monitor="loss", patience=0, factor=0.3),
            ReduceLearningRate(patience=1, factor=0.7),
        ),
        epochs=8,
    ),
    "stopped in an epoch": Case(SGD(0.1), callbacks=(StopAfter(7),)),
}


def same(first: tuple[dict[str, Array], History], second: tuple[dict[str, Array], History]) -> bool:
    """Whether two trainings came to the same, to the last bit."""
    records = [
        [(r.epoch, r.loss, dict(r.metrics)) for r in history.records]
        for _, history in (first, second)
    ]
    return records[0] == records[1] and all(
        array.tobytes() == second[0][name].tobytes() for name, array in first[0].items()
    )


@dataclass(frozen=True)
class Snapshots(Callback):
    """A checkpoint of each step, each in a file of its own."""

    folder: Path
    last = True

    def after_step(self, training: Training, memory: dict[str, Any]) -> None:
        save_checkpoint(self.folder / str(training.step), training)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_from_the_middle_and_the_end_of_an_epoch(tmp_path: Path, case: Case) -> None:
    whole = case.run(Snapshots(tmp_path))
    for step in (4, 6, 7):
        assert same(case.run(resume=tmp_path / str(step)), whole)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_killed_at_any_step_and_once_more(tmp_path: Path, case: Case) -> None:
    whole = case.run()
    (tmp_path / "again").mkdir()
    assert same(case.run(Snapshots(tmp_path)), whole)
    for step in range(1, sum(path.is_file() for path in tmp_path.iterdir()) + 1):
        with suppress(KilledError):
            case.run(Snapshots(tmp_path / "again"), Kill(step + 2), resume=tmp_path / str(step))
        later = tmp_path / "again" / str(step + 2)
        assert same(case.run(resume=later if later.exists() else tmp_path / str(step)), whole)


def test_checkpoints_of_epochs(tmp_path: Path) -> None:
    case, path = CASES["callbacks"], tmp_path / "a"
    whole = case.run()
    with pytest.raises(KilledError):
        case.run(SaveCheckpoint(path), Kill(8))
    assert load_checkpoint(path).counts == {
        "epoch": 2, "batch": 0, "step": 6, "seen": 0, "batch_size": 4}  # fmt: skip
    assert same(case.run(resume=path), whole)
    # Where it is over, nothing is left to do.
    case.run(SaveCheckpoint(path))
    assert same(case.run(Kill(1), resume=path), whole)


def test_more_epochs_than_before(tmp_path: Path) -> None:
    case = CASES["noise"]
    case.run(SaveCheckpoint(tmp_path / "a"), epochs=2)
    assert same(case.run(resume=tmp_path / "a"), case.run())


def test_a_checkpoint_goes_on_with_no_code_of_the_users(tmp_path: Path) -> None:
    case, path = CASES["Adam"], tmp_path / "a"
    whole = case.run()
    with pytest.raises(KilledError):
        case.run(SaveCheckpoint(path, every_steps=1), Kill(5))
    found = load_checkpoint(path)
    assert found.optimizer == case.optimizer
    assert found.options.clip is None
    history = fit(
        found.model, found.parameters, data(), found.optimizer, epochs=4, batch_size=4,
        rng=found.rng, validation=data(6), resume=found, verbose=0,
    )  # fmt: skip
    assert same((found.parameters, history), whole)


def test_a_checkpoint_is_a_model_too(tmp_path: Path) -> None:
    parameters, _ = CASES["Adam"].run(SaveCheckpoint(tmp_path / "a"))
    model, read = load_model(tmp_path / "a")
    assert model == NOISY
    assert {n: a.tolist() for n, a in read.items()} == {
        n: a.tolist() for n, a in parameters.items()
    }


def test_an_optimiser_of_the_users(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Signs(Optimizer):
        learning_rate: float = 0.01
        update = "w.new = w - learning_rate * sign(w.grad)"

    path, case = tmp_path / "a", Case(Signs())
    with pytest.raises(KilledError):
        case.run(SaveCheckpoint(path, every_steps=1), Kill(5))
    assert same(case.run(resume=path), case.run())
    assert load_checkpoint(path, [Signs]).optimizer == Signs()
    with pytest.raises(InputError) as caught:
        load_checkpoint(path).optimizer  # noqa: B018
    assert str(caught.value).startswith(
        "the class Signs is not known here\nknown are AdaGrad, Adam,"
    )
    assert str(caught.value).endswith("pass one of yours in classes=[…]")


def test_a_function_as_a_rate_is_given_again(tmp_path: Path) -> None:
    path, case = tmp_path / "a", Case(SGD(lambda epoch: 0.1 / (epoch + 1)))
    with pytest.raises(KilledError):
        case.run(SaveCheckpoint(path, every_steps=1), Kill(5))
    assert same(case.run(resume=path), case.run())
    with pytest.raises(InputError, match="<lambda> is written by its name alone"):
        load_checkpoint(path).optimizer  # noqa: B018


def at_step(path: Path, step: int) -> Path:
    """A checkpoint of the network's training after a step."""
    with pytest.raises(KilledError):
        CASES["plain"].run(SaveCheckpoint(path, every_steps=1), Kill(step))
    return path


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "another model": (
        {"model": NOISY, "parameters": noisy_parameters()}, "the checkpoint is of another model\n"),
    "another class": (
        {"optimizer": Adam()}, "the checkpoint's optimiser is SGD, not Adam\n"),
    "a slot that is not there": (
        {"optimizer": SGD(0.1, momentum=0.9)},
        "the checkpoint does not hold the optimiser's W1.velocity"),
    "other batches": (
        {"batch_size": 5},
        "the checkpoint is from the middle of an epoch with batches of 4, not 5\n"),
    "other data of the same shape": (
        {"data": {name: array + (name == "t") for name, array in data().items()}},
        "the checkpoint is from the middle of an epoch on other data\ngo on with the same arrays: t"),
    "other data": (
        {"data": data(11)}, "the checkpoint is from the middle of an epoch on other data\n"),
    "another precision": (
        {"parameters": NETWORK.init(np.random.default_rng(0), x=(1, 3))},
        "W1 is float32 of shape (3, 3) in the checkpoint, but float64 of shape (3, 3) here"),
    "another generator": (
        {"rng": np.random.Generator(np.random.Philox(0))},
        "the random generator is a Philox, but its state is of 'PCG64'\n"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
def test_what_the_checkpoint_is_not_of(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    options = {
        "model": NETWORK, "parameters": network_parameters(), "data": data(), "batch_size": 4,
        "optimizer": SGD(0.05), "epochs": 4, "rng": np.random.default_rng(0), "verbose": 0,
        "resume": at_step(tmp_path / "a", 5), **changes,
    }  # fmt: skip
    with pytest.raises(EinpropError) as caught:
        fit(**options)
    assert str(caught.value).startswith(message)


def test_what_is_no_checkpoint(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "a", {"W": np.ones(2)})
    with pytest.raises(InputError, match="holds no checkpoint\nSaveCheckpoint writes such a file"):
        load_checkpoint(tmp_path / "a")
    with pytest.raises(InputError, match="there is no file"):
        CASES["plain"].run(resume=tmp_path / "absent")


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "layout": ({"layout": 7}, "its layout is 7, not 1"),
    "a negative count": ({"step": -1}, "its step is -1"),
    "a count of text": ({"epoch": "1"}, "its epoch is '1'"),
    "a huge count": ({"seen": 10**30}, "its seen is 1000000000000000000000000000000"),
    "no records": ({"records": None}, "its records is no list"),
    "a record of nothing": ({"records": [3]}, "a record of an epoch is no object"),
    "a loss of text": (
        {"records": [{"epoch": 1, "loss": "x", "seconds": "0x0p+0", "throughput": "0x0p+0",
                      "metrics": {}}]}, "'x' is no number"),
    "memories of nothing": ({"memories": 1}, "its memories is no object"),
    "a memory of a class": ({"memories": {"A": {"b": {"class": "os.system", "fields": {}}}}},
                            "the class os.system is not known here"),
}  # fmt: skip


def changed(path: Path, change: Mapping[str, Any]) -> Path:
    arrays, metadata = read_safetensors(path)
    described = json.loads(metadata["einprop.checkpoint"]) | change
    write_safetensors(path, arrays, metadata | {"einprop.checkpoint": json.dumps(described)})
    return path


@pytest.mark.parametrize(("change", "message"), CHANGES.values(), ids=CHANGES)
def test_a_changed_checkpoint_is_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = changed(at_step(tmp_path / "a", 5), change)
    with pytest.raises(InputError) as caught:
        load_checkpoint(path)
    assert str(caught.value).startswith(f"the checkpoint in {path} is damaged: {message}")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return at_step(tmp_path_factory.mktemp("files") / "good", 5)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["SGD", "Groups", "0x1p+3", "PCG64", "W", "Clip", "Checkpoint"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["class", "fields", "float", "mapping", "learning_rate", "bit_generator",
                         "state", "inc", "others", "EarlyStopping", "best"]), inner, max_size=4),
    max_leaves=6,
)  # fmt: skip


# Each example trains: fewer of them also in the slow tests.
@settings(max_examples=50)
@given(st.dictionaries(
    st.sampled_from(["optimizer", "options", "generator", "order", "loss", "total", "records",
                     "memories", "stopped", "batch", "step", "data", "epoch", "seen"]),
    VALUES, min_size=1, max_size=3,
))  # fmt: skip
def test_any_change_ends_in_an_error_of_ours(good: Path, change: dict[str, Any]) -> None:
    path = good.with_name("drawn")
    path.write_bytes(good.read_bytes())
    try:
        found = load_checkpoint(changed(path, change))
        CASES["plain"].run(resume=found, epochs=min(found.counts["epoch"], 3) + 1)
        found.optimizer  # noqa: B018
        found.options  # noqa: B018
    except EinpropError:
        pass
