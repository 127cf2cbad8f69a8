"""Who depends on whom, where equations go round in circles and where nothing does."""

from __future__ import annotations

import pytest

from einprop.analysis.dependence import (
    assembled_tensors,
    by_target,
    live,
    numbers_by_target,
    operands,
    reached,
    readers,
)
from einprop.analysis.resolve import resolve
from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.notation.tree import Equation

RECURRENCE = "h[-1] = a; h[t] = tanh(g[t] + x[t]); g[t] = h[t-1]; y = h[end]; z = w"


def lines(text: str) -> tuple[Equation, ...]:
    return resolve(parse(text)).equations


def test_equations_of_one_tensor_stand_together_in_order() -> None:
    written = lines(RECURRENCE)
    assert list(by_target(written)) == ["h", "g", "y", "z"]
    assert by_target(written)["h"] == list(written[:2])
    assert numbers_by_target(written) == {"h": [0, 1], "g": [2], "y": [3], "z": [4]}


def test_assembled_from_contributions() -> None:
    written = parse("a[i] = x[i]; b[i] += x[i]; c[2*i] = x[i]; d max= x[i]; e[i,i] = x[i]")
    kept = [line for line in written if isinstance(line, Equation)]
    assert assembled_tensors(kept) == {"b": "+=", "c": "=", "d": "max=", "e": "="}


def test_positions_and_targets_are_read_too() -> None:
    scattered = lines("y[p[i]] += x[q[r[i]]]")
    assert operands(scattered) == {"y": {"p", "x", "q", "r"}}
    assert readers(scattered) == {name: {"y"} for name in "pxqr"}


@pytest.mark.parametrize(
    ("start", "found"),
    [("x", "xhgy"), ("y", "y"), ("w", "wz"), ("nothing", None)],
)
def test_reached_goes_round_a_cycle_once(start: str, found: str | None) -> None:
    assert reached(readers(lines(RECURRENCE)), [start]) == set(found or [start])


def test_without_itself_only_what_a_cycle_leads_back_to() -> None:
    edges = readers(lines(RECURRENCE))
    assert "h" in reached(edges, edges["h"])
    assert "x" not in reached(edges, edges["x"])


def test_only_what_is_wanted_lives() -> None:
    written = lines("a = x; b = a + 1; c = exp(b); d = a^2")
    assert [to_text(line) for line in live(written, ["b"])] == ["a = x", "b = a + 1"]
    assert live(written, []) == []


def test_a_cycle_lives_whole() -> None:
    kept = live(lines(RECURRENCE), ["g"])
    assert [line.target.name for line in kept] == ["h", "h", "g"]
