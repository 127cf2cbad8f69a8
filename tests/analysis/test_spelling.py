"""Names in other spellings: Python's keywords, strings and mappings, in every call that takes names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import einprop as ep
from einprop.analysis.spelling import did_you_mean, respelt
from einprop.errors import EinpropError, InputError
from einprop.inspection import inspect
from einprop.reference import evaluate
from einprop.traces import evaluation_trace

# As an editor types them, and as Python reads them where they are keywords.
LETTERS = {"ϕ": "φ", "ϵ": "ε", "ℓ": "l", "µ": "μ", "𝐱": "x", "ŷ": "ŷ", "ﬁ": "fi"}  # noqa: RUF001


@pytest.mark.parametrize("letter", LETTERS)
def test_python_reads_a_keyword_in_another_spelling(letter: str) -> None:
    assert eval(f"list(dict({letter}=1))") == [LETTERS[letter]]  # noqa: S307


CALLS: dict[str, Callable[[str, str], Any]] = {
    "call": lambda a, b: _program(a)(**{b: 2.0, "z": [3.0]}),
    "mapping": lambda a, b: _program(a)({b: 2.0, "z": [3.0]}),
    "compile": lambda a, b: _program(a).compile()(**{b: 2.0}, z=[3.0]),
    "params": lambda a, b: _program(a, params=b).params == (a,),
    "outputs": lambda a, b: (
        ep.Program(f"{a} = 2 w; y = {a} w", outputs=[b, "y"]).outputs == (a, "y")
    ),
    "wrt": lambda a, b: _program(a).grad(wrt=b).outputs == (f"{a}.grad",),
    "of": lambda a, b: ep.Program(f"{a} = 2 w").grad(of=b).outputs == ("w.grad",),
    "jvp": lambda a, b: _program(a).jvp(wrt=b).inputs,
    "value_and_grad": lambda a, b: _scalar(a).value_and_grad(wrt=b)(**{b: 2.0}),
    "jacobian": lambda a, b: _program(a).jacobian(wrt=b),
    "hessian": lambda a, b: _scalar(a).hessian(wrt=b)(**{b: 2.0}),
    "derive_steps": lambda a, b: _program(a).derive_steps(wrt=b),
    "batched": lambda a, b: _program(a).batched("b", over=b),
    "shapes": lambda a, b: _program(a).shapes(**{b: ()}),
    "evaluate": lambda a, b: evaluate(_program(a), {b: 2.0, "z": [3.0]}),
    "gradcheck": lambda a, b: ep.gradcheck(_program(a), {b: 2.0, "z": [3.0]}, wrt=b),
    "inspect": lambda a, b: inspect(_scalar(a), **{b: 2.0}),
    "trace": lambda a, b: evaluation_trace(_scalar(a), **{b: 2.0}),
    "sizes": lambda a, b: ep.Program(f"y = v[{a}] u[{a}]").explain(**{b: 3}),
}


def _program(letter: str, **roles: Any) -> ep.Program:
    return ep.Program(f"y[i] = {letter} z[i]", **roles)


def _scalar(letter: str) -> ep.Program:
    return ep.Program(f"y = {letter}^2")


@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize("call", CALLS)
def test_a_name_is_known_in_every_spelling(call: str, letter: str) -> None:
    assert CALLS[call](letter, LETTERS[letter]) is not False
    assert CALLS[call](letter, letter) is not False


def test_values_and_gradients_keep_the_programs_names() -> None:
    program = ep.Program("y = ϕ x^2")
    assert program(ϕ=2.0, x=3.0) == 18.0
    assert program.grad()(ϕ=2.0, x=3.0) == {"ϕ.grad": 9.0, "x.grad": 12.0}
    np.testing.assert_array_equal(program(ϕ=np.float32(2), x=3.0), np.float32(18))


def test_letters_that_python_does_not_tell_apart_need_a_mapping() -> None:
    program = ep.Program("y = ϕ - 2 𝛗")
    with pytest.raises(InputError, match="φ is a spelling of ϕ and of 𝛗"):
        program(φ=1.0)
    assert program({"ϕ": 1.0, "𝛗": 2.0}) == -3.0
    both = ep.Program("y = ϕ - 2 φ")
    assert both({"ϕ": 1.0, "φ": 2.0}) == -3.0
    with pytest.raises(InputError, match=r"pass a mapping, {'ϕ': …}: as a keyword it is φ"):
        both(φ=1.0)


def test_one_tensor_under_two_spellings_is_given_twice() -> None:
    with pytest.raises(InputError, match="ϕ is given twice"):
        ep.Program("y = ϕ")({"ϕ": 1.0, "φ": 2.0})


def test_what_is_in_use_comes_first() -> None:
    assert respelt("φ", ["ϕ", "φ"]) == "φ"
    assert respelt("z", ["ϕ"]) == "z"


MEANT: dict[str, tuple[Callable[[], Any], str]] = {
    "wrt": (lambda: _layer().grad(wrt="w"), "did you mean W?"),
    "of": (lambda: _layer().grad(of="Y"), "did you mean y?"),
    "params": (lambda: ep.Program("y = 2 W", params="w"), "did you mean W?"),
    "outputs": (lambda: ep.Program("hidden = 2 W; y = hidden", outputs="hiden"), "mean hidden?"),
    "keyword": (lambda: _layer()(x=[1.0], w=[[1.0]]), "did you mean W?"),
    "shapes": (lambda: _layer().shapes(w=(2, 2)), "did you mean W?"),
    "cotangent": (
        lambda: _layer().vjp()(x=[1.0], W=[[1.0]], y_grad=[1.0]),
        "did you mean y.grad? It is passed in a mapping, {'y.grad': …}",
    ),
    "evaluate": (lambda: evaluate(_layer(), {"x": [1.0], "w": [[1.0]]}), "did you mean W?"),
}


def _layer() -> ep.Program:
    return ep.Program("y[j] = x[i] W[i,j]")


@pytest.mark.parametrize("case", MEANT)
def test_the_nearest_name_is_offered(case: str) -> None:
    call, said = MEANT[case]
    with pytest.raises(EinpropError) as error:
        call()
    assert said in str(error.value)


def test_nothing_is_offered_where_nothing_is_near() -> None:
    assert did_you_mean("bias", ["W", "x"]) == ""
    assert did_you_mean("x" * 1000, ["x"]) == ""
