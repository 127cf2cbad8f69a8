"""Declared lines: what they stand for, the program without it, and what cannot be declared."""

from __future__ import annotations

import pytest

from einprop.analysis.declared import hide
from einprop.analysis.resolve import resolve
from einprop.errors import EinpropError, IndexScopeError, IndexTypeError
from einprop.notation.functions import HIDDEN
from einprop.notation.parser import parse
from einprop.notation.printer import program_text

TWO = "h[j] = tanh(x[i] W[i,j])\ny = sum[j](h[j]^2)\n"


def without(text: str) -> list[str]:
    """The program from which nothing declared is derived; what is hidden in braces."""
    resolved = resolve(parse(text))
    equations, _ = hide(resolved.equations, resolved.lines)
    lines = program_text(equations).splitlines()
    return [line.replace(f"{HIDDEN}(", "hide(") for line in lines]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "y[i] = sign(x[i])\noverride x.grad[i] += y.grad[i]",
            ["y[i] = sign(hide(x[i]))"],
        ),
        # over what stands between, which others may read too
        (
            TWO + "z[j] = h[j] h[j]\nbackward x.grad[i] += 2 y.grad h[j] (1 - h[j]^2) W[i,j]",
            [
                "h[j] = tanh(sum[i](x[i] W[i,j]))",
                "h.inner[j] = tanh(sum[i](hide(x[i]) W[i,j]))",
                "y = sum[j](h.inner[j]^2)",
                "z[j] = h[j] h[j]",
            ],
        ),
        # step by step
        (
            TWO + "backward h.grad[j] += 2 y.grad h[j]\n"
            "backward W.grad[i,j] += h.grad[j] (1 - h[j]^2) x[i]",
            ["h[j] = tanh(sum[i](x[i] hide(W[i,j])))", "y = sum[j](hide(h[j])^2)"],
        ),
        # not by way of another tensor whose cotangent the lines read
        (
            "h[i] = 2 x[i]; y[i] = h[i] x[i]\nbackward x.grad[i] += y.grad[i] h[i] + 2 h.grad[i]",
            ["h[i] = 2 hide(x[i])", "y[i] = h[i] hide(x[i])"],
        ),
        # through a line that helps
        (
            TWO + "backward g[j] = 2 y.grad h[j]\nbackward h.grad[j] += g[j]",
            ["h[j] = tanh(sum[i](x[i] W[i,j]))", "y = sum[j](hide(h[j])^2)"],
        ),
        # what a line does not speak of stays
        ("y[i] = x[i] w[i]\nbackward x.grad[i] += y.grad[i] w[i]", ["y[i] = hide(x[i]) w[i]"]),
        # every equation of a tensor
        (
            "y[i] = x[i]\nu[i] = 3 v[i]\ny[i] += u[i] x[i]\nbackward x.grad[i] += 2 y.grad[i]",
            ["u[i] = 3 v[i]", "y[i] = hide(x[i])", "y[i] += u[i] hide(x[i])"],
        ),
        ("y = 2 x", ["y = 2 x"]),
    ],
)
def test_what_is_hidden(text: str, lines: list[str]) -> None:
    assert without(text) == lines


REFUSED = {
    "y[i] = 2 x[i]\nbackward z.grad[i] += y.grad[i]": """\
z.grad is the gradient of no tensor of the program
    backward z.grad[i] += y.grad[i]
             ^^^^^^^^^
its tensors are x, y""",
    "y[i] = 2 x[i]\nbackward y[i] += x[i]": """\
y is a tensor of the program, which no line of a backward pass defines
    backward y[i] += x[i]
             ^^^^
such a line defines a gradient, y.grad, or a tensor of its own""",
    "y[i] = 2 x[i]\nbackward x.grad[i] = 2 y.grad[i]": """\
the gradient x.grad is declared by =
    backward x.grad[i] = 2 y.grad[i]
             ^^^^^^^^^
write +=: what else reads x adds to its gradient too""",
    "y[i] = 2 x[i]\nbackward x.grad[i] += z[i] y.grad[i]": """\
z[i] is no tensor of the program, and no line above defines it
    backward x.grad[i] += z[i] y.grad[i]
                          ^^^^
a line of a backward pass reads the program's tensors, the cotangents of those that it defines \
(y.grad), and what lines above define""",
    "y[i] = 2 x[i]\nbackward x.grad[i] += g[i]\nbackward g[i] = 2 y.grad[i]": """\
g[i] is no tensor of the program, and no line above defines it
    backward x.grad[i] += g[i]
                          ^^^^
a line of a backward pass reads the program's tensors, the cotangents of those that it defines \
(y.grad), and what lines above define""",
    "y[i] = w[i] x[i]\nbackward x.grad[i] += w.grad[i] y.grad[i]": """\
w.grad[i] is the gradient of an input, which no line can read
    backward x.grad[i] += w.grad[i] y.grad[i]
                          ^^^^^^^^^
a line of a backward pass reads the program's tensors, the cotangents of those that it defines \
(y.grad), and what lines above define""",
    "y[i] = sign(x[i])\nbackward x.grad[i] += 0": """\
the gradient x.grad reads no cotangent
    backward x.grad[i] += 0
             ^^^^^^^^^^^^^^
say from which tensor it comes, if need be by a product with 0: 0 y.grad""",
    "y = 2 x; z = 3 w\nbackward x.grad += z.grad": """\
z does not depend on x, so x.grad cannot come from z.grad
    backward x.grad += z.grad
             ^^^^^^^^^^^^^^^^
read the cotangents of what depends on x""",
    # type-checked like any other
    "y[b,j] = x[b,i] W[i,j]\nbackward W.grad[i,j] += y.grad[b,j] x[i]": """\
x has 1 index in x[i], but 2 indices in x[b,i]
    backward W.grad[i,j] += y.grad[b,j] x[i]
                                        ^^^^
    y[b,j] = x[b,i] W[i,j]
             ^^^^^^
write all indices of x, as in x[b,i]""",
    "index i: pixel, j: feature\ny[j] = x[i] W[i,j]\nbackward x.grad[i] += y.grad[j] W[j,i]": """\
index j in W[j,i] has type feature, but axis 0 of W has type pixel, as in W[i,j]
    backward x.grad[i] += y.grad[j] W[j,i]
                                      ^
    y[j] = x[i] W[i,j]
                  ^
an axis has one type: write an index of type pixel here, such as i""",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_declared(text: str) -> None:
    with pytest.raises(EinpropError) as error:
        resolve(parse(text))
    assert isinstance(error.value, IndexScopeError | IndexTypeError)
    assert str(error.value) == REFUSED[text]
