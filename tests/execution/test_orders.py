"""Axis orders over a whole program: what meets cell by cell lies alike."""

from __future__ import annotations

import pytest

from einprop.execution.schedule import schedule
from einprop.execution.steps import Copy, Elementwise, Operand, Reduction, Schedule
from einprop.notation.parser import parse

SIZES = {"b": 8, "s": 32, "t": 32, "h": 4, "d": 16, "m": 24, "o": 24, "i": 12, "j": 12, "k": 5}


def planned(text: str, inputs: dict[str, str], *outputs: str, as_written: bool = False) -> Schedule:
    shapes = {name: tuple(SIZES[i] for i in letters) for name, letters in inputs.items()}
    return schedule(parse(text), SIZES, shapes, outputs, as_written=as_written)


def against_the_grain(plan: Schedule) -> list[str]:
    """The steps that read a tensor of their own making in another order than they write.

    What is copied for a product is meant to lie in another order.
    """
    found = []
    for step in plan.steps:
        meets = isinstance(step.operation, Elementwise | Copy | Reduction)
        if meets and "#merged" not in step.target.tensor:
            written = [i for i in plan.stored(step.target) if SIZES[i] > 1]
            for operand in step.operands:
                if isinstance(operand, Operand) and operand.tensor not in plan.inputs:
                    read = [i for i in plan.stored(operand) if i in written]
                    if read != [i for i in written if i in read]:
                        found.append(step.target.tensor)
    return found


ATTENTION = """
    a[b,h,s,t] = sum[d](q[b,s,h,d] k[b,t,h,d])
    e[b,h,s,t] = exp(a[b,h,s,t])
    z[b,h,s] = sum[t](e[b,h,s,t])
    p[b,h,s,t] = e[b,h,s,t] / z[b,h,s]
    y[b,s,h,d] = sum[t](p[b,h,s,t] v[b,t,h,d])
    g[b,h,s,t] = sum[d](u[b,s,h,d] v[b,t,h,d])
    f[b,h,s,t] = g[b,h,s,t] p[b,h,s,t]
    w[b,t,h,d] = sum[s](f[b,h,s,t] q[b,s,h,d])
"""
CHANNELS = """
    c[b,o,i,j] = sum[m](x[b,m,i,j] W[o,m])
    e[b,o,i,j] = c[b,o,i,j] + B[o]
    r[b,o,i,j] = tanh(e[b,o,i,j])
    l[b,k] = sum[o,i,j](r[b,o,i,j] V[i,j,o,k])
    n[b,k] = exp(l[b,k])
    g[b,o,i,j] = sum[k](n[b,k] V[i,j,o,k])
    f[b,o,i,j] = g[b,o,i,j] r[b,o,i,j]
    y[o,m] = sum[b,i,j](f[b,o,i,j] x[b,m,i,j])
"""


@pytest.mark.parametrize(
    ("text", "inputs", "outputs"),
    [
        (ATTENTION, {"q": "bshd", "k": "bthd", "v": "bthd", "u": "bshd"}, ("y", "w")),
        (CHANNELS, {"x": "bmij", "W": "om", "B": "o", "V": "ijok"}, ("y",)),
    ],
)
def test_nothing_is_read_against_its_grain(
    text: str, inputs: dict[str, str], outputs: tuple[str, ...]
) -> None:
    assert against_the_grain(planned(text, inputs, *outputs)) == []


def test_axes_stay_as_written_where_that_is_asked() -> None:
    plan = planned(CHANNELS, {"x": "bmij", "W": "om", "B": "o", "V": "ijok"}, "y", as_written=True)
    assert all(t.order == tuple(range(len(t.shape))) for t in plan.tensors.values())


def test_what_is_read_by_one_position_after_the_other_lies_so() -> None:
    text = (
        "h[0,b,s] += x[b,s]; q[k,b,t] = sum[s](h[k,b,s] U[s,t]); e[k,b,t] = tanh(q[k,b,t]);"
        "h[k+1,b,t] += e[k,b,t]; y[m,b,s] = exp(h[m,b,s])"
    )
    sizes = {**SIZES, "m": 6}
    plan = schedule(
        parse(text), sizes, {"x": (8, 32), "U": (32, 32)}, ["y"], axes={"h": ("m", "b", "s")}
    )
    assert plan.tensors["h"].order[0] == 0
