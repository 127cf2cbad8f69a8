"""Which tensor is what, and definitions and reads in an order that means something."""

from __future__ import annotations

import pytest

from einprop.analysis.names import Names
from einprop.analysis.resolve import resolve
from einprop.errors import IndexScopeError
from einprop.notation.parser import parse


def names(text: str) -> Names:
    return resolve(parse(text)).names


def test_roles_in_order_of_appearance() -> None:
    found = names(
        "input t[b,k]; param U[j,k]; h[b,j] = x[b,i] W[i,j]; s[b,k] = h[b,j] U[j,k]\n"
        "loss = -t[b,k] log(s[b,k]); n = sum[b](1) t[b,k] t[b,k]"
    )
    assert found.inputs == ("t", "U", "x", "W")
    assert found.parameters == ("U",)
    assert found.defined == ("h", "s", "loss", "n")
    assert found.outputs == ("loss", "n")


def test_declared_outputs_take_the_place_of_found_ones() -> None:
    assert names("h = 2 x; y = 3 h; output h").outputs == ("h",)
    assert names("h = 2 x; y = 3 h; output y, h").outputs == ("y", "h")


def test_a_declared_input_need_not_be_read() -> None:
    assert names("input x[i]; y = 2").inputs == ("x",)


def test_a_tensor_may_be_added_to_before_it_is_read() -> None:
    assert names("y = x; y += x^2; z = y").defined == ("y", "z")


REFUSED = {
    "y = x; y = z": """\
y is defined twice
    y = x; y = z
    ^      ^
= defines a tensor once; use += to add to it, or another name""",
    "y[b] += x[b]\ny[b] = z[b]": """\
y is defined twice
    y[b] = z[b]
    ^^^^
    y[b] += x[b]
    ^^^^
= defines a tensor once; use += to add to it, or another name""",
    "h = y; y = x": """\
y is read before it is complete
    h = y; y = x
        ^  ^
move this equation below the last one that defines y""",
    "y[b] = x[b]; z[b] = 2 y[b]; y[b] += w[b]": """\
y is read before it is complete
    y[b] = x[b]; z[b] = 2 y[b]; y[b] += w[b]
                          ^^^^  ^^^^
move this equation below the last one that defines y[b]""",
    "y = y + 1": """\
y is read while y is being defined
    y = y + 1
        ^
a tensor cannot depend on itself; give the new value another name""",
    "y[i] += x[j] y[j] [i == j]": """\
y[j] is read while y is being defined
    y[i] += x[j] y[j] [i == j]
                 ^^^^
a tensor cannot depend on itself; give the new value another name""",
    "input y[b]; y[b] = x[b]": """\
y is declared input and defined by an equation
    input y[b]; y[b] = x[b]
          ^^^^  ^^^^
an input comes from outside; give the defined tensor another name""",
    "param w; w += x": """\
w is declared param and defined by an equation
    param w; w += x
          ^  ^
an input comes from outside; give the defined tensor another name""",
    "output z[b]; y[b] = x[b]": """\
output z is defined by no equation
    output z[b]; y[b] = x[b]
           ^^^^
an output tensor is one that stands on the left of an equation""",
}


@pytest.mark.parametrize("text", REFUSED)
def test_refused_programs(text: str) -> None:
    with pytest.raises(IndexScopeError) as error:
        names(text)
    assert str(error.value) == REFUSED[text]


@pytest.mark.parametrize(
    "text",
    [
        "h[-1] = b; h[t] = x[t] + h[t-1]",
        "h[t] = x[t] + h[t-1]; h[-1] = b",
        "h[t] max= h[t-1]; h[t] max= x[t]",
    ],
)
def test_a_recurrence_does_not_read_its_own_output(text: str) -> None:
    assert names(text).outputs == ("h",)


@pytest.mark.parametrize(
    "text",
    [
        "y[0] = x[1]; y[1] = x[0]",
        "y[0] = x[1]; y[i+1] = x[i]",
        "y[i] = x[i] where i in 0:2; y[i] = 2 x[i] where i in 2:4",
        "h[-1] = b; h[t] = x[t] + h[t-1]",
        "h[end+1] = b; h[t] = x[t] + h[t+1]",
    ],
)
def test_pieces_that_do_not_meet_define_one_tensor(text: str) -> None:
    assert names(text).defined in (("y",), ("h",))


@pytest.mark.parametrize(
    "text",
    [
        "y[0] = x[1]; y[1] = x[0]; y[1] = x[2]",
        "y[1] = x[1]; y[i+1] = x[i]",
        "y[i] = x[i] where i in 0:3; y[i] = 2 x[i] where i in 2:4",
    ],
)
def test_pieces_that_meet_define_it_twice(text: str) -> None:
    with pytest.raises(IndexScopeError, match="y is defined twice"):
        names(text)


def test_a_read_of_other_cells_does_not_wait() -> None:
    """The adjoint of one step reads what the step wrote, and not the cell that it adds to."""
    found = names("g[a] += s[a]; x[t] = g[t+0] where t in 1:2; g[t-1] += 2 g[t+0] where t in 1:2")
    assert found.outputs == ("x",)


def test_what_a_recurrence_reads_at_its_own_position_is_no_output() -> None:
    text = "h[-1,j] = 0; a[t,g,j] = x[t,g,j] + h[t-1,k] U[k,g,j]; h[t,j] = a[t,0,j] a[t,1,j]"
    assert names(f"{text}; loss = sum[j](h[end,j])").outputs == ("loss",)
    assert names(text).outputs == ("h",)
    text = "y[i,j] = x[i,j] + y[i-1,j] + y[i,j-1]; y[-1,j] = 0; y[i,-1] = 0"
    assert names(text).outputs == ("y",)
