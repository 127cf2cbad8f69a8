"""The order in which donated inputs are overwritten, and what is copied because no order would do."""

from einprop.execution.lower import Lowered, lower
from einprop.execution.steps import Copy
from einprop.notation.parser import parse
from einprop.notation.tree import Equation


def lowered(text: str, donated: dict[str, str], guard: str | None = None) -> Lowered:
    equations = [s for s in parse(text) if isinstance(s, Equation)]
    outputs = [*donated, *({guard} if guard else ())]
    outputs += [e.target.name for e in equations if e.target.name.startswith("y")]
    inputs = dict.fromkeys("wvg", (3,))
    return lower(equations, {"i": 3, "j": 3}, outputs, inputs, donated=donated, guard=guard)


def order(found: Lowered) -> list[str]:
    return [step.target.tensor for step in found.steps]


def test_reads_of_an_input_come_before_its_end() -> None:
    text = "w.new[i] = w[i] - g[i]; y1[i] = w[i] + g[i]; y2[i] = w.new[i] - g[i]; y3[i] = w[i] g[i]"
    assert order(lowered(text, {"w.new": "w"})) == ["y1", "y3", "w.new", "y2"]


def test_two_that_need_each_other_take_one_copy() -> None:
    found = lowered("w.new[i] = w[i] + v[i]; v.new[i] = w[i] - v[i]", {"w.new": "w", "v.new": "v"})
    assert order(found) == ["w.new#value", "v.new", "w.new"]
    assert isinstance(found.steps[-1].operation, Copy)


def test_two_in_a_row_take_none() -> None:
    text = "v.new[i] = v[i] + g[i]; w.new[i] = w[i] - v.new[i]"
    assert order(lowered(text, {"w.new": "w", "v.new": "v"})) == ["v.new", "w.new"]


def test_what_reads_other_cells_is_copied() -> None:
    found = lowered("w.new[j] = sum[i](w[i] A[i,j])", {"w.new": "w"})
    assert order(found)[-2:] == ["w.new#value", "w.new"]


def test_the_guard_comes_first() -> None:
    text = "w.new[i] = w[i] - g[i]; y[i] = g[i] + g[i]; loss = sum[i](v[i])"
    assert order(lowered(text, {"w.new": "w"}, "loss")) == ["loss", "w.new", "y"]
