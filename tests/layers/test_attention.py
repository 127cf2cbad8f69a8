"""Attention against PyTorch's: with itself, causal, with a memory; and a block of a transformer."""

import numpy as np
import pytest

from einprop.errors import InputError, ShapeError
from einprop.layers import Attention
from tests.equations.entry import functional, torch
from tests.layers.against_torch import assert_agrees


def draw(*shape: int):
    return np.random.default_rng(0).normal(size=shape)


def attend(x, memory, heads, p, *, causal=False, padding=None):
    """PyTorch's function with the weights p of an `Attention` layer."""
    width = x.shape[2]
    mask = torch.triu(torch.ones(x.shape[1], memory.shape[1], dtype=torch.bool), 1)
    zeros = torch.zeros(width, dtype=x.dtype)
    out, _ = functional.multi_head_attention_forward(
        *(v.transpose(0, 1) for v in (x, memory, memory)),
        embed_dim_to_check=width,
        num_heads=heads,
        in_proj_weight=None,
        in_proj_bias=torch.cat([p.get(f"B{n}", zeros) for n in "QKV"]),
        bias_k=None,
        bias_v=None,
        add_zero_attn=False,
        dropout_p=0.0,
        out_proj_weight=p["WO"].T,
        out_proj_bias=p.get("BO", zeros),
        use_separate_proj_weight=True,
        q_proj_weight=p["WQ"].T,
        k_proj_weight=p["WK"].T,
        v_proj_weight=p["WV"].T,
        attn_mask=mask if causal else None,
        key_padding_mask=padding,
    )
    return out.transpose(0, 1)


@pytest.mark.parametrize("heads", [1, 2, 6])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_self_attention(heads: int, causal: bool, bias: bool) -> None:
    assert_agrees(
        Attention(heads, causal=causal, bias=bias),
        {"x": draw(2, 5, 6)},
        lambda v: attend(v.x, v.x, heads, vars(v), causal=causal),
    )


@pytest.mark.parametrize("width", [4, 3])
def test_cross_attention(width: int) -> None:
    assert_agrees(
        Attention(2, cross=True),
        {"x": draw(2, 5, 4), "memory": draw(2, 7, width)},
        lambda v: attend(v.x, v.memory, 2, vars(v)),
    )


@pytest.mark.parametrize("padded", ["lengths", "mask"])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("cross", [False, True])
def test_padding_is_not_read(padded: str, causal: bool, cross: bool) -> None:
    lengths = np.array([4, 1])
    keep = (np.arange(5) < lengths[:, None]).astype(int)
    memory = {"memory": draw(2, 5, 3)} if cross else {}
    further = {"lengths": lengths} if padded == "lengths" else {"keep": keep}
    assert_agrees(
        Attention(2, causal=causal, cross=cross, padded=padded),
        {"x": draw(2, 5, 4), **memory, **further},
        lambda v: attend(
            v.x,
            getattr(v, "memory", v.x),
            2,
            vars(v),
            causal=causal,
            padding=torch.tensor(keep == 0),
        ),
    )


def test_a_sequence_without_keys_harms_itself_alone() -> None:
    network = Attention(2, padded="lengths")
    x = draw(2, 3, 4)
    parameters = network.init(np.random.default_rng(0), x=x)
    y = network(parameters, x=x, lengths=[0, 3])
    assert np.isnan(y[0]).all()
    np.testing.assert_array_equal(y[1:], network(parameters, x=x[1:], lengths=[3]))


def test_a_block_of_layers_shares_the_lengths() -> None:
    network = Attention(2, padded="lengths") >> Attention(1, padded="lengths", causal=True)
    parameters = network.init(np.random.default_rng(0), x=(2, 5, 4))
    x = draw(2, 5, 4)
    y = network(parameters, x=x, lengths=[3, 5])
    np.testing.assert_allclose(network(parameters, x=x[:1, :3], lengths=[3])[0], y[0, :3])


def test_a_word_for_padding_that_is_none_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        Attention(2, padded="length")
    assert str(caught.value) == "padded is 'length'\nit is None, 'lengths' or 'mask'"


def test_large_scores_stay_finite() -> None:
    network = Attention(2, causal=True)
    parameters = network.init(np.random.default_rng(0), x=(2, 5, 4))
    y = network(parameters, x=1e8 * draw(2, 5, 4))
    assert np.isfinite(y).all()


def test_a_causal_position_reads_nothing_behind_it() -> None:
    network = Attention(2, causal=True)
    parameters = network.init(np.random.default_rng(0), x=(1, 5, 4))
    x = draw(1, 5, 4)
    changed = x.copy()
    changed[:, 3:] += 1
    before, after = (network(parameters, x=given)[:, :3] for given in (x, changed))
    np.testing.assert_array_equal(before, after)


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    network = Attention(4)
    with pytest.raises(ShapeError):
        network.init(np.random.default_rng(0), x=(1, 5, 6))


def test_layers_share_a_memory() -> None:
    network = Attention(2, causal=True) >> Attention(2, cross=True) >> Attention(1, cross=True)

    def reference(v):
        layers = [{n[:-1]: p for n, p in vars(v).items() if n.endswith(k)} for k in "123"]
        h = attend(v.x, v.x, 2, layers[0], causal=True)
        h = attend(h, v.memory, 2, layers[1])
        return attend(h, v.memory, 1, layers[2])

    assert_agrees(network, {"x": draw(2, 5, 4), "memory": draw(2, 7, 3)}, reference)
