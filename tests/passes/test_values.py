"""Numbers and scales that travel in front of tensors until they meet."""

from __future__ import annotations

import pytest

from einprop.notation.printer import to_text
from einprop.notation.tree import Access, IndexValue
from einprop.passes.builder import Builder, tensor
from einprop.passes.values import Algebra, Value

X, Z, W = tensor("x", ["i"]), tensor("z", ["i"]), tensor("w", ["i", "j"])
SHIFT, OTHER = Access("m"), Access("n")


@pytest.fixture
def algebra() -> Algebra:
    return Algebra(Builder({"i": 3, "j": 40}, {"x", "z", "w", "m", "n"}))


def text(algebra: Algebra, value: Value) -> str:
    """A value as one expression, its tensors' definitions put in front."""
    lines = [to_text(equation) for equation in algebra.builder.equations]
    scale = "".join(f" exp({to_text(s)})^{n}" for s, n in value.scale)
    atom = to_text(value.atom) if value.atom is not None else ""
    return "; ".join([*lines, f"{value.coefficient} {atom}{scale}".strip()])


def test_coefficients_multiply_outside(algebra: Algebra) -> None:
    product = algebra.multiply(Value(2, X), Value(-3, Z))
    assert text(algebra, product) == "_1[i] = x[i] z[i]; -6 _1[i]"


def test_equal_tensors_collect(algebra: Algebra) -> None:
    assert algebra.add([Value(2, X), Value(3, X)]) == Value(5, X)
    total = algebra.add([Value(2, X), Value(2, Z)])
    assert text(algebra, total) == "_1[i] = x[i] + z[i]; 2 _1[i]"


def test_a_common_sign_comes_out_of_a_sum(algebra: Algebra) -> None:
    total = algebra.add([Value(-1, X), Value(-1, Z)])
    assert text(algebra, total) == "_1[i] = x[i] + z[i]; -1 _1[i]"
    mixed = algebra.add([Value(-1, X), Value(1, Z)])
    assert mixed.coefficient == 1
    assert to_text(algebra.builder.equations[-1]) == "_2[i] = -x[i] + z[i]"


def test_scales_of_a_product_meet(algebra: Algebra) -> None:
    left, right = Value(1, X, ((SHIFT, 1),)), Value(1, Z, ((SHIFT, 1), (OTHER, 2)))
    assert algebra.multiply(left, right).scale == ((SHIFT, 2), (OTHER, 2))
    quotient = algebra.divide(left, right)
    assert quotient.scale == ((OTHER, -2),)
    assert algebra.divide(left, left).scale == ()


def test_a_logarithm_takes_the_scale_out_as_a_term(algebra: Algebra) -> None:
    logarithm = algebra.log(Value(1, X, ((SHIFT, 1),)))
    assert text(algebra, logarithm) == "_1[i] = log(x[i]); _2[i] = m + _1[i]; 1 _2[i]"


def test_numbers_come_out_of_whole_powers_alone(algebra: Algebra) -> None:
    assert algebra.power(Value(2, X, ((SHIFT, 1),)), Value(3)).coefficient == 8
    assert algebra.power(Value(1, X, ((SHIFT, 1),)), Value(3)).scale == ((SHIFT, 3),)
    root = algebra.power(Value(4, X), Value(0.5))
    assert root.coefficient == 1
    assert to_text(algebra.builder.equations[-2]) == "_2[i] = 4 x[i]"


def test_a_positive_number_comes_out_of_an_extremum(algebra: Algebra) -> None:
    assert algebra.reduce("max", Value(2, X), ("i",)).coefficient == 2
    assert algebra.reduce("max", Value(-2, X), ("i",)).coefficient == 1
    assert algebra.reduce("prod", Value(2, X), ("i",)).coefficient == 1


def test_a_sum_counts_the_indices_that_it_lacks(algebra: Algebra) -> None:
    summed = algebra.sum(Value(2, X), ("i", "j"))
    assert text(algebra, summed) == "_1 = sum[i](x[i]); 80 _1"
    assert algebra.sum(Value(2), ("i",)) == Value(6)


def test_numbers_go_into_the_smaller_side_of_a_growing_contraction(algebra: Algebra) -> None:
    """3 multiplications before beat 40 after; where the result is the smallest they wait."""
    grown = algebra.multiply(Value(2, X), Value(1, W), ("i",))
    assert text(algebra, grown) == "_1[i] = 2 x[i]; _2[j] = sum[i](_1[i] w[i,j]); 1 _2[j]"
    shrunk = algebra.multiply(Value(2, X), Value(3, Z), ("i",))
    assert shrunk.coefficient == 6
    assert to_text(algebra.builder.equations[-1]) == "_3 = sum[i](x[i] z[i])"


def test_a_reciprocal_times_something_is_a_quotient(algebra: Algebra) -> None:
    inverse = algebra.divide(Value(1), Value(1, Z))
    product = algebra.multiply(inverse, Value(1, X))
    assert to_text(algebra.builder.equations[-1]) == "_2[i] = x[i] / z[i]"
    assert to_text(product.atom) == "_2[i]"  # type: ignore[arg-type]


def test_atoms_of_values(algebra: Algebra) -> None:
    assert to_text(algebra.atom(Value(3))) == "3"
    assert algebra.atom(Value(1, X)) == X
    algebra.atom(Value(-1, X))
    algebra.atom(Value(2, X))
    lines = [to_text(e) for e in algebra.builder.equations]
    assert lines == ["_1[i] = -x[i]", "_2[i] = 2 x[i]"]


def test_comparisons_read_plain_tensors_and_positions(algebra: Algebra) -> None:
    algebra.compare(Value(2, X), ">", Value(1))
    algebra.compare(IndexValue("i"), "==", IndexValue("j"))
    lines = [to_text(e) for e in algebra.builder.equations]
    assert lines[1] == "_2[i] = [_1[i] > 1]"
    assert lines[2].startswith("_3[i,j] = [i ==")
