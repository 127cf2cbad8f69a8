"""The order in which equations run: loops along an index where they need each other, in one direction."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from einprop.analysis.recurrence import Loop, in_order, loops, numbers, order, read_early
from einprop.errors import IndexScopeError
from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.notation.tree import Equation, equations_of


def equations(text: str) -> tuple[Equation, ...]:
    return equations_of(parse(text))


def found(text: str, sizes: Mapping[str, int] | None = None) -> tuple[int | Loop, ...]:
    return order(equations(text), (sizes or {}).get)


def up(letters: dict[int, str], *body: int | Loop) -> Loop:
    return Loop(letters, descending=False, body=body)


def down(letters: dict[int, str], *body: int | Loop) -> Loop:
    return Loop(letters, descending=True, body=body)


ORDERS: dict[str, tuple[int | Loop, ...]] = {
    # no cycle: as near as can be to the written order
    "a = x; b = y; c = a b": (0, 1, 2),
    "c = a b; a = x; b = y": (1, 2, 0),
    "y = x; y += z; w = y": (0, 1, 2),
    # one tensor that needs its past
    "h[t] = tanh(h[t-1] + x[t])": (up({0: "t"}, 0),),
    "h[t] = tanh(h[t+1] + x[t])": (down({0: "t"}, 0),),
    "h[t] = h[pad(t-1)] x[t]": (up({0: "t"}, 0),),
    "h[b,t] = h[b,t-3] + h[b,t-1]": (up({0: "t"}, 0),),
    # what a whole sequence goes into, or comes from, stays outside
    "y[j] = h[end,j]; h[t,j] = h[t-1,k] U[k,j] + v[t,j]; v[t,j] = x[t,i] W[i,j]": (
        2,
        up({1: "t"}, 1),
        0,
    ),
    "H[t] += h[t]; h[t] = H[t-1]; H[-1] = a": (2, up({0: "t", 1: "t"}, 1, 0)),
    # several tensors, in the order of one step, each with a letter of its own
    "h[t] = c[t] o[t]; c[s] = h[s-1] + c[s-1]": (up({0: "t", 1: "s"}, 1, 0),),
    "c[t] = h[t-1]; h[t] = c[t-1]": (up({0: "t", 1: "t"}, 0, 1),),
    # the axis of the loop stands elsewhere in another tensor
    "h[t,j] = g[j,t-1]; g[j,t] = tanh(h[t,j])": (up({0: "t", 1: "t"}, 0, 1),),
    # what is left within one position is a loop along another index
    "g[i,j] = g[i-1,j] + g[i,j-1]": (up({0: "i"}, up({0: "j"}, 0)),),
    "g[i,j] = g[i-1,j] + g[i,j+1]": (up({0: "i"}, down({0: "j"}, 0)),),
    "g[i,j] = g[i+1,j-1] + g[i,j-1]": (down({0: "i"}, up({0: "j"}, 0)),),
    # the first axis runs both ways, the second one does not
    "g[i,j] = g[i+1,j-1] + g[i-1,j-1]": (up({0: "j"}, 0),),
    # an axis that is summed cannot be the loop's
    "h[j,t] = h[k,t-1] U[k,j]": (up({0: "t"}, 0),),
    # the cells that a constant names are apart from those of the loop
    "h[-1] = a; h[t] = h[t-1] x[t]": (0, up({1: "t"}, 1)),
    "h[0] = a; h[t] = h[t-1] x[t] where t in 1:4": (0, up({1: "t"}, 1)),
}


@pytest.mark.parametrize("text", ORDERS)
def test_order(text: str) -> None:
    assert found(text) == ORDERS[text]


def test_equations_stand_in_the_order_in_which_they_run() -> None:
    lines = equations("y[t] = 2 h[t]; h[t] = c[t] o[t]; c[t] = h[t-1] + c[t-1]")
    assert [to_text(e.target) for e in in_order(lines)] == ["c[t]", "h[t]", "y[t]"]
    assert in_order(()) == ()


def test_sizes_decide_about_windows_of_the_past() -> None:
    text = "h[t] = sum[l](a[l] H[t+l]); H[t+3] += h[t]"
    assert found(text, {"l": 3}) == (up({0: "t", 1: "t"}, 0, 1),)
    for size in ({"l": 4}, None):
        with pytest.raises(IndexScopeError):
            found(text, size)


def test_a_window_of_the_future_runs_down() -> None:
    text = "h[t] = sum[l](a[l] H[t+l+1]); H[t+0] += h[t]"
    assert found(text, {"l": 9}) == (down({0: "t", 1: "t"}, 0, 1),)


REFUSED = {
    "h[t] = h[t-1] + h[t+1]": """\
h[t] has no order in which it can be computed: it needs h[t-1], which comes before it, \
and h[t+1], which comes after it
    h[t] = h[t-1] + h[t+1]
           ^^^^^^   ^^^^^^
a recurrence reads in one direction: of the two reads, one has to be of another tensor""",
    "f[t] = g[t+1]; g[t] = f[t-1] + g[t-1]": """\
g[t] has no order in which it can be computed: it needs f[t-1], which comes before it, \
and g[t+1], which comes after it
    f[t] = g[t+1]; g[t] = f[t-1] + g[t-1]
           ^^^^^^         ^^^^^^
a recurrence reads in one direction: of the two reads, one has to be of another tensor""",
    "x[b] = x[b] + 1": """\
x[b] is read while x is being defined
    x[b] = x[b] + 1
           ^^^^
a tensor cannot depend on itself; give the new value another name""",
    "A[i,j] = A[j,i]": """\
A[j,i] is read while A is being defined
    A[i,j] = A[j,i]
             ^^^^^^
a tensor cannot depend on itself; give the new value another name""",
    "h[t] = h[2*t] + 1": """\
h[2*t] is read while h is being defined
    h[t] = h[2*t] + 1
           ^^^^^^
a tensor cannot depend on itself; a recurrence reads an earlier position, as in h[t-1]""",
    "h[t] = h[end-t]": """\
h[end-t] is read while h is being defined
    h[t] = h[end-t]
           ^^^^^^^^
a tensor cannot depend on itself; a recurrence reads an earlier position, as in h[t-1]""",
    "h[t] = h[tok[t]]": """\
h[tok[t]] is read while h is being defined
    h[t] = h[tok[t]]
           ^^^^^^^^^
a tensor cannot depend on itself; a recurrence reads an earlier position, as in h[t-1]""",
    "a[i] = b[i]; b[i] = a[i]": """\
a and b are defined in terms of each other: b[i] is read before it is complete
    a[i] = b[i]; b[i] = a[i]
    ^^^^   ^^^^
give one of them another name; a recurrence reads an earlier position, as in b[i-1]""",
    "a = b; b = c; c = a": """\
a and b and c are defined in terms of each other: b is read before it is complete
    a = b; b = c; c = a
    ^   ^
give one of them another name""",
}


@pytest.mark.parametrize("text", REFUSED)
def test_cycles_without_an_order(text: str) -> None:
    with pytest.raises(IndexScopeError) as error:
        found(text)
    assert str(error.value) == REFUSED[text]


def test_tensors_read_before_they_are_complete() -> None:
    assert read_early(equations("h[t] = c[t]; c[t] = h[t-1]; y = h[0]")) == {"c"}
    assert read_early(equations("h[t] = h[t-1]; y = h[0] x")) == {"h"}
    assert read_early(equations("y = x; z = y; y += z")) == {"y"}
    assert read_early(equations("y = x; z = y")) == set()


def test_thousands_of_equations_are_put_in_order() -> None:
    count = 3000
    lines = [f"x{n} = 2 x{n + 1}" for n in range(count)]
    assert found("\n".join(lines)) == tuple(reversed(range(count)))


@pytest.mark.parametrize("text", ORDERS)
def test_loops_are_those_of_the_order(text: str) -> None:
    steps = found(text)
    assert loops(equations(text)) == tuple(s for s in steps if isinstance(s, Loop))
    assert sorted(n for step in steps for n in numbers(step)) == list(range(len(equations(text))))
