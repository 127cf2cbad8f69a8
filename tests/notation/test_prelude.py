"""The prelude parses, prints back, and its names give way; a prelude of the user's goes before it."""

from __future__ import annotations

import math
from importlib.resources import files

import numpy as np
import pytest

import einprop as ep
from einprop.errors import EquationSyntaxError
from einprop.notation.parser import parse
from einprop.notation.prelude import parse_with_prelude, prelude
from einprop.notation.printer import program_text, to_text
from einprop.notation.tree import Call, walk


def test_the_prelude_prints_as_written() -> None:
    text = files("einprop.notation").joinpath("prelude.ein").read_text(encoding="utf-8")
    written = [line for line in text.splitlines() if line.startswith("def ")]
    # Inside an Iverson bracket the printer says that a parameter is no index.
    assert program_text(prelude().values()).replace("[]", "").splitlines() == written


# What each definition means, in numpy: the first argument is X, others are given.

X = np.array([[0.5, -1.25, 2.0, 0.75], [1.5, 0.25, -3.5, 2.5], [-0.4, 7.5, 0.3, -0.6]])
P = np.array([0.1, 0.45, 0.8])

OVER_INDICES = {
    "mean": np.mean,
    "var": np.var,
    "std": np.std,
    "rms": lambda x, axis: np.sqrt(np.mean(x**2, axis)),
    "norm": lambda x, axis: np.linalg.norm(x, axis=axis),
    "norm1": lambda x, axis: np.linalg.norm(x, 1, axis=axis),
    "norminf": lambda x, axis: np.linalg.norm(x, np.inf, axis=axis),
    "logsumexp": np.logaddexp.reduce,
}
ALONG_AN_INDEX = {
    "softmax": lambda x, axis: np.exp(x) / np.exp(x).sum(axis, keepdims=True),
    "log_softmax": lambda x, axis: x - np.logaddexp.reduce(x, axis, keepdims=True),
    "cumsum": np.cumsum,
    "cumprod": np.cumprod,
    "cummax": np.maximum.accumulate,
    "cummin": np.minimum.accumulate,
}


def logistic(x):
    return 1 / (1 + np.exp(-x))


# function, further arguments
OF_A_NUMBER = {
    "silu": (lambda x: x * logistic(x), ()),
    "gelu": (lambda x: x * (1 + np.vectorize(math.erf)(x / np.sqrt(2))) / 2, ()),
    "gelu_tanh": (
        lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
        (),
    ),
    "mish": (lambda x: x * np.tanh(np.log1p(np.exp(x))), ()),
    "selu": (
        lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
        (),
    ),
    "celu": (lambda x, a: np.maximum(x, 0) + np.minimum(a * np.expm1(x / a), 0), (1.5,)),
    "relu6": (lambda x: np.clip(x, 0, 6), ()),
    "hardtanh": (lambda x: np.clip(x, -1, 1), ()),
    "hardsigmoid": (lambda x: np.clip(x + 3, 0, 6) / 6, ()),
    "hardswish": (lambda x: x * np.clip(x + 3, 0, 6) / 6, ()),
    "log_sigmoid": (lambda x: np.log(logistic(x)), ()),
    "softsign": (lambda x: x / (1 + np.abs(x)), ()),
    "softshrink": (lambda x, c: np.where(x > c, x - c, np.where(x < -c, x + c, 0)), (0.45,)),
    "huber": (
        lambda x, d: np.where(np.abs(x) <= d, x**2 / 2, d * (np.abs(x) - d / 2)),
        (0.9,),
    ),
}


def test_every_definition_is_checked() -> None:
    assert {*OVER_INDICES, *ALONG_AN_INDEX, *OF_A_NUMBER, "logit"} == {*prelude()}


def check(text: str, tensors: dict[str, np.ndarray], value: np.ndarray) -> None:
    """Run, evaluated slowly, and differentiated twice; the gradient parses back."""
    program = ep.Program(text)
    np.testing.assert_allclose(program(tensors), value, rtol=1e-12)
    np.testing.assert_allclose(ep.reference.evaluate(program, tensors)["y"], value, rtol=1e-12)
    assert ep.gradcheck(program, tensors)
    gradient = program.vjp()
    assert ep.Program(str(gradient)) == gradient


@pytest.mark.parametrize("name", OVER_INDICES)
def test_definitions_over_indices(name: str) -> None:
    check(f"y[b] = {name}[i](x[b,i])", {"x": X}, OVER_INDICES[name](X, 1))
    check(f"y[i] = {name}[b](x[b,i])", {"x": X}, OVER_INDICES[name](X, 0))
    check(f"y = {name}[b,i](x[b,i])", {"x": X.ravel()[None]}, OVER_INDICES[name](X.ravel(), 0))


@pytest.mark.parametrize("name", ALONG_AN_INDEX)
def test_definitions_along_an_index(name: str) -> None:
    check(f"y[b,i] = {name}[i](x[b,i])", {"x": X}, ALONG_AN_INDEX[name](X, axis=1))
    check(f"y[b,i] = {name}[b](x[b,i])", {"x": X}, ALONG_AN_INDEX[name](X, axis=0))


@pytest.mark.parametrize("name", OF_A_NUMBER)
def test_definitions_of_a_number(name: str) -> None:
    function, further = OF_A_NUMBER[name]
    arguments = "".join(f", a{n}" for n in range(len(further)))
    tensors = {"x": X, **{f"a{n}": value for n, value in enumerate(further)}}
    check(f"y[b,i] = {name}(x[b,i]{arguments})", tensors, function(X, *further))


def test_logit_undoes_sigmoid() -> None:
    check("y[i] = logit(p[i])", {"p": P}, np.log(P / (1 - P)))


def test_logaddexp_and_cummax_at_the_edge() -> None:
    gradient = ep.Program("y = logaddexp(a, b)").grad()(a=1000.0, b=1000.0)
    assert gradient == {"a.grad": 0.5, "b.grad": 0.5}
    assert ep.Program("y = logaddexp(a, b)")(a=-np.inf, b=2.0) == 2
    ties = ep.Program("y[t] = cummax[t](x[t])").vjp()
    np.testing.assert_array_equal(
        ties({"x": [1.0, 1.0, 0.0], "y.grad": [1.0, 1.0, 1.0]}), [2.0, 1.0, 0.0]
    )


def test_the_prelude_is_parsed_once_and_cannot_be_changed() -> None:
    assert prelude() is prelude()
    with pytest.raises(TypeError):
        prelude()["mean"] = None  # type: ignore[index]


@pytest.mark.parametrize("name", list(prelude()))
def test_no_definition_of_the_prelude_needs_itself(name: str) -> None:
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        calls = {n.function for n in walk(prelude()[waiting.pop()].body) if isinstance(n, Call)}
        waiting += [call for call in calls - seen if call in prelude()]
        seen |= calls
    assert name not in seen


@pytest.mark.parametrize(
    "text",
    [
        "def softmax[k](s) = s - mean[k](s)\ny[k] = softmax[k](x[k])",
        "softmax[k] = 2 x[k]\ny[k] = softmax[k] * (x[k] + 1)",
        "input softmax[k]\ny[k] = softmax[k]^2",
        "param gelu\ny = 2 gelu",
        "mean[i] max= x[b,i]",
        "mean.grad[i] += y.grad mean.grad2[i]",
    ],
)
def test_its_names_give_way_to_the_programs_own(text: str) -> None:
    assert program_text(parse(text)) == text


REFUSED = {
    "y[k] = softmax[k]": """\
softmax is a definition and needs its argument in parentheses
    y[k] = softmax[k]
           ^^^^^^^
write softmax[k](s); a tensor of that name is declared: input softmax""",
    "def mean(x) = x\nmean[i] = x[i]": """\
mean is the name of a definition and cannot be a tensor
    mean[i] = x[i]
    ^^^^
choose another name""",
    "def f(x) = x; def f(x) = 2 x": """\
f is reserved: it is already the name of a definition
    def f(x) = x; def f(x) = 2 x
                      ^
choose another name""",
    "def exp(x) = x": """\
exp is reserved: it is already the name of a function
    def exp(x) = x
        ^^^
choose another name""",
    "max[i] = x[i]": """\
max is the name of a reduction and cannot be a tensor
    max[i] = x[i]
    ^^^
choose another name""",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_does_not_give_way(text: str) -> None:
    with pytest.raises(EquationSyntaxError) as caught:
        parse(text)
    assert str(caught.value) == REFUSED[text]


# A prelude of the user's.

OWN = """\
def swish(x) = x sigmoid(x)
def twice(x) = 2 x
def four(x) = twice(twice(x))
def softmax[k](s) = s / sum[k](s)
"""


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("y[i] = swish(x[i])", "def swish(x) = x sigmoid(x)\ny[i] = swish(x[i])"),
        (
            "y = four(x)",
            "def twice(x) = 2 x\ndef four(x) = twice(twice(x))\ny = four(x)",
        ),
        ("y = x", "y = x"),
        # its definitions stand before the shipped ones, and give way to the program's
        (
            "y[k] = softmax[k](x[k])",
            "def softmax[k](s) = s / sum[k](s)\ny[k] = softmax[k](x[k])",
        ),
        ("swish = 2 x; y = swish^2", "swish = 2 x\ny = swish^2"),
        ("def twice(x) = 3 x; y = twice(x)", "def twice(x) = 3 x\ny = twice(x)"),
        # the program's own definitions may use it
        (
            "def f(x) = twice(x) + 1; y = f(x)",
            "def twice(x) = 2 x\ndef f(x) = twice(x) + 1\ny = f(x)",
        ),
    ],
)
def test_what_a_program_uses_of_a_prelude_becomes_part_of_it(text: str, whole: str) -> None:
    statements = parse_with_prelude(text, OWN)
    assert program_text(statements) == whole
    assert parse(whole) == statements


REFUSED_WITH_PRELUDE = {
    "twice = 2; y = four(x)": """\
four of the prelude uses twice, to which the program gives another meaning
    def four(x) = twice(twice(x))
    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    twice = 2; y = four(x)
    ^^^^^
choose another name in the program""",
}


@pytest.mark.parametrize("text", REFUSED_WITH_PRELUDE)
def test_a_prelude_keeps_the_meaning_of_what_it_uses(text: str) -> None:
    with pytest.raises(EquationSyntaxError) as caught:
        parse_with_prelude(text, OWN)
    assert str(caught.value) == REFUSED_WITH_PRELUDE[text]


def test_a_prelude_holds_nothing_else() -> None:
    with pytest.raises(EquationSyntaxError) as caught:
        parse_with_prelude("y = x", "def f(x) = x\nz = f(x)")
    assert (
        str(caught.value)
        == """\
a prelude holds definitions alone
    z = f(x)
    ^^^^^^^^
write def name(x) = ... here, and equations and declarations in the program"""
    )


def test_one_index_parameter_takes_a_list() -> None:
    text = "p[b,i,j] = softmax[i,j](s[b,i,j]) + mean[b,i,j](s[b,i,j])"
    assert to_text(parse(text)[0]) == text
