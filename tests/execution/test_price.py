"""What a step takes, given where its tensors lie."""

from __future__ import annotations

from dataclasses import replace

import pytest

from einprop.execution.cost import Machine
from einprop.execution.layout import Stored, dense
from einprop.execution.price import price
from einprop.execution.steps import (
    Contraction,
    Elementwise,
    Operand,
    Operation,
    Reduction,
    Step,
    Window,
)
from einprop.notation.parser import parse
from einprop.notation.tree import Affine

SIZES = {"b": 20, "i": 30, "j": 40, "t": 7}
(EQUATION,) = parse("y = x")


def taken(operation: Operation, letters: str, stored: dict[str, str], **fixed: str) -> float:
    """The price of a step whose target and operands lie as given."""

    def at(operand: Operand, without: tuple[str, ...]) -> Stored:
        strides = dense(tuple(stored[operand.tensor]), SIZES)
        return {i: n for i, n in strides.items() if i not in without}

    operands = tuple(
        Operand(name, tuple(sorted(axes))) for name, axes in stored.items() if name != "y"
    )
    step = Step(EQUATION, operation, Operand("y", tuple(letters)), operands)
    return price(replace(step, fixed=tuple(fixed.get("fixed", ""))), at, SIZES, Machine())


def test_a_window_is_free() -> None:
    operation = Window((Affine(((1, "i"),)),))
    assert taken(operation, "i", {"y": "i", "x": "i"}) == 0


@pytest.mark.parametrize(
    ("operation", "letters", "good", "bad"),
    [
        (Elementwise("add"), "bij", {"y": "bij", "x": "bij"}, {"y": "bij", "x": "jib"}),
        (Elementwise("add"), "bij", {"y": "bij", "x": "bij"}, {"y": "bij", "x": "bji"}),
        (Elementwise("add"), "bij", {"y": "bij", "x": "bij"}, {"y": "bij", "x": "ibj"}),
        (Elementwise("add"), "bij", {"y": "bij", "x": "ij"}, {"y": "bij", "x": "ji"}),
        (Reduction("max", ("j",)), "bi", {"y": "bi", "x": "bij"}, {"y": "bi", "x": "ijb"}),
        (
            Contraction(contracted=("i", "j")),
            "bt",
            {"y": "bt", "x": "bij", "w": "ijt"},
            {"y": "bt", "x": "bij", "w": "jit"},
        ),
        (
            Contraction(contracted=("j",)),
            "bit",
            {"y": "bit", "x": "bij", "w": "jt"},
            {"y": "ibt", "x": "bij", "w": "jt"},
        ),
    ],
)
def test_against_the_grain_is_dearer(
    operation: Operation, letters: str, good: dict[str, str], bad: dict[str, str]
) -> None:
    assert 0 < taken(operation, letters, good) < taken(operation, letters, bad)


def test_a_loop_pays_for_each_position() -> None:
    whole = taken(Elementwise("add"), "bij", {"y": "bij", "x": "bij"})
    looped = taken(Elementwise("add"), "bij", {"y": "bij", "x": "bij"}, fixed="b")
    assert whole < looped
    assert looped > SIZES["b"] * Machine().call


def test_dear_functions_are_dearer() -> None:
    found = [
        taken(Elementwise(f), "bij", {"y": "bij", "x": "bij"}) for f in ("add", "exp", "power")
    ]
    assert found == sorted(found)
