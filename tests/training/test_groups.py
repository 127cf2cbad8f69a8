"""Parameter groups: which optimiser changes which parameter."""

import numpy as np
import pytest

from einprop import Program
from einprop.errors import InputError
from einprop.training import SGD, Adam, Groups, Step

PROGRAM = Program(
    "h[b] = tanh(x[b] W1 + B1); loss = mean[b]((h[b] W2 + B2 - t[b])^2)", params="W1 B1 W2 B2"
)


def parameters() -> dict[str, np.ndarray]:
    return {
        name: np.array(value)
        for name, value in zip(PROGRAM.params, (0.3, 0.1, -0.4, 0.2), strict=True)
    }


def test_a_group_is_its_optimiser_alone() -> None:
    batch = {"x": np.array([1.0, 2.0]), "t": np.array([0.5, -0.5])}
    grouped, decayed, plain = parameters(), parameters(), parameters()
    optimizer = Groups(SGD(0.1, weight_decay=0.5), {"B*": SGD(0.1)})
    runs = [(grouped, optimizer), (decayed, optimizer.others), (plain, optimizer.patterns["B*"])]
    for held, own in runs:
        step = Step(PROGRAM, own)
        step(held, step.start(held), batch)
    assert [grouped[n] for n in ("W1", "W2")] == [decayed[n] for n in ("W1", "W2")]
    assert [grouped[n] for n in ("B1", "B2")] == [plain[n] for n in ("B1", "B2")]
    assert decayed["B1"] != plain["B1"]


def test_optimisers_may_differ_and_the_first_pattern_counts() -> None:
    optimizer = Groups(SGD(0.1), {"W2": Adam(), "W*": SGD(0.2, momentum=0.9)})
    assert optimizer.members(PROGRAM.params) == [
        (SGD(0.1), ("B1", "B2")),
        (Adam(), ("W2",)),
        (SGD(0.2, momentum=0.9), ("W1",)),
    ]
    step = Step(PROGRAM, optimizer)
    assert {"sgd.learning_rate", "adam.beta1", "sgd2.momentum"} <= {*step.program.inputs}
    assert set(step.start(parameters())) == {"step", "W2.m", "W2.v", "W1.velocity"}


def test_alone_and_in_a_step_groups_do_the_same() -> None:
    batch = {"x": np.array([1.0, 2.0]), "t": np.array([0.5, -0.5])}
    optimizer = Groups(Adam(0.1), {"W*": SGD(0.2, momentum=0.9)})
    one, other = parameters(), parameters()
    step, gradient = Step(PROGRAM, optimizer), PROGRAM.value_and_grad()
    state, another = step.start(one), optimizer.start(other)
    for _ in range(3):
        step(one, state, batch)
        optimizer.step(other, gradient({**other, **batch})[1], another)
    for name, array in one.items():
        np.testing.assert_allclose(other[name], array, rtol=1e-12)


def test_a_pattern_that_matches_nothing_is_refused() -> None:
    optimizer = Groups(SGD(0.1), {"bias*": SGD(0.2)})
    with pytest.raises(InputError, match=r"no parameter is called like 'bias\*'"):
        optimizer.start(parameters())


def test_groups_hold_optimisers() -> None:
    with pytest.raises(InputError, match="is no optimiser of a group"):
        Groups(SGD(0.1), {"B*": Groups(SGD(0.1), {})})
    assert Groups(SGD(0.1), {}) == Groups(SGD(0.1), {}) != Groups(SGD(0.2), {})
    assert len({Groups(SGD(0.1), {"B*": Adam()}), Groups(SGD(0.1), {"B*": Adam()})}) == 1
