"""Initialisers: spread by the fans, type by request, draws from the generator passed in."""

import numpy as np
import pytest

from einprop.errors import InputError, ShapeError
from einprop.layers import init

VARIANCES = {
    init.glorot_normal: 2 / 500,
    init.glorot_uniform: 2 / 500,
    init.he_normal: 2 / 400,
    init.he_uniform: 2 / 400,
    init.lecun_normal: 1 / 400,
    init.lecun_uniform: 1 / 400,
    init.normal(0.3): 0.09,
    init.uniform(0.3): 0.03,
    init.orthogonal(2.0): 4 / 400,
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
    assert initialize(np.random.default_rng(0), (3, 1), 1, 3, dtype).dtype == dtype


def test_uniform_draws_stay_inside_their_bound() -> None:
    bounds = {
        init.glorot_uniform: (6 / 100) ** 0.5,
        init.he_uniform: (6 / 50) ** 0.5,
        init.lecun_uniform: (3 / 50) ** 0.5,
        init.uniform(0.2): 0.2,
    }
    for initialize, bound in bounds.items():
        drawn = initialize(np.random.default_rng(0), (50, 50), fan_in=50, fan_out=50)
        assert 0.99 * bound < np.abs(drawn).max() <= bound


@pytest.mark.parametrize(
    "initialize",
    [init.glorot_normal, init.he_normal, init.lecun_normal, init.normal(0.3)],
    ids=repr,
)
def test_normal_draws_have_the_tails_of_a_normal_distribution(
    initialize: init.Initializer,
) -> None:
    drawn = initialize(np.random.default_rng(0), (400, 400), fan_in=400, fan_out=400)
    scaled = drawn / drawn.std()
    assert np.mean(np.abs(scaled) > 1) == pytest.approx(0.3173, abs=0.005)
    assert np.mean(np.abs(scaled) > 3) == pytest.approx(0.0027, abs=0.0005)


@pytest.mark.parametrize("shape", [(6, 6), (7, 4), (4, 7), (3, 2, 5), (2, 2, 9)])
def test_orthogonal_is_the_decomposition_of_the_normal_draw(shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch", reason="torch decomposes the same draw")
    columns = shape[-1]
    rows = int(np.prod(shape[:-1]))
    normals = torch.tensor(np.random.default_rng(3).standard_normal((rows, columns)))
    wide = rows < columns
    q, r = torch.linalg.qr(normals.T if wide else normals)
    q = 1.5 * q * torch.sign(torch.diag(r))
    expected = (q.T if wide else q).reshape(shape)
    drawn = init.orthogonal(1.5)(np.random.default_rng(3), shape)
    np.testing.assert_allclose(drawn, expected, atol=1e-12)


@pytest.mark.parametrize("shape", [(6, 6), (7, 4), (4, 7), (3, 2, 5)])
def test_orthogonal_rows_or_columns_are_orthonormal(shape: tuple[int, ...]) -> None:
    matrix = init.orthogonal()(np.random.default_rng(0), shape).reshape(-1, shape[-1])
    short = matrix @ matrix.T if matrix.shape[0] < matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(short, np.eye(len(short)), atol=1e-12)


def test_orthogonal_prefers_no_sign() -> None:
    rng = np.random.default_rng(0)
    diagonals = np.array([np.diagonal(init.orthogonal()(rng, (3, 3))) for _ in range(2000)])
    np.testing.assert_allclose((diagonals > 0).mean(axis=0), 0.5, atol=0.04)


@pytest.mark.parametrize("initialize", VARIANCES, ids=repr)
def test_what_prints_parses_back(initialize: init.Initializer) -> None:
    parsed = init.parse_initializer(repr(initialize))
    assert parsed == initialize
    draws = [i(np.random.default_rng(0), (4, 3), 4, 3) for i in (parsed, initialize)]
    assert np.array_equal(*draws)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "he",
        "he_normal(1)",
        "normal",
        "normal(a)",
        "normal(1",
        "normal(1, 2)",
        "rows()",
        "normal(-1.0)",
        "eval(1)",
    ],
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        init.parse_initializer(text)
    assert str(caught.value) == (
        f"{text!r} is no initialiser\n"
        "there are zeros, glorot_normal, glorot_uniform, he_normal, he_uniform, lecun_normal, "
        "lecun_uniform, constant(…), rows(…), normal(…), uniform(…), orthogonal(…)"
    )


def test_no_negative_spread() -> None:
    with pytest.raises(InputError) as caught:
        init.normal(-0.1)
    assert str(caught.value) == "normal(-0.1) is no initialiser\nits number is 0 or more"


def test_a_vector_has_no_orthogonal_start() -> None:
    with pytest.raises(ShapeError) as caught:
        init.orthogonal()(np.random.default_rng(0), (3,))
    assert str(caught.value) == (
        "a parameter of shape (3,) has no orthogonal start\n"
        "orthogonal is for parameters of two axes or more"
    )


def test_equal_numbers_make_equal_initialisers() -> None:
    assert init.normal(1) == init.normal(1.0) == init.normal(np.float64(1.0))


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


def test_rows_hold_a_value_each() -> None:
    gates = init.rows(0, 1, 0.5)
    assert repr(gates) == "rows(0.0, 1.0, 0.5)"
    assert init.parse_initializer(repr(gates)) == gates
    drawn = init.parse_initializer(repr(gates))(np.random.default_rng(0), (3, 2))
    assert drawn.tolist() == [[0, 0], [1, 1], [0.5, 0.5]]


@pytest.mark.parametrize("shape", [(), (2, 3)])
def test_rows_fit_the_first_axis(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError) as caught:
        init.rows(0, 1, 0.5)(np.random.default_rng(0), shape)
    assert str(caught.value) == (
        f"rows(0.0, 1.0, 0.5) is no start of a parameter of shape {shape}\n"
        "give a value for each position of the first axis"
    )


def test_no_rows() -> None:
    with pytest.raises(InputError, match="give a value for each row"):
        init.rows()
