"""Core equations with a size for every letter, one letter for one type in the whole program."""

from __future__ import annotations

import pytest

from einprop.analysis.resolve import resolve
from einprop.analysis.sizes import bind_sizes
from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.passes.sized import SizedProgram, attach_sizes, distinct


def sized(text: str, **shapes: tuple[int, ...]) -> SizedProgram:
    return attach_sizes(bind_sizes(resolve(parse(text)), shapes))


def lines(program: SizedProgram) -> list[str]:
    return [to_text(equation) for equation in program.equations]


def test_a_letter_of_two_types_is_renamed() -> None:
    program = sized("h[i] = W[i,j] x[j]; y[j] = U[j,i] h[i]", W=(3, 4), x=(4,), U=(5, 3))
    assert lines(program) == ["h[i] = sum[j](W[i,j] x[j])", "y[j2] = sum[i](U[j2,i] h[i])"]
    assert program.sizes == {"i": 3, "j": 4, "j2": 5}


def test_two_letters_of_one_type_keep_their_names() -> None:
    program = sized("h[i] = 2 x[i]; y[k] = 3 h[k]", x=(3,))
    assert lines(program) == ["h[i] = 2 x[i]", "y[k] = 3 h[k]"]
    assert program.sizes == {"i": 3, "k": 3}


def test_primed_letters_have_the_size_of_the_unprimed_one() -> None:
    program = sized("y[i,i'] = x[i] x[i'] + sum[i''](x[i''])", x=(3,))
    assert lines(program) == ["y[i,i'] = x[i] x[i'] + sum[i''](x[i''])"]
    assert program.sizes == {"i": 3}
    assert program.size(["i", "i'", "i''"]) == 27


def test_what_else_a_sized_program_knows() -> None:
    program = sized("h[b] = A[b,i,i] x[b]; y = h[b] h[b]", A=(2, 3, 3), x=(2,))
    assert program.outputs == ("y",)
    assert program.names == {"A", "x", "h", "y"}
    assert program.axes["A"] == ("b", "i", "i'")
    assert program.axes["y"] == ()


@pytest.mark.parametrize(
    ("indices", "apart"), [("ij", ("i", "j")), ("ii", ("i", "i'")), ("iii", ("i", "i'", "i''"))]
)
def test_repeated_letters_apart(indices: str, apart: tuple[str, ...]) -> None:
    assert distinct(indices) == apart
