"""What stands above derived equations so that they mean the same without their program."""

from __future__ import annotations

import pytest

from einprop import Program
from einprop.analysis.resolve import resolve
from einprop.calculus.declarations import needed_bases, needed_declarations
from einprop.calculus.derive import derive_adjoint
from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.notation.tree import Equation, Statement


def needed(text: str, *, alone: bool) -> tuple[list[Statement], list[Equation]]:
    resolved = resolve(parse(text))
    _, equations = derive_adjoint(resolved, resolved.names.outputs, None)
    return needed_declarations(resolved, equations, alone=alone), equations


@pytest.mark.parametrize(
    ("text", "declared"),
    [
        # every index has its range from the adjoint's own tensors
        ("y[b,j] = x[b,i] W[i,j]", ""),
        # i stands on the left alone: x says what it ranges over
        ("loss = sum[i](x[i])", "input x[i]"),
        ("index i: pixel; y[i] = 2 x[i]", "index i: pixel"),
        ("param w; y = w x", "param w"),
        # an input that no line reads needs no declaration
        ("input x[i], t[i]; y[i] = x[i]^2 + t[i]", "input x[i]"),
        # a tensor with the name of a definition of the prelude says that it is one
        ("input mean; y = mean x", "input mean"),
    ],
)
def test_the_declarations_that_adjoint_equations_need(text: str, declared: str) -> None:
    statements, equations = needed(text, alone=True)
    assert "; ".join(map(to_text, statements)) == declared
    resolve((*statements, *equations))


def test_beside_their_program_they_need_all_of_its_inputs() -> None:
    statements, _ = needed("input x[i], t[i]; y[i] = x[i]^2 + t[i]", alone=False)
    assert "; ".join(map(to_text, statements)) == "input x[i], t[i]"


def test_bases_come_along_where_a_tensor_is_read() -> None:
    resolved = resolve(parse("h[-1] = a; h[t] = tanh(h[t-1] + x[t]); y = h[end]"))
    _, equations = derive_adjoint(resolved, ["y"], None)
    assert [to_text(line) for line in needed_bases(resolved, equations)] == ["h[-1] = a"]
    assert needed_bases(resolved, []) == []


def test_a_tangent_that_nothing_depends_on_is_an_input() -> None:
    tangent = Program("y[i] = floor(x[i]) + w[i]").jvp(wrt="x w")
    assert "x.dot" in tangent.inputs
