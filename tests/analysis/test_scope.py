"""Where sums stand: every row of the language reference's table, and what lies between the rows."""

from __future__ import annotations

import pytest

from einprop.analysis.definitions import collect_definitions
from einprop.analysis.resolve import resolve
from einprop.analysis.scope import place_sums
from einprop.errors import IndexScopeError, IndexTypeError
from einprop.notation.parser import parse
from einprop.notation.printer import to_text

TABLE = [
    ("y[b,j] = x[b,i] W[i,j] + B[j]", "y[b,j] = sum[i](x[b,i] W[i,j]) + B[j]"),
    ("y[b,j] = relu(x[b,i] W[i,j] + B[j])", "y[b,j] = relu(sum[i](x[b,i] W[i,j]) + B[j])"),
    ("loss = -t[b,k] log(p[b,k])", "loss = -sum[b,k](t[b,k] log(p[b,k]))"),
    ("y[j] = (a[i] + b[i]) C[i,j]", "y[j] = sum[i]((a[i] + b[i]) C[i,j])"),
    ("C[i,i] = a[i]", "C[i,i] = a[i]"),
]

BETWEEN = [
    # two terms are summed each on its own
    ("y = a[i] b[i] - c[i] d[i]", "y = sum[i](a[i] b[i]) - sum[i](c[i] d[i])"),
    ("y[j] = (a[i] b[i] + d[j]) e[j]", "y[j] = (sum[i](a[i] b[i]) + d[j]) e[j]"),
    # a trace repeats within one access
    ("t = A[i,i]", "t = sum[i](A[i,i])"),
    ("y[j] = A[i,i] B[j]", "y[j] = sum[i](A[i,i]) B[j]"),
    # division is a product; the innermost product that holds all occurrences
    ("y = a[i] / b[i]", "y = sum[i](a[i] / b[i])"),
    ("y = 1 / (a[i] b[i])", "y = 1 / sum[i](a[i] b[i])"),
    ("y = a[i] b[i] / n", "y = sum[i](a[i] b[i]) / n"),
    ("y = c[i] / (a[i] b[i] + d[i])", "y = sum[i](c[i] / (a[i] b[i] + d[i]))"),
    # a call, a power and a bracket are one occurrence
    ("y = exp(a[i]) b[i]", "y = sum[i](exp(a[i]) b[i])"),
    ("y = a[i]^2 b[i]", "y = sum[i](a[i]^2 b[i])"),
    ("y = (a[i] b[i])^2", "y = sum[i](a[i] b[i])^2"),
    ("y[j] = a[i] [i == j]", "y[j] = sum[i](a[i] [i == j])"),
    # a bound index is bound, and a kept one stays free
    ("y[b] = sum[i](x[b,i])", "y[b] = sum[i](x[b,i])"),
    ("y[b,k] = softmax[k](s[b,k])", "y[b,k] = softmax[k](s[b,k])"),
    ("y[b] = t[b,k] softmax[k](s[b,k])", "y[b] = sum[k](t[b,k] softmax[k](s[b,k]))"),
    ("y[b] = v[k] mean[k](s[b,k]) w[k]", "y[b] = sum[k](v[k] mean[k](s[b,k]) w[k])"),
    ("p[k] = exp(s[k]) / sum[k](exp(s[k]))", "p[k] = exp(s[k]) / sum[k](exp(s[k]))"),
    # += sums what occurs once and stands behind no wall
    ("B.grad[j] += y.grad[b,j]", "B.grad[j] += sum[b](y.grad[b,j])"),
    ("y[j] += x[b,j] + c[j]", "y[j] += sum[b](x[b,j]) + c[j]"),
    ("y[j] += -x[b,j] a[i] d[i]", "y[j] += -sum[b,i](x[b,j] a[i] d[i])"),
    ("y += x[b] / n", "y += sum[b](x[b] / n)"),
]


def placed(line: str) -> str:
    (equation,) = parse(line)
    return to_text(place_sums(equation, collect_definitions(())))


@pytest.mark.parametrize(("line", "meaning"), TABLE + BETWEEN)
def test_sums_stand_where_the_rules_say(line: str, meaning: str) -> None:
    assert placed(line) == meaning


@pytest.mark.parametrize(("_", "meaning"), TABLE + BETWEEN)
def test_an_explicit_program_means_itself(_: str, meaning: str) -> None:
    assert placed(meaning) == meaning


REFUSED = {
    "Z[b] = exp(s[b,k])": """\
index k in s[b,k] is not on the left and occurs once: is it to be summed?
    Z[b] = exp(s[b,k])
                   ^
write sum[k](exp(s[b,k])) or exp(sum[k](s[b,k]))""",
    "y[b] = x[b,i]": """\
index i in x[b,i] is not on the left and occurs once: is it to be summed?
    y[b] = x[b,i]
               ^
write sum[i](x[b,i]) or y[b] += x[b,i]""",
    "y[b,j] = x[b,i] W[i,jj]": """\
index j is on the left of y[b,j] and in no term on the right; \
index jj in W[i,jj] is not on the left and occurs once
    y[b,j] = x[b,i] W[i,jj]
        ^               ^^
is jj meant to be j? or write sum[jj](x[b,i] W[i,jj])""",
    "y[j] = exp(a[i] b[i,j]) c[i]": """\
index i repeats in a[i] b[i,j] inside a call and occurs outside of it too: where is it summed?
    y[j] = exp(a[i] b[i,j]) c[i]
                 ^    ^       ^
write sum[i](a[i] b[i,j]) inside, or rename the index there, or sum[i](…) around all of it""",
    "y[b,j] = x[b]": """\
index j is on the left of y[b,j] and in no term on the right
    y[b,j] = x[b]
        ^
use j on the right, take it off the left, or give its range, as in: where j in 0:8""",
    "y = maximum(a[i], b[i])": """\
index i in a[i] is not on the left and occurs once: is it to be summed?
    y = maximum(a[i], b[i])
                  ^
write sum[i](maximum(a[i], b[i]))""",
    "y += exp(a[i])": """\
index i in a[i] is not on the left and occurs once: is it to be summed?
    y += exp(a[i])
               ^
write sum[i](exp(a[i])) or exp(sum[i](a[i]))""",
}


@pytest.mark.parametrize("line", REFUSED)
def test_refused_lines_say_where_and_what_would_be_legal(line: str) -> None:
    with pytest.raises(IndexScopeError) as error:
        placed(line)
    assert str(error.value) == REFUSED[line]


def test_the_slide_with_a_missing_index_is_refused_at_its_place() -> None:
    text = """\
y.value[b,j] = x.value[b,i]W.value[i,j]
y.value[b,j] += B.value[j]
W.grad[i,j] += y.grad[b,j]x.value[i]"""
    with pytest.raises(IndexTypeError) as error:
        resolve(parse(text))
    assert (
        str(error.value)
        == """\
x has 1 index in x[i], but 2 indices in x[b,i]
    W.grad[i,j] += y.grad[b,j]x.value[i]
                              ^^^^^^^^^^
    y.value[b,j] = x.value[b,i]W.value[i,j]
                   ^^^^^^^^^^^^
write all indices of x, as in x[b,i]"""
    )


def test_an_index_on_the_left_alone_is_legal_where_its_range_is_known() -> None:
    resolve(parse("y[b,j] = x[b,j]; y[b,j] += B[j]"))
    resolve(parse("index j: unit < 3; y[b,j] = x[b]"))
    resolve(parse("loss = sum[i](x[i]); x.grad[i] += loss.grad"))
    with pytest.raises(IndexScopeError):
        resolve(parse("y[b,j] += B[j]"))


@pytest.mark.parametrize(
    "line",
    [
        "Z[b] = exp(s[b,k])",
        "y[b] = x[b,i]",
        "y += exp(a[i])",
        "y[b] = a[b] x[b,i] / n",
        "y[b] = a[b] - x[b,i]",
        "y = 2 maximum(a[i], 0)",
        "y = maximum(a[i], b[i])",
        "y = a[i]^2",
        "y += a[i]^2",
        "y[i] = a[i] / b[j]",
        "y += 1 / a[i]",
    ],
)
def test_the_rewrites_that_are_offered_are_legal(line: str) -> None:
    with pytest.raises(IndexScopeError) as error:
        placed(line)
    hint = str(error.value).splitlines()[-1]
    target = line.split(" = ", maxsplit=1)[0].split(" += ", maxsplit=1)[0]
    for rewrite in hint.removeprefix("write ").split(" or "):
        placed(rewrite if "=" in rewrite else f"{target} = {rewrite}")


def test_white_space_never_changes_where_a_sum_stands() -> None:
    assert placed("y[j]=x[i]W[i,j]+B[j]") == placed("y[j]  =  x[i]   W[ i , j ]  +  B[ j ]")
