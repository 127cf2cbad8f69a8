"""Tables, goals and their file: from figures to words."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.harness.goals import checks, summary
from benchmarks.harness.machine import describe
from benchmarks.harness.peaks import Peaks
from benchmarks.harness.results import Entry, Row, Table, load, save
from benchmarks.harness.table import milliseconds, to_markdown

PEAKS = Peaks(flops=1e11, copies=((1 << 20, 4e10), (1 << 28, 1e10)))


def entry(peer: str, form: str, seconds: float, **others: object) -> Entry:
    usual = Entry(
        peer, form, seconds, (seconds, seconds), 0.1, 3, 1_000_000, {"float32": 1e-6}, False
    )
    return replace(usual, **others)


def row(name: str, *entries: Entry) -> Row:
    return Row(name, f"the {name}", {"b": 2}, 1e8, 1000, 1e-3, 15, 2, True, entries)


def table(*rows: Row) -> Table:
    machine = describe(2, ["numpy"])
    return Table(machine, PEAKS, ["jax"], rows, {"numpy": 0.125}, {"numpy": 57.0})


CNN = row(
    "cnn",
    entry("einprop", "program", 2e-3),
    entry("numpy", "by hand", 1e-3),
    entry("torch", "channels first", 4e-3, peak=500_000),
    entry("torch", "channels last", 1e-3, peak=2_000_000),
    entry("torch.compile", "channels last", 3e-3, first=20.0),
)


def test_the_best_form_stands_in_the_table() -> None:
    text = to_markdown(table(CNN))
    head, _, cells = [line for line in text.splitlines() if line.startswith("|")][:3]
    assert head == "| workload | einprop | numpy by hand | torch eager | torch.compile | floor |"
    assert cells == "| the cnn | 2.00 | 1.00 (0.50) | 1.00 (0.50) | 3.00 (1.50) | 1.00 (2.0) |"
    assert "| cnn | torch | **channels last** |" in text
    assert "| cnn | torch | channels first |" in text
    assert "left out: jax" in text


def test_forms_apart_are_never_the_best() -> None:
    apart = row("x", entry("einprop", "whole", 2e-3), entry("einprop", "part", 1e-6, apart=True))
    assert apart.seconds("einprop") == 2e-3
    assert apart.seconds_of("einprop", "part") == 1e-6
    assert "the x, part (einprop): 0.0010 ms." in to_markdown(table(apart))


def test_a_disturbed_row_says_so() -> None:
    assert "the cnn (disturbed)" in to_markdown(table(replace(CNN, settled=False)))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (12.3456, "12,346"),
        (0.0123, "12.3"),
        (0.00123, "1.23"),
        (2.34e-5, "0.023"),
        (1e-6, "0.0010"),
    ],
)
def test_milliseconds_have_three_digits(seconds: float, text: str) -> None:
    assert milliseconds(seconds) == text


def test_a_table_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    written = table(CNN)
    save(written, tmp_path / "table.json")
    found = load(tmp_path / "table.json")
    assert found.rows == written.rows
    assert found.peaks == written.peaks
    assert to_markdown(found) == to_markdown(written)


def found_checks(*rows: Row) -> dict[str, tuple[bool, str]]:
    return {check.goal: (check.met, check.figures) for check in checks(table(*rows))}


def test_goals_of_a_row() -> None:
    assert found_checks(CNN) == {
        "numpy by hand <= 1.1": (False, "2.00"),
        "best of torch, torch.compile, jax": (True, "2.00 of torch, wanted <= 2.5"),
        "first call, torch.compile": (True, "200 times sooner, wanted 100"),
        "peak memory below torch's": (True, "1.00 MB, torch 2.00 MB"),
        "floor: above 4 a reason": (True, "2.0"),
    }


def test_less_memory_than_can_be_told_apart_is_no_miss() -> None:
    def goal(bytes_more: int) -> bool:
        ours = entry("einprop", "program", 1.0, peak=bytes_more)
        found = found_checks(row("rnn", ours, entry("torch", "loop", 1.0, peak=0)))
        return found["peak memory below torch's"][0]

    assert goal(50_000)
    assert not goal(200_000)


def test_goals_need_their_figures() -> None:
    assert found_checks(row("cnn", entry("numpy", "by hand", 1.0))) == {}
    assert set(found_checks(row("cnn", entry("einprop", "program", 1.0)))) == {
        "floor: above 4 a reason"
    }


def test_the_factorisation_is_compared_in_both_forms() -> None:
    hessian = row(
        "hessian_factorisation",
        entry("einprop", "program", 1e-3),
        entry("einprop", "structured", 1e-5, apart=True),
        entry("jax", "plain", 0.2),
    )
    found = [check for check in checks(table(hessian)) if check.goal.startswith("jax.hessian")]
    assert [(check.met, check.figures) for check in found] == [
        (False, "200 times, program; wanted 300"),
        (True, "20,000 times, structured; wanted 10,000"),
    ]


def test_contract_is_a_goal_of_networks() -> None:
    network = row(
        "network_7",
        entry("einprop", "program", 1e-3),
        entry("autograd", "opt_einsum.contract", 6e-3),
    )
    assert found_checks(network)["opt_einsum.contract and autograd"] == (
        True,
        "6.0 times, wanted 5",
    )


def test_goals_are_counted() -> None:
    slow = row("rnn", entry("einprop", "program", 3e-3), entry("numpy", "by hand", 1e-3))
    quick = row("lstm", entry("einprop", "program", 1e-3), entry("numpy", "by hand", 1e-3))
    found = checks(table(slow, quick))
    assert summary(found)["numpy by hand <= 1.1"] == (1, 2)
    assert "| numpy by hand <= 1.1 | 1 of 2 |" in to_markdown(table(slow, quick))


def test_the_floor_is_what_takes_longer() -> None:
    assert PEAKS.floor(1e8, 1000) == 1e-3
    assert PEAKS.floor(1e3, 1 << 20) == (1 << 20) / 4e10
    # More than a cache holds moves as memory does.
    assert PEAKS.floor(1e3, 1 << 24) == (1 << 24) / 1e10
    assert PEAKS.floor(1e3, 1 << 30) == (1 << 30) / 1e10
