"""Definitions expanded to leaves and reductions, and refused where they reach outside themselves."""

from __future__ import annotations

import pytest

from einprop.analysis.definitions import collect_definitions
from einprop.analysis.resolve import resolve
from einprop.errors import IndexScopeError, UnsupportedError
from einprop.notation.functions import FUNCTIONS, REDUCTIONS
from einprop.notation.parser import parse
from einprop.notation.prelude import prelude
from einprop.notation.printer import to_text
from einprop.notation.tree import Call, Equation, walk


def expanded(text: str) -> str:
    """The last equation of a program, definitions expanded and sums explicit."""
    return to_text(resolve(parse(text)).equations[-1])


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("y[b] = logsumexp[k](s[b,k])", "y[b] = log(sum[k](exp(s[b,k])))"),
        ("y[b] = mean[k](s[b,k])", "y[b] = sum[k](s[b,k]) / sum[k](1)"),
        ("m = mean[b,k](s[b,k])", "m = sum[b,k](s[b,k]) / sum[b,k](1)"),
        ("p[b,k] = softmax[k](s[b,k])", "p[b,k] = exp(s[b,k]) / sum[k'](exp(s[b,k']))"),
        ("p[b,k] = softmax[b,k](s[b,k])", "p[b,k] = exp(s[b,k]) / sum[b',k'](exp(s[b',k']))"),
        ("y[i] = silu(x[i])", "y[i] = x[i] sigmoid(x[i])"),
        ("def twice(a) = 2 a; y[i] = twice(twice(x[i]))", "y[i] = 2 (2 x[i])"),
        ("def f(a, b) = a - b; y = f(x z, z)", "y = x z - z"),
        # what is passed goes in whole
        ("def square(a) = a^2; y = square(x + 1)", "y = (x + 1)^2"),
        # an argument's sum is placed before it goes in
        ("def square(a) = a^2; y = square(x[i] w[i])", "y = sum[i](x[i] w[i])^2"),
        # bound indices of the definition do not capture those of the argument
        ("def total[k](s) = 3 sum[k](s); y[k] = total[i](x[i,k])", "y[k] = 3 sum[i](x[i,k])"),
        # two index parameters stand for one index each
        (
            "def above[i,j](a) = sum[i,j](a * [i > j]); y = above[p,q](A[p,q])",
            "y = sum[p,q](A[p,q] [p > q])",
        ),
        # optional trailing arguments are written out
        ("y[i] = leaky_relu(x[i])", "y[i] = leaky_relu(x[i], 0.01)"),
        ("y[i] = elu(x[i], 2)", "y[i] = elu(x[i], 2)"),
    ],
)
def test_calls_become_bodies(text: str, meaning: str) -> None:
    assert expanded(text) == meaning


@pytest.mark.parametrize("name", prelude())
def test_the_prelude_ends_in_leaves_and_reductions(name: str) -> None:
    known = {*FUNCTIONS, *REDUCTIONS}
    body = collect_definitions(()).bodies[name].body
    assert {node.function for node in walk(body) if isinstance(node, Call)} <= known


@pytest.mark.parametrize(
    ("name", "keeps"),
    [("mean", False), ("logsumexp", False), ("softmax", True), ("log_softmax", True)],
)
def test_softmax_keeps_its_index_and_mean_does_not(name: str, keeps: bool) -> None:
    assert collect_definitions(()).keeps_indices(name) == keeps


def test_definitions_may_come_in_any_order() -> None:
    text = "def f(x) = g(x) + 1; def g(x) = 2 x; y = f(a)"
    assert expanded(text) == "y = 2 a + 1"


def test_definitions_that_nobody_uses_are_checked_too() -> None:
    with pytest.raises(IndexScopeError):
        resolve(parse("def f(x) = x + w; y = a"))


def test_expanding_leaves_other_calls_alone() -> None:
    (line,) = parse("y = max[i](exp(x[i]))")
    assert isinstance(line, Equation)
    assert collect_definitions(()).expand(line.expression) == line.expression


REFUSED = {
    "def f(x) = x + w; y = f(a)": """\
definition f reads w, which is not its parameter
    def f(x) = x + w; y = f(a)
                   ^
a definition sees its parameters alone: x; pass the tensor as another one""",
    "def f(x) = x W[i,j]; y = f(a)": """\
definition f reads W[i,j], which is not its parameter
    def f(x) = x W[i,j]; y = f(a)
                 ^^^^^^
a definition sees its parameters alone: x; pass the tensor as another one""",
    "def f(x) = sum[i](x); y = f(a[i])": """\
definition f binds index i, which is not its index parameter
    def f(x) = sum[i](x); y = f(a[i])
               ^^^^^^^^^
name it in the head: def f[i](…)""",
    "def f[i](x) = sum[i,j](x)\ny = f[p](a[p])": """\
definition f binds index j, which is not its index parameter
    def f[i](x) = sum[i,j](x)
                  ^^^^^^^^^^^
name it in the head: def f[i,j](…)""",
    "def f(x) = f(x); y = f(a)": """\
definition f uses itself: f -> f
    def f(x) = f(x); y = f(a)
    ^^^^^^^^^^^^^^^
a definition may use leaf functions, reductions and other definitions, not itself""",
    "def f(x) = g(x)\ndef g(x) = 2 f(x)\ny = g(a)": """\
definition f uses itself: f -> g -> f
    def f(x) = g(x)
    ^^^^^^^^^^^^^^^
a definition may use leaf functions, reductions and other definitions, not itself""",
}


@pytest.mark.parametrize("text", REFUSED)
def test_refused_definitions(text: str) -> None:
    with pytest.raises(IndexScopeError) as error:
        resolve(parse(text))
    assert str(error.value) == REFUSED[text]


def test_the_position_of_an_index_list_is_no_number() -> None:
    text = "def head[i](x) = sum[i](x * [i == 0])\ny = head[p,q](A[p,q])"
    with pytest.raises(UnsupportedError) as error:
        resolve(parse(text))
    assert (
        str(error.value)
        == """\
the value of index parameter i is not one number for 2 indices
    def head[i](x) = sum[i](x * [i == 0])
                                 ^"""
    )
