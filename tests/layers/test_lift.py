"""Layers on tensors of more axes: every place that has the batch index gets the others."""

import pytest

from einprop.errors import UnsupportedError
from einprop.layers.lift import at_subscripts, with_batch_axes
from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.notation.tree import Access, Index

LIFTED = [
    ("y[b,j] = x[b,i] W[i,j] + B[j]", "y[b,s,t,j] = x[b,s,t,i] W[i,j] + B[j]"),
    ("m[c] = mean[b](x[b,c])", "m[c] = mean[b,s,t](x[b,s,t,c])"),
    ("n[c] = x[b,c] x[b,c] / sum[b](1)", "n[c] = x[b,s,t,c] x[b,s,t,c] / sum[b,s,t](1)"),
    ("y[b,d] = E[x[b],d]", "y[b,s,t,d] = E[x[b,s,t],d]"),
    ("g[b,b'] = x[b,i] x[b',i]", "g[b,s,t,b',s',t'] = x[b,s,t,i] x[b',s',t',i]"),
    ("y[(b i)] = x[b,i]", "y[(b s t i)] = x[b,s,t,i]"),
    ("y[b,i] = x[b,pad(i-1)]", "y[b,s,t,i] = x[b,s,t,pad(i-1)]"),
    ("y[b,i] = x[b,pad(i-1)] where x[b,2*i]", "y[b,s,t,i] = x[b,s,t,pad(i-1)] where x[b,s,t,2*i]"),
]


@pytest.mark.parametrize(("before", "after"), LIFTED)
def test_batch_axes_stand_wherever_the_batch_index_does(before: str, after: str) -> None:
    (equation,) = parse(before)
    assert to_text(with_batch_axes(equation, "b", ["s", "t"])) == to_text(parse(after)[0])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("y[b,i] = x[b,i] - x[b+1,i]", r"x\[b\+1,i\] computes with its batch index b"),
        ("y[b,i] = x[wrap(b-1),i]", "computes with its batch index b"),
        ("y[b,i] = x[b,i] [b > 0]", "the position of batch index b is no number"),
    ],
)
def test_a_layer_that_computes_with_its_batch_index_is_refused(text: str, what: str) -> None:
    (equation,) = parse(text)
    with pytest.raises(UnsupportedError, match=what):
        with_batch_axes(equation, "b", ["s"])


def test_equations_without_subscripts_take_those_of_a_tensor() -> None:
    equations = parse("g = sigmoid(x); y = g x mask beta")
    flow = Access("x", (Index("b"), Index("i")))
    found, _ = at_subscripts(equations, (), flow, ["mask"])
    assert list(map(to_text, found)) == [
        "g[b,i] = sigmoid(x[b,i])",
        "y[b,i] = g[b,i] x[b,i] mask[b,i] beta",
    ]


def test_what_does_not_depend_on_the_tensor_stays_a_scalar() -> None:
    equations = parse("c = 2 s; y = c x")
    found, _ = at_subscripts(equations, (), Access("x", (Index("b"),)))
    assert list(map(to_text, found)) == ["c = 2 s", "y[b] = c x[b]"]
