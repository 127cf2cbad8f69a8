"""Tied parameters: one array with the gradient of all its uses, in programs, training and files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from einprop.errors import EinpropError, InputError, ShapeError
from einprop.layers import Affine, Embedding, Residual, Tanh, losses
from einprop.training import SGD, fit, load_model, save_model
from tests.equations.entry import functional
from tests.layers.against_torch import assert_agrees

LANGUAGE = Embedding(7, 4) >> Affine(4) >> Tanh() >> Affine(7)
TIED = LANGUAGE.tied("W3[i,v] = E1[v,i]")


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_values_and_gradients_are_those_of_a_shared_table() -> None:
    symbols = rng().integers(0, 7, (2, 5))

    def reference(v):
        hidden = (v.E1[v.x] @ v.W2 + v.B2).tanh()
        return functional.linear(hidden, v.E1, v.B3)

    assert_agrees(TIED, {"x": symbols}, reference)


def test_a_tie_is_any_equation_between_parameters() -> None:
    network = (Affine(3) >> Affine(3) >> Affine(3) >> Tanh()).tied(
        "W2[i,j] = 2 W1[j,k] W1[i,k]; B3[j] = -B1[j] W1[k,k]"
    )
    assert network.program.params == ("W1", "B1", "B2", "W3")

    def reference(v):
        h = v.x @ v.W1 + v.B1
        h = h @ (2 * v.W1 @ v.W1.T) + v.B2
        return (h @ v.W3 - v.B1 * v.W1.trace()).tanh()

    assert_agrees(network, {"x": rng().normal(size=(2, 3))}, reference)


def test_every_form_of_a_network_keeps_its_ties() -> None:
    loss = TIED >> losses.CrossEntropy(integers=True)
    assert loss.ties == TIED.ties
    assert loss.predictor == TIED
    assert TIED.with_axes(3).ties == TIED.ties
    assert TIED != LANGUAGE
    assert repr(TIED).endswith("Affine(7)).tied('W3[i,v] = E1[v,i]')")
    assert list(TIED.state_dict(TIED.init(rng(), x=(1, 2)))) == ["0.E", "1.W", "1.B", "3.B"]


def test_training_and_files_see_one_array(tmp_path: Path) -> None:
    network = TIED >> losses.CrossEntropy(integers=True)
    symbols = rng().integers(0, 7, (16, 6))
    data = {"x": symbols[:, :-1], "t": symbols[:, 1:]}
    parameters = network.init(rng(), x=data["x"])
    history = fit(network, parameters, data, SGD(0.5), epochs=5, batch_size=4, rng=rng())
    assert history.column("loss")[-1] < history.column("loss")[0]
    save_model(tmp_path / "tied.safetensors", network, parameters)
    model, read = load_model(tmp_path / "tied.safetensors")
    expected = network(parameters, **data)
    np.testing.assert_array_equal(model.evaluation({**read, **data}), expected)


REFUSED = {
    "no parameter": ("W5[i,v] = E1[v,i]", "there is no parameter W5 to tie"),
    "a tensor": ("h1[b,i] = E1[b,i]", "there is no parameter h1 to tie"),
    "data": ("W3[i,v] = x[i,v]", "W3 cannot be tied to x"),
    "another tie": ("W3[i,v] = E1[v,i]; W2[i,j] = W3[i,j]", "W2 cannot be tied to W3"),
    "itself": ("W3[i,v] = 2 W3[i,v]", "W3 cannot be tied to W3"),
    "an addition": ("W3[i,v] += E1[v,i]", "W3[i,v] += E1[v,i] ties no parameter"),
    "a declaration": ("param W3[i,v]", "param W3[i,v] ties no parameter"),
    "a diagonal shift": ("W3[i+1,v] = E1[v,i]", "W3[i+1,v] = E1[v,i] ties no parameter"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_what_ties_nothing_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        LANGUAGE.tied(text)
    assert str(caught.value).startswith(message)


def test_sizes_that_disagree_are_refused() -> None:
    with pytest.raises(ShapeError, match="size"):
        (Embedding(7, 4) >> Affine(6)).tied("W2[i,v] = E1[v,i]")


def test_other_ranks_are_refused() -> None:
    with pytest.raises(EinpropError, match=r"W2\[i\] has not as many indices as W2\[i,j\]"):
        LANGUAGE.tied("B2[i] = W2[i]")


def test_tied_networks_are_no_parts() -> None:
    for build in (lambda: Affine(7) >> TIED, lambda: Residual(TIED)):
        with pytest.raises(InputError, match="has tied parameters"):
            build()
