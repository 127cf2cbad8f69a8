"""Programs a slip away from legal ones: they run, or an `EinpropError` says why not, in bounded time.

Words of legal programs over the whole language are left out, doubled, swapped and put in; what still has
a meaning is run at random sizes, by plan and by loops, and differentiated.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from einprop import Program
from einprop.errors import DerivativeError, EinpropError, UnsupportedError
from einprop.notation.lexer import normalise, tokenise
from einprop.reference import evaluate

LEGAL = (
    "y[b,j] = relu(x[b,i] W[i,j] + B[j])",
    "index b: batch, i: pixel\nparam W[i,j]\ny[b,j] = x[b,i] W[i,j]\noutput y[b,j]",
    "y[b,i,f] = x[b,2*i+p,c] K[p,c,f]",
    "y[i] = x[pad(i+p-1)] K[p] where i in 0:4",
    "y[i] = x[wrap(i+1)] - 2 x[i] + x[wrap(i-1)]",
    "y[i] = x[clamp(i+1)] - x[clamp(i-1)] where i in 0:5",
    "d[i] = x[i+1] - x[i]\ns = sum[i](d[i]^2)",
    "y[b,c,i] = max[p](x[b,c,2*i+p]) where p in 0:2",
    "y[t,d] = E[tok[t],d] w[d]",
    "E.grad[tok[t],d] += y[t,d]\noutput E.grad[v,d]\nindex v: word < 5",
    "y[h,t,d] = x[t,(h d)] a[h] b[d]",
    "y[t,(h d)] = x[h,t,d]",
    "h[t,j] = tanh(x[t,j] + h[t-1,k] U[k,j])\nh[-1,j] = h0[j]\ny[j] = h[end,j]",
    "c[t] = f[t] c[t-1] + x[t]\nh[t] = tanh(c[t]) h[t-1]",
    "f[t] = f[t-1] + f[t-2] where t in 0:5\nf[-1] = 1\nf[-2] = a",
    "a[q,k] = softmax[k](s[q,k] - 9 [q < k])\ny[q,d] = a[q,k] v[k,d]",
    "index p: window < 2\ny[2*i+p] = x[i,p]",
    "x.grad[i+p] += y[i] K[p]",
    "m[b] max= x[b,i]\nz[b] = where([m[b] > 0], m[b], 1)",
    "C[i,i] = a[i]\nt = C[i,i] + mean[i,j](C[i,j])",
    "def centred[i](x) = x - mean[i](x)\ny[b,i] = centred[i](x[b,i]) / (1 + x[b,i]^2)",
    "index i, j: node\nP[i,j] = A[i,j] / sum[i'](A[i',j])",
    "y[i] = x[end-i] [i >= 1] where i in 1:4",
    "y[i] = tanh(x[i])\nbackward x.grad[i] += y.grad[i] (1 - y[i]^2)",
    "L = logsumexp[k](x[k]) - prod[k](x[k])\nn[b] = argmax[k](s[b,k])",
)

VOCABULARY = sorted(
    {token.text for text in LEGAL for token in tokenise(normalise(text)) if token.text.strip()}
    | {
        "i'",
        "end",
        "min=",
        "max=",
        "where",
        "in",
        "[",
        "]",
        "==",
        "/",
        "^",
        "0",
        "3",
        "wrap",
        "local",
    }
)


SLIPS = ("confuse",) * 6 + ("leave out", "put in", "swap", "replace", "double")


def _kind(word: str) -> str:
    """Names of indices, of tensors and functions, numbers, signs between operands, other signs."""
    if word[:1].isalpha():
        return "index" if len(word.rstrip("'")) == 1 and word.islower() else "name"
    return "number" if word[:1].isdigit() else "sign" if word in ("+", "-", "*", "/") else "other"


@st.composite
def slips(draw: st.DrawFn) -> str:
    """A legal program with one to three slips in it."""
    tokens = tokenise(normalise(draw(st.sampled_from(LEGAL))))
    words = ["\n" if token.kind == "line" else token.text for token in tokens]
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(words) - 1))
        other = draw(st.integers(0, len(words) - 1))
        match draw(st.sampled_from(SLIPS)):
            case "confuse":
                alike = [
                    word for word in dict.fromkeys(words) if _kind(word) == _kind(words[place])
                ]
                words[place] = draw(st.sampled_from(alike))
            case "leave out":
                del words[place]
            case "put in":
                words.insert(place, draw(st.sampled_from(VOCABULARY)))
            case "swap":
                words[place], words[other] = words[other], words[place]
            case "replace":
                words[place] = draw(st.sampled_from(VOCABULARY))
            case "double":
                words.insert(place, words[other])
        words = words or ["y"]
    return " ".join(words)


def _tensors(program: Program, sizes: list[int], seed: int) -> dict[str, Any]:
    """Inputs whose axes have sizes of their types, sometimes not."""
    rng = np.random.default_rng(seed)
    types = program.resolved.types
    found = {}
    for name in program.inputs:
        keys = [types.axis(name, axis) for axis in range(types.rank(name))]
        shape = [sizes[sum(map(ord, repr(key))) % len(sizes)] for key in keys]
        if name in program.resolved.positions:
            found[name] = rng.integers(0, max(min(sizes), 1), shape)
        else:
            found[name] = rng.uniform(-1, 1, shape)
    return found


def _said(error: EinpropError) -> None:
    assert str(error).encode()
    assert error.hint or error.places or "positions 0 to" in error.message


def _values(program: Program, tensors: dict[str, Any]) -> dict[str, np.ndarray] | EinpropError:
    try:
        results = program(tensors)
    except EinpropError as error:
        return error
    return results if isinstance(results, dict) else {program.outputs[0]: results}


def _looped(program: Program, tensors: dict[str, Any]) -> dict[str, np.ndarray] | EinpropError:
    try:
        return evaluate(program, tensors)
    except EinpropError as error:
        return error


def _derived(program: Program) -> None:
    """It differentiates, or an error says why not; what comes out has a meaning."""
    try:
        derived = program.vjp()
    except (DerivativeError, UnsupportedError) as error:
        _said(error)
        return
    assert Program(str(derived)) == derived


def check(text: str, sizes: list[int], seed: int) -> bool:
    """Whether the text was a program that ran; anything but an error of the family fails."""
    began = time.monotonic()
    try:
        program = Program(text)
    except EinpropError as error:
        _said(error)
        assert time.monotonic() - began < 10
        return False
    assert Program(str(program)) == program
    _derived(program)
    tensors = _tensors(program, sizes, seed)
    planned = _values(program, tensors)
    looped = _looped(program, tensors)
    if isinstance(planned, EinpropError) or isinstance(looped, EinpropError):
        assert isinstance(planned, EinpropError), f"loops refuse what runs: {looped}"
        assert isinstance(looped, EinpropError), f"loops compute what is refused: {planned}"
        _said(planned)
        _said(looped)
        return False
    for name, value in planned.items():
        np.testing.assert_allclose(value, looped[name], rtol=1e-9, atol=1e-9, err_msg=name)
    assert time.monotonic() - began < 20
    return True


SIZES = st.one_of(
    st.integers(1, 5).map(lambda n: [n]), st.lists(st.integers(0, 5), min_size=1, max_size=5)
)
LIGHT = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)


@LIGHT
@given(slips(), SIZES, st.integers(0, 9))
def test_a_slip_is_refused_or_has_a_meaning(text: str, sizes: list[int], seed: int) -> None:
    check(text, sizes, seed)


@pytest.mark.parametrize("text", LEGAL)
def test_the_programs_themselves_run(text: str) -> None:
    program = Program(text)
    shapes = program.resolved.types
    assert shapes.ranks
    assert any(check(text, [size], 0) for size in (5, 4, 2, 6, 1))


@pytest.mark.slow
def test_five_thousand_slips() -> None:
    ran = []

    @settings(LIGHT, max_examples=5000)
    @given(slips(), SIZES, st.integers(0, 9))
    def run(text: str, sizes: list[int], seed: int) -> None:
        ran.append(check(text, sizes, seed))

    run()
    assert sum(ran) > 300
