"""Which tensors of a loop need memory for one position only."""

from __future__ import annotations

from einprop.execution.loops import transient
from einprop.execution.steps import Copy, Elementwise, Operand, Step, Window
from einprop.notation.parser import parse
from einprop.notation.tree import Affine

(EQUATION,) = parse("y[t] = x[t]")
T = ("t",)


def step(target: str, *sources: Operand, fixed: tuple[str, ...] = T, **window: int) -> Step:
    operation = Window((Affine(((1, "t"),), window["at"]),)) if window else Elementwise("add")
    return Step(EQUATION, operation, Operand(target, T), sources, fixed=fixed)


def test_what_only_its_own_position_reads() -> None:
    steps = [step("a", Operand("x", T)), step("c", Operand("a", T)), step("d", Operand("c", T))]
    assert transient(steps, [(0,)] * 3, ["d"]) == {"a": {0}, "c": {0}}


def test_what_is_read_after_the_loop_is_kept() -> None:
    steps = [step("a", Operand("x", T)), step("c", Operand("a", T), fixed=())]
    assert transient(steps, [(0,), ()], []) == {"a": frozenset(), "c": frozenset()}


def test_what_is_read_at_another_position_is_kept() -> None:
    for at, loops in ((0, {0}), (1, set())):
        window = step("w", Operand("a"), at=at)
        steps = [step("a", Operand("x", T)), window, step("c", Operand("w", T))]
        assert transient(steps, [(0,)] * 3, ["c"])["a"] == loops


def test_inner_loops() -> None:
    outer = Step(EQUATION, Copy(), Operand("a", ("s", "t")), (), fixed=("s", "t"))
    reader = Step(EQUATION, Copy(), Operand("c", ("s",)), (Operand("a", ("s", "t")),), fixed=("s",))
    assert transient([outer, reader], [(0, 1), (0,)], [])["a"] == {0}
