"""A tensor as a declaration names it: its own letters where they are plain, else one by its type."""

from __future__ import annotations

import pytest

from einprop.analysis.declare import declared_access, mentions
from einprop.analysis.resolve import Resolved, resolve
from einprop.notation.parser import parse
from einprop.notation.printer import to_text


def read(text: str) -> Resolved:
    return resolve(parse(text))


@pytest.mark.parametrize(
    ("text", "name", "declared"),
    [
        ("y[b,j] = x[b,i] W[i,j]", "W", "W[i,j]"),
        ("y[b,j] = x[b,i] W[i,j]", "y", "y[b,j]"),
        ("y = 2 x", "x", "x"),
        # the first plain access, computed ones before it
        ("y[i] = x[i+1]; z[k] = x[k]", "x", "x[k]"),
        ("input x[a,b]; y[i] = x[i+1,0]", "x", "x[a,b]"),
        # no plain one: a letter of the subscript, or any
        ("y[i] = x[2*i+p] K[p]", "x", "x[i]"),
        ("y = x[0,3]", "x", "x[a,b]"),
        ("y[i,j] = x[i+j,j+i] a[j]", "x", "x[i,j]"),
        ("y[t,d] = E[tok[t],d]", "E", "E[t,d]"),
        # a declared type has a letter; letters of other types are left alone
        ("index c: channel; input x[c,c']; y = x[0,0]", "x", "x[c,c']"),
        ("index c: channel; y[c] = x[2*c+p,c] K[p]", "x", "x[p,c]"),
        # a derivative has the axes of its tensor
        ("y[i] = 2 x[i]; x.grad[k] += 2 y.grad[k]", "x.grad", "x.grad[i]"),
    ],
)
def test_declared_access(text: str, name: str, declared: str) -> None:
    assert to_text(declared_access(read(text), name)) == declared


def test_mentions_are_declarations_and_then_equations() -> None:
    resolved = read("input x[a]; y[i] = x[i+1]; x.grad[i+1] += y.grad[i]; z = 3")
    assert [to_text(a) for a in mentions(resolved, "x")] == ["x[a]", "x[i+1]", "x.grad[i+1]"]
    assert [to_text(a) for a in mentions(resolved, "z")] == ["z"]
