"""A block of a transformer, joined from layers, against PyTorch's; and a small model that learns."""

import numpy as np

from einprop.layers import (
    GELU,
    Affine,
    Attention,
    Embedding,
    LayerNorm,
    LearnedPositions,
    Network,
    Residual,
    losses,
)
from tests.equations.entry import torch
from tests.layers.against_torch import assert_agrees


def block(heads: int, inner: int, width: int) -> Network:
    """The block of GPT-2: what attention and a small network add, each behind a normalisation."""
    return Residual(LayerNorm() >> Attention(heads, causal=True)) >> Residual(
        LayerNorm() >> Affine(inner) >> GELU() >> Affine(width)
    )


def transform(x, heads, p):
    """PyTorch's block with the weights p, which are numbered from 1."""
    width, inner = p["W4"].shape
    torch_block = torch.nn.TransformerEncoderLayer(
        width, heads, inner, 0.0, "gelu", batch_first=True, norm_first=True, dtype=torch.float64
    )
    weights = {
        "self_attn.in_proj_weight": torch.cat([p[f"W{n}2"].T for n in "QKV"]),
        "self_attn.in_proj_bias": torch.cat([p[f"B{n}2"] for n in "QKV"]),
        "self_attn.out_proj.weight": p["WO2"].T,
        "self_attn.out_proj.bias": p["BO2"],
        "linear1.weight": p["W4"].T,
        "linear1.bias": p["B4"],
        "linear2.weight": p["W5"].T,
        "linear2.bias": p["B5"],
        "norm1.weight": p["gamma1"],
        "norm1.bias": p["beta1"],
        "norm2.weight": p["gamma3"],
        "norm2.bias": p["beta3"],
    }
    mask = torch.triu(torch.ones(x.shape[1], x.shape[1], dtype=torch.bool), 1)
    return torch.func.functional_call(torch_block, weights, (x,), {"src_mask": mask})


def test_a_block_of_gpt() -> None:
    assert_agrees(
        block(2, 12, 6),
        {"x": np.random.default_rng(0).normal(size=(2, 5, 6))},
        lambda v: transform(v.x, 2, vars(v)),
    )


def test_a_small_gpt_learns_to_look_back() -> None:
    network = Embedding(5, 16) >> LearnedPositions(8) >> block(2, 32, 16) >> LayerNorm()
    network = network >> Affine(5) >> losses.CrossEntropy(integers=True)
    rng = np.random.default_rng(0)
    text = rng.integers(0, 5, (64, 8))
    data = {"x": text[:, 1:], "t": text[:, :-1]}
    parameters = network.init(rng, x=data["x"])
    step = network.program.value_and_grad()
    speed = {name: np.zeros_like(array) for name, array in parameters.items()}
    for _ in range(100):
        _, gradients = step({**data, **parameters})
        for name, gradient in gradients.items():
            speed[name] = 0.9 * speed[name] - 0.1 * gradient
            parameters[name] += speed[name]
    # What stands one place before can be read; before the first place nothing stands.
    predicted = network.predictor(parameters, x=data["x"]).argmax(axis=-1)
    assert (predicted == data["t"])[:, 1:].mean() > 0.95
    assert (predicted == data["t"])[:, :1].mean() < 0.5
