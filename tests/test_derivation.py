"""Derivations as text, as LaTeX and as data."""

from __future__ import annotations

import json

import pytest

from einprop import DerivationSteps, Program
from einprop.errors import DerivativeError, InputError
from einprop.notation.parser import parse
from einprop.notation.tree import Equation, equations_of

MLP = Program(
    "h[b,j] = tanh(x[b,i] W[i,j]); loss = sum[b](log_softmax[j](h[b,j]) t[b,j])", params="W"
)


def equations(steps: DerivationSteps) -> list[Equation]:
    return [line.equation for line in steps]


@pytest.mark.parametrize(("of", "wrt"), [(None, None), ("loss", "W t"), ("h", ["x"]), (["h"], "W")])
def test_lines_are_those_of_the_backward_pass(of: object, wrt: object) -> None:
    steps = MLP.derive_steps(of, wrt)  # type: ignore[arg-type]
    backward = MLP.backward(of, wrt)  # type: ignore[arg-type]
    assert equations(steps) == list(equations_of(backward.statements))
    assert len(steps) == len(equations(steps))


def test_what_cannot_be_derived_is_refused_as_by_backward() -> None:
    for of, wrt in [("nowhere", None), (None, "nowhere"), ("", None), ("h", "h"), (3, None)]:
        with pytest.raises(DerivativeError) as expected:
            MLP.backward(of, wrt)  # type: ignore[arg-type]
        with pytest.raises(DerivativeError) as found:
            MLP.derive_steps(of, wrt)  # type: ignore[arg-type]
        assert str(found.value) == str(expected.value)


def test_lines_of_one_tensor() -> None:
    steps = MLP.derive_steps()
    assert equations(steps["h.grad"]) == [e for e in equations(steps) if e.target.name == "h.grad"]
    assert len(steps["h.grad"]) == 2
    with pytest.raises(InputError) as error:
        steps["W"]
    assert str(error.value) == (
        "no line of the derivation is of W\nthere are h.grad, t.grad, x.grad, W.grad"
    )


def test_every_equation_of_the_text_parses() -> None:
    for line in str(MLP.derive_steps()).splitlines():
        if line.startswith("      ") or (line and not line.startswith(" ")):
            assert len(parse(line)) == 1


def test_data_is_plain_and_says_what_the_text_says() -> None:
    steps = MLP.derive_steps(wrt="W")
    data = steps.as_dict()
    assert json.loads(json.dumps(data)) == data
    text = str(steps)
    for line, found in zip(steps, data["lines"], strict=True):
        assert parse(found["equation"]) == (line.equation,)
        assert found["steps"][-1]["equations"] == [found["equation"]]
        for step in found["steps"]:
            assert f"{step['rule']}: {step['reason']}" in text
            assert all(equation in text for equation in step["equations"])


def test_latex_says_each_rule_once_beside_its_first_equation() -> None:
    steps = MLP.derive_steps(wrt="W")
    rows = steps.latex().splitlines()[1:-1]
    forms = [(s.rule, n) for line in steps for s in line.steps for n in range(len(s.equations))]
    assert len(rows) == len(forms)
    for row, (rule, number) in zip(rows, forms, strict=True):
        assert row.count("&&") == (number == 0)
        assert number or rf"&& \text{{{rule}}}" in row
    assert steps._repr_latex_() == f"$\\displaystyle {steps.latex()}$"


def test_derivations_compare_by_what_they_say() -> None:
    assert MLP.derive_steps() == Program(str(MLP)).derive_steps() != MLP.derive_steps(wrt="W")
