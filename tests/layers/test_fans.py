"""Fans as torch counts them, read off the equations."""

import math

import pytest

from einprop.layers.fans import Parameter, axes_of
from einprop.layers.init import zeros
from einprop.notation.parser import parse

# Equation, the parameter's shape, fan_in and fan_out.
FANS = {
    "affine": ("y[b,j] = x[b,i] W[i,j] + B[j]", (7, 5), 7, 5),
    "convolution": ("y[b,i,j,f] = x[b,i+p,j+q,c] W[p,q,c,f]", (3, 5, 2, 4), 30, 60),
    "padded, strided convolution": (
        "y[b,i,f] = x[b,pad(2*i+3*p-1),c] W[p,c,f]",
        (3, 2, 4),
        6,
        12,
    ),
    "depthwise convolution": ("y[b,i,c] = x[b,i+p,c] W[p,c]", (3, 8), 3, 24),
    "grouped convolution": ("y[b,i,(g f)] = x[b,i+p,(g c)] W[p,c,(g f)]", (3, 2, 8), 6, 24),
    "heads": ("q[b,h,t,d] = x[b,t,i] W[i,(h d)]", (6, 8), 6, 8),
    "after heads": ("y[b,t,j] = v[b,h,t,d] W[(h d),j]", (8, 6), 8, 6),
    "recurrence": ("h[b,t,j] = tanh(x[b,t,j] + h[b,t-1,k] W[k,j])", (6, 7), 6, 7),
    "bias": ("y[b,j] = x[b,j] + W[j]", (5,), 1, 5),
    "gathered": ("y[b,d] = W[tok[b],d]", (100, 8), 100, 8),
}


@pytest.mark.parametrize(("text", "shape", "fan_in", "fan_out"), FANS.values(), ids=FANS)
def test_fans(text: str, shape: tuple[int, ...], fan_in: int, fan_out: int) -> None:
    parameter = Parameter("W", zeros, axes_of(["W"], parse(text))["W"])
    assert parameter.fans(shape) == (fan_in, fan_out)


@pytest.mark.parametrize("groups", [1, 2])
def test_fans_of_a_kernel_are_those_of_torch(groups: int) -> None:
    torch = pytest.importorskip("torch", reason="torch computes the fans to compare with")
    weight = torch.empty(8, 4 // groups, 3, 5)
    fan_in, fan_out = torch.nn.init._calculate_fan_in_and_fan_out(weight)
    text = "y[b,i,j,(g f)] = x[b,i+p,j+q,(g c)] K[p,q,c,(g f)]"
    axes = axes_of(["K"], parse(text))["K"]
    assert Parameter("K", zeros, axes).fans((3, 5, 4 // groups, 8)) == (fan_in, fan_out)
    assert math.prod((3, 5, 4 // groups)) == fan_in


def test_what_no_equation_reads_has_no_axes() -> None:
    assert axes_of(["W"], parse("y[b] = x[b]")) == {}
