"""One tensor for one operation, whatever the letters; and only what the outputs need."""

from __future__ import annotations

import pytest

from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.notation.tree import Call, Equation, Expression, Multiply
from einprop.passes.builder import Builder, letters, renamed, tensor

SIZES = {"b": 2, "i": 3, "j": 4, "k": 3}


def builder() -> Builder:
    return Builder(SIZES, {"_1", "x"})


def expression(text: str) -> Expression:
    (line,) = parse(f"y = {text}")
    assert isinstance(line, Equation)
    return line.expression


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ("tanh(x[b,i])", "tanh(x[b,i])", "_2[b,i]"),
        # under other letters of the same sizes
        ("tanh(x[b,i])", "tanh(x[b,k])", "_2[b,k]"),
        ("x[i] W[k,i]", "x[k] W[i,k]", "_2[k,i]"),
        ("sum[i](x[b,i])", "sum[k](x[b,k])", "_2[b]"),
    ],
)
def test_an_operation_that_is_held_is_not_defined_again(
    first: str, second: str, found: str
) -> None:
    program = builder()
    program.define(expression(first))
    assert to_text(program.define(expression(second))) == found
    assert len(program.equations) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("tanh(x[i])", "tanh(x[j])"),
        ("tanh(x[i])", "sin(x[i])"),
        ("x[i] y[k]", "x[i] y[i]"),
        ("a - b", "b - a"),
    ],
)
def test_different_operations_are_two(first: str, second: str) -> None:
    program = builder()
    assert program.define(expression(first)) != program.define(expression(second))
    assert len(program.equations) == 2


def test_the_order_of_axes_may_be_chosen_and_is_kept() -> None:
    program = builder()
    product = expression("x[b,i] W[i,j]")
    assert to_text(program.define(product, ["j", "b", "i"])) == "_2[j,b,i]"
    assert to_text(program.define(product, ["b", "i", "j"])) == "_2[j,b,i]"


def test_an_equation_that_is_added_is_remembered_unless_it_repeats_its_value() -> None:
    program = builder()
    for line in parse("h[b,i] = tanh(x[b,i]); d[i,i] = exp(z[i]); e[i,j] = sin(z[i])"):
        assert isinstance(line, Equation)
        program.add(line)
    assert to_text(program.define(expression("tanh(x[b,k])"))) == "h[b,k]"
    assert to_text(program.define(expression("exp(z[i])"))) == "_2[i]"
    assert to_text(program.define(expression("sin(z[i])"))) == "_3[i]"
    assert program.defined["h"] is program.equations[0]


def test_fresh_names_avoid_taken_ones() -> None:
    program = builder()
    assert [program.fresh_name(), program.fresh_name()] == ["_2", "_3"]


def test_small_helpers() -> None:
    read = tensor("x", ["b", "i"])
    assert to_text(read) == "x[b,i]"
    assert letters(read) == ("b", "i")
    assert letters(expression("2")) == ()
    assert to_text(renamed(read, {"i": "j"})) == "x[b,j]"
    assert builder().size(["b", "i'", "j"]) == 24


def test_a_product_is_the_same_in_either_order() -> None:
    builder = Builder({"i": 2, "j": 3, "k": 4}, ())
    left, right = tensor("a", "ij"), tensor("b", "jk")
    product = builder.define(Call("sum", (Multiply((left, right)),), ("j",)))
    assert builder.define(Call("sum", (Multiply((right, left)),), ("j",))) == product
    assert len(builder.equations) == 1
