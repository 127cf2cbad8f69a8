"""Declared gradients compared with derived ones, and used in their place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import einprop as ep
from einprop import Program, backward_check
from einprop.errors import (
    DerivativeError,
    EquationSyntaxError,
    IndexScopeError,
    InputError,
)
from einprop.notation.parser import parse
from einprop.notation.printer import program_text
from einprop.notation.tree import Backward, Equation
from einprop.roles import is_output
from tests.strategies.programs import Case, cases

AFFINE = "y[b,j] = x[b,i] W[i,j] + B[j]"
LECTURE = """\
x.grad[b,i] += y.grad[b,j] W[i,j]
W.grad[i,j] += y.grad[b,j] x[b,i]
B.grad[j] += y.grad[b,j]"""


def whole(text: str, lines: str, keyword: str = "backward") -> str:
    return "\n".join([text, *(f"{keyword} {line}" for line in lines.splitlines())])


def test_declared_lines_are_part_of_the_program() -> None:
    program = Program(AFFINE, backward=LECTURE)
    assert str(program) == whole(AFFINE, LECTURE)
    assert Program(str(program)) == program
    assert str(program.backward()) == LECTURE
    assert str(Program(AFFINE, backward=LECTURE, override=True)) == whole(
        AFFINE, LECTURE, "override"
    )
    assert "backward " in program.latex()


def test_they_print_as_written_and_run() -> None:
    lines = "d[i] = 1 - y[i]^2\nx.grad[i] += d[i] y.grad[i]"
    program = Program("y[i] = tanh(w[i] x[i]^2)\nz = sum[i](y[i]^2)", backward="")
    assert program == Program("y[i] = tanh(w[i] x[i]^2)\nz = sum[i](y[i]^2)")
    program = Program("y[i] = tanh(x[i])\nz = sum[i](y[i]^2 w[i])", backward=lines)
    assert str(program.grad(wrt="x")) == (
        "y[i] = tanh(x[i])\n"
        "z = sum[i](y[i]^2 w[i])\n"
        "backward d[i] = 1 - y[i]^2\n"
        "backward x.grad[i] += d[i] y.grad[i]\n"
        "z.grad = 1\n"
        "y.grad[i] += 2 z.grad w[i] y[i]\n"
        "d.grad[i] = 1 - y[i]^2\n"
        "x.grad[i] += d.grad[i] y.grad[i]\n"
        "output x.grad[i]"
    )
    assert ep.gradcheck(program, {"x": [0.3, -1.0], "w": [2.0, 0.5]}, orders=(1, 2, 3))


# Declarations that are right, in other words than the derived ones.

SAME = [
    (AFFINE, LECTURE, True),
    (AFFINE, "W.grad[k,l] += x[n,k] y.grad[n,l]", True),
    ("y[i] = tanh(x[i])", "x.grad[i] += (1 - tanh(x[i])^2) y.grad[i]", True),
    ("y[i] = tanh(x[i])", "x.grad[i] += (1 - y[i]) (1 + y[i]) y.grad[i]", False),
    ("p[k] = softmax[k](s[k])", "s.grad[k] += p[k] (p.grad[k] - p.grad[l] p[l])", False),
    (
        "loss = -t[k] log_softmax[k](s[k])",
        "s.grad[k] += loss.grad (sum[l](t[l]) softmax[k](s[k]) - t[k])",
        False,
    ),
    (
        "h[j] = tanh(x[i] W[i,j])\ny = sum[j](h[j]^2)",
        "g[j] = 2 y.grad h[j] (1 - h[j]^2)\nx.grad[i] += g[j] W[i,j]\nW.grad[i,j] += g[j] x[i]",
        False,
    ),
    ("y = sum[i](log(x[i]))", "x.grad[i] += y.grad / x[i]", True),
    ("y = sum[i](sqrt(x[i] - 0.5))", "x.grad[i] += 0.5 y.grad / sqrt(x[i] - 0.5)", True),
    ("index i: pixel < 300\ny = sum[i](x[i]^2)", "x.grad[i] += (x[i] + x[i]) y.grad", False),
    ("y = floor(x); z = x w", "w.grad += x z.grad", True),
    (
        "def f[t](x) = x - mean[t](x)\ny[t] = f[t](x[t])",
        "x.grad[t] += f[t](y.grad[t])",
        False,
    ),
]


@pytest.mark.parametrize(("text", "lines", "by_form"), SAME)
def test_right_declarations(
    text: str, lines: str, by_form: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []
    compared = backward_check._compared
    monkeypatch.setattr(backward_check, "_compared", lambda *a: tried.append(a) or compared(*a))
    program, plain = Program(text, backward=lines), Program(text)
    assert bool(tried) == (not by_form)
    of = [line.partition(".grad")[0] for line in lines.splitlines() if ".grad[" in line[:7]]
    sizes = {name: (3,) * rank for name, rank in ranks(plain).items()}
    shapes = plain.shapes({} if "300" in text else sizes)
    ours, theirs = program.vjp(wrt=of or None), plain.vjp(wrt=of or None)
    rng = np.random.default_rng(3)
    given = {
        name: rng.uniform(0.6, 1.5, shapes.get(name.removesuffix(".grad"), ()))
        for name in (*ours.inputs, *theirs.inputs)
    }
    expected = by_name(theirs, given)
    for name, value in by_name(ours, given).items():
        np.testing.assert_allclose(value, expected[name])


def ranks(program: Program) -> dict[str, int]:
    return {n: program.resolved.types.ranks.get(n, 0) for n in program.inputs}


def by_name(program: Program, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    results = program({name: tensors[name] for name in program.inputs})
    return results if isinstance(results, dict) else {program.outputs[0]: results}


# Declarations that are wrong.

WRONG = {
    (AFFINE, LECTURE.replace("x[b,i]", "x[b,i]^2")): """\
the declared W.grad is not what is derived
  declared  W.grad[i,j] += y.grad[b,j] x[b,i]^2
  derived   W.grad[i,j] += y.grad[b,j] x[b,i]
  at a random point W.grad[1,1] is 2.55836 as declared, -2.13603 as derived
    W.grad[i,j] += y.grad[b,j] x[b,i]^2
    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
correct it; if it is meant to be another one, write override instead of backward (override=True)""",
    ("y[i] = sign(x[i])", "x.grad[i] += y.grad[i]"): """\
the declared x.grad is not what is derived
  declared  x.grad[i] += y.grad[i]
  derived   x.grad[i] = 0
  at a random point x.grad[0] is 0.935072 as declared, 0 as derived
    x.grad[i] += y.grad[i]
    ^^^^^^^^^^^^^^^^^^^^^^
correct it; if it is meant to be another one, write override instead of backward (override=True)""",
    (
        "h[j] = tanh(x[i] W[i,j])\ny = sum[j](h[j]^2)",
        "g[j] = y.grad h[j] (1 - h[j]^2)\nx.grad[i] += g[j] W[i,j]\nW.grad[i,j] += 2 g[j] x[i]",
    ): """\
the declared x.grad is not what is derived
  declared  g[j] = y.grad h[j] (1 - h[j]^2)
  declared  x.grad[i] += g[j] W[i,j]
  derived   h.grad[j] += 2 y.grad h[j]
  derived   x.grad[i] += h.grad[j] (1 - h[j]^2) W[i,j]
  at a random point x.grad[2] is -0.796025 as declared, -1.59205 as derived
    x.grad[i] += g[j] W[i,j]
    ^^^^^^^^^^^^^^^^^^^^^^^^
correct it; if it is meant to be another one, write override instead of backward (override=True)""",
    ("y[b,j] = x[b,i] W[i,j]", "W.grad[i,j] += y.grad[b,i] x[b,j]"): """\
the declared W.grad is not what is derived
  declared  W.grad[i,j] += y.grad[b,i] x[b,j]
  derived   W.grad[i,j] += y.grad[b,j] x[b,i]
  at a random point W.grad[0,1] is 0.632912 as declared, -1.47346 as derived
    W.grad[i,j] += y.grad[b,i] x[b,j]
    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
correct it; if it is meant to be another one, write override instead of backward (override=True)""",
    ("y = u v", "u.grad += y.grad u; v.grad += y.grad v"): """\
the declared u.grad and v.grad are not what is derived
  declared  u.grad += y.grad u
  derived   u.grad += y.grad v
  at a random point u.grad is 0.0150857 as declared, 0.742317 as derived
  declared  v.grad += y.grad v
  derived   v.grad += y.grad u
  at a random point v.grad is 0.742317 as declared, 0.0150857 as derived
    u.grad += y.grad u; v.grad += y.grad v
    ^^^^^^^^^^^^^^^^^^  ^^^^^^^^^^^^^^^^^^
correct it; if it is meant to be another one, write override instead of backward (override=True)""",
}


@pytest.mark.parametrize(("text", "lines"), WRONG)
def test_wrong_declarations(text: str, lines: str) -> None:
    with pytest.raises(DerivativeError) as error:
        Program(text, backward=lines)
    assert str(error.value) == WRONG[text, lines]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("y[i,j] = x[i,j]", "x.grad[i,j] += y.grad[j,i]"),
        ("y = sum[i,j](x[i,j]^2)", "x.grad[i,j] += 2 y.grad x[j,i]"),
        ("y = x[i] W[i,j] z[j]", "W.grad[i,j] += y.grad x[j] z[i]"),
        ("y[i,j] = [i < j] x[i,j]", "x.grad[i,j] += [j < i] y.grad[i,j]"),
    ],
)
def test_a_transpose_is_another_gradient(text: str, line: str) -> None:
    with pytest.raises(DerivativeError, match="is not what is derived"):
        Program(text, backward=line)
    assert Program(text, backward=line, override=True)


def test_what_is_no_number_anywhere_cannot_be_compared() -> None:
    with pytest.raises(DerivativeError) as error:
        Program("y = x log(-1)", backward="x.grad += log(-2) y.grad")
    assert "x.grad is no number at any of the points that were tried" in str(error.value)


def test_what_is_no_backward_pass() -> None:
    with pytest.raises(InputError) as wrong_type:
        Program("y = x", backward=3)  # type: ignore[arg-type]
    assert str(wrong_type.value) == "a backward pass is text, not 3\nas in 'x.grad += 2 y.grad'"
    with pytest.raises(EquationSyntaxError) as error:
        Program("y = x", backward="input x")
    assert (
        str(error.value)
        == """\
a backward pass is equations alone
    input x
    ^^^^^^^
declarations and definitions stand in the program"""
    )


# Gradients that are meant to be others.


def test_straight_through() -> None:
    program = Program(
        "q[i] = floor(x[i] + 0.5)\nloss = sum[i]((q[i] w[i] - 1)^2)",
        backward="x.grad[i] += q.grad[i]",
        override=True,
    )
    gradient = program.grad(wrt="x")
    assert Program(str(gradient)) == gradient
    x, w = np.array([0.4, 1.6, -2.2]), np.array([1.0, 2.0, -1.0])
    expected = 2 * w * (np.round(x) * w - 1)
    np.testing.assert_allclose(gradient(x=x, w=w), expected)
    np.testing.assert_allclose(Program(str(gradient))(x=x, w=w), expected)


def test_gradients_reversed_and_clipped_and_read_past() -> None:
    program = Program(
        "a[i] = x[i]\nb[i] = x[i]\n"
        "override x.grad[i] += -a.grad[i]\noverride x.grad[i] += clip(b.grad[i], -1, 1)\n"
        "loss = sum[i](2 a[i] + 5 b[i] + 7 x[i])"
    )
    for gradient in (program.grad(), Program(str(program.grad()))):
        np.testing.assert_allclose(gradient(x=[1.0, -2.0]), [6.0, 6.0])


def test_second_derivatives_go_through_the_declared_lines() -> None:
    program = Program("y = x^3\noverride x.grad += 10 x y.grad")
    second = program.grad().grad()
    assert program.grad()(x=2.0) == 20
    assert second(x=2.0) == 10
    assert Program(str(second))(x=2.0) == 10


def test_an_unreached_cotangent_counts_as_nothing() -> None:
    program = Program(
        "u[i] = 2 x[i]\nv[i] = 3 x[i]\nbackward x.grad[i] += 2 u.grad[i] + 3 v.grad[i]"
    )
    for of, factor in {"u": 2.0, "v": 3.0}.items():
        gradient = program.vjp(of=of)
        assert Program(str(gradient)) == gradient
        given = {f"{of}.grad": [1.0, 10.0], "x": [1.0, 1.0]}
        results = gradient({name: given[name] for name in gradient.inputs})
        np.testing.assert_array_equal(results, [factor, 10 * factor])


def test_code_and_steps_use_the_declared_lines() -> None:
    program = Program("y[i] = sign(x[i])\noverride x.grad[i] += 3 y.grad[i]").vjp()
    names: dict[str, object] = {}
    exec(program.source(), names)  # noqa: S102
    given = {"x": np.ones(2), "y_grad": np.ones(2)}
    code = names["run"].__code__  # type: ignore[attr-defined]
    result = names["run"](*[given[n] for n in code.co_varnames[: code.co_argcount]])  # type: ignore[operator]
    np.testing.assert_array_equal(result, [3.0, 3.0])
    assert "3 y.grad[i]" in str(program.explain(i=4))


# Generated programs: declaring what is derived changes nothing.


@given(case=cases(equations=3, scalar=True), data=st.data())
def test_declaring_what_is_derived_changes_nothing(case: Case, data: st.DataObject) -> None:
    try:
        program = Program(case.text)
        derived = program.grad(of="loss")
    except (DerivativeError, IndexScopeError):
        return
    forward = len(program.resolved.equations)
    lines = [e for e in derived.statements if isinstance(e, Equation)][forward + 1 :]
    lines = [e for e in lines if e.operator == "+="]
    of = sorted({e.target.name for e in lines})
    chosen = data.draw(st.sets(st.sampled_from(of))) if of else set()
    declared = [Backward(e) for e in lines if e.target.name in chosen]
    kept = [s for s in derived.statements if not (is_output(s) or s in lines)]
    statements = [s for s in kept if not isinstance(s, Equation) or s.target.name != "loss.grad"]
    again = Program.from_statements(parse(program_text([*statements, *declared])))
    first, second = again.grad(of="loss"), program.grad(of="loss")
    assert Program.from_statements(parse(str(first))) == first
    given = {name: case.tensors[name] for name in program.inputs}
    expected = by_name(second, given)
    close = {"rtol": 1e-9, "atol": 1e-9, "equal_nan": True}
    for name, value in by_name(first, given).items():
        np.testing.assert_allclose(value, expected[name], **close)
    for name, value in ep.reference.evaluate(first, given).items():
        if name in expected:
            np.testing.assert_allclose(value, expected[name], **close)
    backward_check.check_backward(again.resolved)


# With the rest of the language.

WINDOW = "index p: window < 3\ny[i] = x[i+p] K[p]"


def test_the_adjoint_of_a_window_by_hand() -> None:
    lines = "x.grad[i+p] += y.grad[i] K[p]\nK.grad[p] += y.grad[i] x[i+p]"
    program = Program(WINDOW, backward=lines)
    assert str(program.backward()) == f"index p: window < 3\n{lines}"
    x = np.array([0.3, -1.0, 2.0, 0.5, 1.5])
    assert ep.gradcheck(program, {"x": x, "K": [1.0, -2.0, 0.5]})
    with pytest.raises(DerivativeError, match=r"the declared K\.grad is not what is derived"):
        Program(WINDOW, backward=lines.replace("y.grad[i] x[i+p]", "y.grad[i] x[i+p] K[p]"))


@pytest.mark.parametrize(
    ("text", "lines", "tensors"),
    [
        (
            "y[t,d] = E[tok[t],d]",
            "E.grad[tok[t],d] += y.grad[t,d]",
            {"E": np.ones((3, 2)), "tok": np.array([2, 0, 2])},
        ),
        (
            "h[t] = tanh(x[t] + w h[t-1])\ny[t] = h[t]^2",
            "h.grad[t] += 2 y.grad[t] h[t]",
            {"x": np.array([0.5, -1.0, 0.2]), "w": np.array(0.7)},
        ),
        (
            "y[i] = x[wrap(i+1)] - x[i]",
            "x.grad[wrap(i+1)] += y.grad[i]\nx.grad[i] += -y.grad[i]",
            {"x": np.array([0.5, -1.0, 0.2])},
        ),
        (
            "m[b] max= x[b,i]\ny[b] = 2 m[b]",
            "m.grad[b] += 2 y.grad[b]",
            {"x": np.array([[0.5, -1.0, 0.2]])},
        ),
    ],
)
def test_other_subscripts_and_recurrences(
    text: str, lines: str, tensors: dict[str, np.ndarray]
) -> None:
    program, plain = Program(text, backward=lines), Program(text)
    wrt = [name for name in plain.inputs if name != "tok"]
    ours, theirs = program.vjp(wrt=wrt), plain.vjp(wrt=wrt)
    assert Program(str(ours)) == ours
    shape = np.shape(plain(tensors))
    given = {**tensors, "y.grad": np.arange(1.0, 1 + np.prod(shape)).reshape(shape)}
    expected = by_name(theirs, given)
    for name, value in by_name(ours, given).items():
        np.testing.assert_allclose(value, expected[name])


def test_batches_have_the_lines_too() -> None:
    program = Program(
        "y[j] = tanh(x[i] W[i,j])",
        params="W",
        backward="d[j] = y.grad[j] (1 - y[j]^2); x.grad[i] += d[j] W[i,j]; W.grad[i,j] += d[j] x[i]",
    )
    assert str(program.batched("b")) == (
        "index b: batch\nparam W[i,j]\ny[b,j] = tanh(x[b,i] W[i,j])\n"
        "backward d[b,j] = y.grad[b,j] (1 - y[b,j]^2)\n"
        "backward x.grad[b,i] += d[b,j] W[i,j]\n"
        "backward W.grad[i,j] += d[b,j] x[b,i]"
    )
    per_example = program.vjp(wrt="W").batched("b")
    assert Program(str(per_example)) == per_example
    assert per_example.shapes(x=(5, 3), W=(3, 2))["W.grad"] == (5, 3, 2)


THROUGH = "y[i] = sign(x[i])\noverride x.grad[i] += y.grad[i]\nloss = sum[i](y[i]^2 w[i])"


def test_forward_mode_goes_through_compared_lines() -> None:
    program = Program("y = x^3\nbackward x.grad += 3 y.grad x^2")
    assert program.jvp()({"x": 2.0, "x.dot": 1.0}) == 12
    assert program.hessian()(x=2.0) == 12
    assert program.hvp()({"x": 2.0, "x.dot": 1.0}) == 12


def test_forward_mode_does_not_go_through_overriding_lines() -> None:
    program = Program(THROUGH)
    for derive in (program.jvp, program.hvp, program.hessian):
        with pytest.raises(DerivativeError) as error:
            derive(wrt="x")
        assert "cannot be differentiated forward: the program overrides the gradient of x" in str(
            error.value
        )
    assert (
        str(error.value).partition("forward")[2]
        == """\
: the program overrides the gradient of x, and says nothing of tangents
    override x.grad[i] += y.grad[i]
             ^^^^^^^^^^^^^^^^^^^^^^
use reverse mode: vjp, or grad of grad"""
    )
    assert program.jvp(wrt="w")({"x": [2.0], "w": [1.0], "w.dot": [5.0]}) == 5
    jacobian = program.jacobian(of="loss", wrt="x")
    np.testing.assert_array_equal(jacobian(x=[2.0, -3.0], w=[1.0, 2.0]), [2.0, -4.0])


def test_values_beyond_memory_are_not_compared() -> None:
    with pytest.raises(DerivativeError) as caught:
        Program(
            "index i: row < 60000, j: column < 60000\ny[i,j] = tanh(x[i,j]) exp(x[i,j])\n"
            "backward x.grad[i,j] += y.grad[i,j] y[i,j] (1 / tanh(x[i,j]) - tanh(x[i,j]) + 1)"
        )
    assert str(caught.value).startswith(
        "the declared x.grad differs in form from what is derived, and values cannot be compared: "
        "at the declared sizes the tensors have 14,400,000,000 cells\n"
    )
