"""One operation an equation, products in pairs along a good path, and the same values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given

from einprop import reference
from einprop.analysis.dependence import assembled_tensors, is_contribution
from einprop.analysis.indices import target_indices
from einprop.analysis.resolve import resolve
from einprop.analysis.sizes import bind_sizes
from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.notation.tree import (
    Access,
    Add,
    Call,
    Equation,
    Expression,
    IndexValue,
    Multiply,
    Negate,
    Number,
    children,
)
from einprop.passes.binarise import binarise
from einprop.passes.sized import SizedProgram, attach_sizes
from tests.strategies.programs import Case, cases


def flat(text: str, **shapes: tuple[int, ...]) -> SizedProgram:
    return binarise(attach_sizes(bind_sizes(resolve(parse(text)), shapes)))


def lines(program: SizedProgram) -> list[str]:
    return [to_text(equation) for equation in program.equations]


def test_an_expression_is_taken_apart() -> None:
    program = flat("y[b,j] = tanh(x[b,i] W[i,j] + B[j])", x=(2, 3), W=(3, 4), B=(4,))
    assert lines(program) == [
        "_1[b,j] = sum[i](x[b,i] W[i,j])",
        "_2[b,j] = _1[b,j] + B[j]",
        "_3[b,j] = tanh(_2[b,j])",
        "y[b,j] = _3[b,j]",
    ]


@pytest.mark.parametrize(
    ("text", "shapes", "taken_apart"),
    [
        # equations of one tensor become one
        (
            "y[b] = x[b]; y[b] += z[b]",
            {"x": (2,), "z": (2,)},
            ["y[b] = x[b] + z[b]"],
        ),
        (
            "y[b] += x[b]; y[c] += z[c]",
            {"x": (2,), "z": (2,)},
            ["y[b] = x[b] + z[b]"],
        ),
        # a diagonal is read, and written
        ("y[i] = 2 A[i,i]", {"A": (3, 3)}, ["_1[i] = A[i,i]", "_2[i] = 2 _1[i]", "y[i] = _2[i]"]),
        ("y[i,i] = x[i]", {"x": (3,)}, ["y[i,i] += x[i]"]),
        # a sum over an index that its body lacks is a number
        (
            "y = x sum[i](2) + w[i] w[i]",
            {"x": (), "w": (3,)},
            ["_1 = 6 x", "_2 = sum[i](w[i] w[i])", "_3 = _1 + _2", "y = _3"],
        ),
        # numbers come out of a product, quotients are taken where they are small
        (
            "y[b,i] = 2 x[b,i] 3 / z[b]",
            {"x": (4, 5), "z": (4,)},
            ["_1[b,i] = x[b,i] / z[b]", "_2[b,i] = 6 _1[b,i]", "y[b,i] = _2[b,i]"],
        ),
        ("y = x^-2", {"x": ()}, ["_1 = x^(-2)", "y = _1"]),
        # the same operation is there once
        (
            "y[i] = exp(x[i]) + exp(x[i]); z[j] = exp(x[j])",
            {"x": (3,)},
            ["_1[i] = exp(x[i])", "_2[i] = _1[i] + _1[i]", "y[i] = _2[i]", "z[j] = _1[j]"],
        ),
    ],
)
def test_flat_forms(text: str, shapes: dict, taken_apart: list[str]) -> None:
    program = flat(text, **shapes)
    assert lines(program) == taken_apart
    assert all(_is_flat(equation) for equation in program.equations)


def test_products_of_many_follow_a_good_path() -> None:
    """A matrix between two vectors is never a product of matrices."""
    text = "y = u[a] A[a,b] B[b,c] C[c,d] v[d]"
    program = flat(text, u=(9,), A=(9, 9), B=(9, 9), C=(9, 9), v=(9,))
    for equation in program.equations:
        expression = equation.expression
        if isinstance(expression, Call):
            indices = {i for a in _atoms(expression) for i in _letters(a)}
            assert math.prod(program.sizes[i] for i in indices) <= 81


def _letters(atom: Expression) -> tuple[str, ...]:
    return tuple(s.name for s in atom.subscripts) if isinstance(atom, Access) else ()  # type: ignore[union-attr]


def _atoms(expression: Expression) -> list[Expression]:
    inner = children(expression)
    return [a for child in inner for a in _atoms(child)] if inner else [expression]


def _is_flat(equation: Equation) -> bool:
    """Whether a right side is one operation on atoms."""
    expression = equation.expression
    match expression:
        case Access() | Number():
            operands: tuple[Expression, ...] = ()
        case Add(terms):
            operands = tuple(t.operand if isinstance(t, Negate) else t for t in terms)
        case Call(_, (Multiply(factors),), indices) if indices:
            operands = factors if len(factors) == 2 else (expression,)
        case _:
            operands = children(expression)
    plain = all(isinstance(o, Access | Number | IndexValue) for o in operands)
    free = {i for a in _atoms(expression) for i in _letters(a)}
    bound = set(expression.indices) if isinstance(expression, Call) else set()
    return plain and free - bound <= set(target_indices(equation.target))


@given(case=cases())
def test_flat_programs_mean_the_same(case: Case) -> None:
    resolved = resolve(parse(case.text))
    shapes = {name: value.shape for name, value in case.tensors.items()}
    program = binarise(attach_sizes(bind_sizes(resolved, shapes)))
    assert all(_is_flat(equation) for equation in program.equations)
    targets = [e.target.name for e in program.equations if not is_contribution(e)]
    assert len(set(targets)) == len(targets)
    expected = reference.evaluate(case.text, case.tensors)
    actual = run_flat(program, case.tensors)
    for name in program.outputs:
        np.testing.assert_allclose(actual[name], expected[name], rtol=1e-9, atol=1e-12)


def run_flat(program: SizedProgram, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The reference's values of a flat program, sizes of unread letters declared."""
    declared = ", ".join(f"{letter}: {letter}_ < {n}" for letter, n in program.sizes.items())
    outputs = [
        f"output {name}[{','.join(program.axes[name])}]"
        for name in assembled_tensors(program.equations)
    ]
    text = "\n".join([*([f"index {declared}"] if declared else []), *outputs, *lines(program)])
    read = {name: value for name, value in tensors.items() if name in program.names}
    return reference.evaluate(text, read)
