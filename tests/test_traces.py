"""Traces of scalar programs: the lecture's three tables, and what is no scalar program."""

from __future__ import annotations

import numpy as np
import pytest

from einprop import Program, adjoint_trace, evaluation_trace, tangent_trace
from einprop.errors import DerivativeError, InputError

SLIDE = "y = log(x1) + x1 x2 - sin(x2)"
AT = {"x1": 2.0, "x2": 5.0}
PROGRAMS = [
    (SLIDE, AT),
    ("r = sqrt(x^2 + y^2); z = relu(r - 1) r - softplus(x) / y", {"x": 3.0, "y": 4.0}),
    ("a = x^3; b = a a + x; c = sigmoid(b) maximum(a, 2)", {"x": 0.7}),
    ("y = 2 x; y += x^2", {"x": 3.0}),
    ("y = silu(x w) + (x - w)^2", {"x": 0.3, "w": -1.2}),
]


def test_evaluation_trace_of_the_slide() -> None:
    trace = evaluation_trace(SLIDE, AT)
    assert trace["v1"] == pytest.approx(np.log(2))
    assert [trace[f"v{k}"] for k in (2, 3, 4)] == pytest.approx([10, np.sin(5), np.log(2) + 10])
    assert round(trace["y"], 3) == 11.652
    assert trace.program == Program(
        "v1 = log(x1); v2 = x1 x2; v3 = sin(x2); v4 = v1 + v2; v5 = v4 - v3; y = v5"
    )


def test_tangent_trace_of_the_slide() -> None:
    trace = tangent_trace(SLIDE, AT, wrt="x1")
    assert [trace[f"v{k}.dot"] for k in range(1, 6)] == pytest.approx([0.5, 5, 0, 5.5, 5.5])
    assert trace["y.dot"] == pytest.approx(5.5)
    assert tangent_trace(SLIDE, AT, wrt="x2")["y.dot"] == pytest.approx(2 - np.cos(5))


def test_adjoint_trace_of_the_slide() -> None:
    trace = adjoint_trace(SLIDE, AT)
    assert [trace[f"v{k}.grad"] for k in range(1, 6)] == [1, 1, -1, 1, 1]
    assert trace["x1.grad"] == pytest.approx(5.5)
    assert round(trace["x2.grad"], 3) == 1.716
    # What two operations read has two lines, and the value grows.
    assert [line.value for line in trace.lines if line.name == "x1.grad"] == pytest.approx([5, 5.5])


@pytest.mark.parametrize(("text", "at"), PROGRAMS)
def test_traces_end_where_the_program_does(text: str, at: dict[str, float]) -> None:
    program = Program(text)
    value, gradients = program.value_and_grad()(at)
    evaluated, adjoint = evaluation_trace(program, at), adjoint_trace(program, at)
    assert evaluated[program.outputs[0]] == pytest.approx(float(value))
    for name in at:
        assert adjoint[f"{name}.grad"] == pytest.approx(float(gradients[name]))
        tangent = tangent_trace(program, at, wrt=name)
        assert tangent[f"{program.outputs[0]}.dot"] == pytest.approx(float(gradients[name]))
    # The lines of the traces are programs that give the same at once.
    assert evaluated.program(at) == pytest.approx(float(value))


def test_a_program_of_operations_stays_as_it_is() -> None:
    program = Program("p = a b; q = sin(p)")
    assert evaluation_trace(evaluation_trace(program, a=1, b=2).program, a=1, b=2)["q"] == np.sin(2)


def test_what_has_no_trace() -> None:
    with pytest.raises(InputError, match="x has an axis: a trace is of scalars"):
        evaluation_trace("y = sum[i](x[i])", x=1)
    with pytest.raises(InputError, match="no value for x2"):
        adjoint_trace(SLIDE, x1=2)
    with pytest.raises(InputError, match="the program has no input x3"):
        evaluation_trace(SLIDE, {**AT, "x3": 1})
    with pytest.raises(InputError, match="the program has the outputs a, b"):
        adjoint_trace("a = x; b = x", x=1)
    with pytest.raises(DerivativeError, match="no output depends on z"):
        tangent_trace(SLIDE, AT, wrt="z")
