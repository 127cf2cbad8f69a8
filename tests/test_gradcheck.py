"""The checker: right gradients pass, and one that is wrong by a thousandth is found and named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from einprop import Program, gradcheck
from einprop.calculus import rules
from einprop.errors import DerivativeError, InputError, ShapeError
from einprop.notation.functions import FUNCTIONS

# Leaves and their derivatives as they should stand in the table, where a plant leaves them.
LEAVES = {
    "exp": "exp(x)",
    "log": "1 / x",
    "sqrt": "0.5 / sqrt(x)",
    "sin": "cos(x)",
    "tanh": "1 - tanh(x)^2",
    "sigmoid": "sigmoid(x) (1 - sigmoid(x))",
    "softplus": "sigmoid(x)",
    "erf": "1.1283791670955126 exp(-x^2)",
    "abs": "sign(x)",
    "relu": "[relu(x) > 0]",
}
POINT = {"x": [[0.3, 1.2, 0.7], [0.4, 1.0, 0.9]], "w": [0.5, 0.3, 0.25]}


def program(leaf: str) -> Program:
    return Program(f"y[b] = {leaf}(x[b,i] w[i])")


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A function that makes one rule wrong by a factor."""

    def planted(leaf: str, factor: float) -> None:
        row = FUNCTIONS[leaf]
        wrong = tuple(f"{factor} * ({text})" for text in row.derivatives)
        monkeypatch.setitem(FUNCTIONS, leaf, replace(row, derivatives=wrong))

    yield planted
    rules._parsed.cache_clear()


@pytest.mark.parametrize("leaf", LEAVES)
def test_right_gradients_pass(leaf: str) -> None:
    assert FUNCTIONS[leaf].derivatives == (LEAVES[leaf],)
    result = gradcheck(program(leaf), POINT)
    assert bool(result)
    assert result.failures == ()
    assert {d.order for d in result.differences} <= {1, 2}
    assert str(result).startswith("right  order 1: d/dx")


@pytest.mark.parametrize("leaf", LEAVES)
@pytest.mark.parametrize("factor", [1.001, 0.999])
def test_a_thousandth_is_found(leaf: str, factor: float, plant) -> None:
    plant(leaf, factor)
    with pytest.raises(DerivativeError, match="derived gradients differ from finite differences"):
        gradcheck(program(leaf), POINT, orders=[1])


def test_the_failure_says_which_tensor_where_and_by_how_much(plant) -> None:
    plant("tanh", 1.001)
    result = gradcheck(program("tanh"), POINT, orders=[1], wrt="w", check=False)
    assert not result
    (failure,) = result.failures
    assert (failure.tensor, failure.order, len(failure.subscripts)) == ("w", 1, 1)
    assert failure.derived / failure.finite == pytest.approx(1.001, rel=1e-6)
    (k,) = failure.subscripts
    with pytest.raises(DerivativeError) as error:
        gradcheck(program("tanh"), POINT, orders=[1], wrt="w")
    assert str(error.value) == (
        "derived gradients differ from finite differences\n"
        f"order 1: d/dw[{k}] derived {failure.derived:.10g}, "
        f"finite difference {failure.finite:.10g}, relative error {failure.error:.2g}"
    )
    assert str(result).startswith("wrong  order 1: d/dw[")


def test_a_second_derivative_that_is_wrong_is_found_at_order_two(plant) -> None:
    """The first derivative of softplus is the sigmoid, whose own derivative is the wrong one."""
    plant("sigmoid", 1.001)
    function = Program("y[i] = softplus(x[i])")
    point = {"x": [0.3, -0.8, 1.9]}
    assert gradcheck(function, point, orders=[1])
    with pytest.raises(DerivativeError, match=r"order 2: d/dx\[") as error:
        gradcheck(function, point)
    assert "order 1" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "tensors"),
    [
        ("y[b,j] = x[b,i] W[i,j] + B[j]", {"x": (2, 3), "W": (3, 2), "B": (2,)}),
        ("p[b,k] = softmax[k](s[b,k])", {"s": (2, 3)}),
        ("y[b] = logsumexp[k](s[b,k]) - t[b,k] s[b,k]", {"s": (2, 3), "t": (2, 3)}),
        ("h[b] = x[b]^3; y = h[b] x[b]; z = h[b] h[b]", {"x": (3,)}),
        ("y = prod[i](x[i])", {"x": (4,)}),
        ("m[b] = max[i](x[b,i]); n = min[b](m[b])", {"x": (3, 4)}),
        ("y[i,i] = x[i]^2; z = A[i,i] y[i,j] A[j,i]", {"x": (3,), "A": (3, 3)}),
        ("y[i] = (2 + x[i]^2)^z / (1.5 + z^2)", {"x": (3,), "z": ()}),
        ("y[q] = softmax[k](a[q,k] + 2 [q >= k]) v[k]", {"a": (3, 3), "v": (3,)}),
        ("y[b] = mean[i](silu(x[b,i])) gelu(z[b])", {"x": (2, 2), "z": (2,)}),
    ],
)
def test_programs_of_every_kind(text: str, tensors: dict[str, tuple[int, ...]], rng) -> None:
    result = gradcheck(Program(text), {n: rng.standard_normal(s) for n, s in tensors.items()})
    assert {d.order for d in result.differences} == {1, 2}


def test_only_what_is_asked_for_is_checked() -> None:
    two = Program("y[i] = x[i]^2 w[i]; z = sin(x[i]) v[i]")
    point = {"x": [1.0, 2.0], "w": [0.5, 0.2], "v": [0.3, 0.4]}
    result = gradcheck(two, point, of="y", wrt="x", orders=[1])
    assert [(d.tensor, d.order) for d in result.differences] == [("x", 1)]
    result = gradcheck(two, point, wrt="v", orders=[1])
    assert [d.tensor for d in result.differences] == ["v"]


def test_random_cotangents_come_from_the_generator_alone() -> None:
    checks = [
        gradcheck(program("sin"), POINT, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)
    ]
    assert checks[0] == checks[1] != checks[2]


def test_the_point_is_left_alone() -> None:
    x = np.array([1.0, 2.0])
    gradcheck(Program("y[i] = x[i]^2"), {"x": x})
    assert x.tolist() == [1, 2]


def test_a_kink_is_seen() -> None:
    result = gradcheck(Program("y = relu(x) + x"), {"x": 0.0}, orders=[1], check=False)
    assert not result


def test_a_constant_has_nothing_to_check() -> None:
    with pytest.raises(DerivativeError, match="depends on no input"):
        gradcheck(Program("y = 2"), {})


def test_a_missing_input_is_named() -> None:
    with pytest.raises(InputError, match="input is missing: W"):
        gradcheck(Program("y[b,j] = x[b,i] W[i,j]"), {"x": POINT["x"]})


def test_sizes_that_do_not_follow_are_an_error_of_shape() -> None:
    with pytest.raises(ShapeError, match="the size of index i is unknown"):
        gradcheck("y[i] = sum[p](x[i+p])", {"x": np.ones(4)})


def test_a_line_of_a_backward_pass_is_checked_alone() -> None:
    result = gradcheck("B.grad[j] += y.grad[b,j]", {"y.grad": np.ones((2, 3))})
    assert [(d.tensor, d.order) for d in result.differences] == [("y.grad", 1), ("B.grad.grad2", 2)]
    assert result


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("text", ["y = sqrt(x)", "y = x^0.5"])
def test_nan_on_both_sides_is_no_agreement(text: str) -> None:
    result = gradcheck(text, {"x": -1.0}, check=False)
    assert not result
    assert str(result).startswith(
        "wrong  order 1: d/dx cannot be judged: the derived value and the finite difference are nan there"
    )
    with pytest.raises(DerivativeError, match="cannot be judged"):
        gradcheck(text, {"x": -1.0})
