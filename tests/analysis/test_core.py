"""Core subscripts: what may be left unsaid is said, and what names a cell twice is refused."""

from __future__ import annotations

import pytest

from einprop.analysis.core import (
    check_target,
    explicit,
    extents,
    map_accesses,
    one_operator,
)
from einprop.errors import IndexScopeError
from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.notation.tree import Access, Equation, equations_of


def equations(text: str) -> tuple[Equation, ...]:
    return equations_of(parse(text))


def spelt(text: str) -> list[str]:
    return [to_text(e) for e in explicit(equations(text))]


def test_every_access_is_mapped_inner_ones_first() -> None:
    seen = []

    def note(access: Access) -> Access:
        seen.append(to_text(access))
        return Access(access.name.upper(), access.subscripts)

    (line,) = equations("y[p[i]] += x[t[q[i]],i] exp(z)")
    mapped = map_accesses(line, note)
    assert to_text(mapped) == "Y[P[i]] += X[T[Q[i]],i] exp(Z)"
    assert seen == ["p[i]", "y[P[i]]", "q[i]", "t[Q[i]]", "x[T[Q[i]],i]", "z"]


PLAIN = [
    # nothing is left unsaid
    ("y[b,j] = W[i,j] x[b,i]", "y[b,j] = W[i,j] x[b,i]"),
    ("y[i] = x[2*i+1]", "y[i] = x[2*i+1]"),
    # a plain read of an axis that is read shifted too says nothing of the whole axis
    ("d[i] = x[i+1] - x[i]", "d[i] = x[i+1] - x[i+0]"),
    ("d[i,j] = x[i+1,j] - x[i,j]", "d[i,j] = x[i+1,j] - x[i+0,j]"),
    ("y[i] = x[i+1] z[i]", "y[i] = x[i+1] z[i]"),
    # a range restricts reads, and the target unless it is the whole of it
    ("y[i] = x[i] where i in 1:4", "y[i+0] = x[i+0]"),
    ("y[i] = x[i] where i in 0:4", "y[i] = x[i+0]"),
    ("y[i] += x[i] where i in 0:4", "y[i+0] += x[i+0]"),
    ("y[i,j] = x[i] z[j] where i in 0:4", "y[i,j] = x[i+0] z[j]"),
]


@pytest.mark.parametrize(("line", "meaning"), PLAIN)
def test_a_restricted_index_says_so(line: str, meaning: str) -> None:
    (found,) = explicit(equations(line))
    assert to_text(Equation(found.target, found.operator, found.expression)) == meaning


RECURRENCES = {
    "h[t] = tanh(h[t-1] + x[t])": ["h[t] = tanh(h[pad(t-1)] + x[t])"],
    "h[t] = h[t-1] + h[t-2]": ["h[t] = h[pad(t-1)] + h[pad(t-2)]"],
    "h[t] = h[t+1] x[t]": ["h[t] = h[pad(t+1)] x[t]"],
    # a base stands in for the padding
    "h[t] = h[t-1] x[t]; h[-1] = a": ["h[t] = h[t-1] x[t]", "h[-1] = a"],
    # all tensors of a cycle are padded, nothing else is
    "c[t] = h[t-1] + x[t-1]; h[t] = c[t]": ["c[t] = h[pad(t-1)] + x[t-1]", "h[t] = c[t]"],
    # a range keeps the reads inside
    "h[t] = h[t-1] x[t] where t in 1:4; h[0] = a": [
        "h[t+0] = h[t-1] x[t+0] where t in 1:4",
        "h[0] = a",
    ],
    # a grid is read outside along both axes
    "g[i,j] = g[i-1,j] + g[i,j-1]": ["g[i,j] = g[pad(i-1),j] + g[i,pad(j-1)]"],
}


@pytest.mark.parametrize("text", RECURRENCES)
def test_a_recurrence_without_a_base_starts_from_zeros(text: str) -> None:
    found = spelt(text)
    if "g[" in text:
        # what is plain beside a shifted read says so
        found = [line.replace("i+0", "i").replace("j+0", "j") for line in found]
    assert found == RECURRENCES[text]


def test_extents_are_the_cells_that_equations_name_outside() -> None:
    assert extents(equations("h[t] = h[t-1]; h[-1] = a; h[-2] = b")) == {("h", 0): (2, 0)}
    assert extents(equations("h[b,t] = h[b,t+1]; h[b,end+1] = a[b]")) == {("h", 1): (0, 1)}
    assert extents(equations("h[t] = h[t-1]; y = h[0] + h[end]")) == {}


def test_what_is_only_read_outside_is_no_cell() -> None:
    assert extents(equations("y[b] = h[-1,b]")) == {}


def test_a_base_of_an_extremum_is_compared_too() -> None:
    found = one_operator(equations("v[-1] = 0; v[t] max= v[t-1] x[t]; y = v[0]"))
    assert [e.operator for e in found] == ["max=", "max=", "="]
    assert [e.operator for e in one_operator(equations("y = x; y += z"))] == ["=", "+="]


NAMED_ONCE = [
    "y[i,j] = 1",
    "C[i,i] = a[i]",
    "y[2*i+1] = x[i]",
    "y[end-i] = x[i]",
    "y[(h d)] = x[h,d]",
    "y[pad(i-1)] = x[i]",
    "y[2*i+p] = x[i,p]",
    "y[6*i+3*q+p] = x[i,q,p]",
    "y[p-2*i] = x[i,p]",
    "y[i,i+p] = x[i,p]",
    "y[3] = a",
]


@pytest.mark.parametrize("line", NAMED_ONCE)
def test_a_target_that_names_each_cell_once(line: str) -> None:
    (equation,) = equations(line)
    sizes = {"p": 3, "q": 2} if "6*" in line else {"p": 2}
    if line == "y[i,i+p] = x[i,p]":
        with pytest.raises(IndexScopeError):
            check_target(equation, {})
    else:
        check_target(equation, sizes)


NAMED_TWICE = [
    "y[i+p] = x[i,p]",
    "y[2*i+p] = x[i,p]",
    "y[i+j] = x[i,j]",
    "y[wrap(i+1)] = x[i]",
    "y[clamp(i)] = x[i]",
    "y[tok[t]] = x[t]",
    "y[t,tok[t]] = x[t]",
    "y[pad(i+p)] = x[i,p]",
]


@pytest.mark.parametrize("line", NAMED_TWICE)
def test_a_target_that_may_name_a_cell_twice_accumulates(line: str) -> None:
    (equation,) = equations(line)
    with pytest.raises(IndexScopeError, match="can name a cell twice") as error:
        check_target(equation, {"p": 3})
    rewritten = str(error.value).splitlines()[-1].removeprefix("write ").split(" to add")[0]
    check_target(equations(rewritten)[0], {})
