"""`check`: types, sums, and gradients by hand, right, wrong and overridden."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from einprop.__main__ import main

AFFINE = """\
index b: batch, i: pixel
param W[i,j], B[j]
y[b,j] = tanh(x[b,i] W[i,j] + B[j])
"""
GRADIENT = "backward W.grad[i,j] += y.grad[b,j] (1 - y[b,j]^2) x[b,i]\n"


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    def command(text: str, *options: str) -> tuple[int, str, str]:
        file = tmp_path / "program.ein"
        file.write_text(text, encoding="utf-8")
        code = main(["check", str(file), *options])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def test_types_and_sums(check) -> None:
    assert check(AFFINE) == (
        0,
        """\
tensor  kind    types of its axes
W[i,j]  param   pixel, j
B[j]    param   j
x[b,i]  input   batch, pixel
y[b,j]  output  batch, j

with all sums written:
y[b,j] = tanh(sum[i](x[b,i] W[i,j]) + B[j])
""",
        "",
    )


def test_axes_of_one_type_have_one_name(check) -> None:
    found = json.loads(check("y[i,j] = W[i,k] W[j,k]; z = sum[i,j](y[i,j])", "--json")[1])
    types = {t["tensor"]: t["types"] for t in found["tensors"]}
    assert types == {"W[i,k]": ["i", "k"], "y[i,j]": ["i", "i"], "z": []}
    assert [t["kind"] for t in found["tensors"]] == ["input", "local", "output"]


def test_two_types_of_one_letter_have_two_names(check) -> None:
    found = json.loads(check("y[i] = 2 x[i]; v[i] = 3 u[i]", "--json")[1])
    types = {t["tensor"]: t["types"] for t in found["tensors"]}
    assert types["x[i]"] == types["y[i]"] != types["u[i]"] == types["v[i]"]


def test_gradients_by_hand(check) -> None:
    code, out, _ = check(AFFINE + GRADIENT + "override x.grad[b,i] += y.grad[b,j] W[i,j]\n")
    assert code == 0
    assert out.splitlines()[-2:] == [
        "W.grad[i,j] += y.grad[b,j] (1 - y[b,j]^2) x[b,i]  verified",
        "x.grad[b,i] += y.grad[b,j] W[i,j]                 taken as it stands (override)",
    ]


def test_a_wrong_gradient_is_refused(check) -> None:
    code, out, err = check(AFFINE + GRADIENT.replace("1 - y", "1 + y"))
    assert (code, out) == (1, "")
    assert err.startswith("DerivativeError: ")
    assert "^" in err


def test_a_computed_subscript_and_derivatives(check) -> None:
    found = json.loads(check("y[i] = x[2*i+1] + x.dot[i]", "--json")[1])
    assert found["tensors"][0]["types"] == found["tensors"][1]["types"]
