"""The prelude parses, prints back, and reserves its names."""

from __future__ import annotations

import pytest

from einprop.errors import EquationSyntaxError
from einprop.notation.parser import parse
from einprop.notation.prelude import prelude
from einprop.notation.printer import program_text, to_text
from einprop.notation.tree import Call, walk

EXPECTED = """\
def mean[i](x) = sum[i](x) / sum[i](1)
def logsumexp[k](s) = log(sum[k](exp(s)))
def softmax[k](s) = exp(s) / sum[k](exp(s))
def log_softmax[k](s) = s - logsumexp[k](s)
def silu(x) = x sigmoid(x)
def gelu(x) = 0.5 x (1 + erf(0.7071067811865476 x))
def mish(x) = x tanh(softplus(x))
def log_sigmoid(x) = -softplus(-x)
def softsign(x) = x / (1 + abs(x))"""


def test_the_prelude_prints_as_written() -> None:
    assert program_text(prelude().values()) == EXPECTED


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


@pytest.mark.parametrize("name", list(prelude()))
def test_its_names_are_reserved(name: str) -> None:
    with pytest.raises(EquationSyntaxError) as caught:
        parse(f"def {name}(x) = x")
    assert str(caught.value) == (
        f"{name} is reserved: it is already the name of a definition\n"
        f"    def {name}(x) = x\n        {'^' * len(name)}\nchoose another name"
    )


def test_one_index_parameter_takes_a_list() -> None:
    text = "p[b,i,j] = softmax[i,j](s[b,i,j]) + mean[b,i,j](s[b,i,j])"
    assert to_text(parse(text)[0]) == text
