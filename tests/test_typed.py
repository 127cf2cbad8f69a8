"""The tables of types: names of types that are declared, inferred, shared by name, or without a letter."""

from __future__ import annotations

from einprop.analysis.sizes import bind_letters
from einprop.playground.sizes import small_sizes
from einprop.program import Program
from einprop.typed import types_text


def tables(text: str, **given: int) -> tuple[list[list[str]], list[list[str]]]:
    """The rows of both tables, cell by cell."""
    program = Program(text)
    sizes = bind_letters(program.resolved, small_sizes(program.resolved, given))
    first, second = types_text(program, sizes).split("\n\n")
    return rows(first), rows(second)


def rows(table: str) -> list[list[str]]:
    """Cells of a table; columns are where its head's words begin."""
    lines = table.splitlines()
    head = lines[0]
    starts = [k for k in range(len(head)) if head[k] != " " and (k == 0 or head[k - 2 : k] == "  ")]
    cuts = [*starts, 1000]
    return [[line[cuts[n] : cuts[n + 1]].strip() for n in range(len(starts))] for line in lines[1:]]


def test_declared_inferred_and_derived() -> None:
    tensors, types = tables(
        "index i, j: pixel < 4; param K[p]; x[i] = z[i] + z[j] z[j] K[p] K[p]; y = x[end] c"
    )
    assert ["K[p]", "param", "p", "2"] in tensors
    assert ["x[i]", "local", "pixel", "4"] in tensors
    assert ["c", "input", "", "scalar"] in tensors
    assert ["pixel", "i, j", "4"] in types


def test_two_types_with_one_letter_are_told_apart() -> None:
    tensors, types = tables("y[i] = x[i]; z[i] = 2 w[i]")
    assert [row[0] for row in types] == ["i", "i #2"]
    assert ["w[i]", "input", "i #2", "2"] in tensors


def test_a_type_with_the_name_of_a_letter_keeps_it() -> None:
    _, types = tables("index k: i < 3; y[i] = x[i] v[k] v[k]")
    assert [row[0] for row in types] == ["i #2", "i"]


def test_an_axis_that_no_letter_has_is_named_by_its_place() -> None:
    tensors, types = tables("y[i] = x[2*i+p] K[p]", i=3, p=4)
    assert ["y[i]", "output", "i", "3"] in tensors
    assert ["axis 0 of x", "", "8"] in types


def test_a_size_that_is_not_known() -> None:
    program = Program("y[i] = x[i]")
    assert "?" in types_text(program, bind_letters(program.resolved, {}))


def test_a_program_of_scalars_has_no_types() -> None:
    tensors, types = tables("y = 2 x")
    assert [row[-1] for row in tensors] == ["scalar", "scalar"]
    assert types == []
