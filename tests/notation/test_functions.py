"""One row, one leaf: its derivatives parse, know only the row's parameters, and are right."""

from __future__ import annotations

import math
import operator

import pytest

from einprop.notation.functions import (
    COMBINED,
    FOLDS,
    FUNCTIONS,
    REDUCTIONS,
    SINGLE_INDEX,
    Function,
    closest_name,
    keeps_extremum,
    leaf_signatures,
)
from einprop.notation.parser import parse, parse_expression
from einprop.notation.tree import (
    Access,
    Add,
    Call,
    Divide,
    Expression,
    Iverson,
    Multiply,
    Negate,
    Number,
    Power,
    walk,
)

_LEAVES = {
    "exp": math.exp,
    "log": math.log,
    "log1p": math.log1p,
    "expm1": math.expm1,
    "sqrt": math.sqrt,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "tanh": math.tanh,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "softplus": lambda x: math.log1p(math.exp(x)),
    "erf": math.erf,
    "abs": abs,
    "sign": lambda x: (x > 0) - (x < 0),
    "relu": lambda x: max(x, 0),
    "leaky_relu": lambda x, slope: x if x > 0 else slope * x,
    "elu": lambda x, alpha: x if x > 0 else alpha * math.expm1(x),
    "maximum": max,
    "minimum": min,
    "where": lambda c, x, y: x if c else y,
    "clip": lambda x, lower, upper: min(max(x, lower), upper),
    "floor": math.floor,
}
_COMPARE = {
    ">": float.__gt__,
    "<": float.__lt__,
    ">=": float.__ge__,
    "<=": float.__le__,
    "==": float.__eq__,
    "!=": float.__ne__,
}


def _value(node: Expression, point: dict[str, float]) -> float:
    """What a scalar expression is worth."""
    match node:
        case Number(value):
            return float(value)
        case Access(name):
            return point[name]
        case Negate(operand):
            return -_value(operand, point)
        case Add(terms):
            return sum(_value(term, point) for term in terms)
        case Multiply(factors):
            return math.prod(_value(factor, point) for factor in factors)
        case Divide(left, right):
            return _value(left, point) / _value(right, point)
        case Power(left, right):
            return float(_value(left, point) ** _value(right, point))
        case Iverson(left, operator, right):
            return float(_COMPARE[operator](_value(left, point), _value(right, point)))
        case Call(name, arguments):
            return float(_LEAVES[name](*[_value(argument, point) for argument in arguments]))
    raise AssertionError(node)


_ROWS = pytest.mark.parametrize("row", FUNCTIONS.values(), ids=list(FUNCTIONS))


@_ROWS
def test_a_row_is_complete(row: Function) -> None:
    assert len(row.derivatives) == len(row.parameters)
    assert len(row.defaults) < len(row.parameters)
    assert row.name not in REDUCTIONS


@_ROWS
def test_derivatives_speak_of_the_parameters_and_of_leaves(row: Function) -> None:
    for text in row.derivatives:
        for node in walk(parse_expression(text)):
            assert not isinstance(node, Access) or node.name in row.parameters
            assert not isinstance(node, Call) or node.function in FUNCTIONS


@pytest.mark.parametrize("row", [FUNCTIONS[name] for name in _LEAVES], ids=list(_LEAVES))
@pytest.mark.parametrize("point", [(0.3, 0.7, 1.9), (1.7, 0.4, 1.2), (0.9, 1.1, 1.3)])
def test_derivatives_agree_with_differences(row: Function, point: tuple[float, ...]) -> None:
    values = dict(zip(row.parameters, point, strict=False))
    for parameter, text in zip(row.parameters, row.derivatives, strict=True):
        if (row.name, parameter) == ("where", "c"):
            continue
        step = 1e-6
        high, low = (
            _LEAVES[row.name](*{**values, parameter: values[parameter] + s}.values())
            for s in (step, -step)
        )
        expected = (high - low) / (2 * step)
        assert _value(parse_expression(text), values) == pytest.approx(expected, abs=1e-6)


def test_relu_and_ties_have_the_stated_subgradients() -> None:
    assert _value(parse_expression(FUNCTIONS["relu"].derivatives[0]), {"x": 0.0}) == 0
    for name in ("maximum", "minimum"):
        for text in FUNCTIONS[name].derivatives:
            assert _value(parse_expression(text), {"x": 2.0, "y": 2.0}) == 0.5


def test_signatures_follow_the_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    assert leaf_signatures().keys() == {*FUNCTIONS, *REDUCTIONS, "pow"}
    row = Function("swoosh", ("x", "rate"), ("1", "2"), (-3.0,))
    monkeypatch.setitem(FUNCTIONS, "swoosh", row)
    (equation,) = parse("y[i] = swoosh(x[i])")
    assert equation.expression.arguments[1] == Negate(Number(3.0))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("sigmod", "sigmoid"),
        ("ReLU", "relu"),
        ("ln", "log"),
        ("cost", "cos"),
        ("np.exp", "exp"),
        ("torch.tanh", "tanh"),
        ("np.fft", None),
        ("h.exp", None),
        ("torch.nn.functional.relu", "relu"),
        ("y.grad", None),
        ("W", None),
        ("", None),
        ("beta", None),
    ],
)
def test_misspellings(name: str, meant: str | None) -> None:
    assert closest_name(name, FUNCTIONS) == meant


def test_every_reduction_that_folds_has_a_pair_that_keeps_its_empty_value() -> None:
    assert set(FOLDS) == set(REDUCTIONS) - set(SINGLE_INDEX)
    pairs = {"add": operator.add, "multiply": operator.mul, "maximum": max, "minimum": min}
    for fold in FOLDS.values():
        assert pairs[fold.pair](fold.empty, 3.0) == 3.0


def test_operators_of_equations_name_reductions() -> None:
    assert set(COMBINED.values()) <= set(FOLDS)
    assert {o for o in COMBINED if keeps_extremum(o)} == {"max=", "min="}
