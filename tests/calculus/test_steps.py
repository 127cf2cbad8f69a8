"""Steps of derivations: every form of a line has its value, and the last one is the line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from einprop import Program
from einprop.analysis.cells import lies_outside
from einprop.analysis.derivative_names import tensor_base
from einprop.analysis.sizes import bind_sizes
from einprop.calculus import reasons
from einprop.calculus.declarations import needed_bases, needed_declarations
from einprop.calculus.steps import Line, backward_steps
from einprop.calculus.ways import Step
from einprop.errors import DerivativeError, EinpropError, ShapeError
from einprop.notation.functions import keeps_extremum
from einprop.notation.parser import parse
from einprop.notation.prelude import prelude
from einprop.notation.printer import to_text
from einprop.notation.tree import Definition, Equation, equations_of, reads
from einprop.reference import evaluate
from tests.strategies import programs
from tests.strategies.language import programs as language

# Each construct of the language; by program, the shapes of its inputs.
PROGRAMS = {
    "y[b,j] = tanh(x[b,i] W[i,j] + B[j])": {"x": (2, 3), "W": (3, 2), "B": (2,)},
    "loss = -mean[b](sum[k](t[b,k] log_softmax[k](s[b,k])))": {"t": (2, 3), "s": (2, 3)},
    "y[i] = x[i]; z = sum[i](y[i] x[i] x[i])": {"x": (3,)},
    "y[i,j] = -(a[i] - b[j]) / (2 + a[i]^2) - b[j]^n[i]": {"a": (2,), "b": (3,), "n": (2,)},
    "m[b] = max[k](s[b,k] w[k]); p = prod[b](m[b])": {"s": (2, 3), "w": (3,)},
    "m[b] max= sum[k](s[b,k] w[k]); y[b] = m[b]^2": {"s": (2, 3), "w": (3,)},
    "m[b] max= s[b,k] w[j]; y[b] = m[b]^2": {"s": (2, 3), "w": (3,)},
    "m[c[k]] max= s[k] w[k]; y = q[b] m[b]": {"s": (4,), "w": (4,), "q": (3,), "c": "positions"},
    "y[i,f] = relu(x[i+p] K[p,f])": {"x": (5,), "K": (2, 3)},
    "y[i] = x[2*i] - sum[j](x[j] [j > i] w)": {"x": (5,), "w": ()},
    "h[t,b] = tanh(x[t,b] + h[t-1,b] U[b,c] v[c])": {"x": (3, 2), "U": (2, 2), "v": (2,)},
    "y[i] = E[tok[i],j] w[j]; loss = sum[i](y[i]^3)": {"E": (4, 2), "w": (2,), "tok": "positions"},
    "y[i,i] = x[i]; z[k,l] += y[k,j] x[l]": {"x": (3,)},
    "z[(i j)] = exp(x[i] w[j])": {"x": (2,), "w": (3,)},
    "backward x.grad[i] += 2 y.grad[i] x[i]\ny[i] = x[i]^2; z = sum[i](y[i] w[i])": {
        "x": (3,),
        "w": (3,),
    },
    "y[i] = softmax[i](s[i]); z[i] = y[i] (1 - y[i]) s[i]": {"s": (3,)},
    "y[i] = maximum(x[i], w) where([x[i] > 0], leaky_relu(x[i], w), 1 / x[i])": {
        "x": (3,),
        "w": (),
    },
}


def lines_of(program: Program) -> tuple[Line, ...]:
    return backward_steps(program.resolved, program.outputs, None)


def drawn(shapes: dict[str, Any]) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    return {
        name: np.array([1, 0, 2, 1]) if shape == "positions" else rng.uniform(0.2, 1.5, shape)
        for name, shape in shapes.items()
    }


class Point:
    """The values of a program's tensors; cotangents are drawn once, and shared by its variants."""

    def __init__(self, program: Program, inputs: dict[str, Any], drawn: dict[str, Any]) -> None:
        self.program = program
        self.inputs = inputs
        self.drawn = drawn
        self.sizes = bind_sizes(program.resolved, {n: np.shape(a) for n, a in inputs.items()})
        self.tensors = {**inputs, **evaluate(program, inputs)}

    def __getitem__(self, name: str) -> Any:
        if name not in self.tensors and name not in self.drawn:
            shape = self.sizes.shape(tensor_base(name))
            assert shape is not None
            rng = np.random.default_rng(len(self.drawn))
            self.drawn[name] = rng.normal(size=shape)
        return self.tensors[name] if name in self.tensors else self.drawn[name]

    def alone(self, equations: Sequence[Equation]) -> Program:
        """Equations as a program, with what they need to have a meaning."""
        resolved = self.program.resolved
        bases = [e for e in needed_bases(resolved, equations) if e not in equations]
        declared = needed_declarations(resolved, [*bases, *equations], alone=True)
        return Program.from_statements([*declared, *bases, *equations])

    def value(self, equation: Equation) -> Any:
        """Of the tensor that an equation adds to."""
        program = self.alone([equation])
        return evaluate(program, {n: self[n] for n in program.inputs})[equation.target.name]

    def with_instead(self, written: Equation, others: Sequence[Equation]) -> Point:
        """The program with other equations in the place of one."""
        program = self.program
        declared = needed_declarations(program.resolved, others, alone=False)
        statements = [s for s in program.statements if s not in declared]
        number = statements.index(written)
        statements[number : number + 1] = others
        variant = Program.from_statements([*declared, *statements], outputs=program.outputs)
        return Point(variant, self.inputs, self.drawn)


def same(found: Any, expected: Any, step: Step) -> None:
    text = f"{step.rule}: {'; '.join(map(to_text, step.equations))}"
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=text)


def parsing(program: Program) -> dict[str, Definition]:
    """The definitions that equations of a program may call."""
    own = {s.name: s for s in program.statements if isinstance(s, Definition)}
    return {**prelude(), **own}


def alone(point: Point, line: Line) -> Any:
    """The value of a line, if it has one without the others."""
    read = [a for a in reads(line.equation) if tensor_base(a.name) != a.name]
    if len(line.steps) == 1 or any(lies_outside(s) for a in read for s in a.subscripts):
        return None  # No array holds the cells outside of the axes.
    try:
        return point.value(line.equation)
    except ShapeError:
        return None  # The others tell a size.


def check_line(point: Point, line: Line) -> None:
    """A forward form can stand in the program; the others have the values of their cotangents."""
    written = line.steps[0].equations[0]
    known = parsing(point.program)
    assert all(parse(to_text(e), known) == (e,) for s in line.steps for e in s.equations)
    result = alone(point, line)
    if result is None:
        return
    within, chain = point, [written]
    for step in line.steps:
        form = step.equations[-1]
        if form.target.name == line.equation.target.name:
            same(within.value(form), result, step)
        elif form.target.name == f"{chain[0].target.name}.grad":
            # What another equation gives a cell decides too which value it keeps.
            expected = None if keeps_extremum(written.operator) else cotangent(within, chain)
            if expected is not None:
                same(within.value(form), expected, step)
        else:
            chain[:1] = step.equations
            within = point.with_instead(written, chain)
            for name, value in point.tensors.items():
                same(within[name], value, step)


def cotangent(point: Point, chain: Sequence[Equation]) -> Any:
    """What the derivative of the outer equations by the inner tensor is, by a derivation of its own."""
    inner, *outer, last = chain
    name, wrt = last.target.name, inner.target.name
    # Under another name, for what the equation reads of its own target is an input.
    root = replace(last.target, name=f"{name}.dot")
    product = point.alone([*outer, replace(last, target=root)]).vjp(of=root.name, wrt=wrt)
    seeds = {f"{root.name}.grad": f"{name}.grad"}
    given = {n: point[seeds.get(n, n)] for n in product.inputs}
    try:
        return evaluate(product, given)[f"{wrt}.grad"]
    except ShapeError:
        return None  # The inner tensor tells no size.


def check(program: Program, inputs: dict[str, Any]) -> None:
    lines = lines_of(program)
    assert [x.equation for x in lines] == list(equations_of(program.backward().statements))
    point = Point(program, inputs, {})
    for line in lines:
        assert line.steps[-1].equations[-1] == line.equation
        name = line.equation.target.name
        if name.endswith(".ties"):
            point.drawn[name] = point.drawn.get(name, 0) + point.value(line.equation)
    for line in lines:
        check_line(point, line)


@pytest.mark.parametrize("text", PROGRAMS)
def test_every_form_has_the_value_of_its_line(text: str) -> None:
    check(Program(text), drawn(PROGRAMS[text]))


@settings(
    max_examples=15, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(programs.cases(depth=2, equations=2))
def test_every_form_of_a_drawn_program_has_the_value_of_its_line(case: programs.Case) -> None:
    program = Program(case.text)
    try:
        program.backward()
    except DerivativeError:
        return
    check(program, case.tensors)


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(language.programs())
def test_every_form_over_the_whole_language_has_the_value_of_its_line(case: language.Case) -> None:
    try:
        program = Program(case.text)
        program.backward()
    except EinpropError:
        return
    check(program, case.tensors)


def rules(text: str, name: str) -> list[str]:
    line = next(x for x in lines_of(Program(text)) if x.equation.target.name == name)
    return [step.rule for step in line.steps]


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        (
            "y[b,j] = tanh(x[b,i] W[i,j] + B[j])",
            "W.grad",
            (
                "the equation, sums written, chain rule, derivative of tanh, read off the output, "
                "product rule, delta elimination, implied sum"
            ),
        ),
        ("y = 3 x", "x.grad", "the equation, product rule, simplified"),
        ("y = -x", "x.grad", "the equation, minus sign"),
        ("y = x", "x.grad", "the equation, chain rule"),
        ("y = x + x^2", "x.grad", "the equation, sum rule, accumulated"),
        ("y = a / x", "x.grad", "the equation, quotient rule, read off the output"),
        ("y[i] = x[i+p] K[p]", "x.grad", "the equation, sums written, product rule"),
        (
            "y = sum[k](log_softmax[k](s[k]) v[k])",
            "s.grad",
            (
                "the equation, definition written out, chain rule, product rule, sum rule, "
                "delta elimination, accumulated"
            ),
        ),
    ],
)
def test_rules(text: str, name: str, expected: str) -> None:
    assert rules(text, name) == expected.split(", ")


def test_a_base_stands_first_and_its_reads_are_derived() -> None:
    program = Program("h[-1,b] = g[b]; h[t,b] = sigmoid(x[t,b] h[t-1,b])")
    lines = lines_of(program)
    assert [x.equation for x in lines] == list(equations_of(program.backward().statements))
    assert [step.rule for step in lines[0].steps] == [reasons.BASE]
    assert lines[1].steps[0].rule == reasons.SEED
    inputs = drawn({"x": (3, 2), "g": (2,)})
    cotangents = {"h.seed": np.random.default_rng(0).normal(size=(3, 2))}
    whole = program.backward()
    point = Point(program, inputs, cotangents)
    expected = evaluate(whole, {n: point[n] for n in whole.inputs})
    # A form may stand in the place of its line.
    for line in lines:
        for step in line.steps:
            form = step.equations[-1]
            if form.target == line.equation.target:
                number = whole.statements.index(line.equation)
                others = (*whole.statements[:number], form, *whole.statements[number + 1 :])
                found = Program.from_statements(others)
                for name, value in evaluate(found, {n: point[n] for n in found.inputs}).items():
                    same(value, expected[name], step)


def test_what_is_declared_or_zero_has_one_step() -> None:
    text = "backward x.grad[i] += 2 y.grad[i] x[i]\ny[i] = x[i]^2; z = w"
    found = backward_steps(Program(text).resolved, ["y"], ["x", "w"])
    assert [[s.rule for s in x.steps] for x in found] == [[reasons.DECLARED], [reasons.NOTHING]]
    assert found[1].steps[0].reason == "y does not depend on w"
