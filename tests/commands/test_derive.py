"""`derive`: second derivatives and plain data; the rest is in tests/test_main.py."""

from __future__ import annotations

import json

import pytest

from einprop import Program
from einprop.__main__ import main

LOGISTIC = "s[b] = x[b,i] w[i]; loss = sum[b](softplus(s[b]) - t[b] s[b])"


def test_a_hessian(capsys: pytest.CaptureFixture[str]) -> None:
    hessian = Program(LOGISTIC).hessian(wrt="w")
    assert main(["derive", LOGISTIC, "--hessian", "--wrt", "w"]) == 0
    assert capsys.readouterr().out == f"{hessian}\n"
    assert main(["derive", LOGISTIC, "--hessian", "--wrt", "w", "--latex"]) == 0
    assert capsys.readouterr().out == f"{hessian.latex()}\n"
    assert main(["derive", LOGISTIC, "--hessian", "--wrt", "w", "--source", "numpy"]) == 0
    assert capsys.readouterr().out == hessian.source()
    assert main(["derive", LOGISTIC, "--hessian", "--wrt", "w", "--explain", "b=4,i=3"]) == 0
    assert capsys.readouterr().out == f"{hessian.explain(b=4, i=3)}\n"


def test_a_hessian_of_no_scalar(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "y[i] = x[i]^2", "--hessian"]) == 1
    assert "hessian differentiates one scalar, not y" in capsys.readouterr().err


def test_plain_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", LOGISTIC, "--wrt", "w", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    backward = Program(LOGISTIC).backward(wrt="w")
    assert found["derived"] == str(backward)
    assert found["latex"] == backward.latex()
    assert found["inputs"] == ["x", "w", "t"]
    assert found["gives"] == ["w.grad"]
    assert main(["derive", LOGISTIC, "--explain", "b=4,i=3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["total"]["flops"] == Program(LOGISTIC).vjp().explain(b=4, i=3).flops


def test_steps(capsys: pytest.CaptureFixture[str]) -> None:
    steps = Program(LOGISTIC).derive_steps(wrt="w")
    for option, text in ([], str(steps)), (["--latex"], steps.latex()):
        assert main(["derive", LOGISTIC, "--wrt", "w", "--steps", *option]) == 0
        assert capsys.readouterr().out == f"{text}\n"
    assert main(["derive", LOGISTIC, "--wrt", "w", "--steps", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == steps.as_dict()


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_sources(backend: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", LOGISTIC, "--wrt", "w", "--source", backend]) == 0
    assert capsys.readouterr().out == Program(LOGISTIC).vjp(wrt="w").source(backend)
