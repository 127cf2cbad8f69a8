"""Where sums stand: every row of the language reference's table, and what lies between the rows."""

from __future__ import annotations

import re

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
    # factors that each sum an index by themselves, one of them behind a wall, are summed apart
    (
        "y[b,h] = silu(n[b,k] W[k,h]) (n[b,k] V[k,h])",
        "y[b,h] = silu(sum[k](n[b,k] W[k,h])) sum[k](n[b,k] V[k,h])",
    ),
    (
        "y[h] = 2 (n[k] V[k,h] + c[h]) tanh(n[k] W[k,h])",
        "y[h] = 2 (sum[k](n[k] V[k,h]) + c[h]) tanh(sum[k](n[k] W[k,h]))",
    ),
    (
        "y[o] = W[h,o] silu(n[k] U[k,h]) (n[k] V[k,h])",
        "y[o] = sum[h](W[h,o] silu(sum[k](n[k] U[k,h])) sum[k](n[k] V[k,h]))",
    ),
    ("y = relu(a[i] b[i]) relu(c[i] d[i])", "y = relu(sum[i](a[i] b[i])) relu(sum[i](c[i] d[i]))"),
    ("y = (a[i] b[i])^2 / (a[i] a[i])", "y = sum[i](a[i] b[i])^2 / sum[i](a[i] a[i])"),
    (
        "y = a[i] b[i] / (sqrt(a[i] a[i]) sqrt(b[i] b[i]))",
        "y = sum[i](a[i] b[i]) / (sqrt(sum[i](a[i] a[i])) sqrt(sum[i](b[i] b[i])))",
    ),
    (
        "y[j] += x[b,j] relu(x[b,i] w[i]) (x[b,i] v[i])",
        "y[j] += sum[b](x[b,j] relu(sum[i](x[b,i] w[i])) sum[i](x[b,i] v[i]))",
    ),
    ("y = [a[i] b[i] > 0] (a[i] c[i])", "y = [sum[i](a[i] b[i]) > 0] sum[i](a[i] c[i])"),
    # a call that needs the index from outside sums nothing inside
    (
        "y[b,k] = relu(n[b,i] G[i] + H[i]) V[i,k]",
        "y[b,k] = sum[i](relu(n[b,i] G[i] + H[i]) V[i,k])",
    ),
    ("y[k] = V[i,k] (n[i] G[i] - H[i])^2", "y[k] = sum[i](V[i,k] (n[i] G[i] - H[i])^2)"),
    ("y += maximum(a[i] b[i], c[i]) d[i]", "y += sum[i](maximum(a[i] b[i], c[i]) d[i])"),
    # a quotient is summed whole where nothing is summed below
    ("y[j] = A[i,j] r[i] / d[i]", "y[j] = sum[i](A[i,j] r[i] / d[i])"),
    ("y[j] = A[i,j] r[i] / (d[i] e[j])", "y[j] = sum[i](A[i,j] r[i] / (d[i] e[j]))"),
    (
        "y[r] = W[i,r] v[i] / sum[s](W[i,s] h[s])",
        "y[r] = sum[i](W[i,r] v[i] / sum[s](W[i,s] h[s]))",
    ),
    ("y[b] max= x[b,i] - c[b]", "y[b] max= max[i](x[b,i] - c[b])"),
    ("y[b] min= x[b,i] w[j]", "y[b] min= min[i,j](x[b,i] w[j])"),
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
    "y[b] = exp(a[i] b[b,i]) c[i] d[i]": """\
index i repeats in a[i] b[b,i] inside a call and occurs outside of it too: where is it summed?
    y[b] = exp(a[i] b[b,i]) c[i] d[i]
                 ^      ^     ^    ^
write sum[i](a[i] b[b,i]) inside, or rename the index there, or sum[i](…) around all of it, \
or (c[i] d[i]) in parentheses to sum each by itself""",
    "y = relu(exp(a[i] b[i]) + H[i]) V[i]": """\
index i repeats in a[i] b[i] inside a call and occurs outside of it too: where is it summed?
    y = relu(exp(a[i] b[i]) + H[i]) V[i]
                   ^    ^       ^     ^
write sum[i](a[i] b[i]) inside, or rename the index there, or sum[i](…) around all of it""",
    "y[h] = (x[i] W[i,h] + B[h]) (x[i] V[i,h])": """\
index i repeats in x[i] W[i,h] + B[h] and in x[i] V[i,h]: is each summed by itself, or all together?
    y[h] = (x[i] W[i,h] + B[h]) (x[i] V[i,h])
              ^    ^               ^    ^
write (sum[i](x[i] W[i,h]) + B[h]) sum[i](x[i] V[i,h]) \
or sum[i]((x[i] W[i,h] + B[h]) (x[i] V[i,h]))""",
    "y += x[i] z[i] / (x[i] x[i])": """\
index i repeats in x[i] z[i] and in x[i] x[i]: is each summed by itself, or all together?
    y += x[i] z[i] / (x[i] x[i])
           ^    ^       ^    ^
write sum[i](x[i] z[i]) / sum[i](x[i] x[i]) or sum[i](x[i] z[i] / (x[i] x[i]))""",
    "y[r,j] = H[r,j] W[i,r] V[i,j] / (W[i,s] H[s,j])": """\
index i repeats above the line and stands below it, where s is summed: \
is the quotient summed, or what stands above and below?
    y[r,j] = H[r,j] W[i,r] V[i,j] / (W[i,s] H[s,j])
                      ^      ^         ^
write sum[i](H[r,j] W[i,r] V[i,j]) / sum[i](W[i,s] H[s,j]) \
or sum[i](H[r,j] W[i,r] V[i,j] / (W[i,s] H[s,j]))""",
    "y[r] += a[i] b[i,r] / sqrt(W[i,s] h[s])": """\
index i repeats above the line and stands below it, where s is summed: \
is the quotient summed, or what stands above and below?
    y[r] += a[i] b[i,r] / sqrt(W[i,s] h[s])
              ^    ^             ^
write sum[i](a[i] b[i,r]) / sum[i](sqrt(W[i,s] h[s])) \
or sum[i](a[i] b[i,r] / sqrt(W[i,s] h[s]))""",
    "y[b] max= x[b,i] W[i,j]": """\
index i repeats in x[b,i] W[i,j] under max=: is it summed, or does max= run over it?
    y[b] max= x[b,i] W[i,j]
                  ^    ^
write max[j](sum[i](x[b,i] W[i,j])) or max[j,i](x[b,i] W[i,j])""",
    "y[i] min= abs(A[i,j] x[j]) + c[i]": """\
index j repeats in A[i,j] x[j] under min=: is it summed, or does min= run over it?
    y[i] min= abs(A[i,j] x[j]) + c[i]
                      ^    ^
write abs(sum[j](A[i,j] x[j])) + c[i] or min[j](abs(A[i,j] x[j]) + c[i])""",
    "y max= A[j,j]": """\
index j repeats in A[j,j] under max=: is it summed, or does max= run over it?
    y max= A[j,j]
             ^ ^
write sum[j](A[j,j]) or max[j](A[j,j])""",
    "y[b] max= exp(x[b,i])": """\
index i in x[b,i] is not on the left and occurs once: does max= run over it?
    y[b] max= exp(x[b,i])
                      ^
write max[i](exp(x[b,i])) or exp(max[i](x[b,i]))""",
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
        "y = x[i] z[i] / (x[i] x[i])",
        "y[h] = (x[i] W[i,h] + B[h]) (x[i] V[i,h])",
        "y[r,j] = W[i,r] V[i,j] / (W[i,s] H[s,j])",
        "y[b] max= x[b,i] W[i,j]",
        "y[b] max= exp(x[b,i])",
        "y[i] min= abs(A[i,j] x[j])",
    ],
)
def test_the_rewrites_that_are_offered_are_legal(line: str) -> None:
    with pytest.raises(IndexScopeError) as error:
        placed(line)
    hint = str(error.value).splitlines()[-1]
    target, operator, _ = re.split(r" (=|\+=|max=|min=) ", line, maxsplit=1)
    for rewrite in hint.removeprefix("write ").split(" or "):
        placed(rewrite if "=" in rewrite else f"{target} {operator} {rewrite}")


def test_white_space_never_changes_where_a_sum_stands() -> None:
    assert placed("y[j]=x[i]W[i,j]+B[j]") == placed("y[j]  =  x[i]   W[ i , j ]  +  B[ j ]")
