"""Networks in notebooks: equations, and what starts how in which shape."""

from __future__ import annotations

import re
from html import unescape

import pytest

import einprop as ep
from einprop.layers import LSTM, Affine, BatchNorm, Conv2d, Dropout, Embedding, ReLU, Tanh, losses


def shown(network) -> tuple[list[str], list[list[str]]]:
    """The texts and the rows of the table."""
    html = network._repr_html_()
    texts = [unescape(text) for text in re.findall("<pre>(.*?)</pre>", html, re.DOTALL)]
    rows = [re.findall("<t[hd].*?</t[hd]>", row) for row in re.findall("<tr>.*?</tr>", html)]
    return texts, [[unescape(re.sub("<.*?>", "", cell)) for cell in row] for row in rows]


def test_a_layer_shows_its_equations_and_parameters() -> None:
    layer = Affine(3, W=ep.init.orthogonal(2.0))
    texts, rows = shown(layer)
    assert texts == [repr(layer), str(layer.program)]
    assert rows == [
        ["tensor", "shape", "kind", "starts as"],
        ["W[i,j]", "i × 3", "parameter", repr(ep.init.orthogonal(2.0))],
        ["B[j]", "3", "parameter", "zeros"],
    ]


def test_a_network_shows_state_and_noise_too() -> None:
    model = Conv2d(8, kernel=3) >> BatchNorm() >> ReLU() >> Dropout(0.5)
    _, rows = shown(model)
    table = {row[0].partition("[")[0]: row[1:] for row in rows[1:]}
    assert table["K1"] == ["3 × 3 × c × 8", "parameter", "he_normal"]
    assert table["running_mean2"] == ["8", "state", "zeros"]
    assert table["mask"] == ["b × i × j × 8", "noise", "bernoulli(0.5), each step"]


@pytest.mark.parametrize(
    "network",
    [
        Affine(4) >> Tanh() >> Affine(2) >> losses.CrossEntropy(),
        Embedding(50, 8) >> LSTM(6) >> Affine(50),
        Tanh(),
    ],
    ids=repr,
)
def test_every_parameter_has_a_row(network) -> None:
    texts, rows = shown(network)
    held = [*network.program.params, *network.model.state, *network.model.noise]
    assert [row[0].partition("[")[0] for row in rows[1:]] == held
    assert texts[0] == repr(network)


def test_text_is_escaped() -> None:
    class Below(ep.Layer):
        forward = "y[b,i] = x[b,i] [x[b,i] < w[i]]"
        params = {"w": lambda rng, shape, fan_in, fan_out, dtype: rng.normal(size=shape)}

    assert "[x[b,i] &lt; w[i]]" in Below()._repr_html_()
    assert "&lt;lambda&gt;" in Below()._repr_html_()
    assert "<lambda>" not in Below()._repr_html_()
