"""Programs over the whole language, drawn at random: plans, loops, derived text and differences agree.

Each program is computed by its plan and by loops; so are its gradients, by the plan that is derived on
the pairwise program and by loops over the derived text, which has to print, parse back and agree with
finite differences of the loops. Some are differentiated again.
"""

from __future__ import annotations

import itertools
import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from einprop import Program
from einprop.calculus.partials import Linearisation
from einprop.errors import DerivativeError
from einprop.notation.functions import FUNCTIONS
from einprop.notation.parser import parse
from einprop.notation.tree import Access, Affine, Expression, Multiply, Number
from einprop.reference import evaluate
from tests.strategies.language.census import EXPECTED, RULES, Recorder, constructs
from tests.strategies.language.programs import Case, program, programs

LIGHT = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    phases=[Phase.explicit, Phase.generate],
)
# All 20,000 programs, or as many blocks of 2,000 as a run has time for.
BLOCKS = int(os.environ.get("EINPROP_BLOCKS", "10"))
BLOCK = 2000
"""The slow run draws this many programs in each of its blocks."""

Arrays = dict[str, np.ndarray]


def close(left, right, tolerance: float = 1e-7) -> bool:
    """Whether two values agree; what is infinite or no number is so in both."""
    left, right = np.asarray(left, dtype=float), np.asarray(right, dtype=float)
    if left.shape != right.shape:
        return False
    with np.errstate(invalid="ignore"):
        scale = np.maximum(1.0, np.maximum(np.abs(left), np.abs(right)))
        near = np.abs(left - right) <= tolerance * scale
    return bool(np.all(near | (left == right) | (np.isnan(left) & np.isnan(right))))


def run(program: Program, tensors: Arrays) -> Arrays:
    """The program's outputs by its plan."""
    found = program({name: tensors[name] for name in program.inputs})
    return found if isinstance(found, dict) else {program.outputs[0]: found}


def tame(values: Arrays) -> bool:
    """Whether values say something: those of cells that nothing gave to ``max=`` are infinite."""
    return all(
        not np.any(np.isnan(v)) and np.all(np.abs(v[np.isfinite(v)]) < 1e5) for v in values.values()
    )


def steady(program: Program, tensors: Arrays) -> bool:
    """Whether rounding alone moves no value: not so for the sign of what should be exactly 0."""
    rng = np.random.default_rng(0)
    runs = [evaluate(program, {n: _jittered(v, rng) for n, v in tensors.items()}) for _ in range(8)]
    return all(close(run[name], runs[0][name]) for run in runs for name in run)


def _jittered(value: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if value.dtype.kind != "f":
        return value
    return value * (1 + 1e-13 * rng.standard_normal(value.shape))


def agree(program: Program, tensors: Arrays, found: Arrays, loops: Arrays) -> bool:
    """Compare values by plan with those by loops; False where rounding decides."""
    differing = [name for name, value in found.items() if not close(value, loops[name])]
    if differing and not steady(program, tensors):
        return False
    for name in differing:
        raise AssertionError(f"{name}: by plan {found[name]}, by loops {loops[name]}\n{program}")
    return True


def constant(error: DerivativeError) -> str:
    """Nothing to differentiate is no fault; all other errors are."""
    if "on no input" not in str(error):
        raise error
    return "constant"


def check(case: Case) -> str:
    """Compare everything; what came of it."""
    program = Program(case.text)
    assert parse(str(program)) == program.statements
    values = evaluate(program, case.tensors)
    shapes = {name: values[name].shape for name in case.shapes}
    assert shapes == case.shapes, f"{shapes} for\n{case.text}"
    if not tame(values):
        return "wild"
    if not agree(program, case.tensors, run(program, case.tensors), values):
        return "unsteady"
    try:
        gradient = program.grad(of="loss")
    except DerivativeError as error:
        return constant(error)
    assert parse(str(gradient)) == gradient.statements
    loops = evaluate(gradient, case.tensors)
    if not agree(gradient, case.tensors, run(gradient, case.tensors), loops):
        return "unsteady"
    derived = {name.removesuffix(".grad"): loops[name] for name in gradient.outputs}
    return check_differences(program, case, derived)


def check_differences(program: Program, case: Case, derived: Arrays) -> str:
    """The slope along a random direction against finite differences of the loops."""
    if "stop_gradient" in case.text:
        return "stopped"
    rng = np.random.default_rng(0)
    direction = {name: rng.standard_normal(value.shape) for name, value in derived.items()}
    along = sum(float(np.sum(derived[name] * way)) for name, way in direction.items())

    def slope(step: float) -> float:
        ends = [
            case.tensors | {n: case.tensors[n] + sign * step * d for n, d in direction.items()}
            for sign in (1, -1)
        ]
        above, below = (float(evaluate(program, end)["loss"]) for end in ends)
        return (above - below) / (2 * step)

    coarse, fine = slope(2e-5), slope(1e-5)
    if not close(coarse, fine, 1e-6):
        return "kink"
    if close(along, fine, 1e-5):
        return "agreed"
    # A kink within the step: the slopes themselves disagree.
    if not close(fine, slope(5e-6), 1e-6) or not steady(program, case.tensors):
        return "kink"
    raise AssertionError(f"derived {along}, by differences {fine}\n{case!r}")


def check_twice(case: Case) -> str:
    """The gradient's own gradient, with random cotangents: by plan, by loops, by differences."""
    program = Program(case.text)
    if not tame(evaluate(program, case.tensors)):
        return "wild"
    try:
        gradient = program.grad(of="loss")
        twice = gradient.vjp()
    except DerivativeError as error:
        return constant(error)
    assert parse(str(twice)) == twice.statements
    rng = np.random.default_rng(1)
    first = evaluate(gradient, case.tensors)
    seeds = {
        n: rng.uniform(-1, 1, _shape(n, first, case)) for n in twice.inputs if n not in case.tensors
    }
    tensors = {**case.tensors, **seeds}
    loops = evaluate(twice, {name: tensors[name] for name in twice.inputs})
    if not tame(first) or not tame(loops):
        return "wild"
    given = {name: tensors[name] for name in twice.inputs}
    return "agreed" if agree(twice, given, run(twice, tensors), loops) else "unsteady"


def _shape(seed: str, first: Arrays, case: Case) -> tuple[int, ...]:
    """The shape of a cotangent: that of the gradient that it is for."""
    name = seed.partition(".")[0]
    return case.tensors[name].shape if name in case.tensors else first[name].shape


@LIGHT
@given(programs())
def test_plans_loops_text_and_differences_agree(case: Case) -> None:
    check(case)


@settings(LIGHT, max_examples=30)
@given(programs())
def test_second_derivatives_are_what_they_print(case: Case) -> None:
    check_twice(case)


def test_every_construct_and_every_rule_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the first programs of the slow run: without running them."""
    recorder, seen = Recorder(monkeypatch), Counter[str]()
    for seed in range(200):
        found = Program(program(random.Random(seed)).text)
        seen.update(set(constructs(found)))
        try:
            found.backward(of="loss")
        except DerivativeError:
            continue
    # The rare ones come in the slow run.
    assert len(EXPECTED - set(seen)) <= 40
    assert len(RULES - set(recorder.seen)) <= 8


def _wrong_leaf(monkeypatch: pytest.MonkeyPatch) -> None:
    row = FUNCTIONS["tanh"]
    wrong = replace(row, derivatives=(f"1.001 ({row.derivatives[0]})",))
    monkeypatch.setitem(FUNCTIONS, "tanh", wrong)


def _wrong_reads(chosen: Callable[[Access], bool]) -> Callable[[pytest.MonkeyPatch], None]:
    """What is added to the cotangents of some reads is wrong by a thousandth."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        right = Linearisation.contributions

        def wrong(self, node: Expression, factor: Expression, context: tuple[str, ...], *last):
            if isinstance(node, Access) and chosen(node):
                factor = Multiply((Number(1.001), factor))
            return right(self, node, factor, context, *last)

        monkeypatch.setattr(Linearisation, "contributions", wrong)

    return plant


def _is_window(read: Access) -> bool:
    return any(isinstance(s, Affine) and s.terms for s in read.subscripts)


# what is wrong -> which programs show it, and how it is planted
PLANTS = {
    "a leaf": ("tanh", _wrong_leaf),
    "a window": ("+1,", _wrong_reads(_is_window)),
    "a gather": (
        "[k",
        _wrong_reads(lambda read: any(isinstance(s, Access) for s in read.subscripts)),
    ),
    "a recurrence": (
        "t-1",
        _wrong_reads(lambda read: read.name.startswith("h") and _is_window(read)),
    ),
}


@pytest.mark.parametrize("wrong", PLANTS)
def test_what_is_wrong_by_a_thousandth_is_caught(
    wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, plant = PLANTS[wrong]
    cases = (program(random.Random(seed)) for seed in range(2000))
    some = list(itertools.islice((c for c in cases if shown in c.text), 12))
    for case in some:
        check(case)
    plant(monkeypatch)
    caught = 0
    for case in some:
        try:
            check(case)
        except AssertionError:
            caught += 1
    assert caught >= 3


@pytest.mark.slow
@pytest.mark.parametrize("block", range(BLOCKS))
def test_twenty_thousand_programs_agree(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder, seen, came = Recorder(monkeypatch), Counter[str](), Counter[str]()
    for seed in range(block * BLOCK, (block + 1) * BLOCK):
        case = program(random.Random(seed))
        try:
            came[check(case)] += 1
        except Exception as error:
            error.add_note(f"seed {seed}: {case!r}")
            raise
        seen.update(set(constructs(Program(case.text))))
    assert came["agreed"] >= 0.9 * BLOCK, came
    assert set(seen) >= EXPECTED, EXPECTED - set(seen)
    assert set(recorder.seen) >= RULES, RULES - set(recorder.seen)
