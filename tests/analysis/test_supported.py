"""What parses and prints but does not run yet is refused by name, at its place."""

from __future__ import annotations

import pytest

from einprop.analysis.resolve import resolve
from einprop.errors import UnsupportedError
from einprop.notation.parser import parse
from einprop.notation.printer import program_text

# text -> the construct and where it stands
REFUSED = {
    "y[i] = x[i+1]": ("the computed subscript i+1 in x[i+1]", "i+1"),
    "y[i] = x[2*i+p] K[p]": ("the computed subscript 2*i+p in x[2*i+p]", "2*i+p"),
    "y[i] = x[end-i]": ("the computed subscript end-i in x[end-i]", "end-i"),
    "x.grad[i+p] += y.grad[i] K[p]": ("the computed subscript i+p in x.grad[i+p]", "i+p"),
    "y[b] = x[b,0]": ("the constant subscript 0 in x[b,0]", "0"),
    "y[7] = x": ("the constant subscript 7 in y[7]", "7"),
    "h[-1,b] = h0[b]": ("the constant subscript -1 in h[-1,b]", "-1"),
    "y[b] = h[end,b]": ("the constant subscript end in h[end,b]", "end"),
    "y[i] = x[pad(i-1)]": ("the pad subscript pad(i-1) in x[pad(i-1)]", "pad(i-1)"),
    "y[i] = x[wrap(i+1)]": ("the wrap subscript wrap(i+1) in x[wrap(i+1)]", "wrap(i+1)"),
    "y[i] = x[clamp(i+1)]": ("the clamp subscript clamp(i+1) in x[clamp(i+1)]", "clamp(i+1)"),
    "y[b,d] = E[tok[b],d]": ("the gather subscript tok[b] in E[tok[b],d]", "tok[b]"),
    "E.grad[tok[b],d] += y.grad[b,d]": (
        "the gather subscript tok[b] in E.grad[tok[b],d]",
        "tok[b]",
    ),
    "q[b,(h d)] = x[b,h,d]": ("the grouped subscript (h d) in q[b,(h d)]", "(h d)"),
    "y[b,h,d] = x[b,(h d)]": ("the grouped subscript (h d) in x[b,(h d)]", "(h d)"),
    "y[i] = x where i in 0:5": ("the range of index i by where", "i in 0:5"),
    "y[b] max= x[b,i]": ("accumulating by max=", "y[b]"),
    "y[b] min= x[b,i]": ("accumulating by min=", "y[b]"),
    "h[t,b] = tanh(x[t,b] + h[t-1,c] U[c,b])": ("the recurrence h[t-1,c]", "h[t-1,c]"),
    "index p: window < n\ny[p] = x[p]": ("a declared size that is not one number", "p: window < n"),
    "index p: window < n+2\ny[p] = x[p]": (
        "a declared size that is not one number",
        "p: window < n+2",
    ),
}


@pytest.mark.parametrize("text", REFUSED)
def test_refused_by_name_at_its_place(text: str) -> None:
    construct, snippet = REFUSED[text]
    line = next(line for line in text.splitlines() if snippet in line)
    carets = " " * line.index(snippet) + "^" * len(snippet)
    with pytest.raises(UnsupportedError) as error:
        resolve(parse(text))
    assert str(error.value) == (
        f"{construct} is not supported yet\n    {line}\n    {carets}\n"
        "this version parses it and prints it, but does not run it"
    )


@pytest.mark.parametrize("text", REFUSED)
def test_and_yet_it_parses_and_prints(text: str) -> None:
    statements = parse(text)
    assert parse(program_text(statements)) == statements


def test_supported_subscripts_pass() -> None:
    resolve(parse("index i: pixel < 3; input x[i,i']; y[i,i] = x[i,i'] [i == i'] + A[i,i]"))
