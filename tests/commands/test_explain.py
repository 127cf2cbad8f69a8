"""`explain`: the table, plain data, and the program after a pass."""

from __future__ import annotations

import json

import pytest

from einprop import Program
from einprop.__main__ import main

AFFINE = "y[b,j] = x[b,i] W[i,j] + B[j]"
SIZES = {"b": 2, "i": 3, "j": 4}
GIVEN = ["--sizes", "b=2, i=3, j=4"]


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", AFFINE, *GIVEN]) == 0
    assert capsys.readouterr().out == f"{Program(AFFINE).explain(SIZES)}\n"
    assert main(["explain", f"{AFFINE}; loss = sum[b,j](y[b,j]^2)", *GIVEN, "--grad"]) == 0
    assert "times the forward FLOPs" in capsys.readouterr().out


def test_plain_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", AFFINE, *GIVEN, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == Program(AFFINE).explain(SIZES).as_dict()


def test_after_a_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", AFFINE, *GIVEN, "--after", "binarise"]) == 0
    assert capsys.readouterr().out == f"{Program(AFFINE).after('binarise', SIZES)}\n"
    assert main(["explain", AFFINE, *GIVEN, "--after", "inline"]) == 1
    assert "passes are resolve, sizes," in capsys.readouterr().err


def test_sizes_that_are_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", AFFINE, "--sizes", "b=2"]) == 1
    assert "the size of j, i is not given" in capsys.readouterr().err
