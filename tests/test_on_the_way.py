"""Derivatives by tensors on the way from inputs to outputs: what torch's ``retain_grad`` keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from einprop import Program, gradcheck
from einprop.errors import DerivativeError, InputError
from einprop.reference import evaluate

_rng = np.random.default_rng(20)
TENSORS = {
    "x": _rng.normal(size=(3, 4)),
    "W": _rng.normal(size=(4, 5)),
    "U": _rng.normal(size=(5, 5)),
    "t": _rng.uniform(size=(3, 5)),
}


def _network(torch: Any, x: Any, w: Any, u: Any, t: Any) -> dict[str, Any]:
    s = x @ w
    h = torch.tanh(s)
    return {"s": s, "h": h, "loss": ((h - t) ** 2).sum() + (s * h).sum()}


def _softmax(torch: Any, x: Any, w: Any, u: Any, t: Any) -> dict[str, Any]:
    s = x @ w
    p = torch.softmax(s, 1)
    return {"s": s, "p": p, "loss": -(t * torch.log(p)).sum()}


def _recurrence(torch: Any, x: Any, w: Any, u: Any, t: Any) -> dict[str, Any]:
    a = x @ w
    before, rows = torch.zeros(5, dtype=a.dtype), []
    for row in a:
        before = torch.tanh(row + before @ u)
        rows.append(before)
    return {"a": a, "loss": (torch.stack(rows) ** 3 * t).sum()}


def _accumulated(torch: Any, x: Any, w: Any, u: Any, t: Any) -> dict[str, Any]:
    s = x @ w + t
    m = s.max(dim=1).values
    return {"s": s, "m": m, "loss": (m**2).sum()}


PROGRAMS: dict[str, tuple[Callable[..., dict[str, Any]], tuple[str, ...]]] = {
    "s[b,k] = x[b,i] W[i,k]; h[b,k] = tanh(s[b,k])\n"
    "loss = sum[b,k]((h[b,k] - t[b,k])^2) + s[b,k] h[b,k]": (
        _network,
        ("s", "h", "s h", "W s", "h x s W"),
    ),
    "s[b,k] = x[b,i] W[i,k]; p[b,k] = softmax[k](s[b,k]); loss = -t[b,k] log(p[b,k])": (
        _softmax,
        ("s", "p", "p s W"),
    ),
    "a[n,k] = x[n,i] W[i,k]; h[n,k] = tanh(a[n,k] + h[n-1,j] U[j,k]); loss = h[n,k]^3 t[n,k]": (
        _recurrence,
        ("a", "U a"),
    ),
    "s[b,k] = x[b,i] W[i,k]; s[b,k] += t[b,k]; m[b] max= s[b,k]; loss = sum[b](m[b]^2)": (
        _accumulated,
        ("s", "m", "m s x"),
    ),
}
CASES = [(text, wrt) for text, (_, several) in PROGRAMS.items() for wrt in several]


def _kept(text: str) -> dict[str, np.ndarray]:
    """The gradients of everything that torch keeps."""
    torch = pytest.importorskip("torch")
    leaves = {n: torch.tensor(v, requires_grad=True) for n, v in TENSORS.items()}
    found = PROGRAMS[text][0](torch, *leaves.values())
    for tensor in found.values():
        tensor.retain_grad()
    found["loss"].backward()
    return {n: v.grad.numpy() for n, v in (leaves | found).items() if v.grad is not None}


@pytest.mark.parametrize(("text", "wrt"), CASES)
def test_gradients_are_those_that_torch_retains(text: str, wrt: str) -> None:
    program, expected = Program(text), _kept(text)
    given = {name: TENSORS[name] for name in program.inputs}
    gradient = program.grad(of="loss", wrt=wrt)
    assert gradient.outputs == tuple(f"{name}.grad" for name in wrt.split())
    ways = [evaluate(gradient, given)]
    for derived in (gradient, Program(str(gradient)), program.jacobian(of="loss", wrt=wrt)):
        results = derived(given)
        ways.append(results if isinstance(results, dict) else {derived.outputs[0]: results})
    ways[-1] = {f"{n.rpartition('.')[2]}.grad": v for n, v in ways[-1].items()}
    ways.append(
        {f"{n}.grad": v for n, v in program.value_and_grad(of="loss", wrt=wrt)(given)[1].items()}
    )
    for found in ways:
        for name in wrt.split():
            np.testing.assert_allclose(found[f"{name}.grad"], expected[name], atol=1e-12)


BELOW = {
    "s": "h[b,k] = tanh(s[b,k]); loss = h[b,k]^2 s[b,k]",
    "p": "loss = -t[b,k] log(p[b,k]); q[b] = p[b,k] t[b,k]",
}


@pytest.mark.parametrize("name", BELOW)
@pytest.mark.parametrize("kind", ["jvp", "jacobian", "hvp", "hessian", "vjp"])
def test_it_moves_as_an_input_of_the_rest_would(kind: str, name: str) -> None:
    above = f"{name}[b,k] = softmax[k](x[b,i] W[i,k])"
    of = "loss" if kind in ("hvp", "hessian") else None
    whole = getattr(Program(f"{above}; {BELOW[name]}"), kind)(of=of, wrt=name)
    rest = getattr(Program(BELOW[name]), kind)(of=of, wrt=name)
    values = evaluate(above, {n: TENSORS[n] for n in ("x", "W")}) | TENSORS
    rng = np.random.default_rng(3)
    shapes = {f"{name}.dot": (3, 5), "loss.grad": (), "q.grad": (3,)}
    values |= {n: rng.normal(size=shape) for n, shape in shapes.items()}
    expected = rest({n: values[n] for n in rest.inputs})
    for derived in (whole, Program(str(whole))):
        found = derived({n: values[n] for n in whole.inputs})
        assert derived.outputs == rest.outputs
        for output in rest.outputs:
            one, other = (v[output] if isinstance(v, dict) else v for v in (found, expected))
            np.testing.assert_allclose(one, other, atol=1e-12)


def test_steps_are_shown_for_it() -> None:
    lines = Program("s = x w; y = s^2").derive_steps(wrt="s").lines
    assert [str(line.equation.target.name) for line in lines] == ["s.grad"]


@pytest.mark.parametrize(
    ("derive", "said"),
    [
        (lambda p: p.jvp(wrt="s W"), "s cannot be moved by itself: it depends on W"),
        (lambda p: p.hessian(wrt="W s"), "moved by itself: it depends on W"),
        (
            lambda p: p.jvp(of="y", wrt="h"),
            "h cannot be moved by itself: it depends on its own past",
        ),
        (lambda p: p.grad(of="y", wrt="y"), "cannot differentiate y with respect to itself"),
        (lambda p: p.grad(of="y", wrt="S"), "did you mean s?"),
    ],
)
def test_what_has_no_meaning_is_refused(derive: Callable[[Program], Any], said: str) -> None:
    program = Program("s = W^2; h[t] = s h[t-1] + x[t]; y = h[end]")
    with pytest.raises(DerivativeError) as error:
        derive(program)
    assert said in str(error.value)


def test_finite_differences_move_inputs_alone() -> None:
    with pytest.raises(InputError, match="s is computed"):
        gradcheck("s = x^2; y = 2 s", {"x": 1.0}, wrt="s")
