"""The program after each pass, written out: it parses back, and means what the program means."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from einprop import Program
from einprop.analysis.sizes import bind_sizes
from einprop.errors import DerivativeError, IndexScopeError, ShapeError
from einprop.notation.parser import parse
from einprop.passes.sized import SizedProgram
from einprop.passes.statements import as_statements
from einprop.reference import evaluate
from tests.strategies.programs import Case, cases


def stages(program: Program, tensors: dict[str, np.ndarray]) -> dict[str, Program]:
    """The program after each pass, from its text."""
    known = {name: np.shape(tensors[name]) for name in program.inputs}
    found = {}
    for name, sized in program.compile().stages(bind_sizes(program.resolved, known)):
        defined = {e.target.name for e in sized.equations}
        outputs = [output for output in program.outputs if output in defined]
        written = Program.from_statements(as_statements(sized), outputs or None)
        found[name] = Program(str(written), outputs=outputs or None)
        assert str(found[name]) == str(written), name
    return found


def compare(program: Program, tensors: dict[str, np.ndarray]) -> None:
    expected = evaluate(program, tensors)
    for name, stage in stages(program, tensors).items():
        given_ = {n: tensors[n] for n in stage.inputs}
        values = evaluate(stage, given_)
        for output in set(stage.outputs).intersection(program.outputs):
            np.testing.assert_allclose(
                values[output], expected[output], rtol=1e-6, atol=1e-7, err_msg=f"{name}: {stage}"
            )


@settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
@given(cases())
def test_every_stage_of_a_drawn_program_means_the_same(case: Case) -> None:
    try:
        program = Program(case.text)
        values = evaluate(program, case.tensors)
        gradient = program.grad(of="loss")
    except (IndexScopeError, ShapeError, DerivativeError):
        return
    if all(np.all(np.abs(v) < 1e6) for v in values.values()):
        compare(program, case.tensors)
        compare(gradient, case.tensors)


# text, and the shapes of the inputs
PROGRAMS = {
    "shorter range": ("y[i] = x[i] + 1 where i in 1:3", {"x": (5,)}),
    "groups": ("y[b,(h d)] = p[b,h] v[b,h,d]", {"p": (2, 3), "v": (2, 3, 2)}),
    "convolution": ("y[i,f] = x[i+p,c] K[p,c,f]", {"x": (6, 2), "K": (3, 2, 2)}),
    "padding": ("y[i] = x[pad(i+p-1)] k[p] where i in 0:5", {"x": (5,), "k": (3,)}),
    "recurrence": (
        "h[t,j] = tanh(x[t,j] + h[t-1,k] U[k,j]); l = sum[t,j](h[t,j]^2)",
        {"x": (4, 3), "U": (3, 3)},
    ),
    "gather": ("y[i,e] = E[n[i],e]", {"E": (4, 2), "n": (3,)}),
    "scatter": ("input s[v]; y[n[i]] += E[i]; z[v] = y[v] s[v]", {"s": (4,), "E": (3,), "n": (3,)}),
    "positions": ("y[i] = argmax[j](x[i,j]) + [i == 2] x[i,i]", {"x": (3, 3)}),
    "parts": (
        "y[i] = x[i+0] where i in 0:1; y[i] = -z[i-1] where i in 1:3",
        {"x": (1,), "z": (2,)},
    ),
    "part of a grouped axis": ("y[(f j)] = x[j,f] where j in 0:2", {"x": (2, 3)}),
    "initial state": ("h[-1,j] = s[j]; h[t,j] = x[t,j] + h[t-1,j]^2", {"s": (2,), "x": (3, 2)}),
    "position": ("c[t] = cumsum[t](x[t]) + [t >= 1]", {"x": (4,)}),
    "negative numbers": ("y[i] = sin(x[i] - 0.7) (-3 + x[i])", {"x": (3,)}),
    "softmax": ("p[b,k] = softmax[k](s[b,k])", {"s": (3, 3)}),
    "many operands": (
        "y[a,e] = A[a,b] B[b,c] C[c,d] D[d,e]",
        {"A": (2, 9), "B": (9, 9), "C": (9, 9), "D": (9, 2)},
    ),
    "one type, two letters": ("y[i,j] = W[i,k] W[j,k]", {"W": (3, 4)}),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_stage_means_the_same(name: str) -> None:
    text, shapes = PROGRAMS[name]
    program, rng = Program(text), np.random.default_rng(0)
    tensors = {n: rng.normal(size=shape) for n, shape in shapes.items()}
    tensors |= {n: rng.integers(0, 3, shapes[n]) for n in program.resolved.positions}
    compare(program, tensors)
    (of,) = program.outputs
    seed = rng.normal(size=np.shape(evaluate(program, tensors)[of]))
    adjoint = program.vjp(wrt=[n for n in program.inputs if n not in program.resolved.positions])
    known = tensors | {f"{of}.grad": seed, f"{of}.seed": seed}
    compare(adjoint, {n: known[n] for n in adjoint.inputs})


def test_a_part_of_an_axis_is_read_without_a_claim() -> None:
    program = Program("y[i] = x[i] + 1 where i in 0:3")
    sized = dict(program.compile().stages(bind_sizes(program.resolved, {"x": (5,)})))["sizes"]
    assert "x[i+0]" in str(Program.from_statements(as_statements(sized)))


def test_letters_of_one_type_are_declared_together() -> None:
    program = SizedProgram(parse("y[i,j] = W[i,j] + W[j,i]"), {"i": 3, "j": 3}, ("y",))
    assert str(Program.from_statements(as_statements(program))).startswith("index i, j: i < 3\n")


def test_a_program_without_indices_declares_nothing() -> None:
    assert as_statements(SizedProgram(parse("y = 2 x"), {}, ("y",))) == parse("y = 2 x")
