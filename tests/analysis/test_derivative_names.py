"""Names of derivatives say what they are derivatives of."""

from __future__ import annotations

import pytest

from einprop.analysis.derivative_names import (
    derivative_sides,
    free_suffix,
    tensor_base,
    without_suffix,
)
from einprop.analysis.resolve import resolve
from einprop.notation.parser import parse


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("W", "W"),
        ("W.grad", "W"),
        ("W.grad.dot2", "W"),
        ("h.grad2.dot", "h"),
        ("h.left", "h.left"),
        ("h.seed", "h"),
        ("layer1.W.grad", "layer1.W"),
    ],
)
def test_a_derivative_has_the_axes_of_its_tensor(name: str, base: str) -> None:
    assert tensor_base(name) == base


@pytest.mark.parametrize(
    ("name", "outer"), [("W.grad.dot2", "W.grad"), ("W.grad", "W"), ("h.left", "h.left")]
)
def test_one_derivation_comes_off(name: str, outer: str) -> None:
    assert without_suffix(name) == outer


@pytest.mark.parametrize(
    ("name", "sides"),
    [
        ("y.jacobian.x", [("y", "x")]),
        ("a.b.jacobian2.c.d", [("a.b", "c.d")]),
        ("loss.hessian.U.V.W", [("U", "V.W"), ("U.V", "W")]),
        ("y.grad", []),
    ],
)
def test_sides(name: str, sides: list[tuple[str, str]]) -> None:
    assert list(derivative_sides(name)) == sides


@pytest.mark.parametrize(
    ("text", "word", "suffix"),
    [
        ("y = x", "grad", "grad"),
        ("x.grad += y.grad", "grad", "grad2"),
        ("x.grad.grad2 += y.grad.grad2", "grad", "grad3"),
        ("x.gradient = y", "grad", "grad"),
        ("y = x", "dot", "dot"),
        ("y.dot = x.dot", "dot", "dot2"),
        ("a.dot.dot2 = b", "dot", "dot3"),
    ],
)
def test_each_derivation_has_a_suffix_of_its_own(text: str, word: str, suffix: str) -> None:
    assert free_suffix(resolve(parse(text)).equations, word) == suffix
