"""Turns, disturbed rounds, and the comparison before them."""

from collections.abc import Iterator
from itertools import count, cycle

import numpy as np
import pytest

from benchmarks.harness import measure
from benchmarks.harness.compare import DisagreementError, check_agreement, largest_difference
from benchmarks.harness.disturbance import Load, Reference, others_share
from benchmarks.harness.measure import Options, float32_bytes, take_turns


class Steady:
    """A worker whose calls always take as long, and that notes whose turn it is."""

    pid = 0

    def __init__(self, seconds: float, turns: list["Steady"]) -> None:
        self.seconds = seconds
        self.turns = turns

    def time(self, calls: int) -> list[float]:
        self.turns.append(self)
        return [self.seconds] * calls


class Idle(Reference):
    """A reference task that takes what the test says."""

    def __init__(self, seconds: Iterator[float]) -> None:
        super().__init__()
        self.given = seconds

    def measure(self) -> float:
        self.seconds.append(next(self.given))
        return self.seconds[-1]


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The cores that others keep busy, by round; zeros where the list ends."""
    shares: list[float] = []
    rounds = count()

    def share(_: Load, __: Load) -> float:
        number = next(rounds)
        return shares[number] if number < len(shares) else 0.0

    monkeypatch.setattr(measure, "others_share", share)
    return shares


def test_turns_go_forth_and_back(others: list[float]) -> None:
    turns: list[Steady] = []
    first, second = Steady(0.1, turns), Steady(0.2, turns)
    rounds, disturbed, settled = take_turns([first, second], Options(rounds=2), Idle(cycle([1.0])))
    # Two calls each say how many make a turn.
    assert turns == [first, second, first, second, second, first]
    assert rounds == [[0.1, 0.2], [0.1, 0.2]]
    assert (disturbed, settled) == (0, True)


def test_rounds_in_which_others_work_do_not_count(others: list[float]) -> None:
    others += [0.5, 0.0, 0.5]
    rounds, disturbed, settled = take_turns(
        [Steady(0.1, [])], Options(rounds=2), Idle(cycle([1.0]))
    )
    assert (len(rounds), disturbed, settled) == (2, 2, True)


def test_rounds_in_which_the_reference_is_slow_do_not_count(others: list[float]) -> None:
    seconds = cycle([1.0, 1.0, 1.0, 2.0])
    rounds, disturbed, settled = take_turns([Steady(0.1, [])], Options(rounds=3), Idle(seconds))
    assert (len(rounds), settled) == (3, True)
    assert disturbed == 2


def test_where_it_never_is_calm_the_calmest_rounds_count(others: list[float]) -> None:
    others += [0.9, 0.2, 0.8, 0.3, 0.9, 0.9, 0.9, 0.9]
    options = Options(rounds=2, attempts=2)
    rounds, disturbed, settled = take_turns([Steady(0.1, [])], options, Idle(cycle([1.0])))
    assert (len(rounds), disturbed, settled) == (2, 2, False)


def test_what_others_kept_busy() -> None:
    before = Load(machine=100.0, own=10.0, at=0.0)
    after = Load(machine=103.0, own=11.0, at=2.0)
    assert others_share(before, after) == 1.0
    assert others_share(before, Load(machine=100.5, own=11.0, at=2.0)) == 0.0


def test_the_present_load_grows() -> None:
    before, after = Load.now([]), Load.now([])
    assert after.machine >= before.machine
    assert after.at > before.at


def test_a_larger_difference_than_the_number_type_allows_is_an_error() -> None:
    expected = {"W": np.array([1.0, -4.0])}
    assert largest_difference({"W": np.array([1.0, -4.004])}, expected) == pytest.approx(1e-3)
    near = {"W": np.array([1.0, -4.0002], np.float32)}
    assert check_agreement("torch: plain", near, expected, "float32") < 1e-3
    with pytest.raises(DisagreementError, match=r"torch: plain differs by 5.0e-05 in float64"):
        check_agreement("torch: plain", near, expected, "float64")


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"V": np.ones(2)}, r"\['V'\] instead of \['W'\]"),
        ({"W": np.ones((2, 1))}, r"W has shape \(2, 1\) instead of \(2,\)"),
        ({"W": np.array([1.0, np.nan])}, "W is not finite everywhere"),
    ],
)
def test_other_names_shapes_and_nan_are_differences(found: dict, message: str) -> None:
    with pytest.raises(DisagreementError, match=f"jax: {message}"):
        check_agreement("jax", found, {"W": np.ones(2)}, "float64")


def test_traffic_counts_floats_once() -> None:
    assert float32_bytes([np.ones((2, 3)), np.ones(4, np.float32), np.arange(5)]) == 4 * 10
