"""Callbacks: when they act, what they leave, and what they refuse."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from einprop.errors import EinpropError, InputError
from einprop.program import Program
from einprop.training import (
    SGD,
    Callback,
    EarlyStopping,
    Groups,
    History,
    Optimizer,
    PerStep,
    ReduceLearningRate,
    SaveBest,
    SaveCheckpoint,
    StepDecay,
    StopAfter,
    Training,
    fit,
    load_checkpoint,
    load_model,
)

# The gradient is 1: with the rate r, each step takes r off w.
LINE = Program("loss = w + 0 mean[b](x[b])", params="w")
DESCENT = SGD(1.0)


class Seen(Callback):
    """Keeps what it was told, for the test."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def begin(self, training: Training, memory: dict[str, Any]) -> None:
        self.events.append("begin")

    def after_step(self, training: Training, memory: dict[str, Any]) -> None:
        self.events.append((training.epoch, training.batch, training.step, training.loss))

    def after_epoch(self, training: Training, memory: dict[str, Any]) -> None:
        self.events.append(training.epoch)

    def finish(self, training: Training, memory: dict[str, Any]) -> None:
        self.events.append("finish")


class Script(Callback):
    """Writes the numbers of a list into the records, as if they had been measured."""

    def __init__(self, values: Sequence[float], name: str = "validation_loss") -> None:
        self.values, self.name = values, name

    def after_epoch(self, training: Training, memory: dict[str, Any]) -> None:
        record = training.records[-1]
        training.records[-1] = type(record)(
            record.epoch, record.loss, {self.name: self.values[training.epoch - 1]}
        )


class Rates(Callback):
    """Keeps the learning rate of each epoch."""

    def __init__(self) -> None:
        self.rates: list[float] = []

    def after_epoch(self, training: Training, memory: dict[str, Any]) -> None:
        self.rates.append(training.optimizer.rate(training.epoch - 1))


def train(
    *callbacks: Callback, optimizer: Any = DESCENT, epochs: int = 6, **options: Any
) -> tuple[float, History]:
    """Training whose parameter counts the steps downwards, two in an epoch."""
    parameters = {"w": np.array(0.0)}
    history = fit(
        LINE, parameters, {"x": np.ones(4)}, optimizer, epochs=epochs, batch_size=2,
        rng=np.random.default_rng(0), callbacks=callbacks, **{"verbose": 0, **options},
    )  # fmt: skip
    return float(parameters["w"]), history


def test_events_come_in_order() -> None:
    seen = Seen()
    train(seen, epochs=2)
    assert seen.events == [
        "begin", (0, 1, 1, 0.0), (0, 2, 2, -1.0), 1, (1, 1, 3, -2.0), (1, 2, 4, -3.0), 2, "finish",
    ]  # fmt: skip


def test_a_callback_serves_several_runs() -> None:
    stopping = EarlyStopping(monitor="validation_loss", patience=1)
    first = train(Script([1, 2, 3, 4, 5, 6]), stopping)
    assert first[1].records[-1].epoch == 2
    assert first[0] == train(Script([1, 2, 3, 4, 5, 6]), stopping)[0]


@pytest.mark.parametrize(
    ("values", "options", "epochs", "best"),
    [
        ([3, 2, 1, 4, 4, 4], {"patience": 2}, 5, 3),
        ([3, 2, 1, 4, 4, 0], {"patience": 3}, 6, 6),
        ([3, 2, 1, 4, 4, 4], {"patience": 9}, 6, 3),
        ([3, 2.9, 2.8, 2.7, 2.6, 2.5], {"patience": 2, "minimum_change": 0.15}, 6, 5),
        ([3, 2.9, 2.8, 2.7, 2.6, 2.5], {"patience": 2, "minimum_change": 1}, 3, 1),
        ([1, 2, 3, 2, 2, 2], {"patience": 2, "larger_is_better": True}, 5, 3),
        ([np.nan, 2, 3, 3, 3, 3], {"patience": 2}, 4, 2),
    ],
)
def test_early_stopping_goes_back_to_the_best(
    values: list[float], options: dict[str, Any], epochs: int, best: int
) -> None:
    w, history = train(Script(values), EarlyStopping(**options))
    assert history.last.epoch == epochs
    assert w == -2 * best


def test_early_stopping_may_keep_the_last() -> None:
    stopping = EarlyStopping(patience=1, restore_best=False)
    assert train(Script([1, 2, 3, 4, 5, 6]), stopping)[0] == -4


def test_an_accuracy_is_to_grow() -> None:
    script = Script([0.1, 0.5, 0.4, 0.4], "accuracy")
    w, history = train(script, EarlyStopping(monitor="accuracy", patience=2), epochs=4)
    assert (w, history.last.epoch) == (-4, 4)


def test_the_best_counts_without_an_early_end() -> None:
    assert train(Script([1, 0, 1, 1, 1, 1]), EarlyStopping(patience=100))[0] == -4


def test_what_is_not_recorded_cannot_be_watched() -> None:
    with pytest.raises(InputError) as caught:
        train(EarlyStopping())
    assert str(caught.value) == (
        "there is no validation_loss to watch\n"
        "an epoch records loss; validation= and metrics= add more"
    )


@pytest.mark.parametrize(
    ("optimizer", "rates"),
    [
        (SGD(1.0), [1, 1, 1, 0.5, 0.5, 0.25]),
        (SGD(StepDecay(1.0, every=2, factor=0.1)), [1, 1, 0.1, 0.05, 0.005, 0.0025]),
        (Groups(SGD(1.0), {"w": SGD(1.0)}), [1, 1, 1, 0.5, 0.5, 0.25]),
    ],
)
def test_the_rate_falls_where_nothing_improves(optimizer: Any, rates: list[float]) -> None:
    seen = Rates()
    reducing = ReduceLearningRate(patience=1, factor=0.5)
    train(Script([1, 2, 2, 2, 2, 2]), seen, reducing, optimizer=optimizer)
    assert seen.rates == pytest.approx(rates)


def test_a_reduced_rate_is_learned_with() -> None:
    reducing = ReduceLearningRate(patience=0, factor=0.5)
    assert train(Script([1, 2, 2]), reducing, epochs=3)[0] == -(2 * 1 + 2 * 1 + 2 * 0.5)
    optimizer = SGD(PerStep(StepDecay(1.0, every=2, factor=0.1)))
    assert train(Script([1, 2, 2]), reducing, epochs=3, optimizer=optimizer)[0] == pytest.approx(
        -(2 * 1 + 2 * 0.1 + 2 * 0.01 * 0.5)
    )


def test_stop_after_a_number_of_steps() -> None:
    w, history = train(StopAfter(3))
    assert w == -3
    assert [record.epoch for record in history.records] == [1, 2]
    assert train(StopAfter(4))[1].last.epoch == 2


def test_checkpoints_now_and_then(tmp_path: Path) -> None:
    class Written(Callback):
        last = True

        def __init__(self) -> None:
            self.steps: list[int] = []

        def after_step(self, training: Training, memory: dict[str, Any]) -> None:
            self.look()

        def after_epoch(self, training: Training, memory: dict[str, Any]) -> None:
            self.look()

        def look(self) -> None:
            path = tmp_path / "a"
            step = load_checkpoint(path).counts["step"] if path.exists() else 0
            if step and step not in self.steps:
                self.steps.append(step)

    for options, steps in (
        ({"every_steps": 3}, [2, 3, 4, 6, 8, 9, 10, 12]),
        ({"every_steps": 5, "every_epochs": None}, [5, 10]),
        ({"every_epochs": 4}, [8]),
        ({}, [2, 4, 6, 8, 10, 12]),
    ):
        (tmp_path / "a").unlink(missing_ok=True)
        written = Written()
        train(SaveCheckpoint(tmp_path / "a", **options), written)
        assert written.steps == steps


def test_the_best_model_is_saved(tmp_path: Path) -> None:
    train(Script([3, 2, 1, 4, 4, 4]), SaveBest(tmp_path / "best"))
    assert load_model(tmp_path / "best")[1]["w"] == -6


def test_an_interruption_passes_through_and_ends_training() -> None:
    class Interrupt(Callback):
        def after_step(self, training: Training, memory: dict[str, Any]) -> None:
            raise KeyboardInterrupt

    seen = Seen()
    with pytest.raises(KeyboardInterrupt):
        train(seen, Interrupt())
    assert seen.events == ["begin", (0, 1, 1, 0.0), "finish"]


class Interrupt(Callback):
    """An error or an interrupt after a step."""

    def __init__(self, step: int, error: BaseException | None) -> None:
        self.step, self.error = step, error

    def after_step(self, training: Training, memory: dict[str, Any]) -> None:
        if training.step == self.step:
            if self.error is not None:
                raise self.error
            training.parameters["w"][...] = 0.0  # There the root's slope is infinite.


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("theirs"), None], ids=repr)
@pytest.mark.parametrize("restore", [True, False])
def test_the_best_parameters_come_back_however_it_ends(
    error: BaseException | None, restore: bool
) -> None:
    program = Program("loss = sqrt(w) + 0 mean[b](x[b])", params="w")
    parameters = {"w": np.array(4.0)}
    best = EarlyStopping(monitor="loss", restore_best=restore)
    kind = EinpropError if error is None else type(error)
    with pytest.raises(kind, match="the gradient of w is inf" if error is None else None):
        fit(
            program, parameters, {"x": np.ones(4)}, SGD(0.1), epochs=9, batch_size=2,
            rng=np.random.default_rng(0), callbacks=[Interrupt(5, error), best], verbose=0,
        )  # fmt: skip
    expected = np.array(4.0)
    for _ in range(4 if restore else 5):
        expected = expected - 0.1 * 0.5 / np.sqrt(expected)
    assert parameters["w"] == pytest.approx(0.0 if error is None and not restore else expected)


def test_a_stop_in_an_epoch_leaves_it_open(tmp_path: Path) -> None:
    path = tmp_path / "a"
    seen = Seen()
    _, history = train(StopAfter(3), SaveCheckpoint(path), seen, epochs=3)
    assert [record.epoch for record in history.records] == [1, 2]
    assert [event for event in seen.events if isinstance(event, int)] == [1]
    held = load_checkpoint(path)
    assert (held.counts["epoch"], held.counts["batch"], held.counts["step"]) == (1, 1, 3)
    assert [record.epoch for record in held.records] == [1]
    # The same stop takes no further step; a later one or none goes on in the middle.
    assert train(StopAfter(3), resume=path, epochs=3)[0] == -3
    assert train(StopAfter(5), resume=path, epochs=3)[0] == -5
    again, whole = train(resume=path, epochs=3), train(epochs=3)
    assert again[0] == whole[0] == -6
    for one, other in zip(again[1].records, whole[1].records, strict=True):
        assert (one.epoch, one.loss) == (other.epoch, other.loss)


def test_resuming_what_is_over_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a"
    train(SaveCheckpoint(path), epochs=2)
    train(resume=path, verbose=2, epochs=2)
    assert capsys.readouterr().err == "2 epochs are over already, of 2\n"
    train(StopAfter(4), resume=path, verbose=2, epochs=3)
    assert capsys.readouterr().err == "stopped: 4 steps are taken\n"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EarlyStopping(patience=-1), "patience is -1\nit is an integer, 0 or more"),
        (lambda: EarlyStopping(minimum_change=-0.5), "minimum_change is -0.5\nit is 0 or more"),
        (lambda: ReduceLearningRate(factor=1), "factor is 1\nit is between 0 and 1"),
        (lambda: StopAfter(0), "steps is 0\nit is an integer, 1 or more"),
        (
            lambda: SaveCheckpoint("a", every_steps=0),
            "every_steps is 0\nit is an integer, 1 or more",
        ),
        (
            lambda: SaveCheckpoint("a", every_epochs=-1),
            "every_epochs is -1\nit is an integer, 1 or more",
        ),
        (
            lambda: SaveCheckpoint("a", every_epochs=None),
            "no checkpoint would be written\ngive every_steps or every_epochs",
        ),
        (
            lambda: train(print),  # type: ignore[arg-type]
            "<built-in function print> is no callback\na callback is of a subclass of Callback",
        ),
    ],
)
def test_what_cannot_be_is_refused(make: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value) == message


def test_an_optimiser_without_a_rate_cannot_be_slowed() -> None:
    @dataclass(frozen=True)
    class Fixed(Optimizer):
        update = "w.new = w - 0.1 * w.grad"

    with pytest.raises(InputError, match="Fixed has no learning_rate to reduce"):
        train(Script([1, 2, 2]), ReduceLearningRate(patience=0), optimizer=Fixed(), epochs=3)


def test_a_memory_that_cannot_be_is_refused(tmp_path: Path) -> None:
    stopping = EarlyStopping(monitor="loss")
    train(stopping, SaveCheckpoint(tmp_path / "a"), epochs=1)
    found = load_checkpoint(tmp_path / "a")
    found.memories["EarlyStopping"]["best"] = "low"
    with pytest.raises(InputError, match="a callback remembers 'low' as best, which is no number"):
        train(stopping, resume=found)
