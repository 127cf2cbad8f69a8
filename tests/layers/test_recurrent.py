"""Recurrent layers against PyTorch's: sequences, last steps, given states, gradients of all."""

from types import SimpleNamespace

import numpy as np
import pytest

from einprop.layers import GRU, LSTM, RNN, Affine, Embedding, Layer, Tanh, losses
from tests.equations.entry import functional, torch
from tests.layers.against_torch import assert_agrees


def draw(*shape: int):
    return np.random.default_rng(0).normal(size=shape)


def start(v, name):
    return getattr(v, name, v.x.new_zeros(len(v.x), len(v.U)))


def rnn(v):
    weights = [v.W.T, v.U.T, v.B, torch.zeros_like(v.B)]
    h0 = start(v, "h0")
    return torch.rnn_tanh(v.x, h0[None], weights, True, 1, 0.0, False, False, True)[0]


def gru(v):
    inner = torch.cat([torch.zeros_like(v.B[:2]).flatten(), v.D])
    weights = [v.W.flatten(1).T, v.U.flatten(1).T, v.B.flatten(), inner]
    h0 = start(v, "h0")
    return torch.gru(v.x, h0[None], weights, True, 1, 0.0, False, False, True)[0]


def lstm(v):
    bias = v.B.flatten()
    weights = [v.W.flatten(1).T, v.U.flatten(1).T, bias, torch.zeros_like(bias)]
    h0, c0 = start(v, "h0"), start(v, "c0")
    return torch.lstm(v.x, (h0[None], c0[None]), weights, True, 1, 0.0, False, False, True)[0]


def numbered(v, number, x):
    """The parameters of one layer, and what enters it."""
    own = {name[:-1]: value for name, value in vars(v).items() if name.endswith(number)}
    return SimpleNamespace(x=x, **own)


PEERS = {RNN: rnn, GRU: gru, LSTM: lstm}


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("kind", PEERS)
def test_values_and_gradients(kind: type[Layer], last: bool, given: bool) -> None:
    data = {"x": draw(2, 4, 3)}
    if given:
        data["h0"] = draw(2, 5)
    if given and kind is LSTM:
        data["c0"] = -draw(2, 5)

    def reference(v):
        y = PEERS[kind](v)
        return y[:, -1] if last else y

    assert_agrees(kind(5, last=last, given=given), data, reference)


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("kind", PEERS)
def test_padded_sequences_end_at_their_lengths(kind: type[Layer], last: bool, given: bool) -> None:
    lengths = [3, 1, 4, 2]
    data = {"x": draw(4, 4, 3), "lengths": np.array(lengths)}
    if given:
        data |= {name: draw(4, 5) for name in ("h0", "c0")[: 1 + (kind is LSTM)]}

    def reference(v):
        rows = []
        for number, length in enumerate(lengths):
            own = {n: t[number : number + 1] for n, t in vars(v).items() if n in ("h0", "c0")}
            x = v.x[number : number + 1, :length]
            y = PEERS[kind](SimpleNamespace(**{**vars(v), **own, "x": x}))
            rows.append(y[0, -1] if last else functional.pad(y[0], (0, 0, 0, 4 - length)))
        return torch.stack(rows)

    assert_agrees(kind(5, last=last, given=given, padded=True), data, reference)


@pytest.mark.parametrize("kind", PEERS)
def test_what_stands_in_the_padding_does_not_matter(kind: type[Layer]) -> None:
    network = Embedding(4, 3) >> kind(5, padded=True) >> kind(2, padded=True, last=True)
    x, lengths = np.array([[1, 2, 3], [3, 2, 1]]), np.array([3, 1])
    other = np.array([[1, 2, 3], [3, 0, 0]])
    parameters = network.init(np.random.default_rng(0), x=x)
    first, second = (network(parameters, x=given, lengths=lengths) for given in (x, other))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("kind", PEERS)
def test_a_sequence_of_one_step(kind: type[Layer]) -> None:
    assert_agrees(kind(3), {"x": draw(2, 1, 3)}, PEERS[kind])


@pytest.mark.parametrize("kind", PEERS)
def test_layers_stack(kind: type[Layer]) -> None:
    def reference(v):
        hidden = PEERS[kind](numbered(v, "1", v.x))
        return PEERS[kind](numbered(v, "2", hidden))[:, -1]

    assert_agrees(kind(5) >> kind(4, last=True), {"x": draw(2, 4, 3)}, reference)


@pytest.mark.parametrize("kind", PEERS)
def test_what_follows_a_recurrence_stays_outside_of_it(kind: type[Layer]) -> None:
    network = kind(4) >> Tanh()
    assert_agrees(network, {"x": draw(2, 4, 3)}, lambda v: torch.tanh(PEERS[kind](v)))


def test_recurrent_weights_start_orthogonal() -> None:
    u = RNN(6).init(np.random.default_rng(0), x=(1, 1, 3))["U"]
    np.testing.assert_allclose(u @ u.T, np.eye(6), atol=1e-12)


def test_the_gate_that_keeps_starts_open() -> None:
    bias = LSTM(6).init(np.random.default_rng(0), x=(1, 1, 3))["B"]
    assert bias[:, 0].tolist() == [0, 1, 0, 0]


def test_fans_are_those_of_all_gates() -> None:
    w = LSTM(100).init(np.random.default_rng(0), x=(1, 1, 50))["W"]
    assert w.var() == pytest.approx(2 / 450, rel=0.02)


def test_parameters_are_few() -> None:
    assert {kind.__name__: sorted(kind(5).params) for kind in PEERS} == {
        "RNN": ["B", "U", "W"],
        "GRU": ["B", "D", "U", "W"],
        "LSTM": ["B", "U", "W"],
    }


@pytest.mark.parametrize("integers", [False, True])
@pytest.mark.parametrize("kind", PEERS)
def test_a_character_model_agrees(kind: type[Layer], integers: bool) -> None:
    loss = losses.CrossEntropy(integers=integers)
    network = Embedding(7, 3) >> kind(5) >> Affine(7) >> loss
    rng = np.random.default_rng(0)
    symbols, numbers = rng.integers(0, 7, (2, 2, 4))
    target = numbers if integers else np.eye(7)[numbers]

    def reference(v):
        hidden = PEERS[kind](numbered(v, "2", v.E1[v.x]))
        logits = (hidden @ v.W3 + v.B3).flatten(0, 1)
        return functional.cross_entropy(logits, v.t.flatten(0, 1))

    assert_agrees(network, {"x": symbols, "t": target}, reference)


@pytest.mark.parametrize("kind", PEERS)
def test_a_character_model_learns(kind: type[Layer]) -> None:
    network = Embedding(4, 8) >> kind(16) >> Affine(4) >> losses.CrossEntropy(integers=True)
    text = np.tile([0, 1, 2, 1, 3], 8)
    data = {"x": text[None, :-1], "t": text[None, 1:]}
    parameters = network.init(np.random.default_rng(0), x=data["x"])
    step = network.program.value_and_grad()
    history = []
    for _ in range(60):
        value, gradients = step({**data, **parameters})
        history.append(value)
        for name, gradient in gradients.items():
            parameters[name] -= 0.5 * gradient
    assert history[0] > 1
    # What follows a 1 depends on what came before it: without a state, 0.4 log 2 is the least.
    assert history[-1] < 0.2
    predicted = network.predictor(parameters, x=data["x"]).argmax(axis=-1)
    assert (predicted[:, 4:] == data["t"][:, 4:]).all()


def test_a_recurrence_is_readable_in_a_chain() -> None:
    assert str((RNN(3) >> Tanh()).program).splitlines()[-2:] == [
        "h1[b,t,j] = tanh(x[b,t,i] W[i,j] + h1[b,t-1,k] U[k,j] + B[j])",
        "y[b,t,j] = tanh(h1[b,t,j])",
    ]
