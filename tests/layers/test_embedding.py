"""Embeddings and positional encodings against PyTorch and their formulas."""

import math

import numpy as np
import pytest

from einprop.errors import InputError, ShapeError
from einprop.layers import Affine, Embedding, LearnedPositions, SinusoidalPositions, init, losses
from tests.equations.entry import functional, torch
from tests.layers.against_torch import assert_agrees


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def vaswani(length: int, width: int, base: float = 10000.0):
    """The table of the paper, entry by entry."""
    table = torch.zeros(length, width, dtype=torch.float64)
    for t in range(length):
        for i in range(width):
            angle = t / base ** (2 * (i // 2) / width)
            table[t, i] = math.cos(angle) if i % 2 else math.sin(angle)
    return table


def test_embedding() -> None:
    symbols = np.array([[3, 3, 0, 6], [1, 3, 6, 0]])
    assert_agrees(Embedding(7, 4), {"x": symbols}, lambda v: functional.embedding(v.x, v.E))


def test_padding_is_zero_and_has_no_gradient() -> None:
    symbols = np.array([[3, 0, 0, 6], [1, 3, 6, 0]])

    def reference(v):
        table = torch.cat([torch.zeros(1, 4, dtype=v.E.dtype), v.E[1:]])
        return functional.embedding(v.x, table, padding_idx=0)

    assert_agrees(Embedding(7, 4, padding_idx=0), {"x": symbols}, reference)


@pytest.mark.parametrize("symbol", [-1, 7, 1.5])
def test_padding_is_a_symbol(symbol: float) -> None:
    with pytest.raises(InputError, match="padding_idx is"):
        Embedding(7, 4, padding_idx=symbol)


def test_rows_of_symbols_that_do_not_occur_have_no_gradient() -> None:
    network = Embedding(5, 2)
    gradient = network.program.vjp(wrt="E")
    x, seed = np.array([[1, 1, 3]]), np.ones((1, 3, 2))
    found = gradient({"x": x, "E": np.zeros((5, 2)), "y.grad": seed})
    assert found.tolist() == [[0, 0], [2, 2], [0, 0], [1, 1], [0, 0]]


def test_rows_start_with_the_standard_deviation_given() -> None:
    table = Embedding(500, 40, E=init.normal(0.02)).init(rng(), x=(1, 1))["E"]
    assert table.std() == pytest.approx(0.02, rel=0.02)
    assert Embedding(500, 40).init(rng(), x=(1, 1))["E"].std() == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize("symbol", [-1, 7])
def test_a_symbol_outside_of_the_vocabulary_is_refused(symbol: int) -> None:
    network = Embedding(7, 4)
    parameters = network.init(rng(), x=(1, 2))
    with pytest.raises(InputError) as caught:
        network(parameters, x=np.array([[0, symbol]]))
    assert str(caught.value).startswith(
        f"x[0,1] is {symbol}, outside of axis 0 of E: positions 0 to 6"
    )


def test_symbols_are_integers() -> None:
    network = Embedding(7, 4)
    with pytest.raises(InputError, match="pass integers"):
        network(network.init(rng(), x=(1, 2)), x=np.zeros((1, 2)))


def test_an_embedding_joins_other_layers() -> None:
    network = Embedding(7, 4) >> Affine(3) >> losses.CrossEntropy()
    symbols = np.array([[3, 3, 0, 6], [1, 3, 6, 0]])
    target = rng().dirichlet(np.ones(3), (2, 4))

    def reference(v):
        logits = v.E1[v.x] @ v.W2 + v.B2
        return functional.cross_entropy(logits.flatten(0, 1), v.t.flatten(0, 1))

    assert_agrees(network, {"x": symbols, "t": target}, reference)


def test_learned_positions() -> None:
    x = rng().normal(size=(2, 5, 3))
    assert_agrees(LearnedPositions(8), {"x": x}, lambda v: v.x + v.P[:5])


def test_a_sequence_longer_than_the_table_is_refused() -> None:
    network = LearnedPositions(4)
    parameters = network.init(rng(), x=(2, 3, 3))
    with pytest.raises(ShapeError, match="reads position 4 at t = 4, but axis 0 of P"):
        network(parameters, x=np.zeros((2, 5, 3)))


@pytest.mark.parametrize(("length", "width"), [(1, 2), (9, 6), (50, 16)])
def test_sinusoidal_positions(length: int, width: int) -> None:
    x = rng().normal(size=(2, length, width))
    assert_agrees(SinusoidalPositions(), {"x": x}, lambda v: v.x + vaswani(length, width))


def test_another_base() -> None:
    x = rng().normal(size=(2, 7, 4))
    assert_agrees(SinusoidalPositions(100.0), {"x": x}, lambda v: v.x + vaswani(7, 4, 100.0))


def test_sines_and_cosines_come_in_pairs() -> None:
    with pytest.raises(ShapeError):
        SinusoidalPositions()({}, x=np.zeros((1, 3, 5)))


def test_positions_follow_an_embedding() -> None:
    network = Embedding(7, 4) >> SinusoidalPositions() >> LearnedPositions(9)
    symbols = np.array([[3, 3, 0, 6], [1, 3, 6, 0]])

    def reference(v):
        return v.E1[v.x] + vaswani(4, 4) + v.P2[:4]

    assert_agrees(network, {"x": symbols}, reference)
