"""The LaTeX of programs and of derivations is what KaTeX sets, its strictest rules on."""

from __future__ import annotations

import sys
import unicodedata

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from einprop import Program, adjoint_trace, evaluation_trace, tangent_trace
from einprop.errors import DerivativeError
from einprop.notation.latex import to_latex
from einprop.notation.tree import Access, Equation, Index
from tests.calculus.test_steps import PROGRAMS
from tests.equations.table import TABLE
from tests.notation.katex import complaints
from tests.strategies import programs, trees
from tests.test_traces import PROGRAMS as SCALARS


def test_what_is_no_latex_is_refused() -> None:
    refused = [r"\frac{x}", r"\begin{aligned} x", r"\nosuch", "x_", "ж", "%"]
    assert [formula for formula, _ in complaints(["x", *refused])] == refused


def test_programs_of_the_field_and_their_backward_passes() -> None:
    formulas = []
    for entry in TABLE:
        program = Program(entry.program)
        formulas += [program.latex(), program.backward().latex()]
    assert len(formulas) > 300
    assert complaints(formulas) == []


def test_derivations() -> None:
    found = [Program(text).derive_steps() for text in PROGRAMS]
    assert complaints([steps.latex() for steps in found], macros=10**6) == []
    formulas = []
    for steps in found:
        for line in steps.as_dict()["lines"]:
            formulas += [line["latex"], *(step["latex"] for step in line["steps"])]
    assert complaints(formulas) == []


def test_traces() -> None:
    for text, at in SCALARS:
        traces = [evaluation_trace(text, at), adjoint_trace(text, at)]
        traces += [tangent_trace(text, at, wrt=name) for name in at]
        assert complaints([trace.latex() for trace in traces]) == []


def test_every_letter_of_a_name() -> None:
    y = Access("y")
    letters = [c for c in map(chr, range(128, sys.maxunicode)) if f"a{c}".isidentifier()]
    stable = [c for c in letters if unicodedata.normalize("NFKC", c) == c]
    # Those of alphabets all, of the many that are words every so many.
    chosen = [*stable[:3000], *stable[3000::97]]
    formulas = [to_latex([Equation(Access(f"x{c}", (Index(f"k{c}"),)), "=", y)]) for c in chosen]
    assert complaints(formulas) == []


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(trees.programs, min_size=12, max_size=12))
def test_drawn_trees(drawn: list[trees.Statement]) -> None:
    assert complaints([to_latex(program) for program in drawn]) == []


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(programs.cases(depth=2, equations=2), min_size=4, max_size=4))
def test_derivations_of_drawn_programs(drawn: list[programs.Case]) -> None:
    formulas = []
    for case in drawn:
        try:
            formulas.append(Program(case.text).derive_steps().latex())
        except DerivativeError:
            formulas.append(Program(case.text).latex())
    assert complaints(formulas, macros=10**6) == []
