"""Common operands taken out of sums, only where that leaves fewer operations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einprop import Program, reference
from einprop.analysis.sizes import bind_letters
from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.passes.factor import factor
from einprop.passes.sized import SizedProgram

SIZES = dict.fromkeys("ijkl", 9)


def lines(text: str, *outputs: str, **sizes: int) -> list[str]:
    program = SizedProgram(parse(text), {**SIZES, **sizes}, outputs or ("y",))
    return [to_text(equation) for equation in factor(program).equations]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "p[i,k] = sum[j](a[i,j] b[j,k]); q[i,k] = sum[l](c[l,k] a[i,l]); y[i,k] = p[i,k] - q[i,k]",
            ["_1[j,k] = b[j,k] - c[j,k]", "y[i,k] = sum[j](a[i,j] _1[j,k])"],
        ),
        # a number stays with its term, where the term is smaller
        (
            "p[i] = sum[j](a[i,j] b[j]); q[i] = sum[j](a[i,j] c[j]); r[i] = 3 q[i]; y[i] = p[i] + r[i]",
            ["_1[j] = 3 c[j]", "_2[j] = b[j] + _1[j]", "y[i] = sum[j](a[i,j] _2[j])"],
        ),
        # what has no part in it stays a term
        (
            "p[i] = sum[j](a[i,j] b[j]); q[i] = sum[k](a[i,k] c[k]); y[i] = p[i] + z[i] + q[i]",
            ["_1[j] = b[j] + c[j]", "_2[i] = sum[j](a[i,j] _1[j])", "y[i] = z[i] + _2[i]"],
        ),
        # cell by cell
        (
            "p[i,j] = a[i,j] b[i,j]; q[i,j] = c[i] a[i,j]; y[i,j] = p[i,j] + q[i,j]",
            ["_1[i,j] = b[i,j] + c[i]", "y[i,j] = a[i,j] _1[i,j]"],
        ),
        # sums of sums
        (
            (
                "t[i] = sum[j](a[i,j] b[j]); u[i] = sum[j](a[i,j] c[j]); p = sum[i](d[i] t[i]); "
                "q = sum[i](d[i] u[i]); y = p + q"
            ),
            ["_2[j] = b[j] + c[j]", "_1[i] = sum[j](a[i,j] _2[j])", "y = sum[i](d[i] _1[i])"],
        ),
    ],
)
def test_taken_out(text: str, expected: list[str]) -> None:
    assert lines(text) == expected


@pytest.mark.parametrize(
    ("text", "outputs"),
    [
        # a product is wanted for itself
        ("p[i] = a[i] b[i]; q[i] = a[i] c[i]; y[i] = p[i] + q[i]", ("p", "q", "y")),
        ("p[i] = a[i] b[i]; q[i] = a[i] c[i]; y[i] = p[i] + q[i]; z[i] = exp(p[i])", ("y", "z")),
        # the letters of the common operand differ
        ("p[i,j] = a[i,j] b[i]; q[i,j] = a[j,i] c[i]; y[i,j] = p[i,j] + q[i,j]", ()),
        # the sum of the others is larger than they are
        ("p[i] = a b[i]; q[k] = a c[k]; y[i,k] = p[i] + q[k]", ()),
    ],
)
def test_left_as_it_is(text: str, outputs: tuple[str, ...]) -> None:
    assert lines(text, *outputs) == [to_text(equation) for equation in parse(text)]


def test_a_recurrence_stays_as_it_is() -> None:
    text = "p[t] = a[t] h[t-1]; q[t] = a[t] x[t]; h[t] = p[t] + q[t]"
    program = SizedProgram(parse(text), {"t": 4}, ("h",))
    assert factor(program) is program


def flops(program: Program, **sizes: int) -> int:
    return program.compile().schedule(bind_letters(program.resolved, sizes)).flops


def test_half_the_work_of_two_products() -> None:
    program = Program("y[i,k] = a[i,j] b[j,k] + a[i,j] c[j,k]")
    assert flops(program, i=5, j=6, k=7) == 5 * 6 * 7 + 6 * 7
    # a.grad as well; b.grad and c.grad are one product
    assert flops(program.vjp(), i=5, j=6, k=7) == 2 * 5 * 6 * 7 + 6 * 7


def test_what_is_finite_stays_so_and_what_is_not_too() -> None:
    program = Program("y[i] = a[i,j] b[j] - a[i,j] c[j]")
    values = np.array([0.0, 1.0, -2.0, np.inf, -np.inf, np.nan])
    rng = np.random.default_rng(0)
    for _ in range(200):
        tensors = {
            "a": rng.choice(values, (2, 2)),
            "b": rng.choice(values, 2),
            "c": rng.choice(values, 2),
        }
        with np.errstate(invalid="ignore"):
            found, expected = program(tensors), reference.evaluate(program, tensors)["y"]
        assert np.array_equal(np.isfinite(found), np.isfinite(expected))
        np.testing.assert_array_equal(found[np.isfinite(found)], expected[np.isfinite(found)])


@st.composite
def sums(draw) -> str:
    """Sums of products of two from a few tensors."""
    letters = {"a": "i,j", "b": "j,k", "c": "j,k", "d": "i,k", "e": "j", "f": "k,i"}
    names = st.sampled_from(sorted(letters))
    terms = []
    for _ in range(draw(st.integers(2, 5))):
        factors = [draw(names) for _ in range(draw(st.integers(1, 3)))]
        scale = draw(st.sampled_from(["", "2 ", "3 "]))
        body = " ".join(f"{name}[{letters[name]}]" for name in factors)
        held = {i for name in factors for i in letters[name].split(",")} - {"i", "k"}
        term = f"sum[j]({body})" if held else body
        terms.append(f"{draw(st.sampled_from('+-'))} {scale}{term}")
    return "y[i,k] = z[i,k] " + " ".join(terms)


@settings(max_examples=60, deadline=None)
@given(sums())
def test_sums_of_products_have_the_values_of_the_reference(text: str) -> None:
    program = Program(text)
    rng = np.random.default_rng(0)
    shapes = {
        "a": (2, 3),
        "b": (3, 4),
        "c": (3, 4),
        "d": (2, 4),
        "e": (3,),
        "f": (4, 2),
        "z": (2, 4),
    }
    tensors = {name: rng.standard_normal(shapes[name]) for name in program.inputs}
    np.testing.assert_allclose(
        program(tensors), reference.evaluate(program, tensors)["y"], atol=1e-12
    )
    gradient = Program(f"{text}; loss = sum[i,k](y[i,k]^2)").grad()
    expected = reference.evaluate(gradient, tensors)
    found = gradient(tensors)
    for name, value in (found if isinstance(found, dict) else {gradient.outputs[0]: found}).items():
        np.testing.assert_allclose(value, expected[name], atol=1e-9)
