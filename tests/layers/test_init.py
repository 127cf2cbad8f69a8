"""Initialisers: spread by the fans, type by request, draws from the generator passed in."""

import numpy as np
import pytest

from einprop.layers import init

VARIANCES = {
    init.glorot_normal: 2 / 500,
    init.glorot_uniform: 2 / 500,
    init.he_normal: 2 / 400,
    init.he_uniform: 2 / 400,
    init.lecun_normal: 1 / 400,
    init.lecun_uniform: 1 / 400,
    init.normal(0.3): 0.09,
    init.constant(2.5): 0.0,
    init.zeros: 0.0,
}


@pytest.mark.parametrize("initialize", VARIANCES, ids=repr)
def test_spread_follows_the_fans(initialize: init.Initializer) -> None:
    drawn = initialize(np.random.default_rng(0), (400, 100), fan_in=400, fan_out=100)
    assert drawn.shape == (400, 100)
    assert drawn.var() == pytest.approx(VARIANCES[initialize], rel=0.03)


@pytest.mark.parametrize("initialize", VARIANCES, ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_type_is_the_requested_one(initialize: init.Initializer, dtype: type) -> None:
    assert initialize(np.random.default_rng(0), (3,), 1, 3, dtype).dtype == dtype


def test_uniform_draws_stay_inside_their_bound() -> None:
    drawn = init.glorot_uniform(np.random.default_rng(0), (50, 50), fan_in=50, fan_out=50)
    assert np.abs(drawn).max() <= (6 / 100) ** 0.5


def test_the_generator_alone_decides() -> None:
    first, second = (init.he_normal(np.random.default_rng(7), (4, 4), 4, 4) for _ in range(2))
    assert np.array_equal(first, second)


def test_every_draw_is_a_new_array() -> None:
    rng = np.random.default_rng(0)
    first = init.zeros(rng, (2,))
    first += 1
    assert init.zeros(rng, (2,)).tolist() == [0.0, 0.0]


def test_constants_hold_their_value() -> None:
    assert init.constant(2.5)(np.random.default_rng(0), (2,)).tolist() == [2.5, 2.5]


def test_no_fans_draw_finite_numbers() -> None:
    assert np.isfinite(init.he_normal(np.random.default_rng(0), (), 0, 0))
