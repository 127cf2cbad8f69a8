"""Profiles of plans, and exponents of curves."""

import time

import pytest

from benchmarks.adapters.einprop_adapter import forms, recorded_sources
from benchmarks.harness.profiles import KINDS, PLAN, Profile, kind_of, profile
from benchmarks.harness.scaling import SERIES, Curve, exponent, to_markdown
from benchmarks.workloads.catalogue import WORKLOADS


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("x1.dot(x2, v2)", "BLAS"),
        ("matmul(t79.T, t1, t82)", "BLAS"),
        ("add(v2, x3, v2)", "elementwise"),
        ("maximum.reduce(v5, 1, None, v7)", "elementwise"),
        ("copyto(v5, v7)", "copies"),
        ("v6.fill(0.0)", "copies"),
        ("t31 = v4.transpose(3, 1, 4, 0, 2).reshape(128, 512)", "copies"),
        ("t24 = x4.T", "python"),
        ("t18 = x6.reshape(12)", "python"),
        ("y21 = empty((3,), float32)", "python"),
        ("v2, v5, v7 = views", "python"),
        ("for s9, s13 in zip(l8, l12):", "python"),
        ("return (y20, y33)", "python"),
    ],
)
def test_lines_have_kinds(line: str, kind: str) -> None:
    assert kind_of(f"    {line}") == kind


def test_what_no_line_accounts_for_is_python() -> None:
    found = Profile(total=10.0, lines={"a.dot(b, c)": 4.0, "add(a, b, c)": 1.0})
    assert found.seconds() == {"BLAS": 4.0, "elementwise": 1.0, "copies": 0.0, "python": 5.0}
    assert found.shares()["BLAS"] == 0.4
    assert found.costliest() == ("a.dot(b, c)", 0.4)


def test_time_goes_to_the_line_that_takes_it() -> None:
    source = "def run(wait):\n    a = None\n    wait()\n    return a\n"
    names: dict = {}
    exec(compile(source, PLAN, "exec"), names)  # noqa: S102
    found = profile(lambda: names["run"](lambda: time.sleep(0.002)), [source], 3)
    assert found.costliest()[0] == "wait()"


@pytest.mark.parametrize("name", ["mlp_tiny", "rnn", "hessian_mlp"])
def test_a_plan_of_einprop_is_profiled(name: str) -> None:
    workload = WORKLOADS[name].at(WORKLOADS[name].small)
    with recorded_sources() as sources:
        step = forms(workload, workload.sizes)["program"](workload.example("float32"))
        step.run()
    found = profile(step.run, sources, 3)
    assert "?" not in found.lines
    assert sum(found.shares().values()) == pytest.approx(1)
    assert {kind_of(line) for line in found.lines} <= set(KINDS)
    assert found.seconds()["BLAS"] > 0


def test_exponents_are_slopes_on_log_axes() -> None:
    assert exponent([1, 10, 100], [5.0, 500.0, 50_000.0]) == pytest.approx(2)
    assert exponent([1, 2, 4, 8], [3.0, 3.0, 3.0, 3.0]) == pytest.approx(0)


def test_a_curve_is_a_line_of_the_table() -> None:
    curve = Curve("batch", "einprop", (1, 2, 4), (1e-3, 2e-3, 4e-3), (0.1, 0.1, 0.1), "1")
    assert "| batch | einprop | 1 to 4 | 1.000 to 4.0 | 1.00 | 1.00 | 0.00 | 1 |" in to_markdown(
        [curve]
    )


@pytest.mark.parametrize("series", SERIES, ids=lambda series: series.name)
def test_a_series_names_sizes_that_the_workload_has(series) -> None:
    workload = WORKLOADS[series.workload]
    works = [workload.flops(series.sizes(value)) for value in series.values]
    assert works == sorted(works)
    tensors = workload.at(series.sizes(series.values[0])).example("float32")
    assert set(workload.at(series.sizes(series.values[0])).wrt) <= set(tensors)
