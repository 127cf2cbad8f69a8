"""Adjoints for readers: the lecture's lines, declarations that they need, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from einprop import Program
from einprop.analysis.resolve import resolve
from einprop.calculus.derive import derive_adjoint
from einprop.errors import DerivativeError
from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.reference import evaluate

LECTURE = "y.value[b,j] = x.value[b,i]W.value[i,j]\ny.value[b,j] += B.value[j]"


def backward(text: str, wrt: str | None = None) -> list[str]:
    resolved = resolve(parse(text))
    wanted = None if wrt is None else wrt.split()
    _, equations = derive_adjoint(resolved, resolved.names.outputs, wanted)
    return [to_text(equation) for equation in equations]


def test_the_lecture_forward_lines_give_the_lecture_backward_lines() -> None:
    assert backward(LECTURE) == [
        "x.grad[b,i] += y.grad[b,j] W[i,j]",
        "W.grad[i,j] += y.grad[b,j] x[b,i]",
        "B.grad[j] += y.grad[b,j]",
    ]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("y[b,j] = x[b,i] W[i,j] + B[j]", backward(LECTURE)),
        ("y[i] = tanh(x[i])", ["x.grad[i] += y.grad[i] (1 - y[i]^2)"]),
        ("y[i] = sigmoid(x[i])", ["x.grad[i] += y.grad[i] y[i] (1 - y[i])"]),
        ("y[i] = relu(x[i])", ["x.grad[i] += y.grad[i] [y[i] > 0]"]),
        ("loss = sum[i](x[i]^2)", ["x.grad[i] += 2 loss.grad x[i]"]),
        (
            "z = u[i] v[i]",
            ["u.grad[i] += z.grad v[i]", "v.grad[i] += z.grad u[i]"],
        ),
    ],
)
def test_textbook_rules(text: str, lines: list[str]) -> None:
    assert backward(text) == lines


def test_only_what_is_asked_for() -> None:
    assert backward(LECTURE, "B") == ["B.grad[j] += y.grad[b,j]"]
    assert backward(LECTURE, "B x") == [
        "x.grad[b,i] += y.grad[b,j] W[i,j]",
        "B.grad[j] += y.grad[b,j]",
    ]


def test_an_input_that_nothing_depends_on_has_gradient_zero() -> None:
    resolved = resolve(parse("y[i] = 2 x[i]; z = w[j] w[j]"))
    derivation, equations = derive_adjoint(resolved, ["y"], ["x", "w"])
    assert to_text(equations[-1]) == "w.grad[j] = 0"
    assert not derivation.dependent
    assert derivation.gradients == (("x", "x.grad"), ("w", "w.grad"))


def test_scalars_are_seeded_with_one_on_demand() -> None:
    resolved = resolve(parse("loss = x^2"))
    derivation, equations = derive_adjoint(resolved, ["loss"], None, ["loss"])
    assert [to_text(e) for e in equations] == ["loss.grad = 1", "x.grad += 2 loss.grad x"]
    assert derivation.ones == ("loss",)
    assert derivation.seeds == (("loss", "loss.grad"),)


REFUSED = {
    ("y = 2 x", "z", None): (
        "cannot differentiate z: the program does not define it\nit defines y"
    ),
    ("h = 2 x; y = 3 h", "x", None): (
        "cannot differentiate x: the program does not define it\nit defines h, y"
    ),
    ("y = x w", "y", "h"): (
        "cannot differentiate with respect to h: it is no tensor of the program\n"
        "the program's tensors are x, w, y"
    ),
    ("y = x w", "y", "y"): (
        "cannot differentiate y with respect to itself\n"
        "its cotangent is what is given, as y.grad; name the tensors that it depends on"
    ),
    ("y = 2", "y", "x"): (
        "cannot differentiate with respect to x: it is no tensor of the program\n"
        "the program's tensors are y"
    ),
    ("y = 2", None, None): "y depends on no input: there is no derivative\n"
    "comparisons, sign, floor, argmax and stop_gradient are constants to a derivative",
    ("y = floor(x); z = [x > 1]", None, None): "y, z depend on no input: there is no derivative\n"
    "comparisons, sign, floor, argmax and stop_gradient are constants to a derivative",
}


@pytest.mark.parametrize(("text", "of", "wrt"), REFUSED)
def test_refused_derivatives(text: str, of: str | None, wrt: str | None) -> None:
    program = Program(text)
    for derive in (program.backward, program.grad, program.vjp):
        with pytest.raises(DerivativeError) as error:
            derive(of=of, wrt=wrt)
        assert str(error.value) == REFUSED[text, of, wrt]


def test_the_range_of_an_index_that_stands_behind_where_alone_comes_along() -> None:
    program = Program(
        "y[m+1,i] = where(a[i], max[j,o](x[j+1,m+1,2*o-2]), z[m+0]) where o in 1:2\n"
        "loss = sum[k,l](sin(y[k,l]))"
    )
    line = next(s for s in str(program.grad(of="loss")).splitlines() if s.startswith("z.grad"))
    assert line.endswith("where o in 1:2, x[j+1,m+1,2*o-2]")
    tensors = {"x": np.arange(8.0).reshape(2, 2, 2), "a": np.array([1.0, 0.0]), "z": np.ones(1)}
    expected = evaluate(program.grad(of="loss"), tensors)
    for name, value in program.grad(of="loss")(tensors).items():
        assert np.array_equal(value, expected[name])


def test_a_bound_of_the_unprimed_index_is_that_of_the_primed_one_too() -> None:
    program = Program(
        "local y[u]\nindex u: cell < 3\noutput loss\n"
        "y[wrap(k)] += a[k] + softmax[k](x[wrap(1-2*k)])\nloss = sum[i](sin(y[i]))"
    )
    gradient = program.grad(of="loss")
    tensors = {"x": np.arange(4.0) / 3, "a": np.array([0.9, -0.1])}
    loops = evaluate(gradient, tensors)
    for name, value in gradient(tensors).items():
        np.testing.assert_allclose(value, loops[name])


def test_a_bound_names_each_of_its_indices_once() -> None:
    program = Program(
        "y[g] = prod[r](var[g'](x[end-2*r-1,(g g')] + a[g'])) where g in 0:2\nloss = sum[i](sin(y[i]))"
    )
    gradient = program.grad(of="loss")
    assert parse(str(gradient)) == gradient.statements
    tensors = {"x": np.sin(np.arange(16.0)).reshape(4, 4), "a": np.array([0.6, 0.2])}
    loops = evaluate(gradient, tensors)
    for name, value in gradient(tensors).items():
        np.testing.assert_allclose(value, loops[name])


def test_a_base_whose_index_is_missing_on_the_right_stands_in_the_backward_too() -> None:
    program = Program(
        "index n: step < 3\nr[n,j] = 0.5 A[i,j] r[n-1,i]; r[-1,j] = 1 / sum[j](1); y[j] = r[2,j]"
    )
    backward = program.backward()
    assert parse(str(backward)) == backward.statements
    inputs = {"A": np.arange(9.0).reshape(3, 3) / 9}
    given = {**inputs, "y.grad": np.array([1.0, -2.0, 0.5])}
    found = evaluate(backward, given | {"r": evaluate(program, inputs)["r"]})
    np.testing.assert_allclose(found["A.grad"], program.vjp()(given))
