"""Windows: the subscripts that they read, and how far they go."""

import numpy as np
import pytest

import einprop as ep
from einprop.errors import InputError
from einprop.layers.windows import Windows

SUBSCRIPTS = [
    (Windows(1, 3), "t+p"),
    (Windows(2, 3, stride=2), "2*i+p,2*j+q"),
    (Windows(2, (3, 2), dilation=(1, 2)), "i+p,j+2*q"),
    (Windows(2, 3, padding=(1, 0)), "pad(i+p-1),j+q"),
    (Windows(3, 3, padding="same"), "pad(i+p-1),pad(j+q-1),pad(k+r-1)"),
    (Windows(1, 4, padding="same"), "pad(t+p-1)"),
    (Windows(1, 3, padding=1, outside="clamp"), "clamp(t+p-1)"),
    (Windows(1, 1, padding="same"), "t+p"),
]


@pytest.mark.parametrize(("windows", "subscripts"), SUBSCRIPTS, ids=repr)
def test_subscripts(windows: Windows, subscripts: str) -> None:
    assert windows.subscripts == subscripts


def test_declarations() -> None:
    assert Windows(2, 3).declarations == "index p, q: window < 3"
    assert Windows(2, (3, 5)).declarations == "index p: height < 3, q: width < 5"


@pytest.mark.parametrize("size", range(5, 11))
@pytest.mark.parametrize("padding", range(4))
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_lengths(size: int, padding: int, stride: int, dilation: int) -> None:
    windows = Windows(1, 3, stride, padding, dilation)
    before, clause = windows.bound("c")
    text = (
        f"{windows.declarations}\n{before}\ny[b,t,c] = sum[p](x[b,{windows.subscripts},c]){clause}"
    )
    shapes = ep.Program(text, outputs="y").shapes(x=(1, size, 1))
    assert shapes["y"][1] == (size + 2 * padding - 2 * dilation - 1) // stride + 1


def test_a_window_reads_what_its_options_say() -> None:
    windows = Windows(1, 2, stride=2, padding=2, dilation=3)
    before, clause = windows.bound("c")
    text = f"{windows.declarations}\n{before}\ny[t,p] = x[0,{windows.subscripts},0]{clause}"
    x = np.arange(1.0, 7.0).reshape(1, 6, 1)
    found = ep.Program(text.replace("c]", "0]"), outputs="y")(x=x)
    padded = np.concatenate([np.zeros(2), x.ravel(), np.zeros(2)])
    expected = [[padded[2 * t], padded[2 * t + 3]] for t in range(4)]
    np.testing.assert_array_equal(found, expected)


def test_a_length_stays_the_same_with_stride_one_only() -> None:
    with pytest.raises(InputError, match="padding is 'same' and stride is 2"):
        Windows(1, 3, 2, "same")
